/** Small rules, each a table: names, copy sources, tags, headers, CORS, locks, policies of forms and buckets. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AwsError } from "../../../wire/aws-error.ts";
import { isBucketName } from "./bucket-name.ts";
import { checkedPolicy, isPublicPolicy } from "./bucket-policy.ts";
import { copySourceOf } from "./copy-source.ts";
import { askedHeaders, checkedCors, corsHeaders, isHeaderName } from "./cors.ts";
import { metadataToWire, systemHeaders, userMetadata } from "./metadata.ts";
import { requireRemovable, requireRetentionChange } from "./object-lock.ts";
import { checkPolicy, readPolicy, sizeRange } from "./post-policy.ts";
import { bucketTags, headerTags, objectTags } from "./tagging.ts";
import { checkedWebsite, routed } from "./website.ts";

/** "Code: message", or what the call answers as JSON. */
function outcome(run: () => unknown): string {
  try {
    return JSON.stringify(run()) ?? "fine";
  } catch (error) {
    assert(error instanceof AwsError, String(error));
    return `${error.code}: ${error.message}`;
  }
}

test("names of buckets", () => {
  const good = ["abc", "a.b.c", "my-bucket-1", "1abc", "a".repeat(63)];
  const bad = [
    ...["ab", "a".repeat(64), "Abc", "a_b", "-abc", "abc-", "a..b", "192.168.0.1", "xn--abc", "sthree-a"],
    ...["abc-s3alias", "a--x-s3", "a.mrap", "amzn-s3-demo-x", ""],
  ];
  for (const name of good) assert(isBucketName(name), name);
  for (const name of bad) assert(!isBucketName(name), name);
});

test("copy sources", () => {
  const rows: readonly (readonly [header: string, found: string])[] = [
    ["b/k", '{"bucket":"b","key":"k"}'],
    ["/b/k%20x", '{"bucket":"b","key":"k x"}'],
    ["b/dir/k?versionId=v", '{"bucket":"b","key":"dir/k","versionId":"v"}'],
    ["b/a%3FversionId%3Dx", '{"bucket":"b","key":"a?versionId=x"}'],
    ["b", "InvalidArgument: Invalid copy source object key"],
    ["b/", "InvalidArgument: Invalid copy source object key"],
    ["//k", "InvalidArgument: Invalid copy source bucket name"],
    ["b/%zz", "InvalidArgument: Invalid copy source encoding"],
  ];
  for (const [header, found] of rows)
    assert.equal(
      outcome(() => copySourceOf(header)),
      found,
    );
});

test("tags", () => {
  const many = Array.from({ length: 11 }, (_, index) => ({ Key: `k${index}`, Value: "v" }));
  const rows: readonly (readonly [run: () => unknown, found: RegExp])[] = [
    [() => headerTags("a=1&b=x%20y&c="), /^\{"a":"1","b":"x y","c":""\}$/],
    [() => headerTags(undefined), /^\{\}$/],
    [() => headerTags("a=1&a=2"), /^InvalidArgument: The header 'x-amz-tagging' shall be/],
    [() => headerTags("=1"), /^InvalidArgument/],
    [() => objectTags(many), /^BadRequest: Object tags cannot be greater than 10$/],
    [() => objectTags(many.slice(0, 10)), /^\{"k0"/],
    [
      () => objectTags([{ Key: "aws:a", Value: "" }]),
      /^InvalidTag: Your TagKey cannot be prefixed with aws:$/,
    ],
    [() => bucketTags([{ Key: "aws:a", Value: "" }]), /^InvalidTag: System tags cannot be added/],
    [() => objectTags([{ Key: "", Value: "" }]), /^InvalidTag: The TagKey you have provided is invalid$/],
    [() => objectTags([{ Key: "a", Value: "x".repeat(257) }]), /^InvalidTag: The TagValue you have/],
    [
      () =>
        objectTags([
          { Key: "a", Value: "" },
          { Key: "a", Value: "" },
        ]),
      /multiple Tags with the same key/,
    ],
  ];
  for (const [run, found] of rows) assert.match(outcome(run), found);
});

test("metadata is kept as text, shown as RFC 2047 has it, and bounded", () => {
  const latin = (text: string) => Buffer.from(text, "utf8").toString("latin1");
  assert.deepEqual(userMetadata({ Plain: "a b", umlaut: latin("ü") }), { plain: "a b", umlaut: "ü" });
  assert.deepEqual(userMetadata({ mime: "=?UTF-8?B?aGVsbG8=?=" }), { mime: "hello" });
  assert.deepEqual(metadataToWire({ plain: "a b", umlaut: "ü" }), {
    plain: "a b",
    umlaut: "=?UTF-8?Q?=C3=BC?=",
  });
  assert.match(
    outcome(() => userMetadata({ a: "x".repeat(2048) })),
    /^MetadataTooLarge/,
  );
  assert.deepEqual(systemHeaders({ "content-encoding": "aws-chunked,gzip", "content-type": "" }), {
    "content-encoding": "gzip",
    "content-type": "binary/octet-stream",
  });
});

test("CORS: the first rule that has origin, method and all headers", () => {
  const rules = checkedCors([
    {
      AllowedOrigins: ["https://a.test"],
      AllowedMethods: ["PUT"],
      AllowedHeaders: ["x-*"],
      MaxAgeSeconds: 5,
    },
    { AllowedOrigins: ["https://*.test"], AllowedMethods: ["GET"] },
    { AllowedOrigins: ["*"], AllowedMethods: ["HEAD"], ExposeHeaders: ["ETag"] },
  ]);
  const origin = (from: string, method: string, ...asked: string[]) =>
    corsHeaders(rules, from, method, asked)?.["access-control-allow-origin"];
  assert.equal(origin("https://a.test", "PUT", "x-amz-acl"), "https://a.test");
  assert.equal(origin("https://a.test", "PUT", "x-amz-acl", "range"), undefined);
  assert.equal(origin("https://b.test", "PUT"), undefined);
  assert.equal(origin("https://b.test", "GET"), "https://b.test");
  assert.equal(origin("https://any.where", "HEAD"), "*");
  const any = corsHeaders(rules, "https://any.where", "HEAD", []);
  assert.equal(any?.["access-control-allow-credentials"], undefined);
  assert.equal(any?.["access-control-expose-headers"], "ETag");
  const refused = (rule: object) =>
    outcome(() => checkedCors([{ AllowedOrigins: ["*"], AllowedMethods: ["GET"], ...rule }]));
  assert.match(refused({ AllowedMethods: ["PATCH"] }), /Unsupported method is PATCH$/);
  assert.match(refused({ AllowedOrigins: ["*a*"] }), /can not have more than one wildcard/);
  assert.match(refused({ AllowedOrigins: [] }), /^MalformedXML/);
});

test("CORS: headers that a preflight asks for", () => {
  assert.deepEqual(askedHeaders("X-Amz-Date, content-type,,"), ["x-amz-date", "content-type"]);
  assert.deepEqual(askedHeaders(undefined), []);
  assert(isHeaderName("x-amz-date"));
  for (const text of ["x b", "x:", "", "ü"]) assert(!isHeaderName(text), text);
});

test("object lock: what may be removed or shortened, and by whom", () => {
  const lock = (mode: "GOVERNANCE" | "COMPLIANCE") => ({ retention: { mode, untilMs: 100 } });
  const locked = "AccessDenied: Access Denied because object protected by object lock.";
  const removal: readonly (readonly [lock: object, nowMs: number, bypass: boolean, found: string])[] = [
    [{}, 0, false, "fine"],
    [lock("GOVERNANCE"), 0, false, locked],
    [lock("GOVERNANCE"), 0, true, "fine"],
    [lock("GOVERNANCE"), 100, false, "fine"],
    [lock("COMPLIANCE"), 0, true, locked],
    [{ legalHold: true }, 200, true, locked],
  ];
  for (const [of, nowMs, bypass, found] of removal) {
    assert.equal(
      outcome(() => requireRemovable(of, nowMs, bypass)),
      found,
    );
  }
  const change = (mode: "GOVERNANCE" | "COMPLIANCE", untilMs: number | undefined, bypass: boolean) =>
    outcome(() =>
      requireRetentionChange(lock(mode), untilMs === undefined ? undefined : { mode, untilMs }, 0, bypass),
    );
  assert.equal(change("GOVERNANCE", 200, false), "fine");
  assert.equal(change("GOVERNANCE", 50, false), locked);
  assert.equal(change("GOVERNANCE", 50, true), "fine");
  assert.equal(change("GOVERNANCE", undefined, true), "fine");
  assert.equal(change("COMPLIANCE", 200, false), "fine");
  assert.equal(change("COMPLIANCE", 50, true), locked);
});

const encoded = (document: unknown) => Buffer.from(JSON.stringify(document)).toString("base64");
const expiration = "2030-01-01T00:00:00Z";

test("policies of forms: their form", () => {
  const rows: readonly (readonly [policy: string, found: string])[] = [
    [encoded({ expiration, conditions: [] }), "{"],
    [Buffer.from("{").toString("base64"), "InvalidPolicyDocument: Invalid Policy: Invalid JSON."],
    [encoded({ conditions: [] }), "InvalidPolicyDocument: Invalid Policy: Policy missing expiration."],
    [
      encoded({ expiration: "x", conditions: [] }),
      "InvalidPolicyDocument: Invalid Policy: Invalid 'expiration' value: 'x'",
    ],
    [encoded({ expiration }), "InvalidPolicyDocument: Invalid Policy: Policy missing conditions."],
    [
      encoded({ expiration, conditions: {} }),
      "InvalidPolicyDocument: Invalid Policy: Invalid 'conditions' value: must be a List.",
    ],
    [
      encoded({ expiration, conditions: [{}] }),
      "InvalidPolicyDocument: Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.",
    ],
    [
      encoded({ expiration, conditions: [["like", "$key", "a"]] }),
      "InvalidPolicyDocument: Invalid Policy: Invalid Condition: unknown operation 'like'.",
    ],
    [
      encoded({ expiration, conditions: [["eq", "$key"]] }),
      "InvalidPolicyDocument: Invalid Policy: Invalid eq: wrong number of arguments.",
    ],
    [
      encoded({ expiration, conditions: [{ key: 1 }] }),
      "InvalidPolicyDocument: Invalid Policy: Invalid Simple-Condition: value must be a string.",
    ],
  ];
  for (const [policy, found] of rows) assert(outcome(() => readPolicy(policy)).startsWith(found), found);
});

test("policies of forms: what they let in", () => {
  const policy = readPolicy(
    encoded({
      expiration,
      conditions: [
        { bucket: "b" },
        ["starts-with", "$key", "up/"],
        ["eq", "$ACL", "private"],
        ["content-length-range", 1, 9],
      ],
    }),
  );
  const good = { bucket: "b", key: "up/x", acl: "private" };
  const check = (fields: Record<string, string>, nowMs = 0) =>
    outcome(() => checkPolicy(policy, fields, nowMs));
  assert.equal(check(good), "fine");
  assert.equal(check({ ...good, "x-ignore-me": "1" }), "fine");
  const denied = "AccessDenied: Invalid according to Policy: ";
  assert.equal(check(good, Date.parse(expiration)), `${denied}Policy expired.`);
  assert.equal(
    check({ ...good, key: "x" }),
    `${denied}Policy Condition failed: ["starts-with", "$key", "up/"]`,
  );
  assert.equal(
    check({ ...good, acl: "Private" }),
    `${denied}Policy Condition failed: ["eq", "$ACL", "private"]`,
  );
  assert.equal(check({ ...good, tagging: "x" }), `${denied}Extra input fields: tagging`);
  assert.deepEqual(sizeRange(policy), { kind: "size", min: 1, max: 9 });
});

test("bucket policies: their form, and whether they are public", () => {
  const bucket = { name: "b", region: "us-east-1" };
  const allow = { Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: "arn:aws:s3:::b/*" };
  const check = (statement: object, more: object = {}) =>
    outcome(() =>
      isPublicPolicy(
        checkedPolicy(JSON.stringify({ Statement: { ...allow, ...statement }, ...more }), bucket),
      ),
    );
  assert.equal(check({}), "true");
  assert.equal(check({ Principal: { AWS: "*" } }), "true");
  assert.equal(check({ Principal: { AWS: "arn:aws:iam::000000000000:root" } }), "false");
  assert.equal(check({ Effect: "Deny" }), "false");
  assert.equal(check({ Condition: { StringEquals: { "aws:SourceAccount": "1" } } }), "false");
  const rows: readonly (readonly [statement: object, found: string])[] = [
    [{ Resource: "arn:aws:s3:::other/*" }, "Policy has invalid resource"],
    [{ Action: "sqs:SendMessage" }, "Policy has invalid action"],
    [{ Effect: "Maybe" }, "Invalid effect: Maybe"],
    [{ Principal: "me" }, "Invalid principal in policy"],
    [{ Resource: "arn:aws:s3:::b" }, "Action does not apply to any resource(s) in statement"],
  ];
  for (const [statement, found] of rows) assert.equal(check(statement), `MalformedPolicy: ${found}`);
  assert.equal(
    check({}, { Version: "2020" }),
    "MalformedPolicy: The policy must contain a valid version string",
  );
  const notJson = outcome(() => checkedPolicy("x", bucket));
  assert.equal(notJson, "MalformedPolicy: Policies must be valid JSON and the first byte must be '{'");
});

test("websites: checks and routing rules", () => {
  const site = checkedWebsite({
    IndexDocument: { Suffix: "index.html" },
    RoutingRules: [
      { Condition: { KeyPrefixEquals: "old/" }, Redirect: { ReplaceKeyPrefixWith: "new/" } },
      {
        Condition: { HttpErrorCodeReturnedEquals: "404" },
        Redirect: { HostName: "x.test", HttpRedirectCode: "302" },
      },
    ],
  });
  assert.deepEqual(routed(site, "old/a", undefined, "h"), { status: 301, location: "http://h/new/a" });
  assert.equal(routed(site, "a", undefined, "h"), undefined);
  assert.deepEqual(routed(site, "a", 404, "h"), { status: 302, location: "http://x.test/a" });
  assert.match(
    outcome(() => checkedWebsite({ IndexDocument: { Suffix: "a/b" } })),
    /Suffix is not well formed$/,
  );
  assert.match(
    outcome(() => checkedWebsite({})),
    /A value for IndexDocument Suffix must be provided/,
  );
});
