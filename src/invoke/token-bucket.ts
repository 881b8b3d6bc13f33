/** How often something may happen: a bucket that is refilled evenly and never holds more than its capacity. Pure. */

/** Both finite. */
export interface Rate {
  /** At once, after a long rest. */
  readonly capacity: number;
  readonly perSecond: number;
}

export class TokenBucket {
  #tokens: number;
  #capacity: number;
  #atMs: number;

  /** Full. */
  constructor({ capacity }: Rate, nowMs: number) {
    this.#tokens = capacity;
    this.#capacity = capacity;
    this.#atMs = nowMs;
  }

  /** Whether there was one, which is gone now. The rate may be another each time: what a greater capacity adds is there at once. */
  take(rate: Rate, nowMs: number): boolean {
    this.#fill(rate, nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** As good as new: nothing is lost by forgetting it. */
  isFull(rate: Rate, nowMs: number): boolean {
    this.#fill(rate, nowMs);
    return this.#tokens >= rate.capacity;
  }

  #fill({ capacity, perSecond }: Rate, nowMs: number): void {
    const gainedMs = Math.max(0, nowMs - this.#atMs);
    const added = Math.max(0, capacity - this.#capacity);
    this.#tokens = Math.min(capacity, this.#tokens + added + (gainedMs / 1000) * perSecond);
    this.#capacity = capacity;
    this.#atMs = Math.max(this.#atMs, nowMs);
  }
}
