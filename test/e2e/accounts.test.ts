/**
 * One account's requests about what belongs to another, by ARN, URL or name: refused as long as no policy lets them, in
 * every service. Without --secure an access key of 12 digits is the account that it acts for.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CreateEventBusCommand,
  DescribeEventBusCommand,
  EventBridgeClient,
  ListRulesCommand,
  ListTagsForResourceCommand as ListBusTagsCommand,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
  TagResourceCommand as TagBusCommand,
} from "@aws-sdk/client-eventbridge";
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  GetBucketPolicyCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import {
  CreateScheduleCommand,
  CreateScheduleGroupCommand,
  ListTagsForResourceCommand as ListGroupTagsCommand,
  SchedulerClient,
} from "@aws-sdk/client-scheduler";
import {
  CreateTopicCommand,
  ListTagsForResourceCommand as ListTopicTagsCommand,
  PublishCommand,
  SNSClient,
  SubscribeCommand,
  TagResourceCommand as TagTopicCommand,
} from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
  TagQueueCommand,
} from "@aws-sdk/client-sqs";
import { type RunningServer, startServer } from "../harness/server.ts";
import { until } from "../harness/wait.ts";

const region = "us-east-1";
const owner = "222222222222";
const thief = "111111111111";
const role = `arn:aws:iam::${thief}:role/r`;
let server: RunningServer;

before(async () => (server = await startServer({ args: ["--warm-pool", "0"] })));
after(async () => assert.equal(await server.stop(), 0));

function as(account: string) {
  const credentials = { accessKeyId: account, secretAccessKey: "any" };
  const settings = { endpoint: server.url, region, maxAttempts: 1, credentials };
  return {
    events: new EventBridgeClient(settings),
    s3: new S3Client({ ...settings, forcePathStyle: true }),
    scheduler: new SchedulerClient(settings),
    sns: new SNSClient(settings),
    sqs: new SQSClient(settings),
  };
}

async function refused(requests: Readonly<Record<string, () => Promise<unknown>>>, names: RegExp) {
  for (const [what, request] of Object.entries(requests)) {
    const error = await request().then(
      () => assert.fail(`${what}: let in`),
      (caught: unknown) => caught as Error,
    );
    assert.match(error.name, names, what);
  }
}

test("buses and their rules: another account may put events where the policy lets it, and nothing else", async () => {
  const { events: theirs } = as(owner);
  const { events } = as(thief);
  const { EventBusArn: bus = "" } = await theirs.send(new CreateEventBusCommand({ Name: "orders" }));
  await theirs.send(
    new PutRuleCommand({ Name: "r", EventBusName: "orders", EventPattern: '{"source":["s"]}' }),
  );
  const rule = bus.replace("event-bus/", "rule/") + "/r";
  const pattern = { EventPattern: '{"source":[{"prefix":""}]}' };
  const toMe = { Id: "me", Arn: `arn:aws:sqs:${region}:${thief}:q` };
  await refused(
    {
      describe: () => events.send(new DescribeEventBusCommand({ Name: bus })),
      listen: () => events.send(new PutRuleCommand({ Name: "spy", EventBusName: bus, ...pattern })),
      redirect: () => events.send(new PutTargetsCommand({ Rule: "r", EventBusName: bus, Targets: [toMe] })),
      list: () => events.send(new ListRulesCommand({ EventBusName: bus })),
      "tag the bus": () =>
        events.send(new TagBusCommand({ ResourceARN: bus, Tags: [{ Key: "a", Value: "b" }] })),
      "tag the rule": () =>
        events.send(new TagBusCommand({ ResourceARN: rule, Tags: [{ Key: "a", Value: "b" }] })),
      "read tags": () => events.send(new ListBusTagsCommand({ ResourceARN: rule })),
    },
    /^AccessDenied/,
  );
  const Entries = [{ EventBusName: bus, Source: "s", DetailType: "d", Detail: "{}" }];
  const { Entries: answers = [] } = await events.send(new PutEventsCommand({ Entries }));
  assert.equal(answers[0]?.ErrorCode, "AccessDeniedException");
  await events.send(new PutRuleCommand({ Name: "own", ...pattern }));
  const logs = { Id: "logs", Arn: `arn:aws:logs:${region}:${owner}:log-group:theirs` };
  await refused(
    { "write their logs": () => events.send(new PutTargetsCommand({ Rule: "own", Targets: [logs] })) },
    /^Validation/,
  );
});

test("topics and queues: another account is let in by their policies only", async () => {
  const { TopicArn } = await as(owner).sns.send(new CreateTopicCommand({ Name: "news" }));
  const { QueueUrl } = await as(owner).sqs.send(new CreateQueueCommand({ QueueName: "jobs" }));
  const { sns, sqs } = as(thief);
  const tags = [{ Key: "a", Value: "b" }];
  const mine = { Protocol: "sqs", Endpoint: `arn:aws:sqs:${region}:${thief}:q` };
  await refused(
    {
      publish: () => sns.send(new PublishCommand({ TopicArn, Message: "m" })),
      subscribe: () => sns.send(new SubscribeCommand({ TopicArn, ...mine })),
      "tag the topic": () => sns.send(new TagTopicCommand({ ResourceArn: TopicArn, Tags: tags })),
      "read its tags": () => sns.send(new ListTopicTagsCommand({ ResourceArn: TopicArn })),
      send: () => sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "m" })),
      receive: () => sqs.send(new ReceiveMessageCommand({ QueueUrl })),
      "tag the queue": () => sqs.send(new TagQueueCommand({ QueueUrl, Tags: { a: "b" } })),
    },
    /^(AuthorizationError|AccessDenied)/,
  );
});

test("a schedule's role is its account's: it reaches no queue and no topic of another one, by whatever target", async () => {
  const { TopicArn } = await as(owner).sns.send(new CreateTopicCommand({ Name: "alarms" }));
  const { QueueUrl } = await as(owner).sqs.send(new CreateQueueCommand({ QueueName: "alarms" }));
  await as(owner).scheduler.send(new CreateScheduleGroupCommand({ Name: "nightly" }));
  const { scheduler } = as(thief);
  const queueArn = `arn:aws:sqs:${region}:${owner}:alarms`;
  const targets = {
    queue: { Arn: queueArn, Input: "stolen" },
    topic: { Arn: TopicArn, Input: "stolen" },
    api: {
      Arn: "arn:aws:scheduler:::aws-sdk:sqs:sendMessage",
      Input: JSON.stringify({ QueueUrl, MessageBody: "stolen" }),
    },
    own: { Arn: `arn:aws:sqs:${region}:${thief}:alarms`, Input: "mine" },
  };
  const own = await as(thief).sqs.send(new CreateQueueCommand({ QueueName: "alarms" }));
  for (const [Name, target] of Object.entries(targets)) {
    // Far enough ahead for a slow machine: a time that has passed when the schedule is made never comes.
    const soon = new Date(Date.now() + 4000).toISOString().slice(0, 19);
    await scheduler.send(
      new CreateScheduleCommand({
        Name,
        ScheduleExpression: `at(${soon})`,
        FlexibleTimeWindow: { Mode: "OFF" },
        Target: { ...target, RoleArn: role, RetryPolicy: { MaximumRetryAttempts: 0 } },
      }),
    );
  }
  const visible = { AttributeNames: ["ApproximateNumberOfMessages"] as const };
  const count = async (sqs: SQSClient, url: string | undefined) => {
    const ask = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: [...visible.AttributeNames] });
    return (await sqs.send(ask)).Attributes?.["ApproximateNumberOfMessages"];
  };
  await until(
    "the own queue has its message",
    async () => (await count(as(thief).sqs, own.QueueUrl)) === "1",
  );
  await until("the others were given up", () => server.log().match(/target was not reached/g)?.length === 3);
  assert.equal(await count(as(owner).sqs, QueueUrl), "0");
  const ResourceArn = `arn:aws:scheduler:${region}:${owner}:schedule-group/nightly`;
  await refused(
    { "tags of a group": () => scheduler.send(new ListGroupTagsCommand({ ResourceArn })) },
    /^ResourceNotFound/,
  );
});

test("buckets: another account reads, writes and copies nothing until the policy lets it", async () => {
  const Bucket = "owners-bucket";
  const { s3: theirs } = as(owner);
  const { s3 } = as(thief);
  await theirs.send(new CreateBucketCommand({ Bucket }));
  await theirs.send(new PutObjectCommand({ Bucket, Key: "secret", Body: "secret" }));
  await s3.send(new CreateBucketCommand({ Bucket: "thiefs-bucket" }));
  const policyFor = (account: string, Action: string, resource: string) =>
    JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: { AWS: account }, Action, Resource: resource }],
    });
  const object = `arn:aws:s3:::${Bucket}/*`;
  const get = () => s3.send(new GetObjectCommand({ Bucket, Key: "secret" }));
  const copy = () =>
    s3.send(new CopyObjectCommand({ Bucket: "thiefs-bucket", Key: "k", CopySource: `${Bucket}/secret` }));
  const others = {
    list: () => s3.send(new ListObjectsV2Command({ Bucket })),
    write: () => s3.send(new PutObjectCommand({ Bucket, Key: "k", Body: "x" })),
    delete: () => s3.send(new DeleteObjectCommand({ Bucket, Key: "secret" })),
    policy: () => s3.send(new GetBucketPolicyCommand({ Bucket })),
    "set the policy": () =>
      s3.send(new PutBucketPolicyCommand({ Bucket, Policy: policyFor(thief, "s3:GetObject", object) })),
  };
  await refused({ get, copy, ...others }, /^AccessDenied/);
  const head = await s3.send(new HeadBucketCommand({ Bucket })).catch((error: unknown) => error);
  assert.ok(head instanceof S3ServiceException);
  assert.equal(head.$metadata.httpStatusCode, 403);
  await refused({ create: () => s3.send(new CreateBucketCommand({ Bucket })) }, /^BucketAlreadyExists$/);
  await theirs.send(new PutBucketPolicyCommand({ Bucket, Policy: policyFor(thief, "s3:GetObject", object) }));
  assert.equal(await (await get()).Body?.transformToString(), "secret");
  await copy();
  await refused(others, /^AccessDenied/);
  await theirs.send(
    new PutBucketPolicyCommand({ Bucket, Policy: policyFor("333333333333", "s3:GetObject", object) }),
  );
  await refused({ get, copy, ...others }, /^AccessDenied/);
});
