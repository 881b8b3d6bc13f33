/** Environments that are to be replaced, on environments that do as the test says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { invocationRequest, versionSpec } from "../../test/harness/fake-environment.ts";
import { at, invokeStage, turn } from "../../test/harness/invoke-stage.ts";

const spec = versionSpec();
const isOurs = (functionArn: string) => functionArn === spec.functionArn;

test("idle environments of the function end at once, those of others stay", async () => {
  const { pool, environments } = invokeStage();
  const other = versionSpec({ functionName: "other" });
  for (const [index, one] of [spec, other].entries()) {
    const waiting = pool.acquire(one);
    at(environments, index).becomes("idle");
    const environment = await waiting;
    pool.settling(environment);
    pool.release(environment);
  }
  assert.equal(pool.recycle(isOurs), 1);
  assert.deepEqual([at(environments, 0).isShutDown, at(environments, 1).isShutDown], [true, false]);
  await turn();
  void pool.acquire(spec);
  assert.equal(environments.length, 3, "the next one is new");
});

test("a busy one ends when it is given back, and who waits for it gets a new one", async () => {
  const { clock, pool, environments } = invokeStage();
  const first = pool.acquire(spec);
  at(environments, 0).becomes("idle");
  const busy = await first;
  void busy.invoke(invocationRequest());
  assert.equal(pool.recycle(isOurs), 1);
  pool.settling(busy);
  const next = pool.acquire(spec);
  pool.release(busy);
  assert.equal(at(environments, 0).isShutDown, true);
  await clock.advance(100);
  at(environments, 1).becomes("idle");
  assert.equal(await next, environments[1]);
});

test("what is provisioned is started again", async () => {
  const { pool, environments } = invokeStage();
  pool.provision(spec.functionArn, [{ spec, count: 1 }]);
  at(environments, 0).becomes("idle");
  await turn();
  assert.equal(pool.recycle(isOurs), 1);
  await turn();
  at(environments, 1).becomes("idle");
  await turn();
  assert.deepEqual(pool.provisioned(spec.key), { ready: 1, failure: undefined });
});
