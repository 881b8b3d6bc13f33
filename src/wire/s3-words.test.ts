import assert from "node:assert/strict";
import { test } from "node:test";
import { AwsError } from "./aws-error.ts";
import { loadModel } from "./model-load.ts";
import { protocolById } from "./protocols.ts";
import { missingFromBody } from "./s3-words.ts";

const s3 = loadModel("s3");

function operation(name: string) {
  const found = s3.operations.get(name);
  assert(found);
  return found;
}

function codeOf(work: () => unknown): string {
  try {
    work();
    return "read";
  } catch (error) {
    assert(error instanceof AwsError, String(error));
    return error.code;
  }
}

test("what cannot be read has S3's codes, not SerializationException", () => {
  const read = (name: string, labels: Record<string, string>, query = "", headers = {}) =>
    codeOf(() =>
      protocolById("restXml").read(
        operation(name),
        { method: "GET", path: "/", query, headers, body: new Uint8Array(0) },
        labels,
      ),
    );
  assert.equal(read("GetObject", { Bucket: "b", Key: "a%20b" }), "read");
  assert.equal(read("GetObject", { Bucket: "b", Key: "%zz" }), "InvalidURI");
  assert.equal(read("GetObject", { Bucket: "b", Key: "%ff" }), "InvalidURI");
  assert.equal(
    read("GetObject", { Bucket: "b", Key: "k" }, "", { "if-modified-since": "x" }),
    "InvalidArgument",
  );
  assert.equal(read("ListObjectsV2", { Bucket: "b" }, "max-keys=many"), "InvalidArgument");
});

test("a body that lacks something is malformed, none at all is missing", () => {
  const missing = (name: string, input: object) =>
    missingFromBody(operation(name), { Bucket: "b", ...input })?.code;
  assert.equal(missing("DeleteObjects", { Delete: {} }), "MalformedXML");
  assert.equal(missing("DeleteObjects", {}), "MissingRequestBodyError");
  assert.equal(missing("PutBucketPolicy", {}), "MissingRequestBodyError");
  assert.equal(missing("GetObjectAttributes", { Key: "k" }), undefined);
});

test("S3 writes times with their milliseconds, also where those are zero", () => {
  const at = new Date("2026-01-01T00:00:00Z");
  const listing = { Contents: [{ Key: "2026-01-01T00:00:00Z", LastModified: at }] };
  const { body } = protocolById("restXml").write(operation("ListObjects"), listing, "id");
  assert(typeof body === "string");
  assert.match(body, /<LastModified>2026-01-01T00:00:00\.000Z</);
  assert.match(body, /<Key>2026-01-01T00:00:00Z</);
  const object = { ObjectLockRetainUntilDate: at, LastModified: at };
  const { headers } = protocolById("restXml").write(operation("GetObject"), object, "id");
  assert.equal(headers["x-amz-object-lock-retain-until-date"], "2026-01-01T00:00:00.000Z");
  assert.equal(headers["last-modified"], "Thu, 01 Jan 2026 00:00:00 GMT");
});
