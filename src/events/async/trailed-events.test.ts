import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimClock } from "../../base/clock-sim.ts";
import {
  acceptedAtMs,
  asyncEvent,
  asyncSettings,
  failed,
  succeeded,
} from "../../../test/harness/async-event.ts";
import { Trail } from "../trail.ts";
import type { AsyncEvents, AsyncFunctions, Attempt } from "./event.ts";
import { resultOf, trailedEvents } from "./trailed-events.ts";

const results: readonly (readonly [Attempt, string, string | undefined])[] = [
  [succeeded, "ok", undefined],
  [failed, "failed", "Error"],
  [{ kind: "throttled" }, "throttled", undefined],
  [{ kind: "system-error", error: new Error("disk") }, "failed", "disk"],
  [{ kind: "switched-off" }, "refused", "reserved concurrency is 0"],
  [{ kind: "recursive" }, "refused", "recursive"],
  [{ kind: "gone" }, "refused", "there is no such function any more"],
];
for (const [attempt, result, detail] of results) {
  test(`an attempt that ended as ${JSON.stringify(attempt).slice(0, 40)} is shown as ${result}`, () => {
    const shown = resultOf(attempt);
    assert.deepEqual([shown.result, shown.detail], [result, detail]);
  });
}

test("an attempt is shown with its source, how long the event had waited, and how long it took", async () => {
  const clock = createSimClock(acceptedAtMs);
  const trail = new Trail(clock);
  let functions: AsyncFunctions | undefined;
  const queue: AsyncEvents = {
    append: () => Promise.resolve(),
    work: (given) => {
      functions = given;
      return Promise.resolve(() => Promise.resolve());
    },
  };
  await trailedEvents(queue, { clock, trail }).work({
    settingsOf: () => Promise.resolve(asyncSettings()),
    onPermitFree: () => {},
    async attempt() {
      await clock.sleep(30);
      return succeeded;
    },
  });
  await clock.advance(5);
  const sourceArn = "arn:aws:s3:::uploads";
  const attempt = functions?.attempt(asyncEvent({ sourceArn, qualifier: "live" }), Buffer.from("{}"));
  await clock.advance(30);
  assert.equal(await attempt, succeeded);
  assert.deepEqual(trail.latest(10).flows, [
    {
      number: 1,
      atMs: acceptedAtMs + 5,
      kind: "attempt",
      sourceArn,
      targetArn: "arn:aws:lambda:us-east-1:000000000000:function:echo:live",
      records: 1,
      waitedMs: 5,
      tookMs: 30,
      result: "ok",
    },
  ]);
});
