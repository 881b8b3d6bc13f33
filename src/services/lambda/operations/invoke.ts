/**
 * Invoke and InvokeWithResponseStream. The order of a warm invocation: what is named → which version → may it run →
 * is the payload JSON → run → answer. Nothing on that way reads the disk once a function is known.
 */
import { newTraceHeader } from "../../../base/trace.ts";
import type { InvokeAnswer } from "../../../invoke/contract.ts";
import { clientContextBytesMax, invokePayloadBytesMax } from "../../../limits.ts";
import type { VersionSpec } from "../../../runtime/contract.ts";
import type { Context } from "../../service.ts";
import { chosenVersion } from "../domain/alias.ts";
import {
  functionNotFound,
  invalidParameter,
  invalidRequestContent,
  notSupportedYet,
  requestTooLarge,
  throttled,
} from "../errors.ts";
import type { Configuration, FunctionRecord } from "../domain/function.ts";
import { findAlias, findRevision, specOf } from "../domain/function.ts";
import { arnOf, latest, parseFunctionRef } from "../domain/function-ref.ts";
import { requireServing } from "../domain/lifecycle.ts";
import type { Input, LambdaOperations, Output } from "../operation-types.ts";
import type { LambdaParts } from "../parts.ts";
import { checkedPayload } from "../domain/payload.ts";
import { unreservedConcurrency } from "./concurrency.ts";

type InvokeOperations = Pick<LambdaOperations, "Invoke" | "InvokeWithResponseStream">;
type InvokeInput = Input<"Invoke">;
type StreamEvents = NonNullable<Output<"InvokeWithResponseStream">["EventStream"]>;
type StreamEvent = StreamEvents extends AsyncIterable<infer E> ? E : never;
type Done = Extract<InvokeAnswer, { kind: "done" }>;

interface Resolved {
  readonly spec: VersionSpec;
  readonly invokedFunctionArn: string;
  readonly reservedConcurrency: number | undefined;
  readonly unreservedConcurrency: number;
}

export function createInvokeOperations({ clock, random, functions, invoker }: LambdaParts): InvokeOperations {
  const specs = new WeakMap<Configuration, Map<string, VersionSpec>>();

  async function resolve(input: InvokeInput, ctx: Context): Promise<Resolved> {
    const named = { name: input.FunctionName, qualifier: input.Qualifier, action: "InvokeFunction" };
    const { id, qualifier } = parseFunctionRef(named, ctx);
    const known = functions.cached(id) ?? (await functions.known(id));
    const found = known && findRevision(known.fn, routed(known.fn, qualifier));
    if (!found) throw functionNotFound(arnOf(id, qualifier ?? latest));
    return {
      spec: specFor(known.fn, found.version, requireServing(found.revision)),
      invokedFunctionArn: arnOf(id, qualifier),
      reservedConcurrency: known.fn.reservedConcurrency,
      unreservedConcurrency: unreservedConcurrency(known.account),
    };
  }

  /** The version that an alias sends this invocation to; any other qualifier stays as it is. */
  function routed(fn: FunctionRecord, qualifier: string | undefined): string | undefined {
    const alias = qualifier === undefined ? undefined : findAlias(fn, qualifier);
    return alias ? chosenVersion(alias, random.float()) : qualifier;
  }

  /** One object for each version, so that the pool meets the same spec again. */
  function specFor({ id }: FunctionRecord, version: string, configuration: Configuration): VersionSpec {
    const byVersion = specs.get(configuration) ?? new Map<string, VersionSpec>();
    const spec = byVersion.get(version) ?? specOf(id, version, configuration);
    specs.set(configuration, byVersion.set(version, spec));
    return spec;
  }

  async function run(input: InvokeInput, target: Resolved, ctx: Context): Promise<Done> {
    const answer = await invoker.invoke({
      spec: target.spec,
      request: {
        requestId: ctx.requestId,
        invokedFunctionArn: target.invokedFunctionArn,
        payload: checkedPayload(input.Payload),
        traceHeader: ctx.trace ?? newTraceHeader(clock, random),
        clientContext: decodedClientContext(input.ClientContext),
      },
      wantTail: input.LogType === "Tail",
      reservedConcurrency: target.reservedConcurrency,
      unreservedConcurrency: target.unreservedConcurrency,
    });
    if (answer.kind === "throttled") throw throttled(answer.reason);
    return answer;
  }

  return {
    async Invoke(input, ctx) {
      checkInput(input);
      const target = await resolve(input, ctx);
      if (input.InvocationType === "DryRun") return { StatusCode: 204 };
      if (input.InvocationType === "Event") throw notSupportedYet("InvocationType Event");
      const { outcome, logTail } = await run(input, target, ctx);
      return {
        StatusCode: 200,
        ExecutedVersion: target.spec.version,
        Payload: outcome.payload,
        ...(outcome.kind !== "success" && { FunctionError: "Unhandled" }),
        ...(logTail && { LogResult: Buffer.from(logTail).toString("base64") }),
      };
    },

    // The runtime does not stream yet: the whole answer is one chunk.
    async InvokeWithResponseStream(input, ctx) {
      checkInput(input);
      const target = await resolve(input, ctx);
      if (input.InvocationType === "DryRun") return { StatusCode: 204 };
      const answer = await run(input, target, ctx);
      return {
        StatusCode: 200,
        ExecutedVersion: target.spec.version,
        ResponseStreamContentType: "application/vnd.amazon.eventstream",
        EventStream: streamOf(answer),
      };
    },
  };
}

async function* streamOf({ outcome, logTail }: Done): AsyncGenerator<StreamEvent> {
  const complete = logTail && { LogResult: Buffer.from(logTail).toString("base64") };
  if (outcome.kind === "success") {
    yield { PayloadChunk: { Payload: outcome.payload } };
    yield { InvokeComplete: { ...complete } };
    return;
  }
  const ErrorCode = outcome.kind === "timeout" ? "Sandbox.Timedout" : outcome.errorType;
  const ErrorDetails = Buffer.from(outcome.payload).toString();
  yield { InvokeComplete: { ErrorCode, ErrorDetails, ...complete } };
}

function checkInput(input: InvokeInput): void {
  if ((input.Payload?.length ?? 0) > invokePayloadBytesMax) {
    throw requestTooLarge(
      `Request must be smaller than ${invokePayloadBytesMax} bytes for the InvokeFunction operation`,
    );
  }
  if (input.TenantId !== undefined) {
    throw invalidParameter(
      "Tenant ID configuration not specified or passed to a function when tenant isolation is not enabled.",
    );
  }
  if (input.DurableExecutionName !== undefined) throw notSupportedYet("DurableExecutionName");
}

/** Base64 JSON of at most 3,583 bytes as sent. inferred: the texts. */
function decodedClientContext(encoded: string | undefined): string | undefined {
  if (encoded === undefined || encoded === "") return undefined;
  if (encoded.length > clientContextBytesMax) {
    throw invalidRequestContent(`Client context must be no more than ${clientContextBytesMax} bytes.`);
  }
  const text = Buffer.from(encoded, "base64").toString();
  try {
    JSON.parse(text);
    return text;
  } catch {
    throw invalidRequestContent("Client context must be a valid Base64-encoded JSON object.");
  }
}
