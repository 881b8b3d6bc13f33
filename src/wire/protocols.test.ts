import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { boundOf, listOf, memberOf, operationOf, shapeOf, structureOf } from "../../test/harness/shapes.ts";
import { AwsError } from "./aws-error.ts";
import { decodeCbor } from "./cbor.ts";
import { decodeEvents } from "./event-stream-shape.ts";
import { decodeFrames } from "./event-stream.ts";
import { createJsonCodec } from "./json.ts";
import { loadModel } from "./model-load.ts";
import type { Operation, ProtocolId } from "./model.ts";
import type { WireRequest, WireResponse } from "./protocol.ts";
import { protocolById } from "./protocols.ts";

const ids: readonly ProtocolId[] = [
  "restJson1",
  "restXml",
  "awsJson1_0",
  "awsJson1_1",
  "awsQuery",
  "ec2Query",
  "rpcv2Cbor",
  "amzCbor",
];

test("every protocol is in the list under its own name", () => {
  for (const id of ids) assert.equal(protocolById(id).id, id);
});

function operation(service: string, name: string): Operation {
  const found = loadModel(service).operations.get(name);
  assert.ok(found);
  return found;
}

function requestOf(parts: Partial<WireRequest> = {}): WireRequest {
  return { method: "POST", path: "/", query: "", headers: {}, body: Buffer.alloc(0), ...parts };
}

function errorOf(id: ProtocolId, error: AwsError, of?: Operation): WireResponse {
  return protocolById(id).error(error, "id-1", of?.service, of);
}

function textOf({ body }: WireResponse): string {
  assert.ok(typeof body === "string");
  return body;
}

const notFound = new AwsError("ResourceNotFoundException", "Function not found: f", {
  members: { Type: "User" },
});

test("Lambda's errors carry the message under the name that their schema has, and Type beside it", () => {
  const response = errorOf("restJson1", notFound, operation("lambda", "GetFunction"));
  assert.equal(response.status, 404);
  assert.deepEqual(JSON.parse(textOf(response)), { Type: "User", Message: "Function not found: f" });
  assert.deepEqual(response.headers, {
    "x-amzn-requestid": "id-1",
    "x-amzn-errortype": "ResourceNotFoundException",
    "content-type": "application/json",
  });
  const invalid = new AwsError("InvalidParameterValueException", "no", { members: { Type: "User" } });
  const lower = errorOf("restJson1", invalid, operation("lambda", "GetFunction"));
  assert.deepEqual(JSON.parse(textOf(lower)), { Type: "User", message: "no" });
});

test("an error's bound members are headers: Retry-After of Lambda's throttling", () => {
  const members = { Reason: "CallerRateLimitExceeded", retryAfterSeconds: "1", Type: "User" };
  const throttled = new AwsError("TooManyRequestsException", "Rate Exceeded.", { members });
  const response = errorOf("restJson1", throttled, operation("lambda", "Invoke"));
  assert.equal(response.status, 429);
  assert.equal(response.headers["retry-after"], "1");
  assert.deepEqual(JSON.parse(textOf(response)), {
    Reason: "CallerRateLimitExceeded",
    Type: "User",
    message: "Rate Exceeded.",
  });
});

test("errors of the front end carry the message alone, even before a route is found", () => {
  const unknown = new AwsError("UnknownOperationException", "no such thing", { status: 404 });
  const json = errorOf("restJson1", unknown);
  assert.equal(json.status, 404);
  assert.equal(json.body, '{"message":"no such thing"}');
  assert.equal(
    errorOf("awsJson1_1", unknown).body,
    '{"__type":"UnknownOperationException","message":"no such thing"}',
  );
  assert.deepEqual(decodeCbor(errorOf("rpcv2Cbor", unknown).body as Uint8Array, "seconds"), {
    __type: "UnknownOperationException",
    message: "no such thing",
  });
  assert.match(
    textOf(errorOf("awsQuery", unknown)),
    /<Type>Sender<\/Type><Code>UnknownOperationException<\/Code>/,
  );
});

test("a server's fault is a Receiver error with status 500", () => {
  const broken = new AwsError("InternalFailure", "oh", { fault: "server" });
  for (const id of ids) assert.equal(errorOf(id, broken).status, 500);
  assert.match(textOf(errorOf("awsQuery", broken)), /<Type>Receiver<\/Type>/);
});

test("S3's errors are a bare <Error> with what the service adds, and none to HEAD", () => {
  const missing = new AwsError("NoSuchKey", "The specified key does not exist.", {
    status: 404,
    members: { Key: "a&b" },
  });
  const response = errorOf("restXml", missing, operation("s3", "GetObject"));
  assert.equal(response.headers["x-amz-request-id"], "id-1");
  assert.equal(
    response.body,
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code>' +
      "<Message>The specified key does not exist.</Message><Key>a&amp;b</Key><RequestId>id-1</RequestId>" +
      `<HostId>${String(response.headers["x-amz-id-2"])}</HostId></Error>`,
  );
  const head = errorOf("restXml", missing, operation("s3", "HeadObject"));
  assert.equal(head.status, 404);
  assert.equal(head.body, undefined);
});

test("services that once spoke awsQuery answer JSON and CBOR with their old code in a header", () => {
  const missing = new AwsError("QueueDoesNotExist", "gone");
  const of = operation("sqs", "GetQueueUrl");
  for (const id of ["awsJson1_0", "rpcv2Cbor"] as const) {
    const { headers } = errorOf(id, missing, of);
    assert.equal(headers["x-amzn-query-error"], "AWS.SimpleQueueService.NonExistentQueue;Sender");
  }
  assert.match(
    textOf(errorOf("awsQuery", missing, of)),
    /<Code>AWS.SimpleQueueService.NonExistentQueue<\/Code>/,
  );
});

test("Invoke's payload goes through both ways without a copy, as JSON", () => {
  const invoke = operation("lambda", "Invoke");
  const payload = Buffer.from("{}");
  const input = protocolById("restJson1").read(
    invoke,
    requestOf({ query: "Qualifier=%24LATEST", headers: { "x-amz-log-type": "Tail" }, body: payload }),
    { FunctionName: "arn%3Aaws%3Alambda" },
  );
  assert.deepEqual(input, {
    FunctionName: "arn:aws:lambda",
    Qualifier: "$LATEST",
    LogType: "Tail",
    Payload: payload,
  });
  assert.equal(input["Payload"], payload);
  const output = { StatusCode: 200, Payload: payload, ExecutedVersion: "1", FunctionError: "Unhandled" };
  const response = protocolById("restJson1").write(invoke, output, "id-1");
  assert.equal(response.body, payload);
  assert.deepEqual(response.headers, {
    "x-amzn-requestid": "id-1",
    "x-amz-executed-version": "1",
    "x-amz-function-error": "Unhandled",
    "content-type": "application/json",
  });
});

test("204 has no body and no content type", () => {
  const response = protocolById("restJson1").write(
    operation("lambda", "Invoke"),
    { StatusCode: 204 },
    "id-1",
  );
  assert.equal(response.status, 204);
  assert.equal(response.body, undefined);
  assert.equal(response.headers["content-type"], undefined);
});

test("a streaming payload is handed over as the stream that it is", () => {
  const stream = (async function* () {})();
  const input = protocolById("restXml").read(operation("s3", "PutObject"), requestOf({ body: stream }), {
    Key: "k",
  });
  assert.equal(input["Body"], stream);
  assert.throws(
    () =>
      protocolById("restJson1").read(operation("lambda", "CreateFunction"), requestOf({ body: stream }), {}),
    { code: "SerializationException" },
  );
});

test("GetBucketLocation is the one answer without a root around it", () => {
  const response = protocolById("restXml").write(
    operation("s3", "GetBucketLocation"),
    { LocationConstraint: "eu-west-1" },
    "i",
  );
  assert.match(textOf(response), /\n<LocationConstraint xmlns="[^"]+">eu-west-1<\/LocationConstraint>$/);
});

test("SQS's query clients post to the queue's URL instead of naming it", () => {
  const read = protocolById("awsQuery").read(
    operation("sqs", "SendMessage"),
    requestOf({
      path: "/000000000000/q",
      headers: { host: "localhost:4566" },
      body: Buffer.from("MessageBody=a"),
    }),
    {},
  );
  assert.deepEqual(read, { QueueUrl: "http://localhost:4566/000000000000/q", MessageBody: "a" });
});

test("query services take their parameters from the query string as well", () => {
  const request = requestOf({
    method: "GET",
    query: "Action=AssumeRole&Version=2011-06-15&RoleArn=a&Tags.member.1.Key=k",
  });
  const read = protocolById("awsQuery").read(operation("sts", "AssumeRole"), request, {});
  assert.deepEqual(read, { RoleArn: "a", Tags: [{ Key: "k" }] });
});

test("amzCbor counts time in milliseconds, rpcv2Cbor in seconds", () => {
  const at = new Date(1_500_000_000_123);
  const timed = operationOf(
    structureOf("In", []),
    structureOf("Out", [memberOf("At", shapeOf("timestamp"))]),
  );
  for (const [id, hex] of [
    ["amzCbor", "bf624174c11b0000015d3ef7987bff"],
    ["rpcv2Cbor", "bf624174c1fb41d65a0bc007df3bff"],
  ] as const) {
    const { body } = protocolById(id).write(timed, { At: at }, "id");
    assert.equal(Buffer.from(body as Uint8Array).toString("hex"), hex);
  }
});

test("a header can never be ended by its value", () => {
  const out = structureOf("Out", [
    boundOf("Note", shapeOf("string"), { in: "header", name: "X-Note" }),
    boundOf("Notes", listOf(shapeOf("string")), { in: "header", name: "X-Notes" }),
    boundOf("Rest", shapeOf("map", { element: memberOf("value", shapeOf("string")) }), {
      in: "prefix-headers",
      prefix: "X-",
    }),
  ]);
  const evil = "a\r\nSet-Cookie: b\u0000";
  const { headers } = protocolById("restJson1").write(
    operationOf(structureOf("In", []), out),
    { Note: evil, Notes: [evil], Rest: { k: evil, é: "é", "ü→": "→" } },
    "id",
  );
  for (const value of Object.values(headers)) assert.doesNotMatch(String(value), /[\r\n\0]/);
  assert.equal(headers["x-note"], "a  Set-Cookie: b ");
});

test("events are frames, an AwsError ends them as an exception, and other members come first in RPC protocols", async () => {
  const subscribe = operation("kinesis", "SubscribeToShard");
  const events = (async function* () {
    yield { SubscribeToShardEvent: { ContinuationSequenceNumber: "1", MillisBehindLatest: 0, Records: [] } };
    throw new AwsError("ResourceNotFoundException", "gone");
  })();
  const response = protocolById("awsJson1_1").write(subscribe, { EventStream: events }, "id");
  assert.equal(response.headers["content-type"], "application/vnd.amazon.eventstream");
  const kinds: unknown[] = [];
  for await (const { headers, payload } of decodeFrames(response.body as AsyncIterable<Uint8Array>)) {
    kinds.push([
      headers[":message-type"],
      headers[":event-type"] ?? headers[":exception-type"],
      payload.toString(),
    ]);
  }
  assert.deepEqual(kinds, [
    ["event", "initial-response", "{}"],
    [
      "event",
      "SubscribeToShardEvent",
      '{"Records":[],"ContinuationSequenceNumber":"1","MillisBehindLatest":0}',
    ],
    ["exception", "ResourceNotFoundException", '{"message":"gone"}'],
  ]);
});

test("an unmodelled AwsError ends a stream with an error frame; any other error breaks it", async () => {
  const json = createJsonCodec((member) => member.name);
  const format = { contentType: "application/json", read: json.readStructure, write: json.writeStructure };
  const invoke = operation("lambda", "InvokeWithResponseStream");
  const union = invoke.output.memberByName.get("EventStream")?.shape;
  assert.ok(union);
  const failing = async (error: Error): Promise<void> => {
    const events = (async function* () {
      yield { PayloadChunk: { Payload: Buffer.from("a") } };
      throw error;
    })();
    const { body } = protocolById("restJson1").write(invoke, { StatusCode: 200, EventStream: events }, "id");
    const seen: unknown[] = [];
    for await (const event of decodeEvents(union, body as AsyncIterable<Uint8Array>, format))
      seen.push(event);
  };
  await assert.rejects(failing(new AwsError("Strange", "odd")), {
    name: "AwsError",
    code: "Strange",
    message: "odd",
  });
  await assert.rejects(failing(new TypeError("ours")), { name: "TypeError", message: "ours" });
});

test("a client that goes away ends the service's stream", async () => {
  let isReleased = false;
  const events = (async function* () {
    try {
      for (;;) yield { PayloadChunk: { Payload: Buffer.from("a") } };
    } finally {
      isReleased = true;
    }
  })();
  const invoke = operation("lambda", "InvokeWithResponseStream");
  const { body } = protocolById("restJson1").write(invoke, { StatusCode: 200, EventStream: events }, "id");
  for await (const frame of body as AsyncIterable<Uint8Array>) {
    assert.ok(frame.length > 0);
    break;
  }
  assert.ok(isReleased);
});

const fuzzed = [
  ["restJson1", "lambda", "CreateFunction"],
  ["restJson1", "lambda", "ListFunctions"],
  ["restXml", "s3", "PutObjectTagging"],
  ["restXml", "s3", "ListObjectsV2"],
  ["awsJson1_0", "dynamodb", "PutItem"],
  ["awsJson1_1", "cloudwatch-logs", "PutLogEvents"],
  ["awsQuery", "sns", "Publish"],
  ["ec2Query", "sns", "Publish"],
  ["rpcv2Cbor", "cloudwatch", "PutMetricData"],
  ["amzCbor", "kinesis", "PutRecords"],
] as const;

for (const [id, service, name] of fuzzed) {
  test(`${id}: an arbitrary request throws nothing but an AwsError`, () => {
    const of = operation(service, name);
    const word = fc.oneof(
      fc.string({ unit: "binary", maxLength: 8 }),
      fc.constantFrom("%", "%zz", "1", '"', ",", "[", "{}"),
    );
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      word.map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(word, word, word, body, (query, label, header, bytes) => {
        const headers = { "x-amz-tagging": header, "content-type": header };
        const labels = { FunctionName: label, Bucket: label, Key: label };
        try {
          const input = protocolById(id).read(
            of,
            requestOf({ query: `max-keys=${query}&MaxItems=${query}`, headers, body: bytes }),
            labels,
          );
          assert.equal(typeof input, "object");
        } catch (error) {
          assert.ok(error instanceof AwsError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
}
