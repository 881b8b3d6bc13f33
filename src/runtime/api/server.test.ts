import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { Agent, request as httpRequest } from "node:http";
import type { RequestOptions } from "node:http";
import { connect } from "node:net";
import type { NetConnectOpts, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { createSimClock } from "../../base/clock-sim.ts";
import { silentLogger } from "../../base/logger.ts";
import { seededRandom } from "../../base/random.ts";
import {
  earlyPeerMs,
  invokeResponseBytesMax,
  runtimeApiConnectionsMax,
  streamedResponseBytesMax,
} from "../../limits.ts";
import { Extensions } from "../extensions.ts";
import type { Refusal } from "../state.ts";
import type {
  Poll,
  RestorePoll,
  RuntimeAnswer,
  RuntimePort,
  StreamBegin,
  StreamEnd,
  StreamSink,
} from "./runtime-port.ts";
import type { RuntimeEndpoint } from "./server.ts";
import { createRuntimeApi } from "./server.ts";
import { until } from "../../../test/harness/runtime-stage.ts";

interface Streamed extends StreamBegin {
  readonly pieces: string[];
  readonly ends: StreamEnd[];
}

/** Takes whatever it is given, and hands out an event as soon as one is asked for. */
class RecordingPort implements RuntimePort {
  readonly answers: [string, RuntimeAnswer][] = [];
  readonly initErrors: string[] = [];
  readonly polls: Poll[] = [];
  payload: Uint8Array | undefined = Buffer.from('{"n":1}');
  refusal: Refusal | undefined;
  /** Streamed answers are passed on. */
  wanted = false;
  piecesMax = Infinity;
  readonly streams: Streamed[] = [];

  poll(poll: Poll): Refusal | undefined {
    if (this.refusal) return this.refusal;
    this.polls.push(poll);
    if (this.payload) this.deliver(poll, this.payload);
    return undefined;
  }

  deliver(poll: Poll, payload: Uint8Array): void {
    const request = {
      requestId: "r-1",
      deadlineMs: 5,
      invokedFunctionArn: "arn:x",
      traceHeader: "",
      clientContext: "",
    };
    poll.deliver({ ...request, payload });
  }

  answer(requestId: string, answer: RuntimeAnswer): Refusal | undefined {
    if (!this.refusal) this.answers.push([requestId, answer]);
    return this.refusal;
  }

  wantsStream(): boolean {
    return this.wanted;
  }

  stream(_requestId: string, { contentType, onRoom }: StreamBegin): Refusal | StreamSink {
    if (this.refusal) return this.refusal;
    const streamed = { contentType, onRoom, pieces: [] as string[], ends: [] as StreamEnd[] };
    this.streams.push(streamed);
    return {
      kind: "sink",
      push: (piece) => streamed.pieces.push(Buffer.from(piece).toString()) < this.piecesMax,
      end: (end) => void streamed.ends.push(end),
    };
  }

  readonly spec = { account: "000000000000", functionName: "f", handler: "h", version: "1" };
  readonly extensions = new Extensions([], seededRandom(1), {
    onProgress: () => undefined,
    onFailure: () => undefined,
    onLost: () => undefined,
  });
  readonly ownPorts = [4566];

  subscribe(): boolean {
    return false;
  }

  pollRestore(poll: RestorePoll): Refusal | undefined {
    if (!this.refusal) poll.restore();
    return this.refusal;
  }

  failStart(call: string, { payload }: { payload: Uint8Array }): Refusal | undefined {
    this.initErrors.push(`${call === "init-error" ? "" : call}${Buffer.from(payload).toString()}`);
    return this.refusal;
  }

  get payloads(): string[] {
    return this.answers.map(([, answer]) =>
      answer.kind === "payload" ? Buffer.from(answer.payload).toString("latin1") : answer.kind,
    );
  }
}

async function opened(t: TestContext, options: { networked?: boolean } = {}) {
  const parent = await mkdtemp(join(tmpdir(), "lambdad-"));
  const dir = join(parent, "api");
  const clock = createSimClock();
  const networked = options.networked ?? false;
  const api = await createRuntimeApi({
    clock,
    logger: silentLogger,
    dir,
    hostAddress: "127.0.0.1",
    networked,
  });
  const port = new RecordingPort();
  const endpoint = await api.open("env-1", port);
  t.after(async () => {
    await api.close();
    await rm(parent, { recursive: true, force: true });
  });
  return { api, port, endpoint, clock, dir, socketPath: join(endpoint.mount.source, "s") };
}

function tcpOf({ authority }: RuntimeEndpoint): { host: string; port: number } {
  const [host = "", port = ""] = authority.split(":");
  return { host, port: Number(port) };
}

interface Reply {
  readonly status: number;
  readonly body: string;
}

function call(options: RequestOptions, body?: string | Uint8Array): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
      );
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** A raw exchange: what was sent back until the server closed or `until` appeared. */
async function raw(where: NetConnectOpts, text: string, end: RegExp): Promise<string> {
  const socket = connect({ ...where, allowHalfOpen: true });
  let received = "";
  socket.on("data", (chunk: Buffer) => (received += chunk.toString("latin1")));
  socket.write(text, "latin1");
  await until(() => end.test(received) || socket.readableEnded, `${end} is received`);
  socket.destroy();
  return received;
}

const base = "/2018-06-01";
const prefix = `${base}/runtime/invocation`;

const simple: readonly (readonly [string, string, number, string])[] = [
  ["GET", `${base}/ping`, 200, "pong"],
  ["POST", `${base}/runtime/init/error`, 202, '{"status":"OK"}'],
  ["POST", `${prefix}/r-1/response`, 202, '{"status":"OK"}'],
  ["POST", `${prefix}/r-1/error`, 202, '{"status":"OK"}'],
  ["GET", `${prefix}/next`, 200, '{"n":1}'],
  ["POST", `${prefix}/next`, 405, ""],
  ["GET", `${prefix}/r-1/response`, 405, ""],
  ["POST", `${prefix}/r-1/other`, 404, "404 page not found\n"],
  ["POST", `${prefix}/r-1/response/more`, 404, "404 page not found\n"],
  ["GET", "/", 404, "404 page not found\n"],
  ["GET", "/2020-01-01/extension/register", 405, ""],
  ...(
    [
      ["POST", "/2020-01-01/extension/register", "InvalidExtensionName", "Empty extension name"],
      ...(
        [
          ["GET", "/2020-01-01/extension/event/next"],
          ["POST", "/2020-01-01/extension/init/error"],
          ["POST", "/2020-01-01/extension/exit/error"],
          ["PUT", "/2022-07-01/telemetry"],
          ["PUT", "/2020-08-15/logs"],
        ] as const
      ).map(
        ([method, path]) =>
          [method, path, "MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"] as const,
      ),
    ] as const
  ).map(
    ([method, path, type, message]) =>
      [method, path, 403, `{"errorMessage":"${message}","errorType":"Extension.${type}"}`] as const,
  ),
];

test("each endpoint answers with its status and body, over the Unix socket and over TCP", async (t) => {
  const { endpoint, socketPath } = await opened(t);
  for (const where of [{ socketPath }, tcpOf(endpoint)]) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (const [method, path, status, body] of simple) {
      assert.deepEqual(await call({ ...where, method, path, agent }), { status, body }, `${method} ${path}`);
    }
    agent.destroy();
  }
});

test("a refusal by the environment is a 400 or 403 in AWS's words", async (t) => {
  const { port, socketPath } = await opened(t);
  port.refusal = { kind: "invalid-transition", from: "Running", to: "Ready" };
  assert.deepEqual(await call({ socketPath, path: `${prefix}/next` }), {
    status: 403,
    body: '{"errorMessage":"State transition from Running to Ready failed for runtime. Error: State transition is not allowed","errorType":"InvalidStateTransition"}',
  });
  port.refusal = { kind: "invalid-request-id" };
  for (const name of ["response", "error"]) {
    assert.deepEqual(await call({ socketPath, method: "POST", path: `${prefix}/x/${name}` }, "{}"), {
      status: 400,
      body: '{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}',
    });
  }
});

test("a response mode other than streaming is refused, and nothing is answered", async (t) => {
  const { port, socketPath } = await opened(t);
  const send = (mode: string) =>
    call(
      {
        socketPath,
        method: "POST",
        path: `${prefix}/r-1/response`,
        headers: { "Lambda-Runtime-Function-Response-Mode": mode },
      },
      "1",
    );
  assert.deepEqual(await send("buffered"), {
    status: 400,
    body: '{"errorMessage":"Invalid function response mode","errorType":"InvalidFunctionResponseMode"}',
  });
  assert.deepEqual(port.answers, []);
  assert.equal((await send("streaming")).status, 202);
});

test("an error in the trailers of a stream is the invocation's error", async (t) => {
  const { port, socketPath } = await opened(t);
  const body = Buffer.from('{"errorType":"E","errorMessage":"m"}');
  const answer = await raw(
    { path: socketPath },
    `POST ${prefix}/r-1/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n\r\n` +
      "4\r\npart\r\n0\r\nLambda-Runtime-Function-Error-Type: Runtime.StreamError\r\n" +
      `Lambda-Runtime-Function-Error-Body: ${body.toString("base64")}\r\n\r\n`,
    /OK/,
  );
  assert.match(answer, /^HTTP\/1\.1 202 Accepted\r\n/);
  assert.deepEqual(port.answers, [
    ["r-1", { kind: "error", report: { payload: body, errorType: "Runtime.StreamError" } }],
  ]);
});

const streamHead = `POST ${prefix}/r-1/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n`;

/** A raw connection to an API on which streamed answers are passed on. */
async function streaming(t: TestContext) {
  const stage = await opened(t);
  stage.port.wanted = true;
  const socket = connect({ path: stage.socketPath, allowHalfOpen: true });
  const client = { ...stage, socket, received: "" };
  socket.on("data", (chunk: Buffer) => (client.received += chunk.toString()));
  t.after(() => socket.destroy());
  return client;
}

test("the pieces of a streamed answer are passed on as they come, its trailers at the end", async (t) => {
  const client = await streaming(t);
  const { port, socket } = client;
  socket.write(`${streamHead}Content-Type: text/plain\r\n\r\n`);
  await until(() => port.streams.length === 1, "the answer has begun");
  const [stream] = port.streams;
  assert.equal(stream?.contentType, "text/plain");
  for (const piece of ["one", "three"]) {
    const pieces = stream.pieces.length;
    socket.write(`${piece.length}\r\n${piece}\r\n`);
    await until(() => stream.pieces.length === pieces + 1, `${piece} has been passed on`);
  }
  assert.deepEqual([stream.pieces, stream.ends, client.received], [["one", "three"], [], ""]);
  const body = Buffer.from('{"errorType":"E"}');
  socket.write(
    `0\r\nLambda-Runtime-Function-Error-Type: E\r\nLambda-Runtime-Function-Error-Body: ${body.toString("base64")}\r\n\r\n` +
      `GET ${base}/ping HTTP/1.1\r\n\r\n`,
  );
  await until(() => client.received.endsWith("pong"), "the next request is answered");
  assert.match(client.received, /^HTTP\/1\.1 202 Accepted\r\n/);
  assert.deepEqual(stream.ends, [{ kind: "error", report: { payload: body, errorType: "E" } }]);
  assert.deepEqual(port.answers, []);
});

test("a streamed answer that nobody takes is not read any more, until there is room", async (t) => {
  const { port, socket } = await streaming(t);
  port.piecesMax = 1;
  socket.write(`${streamHead}\r\n`);
  const chunk = Buffer.from(`10000\r\n${"x".repeat(0x10000)}\r\n`);
  let written = 0;
  while (socket.write(chunk) || (await drainedSoon(socket))) written += chunk.length;
  // One piece was taken; then only what the connection and the kernel keep.
  assert.ok(written < 4 * 1024 * 1024, `${written} bytes were taken`);
  const [stream] = port.streams;
  assert.equal(stream?.pieces.length, 1);
  port.piecesMax = Infinity;
  stream.onRoom();
  socket.write("0\r\n\r\n");
  await until(() => stream.ends.length === 1, "all of it has been read");
  assert.deepEqual(stream.ends, [{ kind: "whole" }]);
});

test("a streamed answer that breaks off is told so where somebody still listens, and ends truncated", async (t) => {
  const leavings: readonly ((socket: Socket) => unknown)[] = [
    (socket) => socket.end(),
    (socket) => socket.destroy(),
    (socket) => socket.write("no chunk\r\n"),
  ];
  for (const leave of leavings) {
    const client = await streaming(t);
    const { port, socket } = client;
    socket.write(`${streamHead}\r\n3\r\nabc\r\n`);
    await until(() => port.streams[0]?.pieces.length === 1, "a piece is there");
    leave(socket);
    await until(() => port.streams[0]?.ends.length === 1, "it has ended");
    assert.deepEqual(port.streams[0]?.ends, [{ kind: "truncated" }]);
    if (socket.destroyed) continue;
    await until(() => socket.readableEnded, "the connection ends");
    assert.match(client.received, /^HTTP\/1\.1 400 .*TruncatedHTTPRequest"}$/s);
  }
});

test("a streamed answer that is refused is read to its end and dropped", async (t) => {
  const client = await streaming(t);
  client.port.refusal = { kind: "invalid-request-id" };
  client.socket.write(`${streamHead}\r\n3\r\nabc\r\n`);
  await until(() => client.received.endsWith("}"), "it is refused");
  assert.match(client.received, /^HTTP\/1\.1 400 .*InvalidRequestID/s);
  client.socket.write(`3\r\nabc\r\n0\r\n\r\nGET ${base}/ping HTTP/1.1\r\n\r\n`);
  await until(() => client.received.endsWith("pong"), "the next request is answered");
  assert.deepEqual(client.port.streams, []);
});

test("a streamed answer ends at its limit with a 413", async (t) => {
  const client = await streaming(t);
  const { port, socket } = client;
  let taken = 0;
  port.stream = () => ({
    kind: "sink",
    push(piece) {
      taken += piece.length;
      return true;
    },
    end: (end) => void ends.push(end),
  });
  const ends: StreamEnd[] = [];
  socket.write(`${streamHead}\r\n`);
  const megabyte = 1024 * 1024;
  const chunk = Buffer.from(`${megabyte.toString(16)}\r\n${"x".repeat(megabyte)}\r\n`);
  for (let sent = 0; sent <= streamedResponseBytesMax; sent += megabyte) {
    if (!socket.write(chunk)) await once(socket, "drain");
  }
  await until(() => client.received.endsWith("}"), "it is answered");
  assert.match(client.received, /^HTTP\/1\.1 413 .*payload size \(209715200 bytes\)/s);
  assert.deepEqual([taken, ends], [streamedResponseBytesMax, [{ kind: "too-large" }]]);
  socket.write(`0\r\n\r\nGET ${base}/ping HTTP/1.1\r\n\r\n`);
  await until(() => client.received.endsWith("pong"), "the connection goes on");
});

test("a response over the limit is a 413; with Expect it is never sent", async (t) => {
  const { port, socketPath } = await opened(t);
  const path = `${prefix}/r-1/response`;
  const tooLarge =
    '{"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).","errorType":"RequestEntityTooLarge"}';
  assert.deepEqual(
    await call({ socketPath, method: "POST", path }, Buffer.alloc(invokeResponseBytesMax + 1)),
    {
      status: 413,
      body: tooLarge,
    },
  );
  const received = await raw(
    { path: socketPath },
    `POST ${path} HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: ${invokeResponseBytesMax + 1}\r\n\r\n`,
    /RequestEntityTooLarge/,
  );
  assert.match(received, /^HTTP\/1\.1 413 /);
  assert.deepEqual(port.payloads, ["too-large", "too-large"]);
});

test("a body that stops in the middle is told so, and is no answer", async (t) => {
  const { port, socketPath } = await opened(t);
  const socket = connect({ path: socketPath, allowHalfOpen: true });
  socket.end(`POST ${prefix}/r-1/response HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc`);
  const [chunk] = (await once(socket, "data")) as [Buffer];
  assert.match(chunk.toString(), /^HTTP\/1\.1 400 .*TruncatedHTTPRequest"}$/s);
  await once(socket, "end");
  assert.deepEqual(port.answers, []);
});

test("pipelined requests are answered in order, each with its length", async (t) => {
  const { port, socketPath } = await opened(t);
  port.payload = undefined;
  const received = raw(
    { path: socketPath },
    `POST ${prefix}/r-0/response HTTP/1.1\r\nContent-Length: 1\r\n\r\n0GET ${prefix}/next HTTP/1.1\r\n\r\nGET ${base}/ping HTTP/1.1\r\n\r\n`,
    /pong/,
  );
  await until(() => port.polls.length === 1, "the poll has arrived");
  const [poll] = port.polls;
  assert.ok(poll);
  port.deliver(poll, Buffer.from("{}"));
  assert.equal(
    await received,
    'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"status":"OK"}' +
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: r-1\r\n" +
      "Lambda-Runtime-Deadline-Ms: 5\r\nLambda-Runtime-Invoked-Function-Arn: arn:x\r\nContent-Length: 2\r\n\r\n{}" +
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 4\r\n\r\npong",
  );
});

test("a poll is lost when its connection goes, and only then", async (t) => {
  const { port, socketPath } = await opened(t);
  port.payload = undefined;
  let lost = 0;
  for (const leave of [(socket: Socket) => socket.destroy(), (socket: Socket) => socket.end()]) {
    const socket = connect({ path: socketPath });
    socket.write(`GET ${prefix}/next HTTP/1.1\r\n\r\n`);
    await until(() => port.polls.length === lost + 1, "the poll has arrived");
    const poll = port.polls[lost];
    assert.ok(poll);
    poll.onLost = () => (lost += 1);
    const expected = lost + 1;
    leave(socket);
    await until(() => lost === expected, "it is lost");
    // The event has nowhere to go; that must not throw.
    port.deliver(poll, Buffer.from("{}"));
  }
});

test("HTTP/1.0 and HEAD get what they can understand", async (t) => {
  const { socketPath } = await opened(t);
  const old = await raw({ path: socketPath }, `GET ${base}/ping HTTP/1.0\r\n\r\n`, /pong$/);
  assert.match(old, /\r\nConnection: close\r\n/);
  const kept = await raw(
    { path: socketPath },
    `GET ${base}/ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`,
    /pong$/,
  );
  assert.match(kept, /\r\nConnection: keep-alive\r\n/);
  assert.equal((await call({ socketPath, method: "HEAD", path: `${base}/ping` })).status, 405);
});

test("a client that does not read its answers stops being served instead of filling the memory", async (t) => {
  const { socketPath } = await opened(t);
  const socket = connect({ path: socketPath });
  socket.pause();
  const ping = Buffer.from(`GET ${base}/ping HTTP/1.1\r\n\r\n`.repeat(1000));
  // Until nobody takes any more.
  while (socket.write(ping) || (await drainedSoon(socket)));
  let pongs = 0;
  socket.on("data", (chunk: Buffer) => (pongs += chunk.toString().split("pong").length - 1));
  socket.resume();
  await until(() => pongs > 10_000, "the answers come as soon as they are read");
  socket.destroy();
});

async function drainedSoon(socket: Socket): Promise<boolean> {
  const before = socket.bytesWritten - socket.writableLength;
  await new Promise((resolve) => setTimeout(resolve, 50));
  return socket.bytesWritten - socket.writableLength > before;
}

test("unfinished requests share one budget; who exceeds it is cut off, the others go on", async (t) => {
  const { socketPath } = await opened(t);
  const head = `POST ${prefix}/r-1/response HTTP/1.1\r\nContent-Length: ${invokeResponseBytesMax}\r\n\r\n`;
  const sockets = Array.from({ length: 4 }, () => connect({ path: socketPath }));
  let cut = 0;
  for (const socket of sockets) {
    socket.on("error", () => undefined);
    socket.on("close", () => (cut += 1));
    socket.write(head);
    socket.write(Buffer.alloc(invokeResponseBytesMax - 1));
  }
  await until(() => cut > 0, "one is cut off");
  assert.deepEqual(await call({ socketPath, path: `${base}/ping` }), { status: 200, body: "pong" });
  assert.ok(cut < sockets.length);
  for (const socket of sockets) socket.destroy();
});

test("an environment has a bounded number of connections", async (t) => {
  const { socketPath } = await opened(t);
  const sockets: Socket[] = [];
  let closed = 0;
  for (let count = 0; count < runtimeApiConnectionsMax + 3; count += 1) {
    const socket = connect({ path: socketPath });
    socket.on("error", () => undefined);
    socket.on("close", () => (closed += 1));
    socket.resume();
    sockets.push(socket);
    await once(socket, "connect");
  }
  await until(() => closed === 3, "those over the bound are closed");
  for (const socket of sockets) socket.destroy();
});

test("D1 with addresses of their own, sandboxes share a listener and reach only their environment", async (t) => {
  const { api, port, endpoint } = await opened(t, { networked: true });
  const other = new RecordingPort();
  other.payload = Buffer.from('"other"');
  const otherEndpoint = await api.open("env-2", other);
  assert.equal(endpoint.authority, otherEndpoint.authority);
  endpoint.admit("127.0.0.2");
  otherEndpoint.admit("127.0.0.3");
  const where = { ...tcpOf(endpoint), path: `${prefix}/next`, agent: false };
  const bodies = await Promise.all([
    call({ ...where, localAddress: "127.0.0.2" }),
    call({ ...where, localAddress: "127.0.0.3" }),
  ]);
  assert.deepEqual(
    bodies.map(({ body }) => body),
    ['{"n":1}', '"other"'],
  );
  assert.deepEqual([port.polls.length, other.polls.length], [1, 1]);
  await otherEndpoint.close();
  const late = connect({ ...tcpOf(endpoint), localAddress: "127.0.0.3" });
  late.on("error", () => undefined);
  late.write(`GET ${prefix}/next HTTP/1.1\r\n\r\n`);
  assert.equal((await call({ ...where, localAddress: "127.0.0.2" })).status, 200);
  assert.equal(other.polls.length, 1);
  late.destroy();
});

test("D1 a connection from an unknown address waits a moment for its sandbox to be known, then is refused", async (t) => {
  const { endpoint, clock } = await opened(t, { networked: true });
  const early = call({ ...tcpOf(endpoint), path: `${base}/ping`, localAddress: "127.0.0.2", agent: false });
  await until(() => clock.pending === 1, "it waits");
  endpoint.admit("127.0.0.2");
  assert.equal((await early).body, "pong");
  assert.equal(clock.pending, 0);

  const stranger = connect({ ...tcpOf(endpoint), localAddress: "127.0.0.9" });
  stranger.resume();
  stranger.on("error", () => undefined);
  await until(() => clock.pending === 1, "it waits");
  const closed = once(stranger, "close");
  await clock.advance(earlyPeerMs);
  await closed;
});

test("D1 what a sandbox that is being ended still sends is not its successor's at the same address", async (t) => {
  const { api, endpoint, clock } = await opened(t, { networked: true });
  endpoint.admit("127.0.0.2");
  const gone = Promise.withResolvers<void>();
  const closing = endpoint.close(gone.promise);
  const where = { ...tcpOf(endpoint), path: `${base}/ping`, localAddress: "127.0.0.2", agent: false };
  await assert.rejects(call(where), { code: "ECONNRESET" });
  assert.equal(clock.pending, 0, "nothing waits");
  gone.resolve();
  await closing;
  const successor = await api.open("env-2", new RecordingPort());
  const early = call(where);
  await until(() => clock.pending === 1, "it waits");
  successor.admit("127.0.0.2");
  assert.equal((await early).body, "pong");
});

test("close cuts what is open and leaves no file; a second close is harmless", async (t) => {
  const { endpoint, port, socketPath, dir } = await opened(t);
  port.payload = undefined;
  // Whoever it is mounted for runs as somebody else.
  assert.equal((await stat(socketPath)).mode & 0o777, 0o666);
  const socket = connect({ path: socketPath });
  socket.on("error", () => undefined);
  socket.write(`GET ${prefix}/next HTTP/1.1\r\n\r\n`);
  await until(() => port.polls.length === 1, "the poll has arrived");
  socket.resume();
  const closed = once(socket, "close");
  await Promise.all([endpoint.close(), endpoint.close()]);
  await closed;
  assert.deepEqual(await readdir(dir), []);
});

test("a directory that is too long for a socket is refused with what is left for it", async () => {
  const dir = join(tmpdir(), "x".repeat(100));
  const deps = { clock: createSimClock(), logger: silentLogger, hostAddress: "127.0.0.1", networked: false };
  await assert.rejects(createRuntimeApi({ ...deps, dir }), /is too long: .* 64 are left for the directory/);
});

test("node:http, curl and Python's http.client get every size of body through, plain and chunked", async (t) => {
  const { port, endpoint, socketPath } = await opened(t);
  const { host, port: tcpPort } = tcpOf(endpoint);
  const url = `http://${host}:${tcpPort}${prefix}/r-1/response`;
  for (const size of [0, 1, 4096, 65_536, 1_500_000, invokeResponseBytesMax]) {
    const body = Buffer.alloc(size, "abcdefg");
    port.answers.length = 0;
    const agent = new Agent({ keepAlive: true });
    const plain = { method: "POST", path: `${prefix}/r-1/response`, agent };
    const chunked = { ...plain, headers: { "Transfer-Encoding": "chunked" } };
    for (const options of [plain, chunked]) {
      assert.equal((await call({ ...options, socketPath }, body)).status, 202);
      assert.equal((await call({ ...options, host, port: tcpPort }, body)).status, 202);
    }
    agent.destroy();
    const curl = ["-sS", "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", "@-", url];
    assert.equal(await run("curl", curl, body), "202");
    assert.equal(await run("curl", ["-H", "Transfer-Encoding: chunked", ...curl], body), "202");
    assert.equal(await run("curl", ["--unix-socket", socketPath, "-0", ...curl], body), "202");
    assert.equal(
      await run("python3", ["-c", pythonClient, host, String(tcpPort), `${prefix}/r-1/response`], body),
      "202202",
    );
    assert.equal(port.payloads.length, 9);
    for (const payload of port.payloads)
      assert.ok(payload === body.toString("latin1"), `${size} bytes arrive unchanged`);
  }
});

/** Two requests on one connection: with a length, and chunked. */
const pythonClient = `
import http.client, sys
host, port, path = sys.argv[1:4]
body = sys.stdin.buffer.read()
connection = http.client.HTTPConnection(host, int(port))
connection.request("POST", path, body)
response = connection.getresponse()
response.read()
print(response.status, end="")
pieces = (body[i:i + 10000] for i in range(0, len(body), 10000))
connection.request("POST", path, pieces, encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
response = connection.getresponse()
response.read()
print(response.status, end="")
`;

async function run(program: string, args: readonly string[], input: Uint8Array): Promise<string> {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  await once(child, "close");
  return output;
}

test("a mistake of ours costs the connection it was made on, and nothing else", async (t) => {
  const { port, socketPath } = await opened(t);
  port.poll = () => {
    throw new RangeError("a broken invariant");
  };
  const next = call({ socketPath, path: `${prefix}/next` });
  await assert.rejects(next, { code: "ECONNRESET" });
  assert.deepEqual(await call({ socketPath, path: `${base}/ping` }), { status: 200, body: "pong" });
});
