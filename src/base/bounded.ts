/** Collections that cannot grow without end. A full one says so; nothing here drops silently. */
import { invariant } from "./invariant.ts";

/** First in, first out; `push` answers false when full. Amortised O(1). */
export class BoundedQueue<T> {
  readonly capacity: number;
  #items: T[] = [];
  #head = 0;

  constructor(capacity: number) {
    invariant(Number.isInteger(capacity) && capacity > 0, "a queue's capacity is a positive whole number");
    this.capacity = capacity;
  }

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): boolean {
    if (this.size >= this.capacity) return false;
    this.#items.push(item);
    return true;
  }

  shift(): T | undefined {
    if (this.#head >= this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined as T;
    this.#head += 1;
    if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}

/** Keeps the newest `capacity` bytes that were written. */
export class TailBuffer {
  readonly capacity: number;
  #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  write(chunk: Uint8Array): void {
    const kept = chunk.length > this.capacity ? chunk.subarray(chunk.length - this.capacity) : chunk;
    this.#chunks.push(kept);
    this.#size += kept.length;
    while (this.#chunks.length > 1 && this.#size - (this.#chunks[0]?.length ?? 0) >= this.capacity) {
      this.#size -= this.#chunks.shift()?.length ?? 0;
    }
  }

  /** At most `capacity` bytes, the last ones. */
  bytes(): Uint8Array {
    const all = Buffer.concat(this.#chunks);
    return all.length > this.capacity ? all.subarray(all.length - this.capacity) : all;
  }
}
