import assert from "node:assert/strict";
import { test } from "node:test";
import {
  acceptedAtMs,
  asyncEvent,
  asyncSettings,
  failed,
  succeeded,
} from "../../../test/harness/async-event.ts";
import type { AsyncEvent, Attempt } from "./event.ts";
import type { Verdict } from "./verdict.ts";
import { backoffMs, verdict } from "./verdict.ts";

const hour = 3_600_000;
const payload = Buffer.from("{}");
const timeout: Attempt = {
  kind: "done",
  outcome: { kind: "timeout", payload },
  executedVersion: "1",
  durationMs: 1,
};
const broken: Attempt = { kind: "system-error", error: new Error("no environment") };
const throttled: Attempt = { kind: "throttled" };

const cases: readonly {
  readonly name: string;
  readonly event?: Partial<AsyncEvent>;
  readonly attempt: Attempt;
  readonly ageMs?: number;
  readonly stalls?: number;
  readonly expected: Verdict;
}[] = [
  { name: "success succeeds", attempt: succeeded, expected: { kind: "succeed" } },
  {
    name: "success succeeds however old",
    attempt: succeeded,
    ageMs: 7 * hour,
    expected: { kind: "succeed" },
  },
  { name: "the first failure waits a minute", attempt: failed, expected: retryIn(60_000) },
  {
    name: "the second failure waits two minutes",
    event: { failures: 1 },
    attempt: timeout,
    ageMs: 70_000,
    expected: retryIn(70_000 + 120_000),
  },
  {
    name: "the third failure is the last",
    event: { failures: 2 },
    attempt: failed,
    expected: { kind: "give-up", condition: "RetriesExhausted" },
  },
  {
    name: "a failure of an event that is too old is the last",
    attempt: failed,
    ageMs: 6 * hour,
    expected: { kind: "give-up", condition: "EventAgeExceeded" },
  },
  {
    name: "a throttle does not use up a retry",
    event: { failures: 2 },
    attempt: throttled,
    expected: waitFor(1000, true),
  },
  { name: "throttles back off", attempt: throttled, stalls: 3, expected: waitFor(8000, true) },
  {
    name: "throttles back off to five minutes",
    attempt: throttled,
    stalls: 400,
    expected: waitFor(300_000, true),
  },
  {
    name: "a system error does not use up a retry",
    event: { failures: 2 },
    attempt: broken,
    expected: waitFor(1000, false),
  },
  {
    name: "nothing waits beyond its age",
    attempt: throttled,
    ageMs: 6 * hour - 500,
    expected: waitFor(6 * hour, true),
  },
  {
    name: "a throttled event is given up when it is too old",
    attempt: throttled,
    ageMs: 6 * hour,
    expected: { kind: "give-up", condition: "EventAgeExceeded" },
  },
  {
    name: "reserved concurrency 0 goes straight to the failure side",
    attempt: { kind: "switched-off" },
    expected: { kind: "give-up", condition: "ZeroReservedConcurrency" },
  },
  {
    name: "E5 a chain that is too long goes to the failure side",
    attempt: { kind: "recursive" },
    expected: { kind: "give-up", condition: "RecursiveInvocation" },
  },
  { name: "without its function an event is dropped", attempt: { kind: "gone" }, expected: { kind: "drop" } },
];

for (const { name, event, attempt, ageMs = 0, stalls = 0, expected } of cases) {
  test(`verdict: ${name}`, () => {
    const situation = {
      settings: asyncSettings(),
      stalls,
      retryDelaysMs: [60_000, 120_000],
      nowMs: acceptedAtMs + ageMs,
    };
    assert.deepEqual(verdict(asyncEvent(event), attempt, situation), expected);
  });
}

test("verdict: MaximumRetryAttempts 0 gives up at the first failure", () => {
  const situation = {
    settings: asyncSettings({ retriesMax: 0 }),
    stalls: 0,
    retryDelaysMs: [1],
    nowMs: acceptedAtMs,
  };
  assert.deepEqual(verdict(asyncEvent(), failed, situation), {
    kind: "give-up",
    condition: "RetriesExhausted",
  });
});

test("backing off doubles from one second to five minutes", () => {
  assert.deepEqual([0, 1, 2, 8, 9, 1000].map(backoffMs), [1000, 2000, 4000, 256_000, 300_000, 300_000]);
});

function retryIn(ageMs: number): Verdict {
  return { kind: "retry", atMs: acceptedAtMs + ageMs };
}

function waitFor(ageMs: number, isForPermit: boolean): Verdict {
  return { kind: "wait", untilMs: acceptedAtMs + ageMs, isForPermit };
}
