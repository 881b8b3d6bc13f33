/** Listings of a bucket's objects: v1, v2, and all versions. */
import { listedKeysMax } from "../../../limits.ts";
import { queryValue } from "../../../wire/query-string.ts";
import type { Context, OperationsOf } from "../../service.ts";
import { type BucketRecord, canonicalId } from "../domain/bucket.ts";
import { beyond, fold, urlEncoded, type Walk } from "../domain/listing.ts";
import type { KeyRecord, ObjectVersion, Version } from "../domain/object.ts";
import { isVersionId } from "../domain/version-token.ts";
import { invalidArgument } from "../errors.ts";
import type { S3Parts } from "../parts.ts";
import type { KeyEntry, S3Store } from "../store.ts";
import { type Client, quoted, wholeSeconds } from "../to-wire.ts";

type ListOperations = Pick<OperationsOf<Client>, "ListObjects" | "ListObjectsV2" | "ListObjectVersions">;

export function listOperations({ buckets, store }: S3Parts): ListOperations {
  return {
    async ListObjects(input, ctx) {
      const { value: bucket } = await buckets.require(input, ctx);
      refuseListType(ctx);
      const { Prefix = "", Delimiter = "", Marker = "" } = input;
      const max = keysMax(input.MaxKeys);
      const encode = encoderOf(input.EncodingType);
      const walk = objectsIn(store, bucket.id, { prefix: Prefix, after: behind(Marker, Delimiter) });
      const page = await fold(walk, { prefix: Prefix, delimiter: Delimiter, max });
      return {
        Name: bucket.name,
        Prefix: encode(Prefix),
        Marker: encode(Marker),
        ...(Delimiter !== "" && { Delimiter: encode(Delimiter) }),
        MaxKeys: max,
        EncodingType: input.EncodingType,
        IsTruncated: page.isTruncated,
        // Without a delimiter a client goes on behind the last key that it has got.
        ...(Delimiter !== "" && page.last && { NextMarker: encode(lastName(page.last)) }),
        Contents: page.items.map((item) => ({ ...contentOf(item, encode), Owner: ownerOf(item, bucket) })),
        CommonPrefixes: page.prefixes.map((prefix) => ({ Prefix: encode(prefix) })),
      };
    },

    async ListObjectsV2(input, ctx) {
      const { value: bucket } = await buckets.require(input, ctx);
      const { Prefix = "", Delimiter = "", StartAfter, ContinuationToken } = input;
      const max = keysMax(input.MaxKeys);
      const encode = encoderOf(input.EncodingType);
      const after = ContinuationToken === undefined ? (StartAfter ?? "") : nameIn(ContinuationToken);
      const from = ContinuationToken === undefined ? after || undefined : behind(after, Delimiter);
      const walk = objectsIn(store, bucket.id, { prefix: Prefix, after: from });
      const page = await fold(walk, { prefix: Prefix, delimiter: Delimiter, max });
      const ownerIn = (item: ObjectItem) =>
        input.FetchOwner === true ? { Owner: ownerOf(item, bucket) } : {};
      return {
        Name: bucket.name,
        Prefix: encode(Prefix),
        ...(Delimiter !== "" && { Delimiter: encode(Delimiter) }),
        MaxKeys: max,
        EncodingType: input.EncodingType,
        KeyCount: page.items.length + page.prefixes.length,
        IsTruncated: page.isTruncated,
        ContinuationToken,
        ...(page.last && { NextContinuationToken: tokenOf(lastName(page.last)) }),
        ...(ContinuationToken === undefined &&
          StartAfter !== undefined && { StartAfter: encode(StartAfter) }),
        Contents: page.items.map((item) => ({ ...contentOf(item, encode), ...ownerIn(item) })),
        CommonPrefixes: page.prefixes.map((prefix) => ({ Prefix: encode(prefix) })),
      };
    },

    async ListObjectVersions(input, ctx) {
      const { value: bucket } = await buckets.require(input, ctx);
      const { Prefix = "", Delimiter = "", KeyMarker = "", VersionIdMarker = "" } = input;
      if (input.MaxKeys !== undefined && input.MaxKeys < 0) {
        throw invalidArgument("max-keys cannot be negative", "max-keys", input.MaxKeys);
      }
      if (VersionIdMarker !== "" && KeyMarker === "") {
        const text = "A version-id marker cannot be specified without a key marker.";
        throw invalidArgument(text, "version-id-marker", VersionIdMarker);
      }
      if (VersionIdMarker !== "" && !isVersionId(VersionIdMarker)) {
        throw invalidArgument("Invalid version id specified", "version-id-marker", VersionIdMarker);
      }
      const max = keysMax(input.MaxKeys);
      const encode = encoderOf(input.EncodingType);
      const from = { key: KeyMarker, versionId: VersionIdMarker, after: behind(KeyMarker, Delimiter) };
      const walk = new VersionWalk(store, bucket.id, Prefix, from);
      const page = await fold(walk, { prefix: Prefix, delimiter: Delimiter, max });
      const shown = page.items.map((item) => ({
        item,
        wire: { ...versionOf(item, encode), Owner: ownerOf(item, bucket) },
      }));
      return {
        Name: bucket.name,
        Prefix: encode(Prefix),
        ...(Delimiter !== "" && { Delimiter: encode(Delimiter) }),
        KeyMarker: encode(KeyMarker),
        VersionIdMarker,
        MaxKeys: max,
        EncodingType: input.EncodingType,
        IsTruncated: page.isTruncated,
        ...(page.last && { NextKeyMarker: encode(lastName(page.last)) }),
        ...(page.last?.kind === "item" && { NextVersionIdMarker: page.last.item.version.id }),
        Versions: shown.filter(({ item }) => item.version.kind === "object").map(({ wire }) => wire),
        DeleteMarkers: shown.filter(({ item }) => item.version.kind === "marker").map(({ wire }) => wire),
        CommonPrefixes: page.prefixes.map((prefix) => ({ Prefix: encode(prefix) })),
      };
    },
  };
}

/** inferred: the text. */
function refuseListType({ http }: Context): void {
  const type = http && http.query !== "" ? queryValue(http.query, "list-type") : undefined;
  if (type === undefined) return;
  throw invalidArgument("Invalid List Type specified in Request", "list-type", type);
}

interface ObjectItem {
  readonly key: string;
  readonly version: ObjectVersion;
}

/** Keys whose latest version is a marker are not there for a listing. */
function objectsIn(
  store: S3Store,
  bucketId: string,
  { prefix, after }: { readonly prefix: string; readonly after: string | undefined },
): Walk<ObjectItem> {
  const keys = store.walkKeys(bucketId, { prefix, ...(after !== undefined && { after }) });
  return {
    async next() {
      for (let entry = await keys.next(); entry; entry = await keys.next()) {
        const { latest } = entry.record;
        if (latest.kind === "object") return { key: entry.key, version: latest };
      }
      return undefined;
    },
    skipPast: (prefixToSkip) => keys.skipPast(prefixToSkip),
  };
}

interface VersionItem {
  readonly key: string;
  readonly version: Version;
  readonly isLatest: boolean;
}

/** All versions, newest first within a key. */
class VersionWalk implements Walk<VersionItem> {
  readonly #store: S3Store;
  readonly #bucketId: string;
  readonly #keys: Walk<KeyEntry>;
  /** The versions of one key, before the walk through the others goes on. */
  #pending: AsyncIterator<VersionItem> | undefined;
  #first: { readonly key: string; readonly versionId: string } | undefined;

  constructor(
    store: S3Store,
    bucketId: string,
    prefix: string,
    from: { readonly key: string; readonly versionId: string; readonly after: string | undefined },
  ) {
    this.#store = store;
    this.#bucketId = bucketId;
    this.#first = from.versionId === "" ? undefined : from;
    this.#keys = store.walkKeys(bucketId, { prefix, ...(from.after !== undefined && { after: from.after }) });
  }

  async next(): Promise<VersionItem | undefined> {
    if (this.#first) {
      this.#pending = this.#rest(this.#first);
      this.#first = undefined;
    }
    for (;;) {
      const next = await this.#pending?.next();
      if (next && !next.done) return next.value;
      const entry = await this.#keys.next();
      if (!entry) return undefined;
      this.#pending = this.#of(entry.key, entry.record);
    }
  }

  skipPast(prefix: string): void {
    this.#pending = undefined;
    this.#keys.skipPast(prefix);
  }

  async *#of(key: string, record: KeyRecord, afterToken?: string): AsyncGenerator<VersionItem> {
    if (afterToken === undefined) yield { key, version: record.latest, isLatest: true };
    if (record.olderCount === 0) return;
    const place = [this.#bucketId, key];
    const after = afterToken === undefined ? undefined : [...place, afterToken];
    for await (const { value } of this.#store.versions.each({ parts: place, ...(after && { after }) })) {
      yield { key, version: value, isLatest: false };
    }
  }

  /** What lies behind the version that the last page ended with. */
  async *#rest({ key, versionId }: { readonly key: string; readonly versionId: string }) {
    const record = (await this.#store.objects.get([this.#bucketId, key]))?.value;
    const version = record && (await this.#store.version(this.#bucketId, key, record, versionId));
    if (record && version) yield* this.#of(key, record, version.token);
  }
}

function ownerOf({ version }: { readonly version: Version }, bucket: BucketRecord): { readonly ID: string } {
  const owner = version.kind === "object" ? version.owner : undefined;
  return { ID: canonicalId(owner ?? bucket.account) };
}

function contentOf({ key, version }: ObjectItem, encode: (text: string) => string) {
  return {
    Key: encode(key),
    LastModified: wholeSeconds(version.modifiedAtMs),
    ETag: quoted(version.etag),
    ChecksumAlgorithm: [version.checksum.algorithm],
    ChecksumType: version.checksum.type,
    Size: version.sizeBytes,
    StorageClass: version.storageClass as "STANDARD",
  };
}

function versionOf({ key, version, isLatest }: VersionItem, encode: (text: string) => string) {
  const common = {
    Key: encode(key),
    VersionId: version.id,
    IsLatest: isLatest,
    LastModified: wholeSeconds(version.modifiedAtMs),
  };
  if (version.kind === "marker") return common;
  const { Key: _, LastModified: __, ...object } = contentOf({ key, version }, encode);
  return { ...common, ...object, StorageClass: version.storageClass as "STANDARD" };
}

export function keysMax(asked: number | undefined, name = "maxKeys"): number {
  if (asked === undefined) return listedKeysMax;
  if (asked < 0) {
    throw invalidArgument(`Argument ${name} must be an integer between 0 and 2147483647`, name, asked);
  }
  return Math.min(asked, listedKeysMax);
}

export function encoderOf(encoding: string | undefined): (text: string) => string {
  if (encoding === undefined) return (text) => text;
  if (encoding === "url") return urlEncoded;
  throw invalidArgument("Invalid Encoding Method specified in Request", "encoding-type", encoding);
}

/** Where a walk begins that goes on behind a name; behind all of it when the name is a common prefix. */
export function behind(name: string, delimiter: string): string | undefined {
  if (name === "") return undefined;
  return delimiter !== "" && name.endsWith(delimiter) ? beyond(name) : name;
}

function lastName(
  last:
    | { readonly kind: "item"; readonly item: { readonly key: string } }
    | { readonly kind: "prefix"; readonly prefix: string },
): string {
  return last.kind === "item" ? last.item.key : last.prefix;
}

function tokenOf(name: string): string {
  return `1${Buffer.from(name).toString("base64url")}`;
}

function nameIn(token: string): string {
  const name = Buffer.from(token.slice(1), "base64url").toString();
  if (token !== "" && tokenOf(name) === token) return name;
  throw invalidArgument("The continuation token provided is incorrect", "continuation-token", token);
}
