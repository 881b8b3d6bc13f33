/**
 * Invoke and InvokeWithResponseStream. The order of a warm invocation: what is named → which version → may it run →
 * is the payload JSON → run → answer. Nothing on that way reads the disk once a function is known.
 */
import type { InvokeAnswer, InvokeOrder } from "../../../invoke/contract.ts";
import { invokeStreamed } from "../streamed.ts";
import { asyncPayloadBytesMax, clientContextBytesMax, invokePayloadBytesMax } from "../../../limits.ts";
import type { Context } from "../../service.ts";
import {
  accessDenied,
  invalidParameter,
  invalidRequestContent,
  notSupportedYet,
  recursiveInvocation,
  requestTooLarge,
  snapStartFailed,
  throttled,
} from "../errors.ts";
import type { FunctionRef } from "../domain/function-ref.ts";
import { arnOfRef, parseAnyonesRef } from "../domain/function-ref.ts";
import type { Input, LambdaOperations } from "../operation-types.ts";
import type { LambdaParts } from "../parts.ts";
import { admitsCaller } from "../permission.ts";
import { checkedPayload } from "../domain/payload.ts";
import { moreHeaders } from "../../../wire/protocol.ts";
import { streamEvents } from "../stream-events.ts";
import type { InvokeTarget } from "../targets.ts";

type InvokeOperations = Pick<LambdaOperations, "Invoke" | "InvokeAsync" | "InvokeWithResponseStream">;
type InvokeInput = Input<"Invoke">;
type Done = Extract<InvokeAnswer, { kind: "done" }>;

export function createInvokeOperations(parts: LambdaParts): InvokeOperations {
  const { functions, targets, invoker, recursion, submit } = parts;

  /** What is named; throws unless its policy lets the caller invoke it. */
  async function permitted(
    { FunctionName: name, Qualifier: qualifier }: Pick<InvokeInput, "FunctionName" | "Qualifier">,
    ctx: Context,
  ): Promise<FunctionRef> {
    const ref = parseAnyonesRef({ name, qualifier }, ctx);
    const fn = (functions.cached(ref.id) ?? (await functions.known(ref.id)))?.fn;
    const isOwn = ref.id.account === ctx.account;
    if (fn ? admitsCaller(fn, ref, ctx.identity) : isOwn) return ref;
    const { principalArn } = ctx.identity;
    throw accessDenied({ principalArn, action: "InvokeFunction", arn: arnOfRef(ref) });
  }

  function orderOf(input: InvokeInput, target: InvokeTarget, ctx: Context): InvokeOrder {
    const payload = checkedPayload(input.Payload);
    const traceHeader = recursion(target, targets.traceOf(target.configuration, ctx.trace));
    if (traceHeader === undefined) throw recursiveInvocation();
    return {
      spec: target.spec,
      request: {
        requestId: ctx.requestId,
        invokedFunctionArn: target.invokedFunctionArn,
        payload,
        traceHeader,
        clientContext: decodedClientContext(input.ClientContext),
      },
      wantTail: input.LogType === "Tail",
      ...target.shares,
    };
  }

  return {
    async Invoke(input, ctx) {
      checkInput(input);
      const ref = await permitted(input, ctx);
      if (input.InvocationType === "Event") {
        const { Payload: payload, ClientContext } = input;
        const clientContext = decodedClientContext(ClientContext);
        await submit({ ref, requestId: ctx.requestId, payload, traceHeader: ctx.trace, clientContext });
        return { StatusCode: 202 };
      }
      const target = await targets.resolve(ref);
      if (input.InvocationType === "DryRun") return { StatusCode: 204 };
      const order = orderOf(input, target, ctx);
      const answer = await invoker.invoke(order);
      if (answer.kind === "throttled") throw throttled(answer.reason);
      requireRestored(answer);
      const { outcome, logTail } = answer;
      return {
        StatusCode: 200,
        ExecutedVersion: target.spec.version,
        Payload: outcome.payload,
        ...(outcome.kind !== "success" && { FunctionError: "Unhandled" }),
        ...(logTail && { LogResult: Buffer.from(logTail).toString("base64") }),
        [moreHeaders]: answerHeaders(order.request.traceHeader),
      };
    },

    // Deprecated; the same as Invoke with InvocationType Event.
    async InvokeAsync({ FunctionName, InvokeArgs }, ctx) {
      const ref = await permitted({ FunctionName }, ctx);
      const payload = await collected(InvokeArgs);
      const { requestId, trace: traceHeader } = ctx;
      await submit({ ref, requestId, payload, traceHeader, clientContext: undefined });
      return { Status: 202 };
    },

    async InvokeWithResponseStream(input, ctx) {
      checkInput(input);
      const target = await targets.resolve(await permitted(input, ctx));
      if (input.InvocationType === "DryRun") return { StatusCode: 204 };
      const answer = await invokeStreamed(invoker, orderOf(input, target, ctx));
      if (answer.kind === "throttled") throw throttled(answer.reason);
      if (answer.kind === "done") requireRestored(answer);
      return {
        StatusCode: 200,
        ExecutedVersion: target.spec.version,
        ResponseStreamContentType: "application/vnd.amazon.eventstream",
        EventStream: streamEvents(answer),
      };
    },
  };
}

/** recalled: as AWS's front end leaves them behind, names of the trace's fields in small letters. */
function answerHeaders(traceHeader: string): Readonly<Record<string, string>> {
  return { "x-amzn-remapped-content-length": "0", "x-amzn-trace-id": traceHeader.toLowerCase() };
}

/** No more than what tells that it is too large. */
async function collected(body: unknown): Promise<Uint8Array> {
  if (body instanceof Uint8Array) return body;
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > asyncPayloadBytesMax) break;
  }
  return Buffer.concat(chunks);
}

function requireRestored({ outcome }: Done): void {
  if (outcome.kind === "crash" && outcome.exception) throw snapStartFailed(outcome.exception);
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
