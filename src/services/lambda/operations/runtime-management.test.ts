import assert from "node:assert/strict";
import { test } from "node:test";
import { arnPrefix, awsError, simLambda } from "../../../../test/harness/lambda-sim.ts";

const FunctionName = "thumb";
const arn = `${arnPrefix}:function:thumb`;
const current = "arn:aws:lambda:eu-west-1::runtime:nodejs22.x";
const invalid = "InvalidParameterValueException";

test("runtime management is set for each version, and pins only what is in use", async () => {
  const sim = simLambda();
  await sim.create(FunctionName, { Publish: true });
  const put = await sim.call("PutRuntimeManagementConfig", {
    FunctionName,
    Qualifier: "1",
    UpdateRuntimeOn: "Manual",
    RuntimeVersionArn: current,
  });
  const pinned = { UpdateRuntimeOn: "Manual", FunctionArn: `${arn}:1`, RuntimeVersionArn: current };
  assert.deepEqual(put, pinned);
  const get = (Qualifier?: string) => sim.call("GetRuntimeManagementConfig", { FunctionName, Qualifier });
  assert.deepEqual(await get("1"), pinned);
  assert.deepEqual(await get(), { UpdateRuntimeOn: "Auto", FunctionArn: `${arn}:$LATEST` });
  await assert.rejects(get("7"), awsError("ResourceNotFoundException", `Function not found: ${arn}:7`));
  for (const wrong of [
    { UpdateRuntimeOn: "Manual" },
    { UpdateRuntimeOn: "Manual", RuntimeVersionArn: `${current}-other` },
    { UpdateRuntimeOn: "Auto", RuntimeVersionArn: current },
  ] as const) {
    await assert.rejects(
      sim.call("PutRuntimeManagementConfig", { FunctionName, ...wrong }),
      awsError(invalid),
    );
  }
});

test("the recursion setting is the whole function's", async () => {
  const sim = simLambda();
  await sim.create(FunctionName, { Publish: true });
  assert.deepEqual(await sim.call("GetFunctionRecursionConfig", { FunctionName }), {
    RecursiveLoop: "Terminate",
  });
  await sim.call("PutFunctionRecursionConfig", { FunctionName, RecursiveLoop: "Allow" });
  assert.deepEqual(await sim.call("GetFunctionRecursionConfig", { FunctionName }), {
    RecursiveLoop: "Allow",
  });
  await assert.rejects(
    sim.call("PutFunctionRecursionConfig", { FunctionName: "thumb:1", RecursiveLoop: "Allow" }),
    awsError(invalid),
  );
});

test("active tracing samples the traces that begin here, and log levels reach the environment", async () => {
  const sim = simLambda();
  await sim.create(FunctionName, {
    TracingConfig: { Mode: "Active" },
    LoggingConfig: { LogFormat: "JSON", ApplicationLogLevel: "DEBUG" },
  });
  await sim.call("Invoke", { FunctionName });
  await sim.call("Invoke", { FunctionName }, { trace: "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0" });
  const [own, given] = sim.world.orders.map(({ request }) => request.traceHeader);
  assert.match(own ?? "", /;Sampled=1/);
  assert.match(given ?? "", /^Root=1-5759e988-bd862e3fe1be46a994272793;Parent=[0-9a-f]{16};Sampled=0/);
  assert.deepEqual(sim.world.orders[0]?.spec.logLevels, { application: "DEBUG", system: "INFO" });

  const shown = await sim.call("UpdateFunctionConfiguration", {
    FunctionName,
    TracingConfig: { Mode: "PassThrough" },
    LoggingConfig: { LogFormat: "Text" },
  });
  assert.deepEqual(shown.TracingConfig, { Mode: "PassThrough" });
  assert.deepEqual(shown.LoggingConfig, { LogFormat: "Text", LogGroup: "/aws/lambda/thumb" });
});
