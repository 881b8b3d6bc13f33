/** Asynchronous events that fail for good, in the queue that the function names for them. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CreateFunctionCommand,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  LambdaClient,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
} from "@aws-sdk/client-lambda";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { type RunningServer, startServer } from "../harness/server.ts";
import { zipOf } from "../harness/zip.ts";

const FunctionName = "fragile";
const TargetArn = "arn:aws:sqs:us-east-1:000000000000:corpses";
let server: RunningServer;
let lambda: LambdaClient;
let sqs: SQSClient;

before(async () => {
  server = await startServer({ args: ["--async-retry-delays", "100ms,100ms"] });
  const settings = {
    endpoint: server.url,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  };
  lambda = new LambdaClient(settings);
  sqs = new SQSClient(settings);
});

after(async () => {
  assert.equal(await server.stop(), 0);
});

test("what a function fails three times comes to its dead-letter queue with the three attributes", async () => {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "corpses" }));
  const code = "exports.handler = async (event) => { throw new Error(`no ${event.n}`); };";
  const made = await lambda.send(
    new CreateFunctionCommand({
      FunctionName,
      Runtime: "nodejs24.x",
      Handler: "index.handler",
      Role: "arn:aws:iam::000000000000:role/any",
      Code: { ZipFile: await zipOf({ "index.js": code }) },
      DeadLetterConfig: { TargetArn },
    }),
  );
  assert.deepEqual(made.DeadLetterConfig, { TargetArn });
  await waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 60 }, { FunctionName });

  const { $metadata } = await lambda.send(
    new InvokeCommand({ FunctionName, InvocationType: "Event", Payload: Buffer.from('{"n":7}') }),
  );
  const { Messages: [message] = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20, MessageAttributeNames: ["All"] }),
  );
  assert.equal(message?.Body, '{"n":7}');
  const attributes = Object.entries(message.MessageAttributes ?? {}).map(
    ([name, { DataType, StringValue }]) => [name, DataType, StringValue],
  );
  assert.deepEqual(attributes.sort(), [
    ["ErrorCode", "Number", "200"],
    ["ErrorMessage", "String", "no 7"],
    ["RequestID", "String", $metadata.requestId],
  ]);
});

test("a target that is not there is refused; an empty one takes the setting away", async () => {
  const gone = `${TargetArn}-gone`;
  const refused = lambda.send(
    new UpdateFunctionConfigurationCommand({ FunctionName, DeadLetterConfig: { TargetArn: gone } }),
  );
  await assert.rejects(refused, { name: "InvalidParameterValueException" });
  await lambda.send(
    new UpdateFunctionConfigurationCommand({ FunctionName, DeadLetterConfig: { TargetArn: "" } }),
  );
  await waitUntilFunctionUpdatedV2({ client: lambda, maxWaitTime: 60 }, { FunctionName });
  const shown = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  assert.equal(shown.DeadLetterConfig, undefined);
});
