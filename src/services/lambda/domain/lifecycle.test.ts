import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../base/random.ts";
import type { Configuration, FunctionRecord } from "./function.ts";
import { codeOf, liveKeys, servingOf } from "./function.ts";
import { awsError } from "../../../../test/harness/lambda-sim.ts";
import type { ActivationEnd, Stamp } from "./lifecycle.ts";
import {
  activationEnded,
  awaitedChange,
  sha256Text,
  created,
  published,
  publishedWithUpdate,
  requireChangeable,
  requireServing,
  updateBegun,
} from "./lifecycle.ts";

const random = seededRandom(7);
const stamp: Stamp = { nowMs: 1000, uuid: () => random.uuid() };
const ready: ActivationEnd = { kind: "ready", runtimeVersionArn: "arn:runtime" };
const broken: ActivationEnd = { kind: "failed", reason: "no Node", reasonCode: "InvalidRuntime" };

const configuration: Configuration = {
  changeId: "first",
  runtime: "nodejs22.x",
  handler: "index.handler",
  role: "arn:aws:iam::000000000000:role/any",
  description: "",
  memoryMb: 128,
  timeoutSeconds: 3,
  ephemeralStorageMb: 512,
  architecture: "x86_64",
  variables: { B: "2", A: "1" },
  logFormat: "Text",
  logLevels: undefined,
  snapStart: undefined,
  tracing: "PassThrough",
  deadLetterArn: undefined,
  logGroup: "/aws/lambda/thumb",
  code: { sha256: "aa".repeat(32), sizeBytes: 10, unzippedBytes: 20 },
  layers: [],
  lastModifiedAtMs: 0,
  runtimeVersionArn: undefined,
};
const id = { account: "000000000000", region: "eu-west-1", name: "thumb" };

function pending(publish = false): FunctionRecord {
  return created({ id, configuration, tags: {}, publish }, stamp);
}
function ended(fn: FunctionRecord, end: ActivationEnd = ready): FunctionRecord {
  const changeId = awaitedChange(fn)?.changeId ?? "";
  return activationEnded(fn, { changeId, end }, stamp);
}
function active(publish = false): FunctionRecord {
  return ended(pending(publish));
}
function updating(fn = active(), change: Partial<Configuration> = { memoryMb: 256 }): FunctionRecord {
  return updateBegun(fn, { ...fn.latest.configuration, ...change }, stamp);
}

const pendingText =
  "The operation cannot be performed at this time. The function is currently in the following state: Pending";
const failedText = pendingText.replace("Pending", "Failed");
const updatingText =
  "The operation cannot be performed at this time. An update is in progress for resource: arn:aws:lambda:eu-west-1:000000000000:function:thumb";

test("what may be done is decided by the state, with AWS's text", () => {
  const states = [
    { name: "pending", fn: pending(), change: pendingText, invoke: pendingText },
    { name: "failed", fn: ended(pending(), broken), change: failedText, invoke: failedText },
    { name: "active", fn: active(), change: undefined, invoke: undefined },
    { name: "updating", fn: updating(), change: updatingText, invoke: undefined },
    { name: "update-failed", fn: ended(updating(), broken), change: undefined, invoke: undefined },
  ];
  for (const { name, fn, change, invoke } of states) {
    assert.equal(fn.latest.lifecycle.kind, name);
    if (change === undefined) assert.ok(requireChangeable(fn), name);
    else assert.throws(() => requireChangeable(fn), awsError("ResourceConflictException", change), name);
    if (invoke === undefined) assert.ok(requireServing(fn.latest), name);
    else assert.throws(() => requireServing(fn.latest), awsError("ResourceConflictException", invoke), name);
  }
});

test("L3: activation ends the wait of $LATEST and of the version published with it, once", () => {
  const fn = pending(true);
  const change = { changeId: "first", end: ready };
  const done = activationEnded(fn, change, stamp);
  assert.equal(done.latest.lifecycle.kind, "active");
  assert.equal(done.latest.configuration.runtimeVersionArn, "arn:runtime");
  assert.equal(done.versions[0]?.lifecycle.kind, "active");
  assert.equal(activationEnded(done, change, stamp), done, "a second end changes nothing");
  const next = updating(done);
  assert.equal(activationEnded(next, change, stamp), next, "the end of an earlier change changes nothing");
});

test("an update serves the old configuration until it ends well, and for good if it ends badly", () => {
  const before = active();
  const during = updating(before);
  assert.equal(servingOf(during.latest)?.memoryMb, 128);
  assert.deepEqual(liveKeys(during), liveKeys(before));
  const after = ended(during);
  assert.equal(servingOf(after.latest)?.memoryMb, 256);
  assert.notDeepEqual(liveKeys(after), liveKeys(before), "I3: another configuration, other environments");
  const failed = ended(during, broken);
  assert.equal(failed.latest.configuration.memoryMb, 256, "it shows what was asked for");
  assert.equal(servingOf(failed.latest)?.memoryMb, 128, "it serves what works");
  assert.equal(servingOf(ended(updating(failed, { memoryMb: 512 })).latest)?.memoryMb, 512);
});

test("a revision id changes with every transition, and with nothing else", () => {
  const steps = [pending(), active(), updating(), ended(updating())];
  assert.equal(new Set(steps.map((fn) => fn.latest.revisionId)).size, steps.length);
  const redundant = updating(active(), {});
  assert.equal(redundant.latest.lifecycle.kind, "updating", "a redundant update is an update");
  const fn = active();
  const { fn: with1, version } = published(fn, {}, stamp);
  assert.notEqual(with1.latest.revisionId, fn.latest.revisionId);
  const again = published(with1, {}, stamp);
  assert.equal(again.fn, with1);
  assert.equal(again.version.revisionId, version.revisionId);
});

test("L1: publishing copies $LATEST, and what changes later leaves the version as it was", () => {
  const { fn, version } = published(active(), { description: "first" }, stamp);
  assert.equal(version.number, 1);
  assert.equal(version.configuration.description, "first");
  assert.equal(version.lifecycle.kind, "active");
  const later = ended(updating(fn, { code: { sha256: "bb".repeat(32), sizeBytes: 11, unzippedBytes: 22 } }));
  assert.deepEqual(later.versions[0], version);
  assert.deepEqual([...codeOf(later)].sort(), ["aa".repeat(32), "bb".repeat(32)]);
});

test("publishing without a change answers the newest version; a change, also back, makes a new one", () => {
  const first = published(active(), {}, stamp);
  const renamed = ended(updating(first.fn, { description: "other" }));
  assert.equal(published(renamed, {}, stamp).version.number, 2, "a description is a change");
  const redundant = ended(updating(first.fn, { variables: { A: "1", B: "2" } }));
  assert.equal(published(redundant, {}, stamp).version.number, 1, "the order of variables is none");
  const second = published(renamed, {}, stamp);
  const back = ended(updating(second.fn, { description: "" }));
  assert.equal(published(back, {}, stamp).version.number, 3);
});

test("numbers of versions are not used again after the version was deleted", () => {
  const { fn } = published(active(), {}, stamp);
  const without = { ...fn, versions: [] };
  assert.equal(published(without, {}, stamp).version.number, 2);
});

test("publishing on the condition of other code is refused", () => {
  const fn = active();
  const current = sha256Text(fn.latest.configuration.code);
  assert.equal(published(fn, { codeSha256: current }, stamp).version.number, 1);
  assert.throws(
    () => published(fn, { codeSha256: "x" }, stamp),
    awsError(
      "InvalidParameterValueException",
      `CodeSHA256 (x) is different from current CodeSHA256 in $LATEST (${current}). Please try again with the CodeSHA256 in $LATEST.`,
    ),
  );
});

test("what could not be made ready is not published", () => {
  assert.throws(() => published(ended(updating(), broken), {}, stamp), awsError("ResourceConflictException"));
});

test("a version published with an update becomes active with it", () => {
  const { fn, version } = publishedWithUpdate(updating(), stamp);
  assert.equal(version.lifecycle.kind, "pending");
  const done = ended(fn);
  assert.equal(done.versions[0]?.lifecycle.kind, "active");
  assert.equal(liveKeys(done).length, 2);
  assert.equal(ended(fn, broken).versions[0]?.lifecycle.kind, "failed");
});
