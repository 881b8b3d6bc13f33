/**
 * `GET /runtime/invocation/next`: waits for an event and hands it over. The length is always named: some clients of
 * the Runtime API hang on a chunked body.
 */
import type { Endpoint } from "./endpoint.ts";
import { refused } from "./answers.ts";
import type { InvocationEvent, Poll } from "./runtime-port.ts";

export const next: Endpoint = ({ port, exchange }) => {
  const poll: Poll = {
    onLost: undefined,
    deliver(event) {
      exchange.onGone = undefined;
      exchange.answer({ status: 200, headerLines: headerLinesOf(event), body: event.payload });
    },
  };
  const refusal = port.poll(poll);
  if (refusal) exchange.answer(refused(refusal));
  else exchange.onGone = () => poll.onLost?.();
};

function headerLinesOf(event: InvocationEvent): string {
  return (
    "Content-Type: application/json\r\n" +
    `Lambda-Runtime-Aws-Request-Id: ${event.requestId}\r\n` +
    `Lambda-Runtime-Deadline-Ms: ${event.deadlineMs}\r\n` +
    line("Lambda-Runtime-Invoked-Function-Arn", event.invokedFunctionArn) +
    line("Lambda-Runtime-Trace-Id", event.traceHeader) +
    line("Lambda-Runtime-Client-Context", event.clientContext)
  );
}

/** Omitted when empty. Line breaks, which JSON and trace headers of callers may hold, become spaces. */
function line(name: string, value: string | undefined): string {
  if (!value) return "";
  if (isPlain.test(value)) return `${name}: ${value}\r\n`;
  // oxlint-disable-next-line no-control-regex -- these are what must not reach a header
  const bytes = Buffer.from(value.replace(/[\x00-\x1f\x7f]/g, " "));
  return `${name}: ${bytes.toString("latin1")}\r\n`;
}

const isPlain = /^[ -~]*$/;
