import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { AwsError } from "./aws-error.ts";
import { verifyPresignedV2, verifyTextV2 } from "./sigv2.ts";

const secretOf = (accessKey: string) => (accessKey === "AKID" ? "secret" : undefined);
const sign = (text: string) => createHmac("sha1", "secret").update(text).digest("base64");

function codeOf(work: () => void): string {
  try {
    work();
    return "accepted";
  } catch (error) {
    assert(error instanceof AwsError, String(error));
    return error.code;
  }
}

function presigned(path: string, signedText: string, more = "") {
  const query = `AWSAccessKeyId=AKID&Expires=100&Signature=${encodeURIComponent(sign(signedText))}${more}`;
  return codeOf(() => verifyPresignedV2({ method: "GET", path, query, headers: {} }, path, secretOf, 99_000));
}

test("a presigned URL of version 2 is accepted for what it was signed for", () => {
  assert.equal(presigned("/b/k", "GET\n\n\n100\n/b/k"), "accepted");
  assert.equal(presigned("/b/other", "GET\n\n\n100\n/b/k"), "SignatureDoesNotMatch");
  assert.equal(presigned("/b/k", "GET\n\n\n100\n/b/k?acl", "&acl"), "accepted");
  assert.equal(presigned("/b/k", "GET\n\n\n100\n/b/k", "&acl"), "SignatureDoesNotMatch");
});

test("a bucket may be signed with a slash behind it", () => {
  assert.equal(presigned("/b", "GET\n\n\n100\n/b"), "accepted");
  assert.equal(presigned("/b", "GET\n\n\n100\n/b/"), "accepted");
  assert.equal(presigned("/b/k", "GET\n\n\n100\n/b/k/"), "SignatureDoesNotMatch");
});

test("a form's policy is signed as it is", () => {
  const check = (accessKey: string, signature: string) =>
    codeOf(() => verifyTextV2("cG9saWN5", { accessKey, signature }, secretOf));
  assert.equal(check("AKID", sign("cG9saWN5")), "accepted");
  assert.equal(check("AKID", sign("another")), "SignatureDoesNotMatch");
  assert.equal(check("OTHER", sign("cG9saWN5")), "InvalidAccessKeyId");
});

test("a signature that does not match is shown what was signed here", () => {
  assert.throws(
    () => verifyTextV2("ab", { accessKey: "AKID", signature: "x" }, secretOf),
    ({ members }: AwsError) => members["StringToSign"] === "ab" && members["StringToSignBytes"] === "61 62",
  );
});
