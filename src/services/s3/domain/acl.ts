/**
 * Access control lists: canned ones by name, others as their grants; what they let whom do. Pure.
 * Source: map-sqs-sns-s3 3.12 and "Access control list (ACL) overview".
 */
import type * as S3 from "@aws-sdk/client-s3";
import { aclGrantsMax } from "../../../limits.ts";
import {
  accessDenied,
  invalidArgument,
  invalidRequest,
  malformedAcl,
  methodNotAllowed,
  s3Error,
} from "../errors.ts";
import { type BucketRecord, canonicalId } from "./bucket.ts";

/** As it is kept: a canned one's name, or all grants. Undefined: private. */
export type Acl = string | readonly S3.Grant[];

/** Headers that set one, by the member of inputs that they become. */
export interface AclHeaders {
  readonly ACL?: string | undefined;
  readonly GrantFullControl?: string | undefined;
  readonly GrantRead?: string | undefined;
  readonly GrantReadACP?: string | undefined;
  readonly GrantWrite?: string | undefined;
  readonly GrantWriteACP?: string | undefined;
}

/** Who asks: an account by its canonical id, or nobody in particular. */
export type Grantee = { readonly canonicalId: string } | "anybody";
export type Permission = "READ" | "WRITE" | "READ_ACP" | "WRITE_ACP";

const groups = "http://acs.amazonaws.com/groups/";
const allUsers = `${groups}global/AllUsers`;
const authenticatedUsers = `${groups}global/AuthenticatedUsers`;
const logDelivery = `${groups}s3/LogDelivery`;

const canned: ReadonlySet<string> = new Set([
  "private",
  "public-read",
  "public-read-write",
  "authenticated-read",
  "aws-exec-read",
  "bucket-owner-read",
  "bucket-owner-full-control",
  "log-delivery-write",
]);

const permissionOf: Readonly<Record<string, S3.Permission>> = {
  GrantFullControl: "FULL_CONTROL",
  GrantRead: "READ",
  GrantReadACP: "READ_ACP",
  GrantWrite: "WRITE",
  GrantWriteACP: "WRITE_ACP",
};
const permissions: ReadonlySet<string> = new Set(Object.values(permissionOf));

/** Undefined: the headers say nothing, or "private". */
export function aclOfHeaders(headers: AclHeaders): Acl | undefined {
  const { ACL: name } = headers;
  const grants = Object.entries(permissionOf).flatMap(([member, permission]) =>
    grantsIn(headers[member as keyof AclHeaders], permission),
  );
  if (name === undefined) return grants.length === 0 ? undefined : checkedCount(grants);
  if (grants.length > 0) {
    throw invalidRequest("Specifying both Canned ACLs and Header Grants is not allowed");
  }
  if (!canned.has(name)) throw invalidArgument("", "x-amz-acl", name);
  return name === "private" ? undefined : name;
}

/** `id=…, uri="…"` */
function grantsIn(header: string | undefined, Permission: S3.Permission): S3.Grant[] {
  if (header === undefined) return [];
  return header.split(",").map((text) => {
    const [, kind, value = ""] = /^\s*(id|uri|emailAddress)\s*=\s*"?([^"]*)"?\s*$/i.exec(text) ?? [];
    if (kind === undefined)
      throw invalidArgument("Argument format not recognized", headerName(Permission), text);
    if (kind.toLowerCase() === "emailaddress") throw emailRefused();
    const isUser = kind.toLowerCase() === "id";
    return { Grantee: isUser ? user(value) : group(value), Permission };
  });
}

function headerName(permission: S3.Permission): string {
  return `x-amz-grant-${permission.toLowerCase().replaceAll("_", "-")}`;
}

/** A body's; `owner`: canonical id of who owns the bucket or object, which an ACL cannot change. */
export function aclOfBody({ Grants: given = [], Owner }: S3.AccessControlPolicy, owner: string): Acl {
  if (Owner?.ID === undefined) throw malformedAcl();
  if (Owner.ID !== owner) throw accessDenied();
  const grants = given.map(({ Grantee, Permission }): S3.Grant => {
    if (!Grantee || Permission === undefined || !permissions.has(Permission)) throw malformedAcl();
    if (Grantee.Type === "AmazonCustomerByEmail" || Grantee.EmailAddress) throw emailRefused();
    if (Grantee.Type !== "Group" && Grantee.Type !== "CanonicalUser") throw malformedAcl();
    return { Grantee: Grantee.Type === "Group" ? group(Grantee.URI) : user(Grantee.ID), Permission };
  });
  return checkedCount(grants);
}

/** That the account exists is not looked at: any that has ever signed here does. */
function user(id = ""): S3.Grantee {
  if (!/^[0-9a-f]{64}$/.test(id)) throw invalidArgument("Invalid id", "CanonicalUser/ID", id);
  return { Type: "CanonicalUser", ID: id };
}

function group(uri = ""): S3.Grantee {
  if (uri !== allUsers && uri !== authenticatedUsers && uri !== logDelivery) {
    throw invalidArgument("Invalid group uri", "Group/URI", uri);
  }
  return { Type: "Group", URI: uri };
}

/** documented: gone since October 2025. */
function emailRefused() {
  return methodNotAllowed("PUT", "BUCKET");
}

function checkedCount(grants: readonly S3.Grant[]): readonly S3.Grant[] {
  if (grants.length > aclGrantsMax) throw malformedAcl();
  return grants;
}

export function ownershipOf({ settings }: Pick<BucketRecord, "settings">): string {
  const { ownership = "BucketOwnerEnforced" } = settings;
  // inferred: without controls it is as it was before there were any.
  return ownership === "none" ? "ObjectWriter" : ownership;
}

/** Throws for an ACL that the bucket does not allow; answers the one to keep. */
export function allowedAcl(acl: Acl | undefined, bucket: BucketRecord): Acl | undefined {
  if (acl === undefined) return undefined;
  if (ownershipOf(bucket) === "BucketOwnerEnforced") {
    if (acl === "bucket-owner-full-control" || isOwnersOnly(acl, canonicalId(bucket.account)))
      return undefined;
    throw s3Error(400, "AccessControlListNotSupported", "The bucket does not allow ACLs");
  }
  if (isPublic(acl) && bucket.settings.publicAccess?.BlockPublicAcls) throw accessDenied();
  return acl;
}

function isOwnersOnly(acl: Acl, owner: string): boolean {
  if (typeof acl === "string") return false;
  return acl.every(({ Grantee, Permission }) => Grantee?.ID === owner && Permission === "FULL_CONTROL");
}

/** Lets in everybody, or everybody who has signed. */
export function isPublic(acl: Acl | undefined): boolean {
  return grantsOf(acl, "", "").some(
    ({ Grantee }) => Grantee?.URI === allUsers || Grantee?.URI === authenticatedUsers,
  );
}

/** `owner`: of what it hangs on; `bucketOwner`: of its bucket, where that is an object. Canonical ids. */
export function allows(
  acl: Acl | undefined,
  owners: { readonly owner: string; readonly bucketOwner: string },
  who: Grantee,
  permission: Permission,
): boolean {
  return grantsOf(acl, owners.owner, owners.bucketOwner).some(({ Grantee, Permission }) => {
    if (Permission !== permission && Permission !== "FULL_CONTROL") return false;
    if (Grantee?.URI === allUsers) return true;
    if (who === "anybody") return false;
    return Grantee?.URI === authenticatedUsers || Grantee?.ID === who.canonicalId;
  });
}

export function aclToWire(
  acl: Acl | undefined,
  owner: string,
  bucketOwner: string,
): { Owner: S3.Owner; Grants: S3.Grant[] } {
  return { Owner: { ID: owner }, Grants: [...grantsOf(acl, owner, bucketOwner)] };
}

function grantsOf(acl: Acl | undefined, owner: string, bucketOwner: string): readonly S3.Grant[] {
  if (typeof acl === "object") return acl;
  const full: S3.Grant = { Grantee: { Type: "CanonicalUser", ID: owner }, Permission: "FULL_CONTROL" };
  return [full, ...cannedGrants(acl, owner, bucketOwner)];
}

function cannedGrants(name: string | undefined, owner: string, bucketOwner: string): S3.Grant[] {
  const to = (URI: string, Permission: S3.Permission): S3.Grant => ({
    Grantee: { Type: "Group", URI },
    Permission,
  });
  const toBucketOwner = (Permission: S3.Permission): S3.Grant[] =>
    owner === bucketOwner ? [] : [{ Grantee: { Type: "CanonicalUser", ID: bucketOwner }, Permission }];
  switch (name) {
    case "public-read":
      return [to(allUsers, "READ")];
    case "public-read-write":
      return [to(allUsers, "READ"), to(allUsers, "WRITE")];
    case "authenticated-read":
      return [to(authenticatedUsers, "READ")];
    case "bucket-owner-read":
      return toBucketOwner("READ");
    case "bucket-owner-full-control":
      return toBucketOwner("FULL_CONTROL");
    case "log-delivery-write":
      return [to(logDelivery, "WRITE"), to(logDelivery, "READ_ACP")];
    default:
      return [];
  }
}
