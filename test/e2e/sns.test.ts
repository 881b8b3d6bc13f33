/** SNS as its users have it: SDK, boto3, AWS CLI; a function, a queue, an endpoint and a mailbox behind a topic. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { after, before, test } from "node:test";
import { createPublicKey, verify } from "node:crypto";
import {
  AddPermissionCommand,
  CreateFunctionCommand,
  LambdaClient,
  waitUntilFunctionActiveV2,
} from "@aws-sdk/client-lambda";
import {
  AuthorizationErrorException,
  CreateTopicCommand,
  InvalidParameterException,
  NotFoundException,
  PublishBatchCommand,
  PublishCommand,
  PutDataProtectionPolicyCommand,
  SNSClient,
  SubscribeCommand,
} from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { allOnPath, mustRun, run, works } from "../harness/command.ts";
import { type RunningServer, startServer } from "../harness/server.ts";
import { until } from "../harness/wait.ts";
import { zipOf } from "../harness/zip.ts";

const launcher = resolve(import.meta.dirname, "../../bin/lambdad.js");
const role = "arn:aws:iam::000000000000:role/any";
let server: RunningServer;
let sns: SNSClient;
let sqs: SQSClient;

const settings = () => ({
  endpoint: server.url,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
});

before(async () => {
  server = await startServer();
  sns = new SNSClient(settings());
  sqs = new SQSClient(settings());
});

after(async () => {
  assert.equal(await server.stop(), 0);
});

async function topic(Name: string, Attributes: Record<string, string> = {}): Promise<string> {
  return (await sns.send(new CreateTopicCommand({ Name, Attributes }))).TopicArn ?? "";
}

async function queue(name: string, more: Record<string, string> = {}): Promise<{ url: string; arn: string }> {
  const arn = `arn:aws:sqs:us-east-1:000000000000:${name}`;
  const statement = {
    Effect: "Allow",
    Principal: { Service: "sns.amazonaws.com" },
    Action: "sqs:SendMessage",
    Resource: arn,
    Condition: { ArnLike: { "aws:SourceArn": "arn:aws:sns:us-east-1:000000000000:*" } },
  };
  const Attributes = { Policy: JSON.stringify({ Version: "2012-10-17", Statement: [statement] }), ...more };
  const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes }));
  return { url: QueueUrl, arn };
}

async function received(QueueUrl: string, count: number): Promise<Message[]> {
  const all: Message[] = [];
  await until(`${count} messages have come`, async () => {
    const order = {
      QueueUrl,
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: 2,
      MessageAttributeNames: ["All"],
      MessageSystemAttributeNames: ["All" as const],
    };
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand(order));
    all.push(...Messages);
    // What is in flight would block its group.
    for (const { ReceiptHandle } of Messages)
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    return all.length >= count;
  });
  return all;
}

const subscribe = (TopicArn: string, Protocol: string, Endpoint: string, Attributes = {}) =>
  sns.send(new SubscribeCommand({ TopicArn, Protocol, Endpoint, Attributes, ReturnSubscriptionArn: true }));

test("SDK v3: a message fans out to queues, as an envelope and raw, through filters; AWS's exceptions", async () => {
  const TopicArn = await topic("fan");
  const plain = await queue("plain");
  const raw = await queue("raw");
  await subscribe(TopicArn, "sqs", plain.arn);
  await subscribe(TopicArn, "sqs", raw.arn, {
    RawMessageDelivery: "true",
    FilterPolicy: JSON.stringify({ color: [{ prefix: "bl" }] }),
  });
  const MessageAttributes = {
    color: { DataType: "String", StringValue: "blue" },
    raw: { DataType: "Binary", BinaryValue: Buffer.from([0, 255]) },
    list: { DataType: "String.Array", StringValue: '["a"]' },
  };
  const { MessageId } = await sns.send(
    new PublishCommand({ TopicArn, Message: "grüße", Subject: "hello", MessageAttributes }),
  );
  const { Successful } = await sns.send(
    new PublishBatchCommand({
      TopicArn,
      PublishBatchRequestEntries: [
        { Id: "1", Message: "red", MessageAttributes: { color: { DataType: "String", StringValue: "red" } } },
      ],
    }),
  );
  assert.equal(Successful?.length, 1);
  const envelopes = (await received(plain.url, 2)).map(
    ({ Body = "" }) => JSON.parse(Body) as Record<string, unknown>,
  );
  const envelope = envelopes.find((one) => one["Message"] === "grüße");
  assert(envelope);
  assert.equal(envelope["MessageId"], MessageId);
  assert.equal(envelope["Subject"], "hello");
  assert.deepEqual(envelope["MessageAttributes"], {
    color: { Type: "String", Value: "blue" },
    raw: { Type: "Binary", Value: "AP8=" },
    list: { Type: "String.Array", Value: '["a"]' },
  });
  const [message, ...others] = await received(raw.url, 1);
  assert.deepEqual(others, []);
  assert.equal(message?.Body, "grüße");
  assert.equal(message.MessageAttributes?.["list"]?.DataType, "String.Array");
  assert.deepEqual([...(message.MessageAttributes["raw"]?.BinaryValue ?? [])], [0, 255]);

  const publish = (arn: string, text: string) =>
    sns.send(new PublishCommand({ TopicArn: arn, Message: text }));
  await assert.rejects(publish(`${TopicArn}x`, "x"), NotFoundException);
  await assert.rejects(publish(TopicArn, ""), (error) => {
    assert(error instanceof InvalidParameterException);
    assert.equal(error.message, "Invalid parameter: Empty message");
    return true;
  });
  const stranger = new SNSClient({
    ...settings(),
    credentials: { accessKeyId: "111122223333", secretAccessKey: "x" },
  });
  await assert.rejects(
    stranger.send(new PublishCommand({ TopicArn, Message: "x" })),
    AuthorizationErrorException,
  );
  await assert.rejects(
    sns.send(new PutDataProtectionPolicyCommand({ ResourceArn: TopicArn, DataProtectionPolicy: "{}" })),
    /not implemented in lambdad: messages are not searched/,
  );
});

test("FIFO: order, groups and deduplication reach a FIFO queue; what cannot be delivered, its dead-letter queue", async () => {
  const TopicArn = await topic("order.fifo", { FifoTopic: "true", ContentBasedDeduplication: "true" });
  const { url, arn } = await queue("order.fifo", { FifoQueue: "true" });
  const dead = await queue("dead.fifo", { FifoQueue: "true" });
  await subscribe(TopicArn, "sqs", arn, { RawMessageDelivery: "true" });
  await subscribe(TopicArn, "sqs", `${arn.slice(0, -5)}-missing.fifo`, {
    RawMessageDelivery: "true",
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead.arn }),
  });
  const sent = ["1", "2", "2", "3", "4"];
  for (const Message of sent) {
    await sns.send(new PublishCommand({ TopicArn, Message, MessageGroupId: "g" }));
  }
  for (const from of [url, dead.url]) {
    const messages = await received(from, 4);
    assert.deepEqual(
      messages.map(({ Body }) => Body),
      ["1", "2", "3", "4"],
      from,
    );
    assert.equal(messages[0]?.Attributes?.MessageGroupId, "g");
  }
});

test("a function behind a topic is run when its policy lets the topic, and not before", async () => {
  const lambda = new LambdaClient(settings());
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName: "hear",
      Runtime: "nodejs24.x",
      Role: role,
      Handler: "index.handler",
      Code: {
        ZipFile: await zipOf({
          "index.js":
            "exports.handler = async ({ Records }) => console.log('heard ' + JSON.stringify(Records));",
        }),
      },
    }),
  );
  await waitUntilFunctionActiveV2(
    { client: lambda, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
    { FunctionName: "hear" },
  );
  const TopicArn = await topic("calls");
  const dead = await queue("calls-dead");
  const functionArn = "arn:aws:lambda:us-east-1:000000000000:function:hear";
  const { SubscriptionArn } = await subscribe(TopicArn, "lambda", functionArn, {
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead.arn }),
  });
  await sns.send(new PublishCommand({ TopicArn, Message: "unheard" }));
  const [refused] = await received(dead.url, 1);
  assert.equal((JSON.parse(refused?.Body ?? "{}") as { Message?: string }).Message, "unheard");
  await lambda.send(
    new AddPermissionCommand({
      FunctionName: "hear",
      StatementId: "topic",
      Action: "lambda:InvokeFunction",
      Principal: "sns.amazonaws.com",
      SourceArn: TopicArn,
    }),
  );
  const { MessageId } = await sns.send(new PublishCommand({ TopicArn, Message: "hello" }));
  const logs = new CloudWatchLogsClient(settings());
  const line = await until("the function has heard", async () => {
    const group = { logGroupName: "/aws/lambda/hear", filterPattern: "heard" };
    const { events = [] } = await logs.send(new FilterLogEventsCommand(group)).catch(() => ({ events: [] }));
    return events[0]?.message;
  });
  const [record] = JSON.parse(line.slice(line.indexOf("[{"))) as {
    EventSubscriptionArn: string;
    Sns: Record<string, unknown>;
  }[];
  assert(record);
  assert.equal(record.EventSubscriptionArn, SubscriptionArn);
  assert.equal(record.Sns["MessageId"], MessageId);
  assert.equal(record.Sns["Message"], "hello");
  assert.doesNotMatch(line, /unheard/);
});

test("an endpoint confirms by visiting the link, and verifies what it gets with the certificate that it is told of", async () => {
  const posts: { headers: IncomingMessage["headers"]; body: string }[] = [];
  const endpoint = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      posts.push({ headers: request.headers, body });
      response.end();
    });
  });
  endpoint.listen(0, "127.0.0.1");
  await once(endpoint, "listening");
  const { port } = endpoint.address() as AddressInfo;
  const TopicArn = await topic("web", { SignatureVersion: "2" });
  const shown = await sns.send(
    new SubscribeCommand({ TopicArn, Protocol: "http", Endpoint: `http://me:secret@127.0.0.1:${port}/in` }),
  );
  assert.equal(shown.SubscriptionArn, "pending confirmation");
  const asked = await until("the endpoint is asked", () => posts[0]);
  assert.equal(asked.headers["x-amz-sns-message-type"], "SubscriptionConfirmation");
  assert.equal(asked.headers["user-agent"], "Amazon Simple Notification Service Agent");
  assert.equal(asked.headers.authorization, `Basic ${Buffer.from("me:secret").toString("base64")}`);
  const question = JSON.parse(asked.body) as Record<string, string>;
  await verified(question, [
    "Message",
    "MessageId",
    "SubscribeURL",
    "Timestamp",
    "Token",
    "TopicArn",
    "Type",
  ]);
  const visited = await fetch(question["SubscribeURL"] ?? "");
  assert.equal(visited.status, 200);
  assert.match(await visited.text(), /<ConfirmSubscriptionResult><SubscriptionArn>arn:aws:sns:/);
  await sns.send(new PublishCommand({ TopicArn, Message: "über alles", Subject: "s" }));
  const notice = await until("the endpoint is told", () => posts[1]);
  assert.equal(notice.headers["content-type"], "text/plain; charset=UTF-8");
  const message = JSON.parse(notice.body) as Record<string, string>;
  assert.equal(message["Message"], "über alles");
  await verified(message, ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]);
  const left = await fetch(message["UnsubscribeURL"] ?? "");
  assert.equal(left.status, 200, await left.text());
  const farewell = await until("it is told that it is over", () => posts[2]);
  assert.equal(farewell.headers["x-amz-sns-message-type"], "UnsubscribeConfirmation");
  endpoint.close();
});

async function verified(message: Record<string, string>, names: readonly string[]): Promise<void> {
  const certificate = await (await fetch(message["SigningCertURL"] ?? "")).text();
  const text = names.map((name) => `${name}\n${message[name] ?? ""}\n`).join("");
  const signature = Buffer.from(message["Signature"] ?? "", "base64");
  assert(verify("RSA-SHA256", Buffer.from(text), createPublicKey(certificate), signature));
}

test("e-mails are read with lambdad outbox", async () => {
  const TopicArn = await topic("mails");
  await subscribe(TopicArn, "email", "a@example.com");
  const outbox = async (...args: string[]) =>
    mustRun(process.execPath, [launcher, "outbox", "--endpoint", server.url, ...args], { env: server.env });
  const printed = await until("the mail is there", async () =>
    (await outbox("--json", "--to", "a@example.com")).trim(),
  );
  const { body, subject } = JSON.parse(printed) as { body: string; subject: string };
  assert.equal(subject, "AWS Notification - Subscription Confirmation");
  const [link = ""] = /http\S+/.exec(body) ?? [];
  assert.equal((await fetch(link)).status, 200);
  await sns.send(new PublishCommand({ TopicArn, Message: "the news", Subject: "News" }));
  await until("the news is there", async () => (await outbox()).includes("the news"));
  assert.match(
    await outbox("--to", "a@example.com"),
    /News .* email to a@example\.com from mails\n {2}the news/,
  );
});

const python = (endpoint: string) => `
import boto3, json
from botocore.exceptions import ClientError
sns = boto3.client("sns", endpoint_url=${JSON.stringify(endpoint)})
name = "boto-" + boto3.__version__.replace(".", "-")
arn = sns.create_topic(Name=name, Tags=[{"Key": "team", "Value": "a"}])["TopicArn"]
assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "a"}]
sub = sns.subscribe(TopicArn=arn, Protocol="sms", Endpoint="+491701234567", Attributes={"FilterPolicy": json.dumps({"a": [{"exists": True}]})})
listed = [s for page in sns.get_paginator("list_subscriptions").paginate() for s in page["Subscriptions"]]
assert sub["SubscriptionArn"] in [s["SubscriptionArn"] for s in listed], listed
batch = sns.publish_batch(TopicArn=arn, PublishBatchRequestEntries=[{"Id": "1", "Message": "m"}, {"Id": "2", "Message": "n", "Subject": " bad"}])
assert [e["Id"] for e in batch["Successful"]] == ["1"] and batch["Failed"][0]["Code"] == "InvalidParameter", batch
errors = []
for act in (lambda: sns.publish(TopicArn=arn + "x", Message="m"), lambda: sns.create_topic(Name="a b"),
            lambda: sns.publish(TopicArn=arn, Message="m", MessageAttributes={"n": {"DataType": "String"}}),
            lambda: sns.get_subscription_attributes(SubscriptionArn="x"),
            lambda: sns.publish_batch(TopicArn=arn, PublishBatchRequestEntries=[])):
    try:
        act()
    except ClientError as error:
        errors.append([error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Message"]])
sns.delete_topic(TopicArn=arn)
print(json.dumps({"version": boto3.__version__, "errors": errors}))
`;

for (const program of allOnPath("python3")) {
  test(`boto3 of ${program}: topics, tags, pages, batches, and AWS's codes`, async (t) => {
    if (!works(program, ["-c", "import boto3"])) return t.skip(`${program} has no boto3`);
    const printed = await mustRun(program, ["-c", python(server.url)], { env: server.env });
    const { version, errors } = JSON.parse(printed) as Record<string, unknown>;
    console.log(`boto3 ${String(version)}`);
    assert.deepEqual(errors, [
      ["NotFound", 404, "Topic does not exist"],
      ["InvalidParameter", 400, "Invalid parameter: Topic Name"],
      [
        "ParameterValueInvalid",
        400,
        "The message attribute 'n' must contain non-empty message attribute value for message attribute type 'String'.",
      ],
      [
        "InvalidParameter",
        400,
        "Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 elements, not 1",
      ],
      ["EmptyBatchRequest", 400, "The batch request doesn't contain any entries."],
    ]);
  });
}

for (const [at, cli] of allOnPath("aws").entries()) {
  test(`${cli}: a topic by hand`, async () => {
    const words = (...args: string[]) => ["sns", ...args, "--endpoint-url", server.url, "--output", "json"];
    const json = async (...args: string[]) =>
      JSON.parse((await mustRun(cli, words(...args), { env: server.env })) || "{}") as Record<
        string,
        unknown
      >;
    const { TopicArn } = await json("create-topic", "--name", `cli-${at}`);
    const arn = String(TopicArn);
    const { url, arn: queueArn } = await queue(`cli-${at}`);
    await json("subscribe", "--topic-arn", arn, "--protocol", "sqs", "--notification-endpoint", queueArn);
    await json("publish", "--topic-arn", arn, "--message", "by hand");
    const [message] = await received(url, 1);
    assert.match(message?.Body ?? "", /"Message" : "by hand"/);
    await json(
      "set-topic-attributes",
      "--topic-arn",
      arn,
      "--attribute-name",
      "DisplayName",
      "--attribute-value",
      "Hand",
    );
    const { Attributes } = await json("get-topic-attributes", "--topic-arn", arn);
    assert.equal((Attributes as Record<string, string>)["DisplayName"], "Hand");
    const refused = await run(cli, words("get-topic-attributes", "--topic-arn", `${arn}x`), {
      env: server.env,
    });
    assert.match(refused.stderr, /\(NotFound\).*Topic does not exist/);
    await json("delete-topic", "--topic-arn", arn);
  });
}
