import assert from "node:assert/strict";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import {
  createTestGateway,
  echoLambda,
  fakeService,
  type TestGateway,
  tinyS3,
} from "../../test/harness/gateway.ts";
import { until } from "../../test/harness/wait.ts";
import { systemClock } from "../base/clock.ts";
import { createSimClock } from "../base/clock-sim.ts";
import {
  createFunctionRequestBytesMax,
  invokePayloadBytesMax,
  keepAliveMs,
  requestHeaderBytesMax,
  requestHeaderMsMax,
  requestReceiveMsMax,
} from "../limits.ts";
import type { Service } from "../services/service.ts";

interface Running extends TestGateway {
  readonly port: number;
  readonly url: string;
}

async function listening(
  t: TestContext,
  services: readonly Service[],
  { admin = true, clock = systemClock } = {},
): Promise<Running> {
  const gateway = createTestGateway({ services, clock });
  const { port, url } = await gateway.gateway.listen({ host: "127.0.0.1", port: 0, admin });
  t.after(() => gateway.gateway.close(0));
  return { ...gateway, port, url };
}

async function dial(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
}

/** Sends `text` and answers all that comes back until the other side closes. */
async function exchangeText(port: number, text: string | readonly string[]): Promise<string> {
  const socket = await dial(port);
  let received = "";
  socket.on("data", (bytes) => (received += bytes.toString("latin1")));
  socket.on("error", () => {});
  for (const piece of [text].flat()) {
    socket.write(piece, "latin1");
    await new Promise((resolve) => setImmediate(resolve));
  }
  await once(socket, "close");
  return received;
}

const invokePath = "/2015-03-31/functions/thumb/invocations";

function invokeText(body: string, more = "Connection: close\r\n"): string {
  return `POST ${invokePath} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;
}

/** An invoke of `size` bytes through Node's client; answers the status and the body. */
function invoke(port: number, size: number, headers: Record<string, string> = {}) {
  return new Promise<{ status: number; body: string }>((resolve, reject) => {
    const request = httpRequest({ port, host: "127.0.0.1", method: "POST", path: invokePath, headers });
    request.on("error", reject);
    request.on("response", (response) => {
      let body = "";
      response.on("data", (bytes: Buffer) => (body += bytes.toString("latin1")));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.end(Buffer.alloc(size, "1"));
  });
}

test("a request may arrive byte by byte", async (t) => {
  const { port } = await listening(t, [echoLambda()]);
  const answer = await exchangeText(port, invokeText("[1]").split(""));
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
  assert.ok(answer.endsWith("\r\n\r\n[1]"));
});

test("a connection serves several requests, pipelined ones too", async (t) => {
  const { port } = await listening(t, [echoLambda()]);
  const answer = await exchangeText(port, invokeText("[1]", "") + invokeText("[2]", "") + invokeText("[3]"));
  assert.deepEqual(answer.match(/\[\d\]/g), ["[1]", "[2]", "[3]"]);
});

test("a request may name us in full, as proxies do", async (t) => {
  const { port } = await listening(t, [echoLambda()]);
  const answer = await exchangeText(port, invokeText("[1]").replace(invokePath, `http://x:1${invokePath}`));
  assert.ok(answer.endsWith("[1]"), answer);
});

test("an invoke of exactly 6 MiB passes; one byte more gets AWS's 413, declared or not", async (t) => {
  const { port } = await listening(t, [echoLambda()]);
  const largest = await invoke(port, invokePayloadBytesMax);
  assert.equal(largest.status, 200);
  assert.equal(largest.body.length, invokePayloadBytesMax);
  const text = "Request must be smaller than 6291456 bytes for the InvokeFunction operation";
  const length = { "content-length": String(invokePayloadBytesMax + 1) };
  for (const headers of [length, { "transfer-encoding": "chunked" }]) {
    const refused = await invoke(port, invokePayloadBytesMax + 1, headers);
    assert.equal(refused.status, 413);
    assert.deepEqual(JSON.parse(refused.body), { message: text });
  }
});

test("CreateFunction has a limit of its own, and is refused before its body is sent", async (t) => {
  const { port } = await listening(t, [echoLambda()]);
  const size = createFunctionRequestBytesMax + 1;
  const answer = await exchangeText(
    port,
    `POST /2015-03-31/functions HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\nExpect: 100-continue\r\n\r\n`,
  );
  assert.match(answer, /^HTTP\/1\.1 413 /);
  assert.ok(answer.includes("Request must be smaller than 70167211 bytes for the CreateFunction operation"));
});

test("a client that expects to continue is told so when its body is wanted", async (t) => {
  const { port } = await listening(t, [echoLambda()]);
  const answer = await exchangeText(port, [
    invokeText("", "Expect: 100-continue\r\nConnection: close\r\n").replace(
      "Content-Length: 0",
      "Content-Length: 3",
    ),
    "[1]",
  ]);
  assert.match(answer, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
});

test("a client that expects anything else is answered as if it did not", async (t) => {
  const { port } = await listening(t, [echoLambda()]);
  const answer = await exchangeText(port, invokeText("[1]", "Expect: wonders\r\nConnection: close\r\n"));
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
});

const malformed: readonly (readonly [what: string, text: string, status: number])[] = [
  ["no HTTP", "nonsense\r\n\r\n", 400],
  ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400],
  ["something that begins like HTTP/2", "PRIVATE * HTTP/1.1\r\n\r\n", 400],
  ["a header too large", `GET / HTTP/1.1\r\nHost: x\r\nA: ${"a".repeat(requestHeaderBytesMax)}\r\n\r\n`, 431],
  ["a bad content length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400],
  [
    "two lengths, as smugglers send",
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    400,
  ],
  ["a bad chunk", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400],
];

for (const [what, text, status] of malformed) {
  test(`${what} gets ${status}, and the next request is served`, async (t) => {
    const { port } = await listening(t, [echoLambda()]);
    assert.match(await exchangeText(port, text), new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.ok((await exchangeText(port, invokeText("[1]"))).endsWith("[1]"));
  });
}

test("repeated headers are joined with a comma, and none can reach a prototype", async (t) => {
  const seen: (readonly (string | undefined)[])[] = [];
  const lambda = fakeService("lambda", {}, async ({ headers }) => {
    seen.push([headers["a"], headers["cookie"], headers["constructor"], headers["__proto__"]]);
    return { status: 204, headers: {} };
  });
  const { port } = await listening(t, [lambda]);
  const head = "A: 1\r\na: 2\r\nCookie: x\r\nCookie: y\r\n__proto__: p\r\nConnection: close\r\n";
  const answer = await exchangeText(port, `GET /_lambdad/x HTTP/1.1\r\nHost: x\r\n${head}\r\n`);
  assert.match(answer, /^HTTP\/1\.1 204 /);
  assert.ok(!/content-length/i.test(answer));
  assert.deepEqual(seen, [["1,2", "x; y", undefined, "p"]]);
});

test("a client that leaves aborts the signal of its handler, and nothing is logged as a failure", async (t) => {
  const aborted: unknown[] = [];
  let entered = false;
  const lambda = fakeService("lambda", {
    Invoke: (_input, { signal }) =>
      new Promise((_resolve, reject) => {
        entered = true;
        signal.addEventListener("abort", () => {
          aborted.push(signal.reason);
          reject(signal.reason as Error);
        });
      }),
  });
  const { port, log } = await listening(t, [lambda]);
  const socket = await dial(port);
  socket.write(invokeText("[1]"));
  await until("the handler runs", () => entered);
  socket.destroy();
  await until("the signal aborts", () => aborted.length === 1);
  assert.deepEqual(log, []);
});

test("a client that leaves within its body is forgotten, and its bytes with it", async (t) => {
  const { port, metrics } = await listening(t, [echoLambda()]);
  const gauge = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(metrics.render())?.[1]);
  const socket = await dial(port);
  socket.write(invokeText("1".repeat(100)).slice(0, -50));
  await until("its bytes are held", () => gauge("lambdad_gateway_held_bytes") === 50);
  socket.destroy();
  await until("nothing runs", () => gauge("lambdad_gateway_running_requests") === 0);
  assert.equal(gauge("lambdad_gateway_held_bytes"), 0);
});

test("a streamed answer that fails midway is cut off, not completed", async (t) => {
  const s3 = fakeService("s3", {
    async GetObject() {
      async function* body() {
        yield Buffer.from("half");
        await new Promise((resolve) => setImmediate(resolve));
        throw new Error("the disk broke");
      }
      return { Body: body() };
    },
  });
  const { port, log } = await listening(t, [s3]);
  const answer = await exchangeText(port, "GET /b/k HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.ok(answer.includes("half"));
  assert.ok(!answer.endsWith("0\r\n\r\n"), "the last chunk would say that the body is whole");
  assert.ok(log.some((line) => line.includes("answer cut off") && line.includes("the disk broke")));
});

test("a streamed answer waits for a slow reader, and ends when the reader leaves", async (t) => {
  let made = 0;
  let ended = false;
  const s3 = fakeService("s3", {
    async GetObject() {
      async function* body() {
        try {
          for (; made < 10_000; made += 1) yield Buffer.alloc(64 * 1024);
        } finally {
          ended = true;
        }
      }
      return { Body: body() };
    },
  });
  const { port } = await listening(t, [s3]);
  const socket = await dial(port);
  socket.pause();
  socket.write("GET /b/k HTTP/1.1\r\nHost: x\r\n\r\n");
  await until("the first chunk is made", () => made > 0);
  let before = 0;
  let stillLooks = 0;
  await until("no more is made", () => {
    stillLooks = made === before ? stillLooks + 1 : 0;
    before = made;
    return stillLooks > 5;
  });
  assert.ok(made < 1000, `${made} chunks are buffered`);
  socket.destroy();
  await until("the body is given up", () => ended);
});

test("a streamed upload that its handler refuses is answered, not cut off", async (t) => {
  const s3 = fakeService("s3", {
    async PutObject({ Body }) {
      for await (const _ of Body as AsyncIterable<Uint8Array>) throw new RangeError("enough");
      return {};
    },
  });
  const { port } = await listening(t, [s3]);
  const size = 1_000_000;
  const head = `PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\nConnection: close\r\n\r\n`;
  const answer = await exchangeText(port, [head, "x".repeat(size)]);
  assert.match(answer, /^HTTP\/1\.1 500 /);
  assert.ok(answer.includes("<Code>InternalError</Code>"));
});

test("HTTP/2 by prior knowledge is served on the same port, streams side by side", async (t) => {
  const { port } = await listening(t, [echoLambda(), tinyS3()]);
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  t.after(() => session.close());
  const call = async (method: string, path: string, body: string | undefined) => {
    const stream = session.request({ ":method": method, ":path": path });
    if (body !== undefined) stream.write(body);
    stream.end();
    let text = "";
    stream.on("data", (bytes: Buffer) => (text += bytes.toString()));
    const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
    await once(stream, "end");
    return `${String(headers[":status"])} ${text}`;
  };
  const answers = await Promise.all([
    call("POST", invokePath, "[1]"),
    call("POST", invokePath, undefined),
    call("GET", "/bucket/key", undefined),
    call("GET", "/_lambdad/nothing", undefined),
  ]);
  assert.deepEqual(answers.slice(0, 3), ["200 [1]", "200 ", "200 hello world"]);
  assert.match(answers[3] ?? "", /^404 /);
});

test("an HTTP/2 body beyond the limit gets 413, and the session goes on", async (t) => {
  const { port } = await listening(t, [echoLambda()]);
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  t.after(() => session.close());
  const statusOf = async (size: number) => {
    const stream = session.request({ ":method": "POST", ":path": invokePath });
    stream.on("error", () => {});
    stream.resume();
    stream.end(Buffer.alloc(size, "1"));
    const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
    return headers[":status"];
  };
  assert.equal(await statusOf(invokePayloadBytesMax + 1), 413);
  assert.equal(await statusOf(10), 200);
});

test("a client that says nothing is hung up on, in HTTP/1 and HTTP/2, and so is one that never ends its body", async (t) => {
  const clock = createSimClock();
  let entered = 0;
  const lambda = fakeService("lambda", {
    async ListFunctions() {
      entered += 1;
      return {};
    },
    Invoke: async () => ({ StatusCode: 200 }),
  });
  const { port } = await listening(t, [lambda], { clock });
  const silent = await dial(port);
  const hesitant = await dial(port);
  hesitant.write("PRI");
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  await once(session, "remoteSettings");
  const silentClosed = Promise.all([once(silent, "close"), once(hesitant, "close")]);
  await clock.advance(requestHeaderMsMax);
  await silentClosed;

  const list = { ":method": "GET", ":path": "/2015-03-31/functions" };
  session.request(list).resume().end();
  await until("the session is used", () => entered === 1);
  const endless = session.request({ ...list, ":method": "POST", ":path": invokePath });
  endless.on("error", () => {});
  const endlessClosed = once(endless, "close");
  endless.write("[");
  session.request(list).resume().end();
  await until("its body has begun", () => entered === 2);
  await clock.advance(keepAliveMs);
  assert.ok(!session.closed, "a session with a running stream stays");
  await clock.advance(requestReceiveMsMax);
  await endlessClosed;
  const sessionClosed = once(session, "close");
  await until("the idle session is closed", async () => {
    await clock.advance(keepAliveMs);
    return session.closed;
  });
  await sessionClosed;
});

test("HEAD has the headers of GET and no body", async (t) => {
  const { port } = await listening(t, [echoLambda()]);
  const answer = await exchangeText(
    port,
    "HEAD /_lambdad/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
  );
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(answer, /content-length: [1-9]/i);
  assert.ok(answer.endsWith("\r\n\r\n"));
});

test("closing lets a running request finish, refuses new ones, and drops idle connections", async (t) => {
  let finish: (() => void) | undefined;
  const lambda = fakeService("lambda", {
    async Invoke() {
      await new Promise<void>((resolve) => (finish = resolve));
      return { StatusCode: 200, Payload: Buffer.from("late") };
    },
  });
  const { port, gateway } = await listening(t, [lambda]);
  const idle = await dial(port);
  const idleClosed = once(idle, "close");
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  await once(session, "connect");
  const sessionClosed = once(session, "close");
  const running = exchangeText(port, invokeText("[1]", ""));
  await until("the handler runs", () => finish);
  const closed = gateway.close(60_000);
  await Promise.all([idleClosed, sessionClosed]);
  await assert.rejects(dial(port), { code: "ECONNREFUSED" });
  finish?.();
  const answer = await running;
  assert.ok(answer.endsWith("late"));
  assert.match(answer, /connection: close/i);
  await closed;
  await gateway.close(0);
});

test("what still runs after the grace is cut off, and its signal aborts", async (t) => {
  const aborted: unknown[] = [];
  let entered = 0;
  const lambda = fakeService("lambda", {
    Invoke: (_input, { signal }) =>
      new Promise((_resolve, reject) => {
        entered += 1;
        signal.addEventListener("abort", () => {
          aborted.push(signal.reason);
          reject(signal.reason as Error);
        });
      }),
  });
  const { port, gateway } = await listening(t, [lambda]);
  const running = exchangeText(port, invokeText("[1]", ""));
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  const stream = session.request({ ":method": "POST", ":path": invokePath });
  stream.on("error", () => {});
  stream.end("[1]");
  await until("both run", () => entered === 2);
  await gateway.close(10);
  assert.equal(await running, "");
  await until("both are aborted", () => aborted.length === 2);
});

test("a port that is taken is said so", async (t) => {
  const { port } = await listening(t, [echoLambda()]);
  const second = createTestGateway({ services: [echoLambda()] });
  await assert.rejects(second.gateway.listen({ host: "127.0.0.1", port, admin: true }), {
    code: "EADDRINUSE",
  });
  await second.gateway.close(0);
});

test("several addresses can be listened on, each with or without admin routes", async (t) => {
  const { gateway, url } = await listening(t, [echoLambda()]);
  const other = await gateway.listen({ host: "127.0.0.2", port: 0, admin: false });
  assert.equal((await fetch(`${url}/_lambdad/health`)).status, 200);
  assert.equal((await fetch(`${other.url}/_lambdad/health`)).status, 403);
  const invoked = await fetch(other.url + invokePath, { method: "POST", body: "[1]" });
  assert.equal(await invoked.text(), "[1]");
});
