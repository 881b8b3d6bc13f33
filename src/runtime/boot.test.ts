import assert from "node:assert/strict";
import { test } from "node:test";
import { versionSpec } from "../../test/harness/fake-environment.ts";
import { fixedCatalog } from "../../test/harness/runtime-stage.ts";
import { createSimClock } from "../base/clock-sim.ts";
import { initTimeoutMs } from "../limits.ts";
import { Boot } from "./boot.ts";
import type { VersionSpec } from "./contract.ts";
import type { InitPhase, PlatformEvent } from "./platform-events.ts";

async function staged(phase: InitPhase, spec: Partial<VersionSpec> = {}) {
  const clock = createSimClock();
  const said: PlatformEvent[] = [];
  const log = { platform: (event: PlatformEvent) => void said.push(event) };
  const boot = new Boot({ clock, spec: versionSpec(spec), log }, phase);
  let timeouts = 0;
  const plan = await fixedCatalog.plan("nodejs22.x");
  return {
    boot,
    clock,
    begin: () => boot.begin(plan, () => (timeouts += 1)),
    timeouts: () => timeouts,
    /** Type and status of each. */
    said: () => said.map(({ type, record }) => ("status" in record ? `${type} ${record.status}` : type)),
    last: () => said.at(-1),
  };
}

test("INIT's time begins when everything is there, and is over after ten seconds", async () => {
  const { boot, clock, begin, timeouts } = await staged("init");
  await clock.advance(60_000); // a runtime is fetched
  begin();
  await clock.advance(initTimeoutMs - 1);
  assert.equal(boot.durationMs, initTimeoutMs - 1);
  assert.equal(timeouts(), 0);
  await clock.advance(1);
  assert.equal(timeouts(), 1);
});

test("INIT of what is being debugged has the time that its specification says", async () => {
  const { begin, clock, timeouts } = await staged("init", { initTimeoutMs: 3_600_000 });
  begin();
  await clock.advance(3_599_999);
  assert.equal(timeouts(), 0);
  await clock.advance(1);
  assert.equal(timeouts(), 1);
});

test("what has ended does not time out", async () => {
  const { boot, clock, begin, timeouts } = await staged("init");
  begin();
  boot.end();
  await boot.ended;
  await clock.advance(initTimeoutMs);
  assert.equal(timeouts(), 0);
  assert.equal(clock.pending, 0);
});

test("a suppressed init has no time limit of its own", async () => {
  const { begin, clock } = await staged("invoke");
  begin();
  assert.equal(clock.pending, 0);
});

const ready = { name: "agent", state: "Ready", events: ["INVOKE"] };

test("a good start is told at the runtime's first call, then with its extensions and duration", async () => {
  const { boot, begin, said, last } = await staged("init");
  begin();
  boot.runtimeDone();
  boot.report({ status: "success", durationMs: 12.3456 }, [ready]);
  assert.deepEqual(said(), [
    "platform.initStart",
    "platform.initRuntimeDone success",
    "platform.extension",
    "platform.initReport success",
  ]);
  const record = last()?.record;
  assert.ok(record && "metrics" in record);
  assert.deepEqual(record.metrics, { durationMs: 12.346 });
});

test("a bad one says of the runtime that it has failed, and why", async () => {
  const { boot, begin, said, last } = await staged("init");
  begin();
  boot.report({ status: "error", errorType: "Runtime.ExitError", durationMs: 5 }, []);
  assert.deepEqual(said(), [
    "platform.initStart",
    "platform.initRuntimeDone error",
    "platform.initReport error",
  ]);
  assert.deepEqual(last(), {
    type: "platform.initReport",
    record: {
      initializationType: "on-demand",
      phase: "init",
      status: "error",
      errorType: "Runtime.ExitError",
      metrics: { durationMs: 5 },
    },
  });
});
