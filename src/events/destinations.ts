/**
 * What destinations and dead-letter queues get when an asynchronous event has ended. Pure. Source: lambda-map 6.3; the
 * record of an event that was never run has no response (recalled).
 */
import { formatArn } from "../base/arn.ts";
import { deadLetterMessageBytesMax } from "../limits.ts";
import type { AsyncEvent, Condition, Ending, EndingResponse } from "./async/event.ts";
import type { DeliveredEvent } from "./ports.ts";

export interface Told {
  /** What the function was sent, JSON. */
  readonly payload: Uint8Array;
  /** What it answered, if it ran. */
  readonly response: string | undefined;
}

export function destinationEvent(
  event: AsyncEvent,
  ending: Ending,
  sent: Told & { readonly toArn: string; readonly uuid: string },
): DeliveredEvent {
  const functionArn = qualifiedArn(event);
  const record = {
    version: "1.0",
    timestamp: new Date(ending.atMs).toISOString(),
    requestContext: {
      requestId: event.requestId,
      functionArn,
      condition: ending.condition,
      approximateInvokeCount: event.invocations,
    },
    requestPayload: json(Buffer.from(sent.payload).toString()),
    ...(ending.response && responseMembers(ending.response, sent.response ?? "")),
  };
  const result = ending.condition === "Success" ? "Success" : "Failure";
  return {
    body: Buffer.from(JSON.stringify(record)),
    envelope: {
      source: "lambda",
      detailType: `Lambda Function Invocation Result - ${result}`,
      resources: [sent.toArn, functionArn],
    },
    objectKey: objectKey(event.functionName, ending.atMs, sent.uuid),
  };
}

/** The original event, with three attributes. ErrorCode is the status that a caller would have got. */
export function deadLetterEvent(event: AsyncEvent, ending: Ending, sent: Told): DeliveredEvent {
  return {
    body: sent.payload,
    attributes: {
      RequestID: { type: "String", value: event.requestId },
      ErrorCode: { type: "Number", value: ending.condition === "ZeroReservedConcurrency" ? "429" : "200" },
      ErrorMessage: { type: "String", value: errorMessage(ending.condition, sent.response) },
    },
  };
}

/** Always with a qualifier. */
export function qualifiedArn({ account, region, functionName, qualifier = "$LATEST" }: AsyncEvent): string {
  return formatArn({
    service: "lambda",
    region,
    account,
    resource: `function:${functionName}:${qualifier}`,
  });
}

function responseMembers({ executedVersion, isFunctionError }: EndingResponse, payload: string): object {
  return {
    responseContext: {
      statusCode: 200,
      executedVersion,
      ...(isFunctionError && { functionError: "Unhandled" }),
    },
    responsePayload: json(payload),
  };
}

/** A function may answer what is no JSON: then the text itself. */
function json(text: string): unknown {
  if (text === "") return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** The function's message where there is one; its first KB, as far as whole characters go. */
function errorMessage(condition: Condition, response: string | undefined): string {
  const answer = response === undefined ? undefined : json(response);
  const named = (answer as { readonly errorMessage?: unknown } | null | undefined)?.errorMessage;
  const text = typeof named === "string" ? named : condition;
  const bytes = Buffer.from(text);
  if (bytes.length <= deadLetterMessageBytesMax) return text;
  return new TextDecoder().decode(bytes.subarray(0, deadLetterMessageBytesMax)).replace(/\uFFFD+$/, "");
}

/** `aws/lambda/async/<fn>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<uuid>`. */
function objectKey(functionName: string, atMs: number, uuid: string): string {
  const stamp = new Date(atMs).toISOString().slice(0, 19);
  const day = stamp.slice(0, 10).replaceAll("-", "/");
  return `aws/lambda/async/${functionName}/${day}/${stamp.replaceAll(":", ".")}-${uuid}`;
}
