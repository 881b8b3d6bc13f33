/** What buckets tell others: functions, queues; and the ways in that browsers have: forms, CORS, websites. */
import assert from "node:assert/strict";
import { request } from "node:http";
import { after, before, test } from "node:test";
import * as Lambda from "@aws-sdk/client-lambda";
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import * as S3 from "@aws-sdk/client-s3";
import * as SQS from "@aws-sdk/client-sqs";
import { createHmac } from "node:crypto";
import { type RunningServer, startServer } from "../harness/server.ts";
import { until } from "../harness/wait.ts";
import { zipOf } from "../harness/zip.ts";

const account = "000000000000";
const keys = { accessKeyId: "AKIDS3EVENTS", secretAccessKey: "events-secret" };
let server: RunningServer;
let s3: S3.S3Client;
let sqs: SQS.SQSClient;
let lambda: Lambda.LambdaClient;
let logs: CloudWatchLogsClient;

before(async () => {
  server = await startServer({
    args: ["--secure"],
    env: { LAMBDAD_ACCESS_KEY_ID: keys.accessKeyId, LAMBDAD_SECRET_ACCESS_KEY: keys.secretAccessKey },
  });
  const settings = { endpoint: server.url, region: "us-east-1", credentials: keys };
  s3 = new S3.S3Client({ ...settings, forcePathStyle: true });
  sqs = new SQS.SQSClient(settings);
  lambda = new Lambda.LambdaClient(settings);
  logs = new CloudWatchLogsClient(settings);
});

after(async () => {
  assert.equal(await server.stop(), 0, server.log());
});

async function bucketCalled(Bucket: string): Promise<string> {
  await s3.send(new S3.CreateBucketCommand({ Bucket }));
  return Bucket;
}

async function queue(name: string, bucket: string): Promise<{ url: string; arn: string }> {
  const arn = `arn:aws:sqs:us-east-1:${account}:${name}`;
  const statement = {
    Effect: "Allow",
    Principal: { Service: "s3.amazonaws.com" },
    Action: "sqs:SendMessage",
    Resource: arn,
    Condition: { ArnLike: { "aws:SourceArn": `arn:aws:s3:::${bucket}` } },
  };
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  const made = await sqs.send(new SQS.CreateQueueCommand({ QueueName: name, Attributes: { Policy } }));
  return { url: made.QueueUrl ?? "", arn };
}

async function nextBody(QueueUrl: string): Promise<Record<string, unknown>> {
  const { Messages = [] } = await sqs.send(
    new SQS.ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 10, MaxNumberOfMessages: 1 }),
  );
  const [message] = Messages;
  assert(message, "a message comes");
  await sqs.send(new SQS.DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle }));
  return JSON.parse(message.Body ?? "") as Record<string, unknown>;
}

interface EventRecord {
  readonly eventName: string;
  readonly eventVersion: string;
  readonly s3: {
    readonly configurationId: string;
    readonly bucket: { readonly arn: string };
    readonly object: Readonly<Record<string, unknown>>;
  };
}

async function nextRecord(url: string): Promise<EventRecord> {
  const { Records } = (await nextBody(url)) as { Records: EventRecord[] };
  assert.equal(Records.length, 1);
  return Records[0] as EventRecord;
}

test("a queue is told what its filter lets through, after S3's test message", async () => {
  const Bucket = await bucketCalled("tells-queue");
  const { url, arn } = await queue("told", Bucket);
  const QueueConfiguration = {
    Id: "mine",
    QueueArn: arn,
    Events: ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"] as S3.Event[],
    Filter: { Key: { FilterRules: [{ Name: "prefix" as const, Value: "in/" }] } },
  };
  await s3.send(
    new S3.PutBucketNotificationConfigurationCommand({
      Bucket,
      NotificationConfiguration: { QueueConfigurations: [QueueConfiguration] },
    }),
  );
  assert.equal((await nextBody(url))["Event"], "s3:TestEvent");
  await s3.send(new S3.PutObjectCommand({ Bucket, Key: "out/a", Body: "x" }));
  const { ETag = "" } = await s3.send(new S3.PutObjectCommand({ Bucket, Key: "in/a b@c", Body: "12345" }));
  const created = await nextRecord(url);
  assert.equal(created.eventName, "ObjectCreated:Put");
  assert.equal(created.s3.configurationId, "mine");
  assert.equal(created.s3.bucket.arn, `arn:aws:s3:::${Bucket}`);
  const { sequencer, ...object } = created.s3.object;
  assert.deepEqual(object, { key: "in/a+b%40c", size: 5, eTag: ETag.replaceAll('"', "") });
  await s3.send(new S3.DeleteObjectCommand({ Bucket, Key: "in/a b@c" }));
  const removed = await nextRecord(url);
  assert.equal(removed.eventName, "ObjectRemoved:Delete");
  assert(String(removed.s3.object["sequencer"]) > String(sequencer), "sequencers rise");
  const shown = await s3.send(new S3.GetBucketNotificationConfigurationCommand({ Bucket }));
  assert.equal(shown.QueueConfigurations?.[0]?.Filter?.Key?.FilterRules?.[0]?.Name, "Prefix");
});

test("destinations that are not there, or do not let S3 in, are all named", async () => {
  const Bucket = await bucketCalled("refused-destinations");
  const closed = `arn:aws:sqs:us-east-1:${account}:closed`;
  await sqs.send(new SQS.CreateQueueCommand({ QueueName: "closed" }));
  const missing = `arn:aws:sqs:us-east-1:${account}:missing`;
  const fn = `arn:aws:lambda:us-east-1:${account}:function:missing`;
  const put = s3.send(
    new S3.PutBucketNotificationConfigurationCommand({
      Bucket,
      NotificationConfiguration: {
        QueueConfigurations: [
          { QueueArn: closed, Events: ["s3:ObjectCreated:Put"] },
          { QueueArn: missing, Events: ["s3:ObjectCreated:Copy"] },
        ],
        LambdaFunctionConfigurations: [{ LambdaFunctionArn: fn, Events: ["s3:ObjectRemoved:*"] }],
      },
    }),
  );
  await assert.rejects(put, (error: unknown) => {
    assert(error instanceof S3.S3ServiceException);
    assert.equal(error.name, "InvalidArgument");
    assert.equal(error.message, "Unable to validate the following destination configurations");
    const told = error as unknown as Record<string, string>;
    const values = [1, 2, 3].map((n) => `${told[`ArgumentName${n}`]}: ${told[`ArgumentValue${n}`]}`).sort();
    assert.deepEqual(
      values,
      [
        `${fn}, null: Not authorized to invoke function [${fn}]`,
        `${closed}: Permissions on the destination queue do not allow S3 to publish notifications from this bucket`,
        `${missing}: The destination queue does not exist`,
      ].sort(),
    );
    return true;
  });
});

test("a function is run for an object", async () => {
  const Bucket = await bucketCalled("runs-function");
  const handler = `exports.handler = async (event) => { console.log("key=" + event.Records[0].s3.object.key); };`;
  const name = "told-by-bucket";
  await lambda.send(
    new Lambda.CreateFunctionCommand({
      FunctionName: name,
      Runtime: "nodejs24.x",
      Role: `arn:aws:iam::${account}:role/any`,
      Handler: "index.handler",
      Code: { ZipFile: await zipOf({ "index.js": handler }) },
    }),
  );
  await Lambda.waitUntilFunctionActiveV2(
    { client: lambda, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
    { FunctionName: name },
  );
  await lambda.send(
    new Lambda.AddPermissionCommand({
      FunctionName: name,
      StatementId: "s3",
      Action: "lambda:InvokeFunction",
      Principal: "s3.amazonaws.com",
      SourceArn: `arn:aws:s3:::${Bucket}`,
      SourceAccount: account,
    }),
  );
  const LambdaFunctionArn = `arn:aws:lambda:us-east-1:${account}:function:${name}`;
  await s3.send(
    new S3.PutBucketNotificationConfigurationCommand({
      Bucket,
      NotificationConfiguration: {
        LambdaFunctionConfigurations: [{ LambdaFunctionArn, Events: ["s3:ObjectCreated:*"] }],
      },
    }),
  );
  await s3.send(new S3.PutObjectCommand({ Bucket, Key: "image.png", Body: "png" }));
  await until("the function has run", async () => {
    const { events = [] } = await logs
      .send(new FilterLogEventsCommand({ logGroupName: `/aws/lambda/${name}`, filterPattern: '"key="' }))
      .catch(() => ({ events: [] }));
    return events.some(({ message }) => message?.includes("key=image.png"));
  });
});

test("a browser's form goes in, if it keeps its policy", async () => {
  const Bucket = await bucketCalled("takes-forms");
  const fill = (key: string, body: string, change: (fields: Map<string, string>) => void = () => {}) => {
    const date = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "");
    const credential = `${keys.accessKeyId}/${date.slice(0, 8)}/us-east-1/s3/aws4_request`;
    const conditions = [
      { bucket: Bucket },
      ["starts-with", "$key", "up/"],
      ["content-length-range", 1, 10],
      { "x-amz-algorithm": "AWS4-HMAC-SHA256" },
      { "x-amz-credential": credential },
      { "x-amz-date": date },
      ["starts-with", "$Content-Type", ""],
      { success_action_status: "201" },
    ];
    const expiration = new Date(Date.now() + 60_000).toISOString();
    const policy = Buffer.from(JSON.stringify({ expiration, conditions })).toString("base64");
    const scope = [date.slice(0, 8), "us-east-1", "s3", "aws4_request"];
    const key4 = scope.reduce<Buffer | string>(
      (secret, part) => createHmac("sha256", secret).update(part).digest(),
      `AWS4${keys.secretAccessKey}`,
    );
    const fields = new Map([
      ["key", key],
      ["Content-Type", "text/plain"],
      ["success_action_status", "201"],
      ["x-amz-algorithm", "AWS4-HMAC-SHA256"],
      ["x-amz-credential", credential],
      ["x-amz-date", date],
      ["policy", policy],
      ["x-amz-signature", createHmac("sha256", key4).update(policy).digest("hex")],
    ]);
    change(fields);
    const form = new FormData();
    for (const [name, value] of fields) form.set(name, value);
    form.set("file", new Blob([body]), "photo.txt");
    return fetch(`${server.url}/${Bucket}`, { method: "POST", body: form });
  };

  const good = await fill("up/${filename}", "hello");
  assert.equal(good.status, 201, await good.clone().text());
  assert.match(await good.text(), /<Key>up\/photo\.txt<\/Key>/);
  const got = await s3.send(new S3.GetObjectCommand({ Bucket, Key: "up/photo.txt" }));
  assert.equal(await got.Body?.transformToString(), "hello");
  assert.equal(got.ContentType, "text/plain");
  const refused: readonly (readonly [Promise<Response>, number, RegExp])[] = [
    [
      fill("elsewhere", "hello"),
      403,
      /Policy Condition failed: \[&quot;starts-with&quot;, &quot;\$key&quot;, &quot;up\/&quot;\]/,
    ],
    [fill("up/large", "x".repeat(11)), 400, /EntityTooLarge/],
    [fill("up/x", "x", (fields) => fields.set("acl", "private")), 403, /Extra input fields: acl/],
    [
      fill("up/x", "x", (fields) => fields.set("x-amz-signature", "0".repeat(64))),
      403,
      /SignatureDoesNotMatch/,
    ],
    [
      fill("up/x", "x", (fields) => fields.delete("x-amz-date")),
      400,
      /must contain a field named 'X-Amz-Date'/,
    ],
    [
      fill("up/x", "x", (fields) => {
        for (const name of ["policy", "x-amz-signature", "x-amz-credential", "x-amz-algorithm"])
          fields.delete(name);
      }),
      403,
      /AccessDenied/,
    ],
  ];
  for (const [asked, status, text] of refused) {
    const response = await asked;
    assert.equal(response.status, status);
    assert.match(await response.text(), text);
  }
});

test("a bucket's CORS decides about pages, and nothing else does", async () => {
  const Bucket = await bucketCalled("has-cors");
  const ask = (method: string, headers: Record<string, string>) =>
    fetch(`${server.url}/${Bucket}/k`, { method, headers });
  const preflight = (origin: string, wanted = "PUT") =>
    ask("OPTIONS", {
      origin,
      "access-control-request-method": wanted,
      "access-control-request-headers": "x-amz-acl",
    });
  const none = await preflight("https://app.example");
  assert.equal(none.status, 403);
  assert.match(await none.text(), /CORSResponse: CORS is not enabled for this bucket\./);
  const rule = {
    AllowedOrigins: ["https://*.example"],
    AllowedMethods: ["PUT", "GET"],
    AllowedHeaders: ["x-amz-*"],
    ExposeHeaders: ["ETag"],
    MaxAgeSeconds: 30,
  };
  await s3.send(new S3.PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules: [rule] } }));
  const allowed = await preflight("https://app.example");
  assert.equal(allowed.status, 200);
  assert.equal(allowed.headers.get("access-control-allow-origin"), "https://app.example");
  assert.equal(allowed.headers.get("access-control-allow-methods"), "PUT, GET");
  assert.equal(allowed.headers.get("access-control-max-age"), "30");
  assert.equal((await preflight("https://evil.test")).status, 403);
  assert.equal((await preflight("https://app.example", "DELETE")).status, 403);
  const real = await ask("GET", { origin: "https://app.example" });
  assert.equal(real.headers.get("access-control-allow-origin"), "https://app.example");
  assert.equal(
    (await ask("GET", { origin: "https://evil.test" })).headers.get("access-control-allow-origin"),
    null,
  );
});

function getSite(host: string, path: string, range?: string) {
  const headers = { host, ...(range !== undefined && { range }) };
  return new Promise<{ status: number; text: string; location: string | undefined }>((resolve, reject) => {
    const asked = request({ port: server.port, path, headers }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, text, location: response.headers.location }),
      );
    });
    asked.on("error", reject).end();
  });
}

test("a bucket is a website", async () => {
  const Bucket = await bucketCalled("site");
  const put = (Key: string, Body: string, more: object = {}) =>
    s3.send(new S3.PutObjectCommand({ Bucket, Key, Body, ContentType: "text/html", ...more }));
  await put("index.html", "home");
  await put("docs/index.html", "docs");
  await put("oops.html", "oops");
  await put("old", "", { WebsiteRedirectLocation: "/new" });
  const host = `${Bucket}.s3-website.us-east-1.localhost`;
  assert.match((await getSite(host, "/")).text, /NoSuchWebsiteConfiguration/);
  await s3.send(
    new S3.PutBucketWebsiteCommand({
      Bucket,
      WebsiteConfiguration: {
        IndexDocument: { Suffix: "index.html" },
        ErrorDocument: { Key: "oops.html" },
        RoutingRules: [{ Condition: { KeyPrefixEquals: "a/" }, Redirect: { ReplaceKeyPrefixWith: "b/" } }],
      },
    }),
  );
  assert.equal((await getSite(host, "/")).status, 403);
  const statement = {
    Effect: "Allow",
    Principal: "*",
    Action: "s3:GetObject",
    Resource: `arn:aws:s3:::${Bucket}/*`,
  };
  const list = { ...statement, Action: "s3:ListBucket", Resource: `arn:aws:s3:::${Bucket}` };
  await s3.send(new S3.DeletePublicAccessBlockCommand({ Bucket }));
  const policy = (...Statement: object[]) => {
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement });
    return s3.send(new S3.PutBucketPolicyCommand({ Bucket, Policy }));
  };
  await policy(statement);
  assert.equal(
    (await getSite(host, "/nothing")).status,
    403,
    "who may not list does not learn what is not there",
  );
  assert.deepEqual(await getSite(host, "/docs"), { status: 302, text: "", location: "/docs/" });
  await policy(statement, list);
  assert.deepEqual(await getSite(host, "/"), { status: 200, text: "home", location: undefined });
  assert.equal((await getSite(host, "/docs/")).text, "docs");
  assert.deepEqual(await getSite(host, "/docs"), { status: 302, text: "", location: "/docs/" });
  assert.deepEqual(await getSite(host, "/", "bytes=1-2"), { status: 206, text: "om", location: undefined });
  assert.equal((await getSite(host, "/", "bytes=9-")).status, 416);
  assert.deepEqual(await getSite(host, "/nothing"), { status: 404, text: "oops", location: undefined });
  assert.deepEqual(await getSite(host, "/old"), { status: 301, text: "", location: "/new" });
  assert.equal((await getSite(host, "/a/x")).location, `http://${host}/b/x`);
});
