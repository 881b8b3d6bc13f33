/**
 * What callers may do whom a bucket does not belong to: what its policy or an ACL lets them. Those are other accounts, and,
 * where signatures are verified, whoever has not signed. Wraps the operations, so that none can forget to ask.
 */
import { type AccessRequest, isAllowed, isDenied } from "../../events/resource-policy.ts";
import type { AnyOperation, Context, NotImplemented } from "../service.ts";
import type { Bucket, Buckets } from "./buckets.ts";
import { allowsAnyone, ownershipOf } from "./domain/acl.ts";
import { checkedPolicy, isPublicPolicy } from "./domain/bucket-policy.ts";
import { bucketArn } from "./domain/bucket.ts";
import { copySourceOf } from "./domain/copy-source.ts";
import { accessDenied, invalidRequest } from "./errors.ts";
import type { Objects } from "./objects.ts";

interface Deps {
  readonly buckets: Buckets;
  readonly objects: Objects;
  readonly secure: boolean;
}

type Principal = AccessRequest["principal"];

const anonymous: Principal = { kind: "anonymous" };

interface Asked {
  readonly Bucket?: string;
  readonly Key?: string;
  readonly VersionId?: string;
  readonly CopySource?: string;
}

/** The same operations, closed to strangers but for what they are let do. */
export function withStrangers<T extends Readonly<Record<string, unknown>>>(deps: Deps, operations: T): T {
  const wrapped = Object.entries(operations).map(([name, operation]) => {
    const known = operation as AnyOperation | NotImplemented;
    if (typeof known !== "function") return [name, known];
    const guarded = async (input: Asked, ctx: Context) => {
      if (ctx.http !== undefined && ctx.identity.signed === "none") {
        if (deps.secure) await requirePublic(deps, name, input);
      } else if (name !== "CreateBucket") await requireOwnOrLet(deps, name, input, ctx);
      return (known as (input: Asked, ctx: Context) => Promise<object>)(input, ctx);
    };
    return [name, guarded];
  });
  return Object.fromEntries(wrapped) as T;
}

/** Whoever has signed, and services: their own buckets are theirs. */
async function requireOwnOrLet({ buckets, objects }: Deps, name: string, input: Asked, ctx: Context) {
  const { account } = ctx;
  const principal: Principal = { kind: "account", account, arn: ctx.identity.principalArn };
  const source = input.CopySource === undefined ? undefined : copySourceOf(input.CopySource);
  const wanted = [
    { bucket: input.Bucket, key: input.Key, action: actionOf(name, input) },
    { bucket: source?.bucket, key: source?.key, action: "s3:GetObject" },
  ];
  for (const { bucket: named, key, action } of wanted) {
    const bucket = named === undefined ? undefined : await buckets.find(named);
    if (!bucket || bucket.value.account === account) continue;
    if (action === undefined || !(await isLet(objects, bucket, principal, action, key))) throw accessDenied();
  }
}

async function requirePublic({ buckets, objects }: Deps, name: string, input: Asked) {
  const action = actionOf(name, input);
  const bucket = input.Bucket === undefined ? undefined : await buckets.find(input.Bucket);
  if (!action || input.Bucket === undefined) throw accessDenied();
  if (!bucket) return; // the operation says that there is none
  if (Object.keys(input).some((member) => member.startsWith("Response") && name === "GetObject")) {
    throw invalidRequest("Request specific response headers cannot be used for anonymous GET requests.");
  }
  const { Key: key } = input;
  if (!(await isPublic(objects, bucket, action, key))) throw accessDenied();
  // Who may not list may not learn what is not there.
  if (action === "s3:GetObject" && key !== undefined && !(await isPublic(objects, bucket, "s3:ListBucket"))) {
    if (!(await objects.find(bucket, key))) throw accessDenied();
  }
}

/** Undefined: what nobody else can be let do. */
function actionOf(name: string, { VersionId }: Asked): string | undefined {
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  return VersionId !== undefined && action === "s3:GetObject" ? "s3:GetObjectVersion" : action;
}

/** May everybody? Also asked for websites. */
export function isPublic(objects: Objects, bucket: Bucket, action: string, key?: string): Promise<boolean> {
  return isLet(objects, bucket, anonymous, action, key);
}

async function isLet(
  objects: Objects,
  bucket: Bucket,
  principal: Principal,
  action: string,
  key: string | undefined,
): Promise<boolean> {
  const { settings } = bucket.value;
  const { publicAccess } = settings;
  const arn = bucketArn(bucket.value);
  if (settings.policy !== undefined) {
    const policy = checkedPolicy(settings.policy, bucket.value);
    const resource = key === undefined ? arn : `${arn}/${key}`;
    const request = { principal, action, resource };
    if (isDenied(policy, request)) return false;
    const isRestricted = publicAccess?.RestrictPublicBuckets === true && isPublicPolicy(policy);
    if (!isRestricted && isAllowed(policy, request)) return true;
  }
  if (publicAccess?.IgnorePublicAcls || ownershipOf(bucket.value) === "BucketOwnerEnforced") return false;
  if (action === "s3:ListBucket") return allowsAnyone(settings.acl, "READ");
  if (action === "s3:PutObject" || action === "s3:DeleteObject") return allowsAnyone(settings.acl, "WRITE");
  if (action !== "s3:GetObject" || key === undefined) return false;
  const version = (await objects.find(bucket, key))?.value.latest;
  return version?.kind === "object" && allowsAnyone(version.acl, "READ");
}

/** What strangers can be let do, by operation. Ours: other accounts no more than everybody. */
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
