/**
 * kill -9 a running lambdad at random moments while messages are published, fan out, are sent, received and deleted, again and
 * again on one data directory. Then everything that was acknowledged has come to every queue it was for (E1, E2), and each
 * group of the FIFO queue in order (M2). More rounds, or one again:
 *
 *     node test/chaos/messages-crash.test.ts --rounds 100 --seed 42
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { CreateTopicCommand, PublishCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { seededRandom } from "../../src/base/random.ts";
import { type RunningServer, startServer } from "../harness/server.ts";
import { until } from "../harness/wait.ts";

const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "4" }, seed: { type: "string" } },
  strict: false,
});
const rounds = Number(options.rounds);
const seed = Number(options.seed ?? randomInt(2 ** 31));

const queueNames = ["one", "two", "order.fifo", "sent"] as const;
type QueueName = (typeof queueNames)[number];
const groups = ["a", "b", "c"];
const arnOf = (service: "sns" | "sqs", name: string) => `arn:aws:${service}:us-east-1:000000000000:${name}`;

/** What the clients know, of all rounds together. */
interface History {
  next: number;
  /** Acknowledged, by the queue that they are for. */
  readonly accepted: Record<QueueName, Set<string>>;
  /** In the order in which they came, the first time. */
  readonly received: Record<QueueName, Set<string>>;
}

test("E1 E2 M2 whatever moment lambdad is killed at, published and sent messages arrive, groups in order", async () => {
  console.log(`messages crash test: seed ${seed}, ${rounds} rounds`);
  const random = seededRandom(seed);
  const dir = await mkdtemp(join(tmpdir(), "lambdad-messages-crash-"));
  const history: History = { next: 1, accepted: emptySets(), received: emptySets() };
  for (let round = 0; round < rounds; round += 1) {
    const server = await startAt(dir);
    if (round === 0) await setUp(server);
    const stop = new AbortController();
    const sizes = sizesOf(history);
    const loaded = load(server, history, stop.signal);
    await until("everything is under way", () =>
      queueNames.every((name) => sizes[name] < history.accepted[name].size),
    );
    await sleep(random.float() * 900);
    assert.equal(server.child.exitCode, null, `it is still there:\n${server.log()}`);
    const exited = once(server.child, "exit");
    process.kill(server.pid, "SIGKILL");
    stop.abort();
    await exited;
    await loaded;
  }
  const server = await startAt(dir);
  await drain(server, history);
  await server.stop();
  assert.deepEqual(violationsOf(history), [], `seed ${seed}`);
  const counts = queueNames.map((name) => `${name} ${history.accepted[name].size}`);
  console.log(`messages crash test: accepted ${counts.join(", ")}`);
  await rm(dir, { recursive: true });
});

test("the check of messages notices a lost one, and two that changed places", () => {
  const history: History = { next: 0, accepted: emptySets(), received: emptySets() };
  for (const body of ["a 1", "a 2", "b 3"]) history.accepted["order.fifo"].add(body);
  for (const body of ["a 2", "a 1"]) history.received["order.fifo"].add(body);
  assert.deepEqual(violationsOf(history), ["order.fifo has lost b 3", "order.fifo: a 1 came after a 2"]);
});

function violationsOf({ accepted, received }: History): string[] {
  const found: string[] = [];
  for (const name of queueNames) {
    for (const body of accepted[name]) if (!received[name].has(body)) found.push(`${name} has lost ${body}`);
  }
  const lastOf = new Map<string, string>();
  for (const body of received["order.fifo"]) {
    const [group = ""] = body.split(" ");
    const last = lastOf.get(group);
    if (last !== undefined && numberOf(last) > numberOf(body))
      found.push(`order.fifo: ${body} came after ${last}`);
    lastOf.set(group, body);
  }
  return found;
}

function numberOf(body: string): number {
  return Number(body.split(" ")[1]);
}

function sizesOf({ accepted }: History): Record<QueueName, number> {
  const { one, two, sent } = accepted;
  return { one: one.size, two: two.size, sent: sent.size, "order.fifo": accepted["order.fifo"].size };
}

function emptySets(): Record<QueueName, Set<string>> {
  return { one: new Set(), two: new Set(), "order.fifo": new Set(), sent: new Set() };
}

function startAt(dir: string): Promise<RunningServer> {
  return startServer({
    dataDir: join(dir, "data"),
    args: ["--isolation", "process", "--log-level", "error"],
  });
}

function clientsOf({ url }: RunningServer) {
  const settings = {
    endpoint: url,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
    // Its port may be somebody else's after it was killed.
    requestHandler: { requestTimeout: 10_000 },
  };
  return { sns: new SNSClient(settings), sqs: new SQSClient(settings) };
}

async function setUp(server: RunningServer): Promise<void> {
  const { sns, sqs } = clientsOf(server);
  for (const QueueName of queueNames) {
    const statement = { Effect: "Allow", Principal: "*", Action: "sqs:SendMessage", Resource: "*" };
    const Attributes = {
      VisibilityTimeout: "2",
      Policy: JSON.stringify({ Statement: [statement] }),
      ...(QueueName.endsWith(".fifo") && { FifoQueue: "true" }),
    };
    await sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
  }
  await sns.send(new CreateTopicCommand({ Name: "fan" }));
  await sns.send(new CreateTopicCommand({ Name: "order.fifo", Attributes: { FifoTopic: "true" } }));
  for (const [topic, queue] of [
    ["fan", "one"],
    ["fan", "two"],
    ["order.fifo", "order.fifo"],
  ] as const) {
    const Attributes = { RawMessageDelivery: "true" };
    const TopicArn = arnOf("sns", topic);
    await sns.send(
      new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: arnOf("sqs", queue), Attributes }),
    );
  }
}

/** Publishes, sends, receives until it is stopped; a failed call ends its loop: the server was killed. */
async function load(server: RunningServer, history: History, stop: AbortSignal): Promise<void> {
  const { sns, sqs } = clientsOf(server);
  const loop = async (act: () => Promise<unknown>) => {
    try {
      while (!stop.aborted) await act();
    } catch {
      return;
    }
  };
  const publish = async () => {
    const body = `x ${history.next++}`;
    await sns.send(new PublishCommand({ TopicArn: arnOf("sns", "fan"), Message: body }));
    history.accepted.one.add(body);
    history.accepted.two.add(body);
  };
  const publishTo = (group: string) => async () => {
    const body = `${group} ${history.next++}`;
    const ids = { MessageGroupId: group, MessageDeduplicationId: body.replace(" ", "-") };
    await sns.send(new PublishCommand({ TopicArn: arnOf("sns", "order.fifo"), Message: body, ...ids }));
    history.accepted["order.fifo"].add(body);
  };
  const send = async () => {
    const body = `x ${history.next++}`;
    await sqs.send(new SendMessageCommand({ QueueUrl: "sent", MessageBody: body }));
    history.accepted.sent.add(body);
  };
  await Promise.all([
    ...[publish, publish, send, send, ...groups.map(publishTo)].map(loop),
    ...queueNames.map((name) => loop(() => receive(sqs, name, history))),
  ]);
  sns.destroy();
  sqs.destroy();
}

async function receive(sqs: SQSClient, QueueUrl: QueueName, { received }: History): Promise<void> {
  const order = { QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 };
  const { Messages = [] } = await sqs.send(new ReceiveMessageCommand(order));
  for (const { Body = "" } of Messages) received[QueueUrl].add(Body);
  const Entries = Messages.map(({ ReceiptHandle }, at) => ({ Id: `${at}`, ReceiptHandle }));
  if (Entries.length > 0) await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
}

async function drain(server: RunningServer, history: History): Promise<void> {
  const { sns, sqs } = clientsOf(server);
  await until("all deliveries have been made", async () => {
    const text = await (await fetch(`${server.url}/_lambdad/metrics`)).text();
    return /^lambdad_sns_deliveries_pending 0$/m.test(text);
  });
  for (const QueueUrl of queueNames) {
    await until(`${QueueUrl} is empty`, async () => {
      await receive(sqs, QueueUrl, history);
      const shown = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }));
      const of = (which: string) => shown.Attributes?.[`ApproximateNumberOfMessages${which}` as "QueueArn"];
      return of("") === "0" && of("NotVisible") === "0";
    });
  }
  sns.destroy();
  sqs.destroy();
}
