import assert from "node:assert/strict";
import { test } from "node:test";
import { arnPrefix, awsError, bytes, simLambda } from "../../../../test/harness/lambda-sim.ts";

const arn = `${arnPrefix}:function:thumb`;
const inProgress = awsError(
  "ResourceConflictException",
  `The operation cannot be performed at this time. An update is in progress for resource: ${arn}`,
);

test("an update is in progress, then successful, with two new revision ids; redundant ones too", async () => {
  const sim = simLambda();
  await sim.create("thumb");
  const before = await sim.call("GetFunctionConfiguration", { FunctionName: "thumb" });
  await sim.clock.advance(5);
  const during = await sim.call("UpdateFunctionConfiguration", { FunctionName: "thumb", Timeout: 3 });
  assert.equal(during.State, "Active");
  assert.equal(during.LastUpdateStatus, "InProgress");
  assert.equal(during.LastUpdateStatusReason, "The function is being created.");
  assert.equal(during.LastUpdateStatusReasonCode, "Creating");
  assert.equal(during.LastModified, "2026-01-01T00:00:00.005+0000");
  await sim.settle();
  const after = await sim.call("GetFunctionConfiguration", { FunctionName: "thumb" });
  assert.equal(after.LastUpdateStatus, "Successful");
  assert.equal(new Set([before, during, after].map(({ RevisionId }) => RevisionId)).size, 3);
});

test("during an update what changes $LATEST is refused, and so is tagging", async () => {
  const sim = simLambda();
  await sim.create("thumb");
  sim.hold();
  await sim.call("UpdateFunctionConfiguration", { FunctionName: "thumb", Timeout: 9 });
  await assert.rejects(sim.call("UpdateFunctionConfiguration", { FunctionName: "thumb" }), inProgress);
  await assert.rejects(
    sim.call("UpdateFunctionCode", { FunctionName: "thumb", ZipFile: bytes("new") }),
    inProgress,
  );
  await assert.rejects(sim.call("PublishVersion", { FunctionName: "thumb" }), inProgress);
  await assert.rejects(sim.call("TagResource", { Resource: arn, Tags: { a: "b" } }), inProgress);
  sim.world.release?.();
  await sim.settle();
  await sim.call("TagResource", { Resource: arn, Tags: { a: "b" } });
});

test("members that are not given stay; an empty environment clears it", async () => {
  const sim = simLambda();
  await sim.create("thumb", { Environment: { Variables: { A: "1" } }, Description: "d", MemorySize: 256 });
  const timeout = await sim.call("UpdateFunctionConfiguration", { FunctionName: "thumb", Timeout: 9 });
  assert.deepEqual(timeout.Environment, { Variables: { A: "1" } });
  assert.equal(timeout.Description, "d");
  assert.equal(timeout.MemorySize, 256);
  assert.equal(timeout.Timeout, 9);
  await sim.settle();
  const empty = { FunctionName: "thumb", Environment: {}, Description: "" };
  const cleared = await sim.call("UpdateFunctionConfiguration", empty);
  assert.deepEqual(cleared.Environment, { Variables: {} });
  assert.equal(cleared.Description, "");
});

test("of updates at once one wins, the others get AWS's error", async () => {
  const sim = simLambda();
  await sim.create("thumb");
  sim.hold();
  const updates = await Promise.allSettled(
    [4, 5, 6, 7].map((Timeout) =>
      sim.call("UpdateFunctionConfiguration", { FunctionName: "thumb", Timeout }),
    ),
  );
  const lost = updates.filter((result) => result.status === "rejected");
  assert.equal(lost.length, 3);
  for (const { reason } of lost) inProgress(reason);
});

test("a stale revision id is refused, the latest is taken", async () => {
  const sim = simLambda();
  await sim.create("thumb");
  const stale = "00000000-0000-4000-8000-000000000000";
  const refused = awsError(
    "PreconditionFailedException",
    "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
  );
  const FunctionName = "thumb";
  const ZipFile = bytes("new");
  await assert.rejects(sim.call("UpdateFunctionConfiguration", { FunctionName, RevisionId: stale }), refused);
  await assert.rejects(sim.call("UpdateFunctionCode", { FunctionName, ZipFile, RevisionId: stale }), refused);
  await assert.rejects(sim.call("PublishVersion", { FunctionName, RevisionId: stale }), refused);
  const { RevisionId } = await sim.call("GetFunctionConfiguration", { FunctionName });
  await sim.call("UpdateFunctionCode", { FunctionName, ZipFile, RevisionId });
});

test("new code replaces the old: environments retired, the old zip removed", async () => {
  const sim = simLambda();
  const { CodeSha256: oldSha } = await sim.create("thumb");
  const updated = await sim.call("UpdateFunctionCode", { FunctionName: "thumb", ZipFile: bytes("new") });
  assert.notEqual(updated.CodeSha256, oldSha);
  assert.equal(updated.CodeSize, 3);
  assert.equal(sim.state.blobs.size, 2, "the old one serves until the new one is ready");
  await sim.settle();
  assert.equal(sim.state.blobs.size, 1);
  const retired = sim.world.retired.at(-1);
  assert.equal(retired?.functionArn, arn);
  assert.equal(retired?.keepKeys.length, 1);
});

test("a published version keeps its zip", async () => {
  const sim = simLambda();
  await sim.create("thumb", { Publish: true });
  const FunctionName = "thumb";
  const second = await sim.call("UpdateFunctionCode", { FunctionName, ZipFile: bytes("new"), Publish: true });
  assert.equal(second.Version, "2");
  assert.equal(second.FunctionArn, `${arn}:2`);
  await sim.settle();
  assert.equal(sim.state.blobs.size, 2);
  assert.equal(sim.world.retired.at(-1)?.keepKeys.length, 3);
  await sim.call("DeleteFunction", { FunctionName, Qualifier: "1" });
  await sim.settle();
  assert.equal(sim.state.blobs.size, 1);
  const again = await sim.call("UpdateFunctionCode", { FunctionName, ZipFile: bytes("new"), Publish: true });
  assert.equal(again.Version, "2", "no change, no version");
});

test("a dry run says what would be and changes nothing", async () => {
  const sim = simLambda();
  const { CodeSha256: before } = await sim.create("thumb");
  const dry = await sim.call("UpdateFunctionCode", {
    FunctionName: "thumb",
    ZipFile: bytes("new"),
    DryRun: true,
  });
  assert.notEqual(dry.CodeSha256, before);
  assert.equal(dry.LastUpdateStatus, "Successful");
  const now = await sim.call("GetFunctionConfiguration", { FunctionName: "thumb" });
  assert.equal(now.CodeSha256, before);
  assert.equal(sim.state.blobs.size, 1);
});

test("an update that fails leaves the old version serving, and the next one may succeed", async () => {
  const sim = simLambda();
  const FunctionName = "thumb";
  await sim.create(FunctionName);
  sim.world.mountError = new Error("disk");
  await sim.call("UpdateFunctionCode", { FunctionName, ZipFile: bytes("new") });
  await sim.settle();
  const failed = await sim.call("GetFunctionConfiguration", { FunctionName });
  assert.equal(failed.State, "Active");
  assert.equal(failed.LastUpdateStatus, "Failed");
  assert.equal(failed.LastUpdateStatusReasonCode, "InternalError");
  await sim.call("Invoke", { FunctionName });
  const served = sim.world.orders.at(-1)?.spec.codeSha256;
  sim.world.mountError = undefined;
  await sim.call("UpdateFunctionCode", { FunctionName, ZipFile: bytes("newer") });
  await sim.settle();
  await sim.call("Invoke", { FunctionName });
  assert.notEqual(sim.world.orders.at(-1)?.spec.codeSha256, served);
  assert.equal(sim.state.blobs.size, 1, "neither the old nor the failed code is left");
});

test("what UpdateFunctionCode refuses", async () => {
  const sim = simLambda();
  await sim.create("thumb");
  const invalid = "InvalidParameterValueException";
  await assert.rejects(
    sim.call("UpdateFunctionCode", { FunctionName: "thumb", ImageUri: "x" }),
    awsError(invalid, "Please don't provide ImageUri when updating a function with packageType Zip."),
  );
  await assert.rejects(
    sim.call("UpdateFunctionCode", { FunctionName: "thumb:live", ZipFile: bytes("new") }),
    awsError(invalid),
  );
  await assert.rejects(
    sim.call("UpdateFunctionCode", { FunctionName: "gone", ZipFile: bytes("new") }),
    awsError("ResourceNotFoundException", `Function not found: ${arnPrefix}:function:gone`),
  );
  await assert.rejects(
    sim.call("UpdateFunctionConfiguration", { FunctionName: "thumb", Runtime: "nodejs14.x" }),
    awsError(invalid),
  );
  const same = await sim.call("UpdateFunctionCode", { FunctionName: "thumb:$LATEST", ZipFile: bytes("new") });
  assert.equal(same.Version, "$LATEST");
});

test("deleting during an update wins; what was under way leaves nothing", async () => {
  const sim = simLambda();
  await sim.create("thumb");
  sim.hold();
  await sim.call("UpdateFunctionCode", { FunctionName: "thumb", ZipFile: bytes("new") });
  await sim.call("DeleteFunction", { FunctionName: "thumb" });
  sim.world.release?.();
  await sim.settle();
  assert.equal(sim.state.entries.length, 0);
  assert.equal(sim.state.blobs.size, 0);
});
