/** SendMessage and SendMessageBatch. */
import { messageBytesMax } from "../../../limits.ts";
import { AwsError } from "../../../wire/aws-error.ts";
import type { Context, OperationsOf } from "../../service.ts";
import { batchResult, checkBatch, type EntryResult } from "../batch.ts";
import { checkIds, type Draft, draftOf, type GivenMessage, sentBytes } from "../domain/draft.ts";
import { sequenceNumber } from "../domain/message.ts";
import { md5OfAttributes, md5OfText } from "../domain/md5.ts";
import { batchTooLong } from "../errors.ts";
import type { SqsParts } from "../parts.ts";
import type { Sender, Sent } from "../intake.ts";
import type { Queue } from "../queue.ts";
import type { Client } from "../to-wire.ts";

type SendingOperations = Pick<OperationsOf<Client>, "SendMessage" | "SendMessageBatch">;

export function sendingOperations({ queues }: SqsParts): SendingOperations {
  return {
    async SendMessage(input, ctx) {
      const queue = await queues.named(input.QueueUrl, ctx, "SendMessage");
      const draft = draftOf(input, queue.settings, false);
      const [sent] = await queue.send([draft], senderOf(ctx));
      return sent ? sentToWire(queue, draft, sent) : {};
    },

    async SendMessageBatch({ QueueUrl, Entries: entries }, ctx) {
      const queue = await queues.named(QueueUrl, ctx, "SendMessage");
      checkBatch(entries, "SendMessageBatchRequestEntry");
      const totalBytes = entries.reduce((total, entry) => total + sentBytes(entry), 0);
      if (totalBytes > messageBytesMax) throw batchTooLong(totalBytes, messageBytesMax);
      for (const entry of entries) if (queue.settings.isFifo) checkIds(entry, queue.settings, true);
      const checked = entries.map((entry) => draftOrFailure(entry, queue));
      const drafts = checked.filter((result): result is Draft => !(result instanceof AwsError));
      const sent = await queue.send(drafts, senderOf(ctx));
      const sentByDraft = new Map(drafts.map((draft, at) => [draft, sent[at]]));
      const results = checked.map((result): EntryResult<WireSent> => {
        if (result instanceof AwsError) return { failed: result };
        const done = sentByDraft.get(result);
        return done ? { done: sentToWire(queue, result, done) } : { failed: internalFailure() };
      });
      return batchResult(entries, results);
    },
  };
}

type WireSent = ReturnType<typeof sentToWire>;

function draftOrFailure(entry: GivenMessage, { settings }: Queue): Draft | AwsError {
  try {
    return draftOf(entry, settings, true);
  } catch (error) {
    if (error instanceof AwsError) return error;
    throw error;
  }
}

/** The account's root, as everybody here is. */
function senderOf({ identity, trace }: Context): Sender {
  return { senderId: identity.account, traceHeader: trace };
}

function sentToWire({ settings }: Queue, { content, systemAttributes }: Draft, { messageId, seq }: Sent) {
  const md5s = {
    MD5OfMessageAttributes: md5OfAttributes(content.attributes),
    MD5OfMessageSystemAttributes: md5OfAttributes(systemAttributes),
  };
  return {
    MessageId: messageId,
    MD5OfMessageBody: md5OfText(content.body),
    ...md5s,
    ...(settings.isFifo && { SequenceNumber: sequenceNumber(seq) }),
  };
}

function internalFailure(): AwsError {
  return new AwsError("InternalError", "The message was not sent.", { status: 500 });
}
