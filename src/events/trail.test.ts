import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimClock } from "../base/clock-sim.ts";
import { flowsKeptMax } from "../limits.ts";
import { AwsError } from "../wire/aws-error.ts";
import type { Deliver, DeliveryContext } from "./ports.ts";
import type { Flow } from "./trail.ts";
import { Trail, trailed } from "./trail.ts";

const queue = "arn:aws:sqs:us-east-1:000000000000:orders";
const rule = "arn:aws:events:us-east-1:000000000000:rule/orders";
const ctx: DeliveryContext = {
  account: "000000000000",
  region: "us-east-1",
  principal: "events.amazonaws.com",
  sourceArn: rule,
  traceHeader: "Root=1-00000000-000000000000000000000000",
};

function flow(detail: string): Flow {
  return {
    atMs: 0,
    kind: "delivery",
    sourceArn: rule,
    targetArn: queue,
    records: 1,
    tookMs: 1,
    result: "ok",
    detail,
  };
}

test("what flowed is read in order, from any point, and each is read once", async () => {
  const trail = new Trail(createSimClock());
  for (const name of ["a", "b", "c"]) trail.record(flow(name));
  const first = trail.latest(2);
  assert.deepEqual(
    first.flows.map(({ number, detail }) => [number, detail]),
    [
      [2, "b"],
      [3, "c"],
    ],
  );
  trail.record(flow("d"));
  const second = await trail.after(first.next, 0);
  assert.deepEqual(
    second.flows.map(({ detail }) => detail),
    ["d"],
  );
  assert.deepEqual(await trail.after(second.next, 0), { flows: [], next: 4, missed: 0 });
});

test("who reads too slowly is told how many have gone by", async () => {
  const trail = new Trail(createSimClock());
  for (let each = 0; each < flowsKeptMax + 7; each += 1) trail.record(flow(String(each)));
  const page = await trail.after(2, 0);
  assert.equal(page.flows.length, flowsKeptMax);
  assert.equal(page.missed, 5);
  assert.equal(page.flows[0]?.number, 8);
});

test("a reader waits for the next one, for its time at most, and until the platform stops", async () => {
  const clock = createSimClock();
  const trail = new Trail(clock);
  const woken = trail.after(0, 1000);
  trail.record(flow("a"));
  assert.equal((await woken).flows[0]?.detail, "a");

  const late = trail.after(1, 1000);
  await clock.advance(1000);
  assert.deepEqual(await late, { flows: [], next: 1, missed: 0 });

  const stopped = trail.after(1, 1000);
  trail.endWaits();
  assert.deepEqual((await stopped).flows, []);
  assert.deepEqual((await trail.after(1, 1000)).flows, []);
});

test("a number of an earlier life begins anew", async () => {
  const trail = new Trail(createSimClock());
  trail.record(flow("a"));
  assert.equal((await trail.after(500, 1000)).flows[0]?.detail, "a");
});

test("a delivery leaves its trail, with its error, and no payload", async () => {
  const clock = createSimClock();
  const trail = new Trail(clock);
  const answers: Record<string, () => Promise<void>> = {
    [queue]: () => clock.sleep(5),
    missing: () => Promise.reject(new AwsError("QueueDoesNotExist", "no such queue")),
    broken: () => Promise.reject(new Error("disk")),
  };
  const inner: Deliver = async (arn) => answers[arn]?.();
  const deliver = trailed(inner, trail);
  const event = { body: Buffer.from("secret") };
  const delivered = deliver(queue, event, ctx);
  await clock.advance(5);
  await delivered;
  await assert.rejects(deliver("missing", event, ctx), /no such queue/);
  await assert.rejects(deliver("broken", event, ctx), /disk/);
  const { flows } = trail.latest(10);
  assert.deepEqual(
    flows.map(({ sourceArn, targetArn, tookMs, result, detail }) => [
      sourceArn,
      targetArn,
      tookMs,
      result,
      detail,
    ]),
    [
      [rule, queue, 5, "ok", undefined],
      [rule, "missing", 0, "refused", "QueueDoesNotExist: no such queue"],
      [rule, "broken", 0, "failed", "disk"],
    ],
  );
  assert.ok(!JSON.stringify(flows).includes("secret"));
});
