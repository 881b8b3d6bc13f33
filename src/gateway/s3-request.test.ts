import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { AwsError } from "../wire/aws-error.ts";
import { readCredential } from "../wire/credential.ts";
import { checkedRestXml } from "./s3-request.ts";

const signed =
  "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a%2F20260101%2Fus-east-1%2Fs3%2Faws4_request";

function checked(query: string, headers: Record<string, string> = {}, body = "") {
  const head = { method: "PUT", path: "/b/k", query, headers };
  return checkedRestXml({ ...head, body: Buffer.from(body) }, readCredential(head));
}

test("x-amz- parameters of a presigned URL are headers; those of the signature, and checksums, are not", () => {
  const query = `${signed}&X-Amz-Expires=60&x-amz-meta-color=light%20blue&x-amz-acl=private&x-amz-checksum-crc32=AAAAAA%3D%3D`;
  assert.deepEqual(checked(query).headers, { "x-amz-meta-color": "light blue", "x-amz-acl": "private" });
  assert.deepEqual(checked(`${signed}&x-amz-acl=a`, { "x-amz-acl": "b" }).headers, { "x-amz-acl": "b" });
});

test("without a signature in the query its parameters are no headers", () => {
  assert.deepEqual(checked("x-amz-acl=private").headers, {});
});

test("Expires may be any text, so nobody parses it", () => {
  assert.deepEqual(checked("", { expires: "soon", accept: "*/*" }).headers, { accept: "*/*" });
});

test("dates of conditions that are none, and numbers that are not given, are left out", () => {
  const headers = { "if-modified-since": "soon", "if-unmodified-since": "Thu, 01 Jan 2026 00:00:00 GMT" };
  assert.deepEqual(Object.keys(checked("", headers).headers), ["if-unmodified-since"]);
  const query = "list-type=2&max-keys=&response-expires=soon&prefix=max-keys=";
  assert.equal(checked(query).query, "list-type=2&prefix=max-keys=");
  assert.equal(checked("max-keys=5&part-number-marker=").query, "max-keys=5");
});

test("a date until which an object is locked must be one", () => {
  assert.throws(
    () => checked("", { "x-amz-object-lock-retain-until-date": "soon" }),
    (error) => error instanceof AwsError && error.message.includes("ISO 8601"),
  );
});

test("a body is compared with the digests that come with it", () => {
  const body = "<Tagging/>";
  const md5 = createHash("md5").update(body).digest("base64");
  checked("", { "content-md5": md5 }, body);
  const rows: readonly (readonly [headers: Record<string, string>, code: string])[] = [
    [{ "content-md5": createHash("md5").update("x").digest("base64") }, "BadDigest"],
    [{ "content-md5": "x" }, "InvalidDigest"],
    [{ "x-amz-checksum-crc32": "AAAAAA==" }, "BadDigest"],
    [{ "x-amz-checksum-sha256": "x" }, "BadDigest"],
  ];
  for (const [headers, code] of rows) {
    assert.throws(
      () => checked("", headers, body),
      (error) => error instanceof AwsError && error.code === code,
    );
  }
});
