/**
 * A streamed answer on its way from the runtime to its one reader.
 *
 * Holds what the reader has not taken, bounded: when it is full the runtime's connection is not read any more, so that a
 * slow client slows the function down and nothing else. A reader that leaves loses the rest; the function never learns
 * of it. How the invocation ended is not told here but in its result, which comes no earlier than the last byte.
 */
import { streamWaitingBytesMax } from "../limits.ts";
import { ByteQueue } from "./byte-queue.ts";

export class ResponseStream implements AsyncIterable<Uint8Array> {
  /** As the runtime named it. */
  readonly contentType: string | undefined;
  readonly #onRoom: () => void;
  readonly #waiting = new ByteQueue();
  #isFull = false;
  #hasEnded = false;
  #isAbandoned = false;
  /** Wakes the reader. */
  #wake: (() => void) | undefined;

  /** `onRoom`: called when more is taken again. */
  constructor(contentType: string | undefined, onRoom: () => void) {
    this.contentType = contentType;
    this.#onRoom = onRoom;
  }

  /** False: full. */
  push(piece: Uint8Array): boolean {
    if (this.#hasEnded || this.#isAbandoned) return true;
    this.#waiting.push(piece);
    this.#wake?.();
    this.#isFull = this.#waiting.length >= streamWaitingBytesMax;
    return !this.#isFull;
  }

  /** What waits is still read. Idempotent. */
  end(): void {
    this.#hasEnded = true;
    this.#wake?.();
  }

  /** Nobody will read the rest. Idempotent. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#waiting.clear();
    this.#wake?.();
    this.#makeRoom();
  }

  /** Once. Pieces are not empty, and not those of the runtime: what has gathered comes as one. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    try {
      for (;;) {
        while (this.#waiting.length > 0) {
          const gathered = this.#waiting.take(this.#waiting.length);
          this.#makeRoom();
          yield gathered;
        }
        if (this.#hasEnded || this.#isAbandoned) return;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.abandon();
    }
  }

  #makeRoom(): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    this.#onRoom();
  }
}
