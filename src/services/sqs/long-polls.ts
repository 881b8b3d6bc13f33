/**
 * Those who wait for messages of one queue. They are woken when something has changed, and, while anybody waits, when the
 * next message becomes visible. Nothing polls. Must never keep a time that is past: whoever is woken looks for himself.
 */
import type { Clock, Timer } from "../../base/clock.ts";

export class LongPolls {
  readonly #clock: Clock;
  readonly #nextVisibleAtMs: () => number | undefined;
  readonly #waiting = new Set<() => void>();
  #alarm: { readonly atMs: number; readonly timer: Timer } | undefined;
  #changeCount = 0;
  #isClosed = false;

  constructor(clock: Clock, nextVisibleAtMs: () => number | undefined) {
    this.#clock = clock;
    this.#nextVisibleAtMs = nextVisibleAtMs;
  }

  /** Whoever finds another number than before he looked need not wait. */
  get changeCount(): number {
    return this.#changeCount;
  }

  /** Resolves at the next change or time, when `untilMs` is reached, or when `signal` aborts. */
  wait(untilMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        timer.cancel();
        this.#waiting.delete(end);
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = this.#clock.after(untilMs - this.#clock.now(), end);
      signal.addEventListener("abort", end, { once: true });
      this.#waiting.add(end);
      this.arm();
    });
  }

  changed(): void {
    this.#changeCount += 1;
    this.arm();
    this.wake();
  }

  wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** While someone waits, the time when something becomes visible is waited for, too. */
  arm(): void {
    const atMs = this.#nextVisibleAtMs();
    if (this.#waiting.size === 0 || atMs === undefined || this.#isClosed) return;
    if (this.#alarm && this.#alarm.atMs <= atMs) return;
    this.#alarm?.timer.cancel();
    const timer = this.#clock.after(Math.max(0, atMs - this.#clock.now()), () => {
      this.#alarm = undefined;
      this.wake();
    });
    this.#alarm = { atMs, timer };
  }

  /** Wakes all, and none again. */
  close(): void {
    this.#isClosed = true;
    this.wake();
    this.#alarm?.timer.cancel();
  }
}
