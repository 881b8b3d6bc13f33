import assert from "node:assert/strict";
import { test } from "node:test";
import {
  account,
  awsError,
  bytes,
  region,
  type SimLambda,
  simLambda,
} from "../../../../test/harness/lambda-sim.ts";
import { AwsError } from "../../../wire/aws-error.ts";

const FunctionName = "worker";
const queueArn = `arn:aws:sqs:${region}:${account}:corpses`;
const topicArn = `arn:aws:sns:${region}:${account}:corpses`;

/** Every queue and topic is there but the queue "gone". */
async function withTargets(): Promise<SimLambda> {
  const sim = simLambda();
  sim.world.call = async (_service, input) => {
    if ("QueueName" in input && input.QueueName === "gone") throw new AwsError("NonExistent", "no");
    return {};
  };
  await sim.start();
  return sim;
}

test("a dead-letter target is shown, kept by updates of other members, and taken away by an empty ARN", async () => {
  const sim = await withTargets();
  const made = await sim.create(FunctionName, { DeadLetterConfig: { TargetArn: queueArn } });
  assert.deepEqual(made.DeadLetterConfig, { TargetArn: queueArn });
  const update = async (more: object) => {
    await sim.call("UpdateFunctionConfiguration", { FunctionName, ...more });
    await sim.settle();
    return (await sim.call("GetFunctionConfiguration", { FunctionName })).DeadLetterConfig;
  };
  assert.deepEqual(await update({ Timeout: 7 }), { TargetArn: queueArn });
  assert.deepEqual(await update({ DeadLetterConfig: { TargetArn: topicArn } }), { TargetArn: topicArn });
  assert.equal(await update({ DeadLetterConfig: { TargetArn: "" } }), undefined);
  await update({ DeadLetterConfig: { TargetArn: queueArn } });
  assert.equal(await update({ DeadLetterConfig: {} }), undefined);
});

test("another dead-letter target is a change that publishing sees", async () => {
  const sim = await withTargets();
  await sim.create(FunctionName, { Publish: true });
  const DeadLetterConfig = { TargetArn: queueArn };
  await sim.call("UpdateFunctionConfiguration", { FunctionName, DeadLetterConfig });
  await sim.settle();
  const published = await sim.call("PublishVersion", { FunctionName });
  assert.deepEqual([published.Version, published.DeadLetterConfig], ["2", DeadLetterConfig]);
});

const unfit = (arn: string) => `The dead letter target ARN ${arn} is not a standard SQS queue or SNS topic.`;
const missing = (arn: string) => `The dead letter target ${arn} does not exist.`;

for (const [what, arn, text] of [
  ["a function", `arn:aws:lambda:${region}:${account}:function:x`, unfit],
  ["a FIFO queue", `${queueArn}.fifo`, unfit],
  ["a FIFO topic", `${topicArn}.fifo`, unfit],
  ["no ARN at all", "arn:aws:sqs", unfit],
  ["a queue of another region", queueArn.replace(region, "us-west-2"), missing],
  ["a queue that is not there", queueArn.replace("corpses", "gone"), missing],
] as const) {
  test(`${what} is refused as a dead-letter target, at creation and update`, async () => {
    const sim = await withTargets();
    await sim.create("there");
    const refused = awsError("InvalidParameterValueException", text(arn));
    const DeadLetterConfig = { TargetArn: arn };
    await assert.rejects(sim.create(FunctionName, { DeadLetterConfig }), refused);
    await assert.rejects(
      sim.call("UpdateFunctionConfiguration", { FunctionName: "there", DeadLetterConfig }),
      refused,
    );
    assert.equal(
      (await sim.call("GetFunctionConfiguration", { FunctionName: "there" })).DeadLetterConfig,
      undefined,
    );
  });
}

test("an event that is given up goes to the function's dead-letter target, also when sent to a version", async () => {
  const sim = await withTargets();
  await sim.create(FunctionName, { Publish: true });
  await sim.call("UpdateFunctionConfiguration", {
    FunctionName,
    DeadLetterConfig: { TargetArn: queueArn },
  });
  await sim.settle();
  await sim.call("PutFunctionEventInvokeConfig", { FunctionName, Qualifier: "1", MaximumRetryAttempts: 0 });
  sim.world.answer = async () => ({
    kind: "done",
    outcome: { kind: "function-error", payload: bytes('{"errorMessage":"no"}'), errorType: "Error" },
    logTail: undefined,
  });
  const told: object[] = [];
  sim.world.deliver = async (arn, { body, attributes }) => {
    told.push({ arn, body: Buffer.from(body).toString(), attributes });
  };
  const event = { FunctionName, InvocationType: "Event", Payload: bytes('{"n": 1}') } as const;
  await sim.call("Invoke", { ...event, Qualifier: "1" });
  await sim.settle();
  assert.deepEqual(told, [
    {
      arn: queueArn,
      body: '{"n": 1}',
      attributes: {
        RequestID: { type: "String", value: "11111111-2222-4333-8444-555555555555" },
        ErrorCode: { type: "Number", value: "200" },
        ErrorMessage: { type: "String", value: "no" },
      },
    },
  ]);
});
