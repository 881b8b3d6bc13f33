/** The queue over the memory store in simulated time; functions are answers that the test gives. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { asyncEvent, asyncSettings, failed, newEvent, succeeded } from "../../../test/harness/async-event.ts";
import { createSimClock } from "../../base/clock-sim.ts";
import { silentLogger } from "../../base/logger.ts";
import { createMetrics } from "../../base/metrics.ts";
import { seededRandom } from "../../base/random.ts";
import { asyncLeaseMs, asyncQueueBytesMax } from "../../limits.ts";
import type { Store } from "../../store/store.ts";
import { StoreError } from "../../store/store.ts";
import { createMemoryState, createMemoryStore } from "../../store/memory/memory-store.ts";
import type { Deliver, DeliveredEvent } from "../ports.ts";
import type { AsyncEvent, AsyncSettings, Attempt, LaneName } from "./event.ts";
import { QueueFull } from "./event.ts";
import { AsyncQueue } from "./queue.ts";
import { EventStore } from "./store.ts";
import { verdict } from "./verdict.ts";

const destination = "arn:aws:test:us-east-1:000000000000:target";

interface Stage {
  attempt: (event: AsyncEvent) => Promise<Attempt>;
  settings: AsyncSettings;
  deliver: Deliver;
}

async function stage(options: { state?: ReturnType<typeof createMemoryState>; store?: Store } = {}) {
  const clock = createSimClock();
  const state = options.state ?? createMemoryState();
  const store = options.store ?? createMemoryStore(state);
  const metrics = createMetrics();
  const attempts: { readonly event: AsyncEvent; readonly payload: string; readonly atMs: number }[] = [];
  const told: { readonly arn: string; readonly event: DeliveredEvent }[] = [];
  let wake: (freed: LaneName) => void = () => undefined;
  const world: Stage = {
    attempt: async () => succeeded,
    settings: asyncSettings(),
    deliver: async () => undefined,
  };
  const queue = new AsyncQueue({
    clock,
    store,
    metrics,
    verdict,
    random: seededRandom(1),
    logger: silentLogger,
    retryDelaysMs: [60_000, 120_000],
    async deliver(arn, event, ctx) {
      told.push({ arn, event });
      return world.deliver(arn, event, ctx);
    },
  });
  const startMs = clock.now();
  const stop = await queue.work({
    settingsOf: async () => world.settings,
    async attempt(event, payload) {
      attempts.push({ event, payload: Buffer.from(payload).toString(), atMs: clock.now() - startMs });
      return world.attempt(event);
    },
    onPermitFree: (called) => void (wake = called),
  });
  const metric = (name: string): number => {
    const line = new RegExp(`^lambdad_${name} (.*)$`, "m").exec(metrics.render());
    assert.ok(line, `there is a metric ${name}`);
    return Number(line[1]);
  };
  return {
    clock,
    state,
    world,
    queue,
    attempts,
    told,
    metric,
    stop,
    settle: () => clock.advance(0),
    wake: (name: LaneName) => wake(name),
    /** E4, and that what is said to wait is what the store has. */
    check() {
      assert.equal(metric("async_conservation_drift"), 0, "E4");
      const stored = state.entries.filter(({ key }) => key.startsWith("async/event ")).length;
      assert.equal(metric("async_events_waiting") + metric("async_events_running"), stored, "E4");
    },
  };
}

test("E1 an event is accepted when it is durable, and its function sees it once", async () => {
  const state = createMemoryState();
  const { promise: written, resolve: write } = Promise.withResolvers<void>();
  const inner = createMemoryStore(state);
  const it = await stage({
    state,
    store: { ...inner, commit: async (batch) => (await written, inner.commit(batch)) },
  });
  let isAccepted = false;
  const accepted = it.queue
    .append(newEvent({ payload: Buffer.from('{"n":1}'), qualifier: "live" }))
    .then(() => (isAccepted = true));
  await it.settle();
  assert.deepEqual([isAccepted, it.attempts.length], [false, 0]);
  write();
  await accepted;
  await it.settle();
  assert.deepEqual(
    it.attempts.map(({ payload, event }) => [payload, event.qualifier, event.requestId]),
    [['{"n":1}', "live", asyncEvent().requestId]],
  );
  assert.equal(it.state.entries.length, 0, "nothing is left of what succeeded");
  it.check();
});

test("E1 what the store refuses is not accepted and never attempted", async () => {
  const inner = createMemoryStore();
  const full = async () => Promise.reject(new StoreError("full", "no space"));
  const it = await stage({ store: { ...inner, commit: full } });
  await assert.rejects(it.queue.append(newEvent()), { code: "full" });
  await it.settle();
  assert.deepEqual([it.attempts.length, it.metric("async_events_received_total")], [0, 0]);
});

test("the queue is bounded by what it may have on disk; what leaves it makes room", async () => {
  const state = createMemoryState();
  const store = new EventStore(createMemoryStore(state));
  const large = asyncEvent({ functionName: "large", payloadBytes: asyncQueueBytesMax - 1, dueAtMs: 1e15 });
  await store.append(large, Buffer.from("[]"));
  const it = await stage({ state });
  await it.queue.append(newEvent({ payload: Buffer.from("1") }));
  await it.settle();
  assert.equal(it.attempts.length, 1);
  await it.queue.append(newEvent({ payload: Buffer.from("2") }));
  await assert.rejects(it.queue.append(newEvent({ payload: Buffer.from("33") })), QueueFull);
  await it.settle();
  const purged = it.queue.purge(({ functionName }) => functionName === "large", false);
  await it.clock.advance(100);
  assert.equal(await purged, 1);
  await it.queue.append(newEvent({ payload: Buffer.from("33") }));
  await it.settle();
  assert.deepEqual(
    it.attempts.map(({ payload }) => payload),
    ["1", "2", "33"],
  );
  it.check();
});

test("a failing function is asked again after one and two minutes, with the same request", async () => {
  const it = await stage();
  it.world.attempt = async () => failed;
  await it.queue.append(newEvent());
  await it.clock.advance(600_000);
  assert.deepEqual(
    it.attempts.map(({ atMs }) => atMs),
    [0, 60_000, 180_000],
  );
  assert.equal(new Set(it.attempts.map(({ event, payload }) => event.requestId + payload)).size, 1);
  const [kept] = await it.queue.failed(10);
  assert.deepEqual([kept?.reason, kept?.event.invocations], ["RetriesExhausted", 3]);
  it.check();
});

test("a throttled event waits for a permit, keeps its retries, and nothing is written meanwhile", async () => {
  const it = await stage();
  let isFree = false;
  it.world.attempt = async () => (isFree ? succeeded : { kind: "throttled" });
  await it.queue.append(newEvent());
  await it.settle();
  const { lastVersion } = it.state;
  await it.clock.advance(7500);
  assert.deepEqual(
    it.attempts.map(({ atMs }) => atMs),
    [0, 1000, 3000, 7000],
  );
  isFree = true;
  it.wake(asyncEvent());
  await it.settle();
  assert.equal(it.attempts.length, 5, "it does not wait for the time");
  assert.equal(it.state.lastVersion, lastVersion);
  it.check();
});

test("an event that is throttled for too long is given up in time", async () => {
  const it = await stage();
  it.world.settings = asyncSettings({ ageMsMax: 60_000, onFailureArn: destination });
  it.world.attempt = async () => ({ kind: "throttled" });
  await it.queue.append(newEvent());
  await it.clock.advance(61_000);
  const record = JSON.parse(Buffer.from(it.told[0]?.event.body ?? []).toString()) as {
    readonly timestamp: string;
    readonly requestContext: { readonly condition: string; readonly approximateInvokeCount: number };
  };
  assert.deepEqual(record.requestContext.condition, "EventAgeExceeded");
  assert.equal(record.requestContext.approximateInvokeCount, 0);
  assert.equal(record.timestamp, "2026-01-01T00:01:00.000Z");
  it.check();
});

for (const [name, answer, condition] of [
  ["success", succeeded, "Success"],
  ["reserved concurrency 0", { kind: "switched-off" }, "ZeroReservedConcurrency"],
  ["recursion", { kind: "recursive" }, "RecursiveInvocation"],
] as const) {
  test(`destinations are told of ${name} at once`, async () => {
    const it = await stage();
    it.world.settings = asyncSettings({ onSuccessArn: destination, onFailureArn: destination });
    it.world.attempt = async () => answer;
    await it.queue.append(newEvent());
    await it.settle();
    assert.equal(it.attempts.length, 1);
    assert.match(
      Buffer.from(it.told[0]?.event.body ?? []).toString(),
      new RegExp(`"condition":"${condition}"`),
    );
    assert.equal(it.state.entries.length, 0, "E2: it is gone when it has been told");
    it.check();
  });
}

test("a destination that refuses is asked five times, then the event is kept and can be sent again", async () => {
  const it = await stage();
  it.world.settings = asyncSettings({ onSuccessArn: destination, onFailureArn: destination });
  it.world.deliver = async () => Promise.reject(new Error("forbidden"));
  await it.queue.append(newEvent());
  await it.clock.advance(60_000);
  assert.deepEqual([it.told.length, it.attempts.length], [5, 1], "the function is not asked again for it");
  assert.equal(it.metric("async_destination_delivery_failures_total"), 1);
  assert.equal((await it.queue.failed(10))[0]?.reason, `not delivered to ${destination}`);
  it.check();

  it.world.deliver = async () => undefined;
  assert.equal(await it.queue.redrive(({ functionName }) => functionName === "echo"), 1);
  await it.settle();
  assert.deepEqual([it.attempts.length, it.told.length], [2, 6]);
  assert.equal(it.state.entries.length, 0);
  it.check();
});

test("a dead-letter queue and a destination both get what failed", async () => {
  const it = await stage();
  const deadLetterArn = "arn:aws:sqs:us-east-1:000000000000:dead";
  it.world.settings = asyncSettings({ retriesMax: 0, onFailureArn: destination, deadLetterArn });
  it.world.attempt = async () => failed;
  await it.queue.append(newEvent({ payload: Buffer.from("[1]") }));
  await it.settle();
  assert.deepEqual(
    it.told.map(({ arn }) => arn),
    [destination, deadLetterArn],
  );
  assert.equal(it.told[1]?.event.attributes?.["ErrorMessage"]?.value, "no");
  assert.equal(Buffer.from(it.told[1]?.event.body ?? []).toString(), "[1]");
});

test("after a crash everything that was not settled is attempted again", async () => {
  const before = await stage();
  before.world.attempt = () => new Promise(() => undefined);
  for (let count = 0; count < 150; count += 1)
    await before.queue.append(newEvent({ requestId: String(count) }));
  await before.settle();
  assert.equal(before.attempts.length, 4, "a function starts with four at once");

  const after = await stage({ state: before.state });
  await after.clock.advance(10);
  const seen = after.attempts.map(({ event }) => event.requestId);
  assert.deepEqual(
    seen,
    Array.from({ length: 150 }, (_, count) => String(count)),
    "in the order of acceptance",
  );
  after.check();
});

test("E3 an attempt that takes too long is made again, and its late answer changes nothing", async () => {
  const it = await stage();
  const late = Promise.withResolvers<Attempt>();
  it.world.attempt = () => late.promise;
  await it.queue.append(newEvent());
  await it.settle();
  const current = Promise.withResolvers<Attempt>();
  it.world.attempt = () => current.promise;
  await it.clock.advance(asyncLeaseMs);
  assert.equal(it.attempts.length, 2);
  assert.equal(it.attempts[1]?.event.invocations, 1, "the lost attempt is counted");
  late.resolve(failed);
  await it.settle();
  assert.equal(it.metric("async_stale_settles_total"), 1);
  it.check();
  current.resolve(succeeded);
  await it.settle();
  assert.deepEqual([it.state.entries.length, it.metric("async_events_succeeded_total")], [0, 1]);
  it.check();
});

test("E2 an end that cannot be written is written when the disk has room again", async () => {
  const state = createMemoryState();
  const inner = createMemoryStore(state);
  let isFull = false;
  const store: Store = {
    ...inner,
    commit: async (batch) =>
      isFull ? Promise.reject(new StoreError("full", "no space")) : inner.commit(batch),
  };
  const it = await stage({ state, store });
  it.world.attempt = async () => ((isFull = true), succeeded);
  await it.queue.append(newEvent());
  await it.clock.advance(5000);
  assert.deepEqual([it.attempts.length, state.entries.length], [1, 2]);
  isFull = false;
  await it.clock.advance(1000);
  assert.deepEqual([it.attempts.length, state.entries.length], [1, 0]);
  it.check();
});

test("a function that fills the queue does not keep others waiting", async () => {
  const it = await stage();
  const answers: (() => void)[] = [];
  it.world.attempt = () => new Promise((resolve) => answers.push(() => resolve(succeeded)));
  for (let count = 0; count < 500; count += 1) await it.queue.append(newEvent({ functionName: "noisy" }));
  await it.queue.append(newEvent({ functionName: "quiet" }));
  await it.settle();
  assert.deepEqual(
    it.attempts.map(({ event }) => event.functionName),
    [...Array(4).fill("noisy"), "quiet"],
  );
  while (answers.length > 0) {
    for (const answer of answers.splice(0)) answer();
    await it.clock.advance(30);
  }
  assert.equal(it.attempts.length, 501);
  assert.equal(it.metric("async_events_succeeded_total"), 501);
  it.check();
});

test("purging removes what waits, lets run what runs, and forgets what failed only if asked to", async () => {
  const it = await stage();
  it.world.attempt = async () => failed;
  it.world.settings = asyncSettings({ retriesMax: 0 });
  await it.queue.append(newEvent());
  await it.settle();
  const running = Promise.withResolvers<Attempt>();
  it.world.attempt = () => running.promise;
  for (let count = 0; count < 200; count += 1) await it.queue.append(newEvent());
  await it.queue.append(newEvent({ functionName: "other" }));
  await it.settle();
  const listed = await it.queue.list(1000);
  assert.equal(listed.items.filter(({ isRunning }) => isRunning).length, 5);
  const purged = it.queue.purge(({ functionName }) => functionName === "echo", false);
  await it.clock.advance(100);
  assert.equal(await purged, 196);
  assert.equal((await it.queue.failed(10)).length, 1);
  it.check();
  running.resolve(succeeded);
  await it.settle();
  assert.equal(it.metric("async_events_succeeded_total"), 5);
  const forgotten = it.queue.purge(() => true, true);
  await it.clock.advance(100);
  assert.equal(await forgotten, 1);
  assert.equal(it.state.entries.length, 0);
  it.check();
});

test("an event whose function is gone is dropped and counted", async () => {
  const it = await stage();
  it.world.attempt = async () => ({ kind: "gone" });
  await it.queue.append(newEvent());
  await it.settle();
  assert.deepEqual([it.state.entries.length, it.metric("async_events_dropped_total")], [0, 1]);
  it.check();
});

test("stopped, it begins nothing, and what was killed for it is left to the next start", async () => {
  const it = await stage();
  const answers: ((attempt: Attempt) => void)[] = [];
  it.world.attempt = () => new Promise((resolve) => answers.push(resolve));
  for (let count = 0; count < 6; count += 1) await it.queue.append(newEvent());
  await it.settle();
  await it.stop();
  const crash = { kind: "crash", payload: Buffer.from("{}"), errorType: "Runtime.ExitError" } as const;
  answers[0]?.({ kind: "done", outcome: crash, executedVersion: "1", durationMs: 1 });
  answers[1]?.(succeeded);
  await it.clock.advance(1000);
  assert.deepEqual([it.attempts.length, it.state.entries.length], [4, 2 * 5]);
});
