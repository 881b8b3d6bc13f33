/** A multipart upload on its way, and its parts. */
import { createHash } from "node:crypto";
import type { Algorithm, ChecksumType } from "./checksum.ts";
import type { Description, ObjectLock, Tags } from "./object.ts";

export interface Upload extends Description {
  readonly startedAtMs: number;
  readonly tags: Tags;
  readonly lock: ObjectLock;
  /** Who began it. */
  readonly account: string;
  /** Undefined: nobody asked, so the object gets S3's own. */
  readonly checksum?: { readonly algorithm: Algorithm; readonly type: ChecksumType };
}

export interface Part {
  readonly partNumber: number;
  /** Absent for a part without bytes. */
  readonly file?: string;
  readonly sizeBytes: number;
  /** Hex MD5. */
  readonly etag: string;
  /** Base64, of the upload's algorithm. */
  readonly checksum: string;
  readonly modifiedAtMs: number;
}

/** Five digits, so that the store has them in order. */
export function partKey(partNumber: number): string {
  return String(partNumber).padStart(5, "0");
}

/** `hex(md5(md5s of the parts))-<parts>`. */
export function etagOfParts(etags: readonly string[]): string {
  const hash = createHash("md5");
  for (const etag of etags) hash.update(Buffer.from(etag, "hex"));
  return `${hash.digest("hex")}-${etags.length}`;
}
