/**
 * The events of one function that wait or are under way: the first of those that wait in memory, the rest in the store.
 *
 *     window: the earliest, in order │ beyond: only counted; read when the window runs low
 *                            boundary┘
 *
 * All that waits at or before the boundary is in the window, and nothing behind it is; with nothing beyond there is no
 * boundary. The store is read while other events come and go: what comes then is remembered and added afterwards, what
 * goes is left out. No I/O, no clock; the queue drives it.
 */
import { invariant } from "../../base/invariant.ts";
import type { LaneName } from "./event.ts";
import type { Queued } from "./store.ts";
import { placeOf } from "./store.ts";

/** An event in memory. */
export interface Waiting extends Queued {
  /** Kept since its acceptance, if there was room. */
  payload?: Uint8Array | undefined;
}

export class Lane {
  readonly name: LaneName;
  /** In the order of their places. */
  readonly #window: Waiting[] = [];
  /** Places of events under way. */
  readonly #taken = new Set<string>();
  #beyond = 0;
  /** Of the last event that the window has held, while there are some beyond. */
  #boundary: Queued | undefined;
  #scan: Scan | undefined;

  constructor(name: LaneName) {
    this.name = name;
  }

  /** Those in memory and those in the store only. */
  get waiting(): number {
    return this.#window.length + this.#beyond;
  }

  get inMemory(): number {
    return this.#window.length;
  }

  get running(): number {
    return this.#taken.size;
  }

  get head(): Waiting | undefined {
    return this.#window[0];
  }

  /** Adds one that the store has. Answers those that left memory for it. */
  add(queued: Waiting, windowMax: number): Waiting | undefined {
    const place = placeOf(queued.event);
    if (this.#beyond > 0 && place > this.#boundaryPlace()) {
      this.#beyond += 1;
      this.#scan?.came.set(place, queued);
      return queued;
    }
    this.#insert(queued, place);
    // While the store is read from the boundary on, the boundary stays where it is.
    if (this.#window.length <= windowMax || this.#scan) return undefined;
    const last = this.#window.pop();
    this.#beyond += 1;
    this.#boundary = this.#window.at(-1);
    return last;
  }

  /** The head is under way now. */
  take(): Waiting {
    const first = this.#window.shift();
    invariant(first, "only a lane with a head is taken from");
    this.#taken.add(placeOf(first.event));
    return first;
  }

  /** It is no longer under way: settled, or added again by the caller. */
  release({ event }: Queued): void {
    const place = placeOf(event);
    invariant(this.#taken.delete(place), "an event is released once");
    this.#scan?.gone.add(place);
  }

  /** Whether to read on from the store, and after which event. */
  beginRefill(low: number): { readonly after: Queued | undefined } | undefined {
    if (this.#beyond === 0 || this.#scan || this.#window.length > low) return undefined;
    this.#scan = { came: new Map(), gone: new Set() };
    return { after: this.#boundary };
  }

  /** What was read; undefined: reading failed. */
  endRefill(page: { readonly items: readonly Queued[]; readonly isLast: boolean } | undefined): void {
    const scan = this.#scan;
    invariant(scan, "a refill ends after it has begun");
    this.#scan = undefined;
    if (!page) return;
    const last = page.items.at(-1);
    const end = page.isLast || !last ? undefined : placeOf(last.event);
    const found = new Map(page.items.map((queued) => [placeOf(queued.event), queued]));
    for (const [place, queued] of scan.came) if (end === undefined || place <= end) found.set(place, queued);
    for (const [place, queued] of found) {
      // One that came back during the scan has a newer receipt than the page; one that is under way was left out of the count.
      if (this.#taken.has(place) || (scan.gone.has(place) && !scan.came.has(place))) continue;
      this.#insert(queued, place);
      this.#beyond -= 1;
    }
    this.#boundary = end === undefined ? undefined : last;
    // The count must lead to the end of what there is, whatever somebody else has done there.
    this.#beyond = end === undefined ? 0 : Math.max(1, this.#beyond);
  }

  #boundaryPlace(): string {
    return this.#boundary ? placeOf(this.#boundary.event) : "";
  }

  #insert(queued: Waiting, place: string): void {
    let at = this.#window.length;
    while (at > 0 && placeAt(this.#window, at - 1) > place) at -= 1;
    this.#window.splice(at, 0, queued);
  }
}

/** What happened behind the boundary while the store was being read there. */
interface Scan {
  readonly came: Map<string, Queued>;
  readonly gone: Set<string>;
}

function placeAt(window: readonly Waiting[], at: number): string {
  const queued = window[at];
  return queued ? placeOf(queued.event) : "";
}
