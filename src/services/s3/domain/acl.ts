/** Canned ACLs, which are the only ones here. Pure. Source: map-sqs-sns-s3 3.12. */
import type * as S3 from "@aws-sdk/client-s3";
import { accessDenied, invalidArgument, s3Error } from "../errors.ts";
import { allPublicBlocked, type BucketRecord, canonicalId } from "./bucket.ts";

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

/** Headers that grant to somebody by id, by the member of inputs that they become. */
export const grantNames: Readonly<Record<string, string>> = {
  GrantFullControl: "x-amz-grant-full-control",
  GrantRead: "x-amz-grant-read",
  GrantReadACP: "x-amz-grant-read-acp",
  GrantWrite: "x-amz-grant-write",
  GrantWriteACP: "x-amz-grant-write-acp",
};

export function ownershipOf({ settings }: BucketRecord): string {
  return settings.ownership ?? "BucketOwnerEnforced";
}

/** Undefined: private. Throws for a name that is none, or one that the bucket does not allow. */
export function cannedObjectAcl(acl: string | undefined, bucket: BucketRecord): string | undefined {
  if (acl === undefined) return undefined;
  requireCanned(acl);
  if (ownershipOf(bucket) === "BucketOwnerEnforced") {
    if (acl === "private" || acl === "bucket-owner-full-control") return undefined;
    throw aclNotSupported();
  }
  if (isPublic(acl) && (bucket.settings.publicAccess ?? allPublicBlocked).BlockPublicAcls)
    throw accessDenied();
  return acl === "private" ? undefined : acl;
}

export function requireCanned(acl: string): void {
  if (!canned.has(acl)) throw invalidArgument("", "x-amz-acl", acl);
}

export function aclNotSupported() {
  return s3Error(400, "AccessControlListNotSupported", "The bucket does not allow ACLs");
}

export function isPublic(acl: string | undefined): boolean {
  return acl === "public-read" || acl === "public-read-write" || acl === "authenticated-read";
}

/** What anybody may do by it. */
export function allowsAnyone(acl: string | undefined, permission: "READ" | "WRITE"): boolean {
  return acl === "public-read-write" || (acl === "public-read" && permission === "READ");
}

export function aclToWire(account: string, acl: string | undefined): { Owner: S3.Owner; Grants: S3.Grant[] } {
  const Owner = { ID: canonicalId(account) };
  const Grants: S3.Grant[] = [
    { Grantee: { Type: "CanonicalUser", ...Owner }, Permission: "FULL_CONTROL" },
    ...groupGrants(acl),
  ];
  return { Owner, Grants };
}

function groupGrants(acl: string | undefined): S3.Grant[] {
  const to = (group: string, Permission: S3.Permission): S3.Grant => ({
    Grantee: { Type: "Group", URI: `http://acs.amazonaws.com/groups/${group}` },
    Permission,
  });
  switch (acl) {
    case "public-read":
      return [to("global/AllUsers", "READ")];
    case "public-read-write":
      return [to("global/AllUsers", "READ"), to("global/AllUsers", "WRITE")];
    case "authenticated-read":
      return [to("global/AuthenticatedUsers", "READ")];
    case "log-delivery-write":
      return [to("s3/LogDelivery", "WRITE"), to("s3/LogDelivery", "READ_ACP")];
    default:
      return [];
  }
}
