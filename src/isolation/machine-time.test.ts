import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimClock } from "../base/clock-sim.ts";
import { systemClock } from "../base/clock.ts";
import { machineTimeReadingAgeMsMax } from "../limits.ts";
import { createMachineTime } from "./machine-time.ts";

/** One second of two processors, in hundredths: what each column got. */
interface Second {
  readonly user?: number;
  readonly idle?: number;
  readonly iowait?: number;
  readonly steal?: number;
  readonly guest?: number;
  /** Microseconds. */
  readonly sandboxes?: number;
}

function stage(counted = true) {
  const clock = createSimClock();
  const sums = { user: 7000, idle: 5000, iowait: 100, steal: 3, guest: 10, sandboxes: 1_000_000 };
  const machine = { reads: 0, hasStat: true };
  const time = createMachineTime(
    clock,
    () => (counted ? sums.sandboxes : undefined),
    () => {
      machine.reads += 1;
      const { user, idle, iowait, steal, guest } = sums;
      return machine.hasStat
        ? `cpu  ${user} 5 20 ${idle} ${iowait} 0 9 ${steal} ${guest} 0\ncpu0 1 1 1 1 1 1 1 1 1 1\nintr 4 5 6\n`
        : "";
    },
  );
  async function passes(second: Second) {
    for (const [column, more] of Object.entries(second)) sums[column as keyof typeof sums] += Number(more);
    await clock.advance(1000);
    return time.saturation();
  }
  return { clock, machine, time, passes };
}

for (const [what, second, expected] of [
  ["idle processors", { user: 10, idle: 190 }, "none"],
  ["a little is left", { user: 188, idle: 12, sandboxes: 1_800_000 }, "none"],
  [
    "hardly anything is left, and sandboxes had most",
    { user: 192, idle: 8, sandboxes: 1_800_000 },
    "sandboxes",
  ],
  ["nothing is left, and sandboxes had a tenth", { user: 200, sandboxes: 200_000 }, "sandboxes"],
  ["nothing is left, and sandboxes had next to nothing", { user: 200, sandboxes: 90_000 }, "others"],
  ["processors that wait for disks are idle", { user: 100, iowait: 100, sandboxes: 900_000 }, "none"],
  ["what the host took is not idle", { user: 100, steal: 100, sandboxes: 900_000 }, "sandboxes"],
  ["what guests had is counted once", { user: 150, idle: 8, guest: 100, sandboxes: 900_000 }, "none"],
] as const satisfies readonly (readonly [string, Second, string])[]) {
  test(`saturation: ${what}`, async () => {
    const { time, passes } = stage();
    assert.equal(time.saturation(), "none", "one look tells nothing");
    assert.equal(await passes(second), expected);
  });
}

test("where nobody counts what sandboxes had, it is taken to be they", async () => {
  const { time, passes } = stage(false);
  time.saturation();
  assert.equal(await passes({ user: 200 }), "sandboxes");
});

test("it is looked a few times a second at most, and between two looks, not since the start", async () => {
  const { clock, machine, time, passes } = stage();
  time.saturation();
  assert.equal(await passes({ user: 200, sandboxes: 1_000_000 }), "sandboxes");
  await clock.advance(machineTimeReadingAgeMsMax - 1);
  time.saturation();
  assert.equal(machine.reads, 2);
  assert.equal(await passes({ user: 20, idle: 180 }), "none");
  assert.equal(machine.reads, 3);
});

test("a machine that does not say has time", async () => {
  const { machine, passes } = stage();
  machine.hasStat = false;
  assert.equal(await passes({ user: 200 }), "none");
});

test("this machine says something", () => {
  const time = createMachineTime(systemClock, () => undefined);
  assert.ok(["none", "others", "sandboxes"].includes(time.saturation()));
});
