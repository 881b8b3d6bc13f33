/**
 * Events of other services become messages. Sizes and forms are checked as for anybody's, and so is the queue's policy:
 * whom it does not let in is refused, and told which permission is missing.
 */
import type { Logger } from "../../base/logger.ts";
import type { DeliveredEvent, MessageAttribute, Target } from "../../events/ports.ts";
import { admitsSender } from "./domain/access.ts";
import { draftOf, type GivenMessage } from "./domain/draft.ts";
import type { GivenAttribute } from "./domain/message-attributes.ts";
import { accessDenied, queueDoesNotExist } from "./errors.ts";
import type { Queues } from "./queues.ts";

export function createTarget(queues: Queues, logger: Logger): Target {
  return {
    async deliver(arn, event, sender) {
      const queue = await queues.findByArn(arn);
      if (!queue) throw queueDoesNotExist();
      const { principal, sourceArn, account, traceHeader } = sender;
      if (!admitsSender(queue.record, sender)) {
        logger.warn("a queue's policy lacks a permission", {
          queue: arn,
          missing: `Allow sqs:SendMessage to ${principal}`,
          from: sourceArn,
        });
        throw accessDenied(principal, "SendMessage", arn);
      }
      const draft = draftOf(messageOf(event, queue.settings.isFifo), queue.settings, false);
      await queue.send([draft], { senderId: account, traceHeader: traceHeader || undefined });
    },
  };
}

/** Standard queues take no deduplication ids. */
function messageOf({ body, attributes, groupId, dedupId }: DeliveredEvent, isFifo: boolean): GivenMessage {
  const entries = Object.entries(attributes ?? {});
  return {
    MessageBody: Buffer.from(body).toString(),
    MessageAttributes: Object.fromEntries(entries.map(([name, each]) => [name, attributeOf(each)])),
    ...(groupId !== undefined && { MessageGroupId: groupId }),
    ...(isFifo && dedupId !== undefined && { MessageDeduplicationId: dedupId }),
  };
}

function attributeOf({ type, value }: MessageAttribute): GivenAttribute {
  const isBinary = /^Binary(\.|$)/.test(type);
  return {
    DataType: type,
    ...(isBinary ? { BinaryValue: Buffer.from(value, "base64") } : { StringValue: value }),
  };
}
