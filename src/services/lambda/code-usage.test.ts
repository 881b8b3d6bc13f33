import assert from "node:assert/strict";
import { test } from "node:test";
import { awsError, bytes, type SimLambda, simLambda } from "../../../test/harness/lambda-sim.ts";
import { createMemoryState } from "../../store/memory/memory-store.ts";

const zip = (sizeBytes: number, mark = "x") => bytes(mark.repeat(sizeBytes));
const exceeded = awsError("CodeStorageExceededException", "Code storage limit exceeded.");

async function usageOf(sim: SimLambda): Promise<(number | undefined)[]> {
  const { AccountUsage } = await sim.call("GetAccountSettings", {});
  return [AccountUsage?.FunctionCount, AccountUsage?.TotalCodeSize];
}

test("every version and every layer version counts, what is gone does not, and a restart counts the same", async () => {
  const state = createMemoryState();
  const sim = simLambda(state);
  assert.deepEqual(await usageOf(sim), [0, 0]);
  await sim.create("a", { Code: { ZipFile: zip(100) }, Publish: true });
  await sim.create("b", { Code: { ZipFile: zip(50) } });
  assert.deepEqual(await usageOf(sim), [2, 250]);
  await sim.call("UpdateFunctionCode", { FunctionName: "a", ZipFile: zip(10) });
  await sim.settle();
  assert.deepEqual(await usageOf(sim), [2, 160]);
  await sim.call("PublishVersion", { FunctionName: "a" });
  await sim.call("PublishLayerVersion", { LayerName: "l", Content: { ZipFile: zip(1000) } });
  assert.deepEqual(await usageOf(sim), [2, 1170]);
  assert.deepEqual(await usageOf(simLambda(state, 2)), [2, 1170]);
  await sim.call("DeleteFunction", { FunctionName: "a", Qualifier: "1" });
  assert.deepEqual(await usageOf(sim), [2, 1070]);
  await sim.call("DeleteFunction", { FunctionName: "a" });
  await sim.call("DeleteLayerVersion", { LayerName: "l", VersionNumber: 1 });
  await sim.call("DeleteLayerVersion", { LayerName: "l", VersionNumber: 1 });
  assert.deepEqual(await usageOf(sim), [1, 50]);
});

test("what would go beyond the limit is refused and leaves nothing; less than before is always taken", async () => {
  const sim = simLambda(createMemoryState(), 1, { codeStorageBytesMax: 200 });
  await sim.create("a", { Code: { ZipFile: zip(120) } });
  await assert.rejects(sim.create("b", { Code: { ZipFile: zip(81, "b") } }), exceeded);
  await assert.rejects(sim.create("b", { Code: { ZipFile: zip(41, "b") }, Publish: true }), exceeded);
  await assert.rejects(sim.call("PublishVersion", { FunctionName: "a" }), exceeded);
  const Content = { ZipFile: zip(81, "l") };
  await assert.rejects(sim.call("PublishLayerVersion", { LayerName: "l", Content }), exceeded);
  await assert.rejects(sim.call("UpdateFunctionCode", { FunctionName: "a", ZipFile: zip(201) }), exceeded);
  await sim.settle();
  assert.deepEqual(await usageOf(sim), [1, 120]);
  assert.equal(sim.state.blobs.size, 1, "no zip of what was refused is left");
  await sim.call("UpdateFunctionCode", { FunctionName: "a", ZipFile: zip(199) });
  await sim.settle();
  await sim.call("UpdateFunctionCode", { FunctionName: "a", ZipFile: zip(100) });
  await sim.settle();
  assert.equal((await sim.call("PublishVersion", { FunctionName: "a" })).Version, "1");
  assert.equal((await sim.call("PublishVersion", { FunctionName: "a" })).Version, "1", "nothing new");
  assert.deepEqual(await usageOf(sim), [1, 200]);
  await assert.rejects(sim.create("b", { Code: { ZipFile: zip(1, "b") } }), exceeded);
  // Other accounts have a limit of their own.
  await sim.call("GetAccountSettings", {}, { account: "111122223333" });
});
