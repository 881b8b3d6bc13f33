/**
 * Invoke and InvokeWithResponseStream. The order of a warm invocation: what is named → which version → may it run →
 * is the payload JSON → run → answer. Nothing on that way reads the disk once a function is known.
 */
import { newTraceHeader } from "../../../base/trace.ts";
import type { InvokeAnswer } from "../../../invoke/contract.ts";
import { clientContextBytesMax, invokePayloadBytesMax } from "../../../limits.ts";
import type { Context } from "../../service.ts";
import {
  invalidParameter,
  invalidRequestContent,
  notSupportedYet,
  requestTooLarge,
  throttled,
} from "../errors.ts";
import { parseFunctionRef } from "../domain/function-ref.ts";
import type { Input, LambdaOperations, Output } from "../operation-types.ts";
import type { LambdaParts } from "../parts.ts";
import { checkedPayload } from "../domain/payload.ts";
import type { InvokeTarget } from "../targets.ts";

type InvokeOperations = Pick<LambdaOperations, "Invoke" | "InvokeWithResponseStream">;
type InvokeInput = Input<"Invoke">;
type StreamEvents = NonNullable<Output<"InvokeWithResponseStream">["EventStream"]>;
type StreamEvent = StreamEvents extends AsyncIterable<infer E> ? E : never;
type Done = Extract<InvokeAnswer, { kind: "done" }>;

export function createInvokeOperations({ clock, random, targets, invoker }: LambdaParts): InvokeOperations {
  const resolve = (input: InvokeInput, ctx: Context): Promise<InvokeTarget> => {
    const named = { name: input.FunctionName, qualifier: input.Qualifier, action: "InvokeFunction" };
    return targets.resolve(parseFunctionRef(named, ctx));
  };

  async function run(input: InvokeInput, target: InvokeTarget, ctx: Context): Promise<Done> {
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
      ...target.shares,
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
