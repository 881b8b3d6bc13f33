/**
 * Asynchronous events that fail for good, as a user sees them: in a dead-letter queue, in a bucket, in the failed
 * collection that `lambdad async` shows; and a chain of events through a topic that would never end.
 */
import assert from "node:assert/strict";
import { resolve } from "node:path";
import { after, before, test } from "node:test";
import {
  AddPermissionCommand,
  CreateFunctionCommand,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  LambdaClient,
  PutFunctionEventInvokeConfigCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
} from "@aws-sdk/client-lambda";
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { CreateTopicCommand, PublishCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { mustRun } from "../harness/command.ts";
import { type RunningServer, startServer } from "../harness/server.ts";
import { until } from "../harness/wait.ts";
import { zipOf } from "../harness/zip.ts";

const launcher = resolve(import.meta.dirname, "../../bin/lambdad.js");
const failing = "exports.handler = async (event) => { throw new Error(`no ${event.n}`); };";
const queueArn = (name: string) => `arn:aws:sqs:us-east-1:000000000000:${name}`;
let server: RunningServer;
let lambda: LambdaClient;
let sqs: SQSClient;
let sns: SNSClient;
let s3: S3Client;

before(async () => {
  server = await startServer({ args: ["--async-retry-delays", "100ms,100ms"] });
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const settings = { endpoint: server.url, region: "us-east-1", credentials };
  lambda = new LambdaClient(settings);
  sqs = new SQSClient(settings);
  sns = new SNSClient(settings);
  s3 = new S3Client({ ...settings, forcePathStyle: true });
});

after(async () => {
  assert.equal(await server.stop(), 0);
});

async function created(FunctionName: string, code: string, more = {}) {
  const made = await lambda.send(
    new CreateFunctionCommand({
      FunctionName,
      Runtime: "nodejs24.x",
      Handler: "index.handler",
      Role: "arn:aws:iam::000000000000:role/any",
      Code: { ZipFile: await zipOf({ "index.js": code }) },
      ...more,
    }),
  );
  await waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 60 }, { FunctionName });
  return made;
}

async function failsTo(FunctionName: string, Destination: string | undefined): Promise<void> {
  await lambda.send(
    new PutFunctionEventInvokeConfigCommand({
      FunctionName,
      MaximumRetryAttempts: 0,
      ...(Destination !== undefined && { DestinationConfig: { OnFailure: { Destination } } }),
    }),
  );
}

async function sent(FunctionName: string, event: object): Promise<string | undefined> {
  const Payload = JSON.stringify(event);
  const answer = await lambda.send(new InvokeCommand({ FunctionName, InvocationType: "Event", Payload }));
  assert.equal(answer.StatusCode, 202);
  return answer.$metadata.requestId;
}

async function queue(QueueName: string): Promise<string | undefined> {
  return (await sqs.send(new CreateQueueCommand({ QueueName }))).QueueUrl;
}

async function received(QueueUrl: string | undefined) {
  const order = { QueueUrl, WaitTimeSeconds: 20, MessageAttributeNames: ["All"] };
  const { Messages: [message] = [] } = await sqs.send(new ReceiveMessageCommand(order));
  assert(message, "a message has come");
  return message;
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/_lambdad/metrics`)).text();
  return Number(new RegExp(`^lambdad_${name} (.*)$`, "m").exec(text)?.[1]);
}

test("what a function fails three times comes to its dead-letter queue with the three attributes", async () => {
  const QueueUrl = await queue("corpses");
  const DeadLetterConfig = { TargetArn: queueArn("corpses") };
  const made = await created("fragile", failing, { DeadLetterConfig });
  assert.deepEqual(made.DeadLetterConfig, DeadLetterConfig);
  const requestId = await sent("fragile", { n: 7 });
  const message = await received(QueueUrl);
  assert.equal(message.Body, '{"n":7}');
  const attributes = Object.entries(message.MessageAttributes ?? {}).map(
    ([name, { DataType, StringValue }]) => [name, DataType, StringValue],
  );
  assert.deepEqual(attributes.sort(), [
    ["ErrorCode", "Number", "200"],
    ["ErrorMessage", "String", "no 7"],
    ["RequestID", "String", requestId],
  ]);
});

test("a target that is not there is refused; an empty one takes the setting away", async () => {
  const FunctionName = "fragile";
  const gone = queueArn("corpses-gone");
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

test("a bucket gets the whole record of a failure, as an object named by function and time", async () => {
  const Bucket = "failures";
  await s3.send(new CreateBucketCommand({ Bucket }));
  await failsTo("fragile", `arn:aws:s3:::${Bucket}`);
  const requestId = await sent("fragile", { n: 8 });
  const Key = await until("the object is there", async () => {
    const { Contents: [object] = [] } = await s3.send(new ListObjectsV2Command({ Bucket }));
    return object?.Key;
  });
  const day = String.raw`\d{4}/\d\d/\d\d/\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d`;
  assert.match(
    Key,
    new RegExp(`^aws/lambda/async/fragile/${day}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`),
  );
  const { Body, ContentType } = await s3.send(new GetObjectCommand({ Bucket, Key }));
  assert.equal(ContentType, "application/json");
  const record = JSON.parse((await Body?.transformToString()) ?? "") as Record<string, object>;
  assert.deepEqual(record["requestContext"], {
    requestId,
    functionArn: "arn:aws:lambda:us-east-1:000000000000:function:fragile:$LATEST",
    condition: "RetriesExhausted",
    approximateInvokeCount: 1,
  });
  assert.deepEqual(record["requestPayload"], { n: 8 });
  assert.partialDeepStrictEqual(record["responsePayload"], { errorType: "Error", errorMessage: "no 8" });
});

test("lambdad async lists what has failed, sends it again, and removes it", async () => {
  const lambdad = (...args: string[]) =>
    mustRun(process.execPath, [launcher, "async", ...args], { env: server.env });
  const failed = () =>
    until("it has failed", async () => {
      const [line = "", ...more] = (await lambdad("list", "--json", "lonely")).trim().split("\n");
      assert.equal(more.length, 0);
      return line.includes('"failed"') && (JSON.parse(line) as Record<string, unknown>);
    });
  await created("lonely", failing);
  await failsTo("lonely", undefined);
  const requestId = await sent("lonely", { n: 9 });
  const first = await failed();
  assert.partialDeepStrictEqual(first, { requestId, reason: "RetriesExhausted", invocations: 1 });
  await lambdad("redrive", "lonely");
  const again = await until("it is another failure", async () => {
    const found = await failed();
    return Number(found["acceptedAtMs"]) > Number(first["acceptedAtMs"]) && found;
  });
  assert.partialDeepStrictEqual(again, { requestId, reason: "RetriesExhausted", invocations: 1 });
  assert.match(await lambdad("list", "lonely"), /failed +lonely +\d+s +1 +RetriesExhausted/);
  await lambdad("purge", "--failed", "lonely");
  assert.equal((await lambdad("list", "--json", "lonely")).trim(), "");
});

test("E5 a function that its own messages to a topic invoke runs 16 times, then the event is given up", async () => {
  const QueueUrl = await queue("loops");
  const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: "loop" }));
  // As AWS's SDKs do: the trace header of this invocation goes with the request.
  const code = `exports.handler = async () => {
    const { AWS_ENDPOINT_URL, _X_AMZN_TRACE_ID } = process.env;
    const body = new URLSearchParams({
      Action: "Publish", Version: "2010-03-31", TopicArn: ${JSON.stringify(TopicArn)}, Message: "again",
    });
    const headers = { "x-amzn-trace-id": _X_AMZN_TRACE_ID };
    const { status } = await fetch(AWS_ENDPOINT_URL, { method: "POST", body, headers });
    if (status !== 200) throw new Error("not published: " + status);
  };`;
  const { FunctionArn } = await created("loop", code);
  await failsTo("loop", queueArn("loops"));
  await lambda.send(
    new AddPermissionCommand({
      FunctionName: "loop",
      StatementId: "topic",
      Action: "lambda:InvokeFunction",
      Principal: "sns.amazonaws.com",
      SourceArn: TopicArn,
    }),
  );
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: "lambda", Endpoint: FunctionArn }));
  const attemptsBefore = await metric("async_attempts_total");
  await sns.send(new PublishCommand({ TopicArn, Message: "first" }));
  const { Body = "" } = await received(QueueUrl);
  const record = JSON.parse(Body) as { requestContext: object; requestPayload: { Records: object[] } };
  assert.partialDeepStrictEqual(record.requestContext, {
    condition: "RecursiveInvocation",
    approximateInvokeCount: 0,
  });
  assert.partialDeepStrictEqual(record.requestPayload.Records[0], { Sns: { Message: "again" } });
  // The last ones publish before they end.
  await until("all have ended", async () => (await metric("async_events_running")) === 0);
  assert.equal((await metric("async_attempts_total")) - attemptsBefore, 16);
  assert.equal(await metric("recursive_invocations_dropped_total"), 1);
});
