/**
 * Carries out lifecycle rules: every now and then all buckets that have some are walked through, and what is due goes or
 * gets another storage class, with the events that AWS sends for it. What `domain/lifecycle.ts` says is due is asked again in the commit, so nothing that
 * was written meanwhile is lost.
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Random } from "../../base/random.ts";
import { AwsError } from "../../wire/aws-error.ts";
import type { Bucket } from "./buckets.ts";
import {
  abortionOf,
  expiryOf,
  isLoneMarkerDue,
  isNoncurrentDue,
  type LifecycleSettings,
  transitionDue,
} from "./domain/lifecycle.ts";
import type { Cause } from "./domain/notification-record.ts";
import type { ObjectVersion } from "./domain/object.ts";
import { noSuchKey } from "./errors.ts";
import type { Objects } from "./objects.ts";
import type { KeyEntry, S3Store } from "./store.ts";
import type { Uploads } from "./uploads.ts";

export interface LifecycleDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly store: S3Store;
  readonly objects: Objects;
  readonly uploads: Uploads;
}

export class Lifecycle {
  readonly #deps: LifecycleDeps;

  constructor(deps: LifecycleDeps) {
    this.#deps = deps;
  }

  /** One look at everything. Answers how many objects, versions and uploads went. */
  async sweep(signal: AbortSignal): Promise<number> {
    let count = 0;
    for await (const bucket of this.#deps.store.buckets.each({ parts: [] })) {
      const { lifecycle } = bucket.value.settings;
      if (!lifecycle || !lifecycle.rules.some(({ isEnabled }) => isEnabled)) continue;
      try {
        count += await this.#sweepBucket(bucket, lifecycle, signal);
      } catch (error) {
        this.#deps.logger.warn(`lifecycle rules of bucket ${bucket.value.name} wait`, { error });
      }
      if (signal.aborted) break;
    }
    return count;
  }

  async #sweepBucket(bucket: Bucket, rules: LifecycleSettings, signal: AbortSignal): Promise<number> {
    let count = 0;
    const keys = this.#deps.store.walkKeys(bucket.value.id, { prefix: "" });
    for (let entry = await keys.next(); entry && !signal.aborted; entry = await keys.next()) {
      count += await this.#sweepKey(bucket, rules, entry);
    }
    const uploads = this.#deps.store.walkUploads(bucket.value.id, { prefix: "" });
    for (let each = await uploads.next(); each && !signal.aborted; each = await uploads.next()) {
      const due = abortionOf(rules, each.key, each.upload.startedAtMs);
      if (!due || due.atMs > this.#deps.clock.now()) continue;
      const stored = await this.#deps.uploads.require(bucket, each.key, each.uploadId);
      await this.#deps.uploads.abort(bucket, each.key, stored);
      count += 1;
    }
    return count;
  }

  async #sweepKey(bucket: Bucket, rules: LifecycleSettings, { key, record }: KeyEntry): Promise<number> {
    const nowMs = this.#deps.clock.now();
    const { latest, olderCount } = record;
    let count = 0;
    if (olderCount > 0) count += await this.#sweepOlder(bucket, rules, { key, record }, nowMs);
    if (latest.kind === "object") {
      const due = expiryOf(rules, key, latest);
      if (!due || due.atMs > nowMs) {
        await this.#move(
          bucket,
          key,
          latest,
          transitionDue(rules, key, latest, { sinceMs: latest.modifiedAtMs, nowMs }),
        );
        return count;
      }
      await this.#remove(bucket, key, { token: latest.token });
      return count + 1;
    }
    if (olderCount - count > 0 || !isLoneMarkerDue(rules, key)) return count;
    await this.#remove(bucket, key, { versionId: latest.id });
    return count + 1;
  }

  async #sweepOlder(
    bucket: Bucket,
    rules: LifecycleSettings,
    { key, record }: KeyEntry,
    nowMs: number,
  ): Promise<number> {
    let noncurrentSinceMs = record.latest.modifiedAtMs;
    let newerCount = 0;
    let count = 0;
    for await (const { value } of this.#deps.store.versions.each({ parts: [bucket.value.id, key] })) {
      const subject = value.kind === "object" ? value : { ...value, sizeBytes: 0, tags: {} };
      const age = { noncurrentSinceMs, newerCount, nowMs };
      noncurrentSinceMs = value.modifiedAtMs;
      newerCount += 1;
      if (!isNoncurrentDue(rules, key, subject, age)) {
        if (value.kind !== "object") continue;
        const { noncurrentSinceMs: sinceMs } = age;
        const due = transitionDue(rules, key, value, { ...age, sinceMs });
        await this.#move(bucket, key, value, due);
        continue;
      }
      await this.#remove(bucket, key, { versionId: value.id });
      count += 1;
    }
    return count;
  }

  /** `storageClass`: undefined for none. */
  async #move(
    bucket: Bucket,
    key: string,
    { id, token }: ObjectVersion,
    storageClass: string | undefined,
  ): Promise<void> {
    if (storageClass === undefined) return;
    const change = (version: ObjectVersion): ObjectVersion => {
      if (version.token !== token) throw noSuchKey(key); // another one has come under the same id
      return { ...version, storageClass };
    };
    const by = this.#cause("Lifecycle Transition");
    await this.#unlessRefused(
      this.#deps.objects.update(bucket, key, id, change, { name: "LifecycleTransition", by, storageClass }),
    );
  }

  /** A version under object lock stays. */
  async #remove(
    bucket: Bucket,
    key: string,
    what: { readonly versionId?: string; readonly token?: string },
  ): Promise<void> {
    const by = this.#cause("Lifecycle Expiration");
    await this.#unlessRefused(
      this.#deps.objects.remove(bucket, key, { ...what, family: "LifecycleExpiration", by }),
    );
  }

  #cause(reason: string): Cause {
    return { requester: "s3.amazonaws.com", requestId: this.#deps.random.uuid(), reason };
  }

  async #unlessRefused(change: Promise<unknown>): Promise<void> {
    try {
      await change;
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
    }
  }
}
