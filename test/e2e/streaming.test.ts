/**
 * Response streaming with real functions: the first byte is with the client while the handler still runs, over
 * InvokeWithResponseStream and over function URLs, from Node and from a custom runtime.
 *
 * A handler that shall wait asks lambdad for an alias of its function until the test has made it. Nothing here sleeps.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import {
  CreateAliasCommand,
  CreateFunctionCommand,
  type CreateFunctionCommandInput,
  CreateFunctionUrlConfigCommand,
  GetFunctionUrlConfigCommand,
  InvokeCommand,
  InvokeWithResponseStreamCommand,
  type InvokeWithResponseStreamCommandInput,
  type InvokeWithResponseStreamResponseEvent,
  LambdaClient,
  UpdateFunctionUrlConfigCommand,
  waitUntilFunctionActiveV2,
} from "@aws-sdk/client-lambda";
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { works } from "../harness/command.ts";
import { openUrl, urlByPath } from "../harness/public-url.ts";
import type { RunningServer } from "../harness/server.ts";
import { startServer } from "../harness/server.ts";
import { until } from "../harness/wait.ts";
import { zipOf, type ZipSources } from "../harness/zip.ts";

let server: RunningServer;
let lambda: LambdaClient;
let logs: CloudWatchLogsClient;

before(async () => {
  server = await startServer();
  const config = {
    endpoint: server.url,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  };
  lambda = new LambdaClient(config);
  logs = new CloudWatchLogsClient(config);
  await created("streamer", { "index.js": streamer }, { Timeout: 4 });
});
after(async () => assert.equal(await server.stop(), 0));

/** Does what the event's `act`, or the path of a URL, names. `gate` waits for an alias of that name. */
const streamer = `
const gate = async (name) => {
  const { AWS_ENDPOINT_URL, AWS_LAMBDA_FUNCTION_NAME } = process.env;
  const url = AWS_ENDPOINT_URL + "/2015-03-31/functions/" + AWS_LAMBDA_FUNCTION_NAME + "/aliases/" + name;
  while ((await fetch(url)).status !== 200) await new Promise((resolve) => setTimeout(resolve, 10));
};
const acts = {
  async gated({ name }, stream) {
    stream.setContentType("text/plain");
    stream.write("first ");
    await gate(name);
    console.log("after the gate " + name);
    stream.end("second");
  },
  async large({ mb }, stream) {
    const piece = Buffer.alloc(1024 * 1024, "x");
    for (let sent = 0; sent < mb; sent++)
      if (!stream.write(piece)) await new Promise((resolve) => stream.once("drain", resolve));
    stream.end();
  },
  async early() {
    throw new TypeError("no");
  },
  async late(_options, stream) {
    stream.write("part");
    throw new TypeError("no more");
  },
  async exit(_options, stream) {
    stream.write("part", () => setImmediate(() => process.exit(3)));
    await new Promise(() => {});
  },
  async hang(_options, stream) {
    stream.write("part");
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  },
  async http({ name }, stream) {
    const head = { statusCode: 418, headers: { "Content-Type": "text/plain", "X-Tea": "mint" }, cookies: ["a=1", "b=2"] };
    const http = awslambda.HttpResponseStream.from(stream, head);
    http.write("first ");
    if (name !== undefined) await gate(name);
    http.end("second");
  },
};
exports.handler = awslambda.streamifyResponse((event, stream) => {
  const act = acts[event.act ?? event.rawPath.slice(1)];
  return act(event.queryStringParameters ?? event, stream);
});
exports.buffered = async (event) => ({ statusCode: 203, headers: { "x-path": event.rawPath }, body: "whole" });
`;

async function created(
  FunctionName: string,
  sources: ZipSources,
  more: Partial<CreateFunctionCommandInput> = {},
): Promise<void> {
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName,
      Runtime: "nodejs24.x",
      Handler: "index.handler",
      Role: "arn:aws:iam::000000000000:role/any",
      Timeout: 20,
      Code: { ZipFile: await zipOf(sources) },
      ...more,
    }),
  );
  await waitUntilFunctionActiveV2(
    { client: lambda, maxWaitTime: 120, minDelay: 1, maxDelay: 1 },
    { FunctionName },
  );
}

async function open(Name: string): Promise<void> {
  await lambda.send(new CreateAliasCommand({ FunctionName: "streamer", Name, FunctionVersion: "$LATEST" }));
}

async function events(
  input: InvokeWithResponseStreamCommandInput,
): Promise<AsyncIterator<InvokeWithResponseStreamResponseEvent>> {
  const { EventStream, StatusCode } = await lambda.send(new InvokeWithResponseStreamCommand(input));
  assert.equal(StatusCode, 200);
  assert.ok(EventStream);
  return EventStream[Symbol.asyncIterator]();
}

async function rest(from: AsyncIterator<InvokeWithResponseStreamResponseEvent>) {
  let text = "";
  let complete;
  for (let next = await from.next(); !next.done; next = await from.next()) {
    text += Buffer.from(next.value.PayloadChunk?.Payload ?? []).toString();
    complete = next.value.InvokeComplete ?? complete;
  }
  return { text, complete };
}

/** Everything of one invocation. */
async function streamed(event: object, more: Partial<InvokeWithResponseStreamCommandInput> = {}) {
  return rest(await events({ FunctionName: "streamer", Payload: JSON.stringify(event), ...more }));
}

async function urlOf(FunctionName: string): Promise<string> {
  const { FunctionUrl = "", InvokeMode } = await lambda.send(
    new CreateFunctionUrlConfigCommand({
      FunctionName,
      AuthType: "NONE",
      InvokeMode: "RESPONSE_STREAM",
    }),
  );
  assert.equal(InvokeMode, "RESPONSE_STREAM");
  await openUrl(lambda, { FunctionName });
  return FunctionUrl;
}

function pathOf(url: string): string {
  return urlByPath(server.url, url);
}

/** curl with what it has printed so far. */
function curl(...args: readonly string[]) {
  const child = spawn("curl", ["-sSN", "--max-time", "60", ...args]);
  const seen = { text: "", ended: once(child, "close").then(([code]) => Number(code)) };
  child.stdout.on("data", (chunk: Buffer) => (seen.text += chunk.toString()));
  return seen;
}

test("the first chunk is with the client while the handler waits for what the client does next", async () => {
  const Payload = JSON.stringify({ act: "gated", name: "one" });
  const stream = await events({ FunctionName: "streamer", Payload, LogType: "Tail" });
  const first = await stream.next();
  assert.equal(Buffer.from(first.value?.PayloadChunk?.Payload ?? []).toString(), "first ");
  await open("one");
  const { text, complete } = await rest(stream);
  assert.equal(text, "second");
  assert.equal(complete?.ErrorCode, undefined);
  const tail = Buffer.from(complete?.LogResult ?? "", "base64").toString();
  assert.match(tail, /^START .*\n.*\tafter the gate one\nEND .*\nREPORT .*\n$/);
});

test("a stream may be longer than a whole answer; Invoke collects one, up to its limit", async () => {
  const { text, complete } = await streamed({ act: "large", mb: 20 });
  assert.deepEqual([text.length, complete], [20 * 1024 * 1024, {}]);
  const invoke = async (mb: number) =>
    lambda.send(
      new InvokeCommand({ FunctionName: "streamer", Payload: JSON.stringify({ act: "large", mb }) }),
    );
  const whole = await invoke(2);
  assert.deepEqual([whole.FunctionError, whole.Payload?.length], [undefined, 2 * 1024 * 1024]);
  const tooLarge = await invoke(7);
  assert.equal(tooLarge.FunctionError, "Unhandled");
  assert.match(Buffer.from(tooLarge.Payload ?? []).toString(), /Function\.ResponseSizeTooLarge/);
});

const failures: readonly [act: string, text: string, code: string, details: RegExp][] = [
  ["early", "", "TypeError", /"errorMessage":"no"/],
  ["late", "part", "TypeError", /"errorMessage":"no more"/],
  ["exit", "part", "Runtime.ExitError", /Runtime exited with error: exit status 3/],
  ["hang", "part", "Sandbox.Timedout", /Task timed out after 4\.00 seconds/],
];

for (const [act, expected, code, details] of failures) {
  test(`${act}: what came before the failure, and in the end its code`, async () => {
    const { text, complete } = await streamed({ act });
    assert.equal(text, expected);
    assert.equal(complete?.ErrorCode, code);
    assert.match(complete.ErrorDetails ?? "", details);
    assert.deepEqual((await streamed({ act: "large", mb: 1 })).complete, {}, "the next one is well again");
  });
}

test("what fails before the function runs is an ordinary error", async () => {
  await assert.rejects(events({ FunctionName: "nowhere" }), { name: "ResourceNotFoundException" });
});

test("a client that leaves does not stop the function", async () => {
  const abort = new AbortController();
  const { EventStream } = await lambda.send(
    new InvokeWithResponseStreamCommand({
      FunctionName: "streamer",
      Payload: JSON.stringify({ act: "gated", name: "left" }),
    }),
    { abortSignal: abort.signal },
  );
  assert.ok(EventStream);
  const stream = EventStream[Symbol.asyncIterator]();
  await stream.next();
  abort.abort();
  await stream.return?.();
  await open("left");
  await until("the function has ended", async () => {
    const { events: found = [] } = await logs.send(
      new FilterLogEventsCommand({ logGroupName: "/aws/lambda/streamer" }),
    );
    const at = found.findIndex(({ message }) => message?.includes("after the gate left"));
    return at >= 0 && found.slice(at).some(({ message }) => message?.startsWith("REPORT"));
  });
});

test("a function URL streams: head first, body as it comes, and it breaks off where the function does", async (t) => {
  if (!works("curl", ["--version"])) return t.skip("curl is not on this machine");
  const url = await urlOf("streamer");
  const answer = curl("-i", `${url}http?name=url`);
  await until("the first byte is there", () => answer.text.endsWith("first "));
  await open("url");
  assert.equal(await answer.ended, 0);
  const [head = "", body] = answer.text.split("\r\n\r\n");
  assert.match(head, /^HTTP\/1\.1 418 /);
  assert.match(head, /^x-tea: mint\r?$/im);
  assert.match(head, /^content-type: text\/plain\r?$/im);
  assert.match(head, /^transfer-encoding: chunked\r?$/im);
  assert.deepEqual(head.match(/^set-cookie: .=./gim), ["set-cookie: a=1", "set-cookie: b=2"]);
  assert.equal(body, "first second");

  const plain = curl("-i", `${url}gated?name=url`);
  assert.equal(await plain.ended, 0);
  assert.match(plain.text, /^content-type: text\/plain\r\n[^]*\r\n\r\nfirst second$/im);
  const broken = curl(`${url}late`);
  assert.deepEqual([await broken.ended, broken.text], [18, "part"]);
  const failed = curl("-w", " %{http_code}", `${url}early`);
  assert.deepEqual([await failed.ended, failed.text], [0, "Internal Server Error 502"]);
});

test("a URL that is made to buffer has all of it at once", async () => {
  const { FunctionUrl = "", InvokeMode } = await lambda.send(
    new UpdateFunctionUrlConfigCommand({ FunctionName: "streamer", InvokeMode: "BUFFERED" }),
  );
  assert.equal(InvokeMode, "BUFFERED");
  const config = await lambda.send(new GetFunctionUrlConfigCommand({ FunctionName: "streamer" }));
  assert.equal(config.InvokeMode, "BUFFERED");
  const url = pathOf(FunctionUrl);
  const response = await fetch(`${url}http`);
  assert.deepEqual(
    [response.status, response.headers.get("content-length"), await response.text()],
    [418, "12", "first second"],
  );
  assert.equal((await fetch(`${url}late`)).status, 502);
});

test("a function that does not stream answers behind a streaming URL, and as an event stream", async () => {
  await created("whole", { "index.js": streamer }, { Handler: "index.buffered" });
  const response = await fetch(`${pathOf(await urlOf("whole"))}some/path`);
  assert.deepEqual(
    [response.status, response.headers.get("x-path"), await response.text()],
    [203, "/some/path", "whole"],
  );
  const { text, complete } = await rest(await events({ FunctionName: "whole", Payload: '{"rawPath":"/p"}' }));
  assert.deepEqual(
    [JSON.parse(text), complete],
    [{ statusCode: 203, headers: { "x-path": "/p" }, body: "whole" }, {}],
  );
});

const customRuntime = `#!/usr/bin/env python3
import base64, http.client, json, os, time, urllib.request

api = os.environ["AWS_LAMBDA_RUNTIME_API"]
alias = os.environ["AWS_ENDPOINT_URL"] + "/2015-03-31/functions/streamer/aliases/"

def wait_for(name):
    while True:
        try:
            return urllib.request.urlopen(alias + name).read()
        except urllib.error.HTTPError:
            time.sleep(0.01)

def chunk(text):
    return b"%x\\r\\n%s\\r\\n" % (len(text), text)

while True:
    connection = http.client.HTTPConnection(api)
    connection.request("GET", "/2018-06-01/runtime/invocation/next")
    response = connection.getresponse()
    event = json.loads(response.read())
    connection.putrequest("POST", "/2018-06-01/runtime/invocation/%s/response" % response.headers["Lambda-Runtime-Aws-Request-Id"])
    connection.putheader("Lambda-Runtime-Function-Response-Mode", "streaming")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.putheader("Trailer", "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body")
    connection.endheaders()
    connection.send(chunk(b"first "))
    wait_for(event["name"])
    connection.send(chunk(b"second"))
    trailers = b""
    if event.get("fail"):
        body = base64.b64encode(json.dumps({"errorType": "Custom.Error", "errorMessage": "m"}).encode())
        trailers = b"Lambda-Runtime-Function-Error-Type: Custom.Error\\r\\nLambda-Runtime-Function-Error-Body: " + body + b"\\r\\n"
    connection.send(b"0\\r\\n" + trailers + b"\\r\\n")
    connection.getresponse().read()
`;

test("a custom runtime streams, and ends with an error in its trailers", async (t) => {
  if (!works("python3", ["--version"])) return t.skip("python3 is not on this machine");
  await created(
    "custom",
    { bootstrap: { content: customRuntime, mode: 0o100755 } },
    { Runtime: "provided.al2023" },
  );
  const begin = (event: object) => events({ FunctionName: "custom", Payload: JSON.stringify(event) });
  const stream = await begin({ name: "custom" });
  const first = await stream.next();
  assert.equal(Buffer.from(first.value?.PayloadChunk?.Payload ?? []).toString(), "first ");
  await open("custom");
  assert.deepEqual(await rest(stream), { text: "second", complete: {} });
  const { text, complete } = await rest(await begin({ name: "custom", fail: true }));
  assert.deepEqual([text, complete?.ErrorCode], ["first second", "Custom.Error"]);
  assert.deepEqual(JSON.parse(complete?.ErrorDetails ?? ""), {
    errorType: "Custom.Error",
    errorMessage: "m",
  });
});
