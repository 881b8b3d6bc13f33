/**
 * How many of one function's events may be under way at once, and when none shall begin. Pure bookkeeping.
 *
 * A function starts with few and gets more as long as it is slow with as many as it may have: what answers at once gains
 * nothing from more environments. An attempt that could not run takes it back to what did run, and makes a pause.
 */
import { asyncConcurrencyPerFunctionMax, asyncConcurrencyPerFunctionMin, asyncSlowMs } from "../../limits.ts";

export class Pace {
  #width = asyncConcurrencyPerFunctionMin;
  #stalls = 0;
  #pausedUntilMs = 0;

  /** Attempts at once. */
  get width(): number {
    return this.#width;
  }

  /** Attempts that did not run, one after the other. */
  get stalls(): number {
    return this.#stalls;
  }

  get pausedUntilMs(): number {
    return this.#pausedUntilMs;
  }

  /** `running`: with this one. */
  ran(tookMs: number, running: number): void {
    this.#stalls = 0;
    this.#pausedUntilMs = 0;
    const wantsMore = tookMs >= asyncSlowMs && running >= this.#width;
    if (wantsMore) this.#width = Math.min(asyncConcurrencyPerFunctionMax, this.#width + 1);
  }

  stall(untilMs: number, running: number): void {
    this.#stalls += 1;
    this.#pausedUntilMs = untilMs;
    this.#width = Math.max(1, Math.min(this.#width, running - 1));
  }

  /** What was waited for is there. */
  resume(): void {
    this.#pausedUntilMs = 0;
  }
}
