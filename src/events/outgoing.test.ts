/** Requests that lambdad makes for its callers: where they go, where they never go, and what is read of the answer. */
import assert from "node:assert/strict";
import type { lookup as systemLookup } from "node:dns";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTcpServer, type AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { createOutgoing, ForbiddenAddress, isFromOutgoing, type OutgoingRequest } from "./outgoing.ts";

const order = (url: string): OutgoingRequest => ({
  method: "POST",
  url: new URL(url),
  headers: {},
  body: "hello",
  signal: AbortSignal.timeout(5000),
  answerBytesMax: 100,
});

/** Answers its port and what arrived. */
async function server(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => response.end("ok"),
) {
  const seen: IncomingMessage[] = [];
  const listening = createServer((request, response) => {
    seen.push(request);
    answer(request, response);
  }).listen(0, "127.0.0.1");
  await once(listening, "listening");
  t.after(() => {
    listening.closeAllConnections();
    listening.close();
  });
  return { port: (listening.address() as AddressInfo).port, seen };
}

/** Names that resolve as given, one answer after the other; the last one stays. */
function names(...answers: readonly (readonly string[])[]) {
  let asked = 0;
  const lookup = (_: string, __: object, callback: (error: null, found: unknown) => void) => {
    const found = answers[Math.min(asked, answers.length - 1)] ?? [];
    asked += 1;
    callback(
      null,
      found.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
  };
  return { lookup: lookup as unknown as typeof systemLookup, asked: () => asked };
}

const neverReached = [
  "http://169.254.169.254/latest/meta-data/",
  "http://169.254.100.1:4566/_lambdad/async", // lambdad's side of the sandboxes' network
  "http://169.254.104.1:9229/json", // a sandbox
  "http://0xa9fea9fe/", // 169.254.169.254, written as a number
  "http://[::ffff:169.254.169.254]/",
  "http://[64:ff9b::a9fe:a9fe]/",
  "http://[2002:a9fe:a9fe::1]/",
  "http://[fd00:ec2::254]/latest/",
  "http://[fe80::1]/",
  "http://0.0.0.0:4566/",
  "http://0/",
  "http://[::]:4566/",
  "http://100.100.100.200/",
  "http://168.63.129.16/",
  "http://255.255.255.255/",
];

for (const url of neverReached) {
  test(`nobody's request goes to ${url}`, async () => {
    await assert.rejects(createOutgoing({ secure: false })(order(url)), ForbiddenAddress);
    await assert.rejects(createOutgoing({ secure: true })(order(url)), ForbiddenAddress);
  });
}

const refusedWhenSecure = [
  "http://127.0.0.1:3000/",
  "http://127.9.9.9/",
  "http://2130706433/",
  "http://[::1]:3000/",
  "http://[::ffff:127.0.0.1]/",
  "http://[::ffff:10.0.0.1]/",
  "http://10.1.2.3/",
  "http://172.31.0.1/",
  "http://192.168.1.1/",
  "http://100.64.0.1/",
  "http://[fc00::1]/",
  "https://10.1.2.3/",
];

for (const url of refusedWhenSecure) {
  test(`with --secure, nobody's request goes to ${url}`, async () => {
    await assert.rejects(createOutgoing({ secure: true })(order(url)), ForbiddenAddress);
  });
}

test("a developer's own listener on localhost is reached by default, and refused with --secure", async (t) => {
  const { port, seen } = await server(t);
  const answer = await createOutgoing({ secure: false })(order(`http://localhost:${port}/hook?a=b`));
  assert.deepEqual([answer.status, answer.body], [200, "ok"]);
  assert.deepEqual([seen[0]?.method, seen[0]?.url], ["POST", "/hook?a=b"]);
  await assert.rejects(
    createOutgoing({ secure: true })(order(`http://localhost:${port}/`)),
    ForbiddenAddress,
  );
  assert.equal(seen.length, 1);
});

test("a name that leads to a forbidden address is refused, whatever it is called", async (t) => {
  const { port, seen } = await server(t);
  for (const address of ["169.254.169.254", "fe80::1", "::ffff:169.254.100.1", "0.0.0.0"]) {
    const { lookup } = names([address]);
    const sent = createOutgoing({ secure: false, lookup })(order(`http://harmless.example:${port}/`));
    await assert.rejects(sent, ForbiddenAddress, address);
  }
  const { lookup } = names(["127.0.0.1"]);
  const sent = createOutgoing({ secure: true, lookup })(order(`http://harmless.example:${port}/`));
  await assert.rejects(sent, ForbiddenAddress);
  assert.equal(seen.length, 0);
});

test("a name is resolved once: one that answers otherwise the second time wins nothing", async (t) => {
  const { port, seen } = await server(t);
  const { lookup, asked } = names(["127.0.0.1"], ["169.254.169.254"]);
  const outgoing = createOutgoing({ secure: false, lookup });
  assert.equal((await outgoing(order(`http://rebound.example:${port}/`))).status, 200);
  assert.equal(asked(), 1);
  await assert.rejects(outgoing(order(`http://rebound.example:${port}/`)), ForbiddenAddress);
  assert.deepEqual([asked(), seen.length], [2, 1]);
});

test("of a name's addresses only those that are open are connected to", async (t) => {
  const { port } = await server(t);
  const { lookup } = names(["169.254.169.254", "127.0.0.1"]);
  const answer = await createOutgoing({ secure: false, lookup })(order(`http://both.example:${port}/`));
  assert.equal(answer.status, 200);
});

test("a redirect is an answer, and is not followed", async (t) => {
  const { port, seen } = await server(t, (_, response) => {
    response.writeHead(307, { location: `http://127.0.0.1:${port}/elsewhere` }).end();
  });
  const answer = await createOutgoing({ secure: false })(order(`http://127.0.0.1:${port}/`));
  assert.deepEqual([answer.status, seen.length], [307, 1]);
});

test("callers have no say in a request's frame, and cannot hide who sends it", async (t) => {
  const { port, seen } = await server(t);
  const headers = {
    Host: "localhost:4566",
    "transfer-encoding": "chunked",
    "content-length": "1",
    Connection: "Upgrade",
    upgrade: "websocket",
    Via: "1.1 somebody",
    "x-own": "stays",
  };
  await createOutgoing({ secure: false })({ ...order(`http://127.0.0.1:${port}/`), headers });
  const received = seen[0]?.headers ?? {};
  assert.equal(received["host"], `127.0.0.1:${port}`);
  assert.equal(received["content-length"], "5");
  assert.equal(received["transfer-encoding"], undefined);
  assert.equal(received["upgrade"], undefined);
  assert.equal(received["connection"], "close");
  assert.equal(received["x-own"], "stays");
  assert.ok(isFromOutgoing(received["via"]));
  assert.ok(!isFromOutgoing(undefined) && !isFromOutgoing("1.1 nginx"));
});

test("credentials in an address are sent as basic authorization", async (t) => {
  const { port, seen } = await server(t);
  await createOutgoing({ secure: false })(order(`http://me:p%40ss@127.0.0.1:${port}/`));
  const expected = `Basic ${Buffer.from("me:p@ss").toString("base64")}`;
  assert.equal(seen[0]?.headers["authorization"], expected);
});

test("of an answer without end its beginning is read, and the connection cut", async (t) => {
  const closed = Promise.withResolvers<void>();
  const { port } = await server(t, (_, response) => {
    const more = () => {
      while (response.write("x".repeat(10_000)));
    };
    response.on("drain", more);
    response.on("close", () => closed.resolve());
    more();
  });
  const answer = await createOutgoing({ secure: false })(order(`http://127.0.0.1:${port}/`));
  assert.equal(answer.body, "x".repeat(100));
  await closed.promise;
});

test("who accepts and says nothing, and who ends without an answer, is given up", async (t) => {
  const listening = createTcpServer((socket) => {
    socket.once("data", (bytes) => {
      if (bytes.includes("/end")) socket.end();
      if (bytes.includes("/101"))
        socket.write("HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n");
    });
    socket.on("error", () => undefined);
  }).listen(0, "127.0.0.1");
  await once(listening, "listening");
  t.after(() => listening.close());
  const { port } = listening.address() as AddressInfo;
  const outgoing = createOutgoing({ secure: false });
  const hung = { ...order(`http://127.0.0.1:${port}/hang`), signal: AbortSignal.timeout(50) };
  await assert.rejects(outgoing(hung), { name: "AbortError" });
  await assert.rejects(outgoing(order(`http://127.0.0.1:${port}/end`)), /hang up|closed/);
  await assert.rejects(outgoing(order(`http://127.0.0.1:${port}/101`)), /hang up|closed|upgrade/i);
});
