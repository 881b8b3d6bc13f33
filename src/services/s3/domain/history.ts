/**
 * What happens to a key's versions when one is added or taken away, as a list of changes for one commit. Pure; the shell
 * reads the records and knows how to write them. Source: map-sqs-sns-s3 3.6.
 */
import type { DeleteMarker, KeyRecord, ObjectVersion, Version } from "./object.ts";
import { nullId } from "./version-token.ts";

/** A bucket's versioning; undefined: it never had any. */
export type Versioning = "Enabled" | "Suspended" | undefined;

export interface Change {
  /** The key's new record; undefined: nothing is left of it. */
  readonly record: KeyRecord | undefined;
  /** Becomes an older version. */
  readonly aged?: Version;
  /** Tokens of older versions whose records go. */
  readonly dropped: readonly string[];
  /** Objects of which nothing refers to any more: their bytes go. */
  readonly gone: readonly ObjectVersion[];
}

/** The id that a new version gets. */
export function newId(versioning: Versioning, fresh: () => string): string {
  return versioning === "Enabled" ? fresh() : nullId;
}

/** `oldNull`: the version that `record.nullToken` names, which a new "null" takes the place of. */
export function withVersion(
  record: KeyRecord | undefined,
  version: Version,
  oldNull: Version | undefined,
): Change {
  if (!record) return { record: { latest: version, olderCount: 0 }, dropped: [], gone: [] };
  const { latest, olderCount, nullToken } = record;
  if (version.id !== nullId) {
    const older = { olderCount: olderCount + 1, ...nullBehind(latest, nullToken) };
    return { record: { latest: version, ...older }, aged: latest, dropped: [], gone: [] };
  }
  if (latest.id === nullId) {
    return { record: { latest: version, olderCount }, dropped: [], gone: objectsOf(latest) };
  }
  const dropped = nullToken === undefined ? [] : [nullToken];
  const older = { olderCount: olderCount + 1 - dropped.length };
  return { record: { latest: version, ...older }, aged: latest, dropped, gone: objectsOf(oldNull) };
}

/** `next`: the newest of the older versions, where there are any. */
export function withoutLatest(record: KeyRecord, next: Version | undefined): Change {
  const gone = objectsOf(record.latest);
  if (!next) return { record: undefined, dropped: [], gone };
  const { nullToken } = record;
  const isNull = nullToken === next.token;
  const older = {
    olderCount: record.olderCount - 1,
    ...(nullToken !== undefined && !isNull && { nullToken }),
  };
  return { record: { latest: next, ...older }, dropped: [next.token], gone };
}

export function withoutOlder(record: KeyRecord, version: Version): Change {
  const { latest, olderCount, nullToken } = record;
  const kept = nullToken !== undefined && nullToken !== version.token ? { nullToken } : {};
  return {
    record: { latest, olderCount: olderCount - 1, ...kept },
    dropped: [version.token],
    gone: objectsOf(version),
  };
}

export function marker(id: string, token: string, modifiedAtMs: number): DeleteMarker {
  return { kind: "marker", id, token, modifiedAtMs };
}

/** The object that a plain GET reads. */
export function currentObject(record: KeyRecord | undefined): ObjectVersion | undefined {
  return record?.latest.kind === "object" ? record.latest : undefined;
}

function nullBehind(latest: Version, nullToken: string | undefined): { readonly nullToken?: string } {
  const token = latest.id === nullId ? latest.token : nullToken;
  return token === undefined ? {} : { nullToken: token };
}

function objectsOf(version: Version | undefined): readonly ObjectVersion[] {
  return version?.kind === "object" ? [version] : [];
}
