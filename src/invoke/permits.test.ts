/** Who asks again before the last invocation's environment has settled. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { invocationRequest, versionSpec } from "../../test/harness/fake-environment.ts";
import { at, invokeStage, turn } from "../../test/harness/invoke-stage.ts";
import { silentLogger } from "../base/logger.ts";
import { createMetrics } from "../base/metrics.ts";
import { permitPatienceMs } from "../limits.ts";
import type { InvokeAnswer, InvokeOrder } from "./contract.ts";
import { createInvoker } from "./invoker.ts";

const noReserved = { kind: "throttled", reason: "ReservedFunctionConcurrentInvocationLimitExceeded" };

/** One invocation that has been answered and has not settled, of a function that may have no second one beside it. */
async function answeredOnce(shares: Partial<InvokeOrder>) {
  const stage = invokeStage();
  const metrics = createMetrics();
  const invoker = createInvoker({ ...stage, logger: silentLogger, metrics, requestsPerSecond: 10 });
  const asked = (overrides: Partial<InvokeOrder> = {}): Promise<InvokeAnswer> =>
    invoker.invoke({
      spec: versionSpec(),
      request: invocationRequest(),
      wantTail: false,
      reservedConcurrency: undefined,
      unreservedConcurrency: 1000,
      ...shares,
      ...overrides,
    });
  const first = asked();
  const environment = at(stage.environments, 0);
  environment.becomes("idle");
  await turn();
  environment.answers();
  assert.equal((await first).kind, "done");
  return { ...stage, environment, asked };
}

for (const [what, shares] of [
  ["a reservation of 1", { reservedConcurrency: 1 }],
  ["an account that has 1 left", { unreservedConcurrency: 1 }],
  ["a reservation that is all provisioned", { reservedConcurrency: 0, provisionedConcurrency: 1 }],
] as const) {
  test(`I4 ${what}: whoever invokes one by one is not throttled, and has the same environment`, async () => {
    const { environment, environments, asked } = await answeredOnce(shares);
    const second = asked();
    await turn();
    assert.equal(environment.requests.length, 1, "it waits");
    environment.settles();
    await turn();
    assert.equal(environment.requests.length, 2);
    environment.answers();
    assert.equal((await second).kind, "done");
    assert.equal(environments.length, 1);
  });
}

test("no more wait than permits are about to come back, and none for long", async () => {
  const { clock, environment, asked } = await answeredOnce({ reservedConcurrency: 1 });
  const second = asked();
  assert.deepEqual(await asked(), noReserved);
  await clock.advance(permitPatienceMs);
  assert.deepEqual(await second, noReserved);
  environment.settles();
  await turn();
  void asked();
  await turn();
  assert.equal(environment.requests.length, 2, "who gave up holds nothing");
});

test("asynchronous events, and requests that find nothing to wait for, are told at once", async () => {
  const { asked, environment } = await answeredOnce({ reservedConcurrency: 1 });
  assert.deepEqual(await asked({ isEvent: true }), noReserved);
  assert.deepEqual(await asked({ reservedConcurrency: 0 }), noReserved);
  environment.settles();
  await turn();
  void asked();
  assert.deepEqual(await asked(), noReserved, "it runs, and has not been answered");
});
