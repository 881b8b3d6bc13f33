/** What a crash leaves, and what the next start makes of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Write } from "../../store/store.ts";
import { StoreError } from "../../store/store.ts";
import { awsError, bytes, newFunction, simLambda } from "../../../test/harness/lambda-sim.ts";

const FunctionName = "thumb";

test("L3: what was Pending when the process died becomes Active after the next start", async () => {
  const dead = simLambda();
  dead.hold();
  await dead.call("CreateFunction", newFunction(FunctionName, { Publish: true }));

  const next = simLambda(dead.state, 2);
  assert.equal((await next.call("GetFunctionConfiguration", { FunctionName })).State, "Pending");
  const stop = await next.start();
  await next.settle();
  for (const Qualifier of [undefined, "1"]) {
    const now = await next.call("GetFunctionConfiguration", { FunctionName, Qualifier });
    assert.equal(now.State, "Active");
  }
  await stop();
});

test("L3: an update that was in progress ends after the next start, and its old code goes", async () => {
  const dead = simLambda();
  await dead.create(FunctionName);
  dead.hold();
  await dead.call("UpdateFunctionCode", { FunctionName, ZipFile: bytes("new") });

  const next = simLambda(dead.state, 2);
  await next.start();
  await next.settle();
  const now = await next.call("GetFunctionConfiguration", { FunctionName });
  assert.equal(now.LastUpdateStatus, "Successful");
  assert.equal(now.CodeSize, 3);
  assert.equal(next.state.blobs.size, 1);
});

test("L2: a crash between the zip and its record leaves a zip, which the next start removes", async () => {
  const dead = simLambda();
  failCommits(dead, (batch) => batch.some(({ key }) => key.startsWith("lambda/function")), "io");
  dead.store.blobs.remove = () => new Promise(() => {});
  await assert.rejects(dead.call("CreateFunction", newFunction(FunctionName)), StoreError);
  assert.equal(dead.state.blobs.size, 1, "stored first, named never");

  const next = simLambda(dead.state, 2);
  await next.start();
  await next.settle();
  assert.equal(next.state.blobs.size, 0);
  assert.deepEqual(next.state.entries, []);
});

test("a crash between the record's end and the removal of its zip is made good by the next start", async () => {
  const dead = simLambda();
  await dead.create(FunctionName);
  dead.store.blobs.remove = () => new Promise(() => {});
  await dead.call("DeleteFunction", { FunctionName });
  assert.equal(dead.state.blobs.size, 1);

  const next = simLambda(dead.state, 2);
  await next.start();
  await next.settle();
  assert.equal(next.state.blobs.size, 0);
  assert.deepEqual(next.state.entries, []);
});

test("a start leaves alone what is needed", async () => {
  const before = simLambda();
  await before.create(FunctionName);
  const next = simLambda(before.state, 2);
  await next.start();
  await next.settle();
  assert.equal(next.state.blobs.size, 1);
  await next.call("Invoke", { FunctionName });
});

test("L3: a store that fails for a while does not leave a function Pending", async () => {
  const sim = simLambda();
  await sim.start();
  sim.hold();
  await sim.call("CreateFunction", newFunction(FunctionName));
  const mend = failCommits(sim, () => true, "io");
  sim.world.release?.();
  await sim.clock.advance(5000);
  assert.equal((await sim.call("GetFunctionConfiguration", { FunctionName })).State, "Pending");
  mend();
  await sim.clock.advance(5000);
  assert.equal((await sim.call("GetFunctionConfiguration", { FunctionName })).State, "Active");
});

test("stopping gives up what is under way and leaves nothing waiting", async () => {
  const sim = simLambda();
  const stop = await sim.start();
  sim.hold();
  await sim.call("CreateFunction", newFunction(FunctionName));
  await sim.settle();
  assert.equal(sim.clock.pending, 1);
  await stop();
  assert.equal(sim.clock.pending, 0);
});

test("a zip that is being removed when it is uploaded again is there afterwards", async () => {
  const sim = simLambda();
  await sim.create(FunctionName);
  const code = { ZipFile: bytes("shared") };
  await sim.create("other", { Code: code });
  for (let round = 0; round < 20; round += 1) {
    const [, again] = await Promise.allSettled([
      sim.call("DeleteFunction", { FunctionName: "other" }),
      sim.call("UpdateFunctionCode", { FunctionName, ...code }),
    ]);
    assert.equal(again.status, "fulfilled");
    await sim.settle();
    const now = await sim.call("GetFunctionConfiguration", { FunctionName });
    assert.equal(now.LastUpdateStatus, "Successful");
    assert.equal(sim.state.blobs.size, 1, "L2");
    await sim.call("UpdateFunctionCode", { FunctionName, ZipFile: bytes(`mine ${round}`) });
    await sim.create("other", { Code: code });
    assert.equal(sim.state.blobs.size, 2);
  }
});

test("a change that always loses gives up with an error of the service", async () => {
  const sim = simLambda();
  await sim.create(FunctionName);
  failCommits(sim, () => true, "conflict");
  await assert.rejects(
    sim.call("UpdateFunctionConfiguration", { FunctionName, Timeout: 9 }),
    awsError("ServiceException"),
  );
});

/** Until the answer is called, commits for which `isHit` holds fail. */
function failCommits(
  { store }: ReturnType<typeof simLambda>,
  isHit: (batch: readonly Write[]) => boolean,
  code: "io" | "conflict",
): () => void {
  const commit = store.commit.bind(store);
  store.commit = async (batch) => {
    if (isHit(batch)) throw new StoreError(code, "as told");
    return commit(batch);
  };
  return () => {
    store.commit = commit;
  };
}
