/**
 * The most memory that the programs of a control group have used. The kernel's own peak counts page cache too: a function
 * that has written 400 MB to /tmp would seem to need them, though the kernel gives them back when asked.
 *
 * Whenever the kernel's peak has grown, what is cached now is taken off. The program may have been large before the
 * cache was, so it is never less than the most that one of its living processes has had of its own.
 */
import { memoryCachedBytesMin } from "../limits.ts";

export interface MemoryReadings {
  /** The kernel's peak. */
  total(): number;
  /** Files' pages now; what is in a tmpfs is memory. */
  cached(): number;
  /** The most that one living process has had of its own. */
  ofOneProcess(): number;
}

/** Answers the peak so far, in bytes. Costs one reading where nothing has grown. */
export function memoryPeak(readings: MemoryReadings): () => number {
  let highestTotal = 0;
  let peak = 0;
  return () => {
    const total = readings.total();
    if (total <= highestTotal) return peak;
    highestTotal = total;
    const cached = Math.min(readings.cached(), total);
    peak = Math.max(peak, total - cached);
    if (cached >= memoryCachedBytesMin) peak = Math.max(peak, Math.min(readings.ofOneProcess(), total));
    return peak;
  };
}

/** Out of `/proc/<pid>/status`. What is mapped from files is everybody's; 0 for a zombie. */
export function ownPeakBytes(status: string): number {
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0);
  return Math.max(0, kib("VmHWM") - kib("RssFile")) * 1024;
}
