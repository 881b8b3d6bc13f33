/** How event source mappings read queues: messages as functions see them. Source: lambda-map 7.3, map-sqs-sns-s3 1.13. */
import { parseArn } from "../../base/arn.ts";
import type { Source } from "../../events/ports.ts";
import type { AttributeValue } from "./domain/message.ts";
import { md5OfAttributes, md5OfText } from "./domain/md5.ts";
import { queueDoesNotExist } from "./errors.ts";
import type { Delivery, Queue } from "./queue.ts";
import type { Queues } from "./queues.ts";
import { systemAttributes } from "./to-wire.ts";

export function createSource(queues: Queues): Source {
  async function queueOf(arn: string): Promise<Queue> {
    const queue = await queues.findByArn(arn);
    if (!queue) throw queueDoesNotExist();
    return queue;
  }

  return {
    async receive(arn, { max, waitMs, signal }) {
      const queue = await queueOf(arn);
      const order = { max, waitMs, signal, visibilityMs: undefined, attemptId: undefined };
      const deliveries = await queue.receive(order);
      return deliveries.map((delivery) => ({
        receipt: delivery.receipt,
        heldUntilMs: delivery.message.visibleAtMs,
        record: recordOf(arn, delivery),
      }));
    },
    async ack(arn, receipts) {
      await (await queueOf(arn)).delete(receipts);
    },
    async retry(arn, receipts, delayMs) {
      const visibilitySeconds = Math.ceil(delayMs / 1000);
      await (
        await queueOf(arn)
      ).changeVisibility(receipts.map((receipt) => ({ receipt, visibilitySeconds })));
    },
  };
}

function recordOf(arn: string, { message, content, receipt }: Delivery) {
  const md5 = md5OfAttributes(content.attributes);
  const attributes = Object.entries(content.attributes ?? {});
  return {
    messageId: message.id,
    receiptHandle: receipt,
    body: content.body,
    attributes: systemAttributes(message),
    messageAttributes: Object.fromEntries(attributes.map(([name, value]) => [name, attributeOf(value)])),
    ...(md5 !== undefined && { md5OfMessageAttributes: md5 }),
    md5OfBody: md5OfText(content.body),
    eventSource: "aws:sqs",
    eventSourceARN: arn,
    awsRegion: parseArn(arn)?.region ?? "",
  };
}

function attributeOf({ type, text, binary }: AttributeValue) {
  const value = binary === undefined ? { stringValue: text } : { binaryValue: binary };
  return { ...value, stringListValues: [], binaryListValues: [], dataType: type };
}
