/** The events of InvokeWithResponseStream: what the function answers, as it comes, and then how it ended. */
import type { InvokeAnswer } from "../../invoke/contract.ts";
import type { StreamedAnswer } from "./streamed.ts";
import type { Outcome } from "../../runtime/invocation.ts";
import type { Output } from "./operation-types.ts";

type StreamEvents = NonNullable<Output<"InvokeWithResponseStream">["EventStream"]>;
type StreamEvent = StreamEvents extends AsyncIterable<infer E> ? E : never;
type Done = Extract<InvokeAnswer, { kind: "done" }>;

export async function* streamEvents(
  answer: Exclude<StreamedAnswer, { kind: "throttled" }>,
): AsyncGenerator<StreamEvent, void, void> {
  if (answer.kind === "done") {
    if (answer.outcome.kind === "success") yield { PayloadChunk: { Payload: answer.outcome.payload } };
    return yield complete(answer);
  }
  for await (const Payload of answer.stream) yield { PayloadChunk: { Payload } };
  const ended = await answer.ended;
  if (ended.kind === "done") yield complete(ended);
}

function complete({ outcome, logTail }: Done): StreamEvent {
  const LogResult = logTail && Buffer.from(logTail).toString("base64");
  return { InvokeComplete: { ...errorOf(outcome), ...(LogResult !== undefined && { LogResult }) } };
}

function errorOf(outcome: Outcome): { ErrorCode?: string; ErrorDetails?: string } {
  if (outcome.kind === "success") return {};
  const ErrorCode = outcome.kind === "timeout" ? "Sandbox.Timedout" : outcome.errorType;
  return { ErrorCode, ErrorDetails: Buffer.from(outcome.payload).toString() };
}
