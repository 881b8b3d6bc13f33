/**
 * Durable state: an ordered map from keys to bytes with atomic conditional batches, and content-addressed blobs.
 *
 * Laws (each implementation passes `store.suite.ts`; `memory/` is the executable specification):
 * - K1 `commit` is all or nothing, and when it resolves the batch is durable and visible to every later read.
 * - K2 a batch whose conditions do not hold changes nothing and throws `StoreError` "conflict".
 * - K3 commits are applied in the order in which they were called; a batch sees the effects of all before it.
 * - K4 keys are ordered by their UTF-8 bytes; `scan` answers in that order (or its reverse), each key once.
 * - K5 an entry's `version` grows with each write of that key and is never reused, not even after a removal.
 * - K6 watchers run after the commit is durable, once per commit and prefix, in commit order; never for a failed one.
 * - K7 after `close` every other call throws `StoreError` "closed"; what was called before is finished first. Closing
 *   twice is closing once.
 * - B1 a blob is visible only whole; `put` of the same bytes is idempotent; a crash leaves no partial blob.
 * - B2 bytes are verified on read: a damaged blob throws `StoreError` "corrupt".
 *
 * Bytes handed to `commit` are copied before it returns; bytes handed out belong to the caller. Bytes handed to
 * `blobs.put` must not change until it resolves. A batch, key or range outside its bounds is the caller's mistake: an
 * `InvariantError`. Nothing here assumes one process: conditions, not locks, keep writers apart.
 */

/** UTF-8, 1 to 2,304 bytes, no NUL, no lone surrogate. `records.ts` makes them: `<concern> <account> <region> <…>`. */
export type Key = string;

export interface Entry {
  readonly key: Key;
  readonly value: Uint8Array;
  /** Whole, positive; see K5. */
  readonly version: number;
}

export type Write =
  /** `ifVersion`: a number means "only if the key's version is this", 0 means "only if absent", left out: always. */
  | { readonly kind: "put"; readonly key: Key; readonly value: Uint8Array; readonly ifVersion?: number }
  | { readonly kind: "remove"; readonly key: Key; readonly ifVersion?: number }
  /** Changes nothing; fails the batch unless the key's version is this (0: absent). */
  | { readonly kind: "check"; readonly key: Key; readonly ifVersion: number };

export interface Range {
  readonly prefix: string;
  /** Only keys after this one (before it, when `reverse`). Exclusive; any string, it need not be a key. */
  readonly after?: string;
  /** 1 to 10,000. */
  readonly limit: number;
  readonly reverse?: boolean;
}

export interface Committed {
  /** The new version of each written key, in the batch's order; 0 for removes, the checked version for checks. */
  readonly versions: readonly number[];
}

export interface Store {
  readonly blobs: Blobs;
  get(key: Key): Promise<Entry | undefined>;
  scan(range: Range): Promise<readonly Entry[]>;
  /** At most 1,000 writes, each key at most once, 64 MiB together. */
  commit(batch: readonly Write[]): Promise<Committed>;
  /** Calls `wake` after each commit that put or removed a key with this prefix. `wake` must not throw. */
  watch(prefix: string, wake: () => void): Unwatch;
  close(): Promise<void>;
}

export type Unwatch = () => void;

export interface Blobs {
  /** Stores the bytes, durable when it resolves. Answers their SHA-256 as 64 lower-case hex digits. */
  put(bytes: Uint8Array | AsyncIterable<Uint8Array>): Promise<BlobRef>;
  /** The whole blob; `StoreError` "not-found" when there is none. */
  read(sha256: string): Promise<Uint8Array>;
  /** Verified as it goes: "corrupt" may come after the last chunk. One begun before `close` may go on after it. */
  stream(sha256: string): AsyncIterable<Uint8Array>;
  stat(sha256: string): Promise<BlobRef | undefined>;
  /** Idempotent. */
  remove(sha256: string): Promise<void>;
  /** In ascending order. */
  list(): AsyncIterable<string>;
}

export interface BlobRef {
  readonly sha256: string;
  readonly sizeBytes: number;
}

export type StoreErrorCode =
  /** More commits wait than the queue holds. Nothing was written; try again later. */
  | "busy"
  | "conflict"
  | "closed"
  | "corrupt"
  /** The file belongs to something else, or to a newer lambdad. It was left as it is. */
  | "foreign"
  /** The disk is full. Nothing was written; the store goes on. */
  | "full"
  /** The disk or the writer failed. Whether the batch is durable is unknown; the store must be opened anew. */
  | "io"
  | "not-found"
  /** Another process uses the data directory. */
  | "locked";

export class StoreError extends Error {
  override name = "StoreError";
  readonly code: StoreErrorCode;
  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
