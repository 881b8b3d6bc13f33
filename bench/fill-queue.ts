/**
 * Fills a queue with what nobody takes out, asynchronous events of 100 functions or messages of one SQS queue, of 200 bytes
 * each, and prints what that costs in resident memory, as JSON: above the idle process at once, when it has rested,
 * and above it for one that is started on such a queue. By hand, since it takes minutes:
 *
 *     node bench/fill-queue.ts async 1000000
 *     node bench/fill-queue.ts sqs 1000000
 *
 * Each figure comes from a process of its own that holds the store and the queue and nothing else of lambdad, with the
 * option with which `bin/lambdad.js` starts lambdad. The store is in the system's folder for temporary files: 2 GB a million.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../src/base/clock.ts";
import { silentLogger } from "../src/base/logger.ts";
import { createMetrics } from "../src/base/metrics.ts";
import { systemRandom } from "../src/base/random.ts";
import { AsyncQueue } from "../src/events/async/queue.ts";
import { verdict } from "../src/events/async/verdict.ts";
import type { Context, Operation } from "../src/services/service.ts";
import { createSqs } from "../src/services/sqs/index.ts";
import { openSqliteStore } from "../src/store/sqlite/sqlite-store.ts";
import type { Store } from "../src/store/store.ts";

const senders = 50;
const restMs = 15_000;
const account = "000000000000";
const region = "us-east-1";
const text = "x".repeat(200);
const base = { clock: systemClock, logger: silentLogger };

/** Sends ten, numbered from `at` on; messages as one batch. */
type SendTen = (at: number) => Promise<unknown>;
const queues: Readonly<Record<string, (store: Store) => Promise<SendTen>>> = {
  async: openAsync,
  sqs: openSqs,
};

/** Its functions are throttled for ever. */
async function openAsync(store: Store): Promise<SendTen> {
  const queue = new AsyncQueue({
    ...base,
    random: systemRandom,
    store,
    metrics: createMetrics(),
    deliver: async () => undefined,
    retryDelaysMs: [60_000],
    verdict,
  });
  const none = { onSuccessArn: undefined, onFailureArn: undefined, deadLetterArn: undefined };
  await queue.work({
    settingsOf: async () => ({ retriesMax: 2, ageMsMax: 21_600_000, ...none }),
    attempt: async () => ({ kind: "throttled" }),
    onPermitFree: () => undefined,
  });
  const payload = Buffer.from(JSON.stringify(text));
  const send = (at: number) =>
    queue.append({
      ...{ account, region, payload, qualifier: undefined, clientContext: undefined },
      requestId: systemRandom.uuid(),
      functionName: `function-${at % 100}`,
      traceHeader: "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0",
    });
  return async (at) => {
    for (let one = 0; one < 10; one += 1) await send(at + one);
  };
}

async function openSqs(store: Store): Promise<SendTen> {
  const sqs = createSqs({ ...base, random: systemRandom, store, metrics: createMetrics() });
  await sqs.start?.();
  const signal = new AbortController().signal;
  const ctx = { account, region, identity: { account }, endpoint: "http://x", signal } as unknown as Context;
  const call = (name: string, input: object) =>
    (sqs.operations[name as "SendMessage"] as unknown as Operation<object, object>)(input, ctx);
  await call("CreateQueue", { QueueName: "q" });
  await call("GetQueueAttributes", { QueueUrl: "q", AttributeNames: ["ApproximateNumberOfMessages"] });
  const Entries = Array.from({ length: 10 }, (_, at) => ({ Id: `${at}`, MessageBody: text }));
  return () => call("SendMessageBatch", { QueueUrl: "q", Entries });
}

async function fill(kind: string, dir: string, count: number) {
  const sendTen = await open(kind, dir);
  const idleMb = residentMb();
  const startMs = performance.now();
  let sent = 0;
  const sender = async () => {
    for (let at = sent; at < count; at = sent) {
      sent += 10;
      await sendTen(at);
    }
  };
  await Promise.all(Array.from({ length: senders }, sender));
  const perSecond = Math.round(count / ((performance.now() - startMs) / 1000));
  const filledMb = residentMb();
  await systemClock.sleep(restMs);
  return { idleMb, filledMb, restedMb: residentMb(), perSecond };
}

async function reopen(kind: string, dir: string) {
  await open(kind, dir);
  return { reopenedMb: residentMb() };
}

async function open(kind: string, dir: string): Promise<SendTen> {
  const opening = queues[kind];
  if (!opening) throw new Error(`async or sqs is wanted, not ${kind}`);
  const opened = await opening(await openSqliteStore({ dir, ...base }));
  await systemClock.sleep(1000);
  return opened;
}

function residentMb(): number {
  return Math.round(process.memoryUsage.rss() / 1024 / 1024);
}

const [kind = "async", count = "1000000", part, dir = ""] = process.argv.slice(2);
if (part) {
  const found = await (part === "fill" ? fill(kind, dir, Number(count)) : reopen(kind, dir));
  process.stdout.write(JSON.stringify(found));
  // As after a crash: what is in the queue stays.
  process.exit(0);
}
const folder = mkdtempSync(join(tmpdir(), "lambdad-fill-"));
const measured = (name: string): object => {
  const args = ["--max-semi-space-size=16", fileURLToPath(import.meta.url), kind, count, name, folder];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as object;
};
console.log(JSON.stringify({ kind, count: Number(count), ...measured("fill"), ...measured("reopen") }));
rmSync(folder, { recursive: true });
