/**
 * Which deliveries may be under way: a bounded number in all, and in each *lane*, a subscription's, or one group's of a
 * subscription, whose width is one, so that order is kept. Pure bookkeeping; who has a place in its lane keeps it until
 * `leave`, also while it waits for another attempt.
 */

interface Lane<T> {
  occupied: number;
  readonly waiting: Set<T>;
}

export interface Placed {
  readonly lane: string;
  readonly laneWidth: number;
}

export class Lanes<T extends Placed> {
  readonly #runningMax: number;
  readonly #lanes = new Map<string, Lane<T>>();
  readonly #ready = new Set<T>();
  #running = 0;

  constructor(runningMax: number) {
    this.#runningMax = runningMax;
  }

  /** Goes behind those in its lane. True: it has a place there now. */
  enter(item: T): boolean {
    const lane = this.#lanes.get(item.lane) ?? { occupied: 0, waiting: new Set() };
    this.#lanes.set(item.lane, lane);
    if (lane.occupied >= item.laneWidth) {
      lane.waiting.add(item);
      return false;
    }
    lane.occupied += 1;
    return true;
  }

  /** Gives its place up; answers who has it now. */
  leave(item: T): T | undefined {
    const lane = this.#lanes.get(item.lane);
    if (!lane) return undefined;
    const [next] = lane.waiting;
    if (next) {
      lane.waiting.delete(next);
      return next;
    }
    lane.occupied -= 1;
    if (lane.occupied === 0) this.#lanes.delete(item.lane);
    return undefined;
  }

  /** It has a place in its lane, and its time has come. */
  ready(item: T): void {
    this.#ready.add(item);
  }

  /** One that may begin now; it counts as running. */
  begin(): T | undefined {
    if (this.#running >= this.#runningMax) return undefined;
    const [item] = this.#ready;
    if (!item) return undefined;
    this.#ready.delete(item);
    this.#running += 1;
    return item;
  }

  ended(): void {
    this.#running -= 1;
  }
}
