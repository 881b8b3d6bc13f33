import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { SignatureV4 } from "@smithy/signature-v4";
import {
  createTestGateway,
  echoLambda,
  type FakeRequest,
  fakeExchange,
  fakeService,
  type TestGateway,
  testKeys,
  tinyS3,
} from "../../test/harness/gateway.ts";
import { callDepthMax, inflatedBodyBytesMax } from "../limits.ts";
import type { Context } from "../services/service.ts";
import { StoreError } from "../store/store.ts";
import { AwsError } from "../wire/aws-error.ts";

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[]>;
  readonly text: string;
}

async function ask({ pipeline }: TestGateway, request: FakeRequest): Promise<Answer> {
  const { status, headers, body } = await pipeline.answer(fakeExchange(request));
  if (body === undefined || typeof body === "string") return { status, headers, text: body ?? "" };
  if (body instanceof Uint8Array) return { status, headers, text: Buffer.from(body).toString() };
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return { status, headers, text: Buffer.concat(parts).toString() };
}

function scope(signingName: string, accessKey = "AKID", region = "eu-west-1"): Record<string, string> {
  return {
    authorization: `AWS4-HMAC-SHA256 Credential=${accessKey}/20260101/${region}/${signingName}/aws4_request, SignedHeaders=host, Signature=0`,
  };
}

const invoke: FakeRequest = {
  method: "POST",
  path: "/2015-03-31/functions/thumb/invocations",
  headers: scope("lambda"),
  body: Buffer.from('{"a":1}'),
};
const list: FakeRequest = { path: "/2015-03-31/functions", headers: scope("lambda") };

test("an invoke comes back with its payload and a request id", async () => {
  const answer = await ask(createTestGateway({ services: [echoLambda()] }), invoke);
  assert.equal(answer.status, 200);
  assert.equal(answer.text, '{"a":1}');
  assert.equal(answer.headers["x-amz-executed-version"], "thumb");
  assert.match(String(answer.headers["x-amzn-requestid"]), /^[0-9a-f-]{36}$/);
});

const callers: readonly (readonly [what: string, headers: Record<string, string>, seen: string])[] = [
  ["nobody", {}, "000000000000 us-east-1 none"],
  ["any key", scope("lambda"), "000000000000 eu-west-1 header"],
  [
    "a key that is an account",
    scope("lambda", "123456789012", "ap-south-1"),
    "123456789012 ap-south-1 header",
  ],
];

for (const [what, headers, seen] of callers) {
  test(`a request signed by ${what} is seen as ${seen}`, async () => {
    const answer = await ask(createTestGateway({ services: [echoLambda()] }), { ...list, headers });
    assert.ok(answer.text.includes(`"${seen} http://127.0.0.1:4566"`), answer.text);
  });
}

test("a region that could bend an ARN or a key is refused", async () => {
  const gateway = createTestGateway({ services: [echoLambda()] });
  for (const region of ["..", "a:b", "A", "x".repeat(40), "a b"]) {
    const answer = await ask(gateway, { ...list, headers: scope("lambda", "AKID", region) });
    assert.ok(answer.status === 403 || answer.text.includes("us-east-1"), `${region}: ${answer.text}`);
  }
});

test("S3 names the region that a client should have signed for", async () => {
  const gateway = createTestGateway({ services: [fakeService("s3", { ListBuckets: async () => ({}) })] });
  const headers = {
    ...scope("s3", "AKID", "US"),
    "x-amz-date": "20260101T000000Z",
  };
  const { status, text } = await ask(gateway, { headers });
  assert.equal(status, 400);
  assert.match(text, /<Code>AuthorizationHeaderMalformed<\/Code>.*<Region>us-east-1<\/Region>/s);
  assert.match(
    text,
    /malformed; the region &apos;US&apos; is wrong; expecting &apos;us-east-1&apos;<|the region 'US' is wrong; expecting 'us-east-1'</,
  );
});

test("the endpoint is how the caller reached us, unless the host header is no host", async () => {
  const gateway = createTestGateway({ services: [echoLambda()] });
  const at = async (host: string) => (await ask(gateway, { ...list, headers: { host } })).text;
  assert.ok((await at("lambdad.internal:4566")).includes("http://lambdad.internal:4566"));
  assert.ok((await at('evil"/x')).includes("http://127.0.0.1:4566"));
});

const failures: readonly (readonly [what: string, request: FakeRequest, status: number, code: string])[] = [
  ["malformed JSON", { ...create("{"), headers: scope("lambda") }, 400, "SerializationException"],
  ["a wrong type", create('{"FunctionName":7}'), 400, "SerializationException"],
  ["what the model forbids", create("{}"), 400, "ValidationException"],
  ["an operation that is not implemented", layerVersion(), 400, "UnsupportedOperationException"],
  [
    "an operation that nobody has a handler for",
    { path: "/2016-08-19/account-settings", headers: scope("lambda") },
    400,
    "UnsupportedOperationException",
  ],
  [
    "a path that there is not",
    { path: "/2015-03-31/x", headers: scope("lambda") },
    404,
    "UnknownOperationException",
  ],
  ["an unsigned path that there is not", { path: "/favicon.ico" }, 404, "UnknownOperationException"],
  ["a bug", { path: "/2015-03-31/functions/f", headers: scope("lambda") }, 500, "ServiceException"],
];

function create(body: string): FakeRequest {
  return { method: "POST", path: "/2015-03-31/functions", headers: scope("lambda"), body: Buffer.from(body) };
}

function layerVersion(): FakeRequest {
  return { ...create("{}"), path: "/2018-10-31/layers/l/versions" };
}

for (const [what, request, status, code] of failures) {
  test(`${what} is answered with ${status} ${code}`, async () => {
    const answer = await ask(createTestGateway({ services: [echoLambda()] }), request);
    assert.equal(answer.status, status, answer.text);
    assert.equal(String(answer.headers["x-amzn-errortype"]).split(":")[0], code);
    assert.match(String(answer.headers["x-amzn-requestid"]), /^[0-9a-f-]{36}$/);
  });
}

test("an operation that is not implemented names itself and says why", async () => {
  const answer = await ask(createTestGateway({ services: [echoLambda()] }), layerVersion());
  assert.ok(
    answer.text.includes(
      "lambda PublishLayerVersion is not implemented in lambdad: layers are not there yet.",
    ),
  );
});

test("a bug is logged with its request id and cause, and the caller learns the id only", async () => {
  const gateway = createTestGateway({ services: [echoLambda()] });
  const answer = await ask(gateway, { path: "/2015-03-31/functions/f", headers: scope("lambda") });
  assert.ok(!answer.text.includes("secret"));
  assert.ok(answer.text.includes('"Type":"Service"'));
  const [line = ""] = gateway.log;
  assert.ok(line.includes("a bug with a secret in it") && line.includes("GetFunction"), line);
  assert.ok(line.includes(String(answer.headers["x-amzn-requestid"])));
});

test("the same fault is answered in the protocol of each caller", async () => {
  const thrower = async () => {
    throw new AwsError("Gone", "it is gone", { status: 410 });
  };
  const services = [
    fakeService("sqs", { ListQueues: thrower }),
    fakeService("s3", { ListBuckets: thrower }),
    fakeService("cloudwatch", { ListMetrics: thrower }),
  ];
  const gateway = createTestGateway({ services });
  const json = await ask(gateway, {
    method: "POST",
    headers: { "x-amz-target": "AmazonSQS.ListQueues", "content-type": "application/x-amz-json-1.0" },
    body: Buffer.from("{}"),
  });
  const query = await ask(gateway, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: Buffer.from("Action=ListQueues&Version=2012-11-05"),
  });
  const queryByGet = await ask(gateway, { query: "Action=ListQueues&Version=2012-11-05" });
  const xml = await ask(gateway, { headers: scope("s3") });
  const cbor = await ask(gateway, {
    method: "POST",
    path: "/service/GraniteServiceVersion20100801/operation/ListMetrics",
    headers: { "smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor" },
    body: Buffer.from([0xbf, 0xff]),
  });
  assert.deepEqual(
    [json, query, queryByGet, xml, cbor].map(({ status }) => status),
    [410, 410, 410, 410, 410],
  );
  assert.ok(json.text.includes("Gone") && json.text.startsWith("{"));
  assert.match(query.text, /<ErrorResponse.*<Code>Gone<\/Code>/s);
  assert.equal(queryByGet.text.replace(/[0-9a-f-]{36}/, ""), query.text.replace(/[0-9a-f-]{36}/, ""));
  assert.match(xml.text, /<Error><Code>Gone<\/Code>/);
  assert.equal(cbor.headers["smithy-protocol"], "rpc-v2-cbor");
});

test("services that are not served refuse in the caller's protocol", async () => {
  const gateway = createTestGateway({ services: [echoLambda()] });
  const xml = await ask(gateway, { path: "/bucket", headers: scope("s3") });
  assert.equal(xml.status, 400);
  assert.ok(xml.text.includes("<Code>UnsupportedOperationException</Code>"));
  const form = { ...scope("sns"), "content-type": "application/x-www-form-urlencoded" };
  const query = await ask(gateway, {
    method: "POST",
    headers: form,
    body: Buffer.from("Action=ListTopics&Version=2010-03-31"),
  });
  assert.ok(query.text.includes("sns ListTopics is not there in lambdad."), query.text);
});

test("a gzip body is read, and one that would be too large is refused before it is", async () => {
  const gateway = createTestGateway({ services: [echoLambda()] });
  const headers = { ...scope("lambda"), "content-encoding": "gzip" };
  const send = (body: Uint8Array) => ask(gateway, { ...invoke, headers, body });
  assert.equal((await send(gzipSync("[1]"))).text, "[1]");
  const bomb = await send(gzipSync(Buffer.alloc(inflatedBodyBytesMax + 1)));
  assert.equal(bomb.status, 413);
  assert.equal((await send(Buffer.from("no gzip"))).status, 400);
});

const payloads: readonly (readonly [payload: string | undefined, body: string, expected: string])[] = [
  [undefined, "{}", "200"],
  [undefined, "{ }", "403 InvalidSignatureException"],
  ["UNSIGNED-PAYLOAD", "[1]", "200"],
  ["STREAMING-AWS4-HMAC-SHA256-EVENTS", "{}", "403 IncompleteSignatureException"],
  ["anything", "{}", "403 IncompleteSignatureException"],
];

for (const [payload, body, expected] of payloads) {
  test(`with --secure, ${body} signed as ${payload ?? "the hash of {}"} is answered with ${expected}`, async () => {
    const given: Record<string, string> = payload === undefined ? {} : { "x-amz-content-sha256": payload };
    const headers = await signed(String(invoke.path), { host: "x", ...given });
    const gateway = createTestGateway({ services: [echoLambda()], secure: true });
    const answer = await ask(gateway, { ...invoke, headers, body: Buffer.from(body) });
    assert.equal([answer.status, answer.headers["x-amzn-errortype"]].join(" ").trim(), expected);
  });
}

test("with --secure, admin routes take the operator's signature and nobody else's, but for health and metrics", async () => {
  const path = "/_lambdad/stop";
  const stop = { method: "POST", path, answer: async () => ({ status: 200, headers: {} }) };
  const request = { ...stop, body: Buffer.from("{}") };
  const operators = createTestGateway({ services: [echoLambda()], secure: true, routes: [stop] });
  const functions = createTestGateway({
    ...{ services: [echoLambda()], secure: true, routes: [stop] },
    accessKey: "AKIDOPERATOR", // the test keys are somebody else's, then
  });
  const headers = await signed(path, { host: "localhost" });
  const forged = { ...headers, authorization: `${headers["authorization"]?.slice(0, -4)}0000` };
  const statusOf = async (gateway: TestGateway, of: FakeRequest) => (await ask(gateway, of)).status;
  assert.equal(await statusOf(operators, { ...request, headers }), 200);
  assert.equal(await statusOf(operators, { ...request, headers: { host: "localhost" } }), 403);
  assert.equal(await statusOf(operators, { ...request, headers: forged }), 403);
  assert.equal(await statusOf(operators, { ...request, headers, body: Buffer.from("[]") }), 403);
  assert.equal(await statusOf(operators, { ...request, headers: scope("lambda") }), 403);
  assert.equal(await statusOf(functions, { ...request, headers }), 403);
  for (const open of ["/_lambdad/health", "/_localstack/health", "/_lambdad/metrics"]) {
    assert.equal(await statusOf(operators, { path: open }), 200, open);
  }
});

/** Headers of a request of "{}". */
async function signed(
  path: string,
  headers: Record<string, string>,
  method = "POST",
): Promise<Record<string, string>> {
  class Sha256 extends Hash {
    constructor(secret?: unknown) {
      super(secret === undefined ? createHash("sha256") : createHmac("sha256", secret as Buffer));
    }
  }
  const signer = new SignatureV4({ credentials: testKeys, region: "x", service: "lambda", sha256: Sha256 });
  const place = { protocol: "http:", hostname: headers["host"] ?? "", path };
  return (await signer.sign({ method, ...place, headers, body: "{}" })).headers;
}

/** Node's hashes as the SDK's signer wants them. */
class Hash {
  readonly #hash: HashOrHmac;
  constructor(hash: HashOrHmac) {
    this.#hash = hash;
  }
  update(bytes: string | ArrayBuffer | Uint8Array): void {
    this.#hash.update(bytes as Buffer);
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
}

type HashOrHmac = ReturnType<typeof createHash> | ReturnType<typeof createHmac>;

test("an S3 object sent in chunks arrives without its framing, and a wrong checksum fails the operation", async () => {
  const gateway = createTestGateway({ services: [tinyS3()] });
  const put = (checksum: string) =>
    ask(gateway, {
      method: "PUT",
      path: "/bucket/key",
      headers: {
        ...scope("s3"),
        "content-encoding": "aws-chunked",
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": "5",
        "x-amz-trailer": "x-amz-checksum-crc32",
      },
      body: Buffer.from(`5\r\nhello\r\n0\r\nx-amz-checksum-crc32:${checksum}\r\n\r\n`),
    });
  assert.equal((await put("NhCmhg==")).headers["etag"], '"bucket/key/5"');
  const wrong = await put("AAAAAA==");
  assert.equal(wrong.status, 400);
  assert.ok(wrong.text.includes("<Code>BadDigest</Code>"));
});

test("services call each other with the caller's identity, validated, and not without end", async () => {
  const seen: string[] = [];
  const sqs = fakeService("sqs", {
    async GetQueueUrl(_input, ctx) {
      seen.push(`${ctx.account} ${ctx.region}`);
      return { QueueUrl: "u" };
    },
    ListQueues: async (input, ctx: Context) => ctx.call("sqs", "ListQueues", input),
  });
  const lambda = fakeService("lambda", {
    ListFunctions: async (_input, ctx) => ctx.call("sqs", "GetQueueUrl", { QueueName: "q" }),
    ListLayers: async (_input, ctx) => ctx.call("sqs", "GetQueueUrl", {}),
    GetAccountSettings: async (_input, ctx) => ctx.call("sqs", "ListQueues", {}),
    ListEventSourceMappings: async (_input, ctx) => ctx.call("sqs", "Nonsense", {}),
  });
  const gateway = createTestGateway({ services: [sqs, lambda] });
  const get = (path: string) => ask(gateway, { path, headers: scope("lambda", "123456789012") });
  assert.equal((await get("/2015-03-31/functions")).status, 200);
  assert.deepEqual(seen, ["123456789012 eu-west-1"]);
  assert.equal((await get("/2018-10-31/layers")).status, 400);
  assert.equal((await get("/2015-03-31/event-source-mappings")).status, 400);
  assert.equal((await get("/2016-08-19/account-settings")).status, 500);
  assert.ok(gateway.log.some((line) => line.includes(`${callDepthMax} deep`)));
});

test("a page of this machine gets its preflight and CORS headers; another site's gets neither", async () => {
  const gateway = createTestGateway({ services: [echoLambda()] });
  const from = (origin: string) => ({
    origin,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,x-amz-date",
  });
  const preflight = await ask(gateway, {
    ...invoke,
    method: "OPTIONS",
    headers: from("http://localhost:3000"),
  });
  assert.equal(preflight.status, 200);
  assert.equal(preflight.headers["access-control-allow-headers"], "authorization,x-amz-date");
  assert.equal(preflight.headers["access-control-allow-origin"], "*");
  const called = await ask(gateway, {
    ...invoke,
    headers: { ...scope("lambda"), origin: "http://localhost:3000" },
  });
  assert.equal(called.headers["access-control-allow-origin"], "*");
  const foreign = await ask(gateway, {
    ...invoke,
    headers: { ...scope("lambda"), origin: "https://evil.example" },
  });
  assert.equal(foreign.status, 403);
});

test("health is answered on admin listeners under any name; the rest only under this machine's own, and never to lambdad", async () => {
  const stopped: string[] = [];
  const stop = {
    method: "POST",
    path: "/_lambdad/stop",
    answer: async () => {
      stopped.push("stop");
      return { status: 200, headers: {} };
    },
  };
  const gateway = createTestGateway({ services: [echoLambda()], routes: [stop] });
  const statusOf = async (request: FakeRequest) => (await ask(gateway, request)).status;
  const foreign = { host: "evil.example:4566" };
  for (const path of ["/_lambdad/health", "/_localstack/health"]) {
    const answer = await ask(gateway, { path, headers: foreign });
    assert.equal(answer.status, 200);
    assert.deepEqual(JSON.parse(answer.text), {
      status: "ok",
      version: "0.0.0",
      isolation: "fake",
      services: { lambda: "available" },
    });
    assert.equal(await statusOf({ path, admin: false }), 403);
  }
  assert.equal(await statusOf({ path: "/_lambdad/metrics" }), 200);
  assert.equal(await statusOf({ path: "/_lambdad/metrics", headers: foreign }), 403);
  assert.equal(await statusOf({ path: "/_lambdad/metrics", admin: false }), 403);
  assert.equal(await statusOf({ ...stop, headers: { origin: "https://evil.example" } }), 403);
  assert.equal(await statusOf({ ...stop, headers: { host: "evil.example" } }), 403);
  // What lambdad sends for a caller (SNS, API destinations) is no developer's command.
  assert.equal(await statusOf({ ...stop, headers: { via: "1.1 lambdad" } }), 403);
  assert.equal(await statusOf({ ...stop, headers: { via: "1.0 nginx, 1.1 lambdad" } }), 403);
  assert.deepEqual(stopped, []);
  assert.equal(await statusOf(stop), 200);
  assert.deepEqual(stopped, ["stop"]);
  assert.equal(await statusOf({ path: "/_lambdad/nothing" }), 404);
});

test("a service's web route gets what is under /_lambdad/ or for its hosts, and may decline", async () => {
  const lambda = fakeService("lambda", {}, async ({ path, host }) =>
    path === "/_lambdad/code/abc" || host.startsWith("f.lambda-url.")
      ? { status: 200, headers: {}, body: `web ${path}` }
      : undefined,
  );
  const gateway = createTestGateway({ services: [lambda] });
  assert.equal(
    (await ask(gateway, { path: "/_lambdad/code/abc", admin: false })).text,
    "web /_lambdad/code/abc",
  );
  assert.equal((await ask(gateway, { path: "/_lambdad/code/other" })).status, 404);
  const host = "f.lambda-url.us-east-1.localhost:4566";
  const answer = await ask(gateway, {
    path: "/2015-03-31/functions",
    headers: { host, origin: "https://any.example" },
  });
  assert.equal(answer.text, "web /2015-03-31/functions");
});

test("a GET may have a body: a web route gets it, and its signature covers it", async () => {
  const lambda = fakeService("lambda", {}, async (request) => ({
    status: 200,
    headers: {},
    body: `${Buffer.from(request.body).toString()} of ${request.signer("lambda", "x")?.accessKey}`,
  }));
  const host = "f.lambda-url.us-east-1.localhost:4566";
  const headers = await signed("/", { host, "content-length": "2" }, "GET");
  const gateway = createTestGateway({ services: [lambda], secure: true });
  const answer = await ask(gateway, { method: "GET", path: "/", headers, body: Buffer.from("{}") });
  assert.equal(answer.text, `{} of ${testKeys.accessKeyId}`);
});

test("a web route of one region takes no signature for another", async () => {
  const lambda = fakeService("lambda", {}, async (request) => ({
    status: 200,
    headers: {},
    body: String(request.signer("lambda", "eu-west-1")?.accessKey),
  }));
  const host = "f.lambda-url.eu-west-1.localhost:4566";
  const headers = await signed("/", { host }); // for the region "x"
  const request: FakeRequest = { method: "POST", path: "/", headers, body: Buffer.from("{}") };
  const answer = await ask(createTestGateway({ services: [lambda], secure: true }), request);
  assert.equal(answer.status, 403);
  assert.equal(answer.text, '{"message":"Credential should be scoped to a valid region."}');
  assert.equal((await ask(createTestGateway({ services: [lambda] }), request)).text, testKeys.accessKeyId);
});

test("a service that fails over a page's headers costs the request, not the process", async () => {
  const fails = async () => Promise.reject(new TypeError("a bug"));
  const gateway = createTestGateway({
    services: [{ ...tinyS3(), origins: { preflight: async () => undefined, allow: fails } }],
  });
  const headers = { ...scope("s3"), origin: "http://localhost:3000" };
  const answer = await ask(gateway, { path: "/bucket/key", headers });
  assert.equal(answer.status, 500);
  assert.match(answer.text, /InternalError/);
  assert.match(gateway.log.join(""), /a bug/);
});

test("whoever wants to write on a full disk is told that it is full", async () => {
  const full = new StoreError("full", "the disk is full: nothing was written");
  const noSpace = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  for (const error of [full, noSpace]) {
    const failing = fakeService("lambda", { ListFunctions: () => Promise.reject(error) });
    const { status, text } = await ask(createTestGateway({ services: [failing] }), list);
    assert.equal(status, 507);
    assert.deepEqual(JSON.parse(text), { Type: "Service", Message: "lambdad's disk is full." });
  }
});
