/**
 * All services that there are, as they are, over one store in memory and in virtual time, with something in each: for the
 * fuzzer's requests to find. Everything is called "x", buckets "xxx".
 */
import type { SimClock } from "../../src/base/clock-sim.ts";
import { createDeliver } from "../../src/events/deliver.ts";
import { seededRandom } from "../../src/base/random.ts";
import { createServiceCall } from "../../src/gateway/service-call.ts";
import type { Service } from "../../src/services/service.ts";
import { simLambda } from "../harness/lambda-sim.ts";
import { simServices } from "../harness/service-sims.ts";

export interface ServicesWorld {
  readonly services: readonly Service[];
  readonly clock: SimClock;
}

export async function createServices(): Promise<ServicesWorld> {
  const services: Service[] = [];
  const lambda = simLambda();
  const { clock } = lambda;
  const deliver = createDeliver(() => services);
  const call = createServiceCall({
    services: () => services,
    random: seededRandom(2),
    endpoint: () => "http://127.0.0.1:4566",
  });
  lambda.world.deliver = deliver;
  services.push(...simServices({ clock, deliver, call }), lambda.lambda);
  for (const service of services) await service.start?.();
  for (const [service, operation, input] of furniture) {
    let outcome: { readonly error?: unknown } | undefined;
    void call(caller, service, operation, input).then(
      () => (outcome = {}),
      (error: unknown) => (outcome = { error }),
    );
    while (!outcome) await clock.advance(10);
    if ("error" in outcome) throw new Error(`${operation} of ${service} failed`, { cause: outcome.error });
    await clock.advance(1000);
  }
  return { services, clock };
}

const account = "000000000000";
const caller = { account, region: "us-east-1", principal: "events.amazonaws.com" };
const role = `arn:aws:iam::${account}:role/x`;
const queueArn = `arn:aws:sqs:us-east-1:${account}:x`;
const functionArn = `arn:aws:lambda:us-east-1:${account}:function:x`;
const topicArn = `arn:aws:sns:us-east-1:${account}:x`;
const queueUrl = `http://127.0.0.1:4566/${account}/x`;

const furniture: readonly (readonly [service: string, operation: string, input: Record<string, unknown>])[] =
  [
    ["s3", "CreateBucket", { Bucket: "xxx" }],
    ["s3", "PutBucketVersioning", { Bucket: "xxx", VersioningConfiguration: { Status: "Enabled" } }],
    ["sqs", "CreateQueue", { QueueName: "x" }],
    ["sqs", "CreateQueue", { QueueName: "x.fifo", Attributes: { FifoQueue: "true" } }],
    ["sqs", "CreateQueue", { QueueName: "dead" }],
    [
      "sqs",
      "SetQueueAttributes",
      {
        QueueUrl: queueUrl,
        Attributes: {
          RedrivePolicy: `{"deadLetterTargetArn":"${queueArn.replace(/x$/, "dead")}","maxReceiveCount":"3"}`,
        },
      },
    ],
    ["sqs", "SendMessage", { QueueUrl: queueUrl, MessageBody: "b" }],
    ["sns", "CreateTopic", { Name: "x" }],
    ["sns", "CreateTopic", { Name: "x.fifo", Attributes: { FifoTopic: "true" } }],
    ["sns", "Subscribe", { TopicArn: topicArn, Protocol: "sqs", Endpoint: queueArn }],
    ["cloudwatch-logs", "CreateLogGroup", { logGroupName: "x" }],
    ["cloudwatch-logs", "CreateLogStream", { logGroupName: "x", logStreamName: "x" }],
    [
      "lambda",
      "CreateFunction",
      {
        FunctionName: "x",
        Runtime: "nodejs22.x",
        Handler: "index.handler",
        Role: role,
        Code: { ZipFile: Buffer.from("zip") },
      },
    ],
    ["lambda", "PublishVersion", { FunctionName: "x" }],
    ["lambda", "CreateAlias", { FunctionName: "x", Name: "live", FunctionVersion: "1" }],
    ["lambda", "PublishLayerVersion", { LayerName: "x", Content: { ZipFile: Buffer.from("zip") } }],
    ["lambda", "CreateFunctionUrlConfig", { FunctionName: "x", AuthType: "NONE" }],
    ["eventbridge", "CreateEventBus", { Name: "x" }],
    ["eventbridge", "PutRule", { Name: "x", EventPattern: '{"source":["a"]}' }],
    ["eventbridge", "PutTargets", { Rule: "x", Targets: [{ Id: "x", Arn: functionArn }] }],
    [
      "eventbridge",
      "CreateConnection",
      {
        Name: "x",
        AuthorizationType: "API_KEY",
        AuthParameters: { ApiKeyAuthParameters: { ApiKeyName: "x", ApiKeyValue: "x" } },
      },
    ],
    [
      "eventbridge",
      "CreateArchive",
      { ArchiveName: "x", EventSourceArn: `arn:aws:events:us-east-1:${account}:event-bus/default` },
    ],
    ["scheduler", "CreateScheduleGroup", { Name: "x" }],
    [
      "scheduler",
      "CreateSchedule",
      {
        Name: "x",
        ScheduleExpression: "rate(1 hour)",
        FlexibleTimeWindow: { Mode: "OFF" },
        Target: { Arn: queueArn, RoleArn: role },
      },
    ],
  ];
