/**
 * kill -9 a running lambdad at random moments under a load of S3 uploads, single and multipart, overwrites and deletions,
 * again and again on one data directory. Then: every object that was acknowledged is there, whole; whatever else is
 * visible is whole, too; a queue has been told of every acknowledged object; and when all objects are deleted no file
 * is left. More rounds, or one again:
 *
 *     node test/chaos/s3-crash.test.ts --rounds 100 --seed 42
 */
import assert from "node:assert/strict";
import { createHash, randomInt } from "node:crypto";
import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import * as S3 from "@aws-sdk/client-s3";
import * as SQS from "@aws-sdk/client-sqs";
import type { Random } from "../../src/base/random.ts";
import { seededRandom } from "../../src/base/random.ts";
import type { RunningServer } from "../harness/server.ts";
import { startServer } from "../harness/server.ts";
import { until } from "../harness/wait.ts";

const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "4" }, seed: { type: "string" } },
  strict: false,
});
const rounds = Number(options.rounds);
const seed = Number(options.seed ?? randomInt(2 ** 31));
const Bucket = "crashes";
const connections = 6;
const partBytes = 5 * 1024 * 1024;

/** What must be true afterwards. A key is written once, but for `overwritten`. */
interface Ledger {
  next: number;
  /** Key → its bytes, by the number that they are made from. */
  readonly acknowledged: Map<string, number>;
  /** Deletions that were sent, and may or may not have happened. */
  readonly deleting: Set<string>;
}

test("L2 E1 whatever moment lambdad is killed at, acknowledged objects are whole, told of, and nothing leaks", async () => {
  console.log(`S3 crash test: seed ${seed}, ${rounds} rounds`);
  const random = seededRandom(seed);
  const dir = await mkdtemp(join(tmpdir(), "lambdad-s3-crash-"));
  const ledger: Ledger = { next: 1, acknowledged: new Map(), deleting: new Set() };
  for (let round = 0; round < rounds; round += 1) {
    const server = await startAt(dir);
    if (round === 0) await prepare(server.url);
    await killUnderLoad(server, random, (stop) => load(server.url, ledger, stop));
  }

  const server = await startAt(dir);
  const s3 = s3Of(server.url);
  const told = await keysTold(server.url);
  let visible = 0;
  for await (const page of S3.paginateListObjectsV2({ client: s3 }, { Bucket })) {
    for (const { Key = "" } of page.Contents ?? []) {
      visible += 1;
      await requireWhole(s3, Key);
    }
  }
  for (const [key, number] of ledger.acknowledged) {
    if (ledger.deleting.has(key)) continue;
    const got = await s3.send(new S3.GetObjectCommand({ Bucket, Key: key }));
    const bytes = Buffer.from((await got.Body?.transformToByteArray()) ?? []);
    assert(
      bytes.equals(bytesOf(number, bytes.length)) && bytes.length > 0,
      `seed ${seed}: ${key} is what was put`,
    );
    assert(told.has(key), `seed ${seed}: the queue was told of ${key}`);
  }
  console.log(
    `S3 crash test: ${ledger.acknowledged.size} acknowledged, ${visible} visible, ${ledger.next - 1} sent`,
  );
  assert(ledger.acknowledged.size > rounds * 5, "there was load");

  await removeAll(s3);
  await until("no file is left", () => filesIn(join(dir, "data", "objects")).length === 0, 30_000);
  assert.equal(await server.stop(), 0);
  await rm(dir, { recursive: true });
});

/** Repeats itself for a number, and differs between numbers. */
function bytesOf(number: number, length: number): Buffer {
  const seedBytes = createHash("sha256").update(String(number)).digest();
  return Buffer.alloc(length, seedBytes);
}

/** Its ETag is that of its bytes: nothing of it is missing. */
async function requireWhole(s3: S3.S3Client, Key: string): Promise<void> {
  const got = await s3.send(new S3.GetObjectCommand({ Bucket, Key }));
  const bytes = Buffer.from((await got.Body?.transformToByteArray()) ?? []);
  const md5 = (part: Uint8Array) => createHash("md5").update(part).digest();
  const isMultipart = got.ETag?.includes("-");
  const parts = [bytes.subarray(0, partBytes), bytes.subarray(partBytes)];
  const etag = isMultipart
    ? `"${md5(Buffer.concat(parts.map(md5))).toString("hex")}-2"`
    : `"${md5(bytes).toString("hex")}"`;
  assert.equal(got.ETag, etag, `seed ${seed}: ${Key} is whole`);
}

function startAt(dir: string): Promise<RunningServer> {
  return startServer({
    dataDir: join(dir, "data"),
    args: ["--isolation", "process", "--log-level", "error"],
  });
}

function settingsOf(url: string) {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  return { endpoint: url, region: "us-east-1", credentials, maxAttempts: 1 };
}

function s3Of(url: string): S3.S3Client {
  return new S3.S3Client({ ...settingsOf(url), forcePathStyle: true });
}

async function prepare(url: string): Promise<void> {
  const s3 = s3Of(url);
  const sqs = new SQS.SQSClient(settingsOf(url));
  await s3.send(new S3.CreateBucketCommand({ Bucket }));
  const QueueArn = "arn:aws:sqs:us-east-1:000000000000:told";
  const Policy = JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Service: "s3.amazonaws.com" },
        Action: "sqs:SendMessage",
        Resource: QueueArn,
      },
    ],
  });
  await sqs.send(new SQS.CreateQueueCommand({ QueueName: "told", Attributes: { Policy } }));
  const QueueConfigurations = [{ QueueArn, Events: ["s3:ObjectCreated:*" as const] }];
  await s3.send(
    new S3.PutBucketNotificationConfigurationCommand({
      Bucket,
      NotificationConfiguration: { QueueConfigurations },
    }),
  );
}

async function killUnderLoad(
  server: RunningServer,
  random: Random,
  run: (stop: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const loaded = run(stop.signal);
  await sleep(400 + random.float() * 1500);
  process.kill(server.pid, "SIGKILL");
  stop.abort();
  await loaded;
  await until("it is gone", () => !isAlive(server.pid));
  server.child.kill("SIGKILL");
}

async function load(url: string, ledger: Ledger, stop: AbortSignal): Promise<void> {
  const s3 = s3Of(url);
  const drive = async () => {
    while (!stop.aborted) {
      const number = ledger.next++;
      const key = `o${number}`;
      try {
        if (number % 7 === 0) await putInParts(s3, key, number);
        else
          await s3.send(
            new S3.PutObjectCommand({ Bucket, Key: key, Body: bytesOf(number, 1 + (number % 9) * 40_000) }),
          );
        ledger.acknowledged.set(key, number);
        if (number % 5 === 0) {
          ledger.deleting.add(key);
          await s3.send(new S3.DeleteObjectCommand({ Bucket, Key: key }));
        }
      } catch {
        if (stop.aborted) return; // it was killed
      }
    }
  };
  await Promise.all(Array.from({ length: connections }, drive));
  s3.destroy();
}

async function putInParts(s3: S3.S3Client, Key: string, number: number): Promise<void> {
  const { UploadId } = await s3.send(new S3.CreateMultipartUploadCommand({ Bucket, Key }));
  const bytes = bytesOf(number, partBytes + 1000);
  const Parts: S3.CompletedPart[] = [];
  for (const [index, Body] of [bytes.subarray(0, partBytes), bytes.subarray(partBytes)].entries()) {
    const order = { Bucket, Key, UploadId, PartNumber: index + 1, Body };
    const { ETag, ChecksumCRC32 } = await s3.send(new S3.UploadPartCommand(order));
    Parts.push({ PartNumber: index + 1, ETag, ...(ChecksumCRC32 !== undefined && { ChecksumCRC32 }) });
  }
  await s3.send(new S3.CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
}

/** Everything that the queue has, once nothing more comes. */
async function keysTold(url: string): Promise<Set<string>> {
  const sqs = new SQS.SQSClient(settingsOf(url));
  const QueueUrl = `${url}/000000000000/told`;
  await until("all notifications are out", async () => {
    const text = await (await fetch(`${url}/_lambdad/metrics`)).text();
    return /^lambdad_s3_notifications_waiting 0$/m.test(text);
  });
  const keys = new Set<string>();
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new SQS.ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
    );
    if (Messages.length === 0) return keys;
    for (const { Body = "" } of Messages) {
      const { Records = [] } = JSON.parse(Body) as { Records?: { s3: { object: { key: string } } }[] };
      for (const { s3 } of Records) keys.add(s3.object.key);
    }
    const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
    await sqs.send(new SQS.DeleteMessageBatchCommand({ QueueUrl, Entries }));
  }
}

async function removeAll(s3: S3.S3Client): Promise<void> {
  for await (const page of S3.paginateListObjectsV2({ client: s3 }, { Bucket })) {
    const Objects = (page.Contents ?? []).map(({ Key }) => ({ Key }));
    if (Objects.length > 0) await s3.send(new S3.DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  }
  const { Uploads = [] } = await s3.send(new S3.ListMultipartUploadsCommand({ Bucket }));
  for (const { Key, UploadId } of Uploads) {
    await s3.send(new S3.AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
  }
}

function filesIn(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
