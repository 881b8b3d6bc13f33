/** Records as AWS sends them. Source: lambda-map 6.3. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptedAtMs, asyncEvent } from "../../test/harness/async-event.ts";
import { deadLetterEvent, destinationEvent } from "./destinations.ts";

const arn = "arn:aws:lambda:us-east-1:000000000000:function:echo";
const payload = Buffer.from('{"n": 1}');
const event = asyncEvent({ invocations: 3, qualifier: "live" });
const atMs = acceptedAtMs + 1234;

function recordOf(...args: Parameters<typeof destinationEvent>): unknown {
  return JSON.parse(Buffer.from(destinationEvent(...args).body).toString());
}

const sent = { payload, response: undefined, toArn: "arn:bus", uuid: "u-u" };

test("the record of a success", () => {
  const response = { executedVersion: "7", isFunctionError: false };
  const ending = { condition: "Success", atMs, response } as const;
  assert.deepEqual(recordOf(event, ending, { ...sent, response: '{"ok":true}' }), {
    version: "1.0",
    timestamp: "2026-01-01T00:00:01.234Z",
    requestContext: {
      requestId: event.requestId,
      functionArn: `${arn}:live`,
      condition: "Success",
      approximateInvokeCount: 3,
    },
    requestPayload: { n: 1 },
    responseContext: { statusCode: 200, executedVersion: "7" },
    responsePayload: { ok: true },
  });
});

test("the record of a failure names it, of one without a qualifier the function is $LATEST", () => {
  const response = { executedVersion: "$LATEST", isFunctionError: true };
  const ending = { condition: "RetriesExhausted", atMs, response } as const;
  const { requestContext, responseContext, responsePayload } = recordOf(asyncEvent(), ending, {
    ...sent,
    response: "no json",
  }) as Record<string, Record<string, unknown>>;
  assert.equal(requestContext?.["functionArn"], `${arn}:$LATEST`);
  assert.deepEqual(responseContext, {
    statusCode: 200,
    executedVersion: "$LATEST",
    functionError: "Unhandled",
  });
  assert.equal(responsePayload, "no json");
});

test("the record of an event that was never run has no response", () => {
  const record = recordOf(event, { condition: "EventAgeExceeded", atMs }, sent) as object;
  assert.deepEqual(Object.keys(record), ["version", "timestamp", "requestContext", "requestPayload"]);
});

test("buses get an envelope, buckets a name", () => {
  const delivered = destinationEvent(event, { condition: "RetriesExhausted", atMs }, sent);
  assert.deepEqual(delivered.envelope, {
    source: "lambda",
    detailType: "Lambda Function Invocation Result - Failure",
    resources: ["arn:bus", `${arn}:live`],
  });
  assert.equal(delivered.objectKey, "aws/lambda/async/echo/2026/01/01/2026-01-01T00.00.01-u-u");
});

test("a dead letter is the event itself with three attributes, the message cut at a whole character", () => {
  const response = { executedVersion: "1", isFunctionError: true };
  const ending = { condition: "RetriesExhausted", atMs, response } as const;
  const errorMessage = `${"x".repeat(1023)}ü`;
  const { body, attributes } = deadLetterEvent(event, ending, {
    payload,
    response: JSON.stringify({ errorMessage }),
  });
  assert.equal(Buffer.from(body).toString(), '{"n": 1}');
  assert.deepEqual(attributes, {
    RequestID: { type: "String", value: event.requestId },
    ErrorCode: { type: "Number", value: "200" },
    ErrorMessage: { type: "String", value: "x".repeat(1023) },
  });
});
