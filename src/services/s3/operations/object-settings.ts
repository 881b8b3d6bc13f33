/** What may be changed of an object that is there: tags, retention, legal hold; restoring it; its attributes. */
import { partsMax } from "../../../limits.ts";
import type { OperationsOf } from "../../service.ts";
import type { Bucket } from "../buckets.ts";
import { checksumMember } from "../domain/checksum.ts";
import { requireRetentionChange, retentionOf } from "../domain/object-lock.ts";
import { isArchived, type ObjectVersion } from "../domain/object.ts";
import { objectTags, tagsToWire } from "../domain/tagging.ts";
import {
  invalidArgument,
  invalidRequest,
  invalidObjectState,
  malformedXml,
  notConfigured,
} from "../errors.ts";
import type { S3Parts } from "../parts.ts";
import { causeOf, requireDigest } from "../request.ts";
import { type Client, wholeSeconds } from "../to-wire.ts";

type ObjectSettingsOperations = Pick<
  OperationsOf<Client>,
  | "DeleteObjectTagging"
  | "GetObjectAttributes"
  | "GetObjectLegalHold"
  | "GetObjectRetention"
  | "GetObjectTagging"
  | "PutObjectLegalHold"
  | "PutObjectRetention"
  | "PutObjectTagging"
  | "RestoreObject"
>;

const dayMs = 86_400_000;

export function objectSettingsOperations({
  buckets,
  clock,
  objects,
  store,
}: S3Parts): ObjectSettingsOperations {
  return {
    async PutObjectTagging(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      const tags = objectTags(input.Tagging.TagSet ?? []);
      const event = { name: "ObjectTagging:Put", by: causeOf(ctx, "PutObjectTagging") };
      const changed = await objects.update(
        bucket,
        input.Key,
        input.VersionId,
        (version) => ({ ...version, tags }),
        event,
      );
      return idOf(bucket, changed);
    },
    async GetObjectTagging(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      const version = await objects.described(bucket, input.Key, input.VersionId);
      return { TagSet: tagsToWire(version.tags), ...idOf(bucket, version) };
    },
    async DeleteObjectTagging(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      const event = { name: "ObjectTagging:Delete", by: causeOf(ctx, "DeleteObjectTagging") };
      const changed = await objects.update(
        bucket,
        input.Key,
        input.VersionId,
        (version) => ({ ...version, tags: {} }),
        event,
      );
      return idOf(bucket, changed);
    },

    async PutObjectRetention(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      requireLock(bucket);
      requireDigest(ctx);
      const { Mode, RetainUntilDate } = input.Retention ?? {};
      if ((Mode === undefined) !== (RetainUntilDate === undefined)) throw malformedXml();
      if (Mode !== undefined && Mode !== "GOVERNANCE" && Mode !== "COMPLIANCE") throw malformedXml();
      const nowMs = clock.now();
      const retention = RetainUntilDate && retentionOf(Mode, RetainUntilDate, nowMs);
      const bypass = input.BypassGovernanceRetention === true;
      await objects.update(bucket, input.Key, input.VersionId, (version) => {
        requireRetentionChange(version.lock, retention, nowMs, bypass);
        const { retention: _, ...lock } = version.lock;
        return { ...version, lock: { ...lock, ...(retention && { retention }) } };
      });
      return {};
    },
    async GetObjectRetention(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      requireLock(bucket);
      const { lock } = await objects.described(bucket, input.Key, input.VersionId);
      if (!lock.retention) throw noLock();
      const { mode, untilMs } = lock.retention;
      return { Retention: { Mode: mode, RetainUntilDate: new Date(untilMs) } };
    },

    async PutObjectLegalHold(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      requireLock(bucket);
      requireDigest(ctx);
      const status = input.LegalHold?.Status;
      if (status !== "ON" && status !== "OFF") throw malformedXml();
      await objects.update(bucket, input.Key, input.VersionId, (version) => ({
        ...version,
        lock: { ...version.lock, legalHold: status === "ON" },
      }));
      return {};
    },
    async GetObjectLegalHold(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      requireLock(bucket);
      const { lock } = await objects.described(bucket, input.Key, input.VersionId);
      if (lock.legalHold === undefined) throw noLock();
      return { LegalHold: { Status: lock.legalHold ? "ON" : "OFF" } };
    },

    /** At once: nothing was moved to where it would have to be fetched from. */
    async RestoreObject(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      const days = input.RestoreRequest?.Days;
      if (input.RestoreRequest?.SelectParameters) throw malformedXml();
      if (days === undefined || days < 1) throw malformedXml();
      const tier =
        input.RestoreRequest?.GlacierJobParameters?.Tier ?? input.RestoreRequest?.Tier ?? "Standard";
      if (tier !== "Standard" && tier !== "Bulk" && tier !== "Expedited") throw malformedXml();
      let wasRestored = false;
      const event = { name: "ObjectRestore:Completed", by: causeOf(ctx, "RestoreObject") };
      await objects.update(
        bucket,
        input.Key,
        input.VersionId,
        (version) => {
          if (version.storageClass !== "GLACIER" && version.storageClass !== "DEEP_ARCHIVE") {
            throw invalidObjectState(version.storageClass);
          }
          wasRestored = !isArchived(version, clock.now());
          return { ...version, restoredUntilMs: Math.ceil((clock.now() + days * dayMs) / dayMs) * dayMs };
        },
        event,
      );
      const answer = { wasRestored }; // for its status: wire/overrides.ts
      return answer as object;
    },

    async GetObjectAttributes(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      const wanted = new Set(
        input.ObjectAttributes.flatMap((names) => names.split(",")).map((name) => name.trim()),
      );
      if (wanted.size === 0 || wanted.has("")) {
        throw invalidRequest(
          "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty",
        );
      }
      for (const name of wanted) {
        if (!attributeNames.has(name)) throw invalidArgument("Invalid attribute name specified.");
      }
      const version = await objects.object(bucket, input.Key, input.VersionId, "GET");
      const { checksum } = version;
      const [value = ""] = checksum.value.split("-");
      return {
        LastModified: wholeSeconds(version.modifiedAtMs),
        ...idOf(bucket, version),
        ...(wanted.has("ETag") && { ETag: version.etag }),
        ...(wanted.has("Checksum") && {
          Checksum: {
            ...checksumMember({ algorithm: checksum.algorithm, value }),
            ChecksumType: checksum.type,
          },
        }),
        ...(wanted.has("ObjectParts") && (await partsOf(version, input.MaxParts, input.PartNumberMarker))),
        ...(wanted.has("StorageClass") && { StorageClass: version.storageClass as "STANDARD" }),
        ...(wanted.has("ObjectSize") && { ObjectSize: version.sizeBytes }),
      };
    },
  };

  /** The parts themselves are listed only where they have checksums of their own (recorded). */
  async function partsOf(version: ObjectVersion, max = 1000, marker = "0") {
    const layout = await store.layout(version);
    if (!layout) return {};
    const TotalPartsCount = layout.parts.length;
    if (version.checksum.type !== "COMPOSITE") return { ObjectParts: { TotalPartsCount } };
    const after = Math.min(Math.max(Number(marker) || 0, 0), partsMax);
    const rest = layout.parts.filter(({ partNumber }) => partNumber > after);
    const page = rest.slice(0, Math.min(Math.max(max, 0), 1000));
    return {
      ObjectParts: {
        TotalPartsCount,
        PartNumberMarker: String(after),
        NextPartNumberMarker: String(page.at(-1)?.partNumber ?? 0),
        MaxParts: Math.min(max, 1000),
        IsTruncated: rest.length > page.length,
        Parts: page.map(({ checksum = "", partNumber, sizeBytes }) => ({
          PartNumber: partNumber,
          Size: sizeBytes,
          ...checksumMember({ algorithm: version.checksum.algorithm, value: checksum }),
        })),
      },
    };
  }
}

const attributeNames = new Set(["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]);

function idOf({ value }: Bucket, { id }: ObjectVersion): { VersionId?: string } {
  return value.versioning === undefined ? {} : { VersionId: id };
}

function requireLock({ value: { settings } }: Bucket): void {
  if (!settings.objectLock) throw invalidRequest("Bucket is missing Object Lock Configuration");
}

function noLock() {
  return notConfigured(
    "NoSuchObjectLockConfiguration",
    "The specified object does not have a ObjectLock configuration",
  );
}
