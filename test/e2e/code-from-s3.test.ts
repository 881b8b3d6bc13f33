/** Deployment packages that lie in a bucket, in the version that is named. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CreateFunctionCommand,
  InvokeCommand,
  LambdaClient,
  PublishLayerVersionCommand,
  UpdateFunctionCodeCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
} from "@aws-sdk/client-lambda";
import {
  CreateBucketCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { type RunningServer, startServer } from "../harness/server.ts";
import { zipOf } from "../harness/zip.ts";

const FunctionName = "from-s3";
const S3Bucket = "packages";
const S3Key = "builds/worker.zip";
let server: RunningServer;
let lambda: LambdaClient;
let s3: S3Client;
/** Of the three uploads, in their order. */
const versions: string[] = [];

before(async () => {
  server = await startServer();
  const settings = {
    endpoint: server.url,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  };
  lambda = new LambdaClient(settings);
  s3 = new S3Client({ ...settings, forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: S3Bucket }));
  const VersioningConfiguration = { Status: "Enabled" as const };
  await s3.send(new PutBucketVersioningCommand({ Bucket: S3Bucket, VersioningConfiguration }));
  for (const text of ["one", "two", "three"]) {
    const Body = await zipOf({ "index.js": `exports.handler = async () => "${text}";` });
    const { VersionId } = await s3.send(new PutObjectCommand({ Bucket: S3Bucket, Key: S3Key, Body }));
    versions.push(VersionId ?? "");
  }
});

after(async () => {
  assert.equal(await server.stop(), 0);
});

function newFunction(code: object): CreateFunctionCommand {
  return new CreateFunctionCommand({
    FunctionName,
    Runtime: "nodejs24.x",
    Handler: "index.handler",
    Role: "arn:aws:iam::000000000000:role/any",
    Code: { S3Bucket, S3Key, ...code },
  });
}

async function answer(): Promise<string> {
  const { Payload } = await lambda.send(new InvokeCommand({ FunctionName }));
  return Buffer.from(Payload ?? []).toString();
}

test("what is not there is refused with S3's own code and words", async () => {
  const text = (code: string, message: string) =>
    `Error occurred while GetObject. S3 Error Code: ${code}. S3 Error Message: ${message}`;
  for (const [code, message] of [
    [{ S3Bucket: "no-such-bucket" }, text("NoSuchBucket", "The specified bucket does not exist")],
    [{ S3Key: "no-such-key" }, text("NoSuchKey", "The specified key does not exist.")],
  ] as const) {
    await assert.rejects(lambda.send(newFunction(code)), { name: "InvalidParameterValueException", message });
  }
});

test("a function is made from the newest version of an object, and updated to an older one", async () => {
  await lambda.send(newFunction({}));
  await waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 60 }, { FunctionName });
  assert.equal(await answer(), '"three"');
  for (const [index, text] of ["one", "two"].entries()) {
    await lambda.send(
      new UpdateFunctionCodeCommand({ FunctionName, S3Bucket, S3Key, S3ObjectVersion: versions[index] }),
    );
    await waitUntilFunctionUpdatedV2({ client: lambda, maxWaitTime: 60 }, { FunctionName });
    assert.equal(await answer(), `"${text}"`);
  }
});

test("a layer is published from an object, too", async () => {
  const { Content, Version } = await lambda.send(
    new PublishLayerVersionCommand({ LayerName: "from-s3", Content: { S3Bucket, S3Key } }),
  );
  assert.equal(Version, 1);
  assert.ok((Content?.CodeSize ?? 0) > 0);
});
