/**
 * Events of other services are published: destinations and dead letters of functions, notifications of buckets, rules. The
 * topic's policy is asked as it is for anybody.
 */
import type { Logger } from "../../base/logger.ts";
import type { DeliveredEvent, Target } from "../../events/ports.ts";
import { topicOfArn } from "./domain/names.ts";
import { contentOf, type GivenMessage } from "./domain/publication.ts";
import { isBinary } from "./domain/message-attributes.ts";
import { admitsPublisher } from "./domain/topic-policy.ts";
import { notAuthorized, topicNotFound } from "./errors.ts";
import type { Topics } from "./topics.ts";

export function createTarget(topics: Topics, logger: Logger): Target {
  return {
    async deliver(arn, event, sender) {
      const name = topicOfArn(arn);
      const topic = name && (await topics.find(name));
      if (!topic) throw topicNotFound();
      const { principal, sourceArn, traceHeader } = sender;
      if (!admitsPublisher(topic.record, sender)) {
        logger.warn("a topic's policy lacks a permission", {
          topic: arn,
          missing: `Allow SNS:Publish to ${principal}`,
          from: sourceArn,
        });
        throw notAuthorized(principal, "Publish", arn);
      }
      const { settings } = topic;
      const content = contentOf(messageOf(event, settings.isFifo), settings, settings.messageBytesMax);
      await topic.publish([content], traceHeader || undefined);
    },
  };
}

function messageOf(event: DeliveredEvent, isFifo: boolean): GivenMessage {
  const { body, attributes, subject, groupId, dedupId } = event;
  const entries = Object.entries(attributes ?? {}).map(([name, { type, value }]) => [
    name,
    {
      DataType: type,
      ...(isBinary(type) ? { BinaryValue: Buffer.from(value, "base64") } : { StringValue: value }),
    },
  ]);
  return {
    Message: Buffer.from(body).toString(),
    MessageAttributes: Object.fromEntries(entries),
    ...(subject !== undefined && { Subject: subject }),
    ...(groupId !== undefined && { MessageGroupId: groupId }),
    ...(isFifo && dedupId !== undefined && { MessageDeduplicationId: dedupId }),
  };
}
