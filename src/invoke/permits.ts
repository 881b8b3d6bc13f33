/**
 * Permits, for those too who come a moment too early. A caller has its answer before the environment has settled, so whoever
 * invokes one by one may ask again before its own permit is back: a throttle that AWS's callers, who are further away, do
 * not meet. Such a request waits, `permitPatienceMs` at most, and no more of them wait than permits are about to come back.
 *
 * What there is, `concurrency.ts` decides. Asynchronous events never wait here: their queue is woken by itself.
 */
import type { Clock, Timer } from "../base/clock.ts";
import { permitPatienceMs } from "../limits.ts";
import type { Claim, Concurrency, Permit, Scope, Taken } from "./concurrency.ts";

interface Waiter {
  readonly claim: Claim;
  readonly resolve: (taken: Taken) => void;
  readonly expiry: Timer;
}

export class Permits {
  readonly #concurrency: Concurrency;
  readonly #clock: Clock;
  readonly #waiting = new Map<Scope, Waiter[]>();

  constructor(concurrency: Concurrency, clock: Clock) {
    this.#concurrency = concurrency;
    this.#clock = clock;
  }

  take(claim: Claim): Taken | Promise<Taken> {
    const taken = this.#concurrency.take(claim, this.#clock.monotonic());
    if (taken.kind === "permit" || claim.isEvent) return taken;
    const scope = this.#concurrency.soonFree(claim);
    const waiting = scope && (this.#waiting.get(scope) ?? []);
    if (!waiting || waiting.length >= scope.settling) return taken;
    return new Promise((resolve) => {
      const expiry = this.#clock.after(permitPatienceMs, () => {
        // All wait equally long.
        this.#next(scope);
        resolve(taken);
      });
      waiting.push({ claim, resolve, expiry });
      this.#waiting.set(scope, waiting);
    });
  }

  give(permit: Permit): void {
    this.#concurrency.give(permit);
    const waiter = this.#next(permit.scope);
    if (!waiter) return;
    waiter.expiry.cancel();
    waiter.resolve(this.#concurrency.take(waiter.claim, this.#clock.monotonic()));
  }

  #next(scope: Scope): Waiter | undefined {
    const waiting = this.#waiting.get(scope);
    const first = waiting?.shift();
    if (waiting?.length === 0) this.#waiting.delete(scope);
    return first;
  }
}
