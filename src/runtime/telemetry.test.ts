/** Telemetry on its way to real listeners, with a clock that stands still. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingHttpHeaders } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { createServer as createTcpServer } from "node:net";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { until } from "../../test/harness/runtime-stage.ts";
import { createSimClock } from "../base/clock-sim.ts";
import { telemetryBacklogBytesMax, telemetryDeliveryMs, telemetryWaitingBytesMax } from "../limits.ts";
import { Telemetry } from "./telemetry.ts";
import type { TelemetryEvent } from "./telemetry-records.ts";
import type { Subscription } from "./telemetry-subscription.ts";

interface Received {
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly records: readonly string[];
}

/** A listener that answers with the next of `statuses`, at last always 200; `hang`: never. */
async function listener(t: TestContext, statuses: readonly (number | "hang")[] = []) {
  const received: Received[] = [];
  const left = [...statuses];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const events = JSON.parse(Buffer.concat(chunks).toString()) as { record: string }[];
      const { url, headers } = request;
      received.push({ url, headers, records: events.map(({ record }) => record) });
      const status = left.shift() ?? 200;
      if (status !== "hang") response.writeHead(status, { Location: "http://127.0.0.1:1/" }).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { received, port: (server.address() as AddressInfo).port };
}

function started(t: TestContext, address = true) {
  const clock = createSimClock();
  const known = { host: "127.0.0.1", localAddress: undefined };
  const telemetry = new Telemetry({ clock, address: () => (address ? known : undefined) });
  t.after(() => telemetry.close());
  return { clock, telemetry };
}

const line = (record: string): TelemetryEvent => ({ atMs: 0, type: "function", record });

function subscription(port: number, more: Partial<Subscription> = {}): Subscription {
  return {
    api: "telemetry",
    schemaVersion: "2022-12-13",
    types: ["platform", "function", "extension"],
    buffering: { maxItems: 1000, maxBytes: 262_144, timeoutMs: 100 },
    destination: { protocol: "HTTP", port, path: "/in", method: "POST" },
    ...more,
  };
}

test("what happened before the subscription is delivered too, when its time has come", async (t) => {
  const { received, port } = await listener(t);
  const { clock, telemetry } = started(t);
  telemetry.emit(line("before"));
  telemetry.subscribe("a", subscription(port));
  assert.equal(telemetry.endInit(), true);
  assert.equal(telemetry.isOpen, false);
  telemetry.emit(line("after"));
  await clock.advance(99);
  assert.equal(received.length, 0);
  await clock.advance(1);
  await until(() => received.length === 1, "a batch arrives");
  assert.deepEqual([received[0]?.url, received[0]?.records], ["/in", ["before", "after"]]);
  assert.equal(received[0]?.headers.host, `sandbox.localdomain:${port}`);
  assert.equal(received[0]?.headers["content-type"], "application/json");
});

test("without subscribers nothing is kept beyond INIT, and little during it", (t) => {
  const { telemetry } = started(t);
  for (let count = 0; count < 10; count += 1) telemetry.emit(line("x".repeat(telemetryBacklogBytesMax / 2)));
  assert.equal(telemetry.endInit(), false);
});

test("a batch leaves when it has as many items or bytes as it may", async (t) => {
  const { received, port } = await listener(t);
  const { telemetry } = started(t);
  telemetry.subscribe("a", subscription(port));
  for (let count = 0; count < 1000; count += 1) telemetry.emit(line(String(count)));
  await until(() => received.length === 1, "the items arrive");
  assert.equal(received[0]?.records.length, 1000);
  telemetry.emit(line("y".repeat(200_000)));
  telemetry.emit(line("z".repeat(200_000)));
  await until(() => received.length === 2, "the bytes arrive");
  assert.deepEqual(
    received[1]?.records.map((record) => record.charAt(0)),
    ["y"],
  );
});

test("a batch that fails is tried again until it arrives, in order; a redirect leads nowhere", async (t) => {
  const { received, port } = await listener(t, [500, 302]);
  const { clock, telemetry } = started(t);
  telemetry.subscribe("a", subscription(port));
  telemetry.emit(line("one"));
  await clock.advance(100);
  await until(() => received.length === 1, "it fails once");
  telemetry.emit(line("two"));
  for (const count of [2, 3, 4]) {
    await until(async () => {
      await clock.advance(100);
      return received.length >= count;
    }, `attempt ${count}`);
  }
  assert.deepEqual(
    received.map(({ records }) => records),
    [["one"], ["one"], ["one"], ["two"]],
  );
});

test("a subscriber that hangs costs a bounded buffer, learns what it lost, and holds nobody up", async (t) => {
  const hung = await listener(t, ["hang"]);
  const well = await listener(t);
  const { clock, telemetry } = started(t);
  telemetry.subscribe("hung", subscription(hung.port));
  telemetry.subscribe("well", subscription(well.port));
  telemetry.endInit();
  telemetry.emit(line("first"));
  await clock.advance(100);
  await until(() => hung.received.length === 1 && well.received.length === 1, "the first is there");
  const size = 250_000;
  const fitting = Math.floor(telemetryWaitingBytesMax / (size + 62));
  for (let count = 0; count < fitting + 3; count += 1) {
    telemetry.emit(line(String(count).padStart(size, "-")));
    await until(() => well.received.flatMap(({ records }) => records).length >= count, "the other gets it");
  }
  await clock.advance(telemetryDeliveryMs);
  const all = () => hung.received.slice(1).flatMap(({ records }) => records as readonly unknown[]);
  await until(async () => {
    await clock.advance(200);
    return all().length === fitting + 2;
  }, "the rest arrives");
  assert.deepEqual(all()[0], "first");
  const dropped = all().find((record) => typeof record === "object") as Record<string, unknown>;
  assert.equal(dropped["droppedRecords"], 3);
  assert.ok(Number(dropped["droppedBytes"]) > 3 * size);
  assert.match(String(dropped["reason"]), /^Consumer seems to have fallen behind/);
});

test("over TCP it is a line each, on one connection", async (t) => {
  let text = "";
  const sockets: Socket[] = [];
  const server = createTcpServer((socket) => {
    sockets.push(socket);
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { clock, telemetry } = started(t);
  const { port } = server.address() as AddressInfo;
  telemetry.subscribe("a", subscription(port, { destination: { protocol: "TCP", port } }));
  for (const record of ["one", "two\nlines"]) {
    telemetry.emit(line(record));
    await clock.advance(100);
  }
  await until(() => text.split("\n").length === 3, "both lines arrive");
  const records = text.split("\n", 2).map((one) => (JSON.parse(one) as { record: string }).record);
  assert.deepEqual([records, sockets.length], [["one", "two\nlines"], 1]);
});

test("in a hurry nothing waits, and after the end nothing is sent", async (t) => {
  const { received, port } = await listener(t);
  const { telemetry } = started(t);
  telemetry.subscribe("a", subscription(port));
  telemetry.emit(line("one"));
  telemetry.hurry();
  await until(() => received.length === 1, "what waited is there");
  telemetry.emit(line("two"));
  await until(() => received.length === 2, "what came later is, too");
  telemetry.close();
  telemetry.emit(line("three"));
  telemetry.hurry();
  assert.equal(received.length, 2);
});

test("while it is paused nothing is sent, and what was due meanwhile leaves at once on resume", async (t) => {
  const { received, port } = await listener(t);
  const { clock, telemetry } = started(t);
  telemetry.subscribe("a", subscription(port));
  await telemetry.pause();
  telemetry.emit(line("meanwhile"));
  await clock.advance(60_000);
  assert.equal(clock.pending, 0, "nobody tries");
  telemetry.resume();
  await until(() => received.length === 1, "a batch arrives");
  telemetry.emit(line("later"));
  await telemetry.pause();
  telemetry.resume();
  await clock.advance(99);
  telemetry.emit(line("as well"));
  assert.equal(received.length, 1, "what was not due keeps its time");
  await clock.advance(1);
  await until(() => received.length === 2, "the second arrives");
  assert.deepEqual(
    received.map(({ records }) => records),
    [["meanwhile"], ["later", "as well"]],
  );
});

test("a pause waits for the attempt under way; a failed one is tried again after it", async (t) => {
  const { received, port } = await listener(t, ["hang"]);
  const { clock, telemetry } = started(t);
  telemetry.subscribe("a", subscription(port));
  telemetry.emit(line("one"));
  await clock.advance(100);
  await until(() => received.length === 1, "the attempt has arrived");
  let isPaused = false;
  const paused = telemetry.pause().then(() => (isPaused = true));
  await clock.advance(telemetryDeliveryMs - 1);
  assert.equal(isPaused, false, "its answer may come");
  await clock.advance(1);
  await paused;
  await clock.advance(60_000);
  assert.equal(received.length, 1);
  telemetry.resume();
  await until(() => received.length === 2, "it is tried again");
});

test("who is in a hurry, or closes, does not stay paused", async (t) => {
  const { received, port } = await listener(t, [500]);
  const { clock, telemetry } = started(t);
  telemetry.subscribe("a", subscription(port));
  await telemetry.pause();
  telemetry.emit(line("last"));
  telemetry.hurry();
  await until(() => received.length === 1, "it leaves at once");
  await telemetry.pause();
  telemetry.close();
  await clock.advance(60_000);
  assert.equal(clock.pending, 0, "nothing waits for a resume that does not come");
});

test("subscribing again replaces the earlier subscription, per API", async (t) => {
  const first = await listener(t);
  const second = await listener(t);
  const { telemetry } = started(t);
  telemetry.subscribe("a", subscription(first.port));
  telemetry.subscribe("a", subscription(first.port, { api: "logs", schemaVersion: "2021-03-18" }));
  telemetry.subscribe("a", subscription(second.port));
  telemetry.endInit();
  telemetry.emit(line("one"));
  telemetry.hurry();
  await until(() => first.received.length === 1 && second.received.length === 1, "both arrive");
});
