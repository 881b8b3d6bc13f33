/**
 * Lambda's side of asynchronous invocation: what may be queued, and how a queued event is attempted. The queue
 * (`events/async/queue.ts`) knows no functions; it asks here at each attempt, so that what is set or deployed meanwhile
 * counts. Source: lambda-map 6.3.
 */
import { own } from "../../base/own.ts";
import { parseArn } from "../../base/arn.ts";
import type { Logger } from "../../base/logger.ts";
import type {
  AsyncEvent,
  AsyncFunctions,
  AsyncSettings,
  Attempt,
  NewEvent,
} from "../../events/async/event.ts";
import { QueueFull } from "../../events/async/event.ts";
import type { Target } from "../../events/ports.ts";
import { asyncEventAgeMsDefault, asyncPayloadBytesMax, asyncRetriesDefault } from "../../limits.ts";
import { StoreError } from "../../store/store.ts";
import { AwsError } from "../../wire/aws-error.ts";
import type { FunctionRef } from "./domain/function-ref.ts";
import { latest } from "./domain/function-ref.ts";
import { checkedPayload } from "./domain/payload.ts";
import { accessDenied, functionNotFound, queueFull, requestTooLarge, storageFull } from "./errors.ts";
import type { LambdaParts } from "./parts.ts";
import { admitsSender } from "./permission.ts";
import type { Recursion } from "./recursion.ts";

/** How an environment names a start that failed on our side (`runtime/prepare.ts`). */
const sandboxFailure = "Sandbox.Failure";

export interface Submission {
  readonly ref: FunctionRef;
  readonly requestId: string;
  readonly payload: Uint8Array | undefined;
  readonly traceHeader: string | undefined;
  readonly clientContext: string | undefined;
  /** The service's resource that sends it. */
  readonly sourceArn?: string | undefined;
}

export type Submit = (submission: Submission) => Promise<void>;

type Parts = Pick<LambdaParts, "random" | "functions" | "targets" | "invoker" | "events">;

/** Resolves when the event is durable; its function exists, its payload is JSON of at most 1 MB (E1). */
export function createSubmit({ targets, events }: Parts): Submit {
  return async ({ ref, requestId, payload: sent, traceHeader, clientContext, sourceArn }) => {
    const sizeBytes = sent?.length ?? 0;
    if (sizeBytes > asyncPayloadBytesMax) {
      throw requestTooLarge(
        `${sizeBytes} byte payload is too large for the Event invocation type (limit ${asyncPayloadBytesMax} bytes)`,
      );
    }
    const { configuration } = await targets.find(ref);
    const { id, qualifier } = ref;
    const event: NewEvent = {
      requestId,
      account: id.account,
      region: id.region,
      functionName: id.name,
      qualifier,
      sourceArn,
      traceHeader: targets.traceOf(configuration, traceHeader),
      clientContext,
      payload: checkedPayload(sent),
    };
    try {
      await events.append(event);
    } catch (error) {
      throw asRefusal(error);
    }
  };
}

/** Events of other services, and of functions for functions. */
export function createTarget(parts: Parts & { readonly logger: Logger }, submit: Submit): Target {
  const { random, functions, logger } = parts;
  return {
    async deliver(arn, { body }, sender) {
      const ref = refOf(arn);
      const known = ref && (functions.cached(ref.id) ?? (await functions.known(ref.id)));
      if (!ref || !known) throw functionNotFound(arn);
      const { principal, sourceArn } = sender;
      if (!admitsSender(known.fn, ref, sender)) {
        const missing = { Action: "lambda:InvokeFunction", Principal: principal, SourceArn: sourceArn };
        logger.warn("an event was refused: the function lacks a permission (AddPermission)", {
          arn,
          missing,
        });
        throw accessDenied({ principalArn: principal, action: "InvokeFunction", arn });
      }
      const traceHeader = sender.traceHeader || undefined;
      const requestId = random.uuid();
      await submit({ ref, requestId, payload: body, traceHeader, clientContext: undefined, sourceArn });
    },
  };
}

export function createAsyncFunctions(parts: Parts, recursion: Recursion): AsyncFunctions {
  const { functions, targets, invoker } = parts;

  async function attempt(event: AsyncEvent, payload: Uint8Array): Promise<Attempt> {
    const ref = refFrom(event);
    const target = await targets.resolve(ref);
    if (target.fn.reservedConcurrency === 0) return { kind: "switched-off" };
    const traceHeader = recursion(target, event.traceHeader);
    if (traceHeader === undefined) return { kind: "recursive" };
    const { requestId, clientContext } = event;
    const { spec, invokedFunctionArn, shares } = target;
    const answer = await invoker.invoke({
      spec,
      request: { requestId, invokedFunctionArn, payload, traceHeader, clientContext },
      wantTail: false,
      isEvent: true,
      ...shares,
    });
    if (answer.kind === "throttled") return { kind: "throttled" };
    const { outcome, durationMs = 0 } = answer;
    // Ours, not the function's: it never ran, and uses up no retry.
    if (outcome.kind === "crash" && outcome.errorType === sandboxFailure) {
      return { kind: "system-error", error: new Error("the sandbox could not be started") };
    }
    return { kind: "done", outcome, durationMs, executedVersion: spec.version };
  }

  return {
    async attempt(event, payload) {
      try {
        return await attempt(event, payload);
      } catch (error) {
        if (error instanceof AwsError && error.code === "ResourceNotFoundException") return { kind: "gone" };
        return { kind: "system-error", error };
      }
    },

    async settingsOf(event): Promise<AsyncSettings> {
      const { id, qualifier = latest } = refFrom(event);
      const known = functions.cached(id) ?? (await functions.known(id));
      const set = known && own(known.fn.settings.eventInvoke, qualifier);
      return {
        retriesMax: set?.retriesMax ?? asyncRetriesDefault,
        ageMsMax: set?.ageSecondsMax === undefined ? asyncEventAgeMsDefault : set.ageSecondsMax * 1000,
        onSuccessArn: set?.onSuccessArn,
        onFailureArn: set?.onFailureArn,
        // Of the function: a version's own is not looked at.
        deadLetterArn: known?.fn.latest.configuration.deadLetterArn,
      };
    },

    onPermitFree: (wake) => invoker.onPermitFree(wake),
  };
}

function asRefusal(error: unknown): unknown {
  if (error instanceof QueueFull) return queueFull(error);
  if (!(error instanceof StoreError)) return error;
  if (error.code === "busy") return queueFull(error);
  return error.code === "full" ? storageFull(error) : error;
}

function refFrom({ account, region, functionName, qualifier }: AsyncEvent): FunctionRef {
  return { id: { account, region, name: functionName }, qualifier };
}

/** Of `arn:aws:lambda:<region>:<account>:function:<name>[:<qualifier>]`. */
function refOf(arn: string): FunctionRef | undefined {
  const { region = "", account = "", resource = "" } = parseArn(arn) ?? {};
  const [kind, name, qualifier] = resource.split(":");
  return kind === "function" && name ? { id: { account, region, name }, qualifier } : undefined;
}
