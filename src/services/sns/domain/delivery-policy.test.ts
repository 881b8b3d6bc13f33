import assert from "node:assert/strict";
import { test } from "node:test";
import {
  effectiveSubscriptionPolicy,
  effectiveTopicPolicy,
  httpPolicyOf,
  subscriptionPolicyText,
  topicPolicyText,
} from "./delivery-policy.ts";
import { type AttemptResult, nextStep } from "./next-step.ts";
import { type Backoff, retryDelayMs, type RetryPolicy, serviceRetryPolicy } from "./retry.ts";

function delays(policy: RetryPolicy, max = 1000): number[] {
  const all: number[] = [];
  for (let failures = 1; failures <= max; failures += 1) {
    const delayMs = retryDelayMs(policy, failures);
    if (delayMs === undefined) break;
    all.push(delayMs);
  }
  return all;
}

test("an HTTP endpoint without a policy is tried three times more, 20 seconds apart", () => {
  assert.deepEqual(delays(httpPolicyOf(undefined, undefined).retry), [20_000, 20_000, 20_000]);
});

test("queues and functions that fail are tried for 23 days", () => {
  const first = delays(serviceRetryPolicy, 20);
  assert.deepEqual(first.slice(0, 6), [0, 0, 0, 1000, 1000, 1000]);
  assert.equal(first[14], 20_000);
  assert.deepEqual(
    first,
    first.toSorted((one, other) => one - other),
  );
  const all = delays(serviceRetryPolicy, 200_000);
  assert.equal(all.length, 100_015);
  const days = all.reduce((sum, delay) => sum + delay) / 86_400_000;
  assert(days > 23 && days < 24, String(days));
});

test("every curve goes from the least delay to the greatest, and each in its own way", () => {
  const policy = { immediate: 0, beforeBackoff: 0, backoff: 5, afterBackoff: 0, minMs: 1000, maxMs: 16_000 };
  const curves: Readonly<Record<Backoff, number[]>> = {
    linear: [1000, 4750, 8500, 12_250, 16_000],
    arithmetic: [1000, 2500, 5500, 10_000, 16_000],
    geometric: [1000, 2000, 4000, 8000, 16_000],
    exponential: [1000, 2000, 4000, 8000, 16_000],
  };
  for (const curve of ["linear", "arithmetic", "geometric", "exponential"] as const) {
    assert.deepEqual(delays({ ...policy, curve }), curves[curve], curve);
    assert.deepEqual(delays({ ...policy, backoff: 1, curve }), [1000], curve);
  }
});

test("the phases follow each other: at once, short, growing, long", () => {
  const healthyRetryPolicy = {
    minDelayTarget: 1,
    maxDelayTarget: 4,
    numRetries: 8,
    numNoDelayRetries: 1,
    numMinDelayRetries: 2,
    numMaxDelayRetries: 1,
    backoffFunction: "linear",
  };
  const { retry } = httpPolicyOf(undefined, JSON.stringify({ healthyRetryPolicy }));
  assert.deepEqual(delays(retry), [0, 1000, 1000, 1000, 2000, 3000, 4000, 4000]);
});

test("a subscription's policy comes before the topic's, unless that says otherwise", () => {
  const topic = (disableSubscriptionOverrides: boolean) =>
    topicPolicyText(
      JSON.stringify({
        http: { disableSubscriptionOverrides, defaultThrottlePolicy: { maxReceivesPerSecond: 5 } },
      }),
    );
  const own = subscriptionPolicyText(
    '{"throttlePolicy":{"maxReceivesPerSecond":9},"requestPolicy":{"headerContentType":"application/json"}}',
  );
  assert.equal(httpPolicyOf(topic(false), own).receivesPerSecondMax, 9);
  assert.equal(httpPolicyOf(topic(false), own).contentType, "application/json");
  assert.equal(httpPolicyOf(topic(true), own).receivesPerSecondMax, 5);
  assert.equal(httpPolicyOf(topic(true), own).contentType, "text/plain; charset=UTF-8");
  assert.equal(httpPolicyOf(topic(false), undefined).receivesPerSecondMax, 5);
});

test("what is shown: what was given with one default, and what is in force", () => {
  const given = '{"http":{"defaultHealthyRetryPolicy":{"numRetries":5}}}';
  const kept = topicPolicyText(given);
  assert.equal(
    kept,
    '{"http":{"defaultHealthyRetryPolicy":{"numRetries":5},"disableSubscriptionOverrides":false}}',
  );
  assert.match(effectiveTopicPolicy(kept), /"minDelayTarget":20,"maxDelayTarget":20,"numRetries":5,/);
  assert.match(effectiveSubscriptionPolicy(kept, undefined), /"numRetries":5.*"sicklyRetryPolicy":null/);
  assert.equal(topicPolicyText(""), undefined);
  assert.equal(subscriptionPolicyText(""), undefined);
});

test("policies that cannot be are refused", () => {
  const retry = (members: object) => JSON.stringify({ healthyRetryPolicy: members });
  const cases: readonly (readonly [string, RegExp])[] = [
    ["{", /JSON object/],
    [retry({ numRetries: 101 }), /numRetries must be at most 100/],
    [retry({ numRetries: -1 }), /whole number/],
    [retry({ minDelayTarget: 30 }), /minDelayTarget must be less/],
    [retry({ minDelayTarget: 0 }), /delays must be from 1/],
    [retry({ maxDelayTarget: 3601 }), /to 3600 seconds/],
    [retry({ numNoDelayRetries: 4 }), /sum of all phases/],
    [retry({ backoffFunction: "random" }), /backoffFunction/],
    [retry({ numTries: 1 }), /numTries is not known/],
    ['{"throttlePolicy":{"maxReceivesPerSecond":0}}', /maxReceivesPerSecond/],
    ['{"requestPolicy":{"headerContentType":"a\\r\\nb: c"}}', /headerContentType/],
    ['{"sicklyRetryPolicy":{}}', /obsolete/],
    ['{"http":{}}', /http is not known/],
  ];
  for (const [text, why] of cases) assert.throws(() => subscriptionPolicyText(text), why, text);
  assert.throws(() => topicPolicyText('{"http":{"defaultSicklyRetryPolicy":{}}}'), /obsolete/);
  assert.throws(() => topicPolicyText('{"http":{"healthyRetryPolicy":{}}}'), /is not known/);
});

test("what becomes of a delivery", () => {
  const error = new Error("no");
  const fresh = { failures: 0, stage: "endpoint" } as const;
  const retry = { ...serviceRetryPolicy, immediate: 0, beforeBackoff: 1, backoff: 0, afterBackoff: 0 };
  const failed: AttemptResult = { kind: "failed", error, retry };
  const cases: readonly (readonly [AttemptResult, Parameters<typeof nextStep>[1], boolean, object])[] = [
    [{ kind: "delivered" }, fresh, true, { kind: "end" }],
    [{ kind: "moot" }, fresh, true, { kind: "end" }],
    [{ kind: "wait", delayMs: 5 }, fresh, true, { kind: "wait", delayMs: 5 }],
    [{ kind: "refused", error }, fresh, true, { kind: "bury" }],
    [{ kind: "refused", error }, fresh, false, { kind: "lose" }],
    [{ kind: "refused", error }, { ...fresh, stage: "dead-letter" }, true, { kind: "lose" }],
    [failed, fresh, true, { kind: "retry", delayMs: 1000 }],
    [failed, { ...fresh, failures: 1 }, true, { kind: "bury" }],
    [failed, { ...fresh, failures: 1 }, false, { kind: "lose" }],
    [failed, { failures: 0, stage: "dead-letter" }, true, { kind: "retry", delayMs: 1000 }],
  ];
  for (const [result, delivery, hasQueue, step] of cases)
    assert.deepEqual(nextStep(result, delivery, hasQueue), step);
});
