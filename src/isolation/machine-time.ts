/**
 * Whether the processors have time left for more work, and if not, who takes it: what share of the time between two looks
 * they were idle, and what share sandboxes had. Whoever starts sandboxes asks before it does. Looks a few times a second
 * at most, and only when asked.
 *
 * Not by the kernel's pressure figures: those count a program that has used up its quota as one that waits for a
 * processor, so that a small function at work would look like an overload.
 */
import { readFileSync } from "node:fs";
import type { Clock } from "../base/clock.ts";
import { machineTimeReadingAgeMsMax, saturatedIdleShareMax, saturatingShareMin } from "../limits.ts";

/** Who leaves none of the processors' time: nobody; others, and sandboxes hardly any of it; sandboxes. */
export type Saturation = "none" | "others" | "sandboxes";

export interface MachineTime {
  /** "none" where the machine does not say (not Linux). */
  saturation(): Saturation;
}

/** Microseconds of all processors since they were started. */
interface Reading {
  readonly total: number;
  readonly idle: number;
  readonly sandboxes: number | undefined;
}

/** `sandboxesCpuUsec`: that they have used so far; undefined: nobody counts it. `readStat` answers "" where there is none. */
export function createMachineTime(
  clock: Clock,
  sandboxesCpuUsec: () => number | undefined,
  readStat: () => string = readProcStat,
): MachineTime {
  let saturation: Saturation = "none";
  let last: Reading | undefined;
  let readAtMs = -Infinity;
  return {
    saturation() {
      if (clock.monotonic() - readAtMs < machineTimeReadingAgeMsMax) return saturation;
      readAtMs = clock.monotonic();
      const reading = readingOf(readStat(), sandboxesCpuUsec());
      if (last && reading && reading.total > last.total) saturation = saturationBetween(last, reading);
      last = reading;
      return saturation;
    },
  };
}

function saturationBetween(before: Reading, after: Reading): Saturation {
  const total = after.total - before.total;
  if ((after.idle - before.idle) / total > saturatedIdleShareMax) return "none";
  if (after.sandboxes === undefined || before.sandboxes === undefined) return "sandboxes";
  return (after.sandboxes - before.sandboxes) / total < saturatingShareMin ? "others" : "sandboxes";
}

/** `cpu  <user> <nice> <system> <idle> <iowait> <irq> <softirq> <steal> …`, in hundredths of a second. */
function readingOf(stat: string, sandboxes: number | undefined): Reading | undefined {
  const line = /^cpu +(.*)$/m.exec(stat)?.[1];
  if (line === undefined) return undefined;
  // What guests had is in the first two already.
  const times = line
    .split(" ")
    .slice(0, 8)
    .map((ticks) => Number(ticks) * 10_000);
  const [, , , idle = 0, waitingForDisks = 0] = times;
  return { total: times.reduce((sum, time) => sum + time, 0), idle: idle + waitingForDisks, sandboxes };
}

function readProcStat(): string {
  try {
    return readFileSync("/proc/stat", "utf8");
  } catch {
    return "";
  }
}
