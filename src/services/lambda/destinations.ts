/**
 * Whether what events are to be sent to is there: functions by their records, everything else by asking its service. A
 * service that is not in lambdad has nothing in it, so its ARNs are refused as AWS refuses those of what does not exist;
 * nothing that could never be delivered to is stored.
 */
import { parseArn } from "../../base/arn.ts";
import { AwsError } from "../../wire/aws-error.ts";
import type { Context } from "../service.ts";
import { findRevision } from "./domain/function.ts";
import { parseFunctionRef } from "./domain/function-ref.ts";
import { invalidParameter } from "./errors.ts";
import type { Functions } from "./store.ts";

export async function requireDestination(
  functions: Pick<Functions, "get">,
  arn: string,
  ctx: Context,
): Promise<void> {
  try {
    if (await exists(functions, arn, ctx)) return;
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
  }
  throw invalidParameter(`The destination ARN ${arn} is invalid.`);
}

/** A queue or a topic, both standard. inferred: the texts; that FIFO is refused is documented. */
export async function requireDeadLetterTarget(arn: string | undefined, ctx: Context): Promise<void> {
  if (!arn) return;
  const { service = "", resource = "" } = parseArn(arn) ?? {};
  if (!deadLetterServices.has(service) || resource.endsWith(".fifo")) {
    throw invalidParameter(`The dead letter target ARN ${arn} is not a standard SQS queue or SNS topic.`);
  }
  try {
    if (await askFor(arn, ctx)) return;
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
  }
  throw invalidParameter(`The dead letter target ${arn} does not exist.`);
}

const deadLetterServices: ReadonlySet<string> = new Set(["sqs", "sns"]);

async function exists(functions: Pick<Functions, "get">, arn: string, ctx: Context): Promise<boolean> {
  if (parseArn(arn)?.service !== "lambda") return askFor(arn, ctx);
  const ref = parseFunctionRef({ name: arn, action: "InvokeFunction" }, ctx);
  const fn = await functions.get(ref.id);
  return fn !== undefined && findRevision(fn, ref.qualifier) !== undefined;
}

/** Asks the service of the ARN; throws its error when it is not there. False: nothing takes events for such an ARN. */
async function askFor(arn: string, ctx: Context): Promise<boolean> {
  const parts = parseArn(arn);
  const name = parts?.resource ?? "";
  // Buckets have no region in their ARN, all others are in the function's.
  if (parts?.region !== ctx.region && parts?.service !== "s3") return false;
  switch (parts.service) {
    case "sqs":
      await ctx.call("sqs", "GetQueueUrl", { QueueName: name, QueueOwnerAWSAccountId: parts.account });
      return true;
    case "sns":
      await ctx.call("sns", "GetTopicAttributes", { TopicArn: arn });
      return true;
    case "events":
      await ctx.call("eventbridge", "DescribeEventBus", { Name: arn });
      return true;
    case "s3":
      await ctx.call("s3", "HeadBucket", { Bucket: name });
      return true;
    default:
      return false;
  }
}
