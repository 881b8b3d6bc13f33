/**
 * `POST /runtime/invocation/{id}/response`: the function's result. A streamed one is collected here; an error that the
 * runtime met in the middle of a stream is in the trailers, its body in base64.
 */
import { readErrorReport } from "../error-report.ts";
import { accepted, invalidResponseMode, refused, tooLarge, truncated } from "./answers.ts";
import type { Endpoint } from "./endpoint.ts";
import type { HttpRequest } from "./http1.ts";
import type { RuntimeAnswer } from "./runtime-port.ts";

export const response: Endpoint = ({ request, exchange, port, requestId }) => {
  const mode = request.headers.get("lambda-runtime-function-response-mode");
  if (mode !== undefined && mode !== "streaming") return exchange.answer(invalidResponseMode);
  const answer = answerOf(request);
  if (!answer) return exchange.answer(truncated);
  const refusal = port.answer(requestId, answer);
  if (refusal) return exchange.answer(refused(refusal));
  exchange.answer(answer.kind === "too-large" ? tooLarge : accepted);
};

/** Undefined: the client stopped in the middle. */
function answerOf({ body, trailers }: HttpRequest): RuntimeAnswer | undefined {
  if (body.kind === "truncated") return undefined;
  if (body.kind === "too-large") return { kind: "too-large" };
  if (!trailers.has("lambda-runtime-function-error-type")) return { kind: "payload", payload: body.bytes };
  const errorBody = Buffer.from(trailers.get("lambda-runtime-function-error-body") ?? "", "base64");
  return { kind: "error", report: readErrorReport(trailers, errorBody) };
}
