import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryPeak, ownPeakBytes } from "./memory-peak.ts";

const MiB = 1024 * 1024;

/** Megabytes at each reading: the kernel's peak, what is cached, what the largest process has had; and what is told. */
const stories: readonly (readonly [string, readonly (readonly [number, number, number, number])[]])[] = [
  [
    "without cache it is the kernel's",
    [
      [50, 0, 40, 50],
      [80, 1, 70, 79],
    ],
  ],
  [
    "what was written to /tmp is not memory",
    [
      [20, 2, 15, 18],
      [420, 400, 16, 20],
    ],
  ],
  ["a program that was large before it wrote is not forgotten", [[420, 400, 120, 120]]],
  [
    "nor one that was large at an earlier reading, and whose processes are gone",
    [
      [200, 0, 200, 200],
      [420, 400, 10, 200],
    ],
  ],
  [
    "it never shrinks",
    [
      [100, 0, 90, 100],
      [100, 60, 90, 100],
    ],
  ],
  ["it is never above the kernel's", [[100, 50, 300, 100]]],
  ["a cache that has grown meanwhile is not taken off twice", [[30, 40, 5, 5]]],
];

for (const [name, steps] of stories) {
  test(`memory: ${name}`, () => {
    let step = steps[0] ?? [0, 0, 0, 0];
    const peak = memoryPeak({
      total: () => step[0] * MiB,
      cached: () => step[1] * MiB,
      ofOneProcess: () => step[2] * MiB,
    });
    for (step of steps) assert.equal(peak() / MiB, step[3]);
  });
}

test("what has not grown is not looked into", () => {
  let looks = 0;
  const look = () => ((looks += 1), 8 * MiB);
  const peak = memoryPeak({ total: () => 10 * MiB, cached: look, ofOneProcess: look });
  peak();
  peak();
  assert.equal(looks, 2);
});

test("a process's own peak is without what it has mapped from files", () => {
  const status =
    "Name:\tnode\nVmHWM:\t   70000 kB\nVmRSS:\t   60000 kB\nRssAnon:\t   20000 kB\nRssFile:\t   40000 kB\n";
  assert.equal(ownPeakBytes(status), 30_000 * 1024);
  assert.equal(ownPeakBytes("Name:\tdead\nState:\tZ (zombie)\n"), 0);
});
