/**
 * Which actions of policies an operation needs: most one, some more because of what their headers ask for. Pure.
 * Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3".
 */
import { copySourceOf } from "./copy-source.ts";

/** Members of inputs that decide. */
export interface Asked {
  readonly Bucket?: string;
  readonly Key?: string;
  readonly VersionId?: string;
  readonly CopySource?: string;
  readonly Delimiter?: string;
  readonly MaxKeys?: number;
  readonly Prefix?: string;
  readonly Tagging?: string | object;
  readonly BypassGovernanceRetention?: boolean;
  readonly ObjectLockMode?: string;
  readonly ObjectLockLegalHoldStatus?: string;
}

export interface Need {
  /** "s3:GetObject" */
  readonly action: string;
  readonly bucket: string;
  readonly key?: string | undefined;
  readonly versionId?: string | undefined;
  /** About an object that the operation makes, not about one that is there. */
  readonly isNew?: boolean;
}

/** Empty: nobody but the owner may be let do it. */
export function needsOf(operation: string, input: Asked): readonly Need[] {
  const name = Object.hasOwn(actions, operation) ? actions[operation] : undefined;
  const { Bucket: bucket, CopySource, Key: key, VersionId: versionId } = input;
  if (name === undefined || bucket === undefined) return [];
  const isNew = creations.has(operation);
  const needs = [name, ...moreOf(operation, input)].map((each): Need => ({
    action: `s3:${versionId === undefined ? each : (versioned[each] ?? each)}`,
    bucket,
    ...(key !== undefined && { key, versionId }),
    ...(isNew && { isNew }),
  }));
  if (CopySource === undefined) return needs;
  const source = copySourceOf(CopySource);
  const action = source.versionId === undefined ? "s3:GetObject" : "s3:GetObjectVersion";
  return [...needs, { action, ...source }];
}

/** What headers ask for beside the operation itself. */
function moreOf(operation: string, input: Asked): readonly string[] {
  const more: string[] = [];
  if (input.BypassGovernanceRetention === true) more.push("BypassGovernanceRetention");
  if (operation === "GetObjectAttributes") more.push("GetObject");
  if (!creations.has(operation)) return more;
  if (typeof input.Tagging === "string" && input.Tagging !== "") more.push("PutObjectTagging");
  if (aclMembers.some((member) => (input as Record<string, unknown>)[member] !== undefined)) {
    more.push("PutObjectAcl");
  }
  if (input.ObjectLockMode !== undefined) more.push("PutObjectRetention");
  if (input.ObjectLockLegalHoldStatus !== undefined) more.push("PutObjectLegalHold");
  return more;
}

const creations: ReadonlySet<string> = new Set(["CopyObject", "CreateMultipartUpload", "PutObject"]);
const aclMembers = ["ACL", "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWriteACP"];

/** By operation; many are called like their action. */
const actions: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      "AbortMultipartUpload",
      "DeleteBucket",
      "DeleteBucketPolicy",
      "DeleteBucketWebsite",
      "DeleteObject",
      "DeleteObjectTagging",
      "GetBucketAcl",
      "GetBucketLocation",
      "GetBucketLogging",
      "GetBucketOwnershipControls",
      "GetBucketPolicy",
      "GetBucketPolicyStatus",
      "GetBucketRequestPayment",
      "GetBucketTagging",
      "GetBucketVersioning",
      "GetBucketWebsite",
      "GetObject",
      "GetObjectAcl",
      "GetObjectAttributes",
      "GetObjectLegalHold",
      "GetObjectRetention",
      "GetObjectTagging",
      "PutBucketAcl",
      "PutBucketLogging",
      "PutBucketOwnershipControls",
      "PutBucketPolicy",
      "PutBucketRequestPayment",
      "PutBucketTagging",
      "PutBucketVersioning",
      "PutBucketWebsite",
      "PutObject",
      "PutObjectAcl",
      "PutObjectLegalHold",
      "PutObjectRetention",
      "PutObjectTagging",
      "RestoreObject",
    ].map((name) => [name, name]),
  ),
  CompleteMultipartUpload: "PutObject",
  CopyObject: "PutObject",
  CreateMultipartUpload: "PutObject",
  DeleteBucketCors: "PutBucketCORS",
  DeleteBucketEncryption: "PutEncryptionConfiguration",
  DeleteBucketLifecycle: "PutLifecycleConfiguration",
  DeleteBucketOwnershipControls: "PutBucketOwnershipControls",
  DeleteBucketTagging: "PutBucketTagging",
  DeletePublicAccessBlock: "PutBucketPublicAccessBlock",
  GetBucketAccelerateConfiguration: "GetAccelerateConfiguration",
  GetBucketCors: "GetBucketCORS",
  GetBucketEncryption: "GetEncryptionConfiguration",
  GetBucketLifecycleConfiguration: "GetLifecycleConfiguration",
  GetBucketNotificationConfiguration: "GetBucketNotification",
  GetBucketReplication: "GetReplicationConfiguration",
  GetObjectLockConfiguration: "GetBucketObjectLockConfiguration",
  GetPublicAccessBlock: "GetBucketPublicAccessBlock",
  HeadBucket: "ListBucket",
  HeadObject: "GetObject",
  ListMultipartUploads: "ListBucketMultipartUploads",
  ListObjects: "ListBucket",
  ListObjectsV2: "ListBucket",
  ListObjectVersions: "ListBucketVersions",
  ListParts: "ListMultipartUploadParts",
  PutBucketAccelerateConfiguration: "PutAccelerateConfiguration",
  PutBucketCors: "PutBucketCORS",
  PutBucketEncryption: "PutEncryptionConfiguration",
  PutBucketLifecycleConfiguration: "PutLifecycleConfiguration",
  PutBucketNotificationConfiguration: "PutBucketNotification",
  PutObjectLockConfiguration: "PutBucketObjectLockConfiguration",
  PutPublicAccessBlock: "PutBucketPublicAccessBlock",
  UploadPart: "PutObject",
  UploadPartCopy: "PutObject",
};

/** With a version id. */
const versioned: Readonly<Record<string, string>> = {
  DeleteObject: "DeleteObjectVersion",
  DeleteObjectTagging: "DeleteObjectVersionTagging",
  GetObject: "GetObjectVersion",
  GetObjectAcl: "GetObjectVersionAcl",
  GetObjectAttributes: "GetObjectVersionAttributes",
  GetObjectTagging: "GetObjectVersionTagging",
  PutObjectAcl: "PutObjectVersionAcl",
  PutObjectTagging: "PutObjectVersionTagging",
};
