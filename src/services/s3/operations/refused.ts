/**
 * What is not there, by name. Where AWS has an answer for a bucket on which nothing of the kind was ever set, that is
 * given: it is true, and tools that look at everything of a bucket (Terraform) need it.
 */
import type { Context, OperationsOf } from "../../service.ts";
import type { BucketRef } from "../buckets.ts";
import { allNotImplemented } from "../../service.ts";
import { methodNotAllowed, notConfigured, notImplemented, unsupported } from "../errors.ts";
import type { S3Parts } from "../parts.ts";
import type { Client } from "../to-wire.ts";

type UnsetOperations = Pick<
  OperationsOf<Client>,
  | "DeleteBucketAnalyticsConfiguration"
  | "DeleteBucketIntelligentTieringConfiguration"
  | "DeleteBucketInventoryConfiguration"
  | "DeleteBucketMetricsConfiguration"
  | "DeleteBucketReplication"
  | "GetBucketAnalyticsConfiguration"
  | "GetBucketIntelligentTieringConfiguration"
  | "GetBucketInventoryConfiguration"
  | "GetBucketMetricsConfiguration"
  | "GetObjectTorrent"
  | "GetBucketAccelerateConfiguration"
  | "GetBucketLogging"
  | "GetBucketReplication"
  | "GetBucketRequestPayment"
  | "ListBucketAnalyticsConfigurations"
  | "ListBucketIntelligentTieringConfigurations"
  | "ListBucketInventoryConfigurations"
  | "ListBucketMetricsConfigurations"
  | "PutBucketAccelerateConfiguration"
  | "PutBucketLogging"
  | "PutBucketRequestPayment"
>;

/** Settings that have only one value here. */
export function unsetOperations({ buckets }: S3Parts): UnsetOperations {
  const none = { IsTruncated: false };
  const absent = async (ref: BucketRef, ctx: Context): Promise<never> => {
    await buckets.require(ref, ctx);
    throw notConfigured("NoSuchConfiguration", "The specified configuration does not exist.");
  };
  return {
    DeleteBucketAnalyticsConfiguration: absent,
    DeleteBucketIntelligentTieringConfiguration: absent,
    DeleteBucketInventoryConfiguration: absent,
    DeleteBucketMetricsConfiguration: absent,
    GetBucketAnalyticsConfiguration: absent,
    GetBucketIntelligentTieringConfiguration: absent,
    GetBucketInventoryConfiguration: absent,
    GetBucketMetricsConfiguration: absent,
    async DeleteBucketReplication(input, ctx) {
      await buckets.require(input, ctx);
      return {};
    },
    /** AWS has switched BitTorrent off. */
    async GetObjectTorrent(input, ctx) {
      await buckets.require(input, ctx);
      throw methodNotAllowed("GET", "OBJECT");
    },
    async GetBucketAccelerateConfiguration(input, ctx) {
      await buckets.require(input, ctx);
      return {};
    },
    async PutBucketAccelerateConfiguration(input, ctx) {
      await buckets.require(input, ctx);
      if (input.AccelerateConfiguration.Status === "Suspended") return {};
      throw unsupported("s3 PutBucketAccelerateConfiguration with Enabled: transfer acceleration");
    },
    async GetBucketLogging(input, ctx) {
      await buckets.require(input, ctx);
      return {};
    },
    async PutBucketLogging(input, ctx) {
      await buckets.require(input, ctx);
      if (!input.BucketLoggingStatus.LoggingEnabled) return {};
      throw unsupported("s3 PutBucketLogging with a target: server access logging");
    },
    async GetBucketReplication(input, ctx) {
      const { name } = (await buckets.require(input, ctx)).value;
      const text = "The replication configuration was not found";
      throw notConfigured("ReplicationConfigurationNotFoundError", text, name);
    },
    async GetBucketRequestPayment(input, ctx) {
      await buckets.require(input, ctx);
      return { Payer: "BucketOwner" };
    },
    async PutBucketRequestPayment(input, ctx) {
      await buckets.require(input, ctx);
      if (input.RequestPaymentConfiguration.Payer === "BucketOwner") return {};
      throw notImplemented("RequestPaymentConfiguration", "nobody pays here");
    },
    async ListBucketAnalyticsConfigurations(input, ctx) {
      await buckets.require(input, ctx);
      return none;
    },
    async ListBucketIntelligentTieringConfigurations(input, ctx) {
      await buckets.require(input, ctx);
      return none;
    },
    async ListBucketInventoryConfigurations(input, ctx) {
      await buckets.require(input, ctx);
      return none;
    },
    async ListBucketMetricsConfigurations(input, ctx) {
      await buckets.require(input, ctx);
      return none;
    },
  };
}

export const refused = {
  ...allNotImplemented("replication is not there", ["PutBucketReplication"]),
  ...allNotImplemented("storage analytics is not there", ["PutBucketAnalyticsConfiguration"]),
  ...allNotImplemented("inventories are not there", ["PutBucketInventoryConfiguration"]),
  ...allNotImplemented("request metrics are not there", ["PutBucketMetricsConfiguration"]),
  ...allNotImplemented("objects stay in one tier", ["PutBucketIntelligentTieringConfiguration"]),
  ...allNotImplemented("metadata tables are not there", [
    "CreateBucketMetadataConfiguration",
    "CreateBucketMetadataTableConfiguration",
    "DeleteBucketMetadataConfiguration",
    "DeleteBucketMetadataTableConfiguration",
    "GetBucketMetadataConfiguration",
    "GetBucketMetadataTableConfiguration",
    "UpdateBucketMetadataAnnotationTableConfiguration",
    "UpdateBucketMetadataInventoryTableConfiguration",
    "UpdateBucketMetadataJournalTableConfiguration",
  ]),
  ...allNotImplemented("object annotations are not there yet", [
    "DeleteObjectAnnotation",
    "GetObjectAnnotation",
    "ListObjectAnnotations",
    "PutObjectAnnotation",
  ]),
  ...allNotImplemented("directory buckets are not there", [
    "CreateSession",
    "ListDirectoryBuckets",
    "RenameObject",
  ]),
  ...allNotImplemented("attribute-based access control is not there", ["GetBucketAbac", "PutBucketAbac"]),
  ...allNotImplemented("S3 Select is closed to new customers of AWS", ["SelectObjectContent"]),
  ...allNotImplemented("S3 Object Lambda is closed to new customers of AWS", ["WriteGetObjectResponse"]),
  ...allNotImplemented("there is one kind of encryption", ["UpdateObjectEncryption"]),
};
