/** S3 with every AWS CLI of this machine, and boto3; presigned URLs and other ways in; all with signatures verified. */
import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as S3 from "@aws-sdk/client-s3";
import { allOnPath, mustRun, run, works } from "../harness/command.ts";
import { type RunningServer, startServer } from "../harness/server.ts";

const keys = { accessKeyId: "AKIDS3TEST", secretAccessKey: "s3-secret" };
const bigBytes = randomBytes(20 * 1024 * 1024 + 5);
let server: RunningServer;
let folder: string;
let env: Record<string, string>;
let s3: S3.S3Client;

before(async () => {
  server = await startServer({
    args: ["--secure"],
    env: { LAMBDAD_ACCESS_KEY_ID: keys.accessKeyId, LAMBDAD_SECRET_ACCESS_KEY: keys.secretAccessKey },
  });
  env = {
    ...server.env,
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
  };
  s3 = new S3.S3Client({
    endpoint: server.url,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: keys,
  });
  folder = mkdtempSync(join(tmpdir(), "lambdad-s3-"));
  mkdirSync(join(folder, "tree/sub dir"), { recursive: true });
  writeFileSync(join(folder, "tree/one.txt"), "one");
  writeFileSync(join(folder, "tree/sub dir/zwei ü.txt"), "two");
  writeFileSync(join(folder, "big"), bigBytes);
});

after(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("there is an AWS CLI to test with", (t) => {
  if (allOnPath("aws").length === 0) t.skip("no aws on PATH");
});

for (const [at, cli] of allOnPath("aws").entries()) {
  const bucket = `cli-${at}`;
  const aws = (...args: string[]) =>
    mustRun(cli, [...args, "--endpoint-url", server.url], { env, cwd: folder });

  test(`${cli}: mb, cp, ls, sync, mv, presign, rm, rb; a large file goes in parts`, async () => {
    await aws("s3", "mb", `s3://${bucket}`);
    await aws("s3", "cp", "big", `s3://${bucket}/big`, "--no-progress");
    await aws("s3", "cp", `s3://${bucket}/big`, "big.again", "--no-progress");
    assert(readFileSync(join(folder, "big.again")).equals(bigBytes));
    const head = JSON.parse(
      await aws("s3api", "head-object", "--bucket", bucket, "--key", "big", "--output", "json"),
    ) as {
      ETag: string;
    };
    assert.match(head.ETag, /-3"$/);
    await aws("s3", "sync", "tree", `s3://${bucket}/tree`);
    const listed = await aws("s3", "ls", "--recursive", `s3://${bucket}/tree/`);
    assert.match(listed, /3 tree\/one\.txt\n.*3 tree\/sub dir\/zwei ü\.txt/);
    assert.equal(await aws("s3", "sync", "tree", `s3://${bucket}/tree`), "");
    await aws("s3", "mv", `s3://${bucket}/tree/one.txt`, `s3://${bucket}/moved.txt`);
    const url = (await aws("s3", "presign", `s3://${bucket}/moved.txt`)).trim();
    const presigned = await fetch(url);
    assert.equal(await presigned.text(), "one");
    assert.equal((await fetch(url.split("?")[0] ?? "")).status, 403);
    await aws("s3", "cp", `s3://${bucket}/big`, `s3://${bucket}/big.copy`, "--no-progress");
    const copied = await s3.send(new S3.HeadObjectCommand({ Bucket: bucket, Key: "big.copy" }));
    assert.equal(copied.ContentLength, bigBytes.length);
    await aws("s3", "rm", "--recursive", `s3://${bucket}`);
    assert.equal(await aws("s3", "ls", `s3://${bucket}`).catch(() => ""), "");
    await aws("s3", "rb", `s3://${bucket}`);
  });
}

const python = "python3";
const boto3Session = `
import boto3, io, os, sys
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError
endpoint = sys.argv[1]
name = "boto-" + sys.argv[2]
s3 = boto3.client("s3", endpoint_url=endpoint, config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))
s3.create_bucket(Bucket=name)
data = os.urandom(21 * 1024 * 1024)
config = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20, max_concurrency=4)
s3.upload_fileobj(io.BytesIO(data), name, "threads", ExtraArgs={"Metadata": {"who": "boto"}}, Config=config)
out = io.BytesIO()
s3.download_fileobj(name, "threads", out, Config=config)
assert out.getvalue() == data
head = s3.head_object(Bucket=name, Key="threads")
assert head["Metadata"] == {"who": "boto"}, head
assert head["ETag"].endswith('-5"'), head
s3.put_object(Bucket=name, Key="small", Body=b"small", ContentType="text/plain")
assert s3.get_object(Bucket=name, Key="small")["Body"].read() == b"small"
try:
    s3.get_object(Bucket=name, Key="nothing")
    raise SystemExit("it is there")
except ClientError as error:
    assert error.response["Error"]["Code"] == "NoSuchKey", error.response
import urllib.request
form = s3.generate_presigned_post(name, "form/\${filename}", Fields={"acl": "private"}, Conditions=[{"acl": "private"}, ["content-length-range", 1, 100]])
url = s3.generate_presigned_url("put_object", Params={"Bucket": name, "Key": "signed"})
request = urllib.request.Request(url, data=b"by url", method="PUT")
assert urllib.request.urlopen(request).status == 200
assert s3.get_object(Bucket=name, Key="signed")["Body"].read() == b"by url"
keys = [o["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name, PaginationConfig={"PageSize": 2}) for o in page["Contents"]]
assert keys == ["signed", "small", "threads"], keys
s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": key} for key in keys]})
s3.delete_bucket(Bucket=name)
print("done")
`;

for (const [at, program] of [...new Set([python, "/usr/bin/python3"])].entries()) {
  test(`${program}: boto3 up and down in threads, presigned, paged`, async (t) => {
    if (!works(program, ["-c", "import boto3"])) return t.skip(`${program} has no boto3`);
    const { code, stdout, stderr } = await run(program, ["-c", boto3Session, server.url, String(at)], {
      env,
    });
    assert.equal(code, 0, stderr);
    assert.equal(stdout.trim(), "done");
  });
}

/** Node does not resolve `bucket.localhost`: the name goes into the header only. */
function getAs(host: string, path: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
    const asked = request({ port: server.port, path, headers: { host, ...headers } }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () => resolve({ status: response.statusCode, text }));
    });
    asked.on("error", reject).end();
  });
}

test("a bucket may stand in the host name; strangers read what a policy shows them", async () => {
  const Bucket = "in-the-host";
  await s3.send(new S3.CreateBucketCommand({ Bucket }));
  await s3.send(new S3.PutObjectCommand({ Bucket, Key: "public/a.txt", Body: "open" }));
  await s3.send(new S3.PutObjectCommand({ Bucket, Key: "private/a.txt", Body: "closed" }));
  const hosts = [
    `${Bucket}.s3.us-east-1.localhost.localstack.cloud`,
    `${Bucket}.s3.localhost`,
    `${Bucket}.localhost`,
  ];
  for (const host of hosts) assert.equal((await getAs(host, "/public/a.txt")).status, 403, host);
  const statement = {
    Effect: "Allow",
    Principal: "*",
    Action: "s3:GetObject",
    Resource: `arn:aws:s3:::${Bucket}/public/*`,
  };
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  const blocked = s3.send(new S3.PutBucketPolicyCommand({ Bucket, Policy }));
  await assert.rejects(blocked, /BlockPublicPolicy/);
  await s3.send(new S3.DeletePublicAccessBlockCommand({ Bucket }));
  await s3.send(new S3.PutBucketPolicyCommand({ Bucket, Policy }));
  for (const host of hosts) assert.equal((await getAs(host, "/public/a.txt")).text, "open", host);
  assert.equal((await getAs("localhost", `/${Bucket}/public/a.txt`)).text, "open");
  assert.equal((await getAs("localhost", `/${Bucket}/private/a.txt`)).status, 403);
  assert.equal((await getAs("localhost", `/${Bucket}`)).status, 403);
});

test("conditions are asked of strangers and of the owner, with what the request carries", async () => {
  const Bucket = "conditions";
  await s3.send(new S3.CreateBucketCommand({ Bucket, ObjectOwnership: "ObjectWriter" }));
  await s3.send(new S3.DeletePublicAccessBlockCommand({ Bucket }));
  await s3.send(new S3.PutObjectCommand({ Bucket, Key: "a", Body: "x", Tagging: "team=open" }));
  await s3.send(new S3.PutObjectCommand({ Bucket, Key: "b", Body: "x", Tagging: "team=closed" }));
  const status = async (path: string) => (await getAs("localhost", `/${Bucket}${path}`)).status;
  const allow = async (Condition: object, more: object) => {
    const usual = {
      Effect: "Allow",
      Principal: "*",
      Action: ["s3:GetObject", "s3:ListBucket"],
      Resource: [`arn:aws:s3:::${Bucket}`, `arn:aws:s3:::${Bucket}/*`],
    };
    const Statement = [
      { ...usual, Condition },
      { ...usual, ...more },
    ];
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement });
    await s3.send(new S3.PutBucketPolicyCommand({ Bucket, Policy }));
  };
  const nothing = { Effect: "Deny", Action: "s3:DeleteBucket" };
  await allow({ StringEquals: { "s3:ExistingObjectTag/team": "open" } }, nothing);
  assert.deepEqual([await status("/a"), await status("/b")], [200, 403]);
  await allow({ StringLike: { "s3:prefix": "a*" } }, nothing);
  assert.deepEqual([await status("?prefix=a"), await status(""), await status("?prefix=b")], [200, 403, 403]);
  await allow({ IpAddress: { "aws:SourceIp": ["127.0.0.0/8", "::1"] } }, nothing);
  assert.equal(await status("/a"), 200);
  await allow({ NotIpAddress: { "aws:SourceIp": ["127.0.0.0/8", "::1"] } }, nothing);
  assert.equal(await status("/a"), 403);
  await allow({}, { Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } });
  assert.equal(await status("/a"), 403);
  const owners = s3.send(new S3.GetObjectCommand({ Bucket, Key: "a" }));
  await assert.rejects(owners, /with an explicit deny in a resource-based policy/);
  await s3.send(new S3.DeleteBucketPolicyCommand({ Bucket }));
  assert.equal(await status("/a"), 403);
  await s3.send(new S3.PutObjectAclCommand({ Bucket, Key: "a", ACL: "public-read" }));
  assert.deepEqual([await status("/a"), await status("/b"), await status("/none")], [200, 403, 403]);
  await s3.send(new S3.PutBucketAclCommand({ Bucket, ACL: "public-read" }));
  assert.deepEqual([await status(""), await status("/none")], [200, 404]);
});

test("who has not signed makes no buckets, sees none, and has no headers in the query", async () => {
  const ask = async (method: string, path: string, body?: string) =>
    (await fetch(`${server.url}${path}`, { method, ...(body !== undefined && { body }) })).status;
  assert.equal(await ask("PUT", "/strangers-bucket"), 403);
  assert.equal(await ask("GET", "/"), 403);
  const Bucket = "for-strangers";
  await s3.send(new S3.CreateBucketCommand({ Bucket }));
  await s3.send(new S3.DeletePublicAccessBlockCommand({ Bucket }));
  const Statement = [
    {
      Effect: "Allow",
      Principal: "*",
      Action: ["s3:PutObject", "s3:ListBucket", "s3:DeleteObjectVersion"],
      Resource: [`arn:aws:s3:::${Bucket}`, `arn:aws:s3:::${Bucket}/*`],
      Condition: {
        StringEqualsIfExists: { "s3:prefix": "open/" },
        Null: { "s3:x-amz-storage-class": "true" },
      },
    },
  ];
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement });
  await s3.send(new S3.PutBucketPolicyCommand({ Bucket, Policy }));
  assert.equal(await ask("GET", `/${Bucket}?prefix=open/`), 200);
  for (const query of ["Prefix=open/&prefix=closed/", "prefix=open/&prefix=closed/"]) {
    assert.equal(await ask("GET", `/${Bucket}?${query}`), 403, query);
  }
  assert.equal(await ask("PUT", `/${Bucket}/k`, "x"), 200);
  for (const sub of ["acl", "policy", "versioning"]) {
    assert.equal(await ask("GET", `/${Bucket}?${sub}`), 403, sub);
    assert.equal(await ask("PUT", `/${Bucket}?${sub}`, "<x/>"), 403, sub);
  }
});

test("a browser's form is taken with a signature of version 2, as boto3 makes them, and no other", async () => {
  const Bucket = "forms-of-version-2";
  await s3.send(new S3.CreateBucketCommand({ Bucket }));
  const conditions = [{ bucket: Bucket }, { key: "k" }];
  const document = JSON.stringify({ expiration: "2099-01-01T00:00:00Z", conditions });
  const policy = Buffer.from(document).toString("base64");
  const post = async (signature: string) => {
    const form = new FormData();
    const fields = { key: "k", AWSAccessKeyId: keys.accessKeyId, policy, signature };
    for (const [name, value] of Object.entries(fields)) form.set(name, value);
    form.set("file", new Blob(["from a form"]), "f");
    return (await fetch(`${server.url}/${Bucket}`, { method: "POST", body: form })).status;
  };
  assert.equal(await post("bm9uZQ=="), 403);
  assert.equal(await post(createHmac("sha1", keys.secretAccessKey).update(policy).digest("base64")), 204);
  const { Body } = await s3.send(new S3.GetObjectCommand({ Bucket, Key: "k" }));
  assert.equal(await Body?.transformToString(), "from a form");
});
