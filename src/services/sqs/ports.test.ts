/** A queue keeps the laws of targets and of sources. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimClock } from "../../base/clock-sim.ts";
import { silentLogger } from "../../base/logger.ts";
import { createMetrics } from "../../base/metrics.ts";
import { seededRandom } from "../../base/random.ts";
import { sourceSuite, type SourceUnderTest } from "../../events/source.suite.ts";
import { sender, targetSuite, type TargetUnderTest } from "../../events/target.suite.ts";
import { messageBytesMax } from "../../limits.ts";
import { createMemoryState, createMemoryStore } from "../../store/memory/memory-store.ts";
import type { Context, Operation } from "../service.ts";
import { createSqs } from "./index.ts";

const arn = "arn:aws:sqs:us-east-1:000000000000:orders";
const QueueUrl = "http://localhost:4566/000000000000/orders";
const policy = {
  Version: "2012-10-17",
  Statement: [
    {
      Effect: "Allow",
      Principal: { Service: sender.principal },
      Action: "sqs:SendMessage",
      Resource: arn,
      Condition: { ArnLike: { "aws:SourceArn": sender.sourceArn } },
    },
  ],
};

targetSuite("sqs", withQueue);
sourceSuite("sqs", withQueue);

test("an event that is larger than a message may be is refused, not cut", async () => {
  const queue = await withQueue();
  const deliver = async (sizeBytes: number) =>
    queue.target?.deliver(arn, { body: Buffer.alloc(sizeBytes, "x") }, sender);
  await assert.rejects(deliver(messageBytesMax + 1), /must be shorter than 1048576 bytes/);
  assert.deepEqual(await queue.arrived(), []);
  await deliver(messageBytesMax);
  assert.equal((await queue.arrived())[0]?.length, messageBytesMax);
});

async function withQueue() {
  const sqs = queues(createMemoryState(), createSimClock());
  await sqs.call("CreateQueue", { QueueName: "orders", Attributes: { Policy: JSON.stringify(policy) } });
  return sqs;
}

function queues(state: ReturnType<typeof createMemoryState>, clock: ReturnType<typeof createSimClock>) {
  const store = createMemoryStore(state);
  const random = seededRandom(state.entries.length + 1);
  const sqs = createSqs({ clock, random, store, logger: silentLogger, metrics: createMetrics() });
  const ctx = {
    account: sender.account,
    region: sender.region,
    identity: { account: sender.account },
    signal: new AbortController().signal,
    endpoint: "http://localhost:4566",
  } as Context;
  const call = (name: "CreateQueue" | "SendMessage" | "ReceiveMessage", input: object) =>
    (sqs.operations[name] as unknown as Operation<object, object>)(input, ctx);
  const under = {
    call,
    clock,
    target: sqs.target,
    source: sqs.source,
    arn,
    missingArn: "arn:aws:sqs:us-east-1:000000000000:gone",
    async put(...bodies: readonly string[]) {
      for (const MessageBody of bodies) await call("SendMessage", { QueueUrl, MessageBody });
    },
    async arrived() {
      const answer = await call("ReceiveMessage", { QueueUrl, MaxNumberOfMessages: 10 });
      const { Messages = [] } = answer as { readonly Messages?: readonly { readonly Body: string }[] };
      return Messages.map(({ Body }) => Body);
    },
    async crashed(): Promise<TargetUnderTest & SourceUnderTest> {
      void store.close();
      const next = queues(state, clock);
      await next.start();
      return next;
    },
    start: async () => void (await sqs.start?.()),
  };
  return under;
}
