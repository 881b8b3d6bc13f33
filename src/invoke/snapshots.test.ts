/** SnapStart: snapshots of versions, made ahead and handed out last, on environments that do as the test says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FakeEnvironment } from "../../test/harness/fake-environment.ts";
import { invocationRequest, versionSpec } from "../../test/harness/fake-environment.ts";
import { at, invokeStage, turn } from "../../test/harness/invoke-stage.ts";
import { machineRetryMs } from "../limits.ts";
import type { Environment } from "../runtime/contract.ts";

const specOf = (version: string) =>
  versionSpec({ version, key: `echo:${version}`, initialization: "snap-start" });
const spec = specOf("1");
const { functionArn } = spec;

function started(...limits: Parameters<typeof invokeStage>) {
  const stage = invokeStage(...limits);
  const { environments, pool } = stage;
  /** Every environment that starts becomes idle, until none starts any more. */
  async function initialise(): Promise<void> {
    for (let done = 0; done < environments.length; done += 1) {
      if (environments[done]?.status === "starting") environments[done]?.becomes("idle");
      await turn();
    }
  }
  const alive = () => environments.filter(({ isShutDown, status }) => !isShutDown && status !== "dead");
  function release(environment: Environment, status: "idle" | "down" = "idle"): void {
    pool.settling(environment);
    (environment as FakeEnvironment).settles(status);
    pool.release(environment);
  }
  async function later(): Promise<void> {
    await stage.clock.advance(machineRetryMs);
    await turn();
    await initialise();
  }
  return { ...stage, initialise, alive, release, later };
}

test("a snapshot is made when one is asked for, as such, and a cold start takes it", async () => {
  const { environments, pool, initialise } = started();
  const made = pool.snapshot(spec);
  await initialise();
  assert.equal(await made, undefined);
  assert.deepEqual(
    environments.map((one) => one.spec.initialization),
    ["snap-start"],
  );
  assert.equal(pool.acquire(spec), at(environments, 0), "nothing is started for the request");
  assert.equal(pool.provisionedSize, 0);
});

test("when it is taken another is made a moment later, and that is the last choice", async () => {
  const { environments, pool, initialise, later, release } = started();
  void pool.snapshot(spec);
  await initialise();
  const first = await pool.acquire(spec);
  assert.equal(environments.length, 1, "not beside its restore");
  await later();
  assert.equal(environments.length, 2);
  release(first);
  assert.equal(pool.acquire(spec), first, "what has been restored goes first");
  assert.equal(pool.acquire(spec), at(environments, 1));
});

test("without a snapshot an environment is started for the request; one that nobody takes is the snapshot", async () => {
  const { environments, pool, initialise, later, release } = started();
  const waiting = [pool.acquire(spec), pool.acquire(spec)];
  at(environments, 0).becomes("idle");
  await turn();
  const first = await waiting[0];
  assert.ok(first);
  release(first);
  assert.equal(await waiting[1], first);
  await initialise();
  await later();
  assert.equal(environments.length, 2, "no third is made");
  assert.equal(pool.acquire(spec), at(environments, 1));
});

test("a snapshot is never let go for being idle; what has been restored is", async () => {
  const { clock, environments, pool, initialise, later, release, alive } = started();
  void pool.snapshot(spec);
  await initialise();
  const first = await pool.acquire(spec);
  await later();
  release(first);
  await clock.advance(10 * 60_000);
  await turn();
  assert.deepEqual(alive(), [at(environments, 1)]);
});

test("whose INIT fails is told so, and is not tried again before somebody asks or a cold start went well", async () => {
  const { environments, pool, initialise, later } = started();
  const made = pool.snapshot(spec);
  at(environments, 0).becomes("down");
  assert.equal(await made, "FUNCTION_ERROR_INIT_FAILURE");
  await later();
  assert.equal(environments.length, 1);
  const again = pool.snapshot(spec);
  await initialise();
  assert.equal(await again, undefined);
});

test("a request gets what its INIT left, and no start is made for it again and again", async () => {
  const { environments, pool, later } = started();
  const waiting = pool.acquire(spec);
  at(environments, 0).becomes("down");
  await later();
  assert.equal(
    await waiting,
    at(environments, 0),
    "its invocation starts the runtime again, and says what is wrong",
  );
});

test("what fell while it served is ended: the next one begins from a snapshot", async () => {
  const { environments, pool, initialise, later, release, alive } = started();
  void pool.snapshot(spec);
  await initialise();
  const first = await pool.acquire(spec);
  void first.invoke(invocationRequest());
  release(first, "down");
  await later();
  assert.deepEqual(alive(), [at(environments, 1)]);
});

test("snapshots give way to requests that find no room, and come back with the next cold start", async () => {
  const { pool, environments, machine, initialise, later, alive } = started({}, { memoryReserveMb: 100 });
  void pool.snapshot(spec);
  await initialise();
  machine.freeMemoryMb = 120;
  const other = versionSpec({ functionName: "other", key: "other" });
  const waiting = pool.acquire(other);
  assert.deepEqual(alive(), [], "the snapshot was given up");
  machine.freeMemoryMb = 4000;
  await later();
  assert.equal((await waiting).spec.key, "other");
  await later();
  assert.equal(environments.length, 2, "it is not made again by itself");
  const cold = pool.acquire(spec);
  await initialise();
  await cold;
  await later();
  assert.equal(environments.length, 4, "one for the request, and another");
});

test("without memory no snapshot is made, and nothing is ended for it", async () => {
  const { pool, environments, machine, initialise, later, release, alive } = started();
  const cold = pool.acquire(spec);
  await initialise();
  machine.freeMemoryMb = 120;
  release(await cold);
  await later();
  assert.deepEqual(alive(), [at(environments, 0)]);
  machine.freeMemoryMb = 4000;
  await later();
  assert.equal(alive().length, 2);
});

test("so many versions have a snapshot: who used theirs longest ago does without", async () => {
  const { pool, initialise, alive } = started({ snapshotsMax: 2 });
  for (const version of ["1", "2", "3"]) {
    void pool.snapshot(specOf(version));
    await initialise();
  }
  assert.deepEqual(
    alive().map((one) => one.spec.version),
    ["2", "3"],
  );
});

test("after a restart so many versions get theirs anew, and the others theirs with a cold start", async () => {
  const { pool, later, alive } = started({ snapshotsMax: 2 });
  for (const version of ["1", "2", "3"]) pool.expectSnapshot(specOf(version));
  await later();
  assert.deepEqual(
    alive().map((one) => one.spec.version),
    ["2", "3"],
  );
  assert.equal(pool.size, 2);
});

test("versions that are published together all get one, and the next use leaves as many as there may be", async () => {
  const { pool, initialise, alive } = started({ snapshotsMax: 2 });
  const versions = ["1", "2", "3", "4"];
  const made = versions.map((version) => pool.snapshot(specOf(version)));
  await initialise();
  assert.deepEqual(
    await Promise.all(made),
    versions.map(() => undefined),
  );
  pool.expectSnapshot(specOf("4"));
  assert.deepEqual(
    alive().map((one) => one.spec.version),
    ["3", "4"],
  );
});

test("I3: retiring and closing end snapshots, and tell who waits for one", async () => {
  const { pool, initialise, alive } = started();
  const gone = pool.snapshot(spec);
  await initialise();
  await gone;
  const waiting = pool.snapshot(specOf("2"));
  const retired = pool.retire(functionArn, [], [spec.key, "echo:2"]);
  await initialise();
  await retired;
  assert.equal(await waiting, "The version is gone.");
  assert.equal(await pool.snapshot(spec), "The version is gone.");
  assert.deepEqual([alive(), pool.size], [[], 0]);
});

test("what is provisioned of other versions leaves snapshots alone", async () => {
  const { pool, initialise, alive } = started();
  void pool.snapshot(spec);
  await initialise();
  pool.provision(functionArn, [{ spec: versionSpec({ version: "9", key: "echo:9" }), count: 1 }]);
  await initialise();
  assert.deepEqual(
    alive().map((one) => one.spec.initialization),
    ["snap-start", "provisioned-concurrency"],
  );
});
