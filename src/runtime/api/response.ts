/**
 * `POST /runtime/invocation/{id}/response`: the function's result. A streamed one is passed on piece by piece while it
 * arrives, or collected where the caller wants it whole; an error that the runtime met in the middle of a stream is in
 * the trailers, its body in base64.
 */
import { streamedResponseBytesMax } from "../../limits.ts";
import type { ErrorReport } from "../error-report.ts";
import { readErrorReport } from "../error-report.ts";
import { accepted, invalidResponseMode, refused, streamTooLarge, tooLarge, truncated } from "./answers.ts";
import type { Endpoint, EndpointCall } from "./endpoint.ts";
import type { Headers, HttpRequest } from "./http1.ts";
import type { RuntimeAnswer } from "./runtime-port.ts";

export const responseModeHeader = "lambda-runtime-function-response-mode";

export const response: Endpoint = (call) => {
  const { request, exchange, port, requestId } = call;
  if (request.body.kind === "streamed") return passOn(call);
  const mode = request.headers.get(responseModeHeader);
  if (mode !== undefined && mode !== "streaming") return exchange.answer(invalidResponseMode);
  const answer = answerOf(request);
  if (!answer) return exchange.answer(truncated);
  const refusal = port.answer(requestId, answer);
  if (refusal) return exchange.answer(refused(refusal));
  exchange.answer(answer.kind === "too-large" ? tooLarge : accepted);
};

function passOn({ request, exchange, port, requestId }: EndpointCall): void {
  const contentType = request.headers.get("content-type");
  const sink = port.stream(requestId, { contentType, onRoom: () => exchange.resume() });
  if (sink.kind !== "sink") return exchange.answer(refused(sink));
  let bytesLeft = streamedResponseBytesMax;
  exchange.onGone = () => sink.end({ kind: "truncated" });
  exchange.receiver = {
    take(piece) {
      const hasRoom = sink.push(piece.subarray(0, bytesLeft));
      bytesLeft -= piece.length;
      if (bytesLeft >= 0) return hasRoom;
      sink.end({ kind: "too-large" });
      exchange.answer(streamTooLarge);
      return true;
    },
    end(end) {
      if (end.kind === "truncated") {
        sink.end(end);
        return exchange.answer(truncated);
      }
      const report = trailedError(end.trailers);
      sink.end(report ? { kind: "error", report } : { kind: "whole" });
      exchange.answer(accepted);
    },
  };
}

/** Undefined: the client stopped in the middle. */
function answerOf({ body, trailers }: HttpRequest): RuntimeAnswer | undefined {
  if (body.kind === "too-large") return { kind: "too-large" };
  if (body.kind !== "whole") return undefined;
  const report = trailedError(trailers);
  return report ? { kind: "error", report } : { kind: "payload", payload: body.bytes };
}

function trailedError(trailers: Headers): ErrorReport | undefined {
  if (!trailers.has("lambda-runtime-function-error-type")) return undefined;
  const errorBody = Buffer.from(trailers.get("lambda-runtime-function-error-body") ?? "", "base64");
  return readErrorReport(trailers, errorBody);
}
