import assert from "node:assert/strict";
import { test } from "node:test";
import { type Decision, decision, newOwner, type Request, type Subject, type Who } from "./access.ts";
import { needsOf } from "./actions.ts";
import { type BucketRecord, type BucketSettings, canonicalId } from "./bucket.ts";
import { contextOf, isConditionKey } from "./request-context.ts";

const owner = "000000000000";
const other = "111122223333";
const byOwner: Who = { kind: "account", account: owner, arn: `arn:aws:iam::${owner}:root` };
const byOther: Who = { kind: "account", account: other, arn: `arn:aws:iam::${other}:root` };
const anonymous: Who = { kind: "anonymous" };

function bucketWith(settings: BucketSettings): BucketRecord {
  return { name: "box", id: "1", account: owner, region: "us-east-1", createdAtMs: 0, settings };
}

function policy(...statements: object[]): BucketSettings {
  const all = statements.map((statement) => ({
    Effect: "Allow",
    Principal: "*",
    Resource: ["arn:aws:s3:::box", "arn:aws:s3:::box/*"],
    ...statement,
  }));
  return { policy: JSON.stringify({ Version: "2012-10-17", Statement: all }) };
}

const withAcls = (settings: BucketSettings): BucketSettings => ({ ownership: "ObjectWriter", ...settings });
const publicRead: Subject = { acl: "public-read" };
const theirs: Subject = { owner: other };
const readers = [{ Grantee: { Type: "CanonicalUser", ID: canonicalId(other) }, Permission: "READ" }] as const;

type Row = readonly [
  what: string,
  settings: BucketSettings,
  object: Subject,
  asked: Pick<Request, "who" | "action"> & Partial<Request>,
  expected: Decision,
];
const get = (who: Who, more: Partial<Request> = {}) => ({ who, action: "s3:GetObject", key: "k", ...more });
const list = (who: Who) => ({ who, action: "s3:ListBucket" });
const add = (who: Who, more: Partial<Request> = {}) => ({
  who,
  action: "s3:PutObject",
  key: "k",
  isNew: true,
  ...more,
});

const rows: readonly Row[] = [
  ["the owner", {}, {}, get(byOwner), "allowed"],
  ["nobody", {}, {}, get(anonymous), "not-allowed"],
  ["another account", {}, {}, get(byOther), "not-allowed"],
  ["a policy for all", policy({ Action: "s3:GetObject" }), {}, get(anonymous), "allowed"],
  ["a policy for another action", policy({ Action: "s3:PutObject" }), {}, get(anonymous), "not-allowed"],
  [
    "a policy for an account",
    policy({ Action: "s3:*", Principal: { AWS: other } }),
    {},
    get(byOther),
    "allowed",
  ],
  [
    "a policy for an account by its canonical id",
    policy({ Action: "s3:*", Principal: { CanonicalUser: canonicalId(other) } }),
    {},
    get(byOther),
    "allowed",
  ],
  ["a denial, the owner's too", policy({ Action: "s3:*", Effect: "Deny" }), {}, get(byOwner), "denied"],
  [
    "a denial of everything: the owner mends the policy",
    policy({ Action: "s3:*", Effect: "Deny" }),
    undefined,
    { who: byOwner, action: "s3:PutBucketPolicy" },
    "allowed",
  ],
  ["all but an action", policy({ NotAction: "s3:PutObject" }), {}, add(anonymous), "not-allowed"],
  [
    "a denial of all but an account",
    policy(
      { Action: "s3:*" },
      { Effect: "Deny", Action: "s3:*", Principal: undefined, NotPrincipal: { AWS: other } },
    ),
    {},
    get(byOther),
    "allowed",
  ],
  [
    "a condition that holds",
    policy({ Action: "s3:ListBucket", Condition: { StringLike: { "s3:prefix": "a/*" } } }),
    undefined,
    { ...list(anonymous), context: { "s3:prefix": "a/b" } },
    "allowed",
  ],
  [
    "a condition that does not",
    policy({ Action: "s3:ListBucket", Condition: { StringLike: { "s3:prefix": "a/*" } } }),
    undefined,
    list(anonymous),
    "not-allowed",
  ],
  [
    "a public policy where those are restricted",
    {
      ...policy({ Action: "s3:GetObject" }),
      publicAccess: {
        BlockPublicAcls: false,
        BlockPublicPolicy: false,
        IgnorePublicAcls: false,
        RestrictPublicBuckets: true,
      },
    },
    {},
    get(anonymous),
    "not-allowed",
  ],
  ["a public object", withAcls({}), publicRead, get(anonymous), "allowed"],
  [
    "a public object's ACL",
    withAcls({}),
    publicRead,
    get(anonymous, { action: "s3:GetObjectAcl" }),
    "not-allowed",
  ],
  ["a public object where ACLs are off", {}, publicRead, get(anonymous), "not-allowed"],
  [
    "a public object where public ACLs are ignored",
    withAcls({
      publicAccess: {
        BlockPublicAcls: false,
        BlockPublicPolicy: false,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: false,
      },
    }),
    publicRead,
    get(anonymous),
    "not-allowed",
  ],
  ["a public bucket's object", withAcls({ acl: "public-read" }), {}, get(anonymous), "not-allowed"],
  ["a public bucket", withAcls({ acl: "public-read" }), undefined, list(anonymous), "allowed"],
  ["a public bucket, writing", withAcls({ acl: "public-read" }), undefined, add(anonymous), "not-allowed"],
  ["everybody writes", withAcls({ acl: "public-read-write" }), undefined, add(anonymous), "allowed"],
  [
    "everybody writes, with an ACL",
    withAcls({ acl: "public-read-write" }),
    undefined,
    add(anonymous, { action: "s3:PutObjectAcl" }),
    "allowed",
  ],
  [
    "everybody writes, but does not lock",
    withAcls({ acl: "public-read-write" }),
    undefined,
    add(anonymous, { action: "s3:PutObjectRetention" }),
    "not-allowed",
  ],
  ["everybody who has signed", withAcls({ acl: "authenticated-read" }), undefined, list(byOther), "allowed"],
  ["nobody has signed", withAcls({ acl: "authenticated-read" }), undefined, list(anonymous), "not-allowed"],
  ["a grant", withAcls({ acl: readers }), undefined, list(byOther), "allowed"],
  ["a grant to another", withAcls({ acl: readers }), undefined, list(anonymous), "not-allowed"],
  ["another's object", withAcls({}), theirs, get(byOther), "allowed"],
  ["another's object, the bucket's owner", withAcls({}), theirs, get(byOwner), "not-allowed"],
  [
    "another's object that lets the bucket's owner read",
    withAcls({}),
    { ...theirs, acl: "bucket-owner-read" },
    get(byOwner),
    "allowed",
  ],
  [
    "another's object, removed by the bucket's owner",
    withAcls({}),
    theirs,
    get(byOwner, { action: "s3:DeleteObject" }),
    "allowed",
  ],
  ["another's object once ACLs are off", {}, theirs, get(byOwner), "allowed"],
];

test("policies, ACLs and ownership decide who may", () => {
  for (const [what, settings, object, asked, expected] of rows) {
    assert.equal(decision(bucketWith(settings), object, { context: {}, ...asked }), expected, what);
  }
});

test("a new object is its writer's where the bucket says so", () => {
  const ownerIn = (ownership: BucketSettings["ownership"], acl?: string) =>
    newOwner(bucketWith(ownership === undefined ? {} : { ownership }), acl, other);
  assert.equal(ownerIn(undefined), undefined);
  assert.equal(ownerIn("BucketOwnerEnforced"), undefined);
  assert.equal(ownerIn("ObjectWriter"), other);
  assert.equal(ownerIn("ObjectWriter", "bucket-owner-full-control"), other);
  assert.equal(ownerIn("BucketOwnerPreferred"), other);
  assert.equal(ownerIn("BucketOwnerPreferred", "bucket-owner-full-control"), undefined);
  assert.equal(newOwner(bucketWith({ ownership: "ObjectWriter" }), undefined, owner), undefined);
});

test("an operation needs the actions that its headers ask for", () => {
  const needs = (name: string, input: object) =>
    needsOf(name, { Bucket: "box", ...input }).map(({ action, bucket }) => `${bucket} ${action}`);
  assert.deepEqual(needs("HeadObject", { Key: "k" }), ["box s3:GetObject"]);
  assert.deepEqual(needs("GetObject", { Key: "k", VersionId: "v" }), ["box s3:GetObjectVersion"]);
  assert.deepEqual(needs("PutObject", { Key: "k", Tagging: "a=b", ACL: "private", ObjectLockMode: "X" }), [
    "box s3:PutObject",
    "box s3:PutObjectTagging",
    "box s3:PutObjectAcl",
    "box s3:PutObjectRetention",
  ]);
  assert.deepEqual(needs("CopyObject", { Key: "k", CopySource: "/from/a?versionId=v" }), [
    "box s3:PutObject",
    "from s3:GetObjectVersion",
  ]);
  assert.deepEqual(needs("DeleteObject", { Key: "k", VersionId: "v", BypassGovernanceRetention: true }), [
    "box s3:DeleteObjectVersion",
    "box s3:BypassGovernanceRetention",
  ]);
  assert.deepEqual(needs("PutBucketReplication", {}), []);
  assert.deepEqual(needs("toString", {}), []);
});

test("a request carries what conditions ask for", () => {
  const http = {
    headers: { "x-amz-acl": "public-read", referer: "http://a/", "x-amz-object-lock-mode": "GOVERNANCE" },
    query: "prefix=x&X-Amz-Storage-Class=GLACIER",
    remoteAddress: "192.0.2.1",
  };
  const asked = { Prefix: "a/", MaxKeys: 5 };
  const facts = { asked, http, signed: "query", nowMs: 1_767_225_600_000, account: owner } as const;
  const context = contextOf({ ...facts, requestTags: { A: "1" }, existingTags: { Team: "x" } });
  const expected = {
    "aws:securetransport": "false",
    "aws:sourceip": "192.0.2.1",
    "aws:referer": "http://a/",
    "aws:currenttime": "2026-01-01T00:00:00.000Z",
    "aws:epochtime": "1767225600",
    "s3:authtype": "REST-QUERY-STRING",
    "s3:prefix": "a/",
    "s3:delimiter": undefined,
    "s3:max-keys": "5",
    "s3:x-amz-acl": "public-read",
    "s3:x-amz-storage-class": "GLACIER",
    "s3:object-lock-mode": "GOVERNANCE",
    "s3:existingobjecttag/team": "x",
    "s3:requestobjecttag/a": "1",
  };
  for (const [key, value] of Object.entries(expected)) assert.equal(context[key], value, key);
  assert.deepEqual(context["s3:requestobjecttagkeys"], ["A"]);
  const unsigned = contextOf({ ...facts, signed: "none", requestTags: undefined, existingTags: undefined });
  assert.equal(unsigned["s3:x-amz-storage-class"], undefined, "a parameter that is no header");
});

test("a proxy on this machine says that the client has used TLS, nobody else does", () => {
  const isSecure = (remoteAddress: string, proto: string) => {
    const http = { headers: { "x-forwarded-proto": proto }, query: "", remoteAddress };
    const facts = { asked: {}, http, signed: "header", nowMs: 0, account: owner } as const;
    return contextOf({ ...facts, requestTags: undefined, existingTags: undefined })["aws:securetransport"];
  };
  assert.equal(isSecure("127.0.0.1", "https"), "true");
  assert.equal(isSecure("::ffff:127.0.0.1", "https"), "true");
  assert.equal(isSecure("127.0.0.1", "http"), "false");
  assert.equal(isSecure("192.0.2.1", "https"), "false");
});

test("condition keys are AWS's global ones and S3's", () => {
  for (const key of [
    "aws:SourceVpce",
    "s3:prefix",
    "s3:x-amz-acl",
    "s3:ExistingObjectTag/a b",
    "S3:VersionId",
  ]) {
    assert(isConditionKey(key), key);
  }
  for (const key of ["s3:nope", "s3:ExistingObjectTag/", "lambda:FunctionUrlAuthType", "prefix"]) {
    assert(!isConditionKey(key), key);
  }
});
