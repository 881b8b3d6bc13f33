/**
 * Bytes that arrived and wait to be consumed, for parsers that are fed piece by piece.
 *
 * A single chunk is kept as it came; only when a second one must follow it are both copied into a buffer that doubles,
 * so that n bytes cost O(n), in whatever pieces they come. Slices handed out stay valid and are never written again.
 */
import { bufferOf } from "../base/bytes.ts";

const empty = Buffer.alloc(0);

export class ByteQueue {
  #buffer: Buffer = empty;
  #start = 0;
  #end = 0;
  /** The buffer is ours, so bytes may be added behind `#end`. */
  #isOwned = false;

  get length(): number {
    return this.#end - this.#start;
  }

  push(chunk: Uint8Array): void {
    if (this.length === 0) {
      this.#buffer = bufferOf(chunk);
      this.#start = 0;
      this.#end = chunk.length;
      this.#isOwned = false;
      return;
    }
    if (!this.#isOwned || this.#end + chunk.length > this.#buffer.length) this.#grow(chunk.length);
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** The first `count` bytes, which are then gone. */
  take(count: number): Buffer {
    const taken = this.#buffer.subarray(this.#start, this.#start + count);
    this.drop(count);
    return taken;
  }

  drop(count: number): void {
    this.#start += count;
    if (this.#start >= this.#end) this.clear();
  }

  clear(): void {
    this.#buffer = empty;
    this.#start = 0;
    this.#end = 0;
    this.#isOwned = false;
  }

  /** What is waiting, without consuming it. */
  view(): Buffer {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  #grow(byBytes: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(256, (this.length + byBytes) * 2));
    grown.set(this.view());
    this.#end = this.length;
    this.#start = 0;
    this.#buffer = grown;
    this.#isOwned = true;
  }
}
