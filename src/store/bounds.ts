/**
 * What a caller may hand to a store, checked alike by every implementation, and what a range means: `spanOf` turns
 * prefix, cursor and direction into one half-open interval of keys, so that no implementation reasons about prefixes.
 */
import { invariant } from "../base/invariant.ts";
import { storeBatchBytesMax, storeBatchWritesMax, storeKeyBytesMax, storeScanEntriesMax } from "../limits.ts";
import type { Key, Range, Write } from "./store.ts";

export function checkKey(key: Key): void {
  invariant(key.length > 0, "a key is not empty");
  invariant(isShort(key), `a key has at most ${storeKeyBytesMax} bytes`);
  invariant(isText(key), "a key is well-formed text without NUL");
}

/** Whether there may be anything under this key, which is made of what somebody asks for. */
export function mayExist(key: Key): boolean {
  return isShort(key) && isText(key);
}

function isShort(key: Key): boolean {
  return Buffer.byteLength(key) <= storeKeyBytesMax;
}

function isText(key: Key): boolean {
  return key.isWellFormed() && !key.includes("\0");
}

/** Answers the bytes of all keys and values. */
export function checkBatch(batch: readonly Write[]): number {
  invariant(batch.length <= storeBatchWritesMax, `a batch has at most ${storeBatchWritesMax} writes`);
  const keys = new Set<Key>();
  let sizeBytes = 0;
  for (const write of batch) {
    checkKey(write.key);
    invariant(isVersion(write.ifVersion), "a version is a whole number from 0");
    keys.add(write.key);
    sizeBytes += write.key.length + (write.kind === "put" ? write.value.byteLength : 0);
  }
  invariant(keys.size === batch.length, "a batch names each key at most once");
  invariant(sizeBytes <= storeBatchBytesMax, `a batch has at most ${storeBatchBytesMax} bytes`);
  return sizeBytes;
}

function isVersion(version: number | undefined): boolean {
  return version === undefined || (Number.isSafeInteger(version) && version >= 0);
}

/** Names of blobs become paths: nothing but hex digits may pass. */
export function checkSha256(sha256: string): void {
  invariant(/^[0-9a-f]{64}$/.test(sha256), "a blob's name is 64 lower-case hex digits");
}

/** The keys from `low` (inclusive) to `high` (exclusive), in the order of their UTF-8 bytes. */
export interface Span {
  readonly low: string;
  readonly high: string;
}

// Greater than every key: one more of the greatest code point than the longest key can hold.
const beyondKeys = "\u{10FFFF}".repeat(storeKeyBytesMax / 4 + 1);

export function spanOf(range: Range): Span {
  const { prefix, after, limit, reverse } = range;
  invariant(
    Number.isInteger(limit) && limit >= 1 && limit <= storeScanEntriesMax,
    `a scan's limit is a whole number from 1 to ${storeScanEntriesMax}`,
  );
  invariant(prefix.isWellFormed() && !prefix.includes("\0"), "a prefix is well-formed text without NUL");
  const low = prefix;
  const high = prefix + beyondKeys;
  if (after === undefined) return { low, high };
  if (reverse) return { low, high: compareKeys(after, high) < 0 ? after : high };
  // No key holds a NUL, so nothing lies between `after` and this.
  const next = `${after}\0`;
  return { low: compareKeys(next, low) > 0 ? next : low, high };
}

/** K4. Differs from `<` on strings, which compares UTF-16 units and so misplaces everything beyond U+FFFF. */
export function compareKeys(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}
