/** What is set on buckets and acts: versioning, tags, CORS, website, lifecycle, encryption, object lock. */
import type { Context, OperationsOf } from "../../service.ts";
import type { Bucket, BucketRef } from "../buckets.ts";
import type { BucketSettings } from "../domain/bucket.ts";
import { checkedCors } from "../domain/cors.ts";
import { checkedLifecycle, lifecycleToWire } from "../domain/lifecycle.ts";
import { checkedDefault } from "../domain/object-lock.ts";
import { bucketTags, tagsToWire } from "../domain/tagging.ts";
import { checkedWebsite } from "../domain/website.ts";
import {
  invalidArgument,
  invalidBucketState,
  malformedXml,
  notConfigured,
  s3Error,
  unsupported,
} from "../errors.ts";
import type { S3Parts } from "../parts.ts";
import { requireDigest } from "../request.ts";
import type { Client } from "../to-wire.ts";

type SettingsOperations = Pick<
  OperationsOf<Client>,
  | "DeleteBucketCors"
  | "DeleteBucketEncryption"
  | "DeleteBucketLifecycle"
  | "DeleteBucketTagging"
  | "DeleteBucketWebsite"
  | "GetBucketCors"
  | "GetBucketEncryption"
  | "GetBucketLifecycleConfiguration"
  | "GetBucketTagging"
  | "GetBucketVersioning"
  | "GetBucketWebsite"
  | "GetObjectLockConfiguration"
  | "PutBucketCors"
  | "PutBucketEncryption"
  | "PutBucketLifecycleConfiguration"
  | "PutBucketTagging"
  | "PutBucketVersioning"
  | "PutBucketWebsite"
  | "PutObjectLockConfiguration"
>;

export function settingsOperations({ buckets, random }: S3Parts): SettingsOperations {
  async function set(ref: BucketRef, ctx: Context, settings: Partial<BucketSettings>): Promise<object> {
    await buckets.set(await buckets.require(ref, ctx), settings);
    return {};
  }

  return {
    async PutBucketVersioning(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      const { MFADelete, Status: status } = input.VersioningConfiguration;
      if (MFADelete === "Enabled") throw unsupported("s3 PutBucketVersioning with MFADelete");
      if (status === undefined) {
        const text = "The Versioning element must be specified";
        throw s3Error(400, "IllegalVersioningConfigurationException", text);
      }
      if (status !== "Enabled" && status !== "Suspended") throw malformedXml();
      await buckets.change(bucket, (before) => {
        if (status === "Suspended" && before.settings.objectLock) {
          throw invalidBucketState(
            "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
          );
        }
        return { ...before, versioning: status };
      });
      return {};
    },
    async GetBucketVersioning(input, ctx) {
      const { versioning } = (await buckets.require(input, ctx)).value;
      return versioning === undefined ? {} : { Status: versioning };
    },

    async PutBucketTagging(input, ctx) {
      return set(input, ctx, { tags: bucketTags(input.Tagging.TagSet ?? []) });
    },
    async GetBucketTagging(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      const { tags } = bucket.value.settings;
      if (!tags) throw absent(bucket, "NoSuchTagSet", "The TagSet does not exist");
      return { TagSet: tagsToWire(tags) };
    },
    DeleteBucketTagging: (input, ctx) => set(input, ctx, { tags: undefined }),

    async PutBucketCors(input, ctx) {
      return set(input, ctx, { cors: checkedCors(input.CORSConfiguration.CORSRules ?? []) });
    },
    async GetBucketCors(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      const { cors } = bucket.value.settings;
      if (!cors) throw absent(bucket, "NoSuchCORSConfiguration", "The CORS configuration does not exist");
      return { CORSRules: [...cors] };
    },
    DeleteBucketCors: (input, ctx) => set(input, ctx, { cors: undefined }),

    async PutBucketWebsite(input, ctx) {
      return set(input, ctx, { website: checkedWebsite(input.WebsiteConfiguration) });
    },
    async GetBucketWebsite(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      const { website } = bucket.value.settings;
      if (website) return website;
      const text = "The specified bucket does not have a website configuration";
      throw absent(bucket, "NoSuchWebsiteConfiguration", text);
    },
    DeleteBucketWebsite: (input, ctx) => set(input, ctx, { website: undefined }),

    async PutBucketLifecycleConfiguration(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      requireDigest(ctx);
      const size = input.TransitionDefaultMinimumObjectSize ?? "all_storage_classes_128K";
      if (size !== "all_storage_classes_128K" && size !== "varies_by_storage_class") {
        throw invalidArgument(`Invalid TransitionDefaultMinimumObjectSize found: ${String(size)}`);
      }
      const rules = checkedLifecycle(input.LifecycleConfiguration?.Rules ?? [], () => random.uuid());
      await buckets.set(bucket, { lifecycle: { rules, transitionSize: size } });
      return { TransitionDefaultMinimumObjectSize: size };
    },
    async GetBucketLifecycleConfiguration(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      const { lifecycle } = bucket.value.settings;
      const text = "The lifecycle configuration does not exist";
      if (!lifecycle) throw absent(bucket, "NoSuchLifecycleConfiguration", text);
      return {
        Rules: lifecycleToWire(lifecycle),
        TransitionDefaultMinimumObjectSize: lifecycle.transitionSize as "all_storage_classes_128K",
      };
    },
    DeleteBucketLifecycle: (input, ctx) => set(input, ctx, { lifecycle: undefined }),

    async PutBucketEncryption(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      const [rule, ...more] = input.ServerSideEncryptionConfiguration.Rules ?? [];
      if (!rule || more.length > 0) throw malformedXml();
      const { ApplyServerSideEncryptionByDefault: given, BlockedEncryptionTypes: blocked } = rule;
      if (blocked?.EncryptionType?.includes("NONE")) {
        throw unsupported("s3 PutBucketEncryption with BlockedEncryptionTypes NONE: SSE-C");
      }
      const { KMSMasterKeyID: key, SSEAlgorithm: algorithm } = given ?? { SSEAlgorithm: "AES256" };
      if (algorithm === "AES256" && key !== undefined) {
        const text =
          "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse";
        throw invalidArgument(text, "KMSMasterKeyID");
      }
      if (algorithm === "aws:kms" || algorithm === "aws:kms:dsse") {
        throw unsupported(`s3 PutBucketEncryption with ${algorithm}: KMS`);
      }
      if (algorithm !== "AES256") throw malformedXml();
      await buckets.set(bucket, { isEncryptionSet: true, hasBucketKey: rule.BucketKeyEnabled === true });
      return {};
    },
    async GetBucketEncryption(input, ctx) {
      const { hasBucketKey = false } = (await buckets.require(input, ctx)).value.settings;
      const rule = {
        ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" as const },
        BucketKeyEnabled: hasBucketKey,
      };
      return { ServerSideEncryptionConfiguration: { Rules: [rule] } };
    },
    DeleteBucketEncryption: (input, ctx) =>
      set(input, ctx, { isEncryptionSet: undefined, hasBucketKey: undefined }),

    async PutObjectLockConfiguration(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      requireDigest(ctx);
      if (!input.ObjectLockConfiguration) throw malformedXml();
      const defaultRetention = checkedDefault(input.ObjectLockConfiguration);
      await buckets.change(bucket, (before) => {
        if (before.versioning !== "Enabled") {
          throw invalidBucketState(
            "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
          );
        }
        const objectLock = { ...(defaultRetention && { defaultRetention }) };
        return { ...before, settings: { ...before.settings, objectLock } };
      });
      return {};
    },
    async GetObjectLockConfiguration(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      const { objectLock } = bucket.value.settings;
      const text = "Object Lock configuration does not exist for this bucket";
      if (!objectLock) throw absent(bucket, "ObjectLockConfigurationNotFoundError", text);
      const rule = objectLock.defaultRetention;
      return {
        ObjectLockConfiguration: {
          ObjectLockEnabled: "Enabled",
          ...(rule && { Rule: { DefaultRetention: rule } }),
        },
      };
    },
  };
}

function absent(bucket: Bucket, code: string, text: string) {
  return notConfigured(code, text, bucket.value.name);
}
