/** SnapStart as Lambda's API shows it: who may have it, what a published version goes through, and what a restart takes up. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { lambdaSnapshotTimeoutMs } from "../../limits.ts";
import { supportsSnapStart } from "../../runtime/runtime-facts.ts";
import { awsError, bytes, newFunction, simLambda } from "../../../test/harness/lambda-sim.ts";

const FunctionName = "thumb";
const on = { Runtime: "python3.12", SnapStart: { ApplyOn: "PublishedVersions" } } as const;

async function published(sim = simLambda(), more: object = {}) {
  await sim.create(FunctionName, { ...on, ...more });
  const made = Promise.withResolvers<string | undefined>();
  sim.world.snapshot = () => made.promise;
  const version = await sim.call("PublishVersion", { FunctionName });
  const read = (Qualifier?: string) => sim.call("GetFunctionConfiguration", { FunctionName, Qualifier });
  return { sim, version, read, made };
}

test("a version published with SnapStart is Pending until its snapshot is made, and is not invoked before", async () => {
  const { sim, version, read, made } = await published();
  assert.deepEqual(
    [version.State, version.SnapStart],
    ["Pending", { ApplyOn: "PublishedVersions", OptimizationStatus: "On" }],
  );
  await sim.settle();
  await assert.rejects(
    sim.call("Invoke", { FunctionName, Qualifier: "1" }),
    awsError(
      "SnapStartNotReadyException",
      "Lambda is initializing your function. It will be ready to invoke once your function state becomes ACTIVE.",
    ),
  );
  made.resolve(undefined);
  await sim.settle();
  const active = await read("1");
  assert.deepEqual([active.State, active.SnapStart?.OptimizationStatus], ["Active", "On"]);
  assert.equal((await sim.call("Invoke", { FunctionName, Qualifier: "1" })).StatusCode, 200);
  assert.equal(sim.world.orders.at(-1)?.spec.initialization, "snap-start");
});

test("$LATEST is not optimised, and runs on demand", async () => {
  const { sim, read } = await published();
  assert.deepEqual((await read()).SnapStart, { ApplyOn: "PublishedVersions", OptimizationStatus: "Off" });
  await sim.call("Invoke", { FunctionName });
  assert.equal(sim.world.orders.at(-1)?.spec.initialization, undefined);
});

test("a version whose INIT fails is Failed, and says so", async () => {
  const { sim, read, made } = await published();
  made.resolve("FUNCTION_ERROR_INIT_FAILURE");
  await sim.settle();
  const { State, StateReason, StateReasonCode } = await read("1");
  assert.deepEqual([State, StateReasonCode], ["Failed", "FunctionError"]);
  assert.match(StateReason ?? "", /could not invoke your SnapStart function/);
  await assert.rejects(
    sim.call("Invoke", { FunctionName, Qualifier: "1" }),
    awsError("ResourceConflictException"),
  );
});

test("L3: a snapshot that is never made does not leave its version Pending", async () => {
  const { sim, read } = await published();
  await sim.clock.advance(lambdaSnapshotTimeoutMs);
  await sim.settle();
  assert.equal((await read("1")).State, "Failed");
});

test("a change of $LATEST ends neither the wait nor the environments of a version whose snapshot is being made", async () => {
  const { sim, read, made } = await published();
  sim.world.mountError = new Error("no disk");
  await sim.call("UpdateFunctionCode", { FunctionName, ZipFile: bytes("new") });
  await sim.settle();
  assert.equal((await read("1")).State, "Pending");
  const key = sim.world.snapshots[0]?.key ?? "";
  assert.ok(sim.world.retired.at(-1)?.keepKeys.includes(key));
  made.resolve(undefined);
  await sim.settle();
  assert.equal((await read("1")).State, "Active");
});

test("versions that come with their code have their snapshot made once that is there", async () => {
  const sim = simLambda();
  sim.hold();
  await sim.call("CreateFunction", newFunction(FunctionName, { ...on, Publish: true }));
  assert.equal(sim.world.snapshots.length, 0);
  sim.world.release?.();
  await sim.settle();
  await sim.call("UpdateFunctionCode", { FunctionName, ZipFile: bytes("new"), Publish: true });
  await sim.settle();
  const made = sim.world.snapshots.map(({ version }) => version);
  assert.deepEqual(made, ["1", "2"]);
  for (const Qualifier of made) {
    assert.equal((await sim.call("GetFunctionConfiguration", { FunctionName, Qualifier })).State, "Active");
  }
});

test("only versions published from then on have it, and those keep it", async () => {
  const sim = simLambda();
  await sim.create(FunctionName, { Runtime: "python3.12", Publish: true });
  const configure = async (ApplyOn: "PublishedVersions" | "None") => {
    await sim.call("UpdateFunctionConfiguration", { FunctionName, SnapStart: { ApplyOn } });
    await sim.settle();
    await sim.call("PublishVersion", { FunctionName });
    await sim.settle();
  };
  await configure("PublishedVersions");
  await configure("None");
  await sim.call("UpdateFunctionConfiguration", { FunctionName, Description: "other" });
  await sim.settle();
  const { Versions = [] } = await sim.call("ListVersionsByFunction", { FunctionName });
  assert.deepEqual(
    Versions.map(({ Version, SnapStart }) => [Version, SnapStart?.OptimizationStatus]),
    [
      ["$LATEST", "Off"],
      ["1", "Off"],
      ["2", "On"],
      ["3", "Off"],
    ],
  );
});

test("a restart makes the snapshots of Active versions anew, and takes up what was under way", async () => {
  const { sim: dead, made } = await published();
  made.resolve(undefined);
  await dead.settle();
  dead.world.snapshot = () => new Promise(() => {});
  await dead.call("UpdateFunctionConfiguration", { FunctionName, Description: "other" });
  await dead.settle();
  await dead.call("PublishVersion", { FunctionName });

  const next = simLambda(dead.state, 2);
  const stop = await next.start();
  await next.settle();
  const { expected, snapshots } = next.world;
  assert.deepEqual(
    [expected, snapshots].map((specs) => specs.map(({ version }) => version)),
    [["1"], ["2"]],
  );
  for (const Qualifier of ["1", "2"]) {
    assert.equal((await next.call("GetFunctionConfiguration", { FunctionName, Qualifier })).State, "Active");
  }
  await stop();
});

for (const [exception, status] of [
  ["SnapStartException", 400],
  ["SnapStartTimeoutException", 408],
] as const) {
  test(`a snapshot that cannot be restored is ${exception}, ${status}`, async () => {
    const { sim, made } = await published();
    made.resolve(undefined);
    await sim.settle();
    const crash = { kind: "crash", errorType: "X", payload: bytes("{}"), exception } as const;
    sim.world.answer = async () => ({ kind: "done", outcome: crash, logTail: undefined });
    for (const operation of ["Invoke", "InvokeWithResponseStream"] as const) {
      await assert.rejects(sim.call(operation, { FunctionName, Qualifier: "1" }), (error) => {
        awsError(exception)(error);
        assert.equal((error as { status?: number }).status, status);
        return true;
      });
    }
  });
}

const refused: readonly (readonly [why: string, more: object, text: RegExp])[] = [
  ["a runtime before Python 3.12", { Runtime: "python3.11" }, /^python3.11 is not supported for SnapStart/],
  ["a runtime of Node", { Runtime: "nodejs24.x" }, /^nodejs24.x is not supported for SnapStart/],
  ["a larger /tmp", { EphemeralStorage: { Size: 1024 } }, /^EphemeralStorage of more than 512 MB/],
];

for (const [why, more, text] of refused) {
  test(`SnapStart is refused for ${why}, at creation and later`, async () => {
    const sim = simLambda();
    await assert.rejects(sim.create("new", { ...on, ...more }), (error) => {
      awsError("InvalidParameterValueException")(error);
      assert.match((error as Error).message, text);
      return true;
    });
    await sim.create(FunctionName, on);
    await assert.rejects(
      sim.call("UpdateFunctionConfiguration", { FunctionName, ...more }),
      awsError("InvalidParameterValueException"),
    );
  });
}

test("a version with SnapStart has no provisioned concurrency", async () => {
  const { sim, made } = await published();
  made.resolve(undefined);
  await sim.settle();
  await assert.rejects(
    sim.call("PutProvisionedConcurrencyConfig", {
      ...{ FunctionName, Qualifier: "1", ProvisionedConcurrentExecutions: 1 },
    }),
    awsError("InvalidParameterValueException"),
  );
});

test("runtimes with SnapStart: Java 11, Python 3.12, .NET 8, and what came later", () => {
  const supported = ["java11", "java11.al2023", "java17", "java25", "python3.12", "python3.15", "dotnet8"];
  const others = ["java8.al2", "java8.al2023", "python3.9", "python3.11", "dotnet6", "dotnetcore3.1"];
  for (const runtime of supported) assert.ok(supportsSnapStart(runtime), runtime);
  for (const runtime of [...others, "nodejs24.x", "ruby3.4", "provided.al2023", ""])
    assert.ok(!supportsSnapStart(runtime), runtime);
});
