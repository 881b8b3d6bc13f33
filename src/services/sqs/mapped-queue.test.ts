/**
 * A real queue read by a real poller, in virtual time: functions that fail, fail in part, are throttled or slow, as a seed
 * has it. Whatever they do, M1 nothing is deleted that was neither accepted nor filtered out, and M2 a group of a FIFO queue
 * is run in order, one batch at a time.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimClock } from "../../base/clock-sim.ts";
import { silentLogger } from "../../base/logger.ts";
import { createMetrics } from "../../base/metrics.ts";
import { seededRandom } from "../../base/random.ts";
import type { MappedAnswer, MappedInvoke, PolledMapping } from "../../events/mapping/port.ts";
import { createPollerCounters, QueuePoller } from "../../events/mapping/queue-poller.ts";
import { Trail } from "../../events/trail.ts";
import { createMemoryState, createMemoryStore } from "../../store/memory/memory-store.ts";
import type { Context, Operation } from "../service.ts";
import { createSqs } from "./index.ts";

const account = "000000000000";
const messagesPerRun = 60;
const groups = ["a", "b", "c"];

interface Life {
  readonly sent: readonly string[];
  /** Bodies in the order in which they were accepted. */
  readonly accepted: readonly string[];
  readonly violations: readonly string[];
  readonly left: number;
}

async function life(seed: number, isFifo: boolean): Promise<Life> {
  const clock = createSimClock();
  const random = seededRandom(seed);
  const name = isFifo ? "q.fifo" : "q";
  const store = createMemoryStore(createMemoryState());
  const metrics = createMetrics();
  const sqs = createSqs({ clock, random: seededRandom(seed + 1), store, logger: silentLogger, metrics });
  const ctx = { account, region: "us-east-1", identity: { account }, endpoint: "http://x" } as Context;
  const call = (operation: string, input: object) =>
    (sqs.operations[operation as "SendMessage"] as unknown as Operation<object, Record<string, unknown>>)(
      input,
      ctx,
    );
  const Attributes = { VisibilityTimeout: "30", ...(isFifo && { FifoQueue: "true" }) };
  await call("CreateQueue", { QueueName: name, Attributes });

  const accepted: string[] = [];
  const violations: string[] = [];
  const running = new Set<string>();
  const timeoutMs = 10_000;

  async function invoke({ payload }: MappedInvoke): Promise<MappedAnswer> {
    const { Records } = JSON.parse(Buffer.from(payload).toString()) as {
      Records: { messageId: string; body: string; attributes: { MessageGroupId?: string } }[];
    };
    const inBatch = new Set(Records.map(({ attributes }) => attributes.MessageGroupId ?? ""));
    for (const group of inBatch)
      if (isFifo && running.has(group)) violations.push(`M2 two batches of ${group}`);
    const dice = random.float();
    if (dice < 0.15) return { kind: "throttled", timeoutMs };
    if (dice < 0.2) return { kind: "failed", error: new Error("no such function") };
    for (const group of inBatch) running.add(group);
    await clock.sleep(random.float() * timeoutMs);
    for (const group of inBatch) running.delete(group);
    for (const { body } of Records)
      if (body.endsWith("drop")) violations.push(`M1 ${body} passed the filter`);
    if (dice < 0.4) return done(undefined);
    // As AWS asks of FIFO consumers: from the first failure on, everything has failed.
    const firstFailed = dice < 0.6 ? Math.floor(random.float() * Records.length) : Records.length;
    accepted.push(...Records.slice(0, firstFailed).map(({ body }) => body));
    return done(Records.slice(firstFailed).map(({ messageId }) => messageId));
  }

  const mapping: PolledMapping = {
    uuid: "u",
    functionArn: "arn:aws:lambda:us-east-1:000000000000:function:f",
    sourceArn: `arn:aws:sqs:us-east-1:${account}:${name}`,
    batchSize: 1 + Math.floor(random.float() * 10),
    windowMs: isFifo || random.float() < 0.5 ? 0 : 5000,
    filters: ['{"body":[{"anything-but":{"suffix":"drop"}}]}'],
    reportsBatchItemFailures: true,
    concurrencyMax: random.float() < 0.5 ? 2 : undefined,
    pollers: undefined,
    countsEvents: false,
  };
  const poller = new QueuePoller(
    {
      clock,
      logger: silentLogger,
      counters: createPollerCounters(metrics),
      functions: { invoke },
      trail: new Trail(clock),
      sourceOf: () => sqs.source,
    },
    mapping,
  );

  const sent: string[] = [];
  for (let at = 0; at < messagesPerRun; at += 1) {
    const group = groups[Math.floor(random.float() * groups.length)] ?? "a";
    const isDropped = random.float() < 0.1;
    const body = `${group} ${String(at).padStart(3, "0")}${isDropped ? " drop" : ""}`;
    const ids = isFifo ? { MessageGroupId: group, MessageDeduplicationId: `${at}` } : {};
    await call("SendMessage", { QueueUrl: name, MessageBody: body, ...ids });
    if (!isDropped) sent.push(body);
    await clock.advance(random.float() * 2000);
  }
  let left = messagesPerRun;
  for (let at = 0; left > 0 && at < 1000; at += 1) {
    await clock.advance(10_000);
    const shown = await call("GetQueueAttributes", { QueueUrl: name, AttributeNames: ["All"] });
    const of = (shown["Attributes"] ?? {}) as Record<string, string>;
    left = Number(of["ApproximateNumberOfMessages"]) + Number(of["ApproximateNumberOfMessagesNotVisible"]);
  }
  const stopped = poller.stop();
  await clock.advance(30_000);
  await stopped;
  return { sent, accepted, violations, left };
}

function done(failed: readonly string[] | undefined): MappedAnswer {
  if (!failed) {
    return {
      kind: "done",
      outcome: { kind: "function-error", payload: Buffer.from("{}"), errorType: "Error" },
    };
  }
  const batchItemFailures = failed.map((itemIdentifier) => ({ itemIdentifier }));
  const payload = Buffer.from(JSON.stringify({ batchItemFailures }));
  return { kind: "done", outcome: { kind: "success", payload } };
}

for (const isFifo of [false, true]) {
  test(`M1 M2 ${isFifo ? "a FIFO" : "a standard"} queue is worked off, whatever its function does`, async () => {
    for (let seed = 1; seed <= 25; seed += 1) {
      const { sent, accepted, violations, left } = await life(seed, isFifo);
      assert.deepEqual(violations, [], `seed ${seed}`);
      assert.equal(left, 0, `seed ${seed}: the queue is empty`);
      assert.deepEqual([...new Set(accepted)].toSorted(), sent.toSorted(), `M1, seed ${seed}`);
      if (!isFifo) continue;
      assert.equal(accepted.length, sent.length, `seed ${seed}: once each`);
      for (const group of groups) {
        const of = accepted.filter((body) => body.startsWith(group));
        assert.deepEqual(of, of.toSorted(), `M2, seed ${seed}, group ${group}`);
      }
    }
  });
}
