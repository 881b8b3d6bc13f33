/**
 * What callers may do who have not signed, where signatures are verified: what a bucket's policy or an ACL lets everybody
 * do. Wraps the operations, so that none can forget to ask.
 */
import { isAllowed, isDenied } from "../../events/resource-policy.ts";
import type { AnyOperation, Context, NotImplemented } from "../service.ts";
import type { Bucket, Buckets } from "./buckets.ts";
import { allowsAnyone, ownershipOf } from "./domain/acl.ts";
import { checkedPolicy } from "./domain/bucket-policy.ts";
import { bucketArn } from "./domain/bucket.ts";
import { accessDenied, invalidRequest } from "./errors.ts";
import type { Objects } from "./objects.ts";

interface Deps {
  readonly buckets: Buckets;
  readonly objects: Objects;
}

interface Asked {
  readonly Bucket?: string;
  readonly Key?: string;
  readonly VersionId?: string;
}

/** The same operations, closed to strangers but for what is public. */
export function withStrangers<T extends Readonly<Record<string, unknown>>>(deps: Deps, operations: T): T {
  const wrapped = Object.entries(operations).map(([name, operation]) => {
    const known = operation as AnyOperation | NotImplemented;
    if (typeof known !== "function") return [name, known];
    const guarded = async (input: Asked, ctx: Context) => {
      if (isStranger(ctx)) await requirePublic(deps, name, input);
      return (known as (input: Asked, ctx: Context) => Promise<object>)(input, ctx);
    };
    return [name, guarded];
  });
  return Object.fromEntries(wrapped) as T;
}

function isStranger({ http, identity }: Context): boolean {
  return http !== undefined && identity.signed === "none" && identity.service === undefined;
}

async function requirePublic({ buckets, objects }: Deps, name: string, input: Asked) {
  const action = actions[name];
  const bucket = input.Bucket === undefined ? undefined : await buckets.find(input.Bucket);
  if (!action || input.Bucket === undefined) throw accessDenied();
  if (!bucket) return; // the operation says that there is none
  if (Object.keys(input).some((member) => member.startsWith("Response") && name === "GetObject")) {
    throw invalidRequest("Request specific response headers cannot be used for anonymous GET requests.");
  }
  const { Key: key } = input;
  const wanted = input.VersionId !== undefined && action === "s3:GetObject" ? "s3:GetObjectVersion" : action;
  if (!(await isPublic(objects, bucket, wanted, key))) throw accessDenied();
  // Who may not list may not learn what is not there.
  if (action === "s3:GetObject" && key !== undefined && !(await isPublic(objects, bucket, "s3:ListBucket"))) {
    if (!(await objects.find(bucket, key))) throw accessDenied();
  }
}

/** May everybody? Also asked for websites. */
export async function isPublic(
  objects: Objects,
  bucket: Bucket,
  action: string,
  key?: string,
): Promise<boolean> {
  const { settings } = bucket.value;
  const { publicAccess } = settings;
  const arn = bucketArn(bucket.value);
  if (settings.policy !== undefined) {
    const policy = checkedPolicy(settings.policy, bucket.value);
    const resource = key === undefined ? arn : `${arn}/${key}`;
    const request = { principal: { kind: "anonymous" as const }, action, resource };
    if (isDenied(policy, request)) return false;
    if (!publicAccess?.RestrictPublicBuckets && isAllowed(policy, request)) return true;
  }
  if (publicAccess?.IgnorePublicAcls || ownershipOf(bucket.value) === "BucketOwnerEnforced") return false;
  if (action === "s3:ListBucket") return allowsAnyone(settings.acl, "READ");
  if (action === "s3:PutObject" || action === "s3:DeleteObject") return allowsAnyone(settings.acl, "WRITE");
  if (action !== "s3:GetObject" || key === undefined) return false;
  const version = (await objects.find(bucket, key))?.value.latest;
  return version?.kind === "object" && allowsAnyone(version.acl, "READ");
}

/** What strangers can be let do, by operation. */
const actions: Readonly<Record<string, string>> = {
  AbortMultipartUpload: "s3:AbortMultipartUpload",
  CompleteMultipartUpload: "s3:PutObject",
  CreateMultipartUpload: "s3:PutObject",
  DeleteObject: "s3:DeleteObject",
  GetBucketAcl: "s3:GetBucketAcl",
  GetBucketLocation: "s3:GetBucketLocation",
  GetObject: "s3:GetObject",
  GetObjectAcl: "s3:GetObjectAcl",
  GetObjectTagging: "s3:GetObjectTagging",
  HeadBucket: "s3:ListBucket",
  HeadObject: "s3:GetObject",
  ListMultipartUploads: "s3:ListBucketMultipartUploads",
  ListObjects: "s3:ListBucket",
  ListObjectsV2: "s3:ListBucket",
  ListObjectVersions: "s3:ListBucketVersions",
  ListParts: "s3:ListMultipartUploadParts",
  PutObject: "s3:PutObject",
  UploadPart: "s3:PutObject",
};
