/** All buckets: found by name, made, changed, deleted. Names are global: they belong to whoever came first. */
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { bucketsMax } from "../../limits.ts";
import type { Stored } from "../../store/records.ts";
import type { Context } from "../service.ts";
import { isBucketName, isDirectoryBucketName } from "./domain/bucket-name.ts";
import type { BucketRecord, BucketSettings } from "./domain/bucket.ts";
import {
  accessDenied,
  bucketAlreadyExists,
  bucketAlreadyOwned,
  bucketNotEmpty,
  invalidBucketName,
  invalidOwner,
  noSuchBucket,
  operationAborted,
  permanentRedirect,
  tooManyBuckets,
  unsupported,
} from "./errors.ts";
import { Outdated, type S3Store } from "./store.ts";

export type Bucket = Stored<BucketRecord>;

/** What every operation on a bucket is given. */
export interface BucketRef {
  readonly Bucket: string | undefined;
  readonly ExpectedBucketOwner?: string | undefined;
}

export class Buckets {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #store: S3Store;

  constructor(deps: { readonly clock: Clock; readonly random: Random; readonly store: S3Store }) {
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#store = deps.store;
  }

  /** Throws what S3 says when the caller cannot have it: not there, somebody else's, another region's. */
  async require(
    { Bucket: name = "", ExpectedBucketOwner: owner }: BucketRef,
    ctx: Context,
    from: "its-region" | "any-region" = "its-region",
  ): Promise<Bucket> {
    if (owner !== undefined && !/^\d{12}$/.test(owner)) throw invalidOwner(owner);
    const bucket = await this.#known(name);
    if (owner !== undefined && owner !== bucket.value.account) throw accessDenied();
    const { region } = bucket.value;
    if (from === "its-region" && namesRegion(ctx) && ctx.region !== region) {
      throw permanentRedirect(name, region, new URL(ctx.endpoint).host);
    }
    return bucket;
  }

  /** Any text may be asked for: what cannot be a name, nor part of a key, is nobody's. */
  async find(name: string): Promise<Bucket | undefined> {
    if (!isBucketName(name)) return undefined;
    return this.#store.buckets.get([name]);
  }

  /** The same bucket as it is now. Throws when it is gone. */
  async again({ value }: Bucket): Promise<Bucket> {
    const bucket = await this.find(value.name);
    if (bucket?.value.id !== value.id) throw noSuchBucket(value.name);
    if (bucket.value.isEnding) throw operationAborted();
    return bucket;
  }

  async create(record: Omit<BucketRecord, "id" | "createdAtMs">, ctx: Context): Promise<"made" | "had"> {
    const { name } = record;
    if (!isBucketName(name)) throw invalidBucketName(name);
    const existing = await this.find(name);
    if (existing) return this.#remade(existing.value, record, ctx);
    await this.#checkCount(record.account);
    const made = { ...record, id: this.#random.hex(8), createdAtMs: this.#clock.now() };
    try {
      await this.#store.commit([this.#store.buckets.put([name], made, 0)]);
      return "made";
    } catch (error) {
      if (error instanceof Outdated) return this.create(record, ctx);
      throw error;
    }
  }

  /**
   * Whoever writes into it at the same time is refused or makes it non-empty; nothing is lost. `clear` does away with what
   * does not keep a bucket from being deleted: uploads.
   */
  async delete(bucket: Bucket, clear: () => Promise<void>): Promise<void> {
    const { buckets } = this.#store;
    const { name, id, versioning } = bucket.value;
    const ending = await this.#write({ ...bucket.value, isEnding: true }, bucket.version);
    if (!(await this.#store.isEmpty(id))) {
      await this.#write({ ...bucket.value, isEnding: false }, ending);
      throw bucketNotEmpty(name, versioning !== undefined);
    }
    await clear();
    await this.#store.commit([buckets.remove([name], ending)]);
  }

  /** Throws what `change` throws; calls it again when somebody else was quicker. */
  async change(bucket: Bucket, change: (before: BucketRecord) => BucketRecord): Promise<void> {
    for (let current = bucket; ; current = await this.again(bucket)) {
      try {
        await this.#write(change(current.value), current.version);
        return;
      } catch (error) {
        if (!(error instanceof Outdated)) throw error;
      }
    }
  }

  async set(bucket: Bucket, settings: Partial<BucketSettings>): Promise<void> {
    await this.change(bucket, (before) => ({ ...before, settings: { ...before.settings, ...settings } }));
  }

  /** A crash in the middle of a deletion leaves a bucket that refuses everything. */
  async resume(): Promise<void> {
    for await (const { value, version } of this.#store.buckets.each({ parts: [] })) {
      if (value.isEnding) await this.#write({ ...value, isEnding: false }, version);
    }
  }

  async #known(name: string): Promise<Bucket> {
    if (isDirectoryBucketName(name)) throw unsupported("s3 directory bucket");
    const bucket = await this.find(name);
    if (bucket?.value.isEnding) throw operationAborted();
    if (bucket) return bucket;
    throw isBucketName(name) ? noSuchBucket(name) : invalidBucketName(name);
  }

  async #write(record: BucketRecord, version: number): Promise<number> {
    const [written = 0] = await this.#store.commit([this.#store.buckets.put([record.name], record, version)]);
    return written;
  }

  #remade(existing: BucketRecord, wanted: Pick<BucketRecord, "account" | "settings">, ctx: Context): "had" {
    if (existing.account !== wanted.account) throw bucketAlreadyExists(existing.name);
    if (ctx.region !== "us-east-1" || wanted.settings.tags) throw bucketAlreadyOwned(existing.name);
    return "had";
  }

  async #checkCount(account: string): Promise<void> {
    let count = 0;
    for await (const { value } of this.#store.buckets.each({ parts: [] })) {
      if (value.account === account) count += 1;
    }
    if (count >= bucketsMax) throw tooManyBuckets();
  }
}

/** Whoever has not signed has named no region, nor has a URL that was presigned in the older way. */
function namesRegion({ http, identity }: Context): boolean {
  return http !== undefined && identity.signed !== "none" && !http.query.includes("AWSAccessKeyId=");
}
