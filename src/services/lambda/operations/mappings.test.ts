import assert from "node:assert/strict";
import { test } from "node:test";
import { arnPrefix, awsError, simLambda } from "../../../../test/harness/lambda-sim.ts";
import { AwsError } from "../../../wire/aws-error.ts";
import type { Input } from "../operation-types.ts";

const FunctionName = "thumb";
const arn = `${arnPrefix}:function:thumb`;
const queue = "arn:aws:sqs:eu-west-1:000000000000:jobs";
const stream = "arn:aws:kinesis:eu-west-1:000000000000:stream/clicks";
const table = "arn:aws:dynamodb:eu-west-1:000000000000:table/t/stream/2026-01-01T00:00:00.000";
const invalid = "InvalidParameterValueException";

/** Queues and streams are there, as `world.call` answers every call to another service. */
async function withSources(visibilitySeconds = 30) {
  const sim = simLambda();
  await sim.create(FunctionName);
  sim.world.call = async () => ({
    QueueUrl: "http://q",
    Attributes: { VisibilityTimeout: String(visibilitySeconds) },
  });
  const create = (more: Partial<Input<"CreateEventSourceMapping">> = {}) =>
    sim.call("CreateEventSourceMapping", { FunctionName, EventSourceArn: queue, ...more });
  return { sim, create };
}

test("a queue's mapping is made with AWS's defaults, becomes Enabled, is switched off, changed and removed", async () => {
  const { sim, create } = await withSources();
  const { UUID = "", LastModified, ...made } = await create({ Tags: { a: "1" } });
  assert.deepEqual(LastModified, new Date(sim.clock.now()));
  assert.deepEqual(made, {
    EventSourceMappingArn: `${arnPrefix}:event-source-mapping:${UUID}`,
    EventSourceArn: queue,
    FunctionArn: arn,
    State: "Creating",
    StateTransitionReason: "USER_INITIATED",
    BatchSize: 10,
    MaximumBatchingWindowInSeconds: 0,
    FunctionResponseTypes: [],
  });
  const state = async () => (await sim.call("GetEventSourceMapping", { UUID })).State;
  await sim.settle();
  assert.equal(await state(), "Enabled");

  const pattern = '{"body":{"kind":["a",{"prefix":"b"}]}}';
  const changed = await sim.call("UpdateEventSourceMapping", {
    UUID,
    Enabled: false,
    BatchSize: 5,
    FilterCriteria: { Filters: [{ Pattern: pattern }] },
    ScalingConfig: { MaximumConcurrency: 3 },
    FunctionResponseTypes: ["ReportBatchItemFailures"],
  });
  assert.equal(changed.State, "Disabling");
  assert.deepEqual(
    [changed.BatchSize, changed.FilterCriteria, changed.ScalingConfig, changed.FunctionResponseTypes],
    [5, { Filters: [{ Pattern: pattern }] }, { MaximumConcurrency: 3 }, ["ReportBatchItemFailures"]],
  );
  await sim.settle();
  assert.equal(await state(), "Disabled");
  const cleared = await sim.call("UpdateEventSourceMapping", { UUID, FilterCriteria: {}, ScalingConfig: {} });
  assert.deepEqual(
    [cleared.State, cleared.FilterCriteria, cleared.ScalingConfig],
    ["Updating", undefined, undefined],
  );
  await sim.settle();

  const Resource = made.EventSourceMappingArn ?? "";
  await sim.call("TagResource", { Resource, Tags: { b: "2" } });
  assert.deepEqual((await sim.call("ListTags", { Resource })).Tags, { a: "1", b: "2" });

  assert.equal((await sim.call("DeleteEventSourceMapping", { UUID })).State, "Deleting");
  await sim.settle();
  await assert.rejects(
    state(),
    awsError("ResourceNotFoundException", "The resource you requested does not exist."),
  );
  await assert.rejects(
    sim.call("ListTags", { Resource }),
    awsError("ResourceNotFoundException", `Event source mapping not found: ${Resource}`),
  );
  await create();
});

test("a stream's mapping has a position and the defaults of streams", async () => {
  const { create } = await withSources();
  const {
    UUID: _id,
    LastModified: _at,
    EventSourceMappingArn: _arn,
    ...made
  } = await create({
    EventSourceArn: stream,
    StartingPosition: "TRIM_HORIZON",
  });
  assert.deepEqual(made, {
    EventSourceArn: stream,
    FunctionArn: arn,
    State: "Creating",
    StateTransitionReason: "User action",
    LastProcessingResult: "No records processed",
    StartingPosition: "TRIM_HORIZON",
    BatchSize: 100,
    BisectBatchOnFunctionError: false,
    DestinationConfig: { OnFailure: {} },
    FunctionResponseTypes: [],
    MaximumBatchingWindowInSeconds: 0,
    MaximumRecordAgeInSeconds: -1,
    MaximumRetryAttempts: -1,
    ParallelizationFactor: 1,
    TumblingWindowInSeconds: 0,
  });
});

const refusals: readonly (readonly [Partial<Input<"CreateEventSourceMapping">>, string])[] = [
  [{ EventSourceArn: "arn:aws:s3:::bucket" }, "Unrecognized event source."],
  [{ EventSourceArn: undefined }, "Unrecognized event source."],
  [{ FunctionName: "none" }, "Function does not exist"],
  [{ FunctionName: "thumb:live" }, "Function does not exist"],
  [{ StartingPosition: "LATEST" }, `Unsupported starting position for arn type: ${queue}`],
  [
    { EventSourceArn: stream },
    "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.",
  ],
  [
    { EventSourceArn: table, StartingPosition: "AT_TIMESTAMP", StartingPositionTimestamp: new Date(0) },
    `Unsupported starting position for arn type: ${table}`,
  ],
  [
    { BatchSize: 11 },
    "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
  ],
  [
    { DestinationConfig: { OnFailure: { Destination: queue } } },
    "Unsupported DestinationConfig parameter for given event source mapping type.",
  ],
  [{ FilterCriteria: { Filters: [{ Pattern: "no" }] } }, "Invalid filter pattern definition."],
  [{ FilterCriteria: { Filters: [{ Pattern: '{"body":"a"}' }] } }, "Invalid filter pattern definition."],
  [{ KMSKeyArn: "arn:aws:kms:eu-west-1:1:key/a" }, "KMSKeyArn is not supported by lambdad yet."],
  [
    { ProvisionedPollerConfig: { MinimumPollers: 1 } },
    "MinimumPollers must be at least 2 for SQS event source mappings.",
  ],
  [
    { ProvisionedPollerConfig: { MaximumPollers: 1 } },
    "MaximumPollers must be at least 2 for SQS event source mappings.",
  ],
  [
    { ProvisionedPollerConfig: { MinimumPollers: 5, MaximumPollers: 4 } },
    "MinimumPollers cannot be greater than MaximumPollers.",
  ],
  [
    { ProvisionedPollerConfig: { MinimumPollers: 2, PollerGroupName: "g" } },
    "Unsupported PollerGroupName parameter for given event source mapping type.",
  ],
  [
    { ProvisionedPollerConfig: { MinimumPollers: 2 }, ScalingConfig: { MaximumConcurrency: 2 } },
    "ScalingConfig and ProvisionedPollerConfig cannot be set at the same time.",
  ],
  [
    { MetricsConfig: { Metrics: ["EventCount", "KafkaMetrics"] } },
    "Unsupported MetricsConfig KafkaMetrics parameter for given event source mapping type.",
  ],
  [
    {
      EventSourceArn: stream,
      StartingPosition: "LATEST",
      ProvisionedPollerConfig: { MinimumPollers: 2 },
    },
    "ProvisionedPollerConfig is not supported by lambdad yet.",
  ],
  [
    { EventSourceArn: stream, StartingPosition: "LATEST", MetricsConfig: { Metrics: ["EventCount"] } },
    "MetricsConfig is not supported by lambdad yet.",
  ],
  [
    { EventSourceArn: "arn:aws:kafka:eu-west-1:1:cluster/c/1" },
    "An event source mapping of Amazon MSK is not supported by lambdad yet.",
  ],
];

for (const [more, message] of refusals) {
  test(`a mapping of ${JSON.stringify(more)} is refused`, async () => {
    const { create } = await withSources();
    await assert.rejects(create(more), awsError(invalid, message));
  });
}

test("provisioned pollers and metrics are kept, shown, told to the pollers, and taken away by empty configs", async () => {
  const { sim, create } = await withSources();
  const told: string[] = [];
  sim.lambda.mapped.onChange((_uuid, mapping, countsEvents) => {
    const pollers = mapping?.pollers && `${mapping.pollers.min} to ${mapping.pollers.max}`;
    told.push(mapping ? `polled, ${pollers ?? "none"}, ${countsEvents}` : `not polled, ${countsEvents}`);
  });
  const counting: Input<"CreateEventSourceMapping">["MetricsConfig"] = { Metrics: ["EventCount"] };
  const { UUID = "", ...made } = await create({
    ProvisionedPollerConfig: { MinimumPollers: 5 },
    MetricsConfig: counting,
  });
  const provisioned = { MinimumPollers: 5, MaximumPollers: 200 };
  assert.deepEqual([made.ProvisionedPollerConfig, made.MetricsConfig], [provisioned, counting]);
  await sim.settle();

  const update = async (input: Omit<Input<"UpdateEventSourceMapping">, "UUID">) => {
    await sim.call("UpdateEventSourceMapping", { UUID, ...input });
    await sim.settle();
    const got = await sim.call("GetEventSourceMapping", { UUID });
    const { EventSourceMappings } = await sim.call("ListEventSourceMappings", {});
    assert.deepEqual(EventSourceMappings, [got]);
    return [got.ProvisionedPollerConfig, got.MetricsConfig, got.ScalingConfig];
  };
  assert.deepEqual(await update({ BatchSize: 5 }), [provisioned, counting, undefined]);
  await assert.rejects(
    update({ ScalingConfig: { MaximumConcurrency: 3 } }),
    awsError(invalid, "ScalingConfig and ProvisionedPollerConfig cannot be set at the same time."),
  );
  assert.deepEqual(await update({ ProvisionedPollerConfig: { MaximumPollers: 10_000 } }), [
    { MinimumPollers: 2, MaximumPollers: 10_000 },
    counting,
    undefined,
  ]);
  const scaling = { MaximumConcurrency: 3 };
  const scaled = await update({ ProvisionedPollerConfig: {}, ScalingConfig: scaling });
  assert.deepEqual(scaled, [undefined, counting, scaling]);
  assert.deepEqual(await update({ MetricsConfig: {} }), [undefined, undefined, scaling]);
  await update({ MetricsConfig: counting });
  await sim.call("DeleteEventSourceMapping", { UUID });
  await sim.settle();
  assert.deepEqual(told, [
    "not polled, true",
    "polled, 5 to 200, true",
    "not polled, true",
    "polled, 5 to 200, true",
    "not polled, true",
    "polled, 2 to 10000, true",
    "not polled, true",
    "polled, none, true",
    "not polled, false",
    "polled, none, false",
    "not polled, true",
    "polled, none, true",
    "not polled, true",
    "not polled, false",
  ]);
});

test("a source that is not there is refused in the words of its service, and nothing is stored", async () => {
  const { sim, create } = await withSources();
  sim.world.call = async () => {
    throw new AwsError("UnsupportedOperationException", "sqs is not there in lambdad.");
  };
  await assert.rejects(
    create(),
    awsError(
      invalid,
      "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not exist.",
    ),
  );
  await assert.rejects(
    create({ EventSourceArn: stream, StartingPosition: "LATEST" }),
    awsError(invalid, `Stream not found: ${stream}`),
  );
  assert.deepEqual(await sim.call("ListEventSourceMappings", {}), { EventSourceMappings: [] });
});

test("a queue that shows its messages again before the function may end is refused", async () => {
  const { create } = await withSources(2);
  await assert.rejects(
    create(),
    awsError(invalid, "Queue visibility timeout: 2 seconds is less than Function timeout: 3 seconds"),
  );
});

test("one of two mappings of a pair wins, the other is told which", async () => {
  const { sim, create } = await withSources();
  const settled = await Promise.allSettled([create(), create(), create()]);
  const won = settled.filter(({ status }) => status === "fulfilled");
  assert.equal(won.length, 1);
  const { EventSourceMappings = [] } = await sim.call("ListEventSourceMappings", { FunctionName });
  const [{ UUID = "" } = {}] = EventSourceMappings;
  await assert.rejects(
    create(),
    awsError(
      "ResourceConflictException",
      `An event source mapping with SQS arn (" ${queue} ") and function (" thumb ") already exists. Please update or delete the existing mapping with UUID ${UUID}`,
    ),
  );
});

test("mappings are listed by function and source, in pages", async () => {
  const { sim, create } = await withSources();
  await sim.create("other");
  for (const name of [FunctionName, "other"]) {
    await create({ FunctionName: name });
    await create({ FunctionName: name, EventSourceArn: stream, StartingPosition: "LATEST" });
  }
  const first = await sim.call("ListEventSourceMappings", { MaxItems: 3 });
  const rest = await sim.call("ListEventSourceMappings", { Marker: first.NextMarker ?? "" });
  assert.deepEqual([first.EventSourceMappings?.length, rest.EventSourceMappings?.length], [3, 1]);
  const ofOther = await sim.call("ListEventSourceMappings", { FunctionName: "other", EventSourceArn: queue });
  assert.deepEqual(
    ofOther.EventSourceMappings?.map(({ FunctionArn, EventSourceArn }) => [FunctionArn, EventSourceArn]),
    [[`${arnPrefix}:function:other`, queue]],
  );
});

test("L3: a state that was under way when the process died ends after the next start", async () => {
  const { sim, create } = await withSources();
  const { UUID = "" } = await create(); // nobody lets the background run
  const again = simLambda(sim.state, 2);
  await again.start();
  await again.settle();
  assert.equal((await again.call("GetEventSourceMapping", { UUID })).State, "Enabled");
});
