import assert from "node:assert/strict";
import { test } from "node:test";
import type * as S3 from "@aws-sdk/client-s3";
import { AwsError } from "../../../wire/aws-error.ts";
import { aclOfBody, aclOfHeaders, aclToWire, allowedAcl, isPublic } from "./acl.ts";
import { type BucketSettings, canonicalId } from "./bucket.ts";

const owner = canonicalId("000000000000");
const other = canonicalId("111122223333");
const everybody = "http://acs.amazonaws.com/groups/global/AllUsers";

function bucketWith(settings: BucketSettings) {
  return { name: "box", id: "1", account: "000000000000", region: "us-east-1", createdAtMs: 0, settings };
}

function codeOf(work: () => unknown): string {
  try {
    work();
    return "fine";
  } catch (error) {
    assert(error instanceof AwsError, String(error));
    return error.message === "" ? error.code : `${error.code}: ${error.message}`;
  }
}

test("headers grant to accounts and groups, several in one", () => {
  const acl = aclOfHeaders({
    GrantRead: `id="${other}", uri="${everybody}"`,
    GrantWriteACP: `id=${owner}`,
  });
  assert.deepEqual(acl, [
    { Grantee: { Type: "CanonicalUser", ID: other }, Permission: "READ" },
    { Grantee: { Type: "Group", URI: everybody }, Permission: "READ" },
    { Grantee: { Type: "CanonicalUser", ID: owner }, Permission: "WRITE_ACP" },
  ]);
  assert(isPublic(acl));
  assert.equal(aclOfHeaders({}), undefined);
  assert.equal(aclOfHeaders({ ACL: "private" }), undefined);
  assert.equal(aclOfHeaders({ ACL: "public-read" }), "public-read");
});

const wrongHeaders: readonly (readonly [Parameters<typeof aclOfHeaders>[0], string])[] = [
  [{ ACL: "mine" }, "InvalidArgument"],
  [
    { ACL: "private", GrantRead: `id=${other}` },
    "InvalidRequest: Specifying both Canned ACLs and Header Grants is not allowed",
  ],
  [{ GrantRead: "everybody" }, "InvalidArgument: Argument format not recognized"],
  [{ GrantRead: "id=abc" }, "InvalidArgument: Invalid id"],
  [{ GrantRead: "uri=http://example.com/" }, "InvalidArgument: Invalid group uri"],
];

test("what headers cannot grant has S3's words", () => {
  for (const [headers, expected] of wrongHeaders) {
    assert.equal(
      codeOf(() => aclOfHeaders(headers)),
      expected,
    );
  }
  assert.match(
    codeOf(() => aclOfHeaders({ GrantRead: "emailAddress=a@example.com" })),
    /^MethodNotAllowed/,
  );
});

test("a body's grants are kept as they are; it cannot change the owner", () => {
  const grant: S3.Grant = { Grantee: { Type: "CanonicalUser", ID: other }, Permission: "READ" };
  const body = (more: S3.AccessControlPolicy) => aclOfBody({ Owner: { ID: owner }, ...more }, owner);
  assert.deepEqual(body({ Grants: [grant] }), [grant]);
  assert.deepEqual(body({}), [], "not even the owner");
  assert.match(
    codeOf(() => aclOfBody({ Grants: [grant] }, owner)),
    /^MalformedACLError/,
  );
  assert.match(
    codeOf(() => body({ Owner: { ID: other } })),
    /^AccessDenied/,
  );
  const all = { ...grant, Permission: "ALL" as "READ" };
  assert.match(
    codeOf(() => body({ Grants: [all] })),
    /^MalformedACLError/,
  );
  assert.match(
    codeOf(() => body({ Grants: Array.from({ length: 101 }, () => grant) })),
    /^MalformedACLError/,
  );
});

test("a bucket takes the ACLs that its settings allow", () => {
  const enforced = bucketWith({});
  const open = bucketWith({ ownership: "ObjectWriter" });
  const full: S3.Grant = { Grantee: { Type: "CanonicalUser", ID: owner }, Permission: "FULL_CONTROL" };
  assert.equal(allowedAcl("bucket-owner-full-control", enforced), undefined);
  assert.equal(allowedAcl([full], enforced), undefined);
  assert.match(
    codeOf(() => allowedAcl("public-read", enforced)),
    /^AccessControlListNotSupported/,
  );
  assert.match(
    codeOf(() => allowedAcl([{ ...full, Permission: "READ" }], enforced)),
    /^AccessControlList/,
  );
  assert.equal(allowedAcl("public-read", open), "public-read", "no block is none");
  const publicAccess = {
    BlockPublicAcls: true,
    BlockPublicPolicy: false,
    IgnorePublicAcls: false,
    RestrictPublicBuckets: false,
  };
  const blocked = bucketWith({ ownership: "ObjectWriter", publicAccess });
  assert.match(
    codeOf(() => allowedAcl("authenticated-read", blocked)),
    /^AccessDenied/,
  );
  assert.equal(allowedAcl("log-delivery-write", blocked), "log-delivery-write");
});

test("canned ACLs are shown as their grants", () => {
  const shown = (acl: string | undefined, of = owner) =>
    aclToWire(acl, of, owner).Grants.map(
      ({ Grantee, Permission }) =>
        `${Grantee?.URI?.split("/").at(-1) ?? Grantee?.ID?.slice(0, 4)} ${Permission}`,
    );
  const [mine, theirs] = [owner.slice(0, 4), other.slice(0, 4)];
  assert.deepEqual(shown(undefined), [`${mine} FULL_CONTROL`]);
  assert.deepEqual(shown("public-read-write"), [`${mine} FULL_CONTROL`, "AllUsers READ", "AllUsers WRITE"]);
  assert.deepEqual(shown("bucket-owner-read"), [`${mine} FULL_CONTROL`]);
  assert.deepEqual(shown("bucket-owner-read", other), [`${theirs} FULL_CONTROL`, `${mine} READ`]);
});
