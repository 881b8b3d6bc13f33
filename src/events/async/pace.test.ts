import assert from "node:assert/strict";
import { test } from "node:test";
import { Pace } from "./pace.ts";

function ran(pace: Pace, durationMs: number, running: number, endedMs: number): void {
  pace.ran({ durationMs, running, begunMs: endedMs - durationMs, endedMs });
}

/** Runs whole rounds of attempts that begin together; answers the widths after each. */
function widthsOf(pace: Pace, rounds: number, tookMs: (width: number) => number): number[] {
  let nowMs = 0;
  return Array.from({ length: rounds }, () => {
    const { width } = pace;
    nowMs += tookMs(width);
    for (let at = 0; at < width; at += 1) ran(pace, tookMs(width), width, nowMs);
    return pace.width;
  });
}

test("a function that waits for something gets twice as many, again and again, up to a hundred", () => {
  const widths = widthsOf(new Pace(), 12, () => 1000);
  assert.deepEqual(widths, [8, 8, 16, 16, 32, 32, 64, 64, 100, 100, 100, 100]);
});

test("a fast one keeps what it has, whatever some cold starts took", () => {
  const pace = new Pace();
  for (const tookMs of [200, 200, 2, 200, 200, 200, 1, 200]) ran(pace, tookMs, 4, 300);
  assert.equal(pace.width, 4);
});

test("one that is slow for want of CPU goes back, and does not try again", () => {
  // Twice as many at once take twice as long.
  const widths = widthsOf(new Pace(), 8, (width) => width * 25);
  assert.deepEqual(widths, [8, 8, 4, 4, 4, 4, 4, 4]);
});

test("one that does not use what it has gets no more", () => {
  const pace = new Pace();
  for (let at = 0; at < 20; at += 1) ran(pace, 1000, 3, 1000 * (at + 1));
  assert.equal(pace.width, 4);
});

test("what did not run takes it back to what did, and lets it pause until something ran", () => {
  const pace = new Pace();
  pace.stall(5000, 3);
  assert.deepEqual([pace.width, pace.stalls, pace.pausedUntilMs], [2, 1, 5000]);
  pace.stall(7000, 1);
  assert.deepEqual([pace.width, pace.stalls], [1, 2], "never to none");
  pace.resume();
  assert.deepEqual([pace.stalls, pace.pausedUntilMs], [2, 0]);
  ran(pace, 1, 1, 1);
  assert.equal(pace.stalls, 0);
});
