/** What happens in a bucket goes to a topic and to the default bus, and from there to queues. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as EventBridge from "@aws-sdk/client-eventbridge";
import * as S3 from "@aws-sdk/client-s3";
import * as SNS from "@aws-sdk/client-sns";
import * as SQS from "@aws-sdk/client-sqs";
import { type RunningServer, startServer } from "../harness/server.ts";

let server: RunningServer;
let s3: S3.S3Client;
let sns: SNS.SNSClient;
let sqs: SQS.SQSClient;
let events: EventBridge.EventBridgeClient;

before(async () => {
  server = await startServer();
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const settings = { endpoint: server.url, region: "us-east-1", credentials };
  s3 = new S3.S3Client({ ...settings, forcePathStyle: true });
  sns = new SNS.SNSClient(settings);
  sqs = new SQS.SQSClient(settings);
  events = new EventBridge.EventBridgeClient(settings);
});

after(async () => {
  assert.equal(await server.stop(), 0);
});

const queueArn = (name: string) => `arn:aws:sqs:us-east-1:000000000000:${name}`;

/** A queue into which `service` may send for `sourceArn`. */
async function queue(name: string, service: string, sourceArn: string): Promise<string | undefined> {
  const statement = {
    Effect: "Allow",
    Principal: { Service: service },
    Action: "sqs:SendMessage",
    Resource: queueArn(name),
    Condition: { ArnEquals: { "aws:SourceArn": sourceArn } },
  };
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  const made = await sqs.send(new SQS.CreateQueueCommand({ QueueName: name, Attributes: { Policy } }));
  return made.QueueUrl;
}

async function received(QueueUrl: string | undefined): Promise<unknown> {
  const { Messages = [] } = await sqs.send(new SQS.ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }));
  return JSON.parse(Messages[0]?.Body ?? "null") as unknown;
}

test("a bucket's notification reaches a topic that lets S3 publish, and those who listen to it", async () => {
  const { TopicArn = "" } = await sns.send(new SNS.CreateTopicCommand({ Name: "pictures" }));
  const QueueUrl = await queue("pictures-heard", "sns.amazonaws.com", TopicArn);
  await sns.send(
    new SNS.SubscribeCommand({
      TopicArn,
      Protocol: "sqs",
      Endpoint: queueArn("pictures-heard"),
      Attributes: { RawMessageDelivery: "true" },
    }),
  );
  await s3.send(new S3.CreateBucketCommand({ Bucket: "pictures" }));
  const configure = new S3.PutBucketNotificationConfigurationCommand({
    Bucket: "pictures",
    NotificationConfiguration: { TopicConfigurations: [{ TopicArn, Events: ["s3:ObjectCreated:*"] }] },
  });
  await assert.rejects(s3.send(configure), { name: "InvalidArgument" }, "the topic's policy lets S3 not in");
  const statement = {
    Effect: "Allow",
    Principal: { Service: "s3.amazonaws.com" },
    Action: "SNS:Publish",
    Resource: TopicArn,
    Condition: { ArnLike: { "aws:SourceArn": "arn:aws:s3:::pictures" } },
  };
  await sns.send(
    new SNS.SetTopicAttributesCommand({
      TopicArn,
      AttributeName: "Policy",
      AttributeValue: JSON.stringify({ Version: "2012-10-17", Statement: [statement] }),
    }),
  );
  await s3.send(configure);
  assert.equal(((await received(QueueUrl)) as { Event: string }).Event, "s3:TestEvent");
  await s3.send(new S3.PutObjectCommand({ Bucket: "pictures", Key: "a cat.jpg", Body: "meow" }));
  const { Records } = (await received(QueueUrl)) as {
    Records: { eventName: string; s3: { bucket: { name: string }; object: { key: string; size: number } } }[];
  };
  const [record] = Records;
  assert.deepEqual(
    [record?.eventName, record?.s3.bucket.name, record?.s3.object.key, record?.s3.object.size],
    ["ObjectCreated:Put", "pictures", "a+cat.jpg", 4],
  );
});

test("a bucket with EventBridge switched on tells the default bus, and a rule passes it on", async () => {
  const put = {
    Name: "uploads",
    EventPattern: '{"source":["aws.s3"],"detail":{"object":{"size":[{"numeric":[">",3]}]}}}',
  };
  const { RuleArn = "" } = await events.send(new EventBridge.PutRuleCommand(put));
  const QueueUrl = await queue("uploads-seen", "events.amazonaws.com", RuleArn);
  await events.send(
    new EventBridge.PutTargetsCommand({
      Rule: "uploads",
      Targets: [{ Id: "q", Arn: queueArn("uploads-seen") }],
    }),
  );
  await s3.send(new S3.CreateBucketCommand({ Bucket: "uploads" }));
  await s3.send(
    new S3.PutBucketNotificationConfigurationCommand({
      Bucket: "uploads",
      NotificationConfiguration: { EventBridgeConfiguration: {} },
    }),
  );
  for (const [Key, Body] of [
    ["small", "abc"],
    ["large", "abcd"],
  ] as const) {
    await s3.send(new S3.PutObjectCommand({ Bucket: "uploads", Key, Body }));
  }
  const event = (await received(QueueUrl)) as {
    source: string;
    "detail-type": string;
    resources: string[];
    detail: { bucket: { name: string }; object: { key: string; size: number }; reason: string };
  };
  assert.deepEqual(
    [event.source, event["detail-type"], event.resources, event.detail.bucket.name, event.detail.object.key],
    ["aws.s3", "Object Created", ["arn:aws:s3:::uploads"], "uploads", "large"],
  );
  assert.deepEqual([event.detail.object.size, event.detail.reason], [4, "PutObject"]);
});
