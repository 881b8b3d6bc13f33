/**
 * S3 in the store. Bytes are in files (`files.ts`); these are the records, all JSON, each change one conditional commit.
 *
 *     s3/bucket   <name>                              settings; names are global
 *     s3/object   <bucket id> <key>                   the newest version of each key
 *     s3/version  <bucket id> <key> <token>           older versions, newest first
 *     s3/upload   <bucket id> <key> <upload id>       multipart uploads under way
 *     s3/part     <upload id> <number>                their parts
 *     s3/layout   <id>                                the parts of an object that came in parts
 *     s3/file     <file>                              there for each file that a record names (L2)
 *     s3/rubbish  <id>                                parts that nobody names any more, until their files are gone
 *     s3/outbox   <token>                             notifications that were not delivered yet (`outbox.ts`)
 */
import { s3KeysScannedMax } from "../../limits.ts";
import type { Records, Stored } from "../../store/records.ts";
import { records } from "../../store/records.ts";
import type { Store, Write } from "../../store/store.ts";
import { StoreError } from "../../store/store.ts";
import type { BucketRecord } from "./domain/bucket.ts";
import type { Change } from "./domain/history.ts";
import { beyond, type Walk } from "./domain/listing.ts";
import type { Body, KeyRecord, Layout, ObjectVersion, Version } from "./domain/object.ts";
import { nullId, tokenOfId } from "./domain/version-token.ts";
import type { Part, Upload } from "./domain/upload.ts";
import type { Outgoing } from "./domain/notification-record.ts";

/** What nothing names any more, until its files and records are gone (`rubbish.ts`). */
export type Rubbish =
  | { readonly kind: "layout"; readonly layout: string }
  /** An upload that was aborted, or completed: then the files in the layout are the object's and stay. */
  | { readonly kind: "upload"; readonly uploadId: string; readonly layout?: string };

/** Other versions of these records than the ones that were read are there: read again, decide again. */
export class Outdated extends Error {
  override name = "Outdated";
}

export class S3Store {
  readonly store: Store;
  readonly buckets: Records<BucketRecord>;
  readonly objects: Records<KeyRecord>;
  readonly versions: Records<Version>;
  readonly uploads: Records<Upload>;
  readonly parts: Records<Part>;
  readonly layouts: Records<Layout>;
  readonly files: Records<1>;
  readonly rubbish: Records<Rubbish>;
  readonly outbox: Records<Outgoing>;

  constructor(store: Store) {
    this.store = store;
    this.buckets = records(store, "s3/bucket");
    this.objects = records(store, "s3/object");
    this.versions = records(store, "s3/version");
    this.uploads = records(store, "s3/upload");
    this.parts = records(store, "s3/part");
    this.layouts = records(store, "s3/layout");
    this.files = records(store, "s3/file");
    this.rubbish = records(store, "s3/rubbish");
    this.outbox = records(store, "s3/outbox");
  }

  /** Throws `Outdated` when a condition does not hold. */
  async commit(writes: readonly Write[]): Promise<readonly number[]> {
    try {
      return (await this.store.commit(writes)).versions;
    } catch (error) {
      if (error instanceof StoreError && error.code === "conflict") {
        throw new Outdated("it was changed meanwhile", { cause: error });
      }
      throw error;
    }
  }

  /** A key's versions change; the bucket stays as it was read. */
  changeWrites(
    { value: bucket, version: bucketVersion }: Stored<BucketRecord>,
    key: string,
    before: Stored<KeyRecord> | undefined,
    { record, aged, dropped, gone }: Change,
  ): Write[] {
    const place = [bucket.id, key];
    const writes = [
      this.buckets.check([bucket.name], bucketVersion),
      record
        ? this.objects.put(place, record, before?.version ?? 0)
        : this.objects.remove(place, before?.version ?? 0),
    ];
    if (aged) writes.push(this.versions.put([...place, aged.token], aged));
    for (const token of dropped) writes.push(this.versions.remove([...place, token]));
    for (const { body } of gone) writes.push(...this.bodyRemovals(body));
    return writes;
  }

  /** The file itself is removed after the commit (`files.ts`); parts by whoever clears the rubbish. */
  bodyRemovals(body: Body): Write[] {
    if (body.kind === "file") return [this.files.remove([body.file])];
    if (body.kind === "empty") return [];
    return [this.rubbish.put([body.layout], { kind: "layout", layout: body.layout })];
  }

  async version(bucketId: string, key: string, record: KeyRecord, id: string): Promise<Version | undefined> {
    if (record.latest.id === id) return record.latest;
    const token = id === nullId ? record.nullToken : tokenOfId(id);
    if (token === undefined) return undefined;
    const found = (await this.versions.get([bucketId, key, token]))?.value;
    return found?.id === id ? found : undefined;
  }

  async newestOlder(bucketId: string, key: string): Promise<Version | undefined> {
    return (await this.versions.page({ parts: [bucketId, key], limit: 1 })).items[0]?.value;
  }

  async layout({ body }: ObjectVersion): Promise<Layout | undefined> {
    return body.kind === "parts" ? (await this.layouts.get([body.layout]))?.value : undefined;
  }

  /** Keys that have an object or, `withMarkers`, any version. */
  walkKeys(bucketId: string, from: { readonly prefix: string; readonly after?: string }): Walk<KeyEntry> {
    return new PagedWalk(this.objects, bucketId, from, ([, key = ""], value) => ({ key, record: value }));
  }

  /** By key, then in the order in which they began. */
  walkUploads(
    bucketId: string,
    from: { readonly prefix: string; readonly after?: string; readonly afterId?: string },
  ): Walk<UploadEntry> {
    return new PagedWalk(this.uploads, bucketId, from, ([, key = "", uploadId = ""], upload) => ({
      key,
      uploadId,
      upload,
    }));
  }

  async isEmpty(bucketId: string): Promise<boolean> {
    return (await this.objects.page({ parts: [bucketId], limit: 1 })).items.length === 0;
  }

  async partsOf(uploadId: string): Promise<readonly Stored<Part>[]> {
    const found: Stored<Part>[] = [];
    for await (const part of this.parts.each({ parts: [uploadId] })) found.push(part);
    return found;
  }
}

export interface KeyEntry {
  readonly key: string;
  readonly record: KeyRecord;
}

export interface UploadEntry {
  readonly key: string;
  readonly uploadId: string;
  readonly upload: Upload;
}

class PagedWalk<T, Item extends { readonly key: string }> implements Walk<Item> {
  readonly #records: Records<T>;
  readonly #bucketId: string;
  readonly #prefix: string;
  readonly #itemOf: (parts: readonly string[], value: T) => Item;
  #page: readonly Stored<T>[] = [];
  #at = 0;
  #after: readonly string[] | undefined;
  #isLast = false;
  #skipped: string | undefined;

  constructor(
    source: Records<T>,
    bucketId: string,
    from: { readonly prefix: string; readonly after?: string; readonly afterId?: string },
    itemOf: (parts: readonly string[], value: T) => Item,
  ) {
    this.#records = source;
    this.#bucketId = bucketId;
    this.#prefix = from.prefix;
    this.#itemOf = itemOf;
    if (from.after !== undefined) {
      this.#after =
        from.afterId === undefined ? [bucketId, from.after] : [bucketId, from.after, from.afterId];
    }
  }

  async next(): Promise<Item | undefined> {
    for (;;) {
      const stored = this.#page[this.#at];
      if (stored) {
        this.#at += 1;
        const item = this.#itemOf(stored.parts, stored.value);
        if (this.#skipped !== undefined && item.key.startsWith(this.#skipped)) continue;
        return item;
      }
      if (this.#isLast) return undefined;
      await this.#read();
    }
  }

  skipPast(prefix: string): void {
    this.#skipped = prefix;
    const lastKey = this.#page.at(-1)?.parts[1];
    // The page's end is still within it: the rest need not be read.
    if (lastKey?.startsWith(prefix)) {
      this.#at = this.#page.length;
      this.#after = [this.#bucketId, beyond(prefix)];
    }
  }

  async #read(): Promise<void> {
    const { items, next } = await this.#records.page({
      parts: [this.#bucketId],
      startsWith: this.#prefix,
      limit: s3KeysScannedMax,
      ...(this.#after && { after: this.#after }),
    });
    this.#page = items;
    this.#at = 0;
    this.#after = items.at(-1)?.parts;
    this.#isLast = next === undefined;
  }
}
