import assert from "node:assert/strict";
import { test } from "node:test";
import { arnPrefix, awsError, simLambda } from "../../../../test/harness/lambda-sim.ts";

const FunctionName = "thumb";
const arn = `${arnPrefix}:function:thumb`;
const invalid = "InvalidParameterValueException";
const conflict = "ResourceConflictException";

async function published() {
  const sim = simLambda();
  await sim.create(FunctionName, { Publish: true });
  await sim.call("CreateAlias", { FunctionName, Name: "live", FunctionVersion: "1" });
  const put = (Qualifier: string, count: number) =>
    sim.call("PutProvisionedConcurrencyConfig", {
      FunctionName,
      Qualifier,
      ProvisionedConcurrentExecutions: count,
    });
  return { sim, put };
}

test("provisioned concurrency is asked for, becomes ready, follows its alias and is taken away", async () => {
  const { sim, put } = await published();
  const asked = await put("live", 3);
  assert.equal(asked.Status, "IN_PROGRESS");
  assert.equal(asked.AllocatedProvisionedConcurrentExecutions, 0);
  assert.equal(asked.AvailableProvisionedConcurrentExecutions, undefined);
  assert.match(asked.LastModified ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000$/);
  assert.deepEqual(sim.world.provisions, [{ functionArn: arn, wanted: [["1", 3]] }]);
  const got = await sim.call("GetProvisionedConcurrencyConfig", { FunctionName, Qualifier: "live" });
  assert.equal(got.Status, "READY");
  assert.equal(got.AvailableProvisionedConcurrentExecutions, 3);
  const { ProvisionedConcurrencyConfigs: all } = await sim.call("ListProvisionedConcurrencyConfigs", {
    FunctionName,
  });
  assert.deepEqual(
    all?.map(({ FunctionArn }) => FunctionArn),
    [`${arn}:live`],
  );

  await sim.call("UpdateFunctionConfiguration", { FunctionName, Timeout: 9 });
  await sim.settle();
  await sim.call("PublishVersion", { FunctionName });
  const RoutingConfig = { AdditionalVersionWeights: { "2": 0.25 } };
  await sim.call("UpdateAlias", { FunctionName, Name: "live", RoutingConfig });
  assert.deepEqual(sim.world.provisions.at(-1)?.wanted, [
    ["1", 2],
    ["2", 1],
  ]);
  await sim.call("UpdateAlias", {
    FunctionName,
    Name: "live",
    FunctionVersion: "2",
    RoutingConfig: { AdditionalVersionWeights: {} },
  });
  assert.deepEqual(sim.world.provisions.at(-1)?.wanted, [["2", 3]]);

  await sim.call("DeleteProvisionedConcurrencyConfig", { FunctionName, Qualifier: "live" });
  assert.deepEqual(sim.world.provisions.at(-1)?.wanted, []);
  await assert.rejects(
    sim.call("GetProvisionedConcurrencyConfig", { FunctionName, Qualifier: "live" }),
    awsError(
      "ProvisionedConcurrencyConfigNotFoundException",
      "No Provisioned Concurrency Config found for this function",
    ),
  );
});

test("a failed allocation says why; a restart asks for the same again", async () => {
  const { sim, put } = await published();
  await put("1", 2);
  sim.world.provisionFailure = "FUNCTION_ERROR_INIT_FAILURE";
  const got = await sim.call("GetProvisionedConcurrencyConfig", { FunctionName, Qualifier: "1" });
  assert.deepEqual([got.Status, got.StatusReason], ["FAILED", "FUNCTION_ERROR_INIT_FAILURE"]);
  const again = simLambda(sim.state, 2);
  await again.start();
  assert.deepEqual(again.world.provisions, [{ functionArn: arn, wanted: [["1", 2]] }]);
});

test("what may not be provisioned is refused in AWS's words", async () => {
  const { sim, put } = await published();
  const unpublished = "Provisioned Concurrency Configs cannot be applied to unpublished function versions.";
  await assert.rejects(put("$LATEST", 1), awsError(invalid, unpublished));
  await sim.call("CreateAlias", { FunctionName, Name: "edge", FunctionVersion: "$LATEST" });
  await assert.rejects(put("edge", 1), awsError(invalid, unpublished));
  await assert.rejects(put("7", 1), awsError("ResourceNotFoundException"));
  await assert.rejects(
    sim.call("GetProvisionedConcurrencyConfig", { FunctionName, Qualifier: "$LATEST" }),
    awsError(invalid, "The function resource provided must be an alias or a published version."),
  );
  await assert.rejects(
    put("1", 1001),
    awsError(
      invalid,
      "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [1000].",
    ),
  );
  await assert.rejects(
    put("1", 901),
    awsError(
      invalid,
      "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].",
    ),
  );
  await put("live", 2);
  await assert.rejects(
    put("1", 1),
    awsError(conflict, "Version is pointed by a Provisioned Concurrency alias"),
  );
  await sim.call("CreateAlias", { FunctionName, Name: "second", FunctionVersion: "1" });
  await assert.rejects(
    put("second", 1),
    awsError(
      conflict,
      "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
    ),
  );
});

test("reserved and provisioned concurrency bound each other, and the account counts both once", async () => {
  const { sim, put } = await published();
  const unreserved = async () =>
    (await sim.call("GetAccountSettings", {})).AccountLimit?.UnreservedConcurrentExecutions;
  await put("live", 2);
  assert.equal(await unreserved(), 998);
  await assert.rejects(
    sim.call("PutFunctionConcurrency", { FunctionName, ReservedConcurrentExecutions: 1 }),
    awsError(
      invalid,
      " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned concurrency [2].",
    ),
  );
  await sim.call("PutFunctionConcurrency", { FunctionName, ReservedConcurrentExecutions: 2 });
  assert.equal(await unreserved(), 998);
  await assert.rejects(
    put("live", 3),
    awsError(
      invalid,
      "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function",
    ),
  );
  await sim.call("Invoke", { FunctionName, Qualifier: "live" });
  await sim.call("Invoke", { FunctionName });
  const shares = sim.world.orders.map((order) => [order.provisionedConcurrency, order.reservedConcurrency]);
  assert.deepEqual(shares, [
    [2, 0],
    [0, 0],
  ]);
  await sim.call("DeleteFunction", { FunctionName });
  assert.equal(await unreserved(), 1000);
});
