/**
 * A clock that stands still until it is told to move. `advance` fires due timers in order of their time (then of their
 * making), letting promises settle between two of them, so that what a timer starts has happened before the next one.
 */
import type { Clock } from "./clock.ts";

export interface SimClock extends Clock {
  /** Moves time forward by `ms`, firing what falls due. */
  advance(ms: number): Promise<void>;
  /** Timers that wait. */
  readonly pending: number;
}

interface Waiting {
  readonly atMs: number;
  readonly order: number;
  readonly task: () => void;
}

export function createSimClock(startMs = Date.UTC(2026, 0, 1)): SimClock {
  let nowMs = startMs;
  let made = 0;
  const waiting = new Set<Waiting>();

  function after(delayMs: number, task: () => void) {
    const entry: Waiting = { atMs: nowMs + Math.max(0, delayMs), order: made++, task };
    waiting.add(entry);
    return { cancel: () => void waiting.delete(entry) };
  }

  function nextDue(untilMs: number): Waiting | undefined {
    let first: Waiting | undefined;
    for (const entry of waiting) {
      if (entry.atMs > untilMs) continue;
      if (!first || entry.atMs < first.atMs || (entry.atMs === first.atMs && entry.order < first.order))
        first = entry;
    }
    return first;
  }

  return {
    now: () => Math.floor(nowMs),
    monotonic: () => nowMs - startMs,
    after,
    sleep(delayMs, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const timer = after(delayMs, () => {
          signal?.removeEventListener("abort", abort);
          resolve();
        });
        function abort() {
          timer.cancel();
          reject(signal?.reason);
        }
        signal?.addEventListener("abort", abort, { once: true });
      });
    },
    async advance(ms) {
      const untilMs = nowMs + ms;
      await settle();
      for (let due = nextDue(untilMs); due; due = nextDue(untilMs)) {
        waiting.delete(due);
        nowMs = Math.max(nowMs, due.atMs);
        due.task();
        await settle();
      }
      nowMs = untilMs;
      await settle();
    },
    get pending() {
      return waiting.size;
    },
  };
}

/** Lets every promise that can settle without time or I/O do so. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
