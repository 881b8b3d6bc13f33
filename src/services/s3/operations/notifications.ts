/**
 * A bucket's notification configuration. Destinations are asked whether they are there and let S3 in before anything is
 * kept; queues and topics that are new get S3's test message.
 */
import { parseArn } from "../../../base/arn.ts";
import { newTraceHeader } from "../../../base/trace.ts";
import { isAllowed, type Policy } from "../../../events/resource-policy.ts";
import { AwsError } from "../../../wire/aws-error.ts";
import { hostIdOf } from "../../../wire/error-body.ts";
import type * as S3 from "@aws-sdk/client-s3";
import type { Context, OperationsOf } from "../../service.ts";
import { bucketArn, type BucketRecord } from "../domain/bucket.ts";
import {
  checkedRules,
  type DestinationKind,
  type GivenDestination,
  type NotificationRule,
  type NotificationSettings,
} from "../domain/notification.ts";
import { testMessage } from "../domain/notification-record.ts";
import { invalidDestinations, s3Error } from "../errors.ts";
import type { S3Parts } from "../parts.ts";
import type { Client } from "../to-wire.ts";

type NotificationOperations = Pick<
  OperationsOf<Client>,
  "GetBucketNotificationConfiguration" | "PutBucketNotificationConfiguration"
>;

export function notificationOperations(parts: S3Parts): NotificationOperations {
  const { buckets, random } = parts;
  return {
    async PutBucketNotificationConfiguration(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      const given = input.NotificationConfiguration;
      const rules = checkedRules(destinationsIn(given), () => random.uuid());
      if (input.SkipDestinationValidation !== true) await checkDestinations(rules, bucket.value, ctx);
      const before = new Set(bucket.value.settings.notification?.rules.map(({ arn }) => arn));
      const fresh = rules.filter(({ arn, kind }) => kind !== "CloudFunction" && !before.has(arn));
      const hasEventBridge = given.EventBridgeConfiguration !== undefined;
      const notification =
        rules.length > 0 || hasEventBridge
          ? ({ rules, hasEventBridge } satisfies NotificationSettings)
          : undefined;
      await buckets.set(bucket, { notification });
      for (const arn of new Set(fresh.map((rule) => rule.arn))) await sendTest(parts, arn, bucket.value, ctx);
      return {};
    },

    async GetBucketNotificationConfiguration(input, ctx) {
      const { notification } = (await buckets.require(input, ctx)).value.settings;
      if (!notification) return {};
      const of = (kind: DestinationKind) => notification.rules.filter((rule) => rule.kind === kind);
      const topics = of("Topic").map((rule) => ({ ...ruleToWire(rule), TopicArn: rule.arn }));
      const queues = of("Queue").map((rule) => ({ ...ruleToWire(rule), QueueArn: rule.arn }));
      const functions = of("CloudFunction").map((rule) => ({
        ...ruleToWire(rule),
        LambdaFunctionArn: rule.arn,
      }));
      return {
        ...(topics.length > 0 && { TopicConfigurations: topics }),
        ...(queues.length > 0 && { QueueConfigurations: queues }),
        ...(functions.length > 0 && { LambdaFunctionConfigurations: functions }),
        ...(notification.hasEventBridge && { EventBridgeConfiguration: {} }),
      };
    },
  };
}

function destinationsIn(given: S3.NotificationConfiguration): GivenDestination[] {
  return [
    ...(given.TopicConfigurations ?? []).map((each) => ({
      kind: "Topic" as const,
      arn: each.TopicArn,
      given: each,
    })),
    ...(given.QueueConfigurations ?? []).map((each) => ({
      kind: "Queue" as const,
      arn: each.QueueArn,
      given: each,
    })),
    ...(given.LambdaFunctionConfigurations ?? []).map((each) => ({
      kind: "CloudFunction" as const,
      arn: each.LambdaFunctionArn,
      given: each,
    })),
  ];
}

/** All that are wrong are named together. */
async function checkDestinations(
  rules: readonly NotificationRule[],
  bucket: BucketRecord,
  ctx: Context,
): Promise<void> {
  const faults: { readonly name: string; readonly reason: string }[] = [];
  for (const { arn, kind } of rules) {
    if (parseArn(arn)?.region !== bucket.region) {
      throw s3Error(
        400,
        "InvalidArgument",
        "The notification destination service region is not valid for the bucket location constraint",
      );
    }
    const reason = await faultOf(arn, kind, bucket, ctx);
    if (reason === undefined) continue;
    faults.push({ name: kind === "CloudFunction" ? `${arn}, null` : arn, reason });
  }
  if (faults.length > 0) throw invalidDestinations(faults);
}

/** Why S3 cannot send there; undefined: it can. */
async function faultOf(
  arn: string,
  kind: DestinationKind,
  bucket: BucketRecord,
  ctx: Context,
): Promise<string | undefined> {
  if (kind === "CloudFunction") {
    const policy = await policyOf(() => ctx.call("lambda", "GetPolicy", functionInput(arn)), "Policy");
    const allowed = policy.document && lets("lambda:InvokeFunction", arn, bucket, policy.document);
    return allowed ? undefined : `Not authorized to invoke function [${arn}]`;
  }
  const isQueue = kind === "Queue";
  if (arn.endsWith(".fifo"))
    return isQueue ? "FIFO SQS queues are not supported" : "FIFO SNS topics are not supported";
  const policy = isQueue
    ? await policyOf(() => queueAttributes(arn, ctx), "Policy")
    : await policyOf(() => topicAttributes(arn, ctx), "Policy");
  const noun = isQueue ? "queue" : "topic";
  if (!policy.exists) return `The destination ${noun} does not exist`;
  const action = isQueue ? "sqs:SendMessage" : "sns:Publish";
  if (policy.document && lets(action, arn, bucket, policy.document)) return undefined;
  return `Permissions on the destination ${noun} do not allow S3 to publish notifications from this bucket`;
}

function functionInput(arn: string): object {
  const [, , , , , , , qualifier] = arn.split(":");
  return { FunctionName: arn, ...(qualifier !== undefined && { Qualifier: qualifier }) };
}

async function queueAttributes(arn: string, ctx: Context): Promise<Record<string, unknown>> {
  const { account = "", resource = "" } = parseArn(arn) ?? {};
  const QueueUrl = `${ctx.endpoint}/${account}/${resource}`;
  const { Attributes } = await ctx.call("sqs", "GetQueueAttributes", {
    QueueUrl,
    AttributeNames: ["Policy"],
  });
  return (Attributes ?? {}) as Record<string, unknown>;
}

async function topicAttributes(arn: string, ctx: Context): Promise<Record<string, unknown>> {
  const { Attributes } = await ctx.call("sns", "GetTopicAttributes", { TopicArn: arn });
  return (Attributes ?? {}) as Record<string, unknown>;
}

/** A service that says no, in whatever words, has no such thing or no policy for it. */
async function policyOf(
  ask: () => Promise<Record<string, unknown>>,
  member: string,
): Promise<{ readonly exists: boolean; readonly document?: Policy }> {
  try {
    const text = (await ask())[member];
    return typeof text === "string" && text !== ""
      ? { exists: true, document: JSON.parse(text) as Policy }
      : { exists: true };
  } catch (error) {
    if (error instanceof AwsError) return { exists: false };
    throw error;
  }
}

function lets(action: string, arn: string, bucket: BucketRecord, policy: Policy): boolean {
  const statements = Array.isArray(policy.Statement) ? policy.Statement : [policy.Statement];
  return isAllowed(
    { ...policy, Statement: statements as Policy["Statement"] },
    {
      principal: { kind: "service", service: "s3.amazonaws.com" },
      action,
      resource: arn,
      sourceArn: bucketArn(bucket),
      sourceAccount: bucket.account,
    },
  );
}

async function sendTest(
  { clock, deliver, logger, random }: S3Parts,
  arn: string,
  bucket: BucketRecord,
  ctx: Context,
): Promise<void> {
  const body = testMessage(bucket.name, ctx.requestId, hostIdOf(ctx.requestId), clock.now());
  const event = { body: Buffer.from(body), subject: "Amazon S3 Notification" };
  const delivery = {
    account: bucket.account,
    region: bucket.region,
    principal: "s3.amazonaws.com",
    sourceArn: bucketArn(bucket),
    traceHeader: newTraceHeader(clock, random),
  };
  await deliver(arn, event, delivery).catch((error: unknown) => {
    logger.warn(`the test message of bucket ${bucket.name} did not reach ${arn}`, { error });
  });
}

function ruleToWire({ events, filterNames, id, prefix, suffix }: NotificationRule) {
  // Whatever case it was put in; the SDK's type knows lower case only.
  const rules = filterNames.map((Name) => ({
    Name: Name as string as S3.FilterRuleName,
    Value: Name === "Prefix" ? prefix : suffix,
  }));
  return {
    Id: id,
    Events: [...events] as S3.Event[],
    ...(rules.length > 0 && { Filter: { Key: { FilterRules: rules } } }),
  };
}
