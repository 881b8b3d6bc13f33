/**
 * S9: kill -9 a running lambdad at random moments while events are put, and then while they are replayed, again and again on
 * one data directory; then every event that was acknowledged has reached its queue, and every archived one has come
 * again. More rounds, or one again:
 *
 *     node test/chaos/eventbridge-crash.test.ts --rounds 50 --seed 42
 *
 * The queue behind the rule is SQS here, which has chaos tests of its own. What comes twice is no fault: rules deliver at least once.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Random } from "../../src/base/random.ts";
import { seededRandom } from "../../src/base/random.ts";
import { type RunningServer, startServer } from "../harness/server.ts";
import { until } from "../harness/wait.ts";

const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "3" }, seed: { type: "string" } },
  strict: false,
});
const rounds = Number(options.rounds);
const seed = Number(options.seed ?? randomInt(2 ** 31));

const connections = 8;
const entriesPerCall = 5;
const busArn = "arn:aws:events:us-east-1:000000000000:event-bus/default";
const queueArn = "arn:aws:sqs:us-east-1:000000000000:events";

test("S9 E1 E2 whatever moment lambdad is killed at, acknowledged events arrive, and replays are complete", async () => {
  console.log(`EventBridge crash test: seed ${seed}, ${rounds} rounds`);
  const random = seededRandom(seed);
  const dir = await mkdtemp(join(tmpdir(), "lambdad-eventbridge-crash-"));
  const accepted = new Set<number>();
  const counter = { next: 1 };
  for (let round = 0; round < rounds; round += 1) {
    const server = await startAt(dir);
    if (round === 0) await prepare(server.url);
    await killDuring(server, random, (stop) => load(server.url, counter, accepted, stop));
  }
  for (let round = 0; round < rounds; round += 1) {
    const server = await startAt(dir);
    if (round === 0) await beginReplay(server.url);
    await killDuring(server, random, async () => {});
  }
  const server = await startAt(dir);
  await until(
    "the replay has ended",
    async () =>
      (await events(server.url, "DescribeReplay", { ReplayName: "again" }))["State"] === "COMPLETED",
    120_000,
  );
  const { EventCount } = await events(server.url, "DescribeArchive", { ArchiveName: "all" });
  const arrived = { first: new Set<number>(), again: new Set<number>() };
  const isComplete = () =>
    missing(accepted, arrived.first).length + missing(accepted, arrived.again).length === 0;
  let quiet = 0;
  while (quiet < 3 || (!isComplete() && quiet < 10))
    quiet = (await drain(server.url, arrived)) ? 0 : quiet + 1;
  await server.stop();

  assert.deepEqual(
    missing(accepted, arrived.first),
    [],
    `acknowledged events that did not arrive, seed ${seed}`,
  );
  assert.deepEqual(
    missing(accepted, arrived.again),
    [],
    `archived events that were not replayed, seed ${seed}`,
  );
  assert(Number(EventCount) >= accepted.size, "what was acknowledged is archived");
  assert(accepted.size > rounds * 20, "there was load");
  console.log(
    `EventBridge crash test: ${accepted.size} acknowledged of ${counter.next - 1} sent, ${String(EventCount)} archived, ${arrived.again.size} replayed`,
  );
  await rm(dir, { recursive: true });
});

test("the check notices an event that did not arrive", () => {
  assert.deepEqual(missing(new Set([1, 2, 3]), new Set([1, 3, 4])), [2]);
});

function missing(accepted: ReadonlySet<number>, arrived: ReadonlySet<number>): number[] {
  return [...accepted].filter((n) => !arrived.has(n));
}

function startAt(dir: string): Promise<RunningServer> {
  const args = ["--isolation", "process", "--log-level", "error"];
  return startServer({ dataDir: join(dir, "data"), args });
}

async function prepare(url: string): Promise<void> {
  const statement = {
    Effect: "Allow",
    Principal: { Service: "events.amazonaws.com" },
    Action: "sqs:SendMessage",
    Resource: queueArn,
  };
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: statement });
  await api(url, "AmazonSQS", "CreateQueue", { QueueName: "events", Attributes: { Policy } });
  await events(url, "CreateArchive", { ArchiveName: "all", EventSourceArn: busArn });
  await events(url, "PutRule", { Name: "all", EventPattern: '{"source":["chaos"]}' });
  await events(url, "PutTargets", { Rule: "all", Targets: [{ Id: "q", Arn: queueArn }] });
}

async function beginReplay(url: string): Promise<void> {
  await events(url, "StartReplay", {
    ReplayName: "again",
    EventSourceArn: busArn.replace("event-bus/default", "archive/all"),
    EventStartTime: 0,
    EventEndTime: 4_000_000_000,
    Destination: { Arn: busArn },
  });
}

/** Puts events until it is stopped; an event is acknowledged when its id has arrived. */
async function load(
  url: string,
  counter: { next: number },
  accepted: Set<number>,
  stop: AbortSignal,
): Promise<void> {
  const one = async () => {
    while (!stop.aborted) {
      const numbers = Array.from({ length: entriesPerCall }, () => counter.next++);
      const Entries = numbers.map((n) => ({
        Source: "chaos",
        DetailType: "n",
        Detail: JSON.stringify({ n }),
      }));
      const answer = await events(url, "PutEvents", { Entries }).catch(() => undefined);
      if (!answer) return; // it was killed
      const results = answer["Entries"] as { EventId?: string }[];
      for (const [at, { EventId }] of results.entries()) {
        const n = numbers[at];
        if (EventId !== undefined && n !== undefined) accepted.add(n);
      }
    }
  };
  await Promise.all(Array.from({ length: connections }, one));
}

async function killDuring(
  server: RunningServer,
  random: Random,
  run: (stop: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const running = run(stop.signal);
  await sleep(100 + random.float() * 700);
  process.kill(server.pid, "SIGKILL");
  stop.abort();
  await running;
  await until("it is gone", () => !isAlive(server.pid));
  server.child.kill("SIGKILL");
}

/** Takes messages out of the queue; answers whether there were any. */
async function drain(url: string, arrived: { readonly first: Set<number>; readonly again: Set<number> }) {
  const QueueUrl = `${url}/000000000000/events`;
  const batches = await Promise.all(
    Array.from({ length: 8 }, () =>
      api(url, "AmazonSQS", "ReceiveMessage", { QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
    ),
  );
  let count = 0;
  for (const { Messages = [] } of batches as { Messages?: { Body: string; ReceiptHandle: string }[] }[]) {
    count += Messages.length;
    for (const { Body } of Messages) {
      const event = JSON.parse(Body) as { "replay-name"?: string; detail: { n: number } };
      (event["replay-name"] === undefined ? arrived.first : arrived.again).add(event.detail.n);
    }
    const Entries = Messages.map(({ ReceiptHandle }, at) => ({ Id: String(at), ReceiptHandle }));
    if (Entries.length > 0) await api(url, "AmazonSQS", "DeleteMessageBatch", { QueueUrl, Entries });
  }
  return count > 0;
}

function events(url: string, operation: string, input: object): Promise<Record<string, unknown>> {
  return api(url, "AWSEvents", operation, input);
}

async function api(url: string, service: string, operation: string, input: object) {
  const version = service === "AmazonSQS" ? "1.0" : "1.1";
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": `application/x-amz-json-${version}`,
      "x-amz-target": `${service}.${operation}`,
    },
    body: JSON.stringify(input),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${operation}: ${response.status} ${text}`);
  return (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
