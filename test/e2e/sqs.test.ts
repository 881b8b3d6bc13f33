/** SQS as its users have it: SDK, boto3 of both protocols, AWS CLI; across `kill -9`; and a worker function behind a queue. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  CreateEventSourceMappingCommand,
  CreateFunctionCommand,
  DeleteEventSourceMappingCommand,
  GetEventSourceMappingCommand,
  InvokeCommand,
  LambdaClient,
  PutFunctionEventInvokeConfigCommand,
  waitUntilFunctionActiveV2,
} from "@aws-sdk/client-lambda";
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ListQueuesCommand,
  type Message,
  QueueDoesNotExist,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { allOnPath, mustRun, run, works } from "../harness/command.ts";
import { type RunningServer, startServer } from "../harness/server.ts";
import { until } from "../harness/wait.ts";
import { zipOf } from "../harness/zip.ts";

const role = "arn:aws:iam::000000000000:role/any";
const arnOf = (name: string) => `arn:aws:sqs:us-east-1:000000000000:${name}`;
let server: RunningServer;
let sqs: SQSClient;
let lambda: LambdaClient;

function settingsOf({ url }: RunningServer) {
  return {
    endpoint: url,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  };
}

before(async () => {
  server = await startServer();
  sqs = new SQSClient(settingsOf(server));
  lambda = new LambdaClient(settingsOf(server));
});

after(async () => {
  assert.equal(await server.stop(), 0);
});

async function queue(name: string, Attributes: Record<string, string> = {}): Promise<string> {
  const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes }));
  return QueueUrl;
}

async function received(QueueUrl: string, more: object = {}): Promise<Message[]> {
  const order = { QueueUrl, MaxNumberOfMessages: 10, MessageSystemAttributeNames: ["All" as const], ...more };
  return (await sqs.send(new ReceiveMessageCommand(order))).Messages ?? [];
}

async function countsOf(QueueUrl: string): Promise<number[]> {
  const { Attributes: shown = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }),
  );
  return [
    Number(shown["ApproximateNumberOfMessages"]),
    Number(shown["ApproximateNumberOfMessagesNotVisible"]),
  ];
}

test("SDK v3 (JSON): what is sent is received with its attributes, and its MD5s please the client", async () => {
  const url = await queue("sdk");
  assert.equal(url, `${server.url}/000000000000/sdk`);
  const attributes = {
    color: { DataType: "String", StringValue: "blue" },
    raw: { DataType: "Binary", BinaryValue: Buffer.from([0, 255]) },
  };
  const sent = await sqs.send(
    new SendMessageCommand({ QueueUrl: url, MessageBody: "grüße", MessageAttributes: attributes }),
  );
  const [message] = await received(url, { MessageAttributeNames: ["All"], WaitTimeSeconds: 5 });
  assert(message);
  assert.equal(message.MessageId, sent.MessageId);
  assert.equal(message.Body, "grüße");
  assert.equal(message.MD5OfMessageAttributes, sent.MD5OfMessageAttributes);
  assert.deepEqual([...(message.MessageAttributes?.["raw"]?.BinaryValue ?? [])], [0, 255]);
  await sqs.send(
    new ChangeMessageVisibilityCommand({
      QueueUrl: url,
      ReceiptHandle: message.ReceiptHandle,
      VisibilityTimeout: 0,
    }),
  );
  const [again] = await received(url);
  assert.equal(again?.Attributes?.ApproximateReceiveCount, "2");
  await sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: again?.ReceiptHandle }));
  assert.deepEqual(await countsOf(url), [0, 0]);
  const missing = sqs.send(new SendMessageCommand({ QueueUrl: `${url}x`, MessageBody: "x" }));
  await assert.rejects(missing, (error) => {
    assert(error instanceof QueueDoesNotExist);
    assert.equal(error.message, "The specified queue does not exist.");
    return true;
  });
});

test("SDK v3: a long poll is answered as soon as a message comes", async () => {
  const url = await queue("long-poll");
  const waiting = received(url, { WaitTimeSeconds: 20 });
  await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: "now" }));
  const startedMs = performance.now();
  assert.deepEqual(
    (await waiting).map(({ Body }) => Body),
    ["now"],
  );
  assert(performance.now() - startedMs < 10_000, "long before the wait is over");
});

const python = (endpoint: string) => `
import boto3, json, sys
from botocore.exceptions import ClientError
sqs = boto3.client("sqs", endpoint_url=${JSON.stringify(endpoint)})
name = "boto-" + boto3.__version__.replace(".", "-") + ".fifo"
url = sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"}, tags={"team": "a"})["QueueUrl"]
entries = [{"Id": str(i), "MessageBody": "m%d" % i, "MessageGroupId": "g", "MessageDeduplicationId": str(i)} for i in range(3)]
batch = sqs.send_message_batch(QueueUrl=url, Entries=entries + [dict(entries[0], Id="again")])
assert len(batch["Successful"]) == 4 and batch["Successful"][3]["MessageId"] == batch["Successful"][0]["MessageId"], batch
got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"], WaitTimeSeconds=2)["Messages"]
assert [m["Body"] for m in got] == ["m0", "m1", "m2"], got
assert got[0]["Attributes"]["SequenceNumber"] < got[1]["Attributes"]["SequenceNumber"]
gone = sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(got)])
assert len(gone["Successful"]) == 3 and "Failed" not in gone, gone
assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "a"}
attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
errors = []
for act in (lambda: sqs.get_queue_url(QueueName="nowhere"), lambda: sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=11),
            lambda: sqs.delete_message(QueueUrl=url, ReceiptHandle="x"), lambda: sqs.purge_queue(QueueUrl=url)):
    try:
        act()
    except ClientError as error:
        errors.append([error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Message"]])
sqs.delete_queue(QueueUrl=url)
print(json.dumps({"version": boto3.__version__, "type": type(sqs).__name__, "attributes": attributes["FifoQueue"], "errors": errors}))
`;

for (const program of allOnPath("python3")) {
  test(`boto3 of ${program}: batches, order, deduplication, and AWS's codes`, async (t) => {
    if (!works(program, ["-c", "import boto3"])) return t.skip(`${program} has no boto3`);
    const printed = await mustRun(program, ["-c", python(server.url)], { env: server.env });
    const { version, attributes, errors } = JSON.parse(printed) as Record<string, unknown>;
    console.log(`boto3 ${String(version)}`);
    assert.equal(attributes, "true");
    const [, minor = "0"] = String(version).split(".");
    // boto3 speaks JSON since 1.29; the query protocol has another text for a queue that is not there.
    const suffix = Number(minor) < 29 ? " for this wsdl version." : ".";
    assert.deepEqual(errors, [
      ["AWS.SimpleQueueService.NonExistentQueue", 400, `The specified queue does not exist${suffix}`],
      [
        "InvalidParameterValue",
        400,
        "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.",
      ],
      ["ReceiptHandleIsInvalid", 404, 'The input receipt handle "x" is not a valid receipt handle.'],
    ]);
  });
}

for (const [at, cli] of allOnPath("aws").entries()) {
  test(`${cli}: queues, messages and attributes by hand`, async () => {
    const options = { env: server.env };
    const words = (...args: string[]) => ["sqs", ...args, "--endpoint-url", server.url, "--output", "json"];
    const json = async (...args: string[]) =>
      JSON.parse(await mustRun(cli, words(...args), options)) as Record<string, unknown>;
    const name = `cli-${at}`;
    const { QueueUrl } = await json(
      "create-queue",
      "--queue-name",
      name,
      "--attributes",
      "VisibilityTimeout=7",
    );
    const url = String(QueueUrl);
    await json("send-message", "--queue-url", url, "--message-body", "by hand");
    const { Messages } = await json("receive-message", "--queue-url", url, "--wait-time-seconds", "5");
    assert.equal((Messages as Message[])[0]?.Body, "by hand");
    const { Attributes } = await json("get-queue-attributes", "--queue-url", url, "--attribute-names", "All");
    assert.equal((Attributes as Record<string, string>)["VisibilityTimeout"], "7");
    const refused = await run(cli, words("create-queue", "--queue-name", "a b"), options);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /\(InvalidParameterValue\).*Can only include alphanumeric characters/);
    await mustRun(cli, words("delete-queue", "--queue-url", url), options);
  });
}

test("the older protocol, by hand: a GET on a queue's address, unknown actions, and errors with their detail", async () => {
  const url = await queue("by-hand");
  const ask = async (target: string) => {
    const response = await fetch(target);
    return { status: response.status, text: await response.text() };
  };
  const sent = await ask(`${url}?Action=SendMessage&MessageBody=hi&Version=2012-11-05`);
  assert.equal(sent.status, 200, sent.text);
  assert.match(sent.text, /^<SendMessageResponse .*<MD5OfMessageBody>49f68a5c8493ec2c0bf489821c21fc3b</);
  const unknown = await ask(`${url}?Action=FooBar&Version=2012-11-05`);
  assert.equal(unknown.status, 400);
  assert.match(
    unknown.text,
    /<Code>InvalidAction<\/Code><Message>The action FooBar is not valid for this endpoint\.</,
  );
  const elsewhere = await ask(`${url}?Action=ListQueues&Version=2012-11-05`);
  assert.match(elsewhere.text, /The action ListQueues is not valid for this endpoint\./);
  const missing = await ask(`${url}x?Action=PurgeQueue&Version=2012-11-05`);
  assert.equal(missing.status, 400);
  assert.match(
    missing.text,
    /<Type>Sender<\/Type><Code>AWS\.SimpleQueueService\.NonExistentQueue<\/Code><Message>[^<]*wsdl version\.<\/Message><Detail\/>/,
  );
});

test("E2: kill -9 in the middle of sends, receives and deletes loses nothing that was acknowledged", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "lambdad-sqs-"));
  const first = await startServer({ dataDir });
  const client = new SQSClient({ ...settingsOf(first), maxAttempts: 1 });
  const create = (QueueName: string, Attributes?: Record<string, string>) =>
    client.send(new CreateQueueCommand({ QueueName, ...(Attributes && { Attributes }) }));
  const { QueueUrl: url = "" } = await create("crash");
  const { QueueUrl: fifoUrl = "" } = await create("crash.fifo", { FifoQueue: "true" });
  const sent = new Set<string>();
  const deleted = new Set<string>();
  const undecided = new Set<string>();
  let isOver = false;

  const senders = Array.from({ length: 4 }, async (_, sender) => {
    for (let at = 0; !isOver; at += 1) {
      const body = `${sender}:${String(at).padStart(6, "0")}`;
      const group = { MessageGroupId: `${sender}`, MessageDeduplicationId: body };
      const orders = [
        client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: body })).then(() => sent.add(body)),
        client
          .send(new SendMessageCommand({ QueueUrl: fifoUrl, MessageBody: `f${body}`, ...group }))
          .then(() => sent.add(`f${body}`)),
      ];
      await Promise.allSettled(orders);
    }
  });
  const receivers = [url, fifoUrl].map(async (from) => {
    while (!isOver) {
      try {
        const order = new ReceiveMessageCommand({
          QueueUrl: from,
          MaxNumberOfMessages: 4,
          WaitTimeSeconds: 1,
        });
        for (const { Body = "", ReceiptHandle } of (await client.send(order)).Messages ?? []) {
          if (Number(Body.slice(-1)) % 2 === 1) continue;
          undecided.add(Body);
          await client.send(new DeleteMessageCommand({ QueueUrl: from, ReceiptHandle }));
          deleted.add(Body);
          undecided.delete(Body);
        }
      } catch (error) {
        if (!isOver) throw error;
      }
    }
  });
  await until("there is enough to lose", () => sent.size > 400 && deleted.size > 20);
  const exited = once(first.child, "exit");
  isOver = true;
  process.kill(first.pid, "SIGKILL");
  await exited;
  await Promise.all([...senders, ...receivers]);
  client.destroy();

  const second = await startServer({ dataDir });
  const other = new SQSClient(settingsOf(second));
  const left: string[] = [];
  for (const name of ["crash", "crash.fifo"]) {
    const QueueUrl = `${second.url}/000000000000/${name}`;
    // What was in flight comes again when its 30 s are over.
    await until(
      `${name} is empty`,
      async () => {
        const order = { QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 };
        const { Messages = [] } = await other.send(new ReceiveMessageCommand(order));
        left.push(...Messages.map(({ Body = "" }) => Body));
        const entries = Messages.map(({ ReceiptHandle }, at) => ({ Id: `${at}`, ReceiptHandle }));
        if (entries.length > 0) {
          await other.send(new DeleteMessageBatchCommand({ QueueUrl, Entries: entries }));
          return false;
        }
        const shown = await other.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }));
        const of = (which: string) => shown.Attributes?.[`ApproximateNumberOfMessages${which}` as "QueueArn"];
        return of("") === "0" && of("NotVisible") === "0";
      },
      90_000,
    );
  }
  other.destroy();
  await second.stop();
  rmSync(dataDir, { recursive: true, force: true });

  const found = new Set(left);
  assert.equal(found.size, left.length, "nothing comes twice that was deleted");
  const lost = [...sent].filter((body) => !found.has(body) && !deleted.has(body) && !undecided.has(body));
  assert.deepEqual(lost, []);
  assert.deepEqual(
    [...deleted].filter((body) => found.has(body)),
    [],
    "what was deleted stays deleted",
  );
  for (const group of ["0", "1", "2", "3"]) {
    const order = left.filter((body) => body.startsWith(`f${group}:`));
    assert.deepEqual(order, order.toSorted(), `M2: group ${group} keeps its order`);
  }
});

const worker = `
const log = [];
exports.handler = async ({ Records, recall }) => {
  if (recall) return log;
  for (const record of Records) log.push(record);
  const failed = Records.filter(({ body }) => body.includes("bad"));
  return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
};
`;

async function created(name: string, source: string, more: object = {}): Promise<void> {
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Runtime: "nodejs24.x",
      Role: role,
      Handler: "index.handler",
      Code: { ZipFile: await zipOf({ "index.js": source }) },
      ...more,
    }),
  );
  await waitUntilFunctionActiveV2(
    { client: lambda, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
    { FunctionName: name },
  );
}

async function mapped(input: Omit<ConstructorParameters<typeof CreateEventSourceMappingCommand>[0], "x">) {
  const { UUID = "" } = await lambda.send(new CreateEventSourceMappingCommand(input));
  await until("the mapping is enabled", async () => {
    const { State } = await lambda.send(new GetEventSourceMappingCommand({ UUID }));
    return State === "Enabled";
  });
  return UUID;
}

test("M1: a worker function takes its messages, reports which failed, and those end in the dead-letter queue", async () => {
  const dead = await queue("worker-dead");
  const jobs = await queue("worker-jobs", {
    VisibilityTimeout: "3",
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arnOf("worker-dead"), maxReceiveCount: 2 }),
  });
  await created("worker", worker);
  const UUID = await mapped({
    FunctionName: "worker",
    EventSourceArn: arnOf("worker-jobs"),
    FunctionResponseTypes: ["ReportBatchItemFailures"],
    ScalingConfig: { MaximumConcurrency: 2 },
    FilterCriteria: { Filters: [{ Pattern: JSON.stringify({ body: { kind: ["job"] } }) }] },
  });
  const body = (name: string) => JSON.stringify({ kind: "job", name });
  const sent = await sqs.send(
    new SendMessageBatchCommand({
      QueueUrl: jobs,
      Entries: [
        { Id: "1", MessageBody: body("good 1") },
        { Id: "2", MessageBody: body("bad") },
        { Id: "3", MessageBody: body("good 2") },
        { Id: "4", MessageBody: JSON.stringify({ kind: "noise" }) },
        { Id: "5", MessageBody: "no JSON at all" },
      ],
    }),
  );
  const [corpse] = await until("the bad one is dead", async () => {
    const messages = await received(dead, { WaitTimeSeconds: 1 });
    return messages.length > 0 && messages;
  });
  assert.equal(corpse?.Body, body("bad"));
  assert.equal(corpse?.MessageId, sent.Successful?.[1]?.MessageId);
  assert.equal(corpse?.Attributes?.DeadLetterQueueSourceArn, arnOf("worker-jobs"));
  await until("the queue is empty", async () => (await countsOf(jobs)).every((count) => count === 0));

  const answer = await lambda.send(new InvokeCommand({ FunctionName: "worker", Payload: '{"recall":true}' }));
  const seen = JSON.parse(Buffer.from(answer.Payload ?? []).toString()) as Record<string, unknown>[];
  const bodies = new Set(seen.map((record) => String(record["body"])));
  for (const one of bodies) assert.match(one, /"kind":"job"/, "filtered messages never arrive");
  const record = seen[0] ?? {};
  assert.deepEqual(Object.keys(record), [
    "messageId",
    "receiptHandle",
    "body",
    "attributes",
    "messageAttributes",
    "md5OfBody",
    "eventSource",
    "eventSourceARN",
    "awsRegion",
  ]);
  assert.deepEqual(
    [record["eventSource"], record["eventSourceARN"], record["awsRegion"]],
    ["aws:sqs", arnOf("worker-jobs"), "us-east-1"],
  );

  await lambda.send(new DeleteEventSourceMappingCommand({ UUID }));
  await until("the mapping is gone", async () => {
    const asked = lambda.send(new GetEventSourceMappingCommand({ UUID }));
    return asked.then(
      () => false,
      (error: Error) => error.name === "ResourceNotFoundException",
    );
  });
  await sqs.send(new SendMessageCommand({ QueueUrl: jobs, MessageBody: body("for nobody") }));
  assert.equal((await received(jobs, { WaitTimeSeconds: 1 })).length, 1, "a deleted mapping reads nothing");
});

const recorder = `
const { appendFileSync } = require("node:fs");
exports.handler = async ({ Records }) => {
  for (const { body, attributes } of Records) console.log("took", attributes.MessageGroupId, body);
  if (Records.some(({ body, attributes }) => body === "g0:1" && attributes.ApproximateReceiveCount === "1")) throw new Error("once");
};
`;

test("M2: a FIFO worker sees each group in order, failed batches again before what follows", async () => {
  const url = await queue("ordered.fifo", { FifoQueue: "true", VisibilityTimeout: "3" });
  await created("ordered", recorder);
  await mapped({ FunctionName: "ordered", EventSourceArn: arnOf("ordered.fifo"), BatchSize: 2 });
  for (let at = 0; at < 4; at += 1) {
    const Entries = ["g0", "g1"].map((group) => ({
      Id: group,
      MessageBody: `${group}:${at}`,
      MessageGroupId: group,
      MessageDeduplicationId: `${group}:${at}`,
    }));
    await sqs.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }));
  }
  await until("the queue is empty", async () => (await countsOf(url)).every((count) => count === 0), 60_000);
  const { events } = await logsOf("/aws/lambda/ordered");
  for (const group of ["g0", "g1"]) {
    const took = events
      .map((line) => /^.*took (\S+) \S+:(\d)/.exec(line) ?? [])
      .filter(([, of]) => of === group);
    const numbers = took.map(([, , at]) => Number(at));
    // Each number is at most one more than the greatest before it: nothing was passed over, only repeated.
    let greatest = -1;
    for (const at of numbers) {
      assert(at <= greatest + 1, `${group}: ${numbers.join(" ")}`);
      greatest = Math.max(greatest, at);
    }
    assert.equal(greatest, 3, `${group}: ${numbers.join(" ")}`);
  }
});

async function logsOf(group: string): Promise<{ events: string[] }> {
  const { CloudWatchLogsClient, FilterLogEventsCommand } = await import("@aws-sdk/client-cloudwatch-logs");
  const logs = new CloudWatchLogsClient(settingsOf(server));
  const { events = [] } = await logs.send(
    new FilterLogEventsCommand({ logGroupName: group, filterPattern: "took" }),
  );
  return { events: events.map(({ message = "" }) => message.trim()) };
}

test("what became of asynchronous events is told to queues", async () => {
  const won = await queue("won");
  const lost = await queue("lost");
  await created(
    "tells",
    'exports.handler = async (event) => { if (event.fail) throw new Error("no"); return "yes"; };',
  );
  await lambda.send(
    new PutFunctionEventInvokeConfigCommand({
      FunctionName: "tells",
      MaximumRetryAttempts: 0,
      DestinationConfig: {
        OnSuccess: { Destination: arnOf("won") },
        OnFailure: { Destination: arnOf("lost") },
      },
    }),
  );
  for (const fail of [false, true]) {
    const Payload = JSON.stringify({ fail });
    await lambda.send(new InvokeCommand({ FunctionName: "tells", InvocationType: "Event", Payload }));
  }
  const [success] = await until("success is told", async () => {
    const messages = await received(won, { WaitTimeSeconds: 1 });
    return messages.length > 0 && messages;
  });
  const told = JSON.parse(success?.Body ?? "{}") as Record<string, unknown>;
  assert.equal(told["responsePayload"], "yes");
  const [failure] = await until("failure is told", async () => {
    const messages = await received(lost, { WaitTimeSeconds: 1 });
    return messages.length > 0 && messages;
  });
  const context = (JSON.parse(failure?.Body ?? "{}") as { requestContext?: { condition?: string } })
    .requestContext;
  assert.equal(context?.condition, "RetriesExhausted");
  assert((await sqs.send(new ListQueuesCommand({ QueueNamePrefix: "l" }))).QueueUrls?.length);
});
