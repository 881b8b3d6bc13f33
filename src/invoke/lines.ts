/**
 * Requests that wait for an environment, a line for each version: who is next, who has waited too long, and whose turn it is
 * among the versions when something can be started. Nobody waits without end.
 *
 * A request may have *patience*: for as long no start is made for it, since an environment of its version has answered
 * and is nearly always back before another could have started.
 */
import type { Clock } from "../base/clock.ts";
import { invariant } from "../base/invariant.ts";
import type { Environment } from "../runtime/contract.ts";
import { Overloaded } from "./admission.ts";
import type { Group, Waiter } from "./group.ts";

export interface LinesDeps {
  readonly clock: Clock;
  /** How long a request waits at most, ms. */
  readonly waitMsMax: number;
  readonly patienceMs: number;
  /** Nobody of this version waits any more. */
  readonly onEmpty: (group: Group) => void;
  /** A start may be made for one more. */
  readonly onImpatient: () => void;
}

export class Lines {
  readonly #deps: LinesDeps;
  /** Those with requests in line; they take turns. */
  readonly #groups = new Set<Group>();
  #total = 0;

  constructor(deps: LinesDeps) {
    this.#deps = deps;
  }

  /** Requests in all lines. */
  get total(): number {
    return this.#total;
  }

  /** In the order of their turns; whose turn has ended while this runs comes again. */
  get groups(): Iterable<Group> {
    return this.#groups;
  }

  join(group: Group): Promise<Environment> {
    const { clock, waitMsMax, patienceMs } = this.#deps;
    return new Promise((resolve, reject) => {
      const sinceMs = clock.monotonic();
      const waiter: Waiter = { resolve, reject, sinceMs, patience: undefined, expiry: undefined };
      waiter.expiry = clock.after(waitMsMax, () => this.#expire(group, waiter));
      if (group.settling > group.waiting.length) {
        group.patient += 1;
        waiter.patience = clock.after(patienceMs, () => {
          endPatience(group, waiter);
          this.#deps.onImpatient();
        });
      }
      group.waiting.push(waiter);
      this.#total += 1;
      this.#groups.add(group);
    });
  }

  /** Takes the first out of its line. */
  next(group: Group): Waiter | undefined {
    return this.#left(group, group.waiting.shift());
  }

  /** Takes the last out of its line. */
  last(group: Group): Waiter | undefined {
    return this.#left(group, group.waiting.pop());
  }

  refuseAll(group: Group, why: Error): void {
    for (let waiter = this.next(group); waiter; waiter = this.next(group)) waiter.reject(why);
  }

  /** An environment was given back; where it went to nobody, one more waits than are still to be given back. */
  environmentReturned(group: Group): void {
    const unlucky = group.waiting[group.settling];
    if (unlucky) endPatience(group, unlucky);
  }

  /** All other versions are served before it is again. */
  endTurn(group: Group): void {
    if (this.#groups.delete(group)) this.#groups.add(group);
  }

  #left(group: Group, waiter: Waiter | undefined): Waiter | undefined {
    if (!waiter) return undefined;
    endPatience(group, waiter);
    waiter.expiry?.cancel();
    this.#total -= 1;
    if (group.waiting.length === 0) {
      this.#groups.delete(group);
      this.#deps.onEmpty(group);
    }
    return waiter;
  }

  /** All wait equally long, so that whoever has waited too long is the first of its line. */
  #expire(group: Group, waiter: Waiter): void {
    invariant(this.next(group) === waiter, "requests in line are refused in their order");
    waiter.reject(new Overloaded("no environment was free in time"));
  }
}

function endPatience(group: Group, waiter: Waiter): void {
  if (!waiter.patience) return;
  waiter.patience.cancel();
  waiter.patience = undefined;
  group.patient -= 1;
}
