/** Publish and PublishBatch. */
import { batchEntriesMax, publishedBytesDefault } from "../../../limits.ts";
import { AwsError } from "../../../wire/aws-error.ts";
import type { OperationsOf } from "../../service.ts";
import { isPhoneNumber } from "../domain/endpoint.ts";
import { parseArn } from "../../../base/arn.ts";
import {
  type Content,
  contentOf,
  type GivenMessage,
  messageFor,
  publishedBytes,
} from "../domain/publication.ts";
import { sequenceNumber } from "../domain/sequence-number.ts";
import {
  batchTooLong,
  emptyBatch,
  entryIdTooLong,
  invalidEntryId,
  invalidParameter,
  repeatedEntryId,
  tooManyEntries,
} from "../errors.ts";
import type { Client, SnsParts } from "../parts.ts";
import type { Published, Topic } from "../topic.ts";

type PublishingOperations = Pick<OperationsOf<Client>, "Publish" | "PublishBatch">;

export function publishingOperations({ outbox, random, topics }: SnsParts): PublishingOperations {
  return {
    async Publish(input, ctx) {
      const { TopicArn, TargetArn, PhoneNumber } = input;
      if ([TopicArn, TargetArn, PhoneNumber].filter((one) => one !== undefined).length !== 1) {
        throw invalidParameter("TopicArn or TargetArn Reason: no value for required parameter");
      }
      if (PhoneNumber !== undefined) return text(PhoneNumber, input);
      const parameter = TopicArn === undefined ? "TargetArn" : "TopicArn";
      const arn = TopicArn ?? TargetArn;
      if (parseArn(arn ?? "")?.resource.startsWith("endpoint/")) {
        throw invalidParameter("TargetArn Reason: No endpoint found for the target arn specified");
      }
      const topic = await topics.named(arn, ctx, "Publish", parameter);
      const content = contentOf(input, topic.settings, topic.settings.messageBytesMax);
      const [published] = await topic.publish([content], ctx.trace);
      return published ? shown(topic, published) : {};
    },

    async PublishBatch({ TopicArn, PublishBatchRequestEntries: entries }, ctx) {
      const topic = await topics.named(TopicArn, ctx, "Publish");
      checkEntries(entries);
      const { messageBytesMax } = topic.settings;
      const totalBytes = entries.reduce((sum, entry) => sum + publishedBytes(entry), 0);
      if (totalBytes > messageBytesMax) throw batchTooLong();
      // What is wrong with one entry, but for its message and subject, is wrong with all (recorded).
      const checked = entries.map((entry) => contentOrFailure(entry, topic));
      const contents = checked.filter((result): result is Content => !(result instanceof AwsError));
      const published = await topic.publish(contents, ctx.trace);
      const publishedOf = new Map(contents.map((content, at) => [content, published[at]]));
      const Successful: ({ Id: string } & ReturnType<typeof shown>)[] = [];
      const Failed: { Id: string; Code: string; Message: string; SenderFault: boolean }[] = [];
      for (const [at, { Id = "" }] of entries.entries()) {
        const result = checked[at];
        if (result instanceof AwsError) {
          Failed.push({ Id, Code: "InvalidParameter", Message: result.message, SenderFault: true });
        } else if (result) {
          const one = publishedOf.get(result);
          if (one) Successful.push({ Id, ...shown(topic, one) });
        }
      }
      return { Successful, Failed };
    },
  };

  async function text(to: string, input: GivenMessage) {
    if (!isPhoneNumber(to)) throw invalidParameter(`PhoneNumber Reason: ${to} is not valid to publish to`);
    const content = contentOf(input, undefined, publishedBytesDefault);
    await outbox.put({ kind: "sms", to, body: messageFor(content, "sms") });
    return { MessageId: random.uuid() };
  }
}

function contentOrFailure(entry: GivenMessage, { settings }: Topic): Content | AwsError {
  try {
    return contentOf(entry, settings, settings.messageBytesMax);
  } catch (error) {
    if (error instanceof AwsError && /: (Empty message|Subject|Message too long)$/.test(error.message))
      return error;
    throw error;
  }
}

function checkEntries(entries: readonly { readonly Id?: string | undefined }[]): void {
  if (entries.length === 0) throw emptyBatch();
  if (entries.length > batchEntriesMax) throw tooManyEntries();
  const seen = new Set<string>();
  for (const { Id: id = "" } of entries) {
    if (id.length > 80) throw entryIdTooLong(id);
    if (!/^[A-Za-z0-9_-]+$/.test(id)) throw invalidEntryId(id);
    if (seen.has(id)) throw repeatedEntryId();
    seen.add(id);
  }
}

function shown({ settings }: Topic, { messageId, seq }: Published) {
  return { MessageId: messageId, ...(settings.isFifo && { SequenceNumber: sequenceNumber(seq) }) };
}
