import assert from "node:assert/strict";
import { test } from "node:test";
import { invocationRequest, versionSpec } from "../../test/harness/fake-environment.ts";
import { createSimClock } from "../base/clock-sim.ts";
import { exited, extensionFailed } from "./failure.ts";
import type { InvocationRequest, InvocationResult } from "./invocation.ts";
import * as outcomes from "./outcome-bodies.ts";
import type { PlatformEvent } from "./platform-events.ts";
import { RunningInvocation } from "./running-invocation.ts";

interface Over {
  readonly request?: Partial<InvocationRequest>;
  readonly hasExtensions?: boolean;
  readonly streamBytesPerSecond?: number;
  /** False: its time has not begun. */
  readonly isBegun?: boolean;
}

function staged({ request, hasExtensions = false, streamBytesPerSecond, isBegun = true }: Over = {}) {
  const clock = createSimClock();
  const said: PlatformEvent[] = [];
  const log = {
    platform: (event: PlatformEvent) => void said.push(event),
    drained: async () => undefined,
    telemetry: undefined,
  };
  const spec = versionSpec({ timeoutMs: 3000, logFormat: "JSON" });
  let timeouts = 0;
  const running = new RunningInvocation(
    { clock, spec, log, streamBytesPerSecond },
    invocationRequest({ requestId: "r-1", ...request }),
    () => (timeouts += 1),
  );
  if (isBegun) running.begin();
  const result = running.answer.then((answer): InvocationResult => ({
    ...answer,
    initMs: undefined,
    memoryPeakMb: 40,
  }));
  const reported = running.report(result, {
    quiet: Promise.resolve(),
    extensions: { isEmpty: !hasExtensions },
  });
  return { clock, running, result, reported, said, timeouts: () => timeouts };
}

const answer = outcomes.answered({ kind: "payload", payload: Buffer.from("1") });
const typesOf = (said: readonly PlatformEvent[]) => said.map(({ type }) => type.slice("platform.".length));
const lastRecord = (said: readonly PlatformEvent[]) =>
  ({ ...said.at(-1)?.record }) as Record<string, unknown>;

test("I1: of two answers the first counts, and its time ends then", async () => {
  const { clock, running, result } = staged();
  await clock.advance(20);
  running.finish(answer);
  await clock.advance(20);
  running.finish(outcomes.truncated("r-1"));
  assert.deepEqual(await result, { outcome: answer, durationMs: 20, initMs: undefined, memoryPeakMb: 40 });
});

test("the function's time begins when it is said to, once: what lambdad needs before is not the function's", async () => {
  const { clock, running, result, timeouts } = staged({ isBegun: false });
  await clock.advance(60_000);
  assert.equal(timeouts(), 0);
  running.begin();
  assert.equal(running.event.deadlineMs, clock.now() + 3000);
  await clock.advance(2000);
  running.begin();
  await clock.advance(999);
  assert.equal(timeouts(), 0);
  await clock.advance(1);
  assert.equal(timeouts(), 1);
  running.finish(answer);
  assert.equal((await result).durationMs, 3000);
});

test("each line waits for what it tells: START, the runtime's return, the return of all", async () => {
  const { clock, running, reported, said } = staged({ hasExtensions: true });
  running.announce();
  running.announce();
  await clock.advance(10);
  assert.deepEqual(typesOf(said), ["start"]);
  running.finish(answer);
  await clock.advance(5);
  assert.deepEqual(typesOf(said), ["start"]);
  running.runtimeReturned();
  await clock.advance(7);
  assert.deepEqual(typesOf(said), ["start", "runtimeDone"]);
  running.returned();
  await reported;
  assert.deepEqual(typesOf(said), ["start", "runtimeDone", "report"]);
  const { metrics, spans } = lastRecord(said) as {
    metrics: { durationMs: number };
    spans: { durationMs: number }[];
  };
  assert.equal(metrics.durationMs, 22, "until all had asked for more");
  assert.deepEqual(
    spans.map(({ durationMs }) => durationMs),
    [7],
    "of which the extensions had the last",
  );
});

test("one that never began has its START nevertheless, before its REPORT", async () => {
  const { running, reported, said } = staged();
  running.fail(exited({ kind: "code", code: 1, oom: false }));
  running.returned();
  await reported;
  assert.deepEqual(typesOf(said), ["start", "runtimeDone", "report"]);
});

test("a failure after the answer is the report's, not the caller's", async () => {
  const { running, reported, result, said } = staged();
  running.finish(answer);
  running.fail(extensionFailed({ errorType: "Extension.Crash", message: "exit code 0" }));
  running.returned();
  await reported;
  assert.equal((await result).outcome, answer);
  const { status, errorType } = lastRecord(said);
  assert.deepEqual({ status, errorType }, { status: "error", errorType: "Extension.Crash" });
});

const crash = exited({ kind: "code", code: 129, oom: false });
const afterTheAnswer: readonly (readonly [string, boolean, object])[] = [
  [
    "before the runtime asked for more, is its runtimeDone's",
    false,
    { status: "error", errorType: "Runtime.ExitError" },
  ],
  ["after that, is not", true, { status: "success", errorType: undefined }],
];

for (const [name, isDone, expected] of afterTheAnswer) {
  test(`a failure after the answer, ${name}`, async () => {
    const { running, reported, said } = staged();
    running.finish(answer);
    if (isDone) running.runtimeReturned();
    running.fail(crash);
    running.returned();
    await reported;
    const record = { ...said.find(({ type }) => type === "platform.runtimeDone")?.record } as Record<
      string,
      unknown
    >;
    assert.deepEqual({ status: record["status"], errorType: record["errorType"] }, expected);
    assert.equal(lastRecord(said)["status"], "error");
  });
}

test("a failure before it is the answer", async () => {
  const { running, result } = staged();
  assert.equal(running.isAnswered, false);
  running.fail(exited({ kind: "code", code: 1, oom: false }));
  assert.equal(running.isAnswered, true);
  assert.equal((await result).outcome.kind, "crash");
});

test("the function's time is counted until all have returned, and not beyond", async () => {
  const { clock, running, timeouts } = staged();
  running.finish(answer);
  await clock.advance(3000);
  assert.equal(timeouts(), 1, "extensions may be late, too");
  const other = staged();
  other.running.finish(answer);
  other.running.returned();
  await other.clock.advance(3000);
  assert.equal(other.timeouts(), 0);
});

test("a streamed answer goes to whoever asked, at the pace that is set, and ends with the invocation", async () => {
  const pieces: string[] = [];
  const { clock, running, result } = staged({
    streamBytesPerSecond: 1,
    request: {
      onStream: (stream) =>
        void (async () => {
          for await (const piece of stream) pieces.push(Buffer.from(piece).toString());
          pieces.push("end");
        })(),
    },
  });
  const stream = running.openStream({ contentType: "text/plain", onRoom: () => undefined });
  assert.equal(stream.contentType, "text/plain");
  assert.equal(stream.push(Buffer.from("a")), true);
  await clock.advance(1);
  running.finish(answer);
  await result;
  await clock.advance(1);
  assert.deepEqual(pieces, ["a", "end"], "within the burst nothing is held back");
});

test("the time until a streamed answer begins and the time that it takes are told apart", async () => {
  const { clock, running, reported, said } = staged({ request: { onStream: () => undefined } });
  running.announce();
  await clock.advance(30);
  running.openStream({ contentType: undefined, onRoom: () => undefined });
  await clock.advance(200);
  running.finish(answer);
  await clock.advance(5);
  running.runtimeReturned();
  running.returned();
  await reported;
  const done = said.find(({ type }) => type === "platform.runtimeDone");
  assert(done?.type === "platform.runtimeDone");
  assert.deepEqual(
    done.record.spans?.map(({ name, durationMs }) => [name, durationMs]),
    [
      ["responseLatency", 30],
      ["responseDuration", 200],
      ["runtimeOverhead", 5],
    ],
  );
});
