/** Requests that are wrong, sent raw to a running lambdad: each gets AWS's own error, and afterwards all is well. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { crc32, deflateRawSync } from "node:zlib";
import type { RunningServer } from "../harness/server.ts";
import { startServer } from "../harness/server.ts";
import { until } from "../harness/wait.ts";
import { zipOf } from "../harness/zip.ts";

const functions = "/2015-03-31/functions";
const role = "arn:aws:iam::000000000000:role/any";
let server: RunningServer;

before(async () => {
  server = await startServer();
});

after(async () => {
  assert.equal(await server.stop(), 0);
});

interface Answer {
  readonly status: number;
  readonly code: string | null;
  readonly message: string;
}

async function sent(
  method: string,
  path: string,
  body?: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(server.url + path, {
    method,
    body: body as RequestInit["body"],
    headers: { "content-type": "application/json", ...headers },
  });
  const text = await response.text();
  const fields = (text.startsWith("{") ? JSON.parse(text) : {}) as {
    message?: string;
    Message?: string;
    __type?: string;
  };
  return {
    status: response.status,
    code: response.headers.get("x-amzn-errortype") ?? fields.__type ?? null,
    message: fields.message ?? fields.Message ?? text,
  };
}

async function creation(overrides: object = {}): Promise<string> {
  const code = {
    ZipFile: (await zipOf({ "index.js": "exports.handler = async (event) => event;" })).toString("base64"),
  };
  const input = {
    FunctionName: "good",
    Runtime: "nodejs24.x",
    Role: role,
    Handler: "index.handler",
    Code: code,
  };
  return JSON.stringify({ ...input, ...overrides });
}

test("malformed JSON and wrong types are a SerializationException", async () => {
  for (const body of ["{", '{"FunctionName":', "[]", '{"FunctionName":{}}', '{"MemorySize":"many"}']) {
    const { status, code } = await sent("POST", functions, body);
    assert.deepEqual([status, code], [400, "SerializationException"], body);
  }
});

test("members that are missing or out of range are named, all of them", async () => {
  const { status, code, message } = await sent("POST", functions, '{"FunctionName":"f","MemorySize":1}');
  assert.deepEqual([status, code], [400, "ValidationException"]);
  assert.match(message, /^3 validation errors detected: /);
  assert.match(
    message,
    /Value '1' at 'memorySize' failed to satisfy constraint: Member must have value greater than or equal to 128/,
  );
  assert.match(message, /Value null at 'role' failed to satisfy constraint: Member must not be null/);
});

test("a request that is too large is refused with AWS's 413 before it is read", async () => {
  const { status, code, message } = await sent("POST", functions, Buffer.alloc(70_167_212, 0x20));
  assert.deepEqual([status, code], [413, "RequestEntityTooLargeException"]);
  assert.equal(message, "Request must be smaller than 70167211 bytes for the CreateFunction operation");
  const invoked = await sent("POST", `${functions}/good/invocations`, Buffer.alloc(6_291_457, 0x20));
  assert.deepEqual([invoked.status, invoked.code], [413, "RequestEntityTooLargeException"]);
  assert.equal(
    invoked.message,
    "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
  );
});

test("unknown operations and paths are refused in the caller's protocol", async () => {
  const json = await sent("POST", "/", "{}", {
    "x-amz-target": "Logs_20140328.Nonsense",
    "content-type": "application/x-amz-json-1.1",
  });
  assert.deepEqual([json.status, json.code], [404, "UnknownOperationException"]);
  assert.equal((await sent("GET", "/2015-03-31/nonsense")).status, 404);
  const query = await sent("POST", "/", "Action=Nonsense&Version=2011-06-15", {
    "content-type": "application/x-www-form-urlencoded",
    authorization:
      "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=0",
  });
  assert.equal(query.status, 400);
  assert.match(query.message, /<Code>InvalidAction<\/Code>/);
});

test("an operation that is not there yet says so and is not retried by clients", async () => {
  const { status, code, message } = await sent("POST", "/2025-11-30/capacity-providers", "{}");
  assert(status >= 400 && status < 500, String(status));
  assert.match(`${code} ${message}`, /CreateCapacityProvider|validation error/);
});

test("a zip that is none, escapes, or is a bomb is refused, and nothing of it is kept", async () => {
  const withCode = async (zip: Uint8Array) =>
    sent(
      "POST",
      functions,
      await creation({ FunctionName: "bad", Code: { ZipFile: Buffer.from(zip).toString("base64") } }),
    );
  const cases: readonly (readonly [name: string, zip: Uint8Array, message: RegExp])[] = [
    [
      "none",
      Buffer.from("this is no zip"),
      /^Could not unzip uploaded file\. Please check your file, then try to upload again\.$/,
    ],
    ["path traversal", rawZip("../../etc/cron.d/evil", Buffer.from("x")), /Could not unzip uploaded file/],
    ["absolute path", rawZip("/etc/evil", Buffer.from("x")), /Could not unzip uploaded file/],
    [
      "symlink out",
      await zipOf({ link: { content: "../../../etc/passwd", mode: 0o120777 } }),
      /Could not unzip uploaded file/,
    ],
    [
      "bomb",
      rawZip("zeros", Buffer.alloc(270_000_000)),
      /^Unzipped size must be smaller than 262144000 bytes$/,
    ],
  ];
  for (const [name, zip, expected] of cases) {
    const { status, code, message } = await withCode(zip);
    assert.deepEqual([status, code], [400, "InvalidParameterValueException"], name);
    assert.match(message, expected, name);
  }
  assert.equal((await sent("GET", `${functions}/bad`)).status, 404);
});

test("a name that exists is a conflict", async () => {
  assert.equal((await sent("POST", functions, await creation())).status, 201);
  const again = await sent("POST", functions, await creation());
  assert.deepEqual(again, {
    status: 409,
    code: "ResourceConflictException",
    message: "Function already exist: good",
  });
});

test("a payload that is not JSON is refused before the function runs", async () => {
  await until(
    "the function is active",
    async () => (await sent("POST", `${functions}/good/invocations`, "{}")).status === 200,
  );
  const { status, code, message } = await sent("POST", `${functions}/good/invocations`, "{nope");
  assert.deepEqual([status, code], [400, "InvalidRequestContentException"]);
  assert.match(message, /^Could not parse request body into json: Could not parse payload into json: /);
});

test("bytes that are no HTTP at all get an answer or a closed connection, and the next client is served", async () => {
  for (const bytes of [
    "\0\x01\x02\x03\r\n\r\n",
    "GET\r\n\r\n",
    `GET / HTTP/1.1\r\nhost: x\r\n${"a: b\r\n".repeat(20_000)}\r\n`,
    "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
  ]) {
    const said = await new Promise<string>((resolve) => {
      let text = "";
      const socket = connect(server.port, "127.0.0.1", () => socket.end(bytes));
      socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
      socket.on("error", () => resolve(text));
      socket.on("close", () => resolve(text));
    });
    assert(said === "" || !said.startsWith("HTTP/1.1 5"), said.slice(0, 80));
  }
  assert.equal((await fetch(`${server.url}/_lambdad/health`)).status, 200);
});

/** A zip with one deflated entry under a name that no honest tool would write. */
function rawZip(name: string, content: Uint8Array): Buffer {
  const packed = deflateRawSync(content);
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(20, 0);
  fields.writeUInt16LE(8, 4);
  fields.writeUInt16LE(0x21, 8);
  fields.writeUInt32LE(crc32(content), 10);
  fields.writeUInt32LE(packed.length, 14);
  fields.writeUInt32LE(content.length, 18);
  fields.writeUInt16LE(Buffer.byteLength(name), 22);
  const local = Buffer.concat([Buffer.from("PK\x03\x04"), fields, Buffer.from(name), packed]);
  const central = Buffer.concat([
    Buffer.from("PK\x01\x02"),
    Buffer.from([20, 3]),
    fields,
    Buffer.alloc(14),
    Buffer.from(name),
  ]);
  central.writeUInt32LE(0o100644 * 0x10000, 38);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", 0, "latin1");
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, central, end]);
}
