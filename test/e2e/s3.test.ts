/** S3 as its users have it: the SDK for JavaScript, against a lambdad of its own. Other clients: `s3-clients.test.ts`. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";
import * as S3 from "@aws-sdk/client-s3";
import { type RunningServer, startServer } from "../harness/server.ts";

let server: RunningServer;
let s3: S3.S3Client;

before(async () => {
  server = await startServer({ args: ["--isolation", "process"] });
  s3 = clientOf(server.url);
});

after(async () => {
  assert.equal(await server.stop(), 0, server.log());
});

function clientOf(url: string, region = "us-east-1", accessKeyId = "test") {
  return new S3.S3Client({
    endpoint: url,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey: "test" },
  });
}

let made = 0;

async function bucket(more: Partial<S3.CreateBucketCommandInput> = {}): Promise<string> {
  const Bucket = `bucket-${made++}`;
  await s3.send(new S3.CreateBucketCommand({ Bucket, ...more }));
  return Bucket;
}

async function versioned(): Promise<string> {
  const Bucket = await bucket();
  const VersioningConfiguration = { Status: "Enabled" as const };
  await s3.send(new S3.PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
  return Bucket;
}

const put = (Bucket: string, Key: string, Body = "text", more: Partial<S3.PutObjectCommandInput> = {}) =>
  s3.send(new S3.PutObjectCommand({ Bucket, Key, Body, ...more }));

async function read(Bucket: string, Key: string, more: Partial<S3.GetObjectCommandInput> = {}) {
  const answer = await s3.send(new S3.GetObjectCommand({ Bucket, Key, ...more }));
  return { ...answer, text: (await answer.Body?.transformToString()) ?? "" };
}

/** The error's name and status, which is all that a HEAD leaves. */
async function refusal(promise: Promise<unknown>): Promise<readonly [string, number | undefined]> {
  try {
    await promise;
  } catch (error) {
    assert(error instanceof S3.S3ServiceException, String(error));
    return [error.name, error.$metadata.httpStatusCode];
  }
  return fine;
}

const fine = ["none", 200] as const;

test("what is put is got, with its ETag, checksum and metadata", async () => {
  const Bucket = await bucket();
  const answer = await put(Bucket, "dir/a b+ü.txt", "hello", {
    ContentType: "text/plain",
    CacheControl: "max-age=1",
    Metadata: { color: "blue" },
    Tagging: "a=1&b=2",
  });
  assert.equal(answer.ETag, `"${createHash("md5").update("hello").digest("hex")}"`);
  assert.equal(answer.ChecksumCRC32, "NhCmhg==");
  assert.equal(answer.ServerSideEncryption, "AES256");
  assert.equal(answer.VersionId, undefined);
  const got = await read(Bucket, "dir/a b+ü.txt");
  assert.equal(got.text, "hello");
  assert.equal(got.ContentType, "text/plain");
  assert.equal(got.CacheControl, "max-age=1");
  assert.deepEqual(got.Metadata, { color: "blue" });
  assert.equal(got.TagCount, 2);
  assert.equal(got.ChecksumCRC32, "NhCmhg==");
  assert.equal(got.ContentLength, 5);
  assert.equal(got.$metadata.httpStatusCode, 200);
  const head = await s3.send(new S3.HeadObjectCommand({ Bucket, Key: "dir/a b+ü.txt" }));
  assert.equal(head.ContentLength, 5);
  assert.equal(head.AcceptRanges, "bytes");
});

test("every checksum is verified, and a wrong one leaves nothing behind", async () => {
  const Bucket = await bucket();
  const Body = randomBytes(300_000);
  for (const ChecksumAlgorithm of ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] as const) {
    const order = { Bucket, Key: ChecksumAlgorithm, Body, ChecksumAlgorithm };
    const answer = await s3.send(new S3.PutObjectCommand(order));
    assert.match(String(answer[`Checksum${ChecksumAlgorithm}`]), /=$/, ChecksumAlgorithm);
    const got = await s3.send(new S3.GetObjectCommand({ Bucket, Key: ChecksumAlgorithm }));
    const bytes = Buffer.from((await got.Body?.transformToByteArray()) ?? []);
    assert(bytes.equals(Body), ChecksumAlgorithm);
  }
  const wrong = put(Bucket, "wrong", "hello", { ChecksumCRC32: "AAAAAA==" });
  assert.deepEqual(await refusal(wrong), ["BadDigest", 400]);
  assert.deepEqual(await refusal(put(Bucket, "wrong", "hello", { ContentMD5: "1B2M2Y8AsgTpgAmY7PhCfg==" })), [
    "BadDigest",
    400,
  ]);
  assert.deepEqual(await refusal(read(Bucket, "wrong")), ["NoSuchKey", 404]);
});

test("a stream goes up in aws-chunked framing with its checksum as a trailer", async () => {
  const Bucket = await bucket();
  const bytes = randomBytes(3 * 1024 * 1024 + 17);
  const Body = Readable.from([
    bytes.subarray(0, 100),
    bytes.subarray(100, 2_000_000),
    bytes.subarray(2_000_000),
  ]);
  await s3.send(new S3.PutObjectCommand({ Bucket, Key: "stream", Body, ContentLength: bytes.length }));
  const got = await s3.send(new S3.GetObjectCommand({ Bucket, Key: "stream" }));
  assert(Buffer.from((await got.Body?.transformToByteArray()) ?? []).equals(bytes));
  assert.equal(got.ContentEncoding, undefined);
});

test("ranges, parts and conditions answer as AWS does", async () => {
  const Bucket = await bucket();
  const { ETag } = await put(Bucket, "k", "0123456789");
  const ranged = await read(Bucket, "k", { Range: "bytes=2-4" });
  assert.deepEqual(
    [ranged.text, ranged.ContentRange, ranged.$metadata.httpStatusCode],
    ["234", "bytes 2-4/10", 206],
  );
  assert.equal(ranged.ChecksumCRC32, undefined);
  assert.deepEqual(await refusal(read(Bucket, "k", { Range: "bytes=10-" })), ["InvalidRange", 416]);
  assert.deepEqual(await refusal(read(Bucket, "k", { IfMatch: '"x"' })), ["PreconditionFailed", 412]);
  assert.deepEqual(await refusal(read(Bucket, "k", { IfNoneMatch: ETag })), ["Unknown", 304]);
  assert.deepEqual(await refusal(read(Bucket, "k", { PartNumber: 2 })), ["InvalidPartNumber", 416]);
  assert.deepEqual(await refusal(read(Bucket, "k", { PartNumber: 0 })), ["InvalidArgument", 400]);
  const key = { SSECustomerAlgorithm: "AES256", SSECustomerKey: "k".repeat(32) };
  assert.deepEqual(await refusal(read(Bucket, "k", key)), ["InvalidRequest", 400]);
  assert.deepEqual(await refusal(read(Bucket, "k", { ExpectedBucketOwner: "me" })), [
    "InvalidBucketOwnerAWSAccountID",
    400,
  ]);
  assert.deepEqual(await refusal(put(Bucket, "k", "again", { IfNoneMatch: "*" })), [
    "PreconditionFailed",
    412,
  ]);
  assert.deepEqual(await refusal(put(Bucket, "new", "x", { IfMatch: ETag })), ["NoSuchKey", 404]);
  await put(Bucket, "k", "changed", { IfMatch: ETag });
  assert.equal((await read(Bucket, "k")).text, "changed");
});

test("what only plain clients send is answered in S3's words", async () => {
  const Bucket = await bucket();
  await put(Bucket, "k");
  const ask = async (method: string, path: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${server.url}/${Bucket}${path}`, { method, headers });
    const [, code = ""] = /<Code>(\w+)</.exec(await answer.text()) ?? [];
    return { answer: `${answer.status} ${code}`.trim(), headers: answer.headers };
  };
  const rows: readonly (readonly [string, string, Record<string, string>, string])[] = [
    ["GET", "/k", { "if-modified-since": "soon" }, "200"],
    ["GET", "/k", { "x-amz-server-side-encryption": "AES256" }, "400 InvalidArgument"],
    ["GET", "/%ff", {}, "400 InvalidURI"],
    ["GET", `/${"k".repeat(1025)}`, {}, "400 KeyTooLongError"],
    ["GET", "?max-keys=", {}, "200"],
    ["GET", "?max-keys=-1", {}, "400 InvalidArgument"],
    ["GET", "?list-type=3", {}, "400 InvalidArgument"],
    ["POST", "/k", {}, "405 MethodNotAllowed"],
    ["POST", "", {}, "412 PreconditionFailed"],
    ["PUT", "?versioning", {}, "400 MissingRequestBodyError"],
  ];
  for (const [method, path, headers, expected] of rows) {
    assert.equal((await ask(method, path, headers)).answer, expected, `${method} ${path.slice(0, 20)}`);
  }
  const { headers } = await ask("GET", "/k?response-expires=soon");
  assert.equal(headers.get("expires"), "soon");
});

test("an archived object is restored once, and then again", async () => {
  const Bucket = await bucket();
  await put(Bucket, "k", "text", { StorageClass: "GLACIER" });
  assert.deepEqual(await refusal(read(Bucket, "k")), ["InvalidObjectState", 403]);
  const restore = async (Days: number) => {
    const RestoreRequest = { Days, GlacierJobParameters: { Tier: "Bulk" as const } };
    const answer = await s3.send(new S3.RestoreObjectCommand({ Bucket, Key: "k", RestoreRequest }));
    return answer.$metadata.httpStatusCode;
  };
  assert.deepEqual([await restore(1), await restore(2)], [202, 200]);
  assert.equal((await read(Bucket, "k")).text, "text");
});

test("listings fold, page and encode", async () => {
  const Bucket = await bucket();
  const keys = ["a", "b/1", "b/2", "b/c/3", "d e", "é", "z"];
  for (const key of keys) await put(Bucket, key);
  const folded = await s3.send(new S3.ListObjectsV2Command({ Bucket, Delimiter: "/" }));
  assert.deepEqual(
    folded.Contents?.map(({ Key }) => Key),
    ["a", "d e", "z", "é"],
  );
  assert.deepEqual(folded.CommonPrefixes, [{ Prefix: "b/" }]);
  assert.equal(folded.KeyCount, 5);
  const found: (string | undefined)[] = [];
  for await (const page of S3.paginateListObjectsV2(
    { client: s3, pageSize: 2 },
    { Bucket, Delimiter: "/" },
  )) {
    found.push(
      ...(page.Contents ?? []).map(({ Key }) => Key),
      ...(page.CommonPrefixes ?? []).map((p) => p.Prefix),
    );
  }
  assert.deepEqual(found, ["a", "b/", "d e", "z", "é"]);
  const encoded = await s3.send(new S3.ListObjectsCommand({ Bucket, EncodingType: "url", MaxKeys: 5 }));
  assert.deepEqual(
    encoded.Contents?.map(({ Key }) => Key),
    ["a", "b/1", "b/2", "b/c/3", "d+e"],
  );
  assert.equal(encoded.IsTruncated, true);
});

test("versions, markers and the null version", async () => {
  const Bucket = await bucket();
  await put(Bucket, "k", "null");
  await s3.send(
    new S3.PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Enabled" } }),
  );
  const one = await put(Bucket, "k", "one");
  const two = await put(Bucket, "k", "two");
  assert.notEqual(one.VersionId, two.VersionId);
  const marker = await s3.send(new S3.DeleteObjectCommand({ Bucket, Key: "k" }));
  assert.equal(marker.DeleteMarker, true);
  assert.deepEqual(await refusal(read(Bucket, "k")), ["NoSuchKey", 404]);
  assert.deepEqual(await refusal(read(Bucket, "k", { VersionId: marker.VersionId })), [
    "MethodNotAllowed",
    405,
  ]);
  assert.equal((await read(Bucket, "k", { VersionId: one.VersionId })).text, "one");
  assert.equal((await read(Bucket, "k", { VersionId: "null" })).text, "null");
  const listed = await s3.send(new S3.ListObjectVersionsCommand({ Bucket }));
  assert.deepEqual(
    listed.Versions?.map(({ VersionId }) => VersionId),
    [two.VersionId, one.VersionId, "null"],
  );
  assert.deepEqual(
    listed.DeleteMarkers?.map(({ IsLatest }) => IsLatest),
    [true],
  );
  const removed = await s3.send(
    new S3.DeleteObjectCommand({ Bucket, Key: "k", VersionId: marker.VersionId }),
  );
  assert.equal(removed.DeleteMarker, true);
  assert.equal((await read(Bucket, "k")).text, "two");
  assert.deepEqual(await refusal(s3.send(new S3.DeleteBucketCommand({ Bucket }))), ["BucketNotEmpty", 409]);
  for (const VersionId of [one.VersionId, two.VersionId, "null"]) {
    await s3.send(new S3.DeleteObjectCommand({ Bucket, Key: "k", VersionId }));
  }
  await s3.send(new S3.DeleteBucketCommand({ Bucket }));
});

test("a multipart upload becomes one object, with parts to read and a composite checksum", async () => {
  const Bucket = await versioned();
  const Key = "big";
  const { UploadId } = await s3.send(
    new S3.CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm: "SHA256", Metadata: { a: "b" } }),
  );
  const bodies = [randomBytes(5 * 1024 * 1024), randomBytes(1000)];
  const Parts: S3.CompletedPart[] = [];
  for (const [index, Body] of bodies.entries()) {
    const PartNumber = index * 2 + 1;
    const order = { Bucket, Key, UploadId, PartNumber, Body, ChecksumAlgorithm: "SHA256" as const };
    const { ETag, ChecksumSHA256 } = await s3.send(new S3.UploadPartCommand(order));
    Parts.push({ PartNumber, ETag, ChecksumSHA256 });
  }
  assert.deepEqual(await refusal(read(Bucket, Key)), ["NoSuchKey", 404]);
  const complete = new S3.CompleteMultipartUploadCommand({
    Bucket,
    Key,
    UploadId,
    MultipartUpload: { Parts },
  });
  const done = await s3.send(complete);
  assert.match(String(done.ETag), /-2"$/);
  assert.match(String(done.ChecksumSHA256), /-2$/);
  assert.equal((await s3.send(complete)).ETag, done.ETag);
  const whole = await s3.send(new S3.GetObjectCommand({ Bucket, Key }));
  assert(Buffer.from((await whole.Body?.transformToByteArray()) ?? []).equals(Buffer.concat(bodies)));
  assert.deepEqual(whole.Metadata, { a: "b" });
  const part = await s3.send(new S3.GetObjectCommand({ Bucket, Key, PartNumber: 2 }));
  assert.equal(part.PartsCount, 2);
  assert.equal(part.ContentLength, 1000);
  assert.equal(part.ChecksumSHA256, Parts[1]?.ChecksumSHA256);
  await part.Body?.transformToByteArray();
  const across = await read(Bucket, Key, { Range: `bytes=${5 * 1024 * 1024 - 2}-${5 * 1024 * 1024 + 1}` });
  assert.equal(across.ContentLength, 4);
  const { ObjectParts } = await s3.send(
    new S3.GetObjectAttributesCommand({ Bucket, Key, ObjectAttributes: ["ObjectParts"] }),
  );
  assert.equal(ObjectParts?.TotalPartsCount, 2);
  const copy = await s3.send(
    new S3.CopyObjectCommand({ Bucket, Key: "copy", CopySource: `${Bucket}/${Key}` }),
  );
  assert.doesNotMatch(String(copy.CopyObjectResult?.ETag), /-/);
  assert.equal(copy.CopyObjectResult?.ChecksumType, "FULL_OBJECT");
});

test("object lock: what is held stays, and who may shorten it must say so", async () => {
  const Bucket = await bucket({ ObjectLockEnabledForBucket: true });
  const lock = await s3.send(new S3.GetObjectLockConfigurationCommand({ Bucket }));
  assert.deepEqual(lock.ObjectLockConfiguration, { ObjectLockEnabled: "Enabled" });
  const until = (days: number) => new Date(Date.now() + days * 86_400_000);
  const retain = (
    VersionId: string | undefined,
    Mode: "GOVERNANCE" | "COMPLIANCE",
    days: number,
    bypass?: true,
  ) =>
    refusal(
      s3.send(
        new S3.PutObjectRetentionCommand({
          Bucket,
          Key: "k",
          VersionId,
          Retention: { Mode, RetainUntilDate: until(days) },
          ...(bypass && { BypassGovernanceRetention: bypass }),
        }),
      ),
    );
  const remove = (VersionId: string | undefined, bypass?: true) =>
    refusal(
      s3.send(
        new S3.DeleteObjectCommand({
          Bucket,
          Key: "k",
          VersionId,
          ...(bypass && { BypassGovernanceRetention: bypass }),
        }),
      ),
    );
  const denied = ["AccessDenied", 403] as const;
  const { VersionId: governed } = await put(Bucket, "k");
  assert.deepEqual(await retain(governed, "GOVERNANCE", 2), fine);
  assert.deepEqual(await retain(governed, "GOVERNANCE", 1), denied);
  assert.deepEqual(await retain(governed, "GOVERNANCE", 1, true), fine);
  assert.deepEqual(await remove(governed), denied);
  assert.equal((await s3.send(new S3.DeleteObjectCommand({ Bucket, Key: "k" }))).DeleteMarker, true);
  assert.deepEqual(await remove(governed, true), fine);

  const { VersionId: held } = await put(Bucket, "k", "held", { ObjectLockLegalHoldStatus: "ON" });
  assert.deepEqual(await remove(held, true), denied);
  await s3.send(new S3.PutObjectLegalHoldCommand({ Bucket, Key: "k", LegalHold: { Status: "OFF" } }));
  assert.deepEqual(await remove(held), fine);

  const DefaultRetention = { Mode: "COMPLIANCE", Days: 1 } as const;
  const ObjectLockConfiguration = { ObjectLockEnabled: "Enabled", Rule: { DefaultRetention } } as const;
  await s3.send(new S3.PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration }));
  const { VersionId: complied } = await put(Bucket, "k");
  const head = await s3.send(new S3.HeadObjectCommand({ Bucket, Key: "k" }));
  assert.equal(head.ObjectLockMode, "COMPLIANCE");
  assert.deepEqual(await remove(complied, true), denied);
  assert.deepEqual(await retain(complied, "GOVERNANCE", 3, true), denied);
  assert.deepEqual(await retain(complied, "COMPLIANCE", 3), fine);
  const VersioningConfiguration = { Status: "Suspended" } as const;
  const suspended = s3.send(new S3.PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
  assert.deepEqual(await refusal(suspended), ["InvalidBucketState", 409]);
});

test("grants let another account in, and what it writes is its own", async () => {
  const Bucket = await bucket({ ObjectOwnership: "ObjectWriter" });
  const other = clientOf(server.url, "us-east-1", "111122223333");
  const theirs = (await other.send(new S3.ListBucketsCommand({}))).Owner?.ID;
  const of = (Key: string) => other.send(new S3.GetObjectCommand({ Bucket, Key }));
  await put(Bucket, "mine");
  await put(Bucket, "granted", "text", { GrantRead: `id=${theirs}` });
  assert.deepEqual(await refusal(of("mine")), ["AccessDenied", 403]);
  assert.equal(await (await of("granted")).Body?.transformToString(), "text");
  await s3.send(new S3.PutBucketAclCommand({ Bucket, GrantWrite: `id=${theirs}` }));
  await other.send(new S3.PutObjectCommand({ Bucket, Key: "theirs", Body: "x" }));
  const { Contents = [] } = await s3.send(new S3.ListObjectsCommand({ Bucket, Prefix: "theirs" }));
  assert.equal(Contents[0]?.Owner?.ID, theirs);
  const { Grants } = await s3.send(new S3.GetBucketAclCommand({ Bucket }));
  assert.deepEqual(Grants, [{ Grantee: { ID: theirs, Type: "CanonicalUser" }, Permission: "WRITE" }]);
  other.destroy();
});

test("what is not there answers by name", async () => {
  assert.deepEqual(await refusal(read("nobody", "k")), ["NoSuchBucket", 404]);
  assert.deepEqual(await refusal(read("Bad_Name", "k")), ["InvalidBucketName", 400]);
  const Bucket = await bucket();
  assert.deepEqual(await refusal(s3.send(new S3.GetBucketPolicyCommand({ Bucket }))), [
    "NoSuchBucketPolicy",
    404,
  ]);
  assert.deepEqual(await refusal(s3.send(new S3.HeadObjectCommand({ Bucket, Key: "x" }))), ["NotFound", 404]);
  const replication = { Role: "r", Rules: [] };
  const refused = s3.send(
    new S3.PutBucketReplicationCommand({ Bucket, ReplicationConfiguration: replication }),
  );
  assert.deepEqual(await refusal(refused), ["UnsupportedOperationException", 400]);
});
