import assert from "node:assert/strict";
import { test } from "node:test";
import { arnPrefix, awsError, simLambda } from "../../../../test/harness/lambda-sim.ts";

const FunctionName = "thumb";
const arn = `${arnPrefix}:function:thumb`;
const invalid = "InvalidParameterValueException";
const notFound = "ResourceNotFoundException";

test("an event-invoke config is put, merged, listed by qualifier and removed", async () => {
  const sim = simLambda();
  await sim.create(FunctionName, { Publish: true });
  await sim.create("sink");
  await sim.call("CreateAlias", { FunctionName, Name: "live", FunctionVersion: "1" });
  const sink = `${arnPrefix}:function:sink`;
  const put = await sim.call("PutFunctionEventInvokeConfig", { FunctionName, MaximumRetryAttempts: 0 });
  assert.deepEqual(put, {
    LastModified: new Date(sim.clock.now()),
    FunctionArn: `${arn}:$LATEST`,
    MaximumRetryAttempts: 0,
    DestinationConfig: { OnSuccess: {}, OnFailure: {} },
  });
  const live = { FunctionName, Qualifier: "live" };
  const DestinationConfig = { OnFailure: { Destination: sink } };
  await sim.call("PutFunctionEventInvokeConfig", {
    ...live,
    MaximumEventAgeInSeconds: 60,
    DestinationConfig,
  });
  const merged = await sim.call("UpdateFunctionEventInvokeConfig", { ...live, MaximumRetryAttempts: 1 });
  assert.equal(merged.MaximumEventAgeInSeconds, 60);
  assert.equal(merged.MaximumRetryAttempts, 1);
  assert.deepEqual(merged.DestinationConfig, { OnSuccess: {}, OnFailure: { Destination: sink } });
  const replaced = await sim.call("PutFunctionEventInvokeConfig", { ...live, MaximumRetryAttempts: 2 });
  assert.equal(replaced.MaximumEventAgeInSeconds, undefined);
  assert.deepEqual(replaced.DestinationConfig, { OnSuccess: {}, OnFailure: {} });

  const page = await sim.call("ListFunctionEventInvokeConfigs", { FunctionName, MaxItems: 1 });
  assert.deepEqual(
    page.FunctionEventInvokeConfigs?.map(({ FunctionArn }) => FunctionArn),
    [`${arn}:$LATEST`],
  );
  const rest = await sim.call("ListFunctionEventInvokeConfigs", {
    FunctionName,
    Marker: page.NextMarker ?? "",
  });
  assert.deepEqual(
    rest.FunctionEventInvokeConfigs?.map(({ FunctionArn }) => FunctionArn),
    [`${arn}:live`],
  );
  assert.equal(rest.NextMarker, undefined);

  await sim.call("DeleteFunctionEventInvokeConfig", { FunctionName });
  const gone = awsError(notFound, `The function ${arn}:$LATEST doesn't have an EventInvokeConfig`);
  await assert.rejects(sim.call("GetFunctionEventInvokeConfig", { FunctionName }), gone);
  await assert.rejects(sim.call("DeleteFunctionEventInvokeConfig", { FunctionName }), gone);
  await assert.rejects(
    sim.call("UpdateFunctionEventInvokeConfig", { FunctionName, MaximumRetryAttempts: 0 }),
    gone,
  );
  await sim.call("DeleteAlias", { FunctionName, Name: "live" });
  assert.deepEqual(await sim.call("ListFunctionEventInvokeConfigs", { FunctionName }), {
    FunctionEventInvokeConfigs: [],
  });
});

const sqs = "arn:aws:sqs:eu-west-1:000000000000:missing";
const role = "arn:aws:iam::000000000000:role/any";
const bucket = "arn:aws:s3:::bucket";
const refusals: readonly (readonly [
  string,
  { OnSuccess?: { Destination: string }; OnFailure?: { Destination: string } } | undefined,
  string,
])[] = [
  ["nothing", undefined, "You must specify at least one of error handling or destination setting."],
  [
    "itself",
    { OnSuccess: { Destination: arn } },
    "You can't specify the function as a destination for itself.",
  ],
  [
    "no destination at all",
    { OnSuccess: { Destination: role } },
    `The provided destination config DestinationConfig(onSuccess=OnSuccess(destination=${role}), onFailure=null) is invalid.`,
  ],
  [
    "a bucket for successes",
    { OnSuccess: { Destination: bucket } },
    `The provided destination config DestinationConfig(onSuccess=OnSuccess(destination=${bucket}), onFailure=null) is invalid.`,
  ],
  [
    "a queue that is not there",
    { OnFailure: { Destination: sqs } },
    `The destination ARN ${sqs} is invalid.`,
  ],
  [
    "a function that is not there",
    { OnFailure: { Destination: `${arnPrefix}:function:none` } },
    `The destination ARN ${arnPrefix}:function:none is invalid.`,
  ],
];

for (const [what, DestinationConfig, message] of refusals) {
  test(`an event-invoke config with ${what} is refused in AWS's words`, async () => {
    const sim = simLambda();
    await sim.create(FunctionName);
    await assert.rejects(
      sim.call("PutFunctionEventInvokeConfig", { FunctionName, DestinationConfig }),
      awsError(invalid, message),
    );
  });
}

test("an event-invoke config needs a function, a version or an alias", async () => {
  const sim = simLambda();
  await sim.create(FunctionName);
  for (const Qualifier of ["7", "live"]) {
    await assert.rejects(
      sim.call("PutFunctionEventInvokeConfig", { FunctionName, Qualifier, MaximumRetryAttempts: 1 }),
      awsError(notFound, "The function doesn't exist."),
    );
  }
});
