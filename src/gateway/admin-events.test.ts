import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimClock } from "../base/clock-sim.ts";
import { Trail } from "../events/trail.ts";
import type { WebRequest } from "../services/service.ts";
import { eventRoutes } from "./admin-events.ts";

const clock = createSimClock();
const trail = new Trail(clock);
const [route] = eventRoutes(trail);

async function asked(query: string) {
  const answer = await route?.answer({ query } as WebRequest);
  return JSON.parse(answer?.body as string) as {
    flows: { targetArn: string }[];
    next: number;
    missed: number;
  };
}

test("the newest flows are there, then those that come while one waits", async () => {
  const flow = { atMs: 0, kind: "delivery", sourceArn: "a", records: 1, tookMs: 1, result: "ok" } as const;
  for (const targetArn of ["one", "two"]) trail.record({ ...flow, targetArn });
  const first = await asked("latest=1");
  assert.deepEqual([first.flows.map(({ targetArn }) => targetArn), first.next], [["two"], 2]);

  const waiting = asked(`after=${first.next}`);
  trail.record({ ...flow, targetArn: "three" });
  assert.deepEqual(
    (await waiting).flows.map(({ targetArn }) => targetArn),
    ["three"],
  );
});

test("what is no number is left out of account", async () => {
  for (const query of ["", "latest=-1", "after=x", "latest=1e3"]) {
    assert.equal((await asked(query)).flows.length, 3, query);
  }
});
