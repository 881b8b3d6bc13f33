/**
 * Freezes what has had nothing to do for a moment, and thaws it before it gets anything: between two invocations nothing of
 * a function runs, as on AWS.
 *
 * Warm traffic pays a number that is written down: one timer looks, ten times a second at most, whether there has been
 * rest for long enough. Knows nothing of sandboxes, and freezes nothing that has not been brought to rest before.
 */
import type { Clock, Timer } from "../base/clock.ts";
import { freezeDelayMs } from "../limits.ts";

export interface Freezable {
  /** Begins nothing new with it; resolves when nothing is under way. Never rejects. */
  pause(): Promise<void>;
  freeze(): void;
  /** Whether it is frozen, or only paused, or nothing of both. */
  thaw(): void;
}

export class Freezer {
  readonly #clock: Clock;
  readonly #subject: Freezable;
  /** Undefined: it has something to do. */
  #restingSinceMs: number | undefined;
  #timer: Timer | undefined;
  /** Of the freezing under way or done; undefined: neither. */
  #attempt: symbol | undefined;

  constructor(clock: Clock, subject: Freezable) {
    this.#clock = clock;
    this.#subject = subject;
  }

  /** From now on it has nothing to do. */
  rest(): void {
    this.#restingSinceMs = this.#clock.monotonic();
    this.#timer ??= this.#clock.after(freezeDelayMs, () => this.#look());
  }

  /** It is to get something, or it seems that it has ended. */
  wake(): void {
    this.#restingSinceMs = undefined;
    if (this.#attempt === undefined) return;
    this.#attempt = undefined;
    this.#subject.thaw();
  }

  /** It ends, as it is. */
  stop(): void {
    this.#restingSinceMs = undefined;
    this.#attempt = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #look(): void {
    this.#timer = undefined;
    // The next rest begins anew.
    if (this.#restingSinceMs === undefined) return;
    const leftMs = this.#restingSinceMs + freezeDelayMs - this.#clock.monotonic();
    if (leftMs > 0) this.#timer = this.#clock.after(leftMs, () => this.#look());
    else void this.#freeze();
  }

  async #freeze(): Promise<void> {
    const attempt = Symbol("attempt");
    this.#attempt = attempt;
    await this.#subject.pause();
    if (this.#attempt === attempt) this.#subject.freeze();
  }
}
