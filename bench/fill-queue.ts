/**
 * Fills a queue with messages that nobody receives, and prints how much resident memory they have cost, as JSON: against the
 * same process after as much traffic of messages that did not stay, for traffic alone lets a heap grow. By hand, since it
 * takes minutes:
 *
 *     node --expose-gc bench/fill-queue.ts 1000000
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../src/base/clock.ts";
import { silentLogger } from "../src/base/logger.ts";
import { createMetrics } from "../src/base/metrics.ts";
import { systemRandom } from "../src/base/random.ts";
import type { Context, Operation } from "../src/services/service.ts";
import { createSqs } from "../src/services/sqs/index.ts";
import { openSqliteStore } from "../src/store/sqlite/sqlite-store.ts";

const wanted = Number(process.argv[2] ?? 1_000_000);
const dir = mkdtempSync(join(tmpdir(), "lambdad-fill-"));
const common = { clock: systemClock, logger: silentLogger };
const store = await openSqliteStore({ dir, ...common });
const sqs = createSqs({ ...common, random: systemRandom, store, metrics: createMetrics() });
const stop = await sqs.start?.();
const identity = { account: "000000000000" };
const ctx = { ...identity, region: "us-east-1", identity, endpoint: "http://x" } as Context;
const call = (name: string, input: object) =>
  (sqs.operations[name as "SendMessage"] as unknown as Operation<object, object>)(input, ctx);
await call("CreateQueue", { QueueName: "q" });

async function fill(count: number): Promise<void> {
  let sent = 0;
  const senders = Array.from({ length: 50 }, async () => {
    while (sent < count) {
      sent += 10;
      const Entries = Array.from({ length: 10 }, (_, at) => ({ Id: `${at}`, MessageBody: "x".repeat(200) }));
      await call("SendMessageBatch", { QueueUrl: "q", Entries });
    }
  });
  await Promise.all(senders);
}

async function residentMb(): Promise<number> {
  // What the collector and the allocator give back, they give back in their own time.
  for (let round = 0; round < 5; round += 1) {
    globalThis.gc?.();
    await systemClock.sleep(100);
  }
  return process.memoryUsage.rss() / 1024 / 1024;
}

await fill(Math.min(wanted, 100_000));
await call("PurgeQueue", { QueueUrl: "q" });
const beforeMb = await residentMb();
const startMs = performance.now();
await fill(wanted);
const perSecond = wanted / ((performance.now() - startMs) / 1000);
const afterMb = await residentMb();
const heapMb = process.memoryUsage().heapUsed / 1024 / 1024;
console.log(JSON.stringify({ messages: wanted, addedMb: afterMb - beforeMb, afterMb, heapMb, perSecond }));
await stop?.();
await store.close();
rmSync(dir, { recursive: true });
