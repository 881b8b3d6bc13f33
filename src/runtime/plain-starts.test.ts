import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimClock } from "../base/clock-sim.ts";
import { plainStartsMax, warmIdleMs } from "../limits.ts";
import { createPlainStarts } from "./plain-starts.ts";

function counted() {
  const clock = createSimClock();
  const counts: number[] = [];
  return { clock, counts, starts: createPlainStarts(clock, (count) => counts.push(count)) };
}

test("versions count once each, until they are started", () => {
  const { counts, starts } = counted();
  for (const key of ["a", "b", "a"]) starts.expect(key);
  for (const key of ["b", "b", "never made"]) starts.started(key);
  assert.deepEqual(counts, [1, 2, 1]);
});

test("one that nobody starts is forgotten", async () => {
  const { clock, counts, starts } = counted();
  starts.expect("a");
  await clock.advance(warmIdleMs / 2);
  starts.expect("b");
  starts.started("b");
  await clock.advance(warmIdleMs / 2);
  assert.deepEqual(counts, [1, 2, 1, 0]);
  await clock.advance(warmIdleMs);
  assert.deepEqual(counts, [1, 2, 1, 0], "what was started is not forgotten once more");
});

test("more than a machine is prepared for are not counted", () => {
  const { counts, starts } = counted();
  for (let index = 0; index < plainStartsMax + 10; index += 1) starts.expect(`v${index}`);
  assert.equal(counts.at(-1), plainStartsMax);
});
