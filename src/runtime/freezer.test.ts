import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimClock } from "../base/clock-sim.ts";
import { freezeDelayMs } from "../limits.ts";
import { Freezer } from "./freezer.ts";

function staged() {
  const clock = createSimClock();
  const calls: string[] = [];
  let paused = Promise.resolve();
  const freezer = new Freezer(clock, {
    pause() {
      calls.push("pause");
      return paused;
    },
    freeze: () => void calls.push("freeze"),
    thaw: () => void calls.push("thaw"),
  });
  return { clock, calls, freezer, pausesUntil: (until: Promise<void>) => void (paused = until) };
}

test("what has rested for long enough is frozen, once, and thawed when it is woken", async () => {
  const { clock, calls, freezer } = staged();
  freezer.rest();
  await clock.advance(freezeDelayMs - 1);
  assert.deepEqual(calls, []);
  await clock.advance(1);
  assert.deepEqual(calls, ["pause", "freeze"]);
  await clock.advance(100 * freezeDelayMs);
  assert.deepEqual(calls, ["pause", "freeze"]);
  freezer.wake();
  freezer.wake();
  assert.deepEqual(calls, ["pause", "freeze", "thaw"]);
  freezer.rest();
  await clock.advance(freezeDelayMs);
  assert.deepEqual(calls, ["pause", "freeze", "thaw", "pause", "freeze"]);
});

test("warm traffic is never frozen, and has one timer at most", async () => {
  const { clock, calls, freezer } = staged();
  for (let invocation = 0; invocation < 500; invocation += 1) {
    freezer.wake();
    await clock.advance(1);
    freezer.rest();
    assert.equal(clock.pending, 1);
    await clock.advance(freezeDelayMs / 3);
  }
  assert.deepEqual(calls, []);
});

test("what works for long is not frozen meanwhile, and no timer looks at it", async () => {
  const { clock, calls, freezer } = staged();
  freezer.rest();
  freezer.wake();
  await clock.advance(10 * freezeDelayMs);
  assert.deepEqual(calls, []);
  assert.equal(clock.pending, 0);
});

test("what is woken before it has come to rest is not frozen afterwards", async () => {
  const { clock, calls, freezer, pausesUntil } = staged();
  const { promise, resolve } = Promise.withResolvers<void>();
  pausesUntil(promise);
  freezer.rest();
  await clock.advance(freezeDelayMs);
  freezer.wake();
  pausesUntil(Promise.resolve());
  freezer.rest();
  await clock.advance(1);
  resolve();
  await clock.advance(1);
  assert.deepEqual(calls, ["pause", "thaw"]);
  await clock.advance(freezeDelayMs);
  assert.deepEqual(calls, ["pause", "thaw", "pause", "freeze"]);
});

test("what ends is left as it is", async () => {
  const { clock, calls, freezer } = staged();
  freezer.rest();
  freezer.stop();
  assert.equal(clock.pending, 0);
  freezer.rest();
  await clock.advance(freezeDelayMs);
  freezer.stop();
  freezer.wake();
  await clock.advance(freezeDelayMs);
  assert.deepEqual(calls, ["pause", "freeze"]);
});
