/**
 * The main thread's end of the writer: keeps what was sent and not yet answered, in order, bounded, and settles it as
 * the answers come. When the writer fails in any way but a full disk, everything that waits and everything later is
 * refused with "io": what the disk holds of it is unknown until the database is opened anew.
 */
import type { Worker } from "node:worker_threads";
import { BoundedQueue } from "../../base/bounded.ts";
import { invariant } from "../../base/invariant.ts";
import { storePendingBatchesMax, storePendingBytesMax } from "../../limits.ts";
import { conflict } from "../errors.ts";
import { StoreError } from "../store.ts";
import type { Committed, Write } from "../store.ts";
import { touchedBy } from "../watchers.ts";
import type { Watchers } from "../watchers.ts";
import type { Fault, Reply, Request } from "./writer-thread.ts";
import type { BatchResult } from "./writer.ts";

interface Pending {
  readonly touched: readonly string[];
  readonly sizeBytes: number;
  readonly resolve: (committed: Committed) => void;
  readonly reject: (error: StoreError) => void;
}

export class WriterQueue {
  readonly #worker: Worker;
  readonly #watchers: Watchers;
  readonly #pending = new BoundedQueue<Pending>(storePendingBatchesMax);
  #pendingBytes = 0;
  #failure: StoreError | undefined;
  readonly #opened = Promise.withResolvers<{ readonly wasUnclean: boolean }>();
  readonly #closed = Promise.withResolvers<void>();

  constructor(worker: Worker, watchers: Watchers) {
    this.#worker = worker;
    this.#watchers = watchers;
    // Whoever waits for these two hears of it; nobody may be waiting.
    this.#opened.promise.catch(() => undefined);
    this.#closed.promise.catch(() => undefined);
    worker.on("message", (reply: Reply) => this.#receive(reply));
    worker.on("error", (cause) => this.#fail(died(cause)));
    worker.on("exit", (status) => this.#fail(died(new Error(`exit status ${status}`))));
  }

  /** Resolves once the writer has examined and opened the database; rejects with why it did not. */
  opened(): Promise<{ readonly wasUnclean: boolean }> {
    return this.#opened.promise;
  }

  /** Sends before it returns, so that the order of calls is the order of commits (K3). */
  commit(batch: readonly Write[], sizeBytes: number): Promise<Committed> {
    const { promise, resolve, reject } = Promise.withResolvers<Committed>();
    if (this.#failure) reject(this.#failure);
    else if (this.#pendingBytes + sizeBytes > storePendingBytesMax) reject(busy());
    else if (!this.#pending.push({ touched: touchedBy(batch), sizeBytes, resolve, reject })) reject(busy());
    else {
      this.#pendingBytes += sizeBytes;
      this.#send({ kind: "commit", batch: batch.map(exact) });
    }
    return promise;
  }

  /** Resolves when all that was sent is answered and the database is closed. */
  close(): Promise<void> {
    if (this.#failure) return Promise.resolve();
    this.#send({ kind: "close" });
    return this.#closed.promise;
  }

  #send(request: Request): void {
    this.#worker.postMessage(request);
  }

  #receive(reply: Reply): void {
    switch (reply.kind) {
      case "open":
        return this.#opened.resolve(reply);
      case "refused":
        return this.#fail(asStoreError(reply.fault));
      case "results":
        return reply.results.forEach((result) => this.#settle(result));
      case "failed":
        if (reply.fault.code !== "full") return this.#fail(asStoreError(reply.fault));
        for (let left = reply.batches; left > 0; left--) this.#shift().reject(asStoreError(reply.fault));
        return;
      case "closed":
        return this.#closed.resolve();
    }
  }

  #settle(result: BatchResult): void {
    const pending = this.#shift();
    if (result.kind === "conflict") return pending.reject(conflict(result.key));
    this.#watchers.committed(pending.touched);
    pending.resolve({ versions: result.versions });
  }

  #shift(): Pending {
    const pending = this.#pending.shift();
    invariant(pending, "K1: the writer answers only what it was sent");
    this.#pendingBytes -= pending.sizeBytes;
    return pending;
  }

  #fail(failure: StoreError): void {
    this.#failure ??= failure;
    while (this.#pending.size > 0) this.#shift().reject(this.#failure);
    this.#opened.reject(failure);
    this.#closed.reject(failure);
    void this.#worker.terminate();
  }
}

/** A view into a larger buffer would be sent with all of that buffer. */
function exact(write: Write): Write {
  if (write.kind !== "put" || write.value.byteLength === write.value.buffer.byteLength) return write;
  return { ...write, value: new Uint8Array(write.value) };
}

function asStoreError({ code, message, cause }: Fault): StoreError {
  return new StoreError(code, message, { cause });
}

function busy(): StoreError {
  return new StoreError("busy", "too many commits wait for the disk");
}

function died(cause: unknown): StoreError {
  return new StoreError("io", "the store's writer thread ended", { cause });
}
