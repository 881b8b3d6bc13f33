/**
 * Whether the source that a mapping is to read is there, asked of its service, with AWS's words where it is not. A service
 * that is not in lambdad has no queues and streams: nothing that could never be read is stored.
 */
import { parseArn } from "../../base/arn.ts";
import { AwsError } from "../../wire/aws-error.ts";
import type { Context } from "../service.ts";
import type { MappingSource } from "./domain/mapping.ts";
import { invalidParameter } from "./errors.ts";

/** `timeoutSeconds`: the function's, which a queue's visibility timeout must not be below. */
export async function requireSource(
  source: MappingSource,
  timeoutSeconds: number,
  ctx: Context,
): Promise<void> {
  if (source.kind === "sqs") return requireQueue(source, timeoutSeconds, ctx);
  const isStream = await answers(() => describeStream(source, ctx));
  if (!isStream) throw invalidParameter(`Stream not found: ${source.arn}`);
}

async function requireQueue({ arn }: MappingSource, timeoutSeconds: number, ctx: Context): Promise<void> {
  const { account, resource } = parseArn(arn) ?? { account: "", resource: "" };
  const queue = { QueueName: resource, QueueOwnerAWSAccountId: account };
  const answer = await answers(async () => {
    const { QueueUrl } = await ctx.call("sqs", "GetQueueUrl", queue);
    return ctx.call("sqs", "GetQueueAttributes", { QueueUrl, AttributeNames: ["VisibilityTimeout"] });
  });
  if (!answer) {
    throw invalidParameter(
      "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not exist.",
    );
  }
  const attributes = answer["Attributes"] as Readonly<Record<string, string>> | undefined;
  const visibilitySeconds = Number(attributes?.["VisibilityTimeout"] ?? timeoutSeconds);
  if (visibilitySeconds < timeoutSeconds) {
    throw invalidParameter(
      `Queue visibility timeout: ${visibilitySeconds} seconds is less than Function timeout: ${timeoutSeconds} seconds`,
    );
  }
}

function describeStream({ kind, arn }: MappingSource, ctx: Context): Promise<Record<string, unknown>> {
  if (kind === "dynamodb") return ctx.call("dynamodb-streams", "DescribeStream", { StreamArn: arn });
  // A consumer's ARN is its stream's, and more.
  const StreamARN = arn.replace(/\/consumer\/.*$/, "");
  return ctx.call("kinesis", "DescribeStreamSummary", { StreamARN });
}

/** Undefined for whatever AWS error. */
async function answers(
  ask: () => Promise<Record<string, unknown>>,
): Promise<Record<string, unknown> | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof AwsError) return undefined;
    throw error;
  }
}
