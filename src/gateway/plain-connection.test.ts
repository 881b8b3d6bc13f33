import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { createTestGateway, echoLambda, fakeService, tinyS3 } from "../../test/harness/gateway.ts";
import { until } from "../../test/harness/wait.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { createSimClock } from "../base/clock-sim.ts";
import { keepAliveMs } from "../limits.ts";
import type { Service } from "../services/service.ts";
import { AnswerHeads } from "./plain-answer.ts";
import { PlainConnection } from "./plain-connection.ts";

/** Makes `node:http` answer, from there on. */
const notPlain = "TE: trailers\r\n";

interface Client {
  readonly socket: Socket;
  /** All that came and was not taken yet. */
  text: string;
  isClosed: boolean;
}

async function talk(t: TestContext, services: readonly Service[], clock: Clock = systemClock) {
  const served = createTestGateway({ services, clock });
  const { port } = await served.gateway.listen({ host: "127.0.0.1", port: 0, admin: true });
  t.after(() => served.gateway.close(0));
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const client: Client = { socket, text: "", isClosed: false };
  socket.on("data", (bytes: Buffer) => (client.text += bytes.toString("latin1")));
  socket.on("error", () => {});
  socket.on("close", () => (client.isClosed = true));
  await once(socket, "connect");
  return { ...served, client };
}

function invokeText(body: string, more = ""): string {
  return `POST /2015-03-31/functions/f/invocations HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;
}

/** Waits until `count` bodies of "[n]" have come, and takes them. */
async function bodies(client: Client, count: number): Promise<string[]> {
  await until(`${count} answers`, () => (client.text.match(/\[\d+\]/g) ?? []).length >= count);
  const found = client.text.match(/\[\d+\]/g) ?? [];
  client.text = "";
  return found;
}

/** What differs from one request to the next is blanked. */
function alike(text: string): string {
  return text
    .replace(/Date: [^\r]*/, "Date: then")
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "some-id")
    .replace(/id-2: \S+/, "id-2: some")
    .replaceAll(/<RequestId>[^<]*/g, "<RequestId>some");
}

for (const [what, request] of [
  ["an answer", invokeText("[1]")],
  ["an empty answer", invokeText("")],
  ["a large answer", invokeText(`"${"a".repeat(40_000)}"`)],
  ["an error", invokeText("no json").replace("functions/f/", "functions/-/")],
  ["a path that is not there", "GET /2015-03-31/nothing HTTP/1.1\r\nHost: x\r\nX-Amz-Date: 1\r\n\r\n"],
  ["a streamed answer", "GET /bucket/key HTTP/1.1\r\nHost: x\r\n\r\n"],
  ["a preflight's other half", invokeText("[1]", "Origin: http://127.0.0.1:3000\r\n")],
] as const) {
  test(`${what} is the same, byte for byte, as node:http writes it`, async (t) => {
    const { client } = await talk(t, [echoLambda(), tinyS3()]);
    async function answerTo(text: string) {
      client.text = "";
      client.socket.write(text);
      await until("an answer", () => {
        const [head = "", body] = client.text.split(/\r\n\r\n(.*)/s);
        const length = /^content-length: (\d+)/im.exec(head)?.[1];
        return length === undefined ? client.text.endsWith("\r\n0\r\n\r\n") : body?.length === Number(length);
      });
      return alike(client.text);
    }
    const ours = await answerTo(request);
    const theirs = await answerTo(request.replace("\r\n", `\r\n${notPlain}`));
    assert.match(ours, /^HTTP\/1\.1 \d{3} \w/);
    assert.equal(ours, theirs);
  });
}

test("requests one after the other, pipelined, in pieces and of every kind keep their order", async (t) => {
  const { client } = await talk(t, [echoLambda()]);
  const { socket } = client;
  socket.write(invokeText("[1]"));
  assert.deepEqual(await bodies(client, 1), ["[1]"]);
  socket.write(invokeText("[2]").slice(0, -3));
  await new Promise((resolve) => setTimeout(resolve, 5));
  socket.write("[2]");
  assert.deepEqual(await bodies(client, 1), ["[2]"]);
  socket.write(invokeText("[3]"));
  socket.write(invokeText("[4]"));
  assert.deepEqual(await bodies(client, 2), ["[3]", "[4]"]);
  socket.write(invokeText("[5]") + invokeText("[6]") + invokeText("[7]").slice(0, 30));
  assert.deepEqual(await bodies(client, 2), ["[5]", "[6]"]);
  socket.write(invokeText("[7]").slice(30));
  socket.write(invokeText("[8]"));
  assert.deepEqual(await bodies(client, 2), ["[7]", "[8]"]);
  assert.equal(client.isClosed, false);
});

test("what comes while a request is answered waits, however much it is", async (t) => {
  const finish: (() => void)[] = [];
  const payloads: string[] = [];
  const lambda = fakeService("lambda", {
    async Invoke({ Payload }) {
      payloads.push(Buffer.from(Payload as Uint8Array).toString());
      await new Promise<void>((resolve) => finish.push(resolve));
      return { StatusCode: 200, Payload };
    },
  });
  const { client } = await talk(t, [lambda]);
  client.socket.write(invokeText("[1]"));
  await until("the first is served", () => finish.length === 1);
  const more = Array.from({ length: 40 }, (_, at) => `[${at + 2}]`);
  for (const body of more) client.socket.write(invokeText(body, `X-Filler: ${"f".repeat(5000)}\r\n`));
  assert.deepEqual(payloads, ["[1]"]);
  for (let count = 1; count <= 41; count += 1) {
    await until(`request ${count}`, () => finish.length >= count);
    finish[count - 1]?.();
  }
  assert.deepEqual(await bodies(client, 41), ["[1]", ...more]);
  assert.deepEqual(payloads, ["[1]", ...more]);
});

test("a client that goes away aborts the signal of its handler", async (t) => {
  const reasons: unknown[] = [];
  let entered = false;
  const lambda = fakeService("lambda", {
    Invoke: (_input, { signal }) =>
      new Promise((_resolve, reject) => {
        entered = true;
        signal.addEventListener("abort", () => {
          reasons.push((signal.reason as Error).message);
          reject(signal.reason as Error);
        });
      }),
  });
  const { client, log, metrics } = await talk(t, [lambda]);
  client.socket.write(invokeText("[1]"));
  await until("the handler runs", () => entered);
  client.socket.destroy();
  await until("nothing runs", () => /^lambdad_gateway_running_requests 0$/m.test(metrics.render()));
  assert.deepEqual(reasons, ["the client went away"]);
  assert.deepEqual(log, []);
});

test("a header's bytes beyond ASCII are the same before every kind of body", async (t) => {
  const request = "GET / HTTP/1.1\r\nHost: abc.lambda-url.us-east-1.localhost\r\n\r\n";
  for (const body of ["text", "\u20ac", Buffer.from("bytes"), "a".repeat(20_000)]) {
    const web = fakeService("lambda", {}, async () => ({ status: 200, headers: { "x-a": "\u00e9" }, body }));
    for (const text of [request, request.replace("\r\n", `\r\n${notPlain}`)]) {
      const { client } = await talk(t, [web]);
      client.socket.write(text);
      await until("the answer", () => client.text.includes("\r\n\r\n"));
      assert.match(client.text, /\r\nx-a: \u00e9\r\n/);
    }
  }
});

test("a header that would split the answer is not sent", async (t) => {
  const web = fakeService("lambda", {}, async () => ({
    status: 200,
    headers: { "x-a": "b\r\nSet-Cookie: c" },
    body: "",
  }));
  const { client, log } = await talk(t, [web]);
  client.socket.write("GET / HTTP/1.1\r\nHost: abc.lambda-url.us-east-1.localhost\r\n\r\n");
  await until("it is closed", () => client.isClosed);
  assert.match(client.text, /^HTTP\/1\.1 500 /);
  assert.ok(!client.text.includes("Set-Cookie"));
  assert.ok(log.some((entry) => entry.includes("answer cut off")));
});

test("the gateway's end waits for what runs, and closes what is idle", async (t) => {
  let finish: (() => void) | undefined;
  const lambda = fakeService("lambda", {
    async Invoke({ Payload }) {
      if (Buffer.from(Payload as Uint8Array).toString() === "[2]") {
        await new Promise<void>((resolve) => (finish = resolve));
      }
      return { StatusCode: 200, Payload };
    },
  });
  const { client, gateway } = await talk(t, [lambda]);
  client.socket.write(invokeText("[1]"));
  await bodies(client, 1);
  client.socket.write(invokeText("[2]"));
  await until("it runs", () => finish);
  const closed = gateway.close(60_000);
  finish?.();
  await closed;
  await until("it is closed", () => client.isClosed);
  assert.match(client.text, /\r\nConnection: close\r\n/);
  assert.ok(client.text.endsWith("[2]"));

  const other = await talk(t, [echoLambda()]);
  other.client.socket.write(invokeText("[3]"));
  await bodies(other.client, 1);
  await other.gateway.close(60_000);
  await until("it is closed", () => other.client.isClosed);
});

test("a connection that nobody uses is closed, one that waits for its answer is not", async (t) => {
  const clock = createSimClock();
  let finish: (() => void) | undefined;
  const lambda = fakeService("lambda", {
    async Invoke({ Payload }) {
      await new Promise<void>((resolve) => (finish = resolve));
      return { StatusCode: 200, Payload };
    },
  });
  const { client } = await talk(t, [lambda], clock);
  client.socket.write(invokeText("[1]"));
  await until("it runs", () => finish);
  await clock.advance(10 * keepAliveMs);
  finish?.();
  assert.deepEqual(await bodies(client, 1), ["[1]"]);
  await clock.advance(keepAliveMs);
  assert.equal(client.isClosed, false);
  await clock.advance(keepAliveMs);
  await until("it is closed", () => client.isClosed);
});

test("what else a turn of the event loop brings goes before a request: it may free an environment for it", async (t) => {
  const order: string[] = [];
  const socket = new Socket();
  t.after(() => socket.destroy());
  const connection = new PlainConnection(socket, {
    clock: systemClock,
    heads: new AnswerHeads(systemClock),
    listener: { url: "http://127.0.0.1", admin: true },
    serve: () => order.push("request"),
    handOver: () => order.push("handed over"),
  });
  connection.receive(Buffer.from(invokeText("[1]")));
  await Promise.resolve().then(() => order.push("what is done at once"));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(order, ["what is done at once", "request"]);
});
