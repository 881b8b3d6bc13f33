/**
 * The error that a runtime reports, out of its request: what the caller gets, and what its type is.
 *
 * Pure. The caller gets the runtime's own bytes whenever they are JSON. Source: lambda-map 5.1.
 */
import type { Headers } from "./api/http1.ts";

export interface ErrorReport {
  /** JSON. */
  readonly payload: Uint8Array;
  /** As the runtime named it; "" if it did not. */
  readonly errorType: string;
}

const causeContentType = "application/vnd.aws.lambda.error.cause+json";
const textBytesMax = 64 * 1024;

export function readErrorReport(headers: Headers, body: Uint8Array): ErrorReport {
  const named = headers.get("lambda-runtime-function-error-type") ?? "";
  const fields = parseObject(body);
  if (!fields) return { payload: wrapped(body, named), errorType: named };
  const errorType = named || (typeof fields["errorType"] === "string" ? fields["errorType"] : "");
  if (!headers.get("content-type")?.startsWith(causeContentType)) return { payload: body, errorType };
  const { errorCause: _cause, ...rest } = fields;
  return { payload: Buffer.from(JSON.stringify(rest)), errorType };
}

/** For telemetry and REPORT: only some of the types that runtimes invent are kept. */
export function telemetryErrorType(errorType: string): string {
  if (/^(Runtime|Function)\.[A-Z][a-zA-Z]+$/.test(errorType)) return errorType;
  return errorType.startsWith("Function.") ? "Function.Unknown" : "Runtime.Unknown";
}

// inferred: AWS documents an object; what is none still has to reach the caller as JSON that its SDK can read.
function wrapped(body: Uint8Array, errorType: string): Uint8Array {
  const errorMessage = Buffer.from(body.subarray(0, textBytesMax)).toString();
  return Buffer.from(JSON.stringify({ errorMessage, errorType: errorType || "Runtime.Unknown" }));
}

function parseObject(body: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString());
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
