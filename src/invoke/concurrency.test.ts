import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Claim, Permit } from "./concurrency.ts";
import { Concurrency } from "./concurrency.ts";
import { TokenBucket } from "./token-bucket.ts";

const functionArn = "arn:aws:lambda:us-east-1:000000000000:function:echo";

function claim(overrides: Partial<Claim> = {}): Claim {
  return {
    account: "000000000000",
    region: "us-east-1",
    functionArn,
    version: "1",
    provisioned: 0,
    reserved: undefined,
    unreserved: 1000,
    isEvent: false,
    ...overrides,
  };
}

/** What `count` claims at once get: the pool that a permit is from, or the reason for a throttle. */
function taken(concurrency: Concurrency, count: number, overrides: Partial<Claim>, nowMs = 0): string[] {
  return Array.from({ length: count }, () => {
    const answer = concurrency.take(claim(overrides), nowMs);
    return answer.kind === "permit" ? answer.permit.pool : answer.reason;
  });
}

const noReserved = "ReservedFunctionConcurrentInvocationLimitExceeded";
const noUnreserved = "ConcurrentInvocationLimitExceeded";
const tooManyReserved = "ReservedFunctionInvocationRateLimitExceeded";
const tooManyUnreserved = "FunctionInvocationRateLimitExceeded";

for (const [what, overrides, expected] of [
  ["the account's pool", { unreserved: 1 }, ["unreserved", noUnreserved]],
  ["a reservation", { reserved: 1 }, ["reserved", noReserved]],
  ["a reservation of nothing", { reserved: 0 }, [noReserved]],
  ["provisioned, then the account's pool", { provisioned: 1, unreserved: 1 }, ["provisioned", "unreserved"]],
  [
    "provisioned, then the reservation",
    { provisioned: 2, reserved: 1 },
    ["provisioned", "provisioned", "reserved", noReserved],
  ],
  ["a reservation that is all provisioned", { provisioned: 1, reserved: 0 }, ["provisioned", noReserved]],
] as const) {
  test(`I4 permits come from ${what}, and no more than there are`, () => {
    assert.deepEqual(taken(new Concurrency(10), expected.length, overrides), expected);
  });
}

test("the unqualified function gets nothing of what is provisioned for a version", () => {
  const concurrency = new Concurrency(10);
  assert.deepEqual(taken(concurrency, 1, { provisioned: 2, reserved: 0 }), ["provisioned"]);
  assert.deepEqual(taken(concurrency, 1, { version: "$LATEST", reserved: 0 }), [noReserved]);
});

/** As if each were over at once. */
function begun(concurrency: Concurrency, count: number, overrides: Partial<Claim>, nowMs: number): string[] {
  return Array.from({ length: count }, () => {
    const answer = concurrency.take(claim(overrides), nowMs);
    if (answer.kind === "throttled") return answer.reason;
    concurrency.give(answer.permit);
    return answer.permit.pool;
  });
}

const countOf = (answers: readonly string[], wanted: string) =>
  answers.filter((each) => each === wanted).length;

for (const [what, overrides, reason] of [
  ["a reservation of 2", { reserved: 2 }, tooManyReserved],
  ["a pool of 2", { unreserved: 2 }, tooManyUnreserved],
] as const) {
  test(`of ${what} at most 20 requests begin in a second; asynchronous events are not counted`, () => {
    const concurrency = new Concurrency(10);
    const first = begun(concurrency, 25, overrides, 0);
    assert.equal(countOf(first, reason), 5);
    assert.equal(
      countOf(begun(concurrency, 25, overrides, 500), reason),
      15,
      "half a second later half as many",
    );
    assert.equal(countOf(begun(concurrency, 25, { ...overrides, isEvent: true }, 500), reason), 0);
    assert.equal(countOf(begun(concurrency, 25, overrides, 60_000), reason), 5, "what is not used is lost");
  });
}

test("a function that is switched off and on again runs at once; a reservation that is raised gives what it adds", () => {
  const concurrency = new Concurrency(10);
  assert.deepEqual(begun(concurrency, 1, { reserved: 0 }, 0), [noReserved]);
  const on = begun(concurrency, 11, { reserved: 1 }, 1);
  assert.deepEqual([countOf(on, "reserved"), countOf(on, tooManyReserved)], [10, 1]);
  const raised = begun(concurrency, 31, { reserved: 4 }, 1);
  assert.deepEqual([countOf(raised, "reserved"), countOf(raised, tooManyReserved)], [30, 1]);
  assert.deepEqual(begun(concurrency, 1, { reserved: 1 }, 1), [tooManyReserved], "lowered, it gives nothing");
});

test("provisioned concurrency spills over at ten requests a second for each", () => {
  const answers = begun(new Concurrency(10), 15, { provisioned: 1, unreserved: 100 }, 0);
  assert.equal(countOf(answers, "provisioned"), 10);
  assert.equal(countOf(answers, "unreserved"), 5);
});

test("without a bound on requests only concurrency counts", () => {
  assert.deepEqual(
    new Set(begun(new Concurrency(Infinity), 5000, { reserved: 1 }, 0)),
    new Set(["reserved"]),
  );
});

test("I4 permits out never exceed what there is, and none is lost, whatever is taken and given back", () => {
  const step = fc.record({
    fn: fc.constantFrom("a", "b"),
    version: fc.constantFrom("1", "2"),
    isGiven: fc.boolean(),
    pauseMs: fc.nat(300),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const concurrency = new Concurrency(10);
      const out: { readonly permit: Permit; readonly fn: string; readonly version: string }[] = [];
      const held = (pool: string, wants: (one: (typeof out)[number]) => boolean) =>
        out.filter((one) => one.permit.pool === pool && wants(one)).length;
      let nowMs = 0;
      for (const { fn, version, isGiven, pauseMs } of steps) {
        nowMs += pauseMs;
        const [oldest] = out;
        if (isGiven && oldest) {
          concurrency.give(oldest.permit);
          out.shift();
          continue;
        }
        // "a" has a reservation of 3, and 1 environment provisioned for its version 1; "b" shares a pool of 2.
        const reserved = fn === "a" ? 3 : undefined;
        const provisioned = fn === "a" && version === "1" ? 1 : 0;
        const wanted = { functionArn: fn, version, reserved, provisioned, unreserved: 2 };
        const answer = concurrency.take(claim(wanted), nowMs);
        if (answer.kind === "permit") out.push({ permit: answer.permit, fn, version });
        assert.ok(held("provisioned", () => true) <= 1);
        assert.ok(held("reserved", (one) => one.fn === "a") <= 3);
        assert.ok(held("unreserved", (one) => one.fn === "b") <= 2);
        assert.equal(concurrency.inUse, out.length);
        assert.equal(
          concurrency.unreservedInUse,
          held("unreserved", () => true),
        );
      }
    }),
  );
});

test("a bucket never gives more than its capacity and what has flowed in since", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 100 }),
      fc.array(fc.nat(200), { maxLength: 200 }),
      (capacity, perSecond, pausesMs) => {
        const rate = { capacity, perSecond };
        const bucket = new TokenBucket(rate, 0);
        let nowMs = 0;
        let given = 0;
        for (const pauseMs of pausesMs) {
          nowMs += pauseMs;
          if (bucket.take(rate, nowMs)) given += 1;
          assert.ok(given <= capacity + (nowMs / 1000) * perSecond + 1e-6);
        }
      },
    ),
  );
});
