/**
 * How many of one function's events may be under way at once, and when none shall begin. Pure bookkeeping.
 *
 * A function starts with few. While it is slow with as many as it may have, it gets twice as many on trial; if after a
 * round of warming up a round brings hardly more events a second than before, it goes back and stays there: then it waits
 * for this machine, not for something else, and more environments only make it worse. An attempt that could not run
 * takes it back to what did run, and makes a pause.
 */
import { asyncConcurrencyPerFunctionMax, asyncConcurrencyPerFunctionMin, asyncSlowMs } from "../../limits.ts";

/** A trial has to bring so much more: between nothing and twice as much. */
const gainMin = 1.3;

/** One attempt that has run. */
export interface Ran {
  /** Of the function itself: waiting for an environment says nothing about it. */
  readonly durationMs: number;
  /** Monotonic, as `endedMs`; with all waiting. */
  readonly begunMs: number;
  readonly endedMs: number;
  /** Attempts under way when it ended, with this one. */
  readonly running: number;
}

type Phase =
  | { readonly kind: "steady" }
  | { readonly kind: "warming" | "trial"; readonly before: { readonly width: number; readonly rate: number } }
  /** More has been tried in vain. */
  | { readonly kind: "full" };

export class Pace {
  #width = asyncConcurrencyPerFunctionMin;
  #phase: Phase = { kind: "steady" };
  /** A round is as many attempts as there may be at once. */
  #round: { readonly begunMs: number; ended: number; fastestMs: number } | undefined;
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

  ran({ durationMs, begunMs, endedMs, running }: Ran): void {
    this.#stalls = 0;
    this.#pausedUntilMs = 0;
    this.#round ??= { begunMs, ended: 0, fastestMs: Infinity };
    this.#round.ended += 1;
    this.#round.fastestMs = Math.min(this.#round.fastestMs, durationMs);
    if (this.#round.ended < this.#width) return;
    const rate = this.#round.ended / Math.max(1, endedMs - this.#round.begunMs);
    const wantsMore = this.#round.fastestMs >= asyncSlowMs && running >= this.#width;
    this.#endRound(rate, wantsMore);
  }

  stall(untilMs: number, running: number): void {
    this.#stalls += 1;
    this.#pausedUntilMs = untilMs;
    this.#begin(Math.max(1, Math.min(this.#width, running - 1)), { kind: "steady" });
  }

  /** What was waited for is there. */
  resume(): void {
    this.#pausedUntilMs = 0;
  }

  #endRound(rate: number, wantsMore: boolean): void {
    const phase = this.#phase;
    switch (phase.kind) {
      case "steady":
        if (wantsMore) return this.#try(rate);
        break;
      case "warming":
        return this.#begin(this.#width, { ...phase, kind: "trial" });
      case "trial":
        if (rate < phase.before.rate * gainMin) return this.#begin(phase.before.width, { kind: "full" });
        return wantsMore ? this.#try(rate) : this.#begin(this.#width, { kind: "steady" });
      case "full":
        break;
    }
    this.#begin(this.#width, phase);
  }

  #try(rate: number): void {
    const width = Math.min(asyncConcurrencyPerFunctionMax, this.#width * 2);
    if (width === this.#width) return this.#begin(width, { kind: "full" });
    this.#begin(width, { kind: "warming", before: { width: this.#width, rate } });
  }

  #begin(width: number, phase: Phase): void {
    this.#width = width;
    this.#phase = phase;
    this.#round = undefined;
  }
}
