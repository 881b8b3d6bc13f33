/**
 * Objects as operations see them: put, read, changed and removed, each change one commit with the notifications that
 * come of it (E1). Whoever is overtaken by somebody else reads again and decides again.
 */
import type { Clock } from "../../base/clock.ts";
import type { Stored } from "../../store/records.ts";
import type { Write } from "../../store/store.ts";
import type { Bucket, Buckets } from "./buckets.ts";
import { checkDelete, checkWrite, type WriteConditions } from "./domain/conditions.ts";
import type { Change } from "./domain/history.ts";
import { currentObject, marker, newId, withoutLatest, withoutOlder, withVersion } from "./domain/history.ts";
import type { Cause, ObjectEvent } from "./domain/notification-record.ts";
import { defaultLock, requireRemovable } from "./domain/object-lock.ts";
import type { Body, KeyRecord, ObjectVersion, Version } from "./domain/object.ts";
import { isVersionId, nullId, type VersionTokens } from "./domain/version-token.ts";
import { invalidVersionId, methodNotAllowed, noSuchKey, noSuchVersion } from "./errors.ts";
import type { ObjectFiles } from "./files.ts";
import type { Outbox } from "./outbox.ts";
import type { RubbishClearer } from "./rubbish.ts";
import { Outdated, type S3Store } from "./store.ts";

export interface ObjectsDeps {
  readonly clock: Clock;
  readonly store: S3Store;
  readonly buckets: Buckets;
  readonly files: ObjectFiles;
  readonly tokens: VersionTokens;
  readonly outbox: Outbox;
  readonly rubbish: RubbishClearer;
}

/** All of an object but what its place among the versions gives it. */
export type NewObject = Omit<ObjectVersion, "kind" | "id" | "token" | "modifiedAtMs">;

export interface Placement {
  readonly conditions: WriteConditions;
  /** "ObjectCreated:Put" */
  readonly event: string;
  readonly by: Cause;
  /** More to write in the same commit. */
  readonly writes?: readonly Write[];
  /** Throws when the key's state does not allow it, or what else the commit depends on is gone. */
  readonly check?: (current: Version | undefined) => Promise<void>;
}

export interface Placed {
  readonly bucket: Bucket;
  readonly version: ObjectVersion;
  /** Sent back; undefined where the bucket has no versions. */
  readonly versionId: string | undefined;
}

export interface Removal {
  readonly versionId?: string | undefined;
  readonly ifMatch?: string | undefined;
  readonly bypassGovernance?: boolean;
  /** "ObjectRemoved", "LifecycleExpiration" */
  readonly family: string;
  readonly by: Cause;
  /** NoSuchVersion for a version that is not there; else that is as good as removed. */
  readonly mustExist?: boolean;
  /** Only if the version is still this one. */
  readonly token?: string;
}

/** As DELETE answers it. */
export interface Removed {
  readonly isMarker?: boolean;
  readonly versionId?: string;
}

interface Mutation<T> {
  readonly writes: readonly Write[];
  readonly gone: readonly ObjectVersion[];
  readonly events: readonly ObjectEvent[];
  readonly answer: T;
}

export class Objects {
  readonly #deps: ObjectsDeps;

  constructor(deps: ObjectsDeps) {
    this.#deps = deps;
  }

  async find({ value: bucket }: Bucket, key: string): Promise<Stored<KeyRecord> | undefined> {
    return this.#deps.store.objects.get([bucket.id, key]);
  }

  /** The version that a reader names, markers included. Throws NoSuchKey, NoSuchVersion. */
  async version(bucket: Bucket, key: string, versionId: string | undefined): Promise<Version> {
    const found = await this.find(bucket, key);
    if (versionId === undefined) {
      if (!found) throw noSuchKey(key);
      return found.value.latest;
    }
    requireVersionId(bucket, versionId);
    const version = found && (await this.#deps.store.version(bucket.value.id, key, found.value, versionId));
    if (!version) throw noSuchVersion(key, versionId);
    return version;
  }

  /** Throws as a read of a marker does: 404 for the latest, 405 for one that is named. */
  async object(
    bucket: Bucket,
    key: string,
    versionId: string | undefined,
    method: string,
  ): Promise<ObjectVersion> {
    const version = await this.version(bucket, key, versionId);
    if (version.kind === "object") return version;
    const headers = { "x-amz-delete-marker": "true", "x-amz-version-id": version.id };
    if (versionId === undefined) throw noSuchKey(key, headers);
    throw methodNotAllowed(method, "DeleteMarker", { ...headers, allow: "DELETE" });
  }

  /** What is set on an object is refused with 405 where there is a marker, also when that is the latest (recorded). */
  async described(bucket: Bucket, key: string, versionId: string | undefined): Promise<ObjectVersion> {
    return this.object(bucket, key, versionId, "GET").catch((error: unknown) => asMarkerError(error, "GET"));
  }

  /** A new version. Its bytes are durable already (L2). */
  async place(bucket: Bucket, key: string, object: NewObject, placement: Placement): Promise<Placed> {
    return this.#mutate(bucket, key, async (now, before) => {
      const { conditions, event, by, check, writes = [] } = placement;
      checkWrite(conditions, key, currentObject(before?.value));
      await check?.(before?.value.latest);
      const version: ObjectVersion = {
        kind: "object",
        ...this.#stamp(now, before),
        ...object,
        lock: { ...defaultLock(now.value, this.#deps.clock.now()), ...object.lock },
      };
      const change = await this.#withVersion(now, key, before, version);
      const told = this.#event(now, key, event, by, {
        ...version,
        etag: version.etag,
        sizeBytes: version.sizeBytes,
      });
      const versionId = now.value.versioning === "Enabled" ? version.id : undefined;
      return {
        ...this.#writesOf(now, key, before, change, writes),
        events: [told],
        answer: { bucket: now, version, versionId },
      };
    });
  }

  /** DELETE: a marker where there are versions, else the bytes go. */
  async remove(bucket: Bucket, key: string, removal: Removal): Promise<Removed> {
    if (removal.versionId !== undefined) return this.#removeVersion(bucket, key, removal.versionId, removal);
    return this.#mutate<Removed>(bucket, key, async (now, before) => {
      checkDelete(removal.ifMatch, key, currentObject(before?.value));
      const isStale = removal.token !== undefined && before?.value.latest.token !== removal.token;
      const { versioning } = now.value;
      if (isStale || (versioning === undefined && !before)) return nothing({});
      if (versioning === undefined && before) {
        const change = withoutLatest(before.value, undefined);
        const told = this.#event(now, key, `${removal.family}:Delete`, removal.by, this.#stamp(now, before));
        return { ...this.#writesOf(now, key, before, change), events: [told], answer: {} };
      }
      const { id, token, modifiedAtMs } = this.#stamp(now, before);
      const version = marker(id, token, modifiedAtMs);
      const change = await this.#withVersion(now, key, before, version);
      const name = `${removal.family}:DeleteMarkerCreated`;
      const told = this.#event(now, key, name, removal.by, { ...version, etag: emptyMd5 });
      const answer = { isMarker: true, versionId: id };
      return { ...this.#writesOf(now, key, before, change), events: [told], answer };
    });
  }

  /** Changes what may change of a version: its tags, lock, ACL. `event`: undefined tells nobody. */
  async update(
    bucket: Bucket,
    key: string,
    versionId: string | undefined,
    change: (version: ObjectVersion, now: Bucket) => ObjectVersion,
    event?: { readonly name: string; readonly by: Cause; readonly storageClass?: string },
  ): Promise<ObjectVersion> {
    const { store } = this.#deps;
    return this.#mutate(bucket, key, async (now, before) => {
      const version = await this.object(now, key, versionId, "PUT").catch((error: unknown) =>
        asMarkerError(error, "PUT"),
      );
      if (!before) throw noSuchKey(key);
      const changed = change(version, now);
      const isLatest = before.value.latest.token === version.token;
      const record = isLatest ? { ...before.value, latest: changed } : before.value;
      const writes = store.changeWrites(now, key, before, { record, dropped: [], gone: [] });
      if (!isLatest) writes.push(store.versions.put([now.value.id, key, version.token], changed));
      const { token: _, ...told } = changed;
      const events = event
        ? [
            {
              ...this.#event(now, key, event.name, event.by, { ...told, sizeBytes: undefined }),
              ...(event.storageClass !== undefined && { storageClass: event.storageClass }),
            },
          ]
        : [];
      return { writes, gone: [], events, answer: changed };
    });
  }

  async #removeVersion(bucket: Bucket, key: string, versionId: string, removal: Removal): Promise<Removed> {
    requireVersionId(bucket, versionId);
    return this.#mutate<Removed>(bucket, key, async (now, before) => {
      const { store, clock } = this.#deps;
      const found = before && (await store.version(now.value.id, key, before.value, versionId));
      checkDelete(removal.ifMatch, key, found?.kind === "object" ? found : undefined);
      const versions = now.value.versioning === undefined ? {} : { versionId };
      if (!found && removal.mustExist) throw noSuchVersion(key, versionId);
      if (!before || !found) return nothing(versions);
      if (found.kind === "object") {
        requireRemovable(found.lock, clock.now(), removal.bypassGovernance === true);
      }
      const isLatest = before.value.latest.token === found.token;
      const next = isLatest && (await store.newestOlder(now.value.id, key));
      const change = isLatest
        ? withoutLatest(before.value, next || undefined)
        : withoutOlder(before.value, found);
      const { token } = this.#stamp(now, before);
      const told = this.#event(now, key, `${removal.family}:Delete`, removal.by, { id: versionId, token });
      return {
        ...this.#writesOf(now, key, before, change),
        events: [told],
        answer: { ...versions, ...(found.kind === "marker" && { isMarker: true }) },
      };
    });
  }

  async #mutate<T>(
    bucket: Bucket,
    key: string,
    decide: (now: Bucket, before: Stored<KeyRecord> | undefined) => Promise<Mutation<T>>,
  ): Promise<T> {
    const { buckets, files, outbox, rubbish, store } = this.#deps;
    for (let now = bucket; ; now = await buckets.again(bucket)) {
      const { writes, gone, events, answer } = await decide(now, await this.find(now, key));
      if (writes.length === 0) return answer;
      const letters = outbox.lettersFor(now.value, events);
      try {
        await store.commit([...writes, ...letters.map(({ write }) => write)]);
      } catch (error) {
        if (error instanceof Outdated) continue;
        throw error;
      }
      outbox.send(letters);
      void files.remove(gone.flatMap(({ body }) => (body.kind === "file" ? [body.file] : [])));
      if (gone.some(({ body }) => body.kind === "parts")) rubbish.wake();
      return answer;
    }
  }

  async #withVersion(
    now: Bucket,
    key: string,
    before: Stored<KeyRecord> | undefined,
    version: Version,
  ): Promise<Change> {
    const oldNull =
      version.id === nullId && before?.value.nullToken !== undefined
        ? await this.#deps.store.version(now.value.id, key, before.value, nullId)
        : undefined;
    return withVersion(before?.value, version, oldNull);
  }

  #writesOf(
    now: Bucket,
    key: string,
    before: Stored<KeyRecord> | undefined,
    change: Change,
    more: readonly Write[] = [],
  ) {
    const writes = [...this.#deps.store.changeWrites(now, key, before, change), ...more];
    return { writes, gone: change.gone };
  }

  #stamp({ value: bucket }: Bucket, before: Stored<KeyRecord> | undefined) {
    const { clock, tokens } = this.#deps;
    const token = tokens.next(before?.value.latest.token);
    const id = newId(bucket.versioning, () => tokens.idFor(token));
    return { id, token, modifiedAtMs: clock.now() };
  }

  #event(
    { value: bucket }: Bucket,
    key: string,
    name: string,
    by: Cause,
    version: {
      readonly id: string;
      readonly token?: string;
      readonly etag?: string;
      readonly sizeBytes?: number | undefined;
    },
  ): ObjectEvent {
    const { id, token, etag, sizeBytes } = version;
    return {
      name,
      atMs: this.#deps.clock.now(),
      bucket: { name: bucket.name, account: bucket.account, region: bucket.region },
      key,
      ...(sizeBytes !== undefined && { sizeBytes }),
      ...(etag !== undefined && { etag }),
      ...(bucket.versioning !== undefined && { versionId: id }),
      ...(token !== undefined && { token }),
      by,
    };
  }
}

/** On a bucket that never had versions only "null" is one. */
export function requireVersionId({ value: bucket }: Bucket, versionId: string): void {
  if (!isVersionId(versionId) || (bucket.versioning === undefined && versionId !== nullId)) {
    throw invalidVersionId(versionId);
  }
}

export function bodyOf(file: string | undefined): Body {
  return file === undefined ? { kind: "empty" } : { kind: "file", file };
}

function nothing<T>(answer: T): Mutation<T> {
  return { writes: [], gone: [], events: [], answer };
}

function asMarkerError(error: unknown, method: string): never {
  const isMarker =
    error instanceof Error && "headers" in error && "x-amz-delete-marker" in (error.headers as object);
  if (isMarker) throw methodNotAllowed(method, "DeleteMarker");
  throw error;
}

const emptyMd5 = "d41d8cd98f00b204e9800998ecf8427e";
