/** `POST /runtime/invocation/{id}/error`: the handler failed. */
import { readErrorReport } from "../error-report.ts";
import { accepted, refused, tooLarge, truncated } from "./answers.ts";
import type { Endpoint } from "./endpoint.ts";
import type { RuntimeAnswer } from "./runtime-port.ts";

export const error: Endpoint = ({ request, exchange, port, requestId }) => {
  const { body, headers } = request;
  if (body.kind !== "whole" && body.kind !== "too-large") return exchange.answer(truncated);
  const answer: RuntimeAnswer =
    body.kind === "too-large"
      ? { kind: "too-large" }
      : { kind: "error", report: readErrorReport(headers, body.bytes) };
  const refusal = port.answer(requestId, answer);
  if (refusal) return exchange.answer(refused(refusal));
  exchange.answer(answer.kind === "too-large" ? tooLarge : accepted);
};
