/**
 * The Runtime API's answers, each with its exact status and body. Errors are `{"errorMessage","errorType"}`.
 * Source: lambda-map 5.1, 5.3.
 */
import { invokeResponseBytesMax, streamedResponseBytesMax } from "../../limits.ts";
import type { ExtensionRefusal } from "../extensions.ts";
import type { Refusal } from "../state.ts";
import type { Answer } from "./connection.ts";

export const accepted = json(202, '{"status":"OK"}');

export const tooLarge = exceeded(invokeResponseBytesMax);
export const streamTooLarge = exceeded(streamedResponseBytesMax);

export const truncated = error(400, "TruncatedHTTPRequest", "HTTP request detected as truncated");

// inferred: the type is AWS's, the sentence is not known.
export const invalidResponseMode = error(
  400,
  "InvalidFunctionResponseMode",
  "Invalid function response mode",
);

export function refused(refusal: Refusal | ExtensionRefusal): Answer {
  switch (refusal.kind) {
    case "refused":
      return error(403, refusal.errorType, refusal.message);
    case "invalid-request-id":
      return error(400, "InvalidRequestID", "Invalid request ID");
    case "invalid-transition":
      return error(
        403,
        "InvalidStateTransition",
        `State transition from ${refusal.from} to ${refusal.to} failed for runtime. ` +
          "Error: State transition is not allowed",
      );
  }
}

export function text(status: number, body: string): Answer {
  return { status, headerLines: "Content-Type: text/plain; charset=utf-8\r\n", body };
}

export function error(status: number, errorType: string, errorMessage: string): Answer {
  return json(status, JSON.stringify({ errorMessage, errorType }));
}

function exceeded(bytesMax: number): Answer {
  return error(413, "RequestEntityTooLarge", `Exceeded maximum allowed payload size (${bytesMax} bytes).`);
}

/** `headerLines`: further ones, each with its CRLF. */
export function json(status: number, body: string, headerLines = ""): Answer {
  return { status, headerLines: `Content-Type: application/json\r\n${headerLines}`, body };
}
