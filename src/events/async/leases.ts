/**
 * Attempts under way, each for as long as a lease lasts. All leases are equally long: the oldest ends first, and one timer
 * will do. In memory only, for whoever starts on a store is alone on it. What a lease that is over still answers must not
 * count (E3): `has` says so.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { asyncLeaseMs } from "../../limits.ts";
import type { Queued } from "./store.ts";

/** One attempt under way, at an event of one lane. */
export interface Lease<Entry> {
  readonly queued: Queued;
  readonly entry: Entry;
  /** Monotonic. */
  readonly expiresMs: number;
}

export class Leases<Entry> {
  readonly #clock: Clock;
  readonly #takeOver: (lease: Lease<Entry>) => void;
  /** The oldest first. */
  readonly #current = new Set<Lease<Entry>>();
  #expiry: Timer | undefined;
  #isStopped = false;

  /** `takeOver` is told of a lease that was not ended in time; it may take its time to end it. */
  constructor(clock: Clock, takeOver: (lease: Lease<Entry>) => void) {
    this.#clock = clock;
    this.#takeOver = takeOver;
  }

  get size(): number {
    return this.#current.size;
  }

  /** Ids of the events. */
  ids(): ReadonlySet<string> {
    return new Set([...this.#current].map(({ queued }) => queued.event.id));
  }

  begin(entry: Entry, queued: Queued): Lease<Entry> {
    const lease = { queued, entry, expiresMs: this.#clock.monotonic() + asyncLeaseMs };
    this.#current.add(lease);
    this.#expiry ??= this.#clock.after(asyncLeaseMs, () => this.#expire());
    return lease;
  }

  has(lease: Lease<Entry>): boolean {
    return this.#current.has(lease);
  }

  /** False: it was over already. */
  end(lease: Lease<Entry>): boolean {
    return this.#current.delete(lease);
  }

  /** Nothing is taken over any more. */
  stop(): void {
    this.#isStopped = true;
    this.#expiry?.cancel();
  }

  #expire(): void {
    this.#expiry = undefined;
    const nowMs = this.#clock.monotonic();
    for (const lease of this.#current) {
      if (lease.expiresMs > nowMs) break;
      this.#takeOver(lease);
    }
    const oldest = [...this.#current].find(({ expiresMs }) => expiresMs > nowMs);
    if (!oldest || this.#isStopped) return;
    this.#expiry = this.#clock.after(oldest.expiresMs - nowMs, () => this.#expire());
  }
}
