/**
 * What becomes visible when: a binary heap by time. Pure. An entry is not taken out when its item is hidden anew or gone:
 * its owner knows which still count, and says so now and then.
 */

export interface Due<T> {
  readonly atMs: number;
  readonly item: T;
}

export class Timeline<T> {
  readonly #heap: Due<T>[] = [];

  /** The earliest. */
  get next(): Due<T> | undefined {
    return this.#heap[0];
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Leaves out entries that say nothing any more. */
  keep(counts: (due: Due<T>) => boolean): void {
    const kept = this.#heap.filter(counts);
    this.#heap.length = 0;
    for (const due of kept) this.push(due);
  }

  push(due: Due<T>): void {
    const heap = this.#heap;
    let at = heap.push(due) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (!above || above.atMs <= due.atMs) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = due;
  }

  /** The earliest, if its time has come. */
  popDue(nowMs: number): T | undefined {
    const [first] = this.#heap;
    if (!first || first.atMs > nowMs) return undefined;
    const last = this.#heap.pop();
    if (last && this.#heap.length > 0) this.#sink(last);
    return first.item;
  }

  /** Puts `due` where the first was, and down to its place. */
  #sink(due: Due<T>): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      const right = heap[child + 1];
      let below = heap[child];
      if (below && right && right.atMs < below.atMs) {
        child += 1;
        below = right;
      }
      if (!below || below.atMs >= due.atMs) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = due;
  }
}
