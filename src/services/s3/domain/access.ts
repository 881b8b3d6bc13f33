/**
 * May somebody do something with a bucket or an object? Its policy, its public access block, its ACLs and who owns it
 * decide; what is not allowed by one of them is denied. Pure. Source: map-sqs-sns-s3 3.12 and "How Amazon S3 authorizes a
 * request".
 */
import type { Carried } from "../../../events/policy-conditions.ts";
import { type AccessRequest, isAllowed, isDenied, type Requester } from "../../../events/resource-policy.ts";
import { type Acl, allows, type Grantee, ownershipOf, type Permission } from "./acl.ts";
import { bucketArn, type BucketRecord, canonicalId } from "./bucket.ts";
import { isPublicPolicy, keptPolicy } from "./bucket-policy.ts";

export type Who = Exclude<Requester, { readonly kind: "service" }>;

export interface Request {
  readonly who: Who;
  /** "s3:GetObject" */
  readonly action: string;
  readonly key?: string | undefined;
  /** About an object that is to be made. */
  readonly isNew?: boolean | undefined;
  /** By condition key in lower case. */
  readonly context: Readonly<Record<string, Carried>>;
}

/** The object that is asked for, where it is there. */
export type Subject = { readonly acl?: Acl; readonly owner?: string } | undefined;

/** "denied": by a statement that says so, which also holds for who owns the bucket. */
export type Decision = "allowed" | "denied" | "not-allowed";

export function decision(bucket: BucketRecord, object: Subject, request: Request): Decision {
  const { publicAccess, policy: text } = bucket.settings;
  const asked = policyRequest(bucket, request);
  const policy = text === undefined ? undefined : keptPolicy(text);
  // documented: the owner's root can always mend a policy.
  const isMending = policyActions.has(request.action) && isAccount(request.who, bucket.account);
  if (policy && isDenied(policy, asked) && !isMending) return "denied";
  if (isAccount(request.who, ownerOf(bucket, object, request))) return "allowed";
  if (policy && isAllowed(policy, asked)) {
    const isRestricted = publicAccess?.RestrictPublicBuckets === true && isPublicPolicy(policy);
    if (!isRestricted) return "allowed";
  }
  return isInAcl(bucket, object, request) ? "allowed" : "not-allowed";
}

/** Reading and changing policies; by another account these are refused in another way. */
export const policyActions: ReadonlySet<string> = new Set([
  "s3:DeleteBucketPolicy",
  "s3:GetBucketPolicy",
  "s3:PutBucketPolicy",
]);

function policyRequest(bucket: BucketRecord, { action, context, key, who }: Request): AccessRequest {
  const arn = bucketArn(bucket);
  const principal = who.kind === "account" ? { ...who, canonicalId: canonicalId(who.account) } : who;
  return { principal, action, resource: key === undefined ? arn : `${arn}/${key}`, context };
}

/** An object can be somebody else's than its bucket; removing it is the bucket owner's, too. */
function ownerOf(bucket: BucketRecord, object: Subject, { action, isNew }: Request): string {
  if (ownershipOf(bucket) === "BucketOwnerEnforced") return bucket.account;
  const isOfObject = !isNew && objectPermissions[action] !== undefined;
  return isOfObject ? (object?.owner ?? bucket.account) : bucket.account;
}

function isAccount(who: Who, account: string): boolean {
  return who.kind === "account" && who.account === account;
}

function isInAcl(bucket: BucketRecord, object: Subject, { action, isNew, who }: Request): boolean {
  if (ownershipOf(bucket) === "BucketOwnerEnforced") return false;
  const bucketOwner = canonicalId(bucket.account);
  const grantee: Grantee = who.kind === "account" ? { canonicalId: canonicalId(who.account) } : "anybody";
  const isIn = (acl: Acl | undefined, owner: string, permission: Permission) =>
    allows(
      bucket.settings.publicAccess?.IgnorePublicAcls ? withoutPublic(acl) : acl,
      { owner, bucketOwner },
      grantee,
      permission,
    );
  // Who may write an object may also say who may read it.
  const ofBucket = isNew && action === "s3:PutObjectAcl" ? "WRITE" : bucketPermissions[action];
  if (ofBucket !== undefined) return isIn(bucket.settings.acl, bucketOwner, ofBucket);
  const ofObject = objectPermissions[action];
  if (ofObject === undefined || !object || isNew) return false;
  return isIn(object.acl, canonicalId(object.owner ?? bucket.account), ofObject);
}

/** The grants to single accounts are what is left. */
function withoutPublic(acl: Acl | undefined): Acl | undefined {
  if (typeof acl === "object") return acl.filter(({ Grantee }) => Grantee?.Type !== "Group");
  return acl?.startsWith("bucket-owner-") ? acl : undefined;
}

const bucketPermissions: Readonly<Record<string, Permission | undefined>> = {
  "s3:DeleteObject": "WRITE",
  "s3:GetBucketAcl": "READ_ACP",
  "s3:ListBucket": "READ",
  "s3:ListBucketMultipartUploads": "READ",
  "s3:ListBucketVersions": "READ",
  "s3:PutBucketAcl": "WRITE_ACP",
  "s3:PutObject": "WRITE",
};

const objectPermissions: Readonly<Record<string, Permission | undefined>> = {
  "s3:GetObject": "READ",
  "s3:GetObjectAcl": "READ_ACP",
  "s3:GetObjectAttributes": "READ",
  "s3:GetObjectVersion": "READ",
  "s3:GetObjectVersionAcl": "READ_ACP",
  "s3:GetObjectVersionAttributes": "READ",
  "s3:PutObjectAcl": "WRITE_ACP",
  "s3:PutObjectVersionAcl": "WRITE_ACP",
};

/** Whose a new object is, where that is not who owns the bucket. */
export function newOwner(bucket: BucketRecord, acl: Acl | undefined, writer: string): string | undefined {
  const ownership = ownershipOf(bucket);
  const isTheirs =
    ownership === "ObjectWriter" ||
    (ownership === "BucketOwnerPreferred" && acl !== "bucket-owner-full-control");
  return isTheirs && writer !== bucket.account ? writer : undefined;
}
