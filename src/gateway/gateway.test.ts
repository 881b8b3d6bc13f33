/** The gateway as AWS's own clients see it: the SDK for JavaScript against fake services, on a real port. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { test, type TestContext } from "node:test";
import { CloudWatchClient, ListMetricsCommand, PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { KinesisClient, PutRecordCommand } from "@aws-sdk/client-kinesis";
import {
  GetFunctionCommand,
  InvokeCommand,
  LambdaClient,
  ListFunctionsCommand,
  PublishLayerVersionCommand,
} from "@aws-sdk/client-lambda";
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { ListQueuesCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { AwsQueryProtocol } from "@aws-sdk/core/protocols";
import { createTestGateway, echoLambda, fakeService, testKeys, tinyS3 } from "../../test/harness/gateway.ts";

const metricNames: unknown[] = [];

const services = [
  echoLambda(),
  tinyS3(),
  fakeService("sqs", {
    SendMessage: async ({ MessageBody }) => ({
      MessageId: "m",
      MD5OfMessageBody: createHash("md5").update(String(MessageBody)).digest("hex"),
    }),
    ListQueues: async (_input, ctx) => ({ QueueUrls: [`${ctx.endpoint}/${ctx.account}/q`] }),
  }),
  fakeService("cloudwatch", {
    async PutMetricData({ MetricData }) {
      metricNames.push(...(MetricData as { MetricName: string }[]).map(({ MetricName }) => MetricName));
      return {};
    },
    ListMetrics: async () => ({ Metrics: [{ Namespace: "n", MetricName: "m" }] }),
  }),
  fakeService("kinesis", {
    PutRecord: async ({ Data }) => ({
      ShardId: Buffer.from(Data as Uint8Array).toString(),
      SequenceNumber: "1",
    }),
  }),
  fakeService("sts", {
    GetCallerIdentity: async (_input, { account, identity }) => ({
      Account: account,
      Arn: identity.principalArn,
      UserId: identity.accessKey,
    }),
  }),
];

async function endpoint(t: TestContext, secure: boolean): Promise<string> {
  const { gateway } = createTestGateway({ services, secure });
  const { url } = await gateway.listen({ host: "127.0.0.1", port: 0, admin: true });
  t.after(() => gateway.close(0));
  return url;
}

const anyKeys = { accessKeyId: "test", secretAccessKey: "test" };

for (const secure of [false, true]) {
  const mode = secure ? "with signatures verified" : "without";
  const credentials = secure ? testKeys : anyKeys;
  const options = (url: string) => ({ endpoint: url, region: "eu-west-1", credentials, maxAttempts: 1 });

  test(`Lambda over REST, ${mode}`, async (t) => {
    const url = await endpoint(t, secure);
    const lambda = new LambdaClient(options(url));
    const arn = "arn:aws:lambda:eu-west-1:000000000000:function:thumb:live";
    const invoked = await lambda.send(
      new InvokeCommand({ FunctionName: arn, Qualifier: "live", Payload: Buffer.from('{"é":"%+ &"}') }),
    );
    assert.equal(invoked.Payload?.transformToString(), '{"é":"%+ &"}');
    assert.equal(invoked.ExecutedVersion, arn);
    const listed = await lambda.send(new ListFunctionsCommand({ Marker: "a/b+c d=é" }));
    assert.equal(listed.Functions?.[0]?.FunctionName, `000000000000 eu-west-1 header ${url}`);
    assert.match(listed.$metadata.requestId ?? "", /^[0-9a-f-]{36}$/);
    await assert.rejects(lambda.send(new GetFunctionCommand({ FunctionName: "f" })), {
      name: "ServiceException",
      Type: "Service",
    });
    await assert.rejects(lambda.send(new InvokeCommand({ FunctionName: "f".repeat(300) })), {
      name: "ValidationException",
    });
    await assert.rejects(
      lambda.send(new PublishLayerVersionCommand({ LayerName: "l", Content: { ZipFile: Buffer.from("z") } })),
      { name: "UnsupportedOperationException" },
    );
  });

  test(`SQS over JSON and over query, ${mode}`, async (t) => {
    const url = await endpoint(t, secure);
    const query = {
      defaultNamespace: "com.amazonaws.sqs",
      xmlNamespace: "http://queue.amazonaws.com/doc/2012-11-05/",
      version: "2012-11-05",
    };
    for (const protocol of [undefined, new AwsQueryProtocol(query)]) {
      const sqs = new SQSClient({ ...options(url), ...(protocol ? { protocol } : {}) });
      const QueueUrl = `${url}/000000000000/q`;
      const sent = await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "a & b=é" }));
      assert.equal(sent.MessageId, "m");
      assert.deepEqual((await sqs.send(new ListQueuesCommand({}))).QueueUrls, [QueueUrl]);
    }
  });

  test(`S3 with path-style buckets, streams and checksums, ${mode}`, async (t) => {
    const url = await endpoint(t, secure);
    const s3 = new S3Client({ ...options(url), forcePathStyle: true });
    const Key = "dir/ a+b&c=é(1)!'*~.txt";
    const put = await s3.send(new PutObjectCommand({ Bucket: "bucket", Key, Body: "hello" }));
    assert.equal(put.ETag, `"bucket/${encodeURIComponent(Key)}/5"`);
    const pieces = [Buffer.alloc(100_000, "a"), Buffer.alloc(5, "b")];
    for (const ChecksumAlgorithm of ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] as const) {
      const streamed = await s3.send(
        new PutObjectCommand({
          Bucket: "bucket",
          Key: "k",
          Body: Readable.from(pieces),
          ContentLength: 100_005,
          ChecksumAlgorithm,
        }),
      );
      assert.equal(streamed.ETag, '"bucket/k/100005"', ChecksumAlgorithm);
    }
    const got = await s3.send(new GetObjectCommand({ Bucket: "bucket", Key }));
    assert.equal(await got.Body?.transformToString(), "hello world");
    const listed = await s3.send(new ListObjectsV2Command({ Bucket: "bucket", Prefix: "a b/" }));
    assert.equal(listed.Name, "bucket");
  });

  test(`CloudWatch over CBOR, JSON and gzip, ${mode}`, async (t) => {
    const cloudwatch = new CloudWatchClient(options(await endpoint(t, secure)));
    assert.equal((await cloudwatch.send(new ListMetricsCommand({}))).Metrics?.[0]?.MetricName, "m");
    metricNames.length = 0;
    const MetricData = Array.from({ length: 300 }, (_, at) => ({ MetricName: `a-metric-${at}`, Value: at }));
    await cloudwatch.send(new PutMetricDataCommand({ Namespace: "n", MetricData }));
    assert.deepEqual(
      metricNames,
      MetricData.map(({ MetricName }) => MetricName),
    );
  });

  test(`Kinesis over HTTP/2, ${mode}`, async (t) => {
    const kinesis = new KinesisClient(options(await endpoint(t, secure)));
    t.after(() => kinesis.destroy());
    const record = { StreamName: "s", PartitionKey: "p", Data: Buffer.from("abc") };
    assert.equal((await kinesis.send(new PutRecordCommand(record))).ShardId, "abc");
  });

  test(`STS over query, ${mode}`, async (t) => {
    const sts = new STSClient(options(await endpoint(t, secure)));
    const { Account, Arn, UserId } = await sts.send(new GetCallerIdentityCommand({}));
    assert.deepEqual(
      [Account, Arn, UserId],
      ["000000000000", "arn:aws:iam::000000000000:root", credentials.accessKeyId],
    );
  });
}

test("with signatures verified, strangers and forgers are refused in each protocol", async (t) => {
  const url = await endpoint(t, true);
  const unknown = { endpoint: url, region: "eu-west-1", maxAttempts: 1, credentials: anyKeys };
  const forged = { ...unknown, credentials: { ...testKeys, secretAccessKey: "guess" } };
  const kinesis = new KinesisClient(forged);
  t.after(() => kinesis.destroy());
  const record = { StreamName: "s", PartitionKey: "p", Data: Buffer.from("abc") };
  const object = { Bucket: "b", Key: "k" };
  await assert.rejects(new LambdaClient(unknown).send(new ListFunctionsCommand({})), {
    name: "UnrecognizedClientException",
  });
  await assert.rejects(new LambdaClient(forged).send(new ListFunctionsCommand({})), {
    name: "InvalidSignatureException",
  });
  await assert.rejects(new STSClient(unknown).send(new GetCallerIdentityCommand({})), {
    name: "InvalidClientTokenId",
  });
  await assert.rejects(new STSClient(forged).send(new GetCallerIdentityCommand({})), {
    name: "SignatureDoesNotMatch",
  });
  await assert.rejects(kinesis.send(new PutRecordCommand(record)), { name: "InvalidSignatureException" });
  const s3 = (options: typeof forged) => new S3Client({ ...options, forcePathStyle: true });
  await assert.rejects(s3(unknown).send(new GetObjectCommand(object)), { name: "InvalidAccessKeyId" });
  await assert.rejects(s3(forged).send(new GetObjectCommand(object)), { name: "SignatureDoesNotMatch" });
  const anonymous = await fetch(`${url}/2015-03-31/functions`);
  assert.equal(anonymous.status, 403);
  assert.equal(anonymous.headers.get("x-amzn-errortype"), "MissingAuthenticationTokenException");
});
