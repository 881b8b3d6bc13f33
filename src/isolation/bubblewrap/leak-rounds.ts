/** Creates and destroys sandboxes in turn and counts what is there before, in between and afterwards. Tests only. */
import { systemClock } from "../../base/clock.ts";
import { type Census, census, heldNetworks, openDescriptors, type Subject } from "./census.ts";
import { bubblewrapForTest, ending, eventually, specOf } from "../suite-tools.ts";
import { sandboxSlotsIdleMin } from "../../limits.ts";

export interface LeakReport {
  readonly before: Census & { readonly descriptors: number };
  /** After a few rounds and after all of them, with the waiting slots that belong to a living driver. */
  readonly settled: Census & { readonly descriptors: number };
  readonly later: Census & { readonly descriptors: number };
  /** After close. */
  readonly after: Census & { readonly descriptors: number };
  readonly createMs: readonly number[];
  readonly destroyMs: readonly number[];
}

const warmUpRounds = 5;

export async function measureLeaks(rounds: number): Promise<LeakReport> {
  // The first driver's number is the second's: what is counted before is counted for the right one.
  const first = await bubblewrapForTest();
  await first.driver.close();
  const before = count(first);
  const subject = await bubblewrapForTest(first.instance);
  const createMs: number[] = [];
  const destroyMs: number[] = [];
  const once = async (round: number) => {
    const startMs = systemClock.monotonic();
    // Every tenth comes after another in the same /tmp, on a slot of its own.
    const tmpName = round % 10 < 2 ? "kept" : undefined;
    const sandbox = await subject.driver.create(
      specOf([round % 2 === 0 ? "/bin/true" : "/bin/sleep", "100"], { tmpName }),
    );
    createMs.push(systemClock.monotonic() - startMs);
    // Half of them end by themselves, half are killed.
    if (round % 2 === 0) return void (await ending(sandbox));
    const destroyStartMs = systemClock.monotonic();
    await sandbox.destroy();
    destroyMs.push(systemClock.monotonic() - destroyStartMs);
    if (tmpName !== undefined) await subject.driver.removeTmp?.(tmpName);
  };
  for (let round = 0; round < warmUpRounds; round += 1) await once(round);
  const settled = await waiting(subject);
  for (let round = 0; round < rounds; round += 1) await once(round);
  const later = await waiting(subject);
  await subject.driver.close();
  return { before, settled, later, after: count(first), createMs, destroyMs };
}

/** Counted when exactly the slots wait that shall. FIFOs are made in batches, so files are not compared here. */
async function waiting(subject: Subject) {
  // Files that are being read, and streams that are being closed, come and go: the same number several times in a row.
  const counts: number[] = [];
  await eventually("the slots are refilled", () => {
    const { processes, links, disks, loopDevices } = census(subject);
    const areMounted = loopDevices === (disks > 0 ? sandboxSlotsIdleMin : 0);
    const areHeld = heldNetworks() === sandboxSlotsIdleMin;
    const lately = [...counts.slice(-9), openDescriptors()];
    counts.push(...lately.slice(-1));
    const isStill = lately.length === 10 && new Set(lately).size === 1;
    const areThere = processes === sandboxSlotsIdleMin && links === sandboxSlotsIdleMin;
    return areThere && areMounted && areHeld && isStill;
  });
  return { ...count(subject), files: 0 };
}

function count(subject: Subject) {
  return { ...census(subject), descriptors: openDescriptors() };
}
