import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { versionSpec } from "../../test/harness/fake-environment.ts";
import { invocation, stage } from "../../test/harness/runtime-stage.ts";
import { ScriptedDriver } from "../../test/harness/scripted-runtime.ts";
import type { ScriptedRuntime } from "../../test/harness/scripted-runtime.ts";
import { createSimClock } from "../base/clock-sim.ts";
import { logLineBytesMax, logPendingBytesMax, outputTurnBytes } from "../limits.ts";
import { EnvironmentOutput } from "./output.ts";

/** Prints while it handles an event whose payload says what. */
function printing(print: (runtime: ScriptedRuntime, payload: string) => void): ScriptedDriver {
  return new ScriptedDriver(async (runtime) => {
    for (;;) {
      const event = await runtime.next();
      print(runtime, event.body);
      await runtime.respond(event.requestId, "null");
    }
  });
}

test("what a function prints is settled before its invocation is, line by line, the last one without its end", async (t) => {
  const driver = printing((runtime, payload) => {
    runtime.print(`first ${payload}\nsecond\rline\n`);
    runtime.print("warning\n", "stderr");
    runtime.print("no end");
  });
  const { environment, messages } = await stage(t, driver);
  await environment.initialised;
  const expected: string[] = [];
  for (const id of ["1", "2", "3"]) {
    await environment.invoke(invocation(id, id));
    await environment.settled();
    expected.push(
      `START RequestId: ${id} Version: $LATEST\n`,
      ...[`first ${id}\n`, "second\rline\n", "warning\n", "no end"],
      `END RequestId: ${id}\n`,
      "REPORT\n",
    );
  }
  assert.deepEqual(
    messages.slice(1).map(({ text }) => text.replace(/^REPORT .*/, "REPORT")),
    expected,
  );
});

test("a frame is one message with its own time, however many lines it has", async (t) => {
  const { environment, messages, clock } = await stage(
    t,
    printing((runtime) => {
      runtime.frame("one\ntwo", clock.now() - 5);
      runtime.frame("from the future", clock.now() + 24 * 3600 * 1000);
    }),
  );
  await environment.initialised;
  await environment.invoke(invocation("1"));
  await environment.settled();
  assert.deepEqual(messages.slice(2, -2), [
    { atMs: clock.now() - 5, text: "one\ntwo" },
    { atMs: clock.now(), text: "from the future" },
  ]);
});

test("the tail is the last 4,096 bytes of one invocation, as text", async (t) => {
  const { environment } = await stage(
    t,
    printing((runtime, payload) => {
      runtime.print(`${payload.repeat(3000)}\n`);
      runtime.frame("framed", 0);
    }),
  );
  await environment.initialised;
  await environment.invoke(invocation("1", "1"));
  await environment.settled();
  environment.log.beginTail();
  await environment.invoke(invocation("2", "23"));
  await environment.settled();
  const tail = Buffer.from(environment.log.endTail()).toString();
  assert.equal(tail.length, 4096);
  assert.match(tail, /^[23]+\nframed\nEND RequestId: 2\nREPORT RequestId: 2\t.*\t\n$/);
  assert.equal(environment.log.endTail().length, 0);
});

test("output of a runtime that is killed is complete before the invocation is settled", async (t) => {
  const driver = new ScriptedDriver(async (runtime) => {
    await runtime.next();
    for (let line = 0; line < 20_000; line += 1) runtime.print(`line ${line}\n`);
    await runtime.exit(1);
  });
  const { environment, lines } = await stage(t, driver);
  await environment.initialised;
  await environment.invoke(invocation("1"));
  await environment.settled();
  assert.equal(lines().filter((line) => line.startsWith("line ")).length, 20_000);
  assert.deepEqual(lines().slice(-3, -1), ["line 19999", "END RequestId: 1"]);
});

test("while the sink is behind, lines are counted instead of kept, and a line says so afterwards", async (t) => {
  const logs = {
    pendingBytes: 0,
    kept: [] as string[],
    append: (_: unknown, __: number, text: string) => void logs.kept.push(text),
  };
  const driver = printing((runtime, payload) => runtime.print(`${payload}\n`));
  const { environment } = await stage(t, driver, { deps: { logs } });
  await environment.initialised;
  for (const [id, pendingBytes] of [
    ["1", 0],
    ["2", logPendingBytesMax],
    ["3", logPendingBytesMax - 1],
    ["4", 0],
  ] as const) {
    logs.pendingBytes = pendingBytes;
    await environment.invoke(invocation(id, id));
    await environment.settled();
  }
  const kept = logs.kept.filter((line) => !/^(INIT_START|START|END|REPORT) /.test(line));
  const dropped =
    "LOGS_DROPPED Records: 1\tBytes: 2\tReason: Log lines came faster than they could be stored\n";
  assert.deepEqual(kept, ["1\n", dropped, dropped, "4\n"]);
});

test("a function that prints a hundred megabytes without a newline stays bounded and correct", async (t) => {
  const chunk = Buffer.alloc(1024 * 1024, "x");
  const driver = new ScriptedDriver(async (runtime) => {
    for (;;) {
      const event = await runtime.next();
      for (let count = 0; count < 100; count += 1) {
        runtime.print(chunk);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await runtime.respond(event.requestId, "null");
    }
  });
  let bytes = 0;
  let longest = 0;
  const logs = {
    append(_: unknown, __: number, text: string) {
      if (!text.startsWith("x")) return;
      bytes += text.length;
      longest = Math.max(longest, text.length);
    },
  };
  const { environment } = await stage(t, driver, { deps: { logs } });
  await environment.initialised;
  const result = await environment.invoke(invocation("1"));
  await environment.settled();
  assert.equal(result.outcome.kind, "success");
  assert.deepEqual([bytes, longest], [100 * chunk.length, logLineBytesMax]);
});

test("whoever prints without end gives everybody else a turn after each piece, and nothing is lost", async () => {
  const clock = createSimClock();
  const stream = { account: "0", region: "r", group: "g", stream: "s" };
  let lines = 0;
  const sink = { append: () => void (lines += 1) };
  const format = { ...versionSpec(), logFormat: "Text" } as const;
  const output = new EnvironmentOutput({ clock, sink, stream, format });
  const streams = { stdout: new PassThrough(), stderr: new PassThrough(), frames: new PassThrough() };
  const attached = output.attach(streams);
  const pieces = 20;
  const piece = Buffer.alloc(outputTurnBytes, "x\n");
  const seen: number[] = [];
  const look = () => {
    seen.push(lines);
    if (lines < (pieces * piece.length) / 2) setImmediate(look);
  };
  for (let count = 0; count < pieces; count += 1) streams.stdout.write(piece);
  setImmediate(look);
  await output.drained();
  assert.equal(lines, (pieces * piece.length) / 2);
  assert.ok(seen.length >= pieces - 1, `others had ${seen.length} turns`);
  for (const each of Object.values(streams)) each.end();
  await attached;
});

test("a frame that was written a little before the line ahead of it was read is no older than that", async () => {
  const clock = createSimClock();
  const stream = { account: "0", region: "r", group: "g", stream: "s" };
  const times: (readonly [string, number])[] = [];
  const sink = {
    append: (_: unknown, atMs: number, text: string) => void times.push([text, atMs - clock.now()]),
  };
  const output = new EnvironmentOutput({
    clock,
    sink,
    stream,
    format: { ...versionSpec(), logFormat: "Text" },
  });
  const streams = { stdout: new PassThrough(), stderr: new PassThrough(), frames: new PassThrough() };
  const attached = output.attach(streams);
  const write = (text: string) => streams.frames.write(text);
  const frame = (text: string, atMs: number) => {
    const head = Buffer.alloc(16);
    head.writeUInt32BE(0xa55a0003, 0);
    head.writeUInt32BE(text.length, 4);
    head.writeBigUInt64BE(BigInt(atMs) * 1000n, 8);
    streams.frames.write(Buffer.concat([head, Buffer.from(text)]));
  };
  frame("own time", clock.now() - 5);
  write("read now\n");
  frame("delayed", clock.now() - 3);
  frame("long ago", clock.now() - 3_600_000);
  await output.drained();
  assert.deepEqual(times, [
    ["own time", -5],
    ["read now\n", 0],
    ["delayed", 0],
    ["long ago", -3_600_000],
  ]);
  for (const each of Object.values(streams)) each.end();
  await attached;
});

test("in JSON format the platform's lines are records", async (t) => {
  const driver = new ScriptedDriver((runtime) => runtime.exit(1));
  const { environment, lines, clock } = await stage(t, driver, { spec: { logFormat: "JSON" } });
  await environment.initialised;
  const time = new Date(clock.now()).toISOString();
  assert.deepEqual(
    lines().map((line): unknown => JSON.parse(line)),
    [
      {
        time,
        type: "platform.initStart",
        record: {
          initializationType: "on-demand",
          phase: "init",
          functionName: "echo",
          functionVersion: "$LATEST",
          instanceMaxMemory: 128 * 1024 * 1024,
          runtimeVersion: "nodejs:22.v1",
          runtimeVersionArn: "arn:aws:lambda:us-east-1::runtime:0123",
        },
      },
      {
        time,
        type: "platform.initRuntimeDone",
        record: {
          initializationType: "on-demand",
          phase: "init",
          status: "error",
          errorType: "Runtime.ExitError",
        },
      },
      {
        time,
        type: "platform.initReport",
        record: {
          initializationType: "on-demand",
          phase: "init",
          status: "error",
          errorType: "Runtime.ExitError",
          metrics: { durationMs: 0 },
        },
      },
    ],
  );
});
