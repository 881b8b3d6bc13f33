/** CloudWatch Logs through its operations, on the store in memory and a clock that stands still. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimClock } from "../../base/clock-sim.ts";
import { silentLogger } from "../../base/logger.ts";
import { createMetrics } from "../../base/metrics.ts";
import { seededRandom } from "../../base/random.ts";
import { logLineHeldBytes, logPendingBytesMax } from "../../limits.ts";
import { createMemoryStore } from "../../store/memory/memory-store.ts";
import type { Context, Operation } from "../service.ts";
import { createLogs } from "./index.ts";

const ctx = { account: "000000000000", region: "us-east-1" } as Context;
const group = "/aws/lambda/echo";
const stream = "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef";

function started() {
  const clock = createSimClock();
  const store = createMemoryStore();
  const deps = { clock, random: seededRandom(1), store, logger: silentLogger, metrics: createMetrics() };
  const logs = createLogs(deps);
  type Answer = Record<string, unknown> & {
    events: { message: string; timestamp: number; logStreamName: string; eventId: string }[];
  };
  const call = async (name: string, input: object): Promise<Answer> => {
    const operation = logs.operations[name];
    assert(typeof operation === "function", `${name} is implemented`);
    return (await (operation as Operation<object, object>)(input, ctx)) as Answer;
  };
  const print = (message: string, timestampMs = clock.now(), name = stream) =>
    logs.sink.append({ ...ctx, group, stream: name }, timestampMs, message);
  const messages = async (input: object = {}) =>
    (await call("FilterLogEvents", { logGroupName: group, ...input })).events.map(({ message }) => message);
  return { clock, logs, store, call, print, messages, deps };
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => assert.fail("it was not refused"),
    (caught: Error & { code: string }) => caught,
  );
  return `${error.code}: ${error.message}`;
}

test("what a function printed is there for the next reader, group and stream included", async () => {
  const { call, print, messages } = started();
  print("one\n");
  print("two\n");
  assert.deepEqual(await messages(), ["one\n", "two\n"]);
  const { logGroups } = await call("DescribeLogGroups", { logGroupNamePrefix: "/aws/lambda/" });
  assert.deepEqual(logGroups, [
    {
      logGroupName: group,
      creationTime: Date.UTC(2026, 0, 1),
      retentionInDays: undefined,
      metricFilterCount: 0,
      arn: `arn:aws:logs:us-east-1:000000000000:log-group:${group}:*`,
      storedBytes: 60,
      logGroupClass: "STANDARD",
      logGroupArn: `arn:aws:logs:us-east-1:000000000000:log-group:${group}`,
      deletionProtectionEnabled: false,
    },
  ]);
  const { logStreams } = await call("DescribeLogStreams", { logGroupName: group });
  assert.equal((logStreams as { logStreamName: string }[])[0]?.logStreamName, stream);
});

test("lines are written by themselves within a second, and survive the process", async () => {
  const { clock, deps, print } = started();
  print("kept\n");
  await clock.advance(1001);
  const reopened = createLogs(deps).operations["FilterLogEvents"] as unknown as Operation<
    object,
    { events: { message: string }[] }
  >;
  const { events } = await reopened({ logGroupName: group }, ctx);
  assert.deepEqual(
    events.map(({ message }) => message),
    ["kept\n"],
  );
});

test("events of several streams come back in the order of their time, then of their arrival", async () => {
  const { clock, print, messages } = started();
  const at = clock.now();
  print("c", at + 2, "b");
  print("a", at, "a");
  await clock.advance(2000);
  print("b1", at + 1, "a");
  print("b2", at + 1, "b");
  assert.deepEqual(await messages(), ["a", "b1", "b2", "c"]);
  assert.deepEqual(await messages({ startTime: at + 1, endTime: at + 1 }), ["b1", "b2"]);
  assert.deepEqual(await messages({ logStreamNames: ["b"] }), ["b2", "c"]);
  assert.deepEqual(await messages({ logStreamNamePrefix: "a" }), ["a", "b1"]);
});

test("FilterLogEvents pages through everything once, whatever the page's size", async () => {
  const { clock, call, print } = started();
  for (let count = 0; count < 100; count += 1) {
    print(`line ${count}`, clock.now() + (count % 7), `stream-${count % 3}`);
    if (count % 20 === 19) await clock.advance(1500);
  }
  const whole = (await call("FilterLogEvents", { logGroupName: group })).events.map(({ eventId }) => eventId);
  assert.equal(new Set(whole).size, 100);
  for (const limit of [1, 7, 100]) {
    const seen: string[] = [];
    let nextToken: string | undefined;
    do {
      const page: Record<string, unknown> = await call("FilterLogEvents", {
        logGroupName: group,
        limit,
        nextToken,
      });
      seen.push(...(page["events"] as { eventId: string }[]).map(({ eventId }) => eventId));
      nextToken = page["nextToken"] as string | undefined;
    } while (nextToken);
    assert.deepEqual(seen, whole, `limit ${limit}`);
  }
});

test("GetLogEvents gives the latest page first, walks both ways, and repeats its token at either end", async () => {
  const { clock, call, print } = started();
  for (let count = 0; count < 10; count += 1) print(String(count), clock.now() + count);
  const get = async (input: object) => {
    const page = await call("GetLogEvents", {
      logGroupName: group,
      logStreamName: stream,
      limit: 4,
      ...input,
    });
    return {
      text: page.events.map(({ message }) => message).join(""),
      ...(page as unknown as { nextForwardToken: string; nextBackwardToken: string }),
    };
  };
  const latest = await get({});
  assert.equal(latest.text, "6789");
  const before = await get({ nextToken: latest.nextBackwardToken });
  assert.equal(before.text, "2345");
  assert.equal((await get({ nextToken: before.nextForwardToken })).text, "6789");
  const beyond = await get({ nextToken: latest.nextForwardToken });
  assert.deepEqual([beyond.text, beyond.nextForwardToken], ["", latest.nextForwardToken]);
  assert.equal((await get({ startFromHead: true })).text, "0123");
  assert.equal((await get({ startFromHead: true, endTime: clock.now() + 2 })).text, "01");
  print("new", clock.now() + 20);
  assert.equal((await get({ nextToken: beyond.nextForwardToken })).text, "new");
});

test("PutLogEvents takes what it can and says what it rejected", async () => {
  const { clock, call, messages } = started();
  await call("CreateLogGroup", { logGroupName: group });
  await call("CreateLogStream", { logGroupName: group, logStreamName: stream });
  const put = (...timestamps: number[]) =>
    call("PutLogEvents", {
      logGroupName: group,
      logStreamName: stream,
      logEvents: timestamps.map((timestamp) => ({ timestamp, message: `at ${timestamp - clock.now()}` })),
    });
  const now = clock.now();
  const hour = 3_600_000;
  assert.equal((await put(now, now))["rejectedLogEventsInfo"], undefined);
  assert.deepEqual((await put(now - 30 * 24 * hour))["rejectedLogEventsInfo"], {
    tooOldLogEventEndIndex: 1,
    expiredLogEventEndIndex: undefined,
    tooNewLogEventStartIndex: undefined,
  });
  assert.deepEqual((await put(now + 1, now + 3 * hour))["rejectedLogEventsInfo"], {
    tooOldLogEventEndIndex: undefined,
    expiredLogEventEndIndex: undefined,
    tooNewLogEventStartIndex: 1,
  });
  assert.deepEqual(await messages(), ["at 0", "at 0", "at 1"]);
  assert.equal(
    await refusal(put(now, now - 1)),
    "InvalidParameterException: Log events in a single PutLogEvents request must be in chronological order.",
  );
  assert.equal(
    await refusal(put(now - 25 * hour, now)),
    "InvalidParameterException: The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
  );
});

const refusals: readonly (readonly [operation: string, input: object, expected: string])[] = [
  [
    "FilterLogEvents",
    { logGroupName: "none" },
    "ResourceNotFoundException: The specified log group does not exist.",
  ],
  [
    "GetLogEvents",
    { logGroupName: group, logStreamName: "none" },
    "ResourceNotFoundException: The specified log stream does not exist.",
  ],
  [
    "GetLogEvents",
    { logGroupName: group, logStreamName: stream, nextToken: "x" },
    "InvalidParameterException: The specified nextToken is invalid.",
  ],
  [
    "CreateLogGroup",
    { logGroupName: group },
    "ResourceAlreadyExistsException: The specified log group already exists",
  ],
  [
    "CreateLogStream",
    { logGroupName: group, logStreamName: stream },
    "ResourceAlreadyExistsException: The specified log stream already exists",
  ],
  [
    "FilterLogEvents",
    { logGroupName: group, filterPattern: '"open' },
    "InvalidParameterException: Invalid filter pattern",
  ],
  [
    "DescribeLogGroups",
    { logGroupNamePrefix: "a", logGroupNamePattern: "b" },
    "InvalidParameterException: LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
  ],
  [
    "DescribeLogStreams",
    { logGroupName: group, orderBy: "LastEventTime", logStreamNamePrefix: "a" },
    "InvalidParameterException: Cannot order by LastEventTime with a logStreamNamePrefix.",
  ],
  [
    "DescribeLogStreams",
    { logGroupName: group, logGroupIdentifier: group },
    "ValidationException: LogGroup name and LogGroup ARN are mutually exclusive parameters.",
  ],
];

for (const [operation, input, expected] of refusals) {
  test(`${operation} ${JSON.stringify(input)} is refused as AWS refuses it`, async () => {
    const { call, print } = started();
    print("line");
    assert.equal(await refusal(call(operation, input)), expected);
  });
}

test("a stream that was deleted and made again does not show the events of its predecessor", async () => {
  const { call, print, messages } = started();
  print("old");
  await call("DeleteLogStream", { logGroupName: group, logStreamName: stream });
  assert.deepEqual(await messages(), []);
  print("new");
  assert.deepEqual(await messages(), ["new"]);
});

test("deleting a group removes everything in it", async () => {
  const { call, print, store } = started();
  print("line");
  await call("DeleteLogGroup", { logGroupName: group });
  assert.deepEqual(await store.scan({ prefix: "logs/", limit: 10 }), []);
});

test("events older than the retention are out of sight at once and off the disk with the next sweep", async () => {
  const { clock, call, logs, print, messages, store } = started();
  print("old");
  await call("PutRetentionPolicy", { logGroupName: group, retentionInDays: 1 });
  assert.deepEqual(await messages(), ["old"]);
  await clock.advance(25 * 3_600_000);
  print("new");
  assert.deepEqual(await messages(), ["new"]);
  const stop = await logs.start?.();
  await clock.advance(1000);
  assert.equal((await store.scan({ prefix: "logs/chunk", limit: 10 })).length, 1);
  await stop?.();
});

test("groups are listed in pages by name, and tags are one store for both kinds of operation", async () => {
  const { call } = started();
  for (const logGroupName of ["b", "a", "c"])
    await call("CreateLogGroup", { logGroupName, tags: { name: logGroupName } });
  const first = await call("DescribeLogGroups", { limit: 2 });
  const names = (answer: Record<string, unknown>) =>
    (answer["logGroups"] as { logGroupName: string }[]).map((one) => one.logGroupName);
  assert.deepEqual(names(first), ["a", "b"]);
  assert.deepEqual(names(await call("DescribeLogGroups", { limit: 2, nextToken: first["nextToken"] })), [
    "c",
  ]);
  await call("TagLogGroup", { logGroupName: "a", tags: { more: "yes" } });
  const resourceArn = "arn:aws:logs:us-east-1:000000000000:log-group:a:*";
  await call("UntagResource", { resourceArn, tagKeys: ["name"] });
  assert.deepEqual(await call("ListTagsForResource", { resourceArn }), { tags: { more: "yes" } });
});

test("lines beyond what may wait in memory are dropped and counted, not kept", async () => {
  const { deps, print } = started();
  const line = "x".repeat(1024 * 1024);
  for (let count = 0; count < 200; count += 1) print(line);
  assert.match(deps.metrics.render(), /lambdad_log_lines_dropped_total [1-9]/);
});

test("short lines count with what they take: so many wait, and no more", async () => {
  const { deps, print } = started();
  const waiting = Math.floor(logPendingBytesMax / (logLineHeldBytes + 1));
  for (let count = 0; count < waiting; count += 1) print("x");
  assert.match(deps.metrics.render(), /lambdad_log_lines_dropped_total 0/);
  print("x");
  assert.match(deps.metrics.render(), /lambdad_log_lines_dropped_total 1/);
});

test("a stream's name is text", async () => {
  const { call } = started();
  await call("CreateLogGroup", { logGroupName: "g" });
  const made = call("CreateLogStream", { logGroupName: "g", logStreamName: "\ud800" });
  await assert.rejects(made, { code: "InvalidParameterException" });
});
