/** The clock that tests drive. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimClock } from "./clock-sim.ts";

test("timers fire in the order of their time, then of their making, each at its own time", async () => {
  const clock = createSimClock(1000);
  const fired: string[] = [];
  clock.after(20, () => fired.push(`b at ${clock.now()}`));
  clock.after(10, () => fired.push(`a at ${clock.now()}`));
  clock.after(20, () => fired.push(`c at ${clock.now()}`));
  await clock.advance(15);
  assert.deepEqual(fired, ["a at 1010"]);
  await clock.advance(15);
  assert.deepEqual(fired, ["a at 1010", "b at 1020", "c at 1020"]);
  assert.equal(clock.now(), 1030);
  assert.equal(clock.pending, 0);
});

test("a timer that a timer starts fires within the same advance when it falls due", async () => {
  const clock = createSimClock();
  let fired = 0;
  const again = () => {
    fired += 1;
    clock.after(10, again);
  };
  clock.after(10, again);
  await clock.advance(35);
  assert.equal(fired, 3);
});

test("a cancelled timer does not fire, and cancelling twice is harmless", async () => {
  const clock = createSimClock();
  const timer = clock.after(5, () => assert.fail("it was cancelled"));
  timer.cancel();
  timer.cancel();
  await clock.advance(10);
});

test("sleep ends with time, or with the signal's reason", async () => {
  const clock = createSimClock();
  let isAwake = false;
  void clock.sleep(10).then(() => (isAwake = true));
  await clock.advance(9);
  assert.equal(isAwake, false);
  await clock.advance(1);
  assert.equal(isAwake, true);
  const stopping = new AbortController();
  const sleeping = clock.sleep(10, stopping.signal);
  stopping.abort(new Error("enough"));
  await assert.rejects(sleeping, /enough/);
  assert.equal(clock.pending, 0);
});
