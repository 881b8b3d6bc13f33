/** S3 through its operations, on a store and a disk in memory and a clock that stands still until it is moved. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimClock } from "../../base/clock-sim.ts";
import { createSimDisk } from "../../base/disk-sim.ts";
import { silentLogger } from "../../base/logger.ts";
import { createMetrics } from "../../base/metrics.ts";
import { seededRandom } from "../../base/random.ts";
import { sender, targetSuite, type TargetUnderTest } from "../../events/target.suite.ts";
import type { Deliver } from "../../events/ports.ts";
import { outboxRetryMsMin, s3SweepMs, scrubPauseMs } from "../../limits.ts";
import { createMemoryState, createMemoryStore } from "../../store/memory/memory-store.ts";
import { AwsError } from "../../wire/aws-error.ts";
import { until } from "../../../test/harness/wait.ts";
import type { Context, Operation } from "../service.ts";
import { createS3 } from "./index.ts";

const account = "000000000000";
const day = 86_400_000;

/** What outlives a crash. */
function machine() {
  return {
    state: createMemoryState(),
    disk: createSimDisk(seededRandom(7)),
    clock: createSimClock(Date.UTC(2026, 0, 1, 12)),
    delivered: [] as { readonly arn: string; readonly record: DeliveredRecord }[],
    starts: 0,
  };
}

interface DeliveredRecord {
  readonly eventName: string;
  readonly s3: { readonly object: { readonly key: string; readonly sequencer: string } };
}

type Answer = Record<string, unknown>;

async function started(on = machine(), refuse?: () => Error | undefined) {
  on.starts += 1;
  const deliver: Deliver = async (arn, { body }) => {
    const error = refuse?.();
    if (error) throw error;
    const { Records = [] } = JSON.parse(Buffer.from(body).toString()) as { Records?: DeliveredRecord[] };
    for (const record of Records) on.delivered.push({ arn, record });
  };
  const metrics = createMetrics();
  const s3 = createS3({
    clock: on.clock,
    random: seededRandom(on.starts),
    store: createMemoryStore(on.state),
    disk: on.disk,
    dir: "/objects",
    logger: silentLogger,
    metrics,
    deliver,
    secure: false,
  });
  const stop = await s3.start?.();
  const ctx = {
    account,
    region: "us-east-1",
    identity: { account, signed: "none" },
    requestId: "r",
  } as Context;
  const call = async (name: string, input: object): Promise<Answer> => {
    const operation = s3.operations[name as "PutObject"] as unknown as Operation<object, object>;
    return (await operation(input, ctx)) as Answer;
  };
  const put = (Key: string, text: string, more: object = {}) =>
    call("PutObject", { Bucket: "box", Key, Body: Buffer.from(text), ...more });
  const read = async (Key: string, more: object = {}) => {
    const { Body } = await call("GetObject", { Bucket: "box", Key, ...more });
    if (Body instanceof Uint8Array) return Buffer.from(Body).toString();
    const chunks: Uint8Array[] = [];
    for await (const chunk of Body as AsyncIterable<Uint8Array>) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };
  return { ...on, on, s3, call, put, read, stop: async () => stop?.(), metrics };
}

async function withBucket(on = machine(), refuse?: () => Error | undefined) {
  const made = await started(on, refuse);
  await made.call("CreateBucket", { Bucket: "box" });
  return made;
}

const tellFunction = {
  Bucket: "box",
  SkipDestinationValidation: true,
  NotificationConfiguration: {
    LambdaFunctionConfigurations: [
      {
        LambdaFunctionArn: `arn:aws:lambda:us-east-1:${account}:function:f`,
        Events: [
          "s3:ObjectCreated:*",
          "s3:ObjectRemoved:*",
          "s3:LifecycleExpiration:*",
          "s3:LifecycleTransition",
        ],
      },
    ],
  },
};

const rejectsWith = (promise: Promise<unknown>, code: string) =>
  assert.rejects(promise, (error) => error instanceof AwsError && error.code === code);

test("E1 a notification that could not be delivered before a crash is delivered after it", async () => {
  const before = await withBucket(machine(), () => new Error("nobody listens"));
  await before.call("PutBucketNotificationConfiguration", tellFunction);
  await before.put("k", "text");
  assert.deepEqual(before.delivered, []);
  const after = await started(before.on);
  await until("it has arrived", () => after.delivered.length > 0);
  assert.deepEqual(
    after.delivered.map(({ record }) => [record.eventName, record.s3.object.key]),
    [["ObjectCreated:Put", "k"]],
  );
  await after.stop();
  const again = await started(before.on);
  await again.stop();
  assert.equal(again.delivered.length, 1, "what was delivered is not delivered again");
});

test("what fails is tried again, what is refused for good is given up", async () => {
  const errors = [new Error("busy"), new Error("busy"), undefined];
  const tried = await withBucket(machine(), () => errors.shift());
  await tried.call("PutBucketNotificationConfiguration", tellFunction);
  await tried.put("k", "text");
  await tried.clock.advance(outboxRetryMsMin * 4);
  await until("it has arrived", () => tried.delivered.length === 1);

  let asked = 0;
  const refused = await withBucket(machine(), () => {
    asked += 1;
    return new AwsError("AccessDenied", "no", { status: 403 });
  });
  await refused.call("PutBucketNotificationConfiguration", tellFunction);
  await refused.put("k", "text");
  await until("it was tried", () => asked === 1);
  await refused.clock.advance(day);
  assert.equal(asked, 1);
});

test("L2 an upload that fails on the disk leaves neither a record nor a file", async () => {
  const { call, disk, put, read } = await withBucket();
  await put("old", "old");
  const files = disk.files();
  disk.failFrom(2, "ENOSPC");
  await assert.rejects(put("old", "new"));
  disk.restart();
  assert.equal(await read("old"), "old");
  assert.deepEqual(disk.files(), files);
  assert.equal(((await call("ListObjectsV2", { Bucket: "box" }))["Contents"] as unknown[]).length, 1);
});

test("files that no record names are swept after a start; those of objects stay", async () => {
  const before = await withBucket();
  await before.put("k", "kept");
  await before.disk.makeDirs("/objects/ab");
  const orphan = await before.disk.create("/objects/ab/orphan");
  await orphan.write(Buffer.from("lost"));
  const after = await started(before.on);
  await until("the orphan is gone", () => !after.disk.files().includes("/objects/ab/orphan"));
  assert.equal(await after.read("k"), "kept");
});

test("bytes of what is overwritten or deleted go, of versions when the version goes", async () => {
  const { call, disk, put, read } = await withBucket();
  const count = () => disk.files().length;
  await put("k", "one");
  await put("k", "two");
  await until("one file is left", () => count() === 1);
  await call("PutBucketVersioning", { Bucket: "box", VersioningConfiguration: { Status: "Enabled" } });
  const { VersionId } = await put("k", "three");
  await call("DeleteObject", { Bucket: "box", Key: "k" });
  assert.equal(count(), 2);
  assert.equal(await read("k", { VersionId: "null" }), "two");
  await call("DeleteObject", { Bucket: "box", Key: "k", VersionId });
  await call("DeleteObject", { Bucket: "box", Key: "k", VersionId: "null" });
  await until("no file is left", () => count() === 0);
});

test("many writers of one key end in one of their versions, and conditions let only one through", async () => {
  const { disk, put, read } = await withBucket();
  const writers = Array.from({ length: 20 }, (_, index) => put("k", `w${index}`, { IfNoneMatch: "*" }));
  const ended = await Promise.allSettled(writers);
  assert.equal(ended.filter(({ status }) => status === "fulfilled").length, 1);
  await Promise.all(Array.from({ length: 20 }, (_, index) => put("k", `x${index}`)));
  assert.match(await read("k"), /^x\d+$/);
  await until("one file is left", () => disk.files().length === 1);
});

test("what is too long for a key leaves no delete marker", async () => {
  const { call, stop } = await withBucket();
  const VersioningConfiguration = { Status: "Enabled" };
  await call("PutBucketVersioning", { Bucket: "box", VersioningConfiguration });
  await rejectsWith(call("DeleteObject", { Bucket: "box", Key: "k".repeat(3000) }), "KeyTooLongError");
  const { DeleteMarker } = await call("DeleteObject", { Bucket: "box", Key: "k".repeat(1024) });
  assert.equal(DeleteMarker, true);
  await stop();
});

test("a bucket that is written to while it is deleted is either gone or not empty, never half", async () => {
  const { call, put, read } = await withBucket();
  const [deleted, written] = await Promise.allSettled([
    call("DeleteBucket", { Bucket: "box" }),
    put("k", "x"),
  ]);
  if (deleted.status === "fulfilled") {
    assert.equal(written.status, "rejected");
    await rejectsWith(read("k"), "NoSuchBucket");
  } else {
    assert.equal(written.status, "fulfilled");
    assert.equal(await read("k"), "x");
  }
});

test("completing an upload twice at once makes one object; an aborted one leaves nothing", async () => {
  const { call, disk, on, read } = await withBucket();
  const { UploadId } = await call("CreateMultipartUpload", { Bucket: "box", Key: "k" });
  const upload = { Bucket: "box", Key: "k", UploadId };
  const { ETag } = await call("UploadPart", { ...upload, PartNumber: 1, Body: Buffer.from("part") });
  await call("UploadPart", { ...upload, PartNumber: 2, Body: Buffer.from("unlisted") });
  const complete = () =>
    call("CompleteMultipartUpload", { ...upload, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } });
  const ended = await Promise.allSettled([complete(), complete()]);
  assert(ended.some(({ status }) => status === "fulfilled"));
  assert.equal(await read("k"), "part");
  await until("the unlisted part is gone", () => disk.files().length === 1);
  const second = await call("CreateMultipartUpload", { Bucket: "box", Key: "k" });
  const other = { ...upload, UploadId: second["UploadId"] };
  await call("UploadPart", { ...other, PartNumber: 1, Body: Buffer.from("never") });
  await call("AbortMultipartUpload", other);
  await rejectsWith(
    call("UploadPart", { ...other, PartNumber: 2, Body: Buffer.from("late") }),
    "NoSuchUpload",
  );
  await until("its part is gone", () => disk.files().length === 1);
  await call("DeleteObject", { Bucket: "box", Key: "k" });
  await until("nothing is left", () => disk.files().length === 0);
  await until("no record is left of them", () =>
    on.state.entries.every(({ key }) => !/^s3\/(part|layout|rubbish|file|upload) /.test(key)),
  );
});

test("a bucket that is deleted takes its unfinished uploads with it", async () => {
  const { call, disk, on } = await withBucket();
  const { UploadId } = await call("CreateMultipartUpload", { Bucket: "box", Key: "k" });
  await call("UploadPart", { Bucket: "box", Key: "k", UploadId, PartNumber: 1, Body: Buffer.from("part") });
  await call("DeleteBucket", { Bucket: "box" });
  await until("nothing is left", () => disk.files().length === 0);
  await until("no record is left", () => on.state.entries.every(({ key }) => !key.startsWith("s3/")));
});

test("lifecycle rules: what is due goes and is told of, the rest stays", async () => {
  const made = await withBucket();
  const { call, clock, delivered, put, read } = made;
  await call("PutBucketNotificationConfiguration", tellFunction);
  await call("PutBucketLifecycleConfiguration", {
    Bucket: "box",
    LifecycleConfiguration: {
      Rules: [{ ID: "r", Status: "Enabled", Filter: { Prefix: "tmp/" }, Expiration: { Days: 1 } }],
    },
  });
  const { Expiration } = await put("tmp/a", "x");
  assert.equal(Expiration, 'expiry-date="Sat, 03 Jan 2026 00:00:00 GMT", rule-id="r"');
  await put("kept", "x");
  await clock.advance(1.4 * day);
  assert.equal(await read("tmp/a"), "x");
  await clock.advance(0.2 * day + s3SweepMs);
  await until("it is gone", () =>
    delivered.some(({ record }) => record.eventName === "LifecycleExpiration:Delete"),
  );
  await rejectsWith(read("tmp/a"), "NoSuchKey");
  assert.equal(await read("kept"), "x");
  await made.stop();
});

test("lifecycle rules: what is due gets its storage class, bytes and versions stay", async () => {
  const made = await withBucket();
  const { call, clock, delivered, put, read } = made;
  await call("PutBucketVersioning", { Bucket: "box", VersioningConfiguration: { Status: "Enabled" } });
  await call("PutBucketNotificationConfiguration", tellFunction);
  await call("PutBucketLifecycleConfiguration", {
    Bucket: "box",
    LifecycleConfiguration: {
      Rules: [
        {
          Status: "Enabled",
          Filter: { ObjectSizeGreaterThan: 0 },
          Transitions: [{ Days: 0, StorageClass: "GLACIER" }],
          NoncurrentVersionTransitions: [{ NoncurrentDays: 1, StorageClass: "GLACIER_IR" }],
        },
      ],
    },
  });
  const { VersionId: older } = await put("k", "old");
  const { VersionId: newer } = await put("k", "new");
  await clock.advance(3 * day);
  const isTold = () => delivered.filter(({ record }) => record.eventName === "LifecycleTransition");
  await until("both are told of", () => isTold().length === 2);
  await rejectsWith(read("k"), "InvalidObjectState");
  assert.equal((await call("HeadObject", { Bucket: "box", Key: "k" }))["VersionId"], newer);
  const past = await call("GetObject", { Bucket: "box", Key: "k", VersionId: older });
  assert.equal(past["StorageClass"], "GLACIER_IR");
  await call("RestoreObject", { Bucket: "box", Key: "k", RestoreRequest: { Days: 1 } });
  assert.equal(await read("k"), "new");
  await made.stop();
});

test("the scrub finds what the disk has damaged, and only that", async () => {
  const made = await withBucket();
  const { call, clock, disk, metrics, put } = made;
  await put("good", "good");
  const before = new Set(disk.files());
  await put("bad", "bad");
  disk.damage(disk.files().find((each) => !before.has(each)) ?? "");
  await clock.advance(scrubPauseMs + 10_000);
  await until("it was found", () => /^lambdad_s3_damaged_total 1$/m.test(metrics.render()));
  await call("DeleteObject", { Bucket: "box", Key: "bad" });
  await clock.advance(scrubPauseMs + 10_000);
  assert.match(metrics.render(), /^lambdad_s3_damaged_total 1$/m);
  await made.stop();
});

const arn = "arn:aws:s3:::box";

targetSuite("s3", async () => {
  const made = await withBucket();
  const Policy = JSON.stringify({
    Version: "2012-10-17",
    Statement: {
      Effect: "Allow",
      Principal: { Service: sender.principal },
      Action: "s3:PutObject",
      Resource: `${arn}/*`,
      Condition: { ArnLike: { "aws:SourceArn": sender.sourceArn } },
    },
  });
  await made.call("PutBucketPolicy", { Bucket: "box", Policy });
  return underTest(made);
});

function underTest({ call, on, read, s3 }: Awaited<ReturnType<typeof started>>): TargetUnderTest {
  return {
    target: s3.target,
    arn,
    missingArn: "arn:aws:s3:::missing",
    async arrived() {
      const { Contents } = await call("ListObjectsV2", { Bucket: "box" });
      return Promise.all((Contents as { Key: string }[]).map(({ Key }) => read(Key)));
    },
    crashed: async () => underTest(await started(on)),
  };
}
