/** `If-Match` and its like, for reads, for copies' sources and for writes. Pure. Source: map-sqs-sns-s3 3.5. */
import { notImplemented, noSuchKey, notModified, preconditionFailed } from "../errors.ts";
import type { ObjectVersion } from "./object.ts";

export interface ReadConditions {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  readonly ifModifiedSince?: Date | undefined;
  readonly ifUnmodifiedSince?: Date | undefined;
}

type Subject = Pick<ObjectVersion, "etag" | "modifiedAtMs">;

/** Throws 412 or 304. `headers`: what a 304 carries. */
export function checkRead(
  conditions: ReadConditions,
  object: Subject,
  nowMs: number,
  headers: Record<string, string>,
): void {
  const failed = failedCondition(conditions, object, nowMs);
  if (failed === undefined) return;
  if (failed === "If-None-Match" || failed === "If-Modified-Since") throw notModified(headers);
  throw preconditionFailed(failed);
}

/** Of the source of a copy: always 412, with the name spelt as S3 spells it. */
export function checkCopySource(conditions: ReadConditions, object: Subject, nowMs: number): void {
  const failed = failedCondition(conditions, object, nowMs);
  if (failed !== undefined) throw preconditionFailed(`x-amz-copy-source-${failed}`);
}

/** Times have seconds on the wire, so they are compared in seconds. A time to come is ignored. */
function failedCondition(conditions: ReadConditions, object: Subject, nowMs: number): string | undefined {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = conditions;
  const modifiedAtMs = Math.floor(object.modifiedAtMs / 1000) * 1000;
  if (ifMatch !== undefined) {
    if (!names(ifMatch, object.etag)) return "If-Match";
  } else if (ifUnmodifiedSince !== undefined && modifiedAtMs > ifUnmodifiedSince.getTime()) {
    return "If-Unmodified-Since";
  }
  if (ifNoneMatch !== undefined) return names(ifNoneMatch, object.etag) ? "If-None-Match" : undefined;
  const sinceMs = ifModifiedSince?.getTime();
  const isUnchanged = sinceMs !== undefined && sinceMs <= nowMs && modifiedAtMs <= sinceMs;
  return isUnchanged ? "If-Modified-Since" : undefined;
}

export interface WriteConditions {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
}

/** Throws for what S3 does not take; before anything is read. */
export function checkWriteForm({ ifMatch, ifNoneMatch }: WriteConditions): void {
  if (ifMatch !== undefined && ifNoneMatch !== undefined) {
    const text = "Multiple conditional request headers present in the request";
    throw notImplemented("If-Match,If-None-Match", text);
  }
  if (ifNoneMatch !== undefined && ifNoneMatch !== "*") throw notAccepted("If-None-Match");
  if (ifMatch === "*") throw notAccepted("If-Match");
}

/** Throws when the key's current object is not what the writer wants it to be. */
export function checkWrite(conditions: WriteConditions, key: string, current: Subject | undefined): void {
  const { ifMatch, ifNoneMatch } = conditions;
  if (ifNoneMatch !== undefined && current) throw preconditionFailed("If-None-Match");
  if (ifMatch === undefined) return;
  if (!current) throw noSuchKey(key);
  if (!names(ifMatch, current.etag)) throw preconditionFailed("If-Match");
}

/** DELETE takes "*", too. */
export function checkDelete(ifMatch: string | undefined, key: string, current: Subject | undefined): void {
  if (ifMatch === undefined) return;
  if (!current) throw noSuchKey(key);
  if (!names(ifMatch, current.etag)) throw preconditionFailed("If-Match");
}

export function isConditional({ ifMatch, ifNoneMatch }: WriteConditions): boolean {
  return ifMatch !== undefined || ifNoneMatch !== undefined;
}

function notAccepted(header: string) {
  return notImplemented(header, `We don't accept the provided value of ${header} header for this API`);
}

/** A list of ETags, quoted or not, or "*". */
function names(header: string, etag: string): boolean {
  return header.split(",").some((each) => {
    const tag = each.trim();
    return tag === "*" || tag === etag || tag === `"${etag}"`;
  });
}
