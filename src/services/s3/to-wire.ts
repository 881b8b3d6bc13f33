/** Our records as S3 shows them. */
import { moreHeaders } from "../../wire/protocol.ts";
import { parseTimestamp } from "../../wire/timestamp.ts";
import { checksumMember } from "./domain/checksum.ts";
import type { BucketRecord } from "./domain/bucket.ts";
import { expiryOf } from "./domain/lifecycle.ts";
import { metadataToWire } from "./domain/metadata.ts";
import { type ObjectVersion, standard } from "./domain/object.ts";

export type Client = typeof import("@aws-sdk/client-s3");

export function quoted(etag: string): string {
  return `"${etag}"`;
}

/** S3 shows times of objects in whole seconds. */
export function wholeSeconds(ms: number): Date {
  return new Date(Math.floor(ms / 1000) * 1000);
}

/** What GET and HEAD say of an object, all but its length. */
export function objectToWire(
  {
    key,
    version,
    bucket,
  }: { readonly key: string; readonly version: ObjectVersion; readonly bucket: BucketRecord },
  { isCurrent }: { readonly isCurrent: boolean },
) {
  const { headers, lock, tags } = version;
  const tagCount = Object.keys(tags).length;
  const { expires } = headers;
  const expiration = isCurrent ? expirationOf(bucket, key, version) : undefined;
  return {
    AcceptRanges: "bytes",
    LastModified: wholeSeconds(version.modifiedAtMs),
    ETag: quoted(version.etag),
    ContentType: headers["content-type"],
    CacheControl: headers["cache-control"],
    ContentDisposition: headers["content-disposition"],
    ContentEncoding: headers["content-encoding"],
    ContentLanguage: headers["content-language"],
    Metadata: metadataToWire(version.metadata),
    ServerSideEncryption: "AES256" as const,
    ...(bucket.versioning !== undefined && { VersionId: version.id }),
    ...(version.storageClass !== standard && { StorageClass: version.storageClass as "GLACIER" }),
    ...(version.redirect !== undefined && { WebsiteRedirectLocation: version.redirect }),
    ...(tagCount > 0 && { TagCount: tagCount }),
    ...(expiration !== undefined && { Expiration: expiration }),
    ...(version.restoredUntilMs !== undefined && {
      Restore: `ongoing-request="false", expiry-date="${new Date(version.restoredUntilMs).toUTCString()}"`,
    }),
    ...(lock.retention && {
      ObjectLockMode: lock.retention.mode,
      ObjectLockRetainUntilDate: new Date(lock.retention.untilMs),
    }),
    ...(lock.legalHold !== undefined && {
      ObjectLockLegalHoldStatus: lock.legalHold ? ("ON" as const) : ("OFF" as const),
    }),
    ...(expires !== undefined && {
      [moreHeaders]: { expires: parseTimestamp(expires)?.toUTCString() ?? expires },
    }),
  };
}

/** With `x-amz-checksum-mode: ENABLED`. */
export function checksumToWire({ checksum }: Pick<ObjectVersion, "checksum">) {
  return { ...checksumMember(checksum), ChecksumType: checksum.type };
}

/** `x-amz-expiration`; undefined where no rule applies. */
export function expirationOf(bucket: BucketRecord, key: string, version: ObjectVersion): string | undefined {
  const { lifecycle } = bucket.settings;
  const due = lifecycle && expiryOf(lifecycle, key, version);
  if (!due) return undefined;
  return `expiry-date="${new Date(due.atMs).toUTCString()}", rule-id="${encodeURIComponent(due.ruleId)}"`;
}
