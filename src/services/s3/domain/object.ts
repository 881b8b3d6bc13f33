/**
 * What is kept of an object. A key's record holds its newest version; older ones have records of their own. Immutable:
 * every change is a new record in the place of the old.
 */
import type { Acl } from "./acl.ts";
import type { Checksum } from "./checksum.ts";

/** What a key holds: never without a version. */
export interface KeyRecord {
  readonly latest: Version;
  /** How many versions lie behind the latest. */
  readonly olderCount: number;
  /** Of the version "null" when it is an older one. */
  readonly nullToken?: string;
}

export type Version = ObjectVersion | DeleteMarker;

interface Common {
  /** "null", or 32 characters. */
  readonly id: string;
  /** Descending with time: see `version-token.ts`. */
  readonly token: string;
  readonly modifiedAtMs: number;
}

export interface DeleteMarker extends Common {
  readonly kind: "marker";
}

export interface ObjectVersion extends Common, Description {
  readonly kind: "object";
  readonly body: Body;
  readonly sizeBytes: number;
  /** Hex, without quotes; with "-<parts>" behind it when it came in parts. */
  readonly etag: string;
  readonly checksum: Checksum;
  readonly tags: Tags;
  readonly lock: ObjectLock;
  /** The multipart upload that it came from, so that completing it twice answers the same. */
  readonly uploadId?: string;
  /** Of an archived object that was restored: until when. */
  readonly restoredUntilMs?: number;
}

/** What is fixed when an upload begins, and what COPY copies. */
export interface Description {
  /** Content-Type and its like, by lower-case header name. */
  readonly headers: Readonly<Record<string, string>>;
  /** `x-amz-meta-…`, without the prefix. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly storageClass: string;
  readonly redirect?: string;
  readonly acl?: Acl;
  /** The account that it belongs to, where that is not its bucket's. */
  readonly owner?: string;
}

export type Tags = Readonly<Record<string, string>>;

export interface ObjectLock {
  readonly retention?: Retention;
  readonly legalHold?: boolean;
}

export interface Retention {
  readonly mode: "GOVERNANCE" | "COMPLIANCE";
  readonly untilMs: number;
}

export type Body =
  | { readonly kind: "empty" }
  /** One file. */
  | { readonly kind: "file"; readonly file: string }
  /** A file for each part; `layout` names the list of them. */
  | { readonly kind: "parts"; readonly layout: string; readonly partsCount: number };

/** The parts of an object, in order. */
export interface Layout {
  readonly parts: readonly LaidPart[];
}

export interface LaidPart {
  readonly partNumber: number;
  /** Absent for a part without bytes. */
  readonly file?: string;
  readonly sizeBytes: number;
  readonly checksum?: string;
}

export const standard = "STANDARD";

export const storageClasses: ReadonlySet<string> = new Set([
  standard,
  "REDUCED_REDUNDANCY",
  "STANDARD_IA",
  "ONEZONE_IA",
  "INTELLIGENT_TIERING",
  "GLACIER",
  "GLACIER_IR",
  "DEEP_ARCHIVE",
]);

/** Cannot be read before it was restored. */
export function isArchived({ storageClass, restoredUntilMs }: ObjectVersion, nowMs: number): boolean {
  if (storageClass !== "GLACIER" && storageClass !== "DEEP_ARCHIVE") return false;
  return restoredUntilMs === undefined || restoredUntilMs < nowMs;
}
