/**
 * A streamed answer on its way from the runtime to its one reader.
 *
 * Holds what the reader has not taken, bounded: when it is full the runtime's connection is not read any more, so that a
 * slow client slows the function down and nothing else. A reader that leaves loses the rest; the function never learns
 * of it. How the invocation ended is not told here but in its result, which comes no earlier than the last byte.
 */
import { streamBurstBytes, streamWaitingBytesMax } from "../limits.ts";
import { ByteQueue } from "./byte-queue.ts";

export interface ResponseStreamOptions {
  /** As the runtime named it. */
  readonly contentType: string | undefined;
  /** Called when more is taken again. */
  readonly onRoom: () => void;
  /** Awaited after each so many bytes beyond the burst; left out: as fast as it is read. */
  readonly pace?: ((bytes: number) => Promise<void>) | undefined;
}

export class ResponseStream implements AsyncIterable<Uint8Array> {
  readonly #options: ResponseStreamOptions;
  readonly #waiting = new ByteQueue();
  #isFull = false;
  #hasEnded = false;
  #isAbandoned = false;
  #producedBytes = 0;
  /** Wakes the reader. */
  #wake: (() => void) | undefined;

  constructor(options: ResponseStreamOptions) {
    this.#options = options;
  }

  get contentType(): string | undefined {
    return this.#options.contentType;
  }

  /** Of the runtime, read or not. */
  get producedBytes(): number {
    return this.#producedBytes;
  }

  /** False: full. */
  push(piece: Uint8Array): boolean {
    this.#producedBytes += piece.length;
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
    const { pace } = this.#options;
    let burstBytes = streamBurstBytes;
    try {
      for (;;) {
        while (this.#waiting.length > 0) {
          const gathered = this.#waiting.take(this.#waiting.length);
          this.#makeRoom();
          yield gathered;
          burstBytes -= gathered.length;
          if (pace && burstBytes < 0) await pace(Math.min(-burstBytes, gathered.length));
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
    this.#options.onRoom();
  }
}
