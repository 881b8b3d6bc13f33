/** Provisioned environments and retired versions, on environments that do as the test says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FakeEnvironment } from "../../test/harness/fake-environment.ts";
import { invocationRequest, versionSpec } from "../../test/harness/fake-environment.ts";
import { at, invokeStage, turn } from "../../test/harness/invoke-stage.ts";
import type { PoolLimits } from "./contract.ts";
import type { Pool } from "./pool.ts";

const spec = versionSpec({ version: "1", key: "echo:1" });
const { functionArn, key } = spec;

function started(limits: Partial<PoolLimits> = {}) {
  const stage = invokeStage({ startingMax: 2, ...limits });
  const { environments } = stage;
  /** Every environment that starts becomes idle, until none starts any more. */
  async function initialise(): Promise<void> {
    for (let done = 0; done < environments.length; done += 1) {
      if (environments[done]?.status === "starting") environments[done]?.becomes("idle");
      await turn();
    }
  }
  const alive = () => environments.filter(({ isShutDown, status }) => !isShutDown && status !== "dead");
  return { ...stage, initialise, alive };
}

test("provisioned environments are started ahead, as such, and are handed out first", async () => {
  const { environments, pool, initialise } = started();
  pool.provision(functionArn, [{ spec, count: 3 }]);
  assert.equal(environments.length, 2, "no more start at once than may");
  await initialise();
  assert.deepEqual(pool.provisioned(key), { ready: 3, failure: undefined });
  assert.ok(environments.every((one) => one.spec.initialization === "provisioned-concurrency"));
  const taken = pool.acquire(spec);
  assert.ok(!(taken instanceof Promise), "none is started for the request");
  assert.equal(pool.provisioned(key).ready, 3, "busy ones count");
  assert.equal(pool.provisionedSize, 3);
});

test("what goes beyond them is started on demand and goes when idle; they stay", async () => {
  const { clock, environments, pool, initialise, alive } = started();
  pool.provision(functionArn, [{ spec, count: 1 }]);
  await initialise();
  const first = await pool.acquire(spec);
  const spilled = pool.acquire(spec);
  await initialise();
  const second = await spilled;
  assert.equal(second.spec.initialization, undefined);
  for (const one of [first, second]) {
    pool.settling(one);
    (one as FakeEnvironment).settles();
    pool.release(one);
  }
  await clock.advance(10 * 60_000);
  await turn();
  assert.deepEqual(alive(), [at(environments, 0)]);
});

test("a provisioned environment that dies is replaced; one whose INIT fails ends the attempt", async () => {
  const { environments, pool, initialise } = started();
  pool.provision(functionArn, [{ spec, count: 1 }]);
  await initialise();
  const dying = await pool.acquire(spec);
  pool.settling(dying);
  at(environments, 0).status = "dead";
  pool.release(dying);
  await turn();
  assert.equal(environments.length, 2);
  at(environments, 1).becomes("down");
  assert.equal(pool.provisioned(key).ready, 0, "its INIT has failed, and was never ready");
  await turn();
  assert.equal(environments.length, 2, "no endless attempts");
  assert.deepEqual(pool.provisioned(key), { ready: 0, failure: "FUNCTION_ERROR_INIT_FAILURE" });
  pool.provision(functionArn, [{ spec, count: 1 }]);
  await initialise();
  assert.deepEqual(pool.provisioned(key), { ready: 1, failure: undefined });
});

test("a request that waits takes a provisioned environment that is being started", async () => {
  const { environments, pool, initialise } = started();
  pool.provision(functionArn, [{ spec, count: 1 }]);
  const waiting = pool.acquire(spec);
  await initialise();
  assert.equal((await waiting).id, "env-0");
  assert.equal(environments.length, 1);
});

test("fewer are wanted: the surplus ends, busy ones when they are given back", async () => {
  const { pool, initialise, alive } = started();
  pool.provision(functionArn, [{ spec, count: 3 }]);
  await initialise();
  const busy = await pool.acquire(spec);
  pool.provision(functionArn, []);
  await turn();
  assert.deepEqual(alive(), [busy]);
  pool.settling(busy);
  (busy as FakeEnvironment).settles();
  pool.release(busy);
  await turn();
  assert.deepEqual(alive(), []);
  assert.equal(pool.size, 0);
});

test("more than the machine has room for is refused, and leaves room for others", async () => {
  const { environments, pool } = started({ environmentsMax: 4 });
  pool.provision(functionArn, [{ spec, count: 4 }]);
  assert.equal(environments.length, 0);
  assert.match(pool.provisioned(key).failure ?? "", /room for 4 execution environments/);
});

test("closing and retiring end provisioned environments and start no others", async () => {
  for (const end of [(pool: Pool) => pool.close(), (pool: Pool) => pool.retire(functionArn, [])]) {
    const { environments, pool, initialise, alive } = started();
    pool.provision(functionArn, [{ spec, count: 2 }]);
    await initialise();
    await end(pool);
    assert.deepEqual(alive(), []);
    assert.equal(environments.length, 2);
  }
});

test("I3: an environment started for a version that is gone serves its one request and ends", async () => {
  const { pool, initialise, alive } = started();
  await pool.retire(functionArn, [], [key]);
  const late = pool.acquire(spec);
  await initialise();
  const environment = (await late) as FakeEnvironment;
  void environment.invoke(invocationRequest());
  environment.answers();
  pool.settling(environment);
  environment.settles();
  pool.release(environment);
  await turn();
  assert.deepEqual(alive(), []);
});
