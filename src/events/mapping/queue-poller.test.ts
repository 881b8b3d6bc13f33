/** What pollers accept, drop, gather and try again, on a played queue in virtual time; partial responses as a table. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimClock } from "../../base/clock-sim.ts";
import { silentLogger } from "../../base/logger.ts";
import { createMetrics } from "../../base/metrics.ts";
import { mappingConcurrencyMax, mappingConcurrencyMin } from "../../limits.ts";
import type { Outcome } from "../../runtime/invocation.ts";
import type { Received, Source } from "../ports.ts";
import { Trail } from "../trail.ts";
import { batchResult } from "./batch-result.ts";
import { createEventCounts } from "./event-counts.ts";
import { pollMappings } from "./pollers.ts";
import type { MappedAnswer, MappedListener, PolledMapping } from "./port.ts";
import { createPollerCounters, QueuePoller } from "./queue-poller.ts";
import { ReaderPace } from "./reader-pace.ts";
import { recordFilter } from "./record-filter.ts";

const done = (payload: string): MappedAnswer => ({
  kind: "done",
  outcome: { kind: "success", payload: Buffer.from(payload) },
});
const functionError: Outcome = { kind: "function-error", payload: Buffer.from("{}"), errorType: "Error" };

const answers: readonly (readonly [payload: string, accepted: readonly number[]])[] = [
  ["null", [0, 1, 2]],
  ["{}", [0, 1, 2]],
  ['{"batchItemFailures":null}', [0, 1, 2]],
  ['{"batchItemFailures":[]}', [0, 1, 2]],
  ['{"batchItemFailures":[{"itemIdentifier":"b"}]}', [0, 2]],
  ['{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"b"}]}', [0, 2]],
  ['{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"b"},{"itemIdentifier":"c"}]}', []],
  ["", []],
  ["not JSON", []],
  ['"ok"', []],
  ["[]", []],
  ['{"foo":[]}', []],
  ['{"batchItemFailures":"b"}', []],
  ['{"batchItemFailures":[{"itemIdentifier":""}]}', []],
  ['{"batchItemFailures":[{"itemIdentifier":null}]}', []],
  ['{"batchItemFailures":[{"foo":"b"}]}', []],
  ['{"batchItemFailures":[null]}', []],
  ['{"batchItemFailures":[{"itemIdentifier":"unknown"}]}', []],
];

for (const [payload, accepted] of answers) {
  test(`M1: with ReportBatchItemFailures, ${payload || "nothing"} accepts ${accepted.length} of three records`, () => {
    assert.deepEqual(batchResult(done(payload), ["a", "b", "c"], true).accepted, accepted);
  });
}

test("M1: without it every answer accepts the whole batch, and every failure none of it", () => {
  assert.deepEqual(
    batchResult(done('{"batchItemFailures":[{"itemIdentifier":"a"}]}'), ["a"], false).accepted,
    [0],
  );
  const failures: MappedAnswer[] = [
    { kind: "done", outcome: functionError },
    { kind: "done", outcome: { kind: "timeout", payload: Buffer.from("{}") } },
    { kind: "recursive" },
    { kind: "throttled", timeoutMs: 1 },
    { kind: "failed", error: new Error("x") },
  ];
  for (const failure of failures) {
    for (const reports of [true, false]) {
      assert.deepEqual(batchResult(failure, ["a"], reports), { accepted: [], kind: "failure" });
    }
  }
});

const filters: readonly (readonly [pattern: object, body: string, passes: boolean])[] = [
  [{ body: { a: [1] } }, '{"a":1}', true],
  [{ body: { a: [1] } }, "plain", false],
  [{ body: ["plain"] }, "plain", true],
  [{ body: ["1"] }, "1", true],
  [{ body: ["x"] }, '{"a":"x"}', false],
  [{ attributes: { MessageGroupId: ["g"] } }, "plain", true],
  [{ attributes: { MessageGroupId: ["h"] } }, '{"a":1}', false],
];
for (const [pattern, body, passes] of filters) {
  test(`the filter ${JSON.stringify(pattern)} ${passes ? "passes" : "drops"} ${body}`, () => {
    const record = { body, attributes: { MessageGroupId: "g" } };
    assert.equal(recordFilter([JSON.stringify(pattern)])(record), passes);
  });
}

test("readers grow while they are all busy, shrink on errors, halve on throttles, and keep within the maximum", () => {
  const pace = paceOf(6);
  pace.succeeded(4);
  assert.equal(pace.width, 5);
  for (let at = 0; at < 5; at += 1) pace.succeeded(pace.width);
  assert.equal(pace.width, 6);
  pace.throttled();
  assert.equal(pace.width, 3);
  for (let at = 0; at < 5; at += 1) pace.failed();
  assert.equal(pace.width, 1);
  assert.equal(paceOf(2).width, 2);
});

const provisioned: readonly (readonly [
  min: number,
  max: number,
  atStart: number,
  floor: number,
  most: number,
])[] = [
  [2, 200, mappingConcurrencyMin, 2, 200],
  [2, 3, 3, 2, 3],
  [40, 40, 40, 40, 40],
  [200, 10_000, 200, 200, mappingConcurrencyMax],
];

for (const [min, max, atStart, floor, most] of provisioned) {
  test(`with ${min} to ${max} pollers there are ${atStart} readers at first, never less than ${floor}, at most ${most}`, () => {
    const pace = new ReaderPace({ concurrencyMax: undefined, pollers: { min, max } });
    assert.equal(pace.width, atStart);
    for (let at = 0; at < 500; at += 1) pace.succeeded(pace.width);
    assert.equal(pace.width, most);
    for (let at = 0; at < 500; at += 1) pace.failed();
    assert.equal(pace.width, floor);
    pace.throttled();
    assert.equal(pace.width, floor);
  });
}

function paceOf(concurrencyMax: number): ReaderPace {
  return new ReaderPace({ concurrencyMax, pollers: undefined });
}

/** A queue that hands out what it is given, and remembers what is acknowledged. */
class PlayedQueue implements Source {
  readonly acked: string[] = [];
  readonly #clock;
  #waiting: Received[] = [];
  #wake: (() => void) | undefined;
  error: Error | undefined;

  constructor(clock: ReturnType<typeof createSimClock>) {
    this.#clock = clock;
  }

  put(...bodies: string[]): void {
    for (const body of bodies) {
      const record = { messageId: body.slice(0, 20), body, attributes: {} };
      this.#waiting.push({ receipt: record.messageId, record, heldUntilMs: this.#clock.now() + 30_000 });
    }
    this.#wake?.();
  }

  async receive(_arn: string, { max, waitMs, signal }: Parameters<Source["receive"]>[1]) {
    if (this.error) throw this.error;
    if (this.#waiting.length === 0) {
      const woken = new Promise<void>((resolve) => (this.#wake = resolve));
      await Promise.race([woken, this.#clock.sleep(waitMs, signal).catch(() => {})]);
    }
    return this.#waiting.splice(0, max);
  }

  async ack(_arn: string, receipts: readonly string[]) {
    this.acked.push(...receipts);
  }

  async retry() {
    assert.fail("nothing is made visible sooner");
  }
}

type Invoke = (bodies: readonly string[]) => Promise<MappedAnswer>;

function polling(more: Partial<PolledMapping> = {}, answer: Invoke = async () => done("null")) {
  const clock = createSimClock();
  const queue = new PlayedQueue(clock);
  const batches: string[][] = [];
  const mapping: PolledMapping = {
    uuid: "u",
    functionArn: "arn:aws:lambda:us-east-1:000000000000:function:f",
    sourceArn: "arn:aws:sqs:us-east-1:000000000000:q",
    batchSize: 10,
    windowMs: 0,
    filters: [],
    reportsBatchItemFailures: false,
    concurrencyMax: undefined,
    pollers: undefined,
    countsEvents: false,
    ...more,
  };
  const metrics = createMetrics();
  const trail = new Trail(clock);
  const deps = {
    clock,
    trail,
    metrics,
    logger: silentLogger,
    counters: createPollerCounters(metrics),
    sourceOf: () => queue,
    functions: {
      async invoke({ payload }: { payload: Uint8Array }) {
        const { Records } = JSON.parse(Buffer.from(payload).toString()) as { Records: { body: string }[] };
        batches.push(Records.map(({ body }) => body));
        return answer(batches.at(-1) ?? []);
      },
    },
  };
  return { clock, queue, batches, mapping, deps, start: () => new QueuePoller(deps, mapping) };
}

type Deps = ReturnType<typeof polling>["deps"];

/** All pollers, of `mapping` at first; `change` is what Lambda tells them. */
async function startAll(deps: Deps, mapping: PolledMapping) {
  let change: MappedListener = () => assert.fail("nobody listens");
  const functions = {
    ...deps.functions,
    async *enabled() {
      yield mapping;
    },
    onChange(listener: MappedListener) {
      change = listener;
    },
  };
  const stop = await pollMappings({ ...deps, functions });
  return { stop, change };
}

test("without a window what is there is run at once, and acknowledged when it was accepted", async () => {
  const { clock, queue, batches, start } = polling();
  queue.put("a", "b");
  const poller = start();
  await clock.advance(0);
  assert.deepEqual(batches, [["a", "b"]]);
  assert.deepEqual(queue.acked, ["a", "b"]);
  await poller.stop();
  assert.equal(clock.pending, 0);
});

test("M1: a failed batch is not acknowledged, in part or whole", async () => {
  const partial = '{"batchItemFailures":[{"itemIdentifier":"b"}]}';
  const { clock, queue, start } = polling({ reportsBatchItemFailures: true }, async ([first]) =>
    first === "whole" ? { kind: "done", outcome: functionError } : done(partial),
  );
  queue.put("a", "b", "c");
  const poller = start();
  await clock.advance(0);
  queue.put("whole");
  await clock.advance(0);
  assert.deepEqual(queue.acked, ["a", "c"]);
  await poller.stop();
});

test("M1: what a filter drops is acknowledged and never run", async () => {
  const filter = JSON.stringify({ body: [{ prefix: "keep" }] });
  const { clock, queue, batches, start } = polling({ filters: [filter] });
  queue.put("keep 1", "drop", "keep 2");
  const poller = start();
  await clock.advance(0);
  assert.deepEqual(batches, [["keep 1", "keep 2"]]);
  assert.deepEqual(queue.acked.toSorted(), ["drop", "keep 1", "keep 2"]);
  await poller.stop();
});

test("a window gathers until it ends, or until the batch is full", async () => {
  const { clock, queue, batches, start } = polling({ batchSize: 12, windowMs: 5000 });
  const poller = start();
  queue.put("a");
  await clock.advance(3000);
  queue.put("b");
  await clock.advance(1999);
  assert.equal(batches.length, 0);
  await clock.advance(1);
  assert.deepEqual(batches, [["a", "b"]]);
  queue.put(...Array.from({ length: 15 }, (_, at) => `m${at}`));
  await clock.advance(0);
  assert.equal(batches[1]?.length, 12);
  await clock.advance(5000);
  assert.deepEqual(batches[2], ["m12", "m13", "m14"]);
  await poller.stop();
});

test("a batch stays below 6 MB, and the rest comes next", async () => {
  const { clock, queue, batches, start } = polling();
  queue.put(...Array.from({ length: 7 }, (_, at) => `${at}${"x".repeat(1_000_000)}`));
  const poller = start();
  await clock.advance(0);
  assert.deepEqual(
    batches.map(({ length }) => length),
    [6, 1],
  );
  assert.equal(queue.acked.length, 7);
  await poller.stop();
});

test("no more batches run at once than the mapping allows", async () => {
  let running = 0;
  let peak = 0;
  const { clock, queue, batches, start } = polling({ batchSize: 1, concurrencyMax: 2 }, async () => {
    running += 1;
    peak = Math.max(peak, running);
    await clock.sleep(100);
    running -= 1;
    return done("null");
  });
  queue.put(...Array.from({ length: 10 }, (_, at) => `m${at}`));
  const poller = start();
  await clock.advance(1000);
  assert.equal(batches.length, 10);
  assert.equal(peak, 2);
  await poller.stop();
});

test("as many batches as pollers are provisioned run from the start, and no fewer after errors", async () => {
  let running = 0;
  const peaks = [0, 0];
  const { clock, queue, batches, start } = polling(
    { batchSize: 1, pollers: { min: 20, max: 25 } },
    async ([body]) => {
      running += 1;
      const round = body?.startsWith("bad") ? 0 : 1;
      peaks[round] = Math.max(peaks[round] ?? 0, running);
      await clock.sleep(100);
      running -= 1;
      return round === 0 ? { kind: "done", outcome: functionError } : done("null");
    },
  );
  queue.put(...Array.from({ length: 20 }, (_, at) => `bad${at}`));
  const poller = start();
  await clock.advance(99);
  assert.equal(batches.length, 20);
  await clock.advance(1);
  queue.put(...Array.from({ length: 200 }, (_, at) => `m${at}`));
  await clock.advance(50);
  assert.equal(running, 20, "twenty failures have not taken a reader away");
  await clock.advance(2000);
  assert.equal(batches.length, 220);
  assert.deepEqual(peaks, [20, 25]);
  await poller.stop();
});

test("what becomes of a mapping's records is counted for it, each attempt that is made included", async () => {
  const answers: MappedAnswer[] = [
    done('{"batchItemFailures":[{"itemIdentifier":"b"}]}'),
    { kind: "throttled", timeoutMs: 3000 },
    done("null"),
    { kind: "done", outcome: functionError },
  ];
  const { clock, queue, mapping, deps } = polling(
    { reportsBatchItemFailures: true, filters: ['{"body":[{"anything-but":"drop"}]}'] },
    async () => answers.shift() ?? assert.fail("one batch too many"),
  );
  const counts = createEventCounts(deps.metrics).of("u");
  const poller = new QueuePoller(deps, mapping, counts);
  for (const bodies of [["a", "b", "drop"], ["c", "d", "e"], ["f"], ["drop"]]) {
    queue.put(...bodies);
    await clock.advance(1000);
  }
  const counted = Object.entries(counts).map(([name, { value }]) => [name, value]);
  // 2 + 3 throttled + 3 again + 1; of those 1 + 3 + 1 not accepted.
  assert.deepEqual(Object.fromEntries(counted), {
    polled: 8,
    filtered: 2,
    invoked: 9,
    failed: 5,
    deleted: 4,
  });
  await poller.stop();
});

test("a mapping's counters go on over its changes, and away with it or when they are no longer asked for", async () => {
  const { clock, queue, mapping, deps } = polling({ countsEvents: true });
  const { change, stop } = await startAll(deps, mapping);
  const shown = () =>
    [...deps.metrics.render().matchAll(/^lambdad_mapping_events_(\w+)_total\{mapping="u"\} (\d+)$/gm)].map(
      ([, name, value]) => `${name} ${value}`,
    );
  const accepted = (records: number) => [
    `polled ${records}`,
    "filtered 0",
    `invoked ${records}`,
    "failed 0",
    `deleted ${records}`,
  ];
  queue.put("a");
  await clock.advance(0);
  assert.deepEqual(shown(), accepted(1));
  change("u", undefined, true);
  assert.deepEqual(shown(), accepted(1), "while it is switched off");
  change("u", mapping, true);
  queue.put("b");
  await clock.advance(0);
  assert.deepEqual(shown(), accepted(2));
  change("u", { ...mapping, countsEvents: false }, false);
  queue.put("c");
  await clock.advance(0);
  assert.deepEqual(queue.acked, ["a", "b", "c"]);
  assert.deepEqual(shown(), []);
  change("u", mapping, true);
  await clock.advance(0);
  assert.deepEqual(shown(), accepted(0));
  change("u", undefined, false);
  assert.deepEqual(shown(), []);
  await stop();
});

test("a throttled batch is tried again while its messages are held, then left", async () => {
  const times: number[] = [];
  const { clock, queue, start } = polling({}, async () => {
    times.push(clock.monotonic());
    return { kind: "throttled", timeoutMs: 3000 };
  });
  queue.put("a");
  const poller = start();
  await clock.advance(60_000);
  assert(times.length > 5, "it is tried again");
  assert((times.at(-1) ?? 0) < 30_000, "not after others may have received it");
  assert.deepEqual(queue.acked, []);
  await poller.stop();
});

test("M2: on a FIFO queue no attempt begins that could outlast the visibility", async () => {
  const times: number[] = [];
  const { clock, queue, start } = polling(
    { sourceArn: "arn:aws:sqs:us-east-1:000000000000:q.fifo" },
    async () => {
      times.push(clock.monotonic());
      return { kind: "throttled", timeoutMs: 20_000 };
    },
  );
  queue.put("a");
  const poller = start();
  await clock.advance(60_000);
  assert((times.at(-1) ?? 0) < 10_000);
  await poller.stop();
});

test("a source or a function that is not there is asked less and less often", async () => {
  const { clock, queue, batches, start } = polling({}, async () => ({
    kind: "failed",
    error: new Error("gone"),
  }));
  const poller = start();
  for (let at = 0; at < 200; at += 1) {
    queue.put(`m${at}`);
    await clock.advance(1000);
  }
  assert(batches.length < 20, `${batches.length} batches in 200 s`);
  queue.error = new Error("no such queue");
  await clock.advance(120_000);
  await poller.stop();
  assert.deepEqual(queue.acked, []);
});

test("a source that answers at once with nothing does not keep the poller spinning", async () => {
  const { clock, queue, start } = polling();
  let asked = 0;
  queue.receive = async () => {
    asked += 1;
    return [];
  };
  const poller = start();
  await clock.advance(10_000);
  assert(asked > 1 && asked < 20, `asked ${asked} times in 10 s`);
  await poller.stop();
});

test("mappings are polled as they come, change and go; stopping waits for what runs", async () => {
  const { clock, queue, batches, mapping, deps } = polling({}, async () => {
    await clock.sleep(1000);
    return done("null");
  });
  const { change, stop } = await startAll(deps, mapping);
  queue.put("a");
  await clock.advance(2000);
  assert.deepEqual(queue.acked, ["a"]);
  change("u", undefined, false);
  await clock.advance(0);
  queue.put("b");
  await clock.advance(60_000);
  assert.equal(batches.length, 1, "what is disabled is not read");
  change("u", mapping, false);
  await clock.advance(0);
  assert.equal(batches.length, 2);
  const stopped = stop();
  await clock.advance(1000);
  await stopped;
  assert.deepEqual(queue.acked, ["a", "b"]);
  assert.equal(clock.pending, 0);
});

test("those who look on see each batch, and how it ended", async () => {
  const answers = [
    done("null"),
    done('{"batchItemFailures":[{"itemIdentifier":"c"}]}'),
    { kind: "failed", error: new Error("no code") },
  ] satisfies MappedAnswer[];
  const { clock, queue, deps, start } = polling({ reportsBatchItemFailures: true }, async () => {
    return answers.shift() ?? done("null");
  });
  const poller = start();
  for (const bodies of [["a"], ["b", "c"], ["d"]]) {
    queue.put(...bodies);
    await clock.advance(0);
  }
  const { flows } = deps.trail.latest(10);
  assert.deepEqual(
    flows.map(({ kind, sourceArn, records, result, detail }) => [kind, sourceArn, records, result, detail]),
    [
      ["batch", "arn:aws:sqs:us-east-1:000000000000:q", 1, "ok", undefined],
      ["batch", "arn:aws:sqs:us-east-1:000000000000:q", 2, "failed", "1 of 2 records"],
      ["batch", "arn:aws:sqs:us-east-1:000000000000:q", 1, "failed", "no code"],
    ],
  );
  await poller.stop();
});
