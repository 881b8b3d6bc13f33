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
 * - K7 after `close` every call throws `StoreError` "closed"; what was called before is finished first.
 * - B1 a blob is visible only whole; `put` of the same bytes is idempotent; a crash leaves no partial blob.
 * - B2 bytes are verified on read: a damaged blob throws `StoreError` "corrupt".
 *
 * Nothing here assumes one process: conditions, not locks, keep writers apart.
 */

/** UTF-8, 1 to 1,024 bytes, by convention `<concern>/<account>/<region>/<…>`; no NUL. */
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
  /** Only keys after this one (before it, when `reverse`). Exclusive. */
  readonly after?: Key;
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
  /** Calls `wake` after each commit that touched a key with this prefix. */
  watch(prefix: string, wake: () => void): Unwatch;
  close(): Promise<void>;
}

export type Unwatch = () => void;

export interface Blobs {
  /** Stores the bytes, durable when it resolves. Answers their SHA-256 as 64 lower-case hex digits. */
  put(bytes: Uint8Array | AsyncIterable<Uint8Array>): Promise<BlobRef>;
  /** The whole blob; `StoreError` "not-found" when there is none. */
  read(sha256: string): Promise<Uint8Array>;
  stream(sha256: string): AsyncIterable<Uint8Array>;
  stat(sha256: string): Promise<BlobRef | undefined>;
  /** Idempotent. */
  remove(sha256: string): Promise<void>;
  list(): AsyncIterable<string>;
}

export interface BlobRef {
  readonly sha256: string;
  readonly sizeBytes: number;
}

export type StoreErrorCode =
  | "conflict"
  | "closed"
  | "corrupt"
  | "foreign"
  | "full"
  | "io"
  | "not-found"
  | "locked";

export class StoreError extends Error {
  override name = "StoreError";
  readonly code: StoreErrorCode;
  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
