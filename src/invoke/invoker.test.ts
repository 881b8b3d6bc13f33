/** The invoke engine on environments that do as the test says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../base/logger.ts";
import { createMetrics } from "../base/metrics.ts";
import { permitPatienceMs } from "../limits.ts";
import { invocationRequest, versionSpec } from "../../test/harness/fake-environment.ts";
import { at, invokeStage, turn } from "../../test/harness/invoke-stage.ts";
import type { VersionSpec } from "../runtime/contract.ts";
import type { InvokeOrder } from "./contract.ts";
import { createInvoker } from "./invoker.ts";
import type { PoolLimits } from "./contract.ts";

function started(limits: Partial<PoolLimits> = {}) {
  const stage = invokeStage(limits);
  const metrics = createMetrics();
  const invoker = createInvoker({ ...stage, logger: silentLogger, metrics, requestsPerSecond: 10 });
  return { ...stage, metrics, invoker };
}

function order(overrides: Partial<InvokeOrder> = {}, spec: VersionSpec = versionSpec()): InvokeOrder {
  return {
    spec,
    request: invocationRequest(),
    wantTail: false,
    reservedConcurrency: undefined,
    unreservedConcurrency: 1000,
    ...overrides,
  };
}

test("a first invocation starts an environment and later ones reuse it", async () => {
  const { environments, invoker } = started();
  for (let round = 0; round < 3; round += 1) {
    const answer = invoker.invoke(order());
    if (round === 0) at(environments, 0).becomes("idle");
    await turn();
    at(environments, 0).answers();
    assert.equal((await answer).kind, "done");
    at(environments, 0).settles();
    await turn();
  }
  assert.equal(environments.length, 1);
  assert.equal(at(environments, 0).requests.length, 3);
});

test("the caller is answered before the environment has settled", async () => {
  const { environments, invoker } = started();
  const answer = invoker.invoke(order());
  at(environments, 0).becomes("idle");
  await turn();
  at(environments, 0).answers();
  assert.equal((await answer).kind, "done");
  assert.deepEqual(at(environments, 0).lines, []);
});

test("a caller who wants the tail gets what was logged until the environment has settled", async () => {
  const { environments, invoker } = started();
  const answer = invoker.invoke(order({ wantTail: true }));
  const environment = at(environments, 0);
  environment.lines.push("before");
  environment.becomes("idle");
  await turn();
  environment.lines.push("START");
  environment.answers();
  await turn();
  environment.lines.push("REPORT");
  environment.settles();
  const done = await answer;
  assert(done.kind === "done" && done.logTail);
  assert.equal(Buffer.from(done.logTail).toString(), "START\nREPORT");
});

test("I2 two requests at once get two environments", async () => {
  const { environments, invoker } = started();
  const answers = [invoker.invoke(order()), invoker.invoke(order())];
  assert.equal(environments.length, 2);
  for (const environment of environments) environment.becomes("idle");
  await turn();
  assert.deepEqual(
    environments.map((environment) => environment.requests.length),
    [1, 1],
  );
  for (const environment of environments) environment.answers();
  await Promise.all(answers);
});

test("a request that waits for a start takes an environment that is given back first", async () => {
  const { environments, invoker } = started();
  const first = invoker.invoke(order());
  at(environments, 0).becomes("idle");
  await turn();
  const second = invoker.invoke(order());
  assert.equal(environments.length, 2);
  at(environments, 0).answers();
  await first;
  at(environments, 0).settles();
  await turn();
  assert.equal(at(environments, 0).requests.length, 2);
  at(environments, 0).answers();
  assert.equal((await second).kind, "done");
});

test("a request waits a moment for an environment that has answered, then starts another", async () => {
  const { clock, environments, invoker } = started();
  const first = invoker.invoke(order());
  at(environments, 0).becomes("idle");
  await turn();
  at(environments, 0).answers();
  await first;
  void invoker.invoke(order());
  await clock.advance(49);
  assert.equal(environments.length, 1);
  await clock.advance(2);
  assert.equal(environments.length, 2);
});

test("I3 two versions never share an environment", async () => {
  const { environments, invoker } = started();
  void invoker.invoke(order({}, versionSpec({ version: "1" })));
  void invoker.invoke(order({}, versionSpec({ version: "2" })));
  assert.deepEqual(
    environments.map(({ spec }) => spec.version),
    ["1", "2"],
  );
});

test("I4 a function's reservation is its ceiling, and the permit is back after REPORT", async () => {
  const { clock, environments, invoker } = started();
  const first = invoker.invoke(order({ reservedConcurrency: 1 }));
  const throttled = { kind: "throttled", reason: "ReservedFunctionConcurrentInvocationLimitExceeded" };
  assert.deepEqual(await invoker.invoke(order({ reservedConcurrency: 1 })), throttled);
  at(environments, 0).becomes("idle");
  await turn();
  at(environments, 0).answers();
  await first;
  const early = invoker.invoke(order({ reservedConcurrency: 1 }));
  await clock.advance(permitPatienceMs);
  assert.deepEqual(await early, throttled);
  at(environments, 0).settles();
  await turn();
  void invoker.invoke(order({ reservedConcurrency: 1 }));
  await turn();
  assert.equal(at(environments, 0).requests.length, 2);
});

test("a reservation of zero throttles everything", async () => {
  const { environments, invoker } = started();
  assert.deepEqual(await invoker.invoke(order({ reservedConcurrency: 0 })), {
    kind: "throttled",
    reason: "ReservedFunctionConcurrentInvocationLimitExceeded",
  });
  assert.equal(environments.length, 0);
});

test("the account's unreserved pool is a ceiling for functions without a reservation", async () => {
  const { invoker } = started();
  void invoker.invoke(order({ unreservedConcurrency: 1 }));
  const other = versionSpec({ functionName: "other" });
  assert.deepEqual(await invoker.invoke(order({ unreservedConcurrency: 1 }, other)), {
    kind: "throttled",
    reason: "ConcurrentInvocationLimitExceeded",
  });
});

test("no more environments start at once than the limit, and the rest follow", async () => {
  const { environments, invoker } = started({ startingMax: 2 });
  for (let count = 0; count < 5; count += 1) void invoker.invoke(order());
  assert.equal(environments.length, 2);
  at(environments, 0).becomes("idle");
  await turn();
  assert.equal(environments.length, 3);
});

test("at the machine's limit the longest idle environment makes room", async () => {
  const { environments, invoker } = started({ environmentsMax: 1 });
  const first = invoker.invoke(order());
  at(environments, 0).becomes("idle");
  await turn();
  at(environments, 0).answers();
  await first;
  at(environments, 0).settles();
  await turn();
  void invoker.invoke(order({}, versionSpec({ functionName: "other" })));
  await turn();
  assert.equal(at(environments, 0).isShutDown, true);
});

test("an environment that could not be started fails its request and gives the permit back", async () => {
  const { environments, invoker } = started();
  const failed = invoker.invoke(order({ unreservedConcurrency: 1 }));
  at(environments, 0).becomes("dead");
  await assert.rejects(failed, /no execution environment could be started/);
  void invoker.invoke(order({ unreservedConcurrency: 1 }));
  assert.equal(environments.length, 2);
});

test("an idle environment is shut down after its time", async () => {
  const { clock, environments, invoker, pool } = started({ idleMs: 1000 });
  const answer = invoker.invoke(order());
  at(environments, 0).becomes("idle");
  await turn();
  at(environments, 0).answers();
  await answer;
  at(environments, 0).settles();
  await turn();
  await clock.advance(900);
  assert.equal(at(environments, 0).isShutDown, false);
  await clock.advance(400);
  assert.equal(at(environments, 0).isShutDown, true);
  assert.equal(pool.size, 0);
});

test("retiring waits for the busy environment and then ends it", async () => {
  const { environments, invoker } = started();
  const spec = versionSpec();
  const answer = invoker.invoke(order());
  at(environments, 0).becomes("idle");
  await turn();
  let isRetired = false;
  const retired = invoker.retire(spec.functionArn, []).then(() => (isRetired = true));
  await turn();
  assert.equal(isRetired, false);
  at(environments, 0).answers();
  await answer;
  at(environments, 0).settles();
  await retired;
  assert.equal(at(environments, 0).isShutDown, true);
});

test("retiring keeps the versions that it is told to keep", async () => {
  const { environments, invoker, pool } = started();
  const kept = versionSpec({ version: "1" });
  for (const spec of [kept, versionSpec({ version: "2" })]) {
    const answer = invoker.invoke(order({}, spec));
    environments.at(-1)?.becomes("idle");
    await turn();
    environments.at(-1)?.answers();
    await answer;
    environments.at(-1)?.settles();
    await turn();
  }
  await invoker.retire(kept.functionArn, [kept.key]);
  assert.deepEqual(
    environments.map(({ isShutDown }) => isShutDown),
    [false, true],
  );
  assert.equal(pool.size, 1);
});

test("stopping ends what is idle at once and what is busy after the grace", async () => {
  const { clock, environments, invoker, pool } = started();
  void invoker.invoke(order());
  at(environments, 0).becomes("idle");
  await turn();
  const stopped = invoker.stop(1000);
  await clock.advance(999);
  assert.equal(at(environments, 0).isShutDown, false);
  await clock.advance(2);
  await stopped;
  assert.equal(pool.size, 0);
  await assert.rejects(invoker.invoke(order()), /shutting down/);
});

test("what runs within provisioned concurrency is counted, and what spills over", async () => {
  const { environments, invoker, metrics, pool } = started();
  const spec = versionSpec({ version: "1", key: "echo:1" });
  const of = (name: string) =>
    Number(new RegExp(`^lambdad_${name} (\\d+)$`, "m").exec(metrics.render())?.[1]);
  pool.provision(spec.functionArn, [{ spec, count: 2 }]);
  for (const environment of environments) environment.becomes("idle");
  await turn();
  assert.equal(of("provisioned_environments"), 2);
  const orders = Array.from({ length: 3 }, () => invoker.invoke(order({ provisionedConcurrency: 2 }, spec)));
  assert.equal(of("waiting_requests"), 1);
  assert.equal(of("starting_runtimes"), 1);
  at(environments, 2).becomes("idle");
  await turn();
  assert.deepEqual(
    [of("concurrency"), of("provisioned_concurrency"), of("unreserved_concurrency")],
    [3, 2, 1],
  );
  assert.deepEqual([of("provisioned_invocations_total"), of("provisioned_spillover_total")], [2, 1]);
  for (const environment of environments) environment.answers();
  await Promise.all(orders);
  void invoker.invoke(order({ provisionedConcurrency: 2 }, spec));
  at(environments, 0).settles();
  await turn();
  assert.deepEqual(
    [of("provisioned_invocations_total"), of("provisioned_spillover_total")],
    [3, 1],
    "it waited for a provisioned one, and has it",
  );
  for (const environment of environments) environment.answers();
  await turn();
  for (const environment of environments) environment.settles();
  await turn();
  assert.deepEqual([of("concurrency"), of("provisioned_concurrency")], [0, 0]);
});
