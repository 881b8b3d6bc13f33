/** Our records as SQS shows them. */
import type { OutputFor } from "../service.ts";
import type { AttributeMap } from "./domain/message-attributes.ts";
import type { AttributeValue, Message } from "./domain/message.ts";
import { sequenceNumber } from "./domain/message.ts";
import { md5OfAttributes, md5OfText } from "./domain/md5.ts";
import type { MoveTask } from "./domain/move-task.ts";
import { taskHandle } from "./domain/move-task.ts";
import { queueArn } from "./domain/queue-name.ts";
import type { Counts } from "./domain/queue-state.ts";
import { unknownAttribute } from "./errors.ts";
import type { Delivery } from "./queue.ts";
import type { QueueRecord } from "./store.ts";

export type Client = typeof import("@aws-sdk/client-sqs");
type WireMessage = NonNullable<OutputFor<Client, "ReceiveMessage">["Messages"]>[number];

/** Those asked for that the queue has; undefined: none. */
export function attributesToWire(
  record: QueueRecord,
  counts: Counts,
  names: readonly string[],
): Record<string, string> | undefined {
  const all: Record<string, string> = {
    ...record.attributes,
    ApproximateNumberOfMessages: String(counts.visible),
    ApproximateNumberOfMessagesNotVisible: String(counts.inFlight),
    ApproximateNumberOfMessagesDelayed: String(counts.delayed),
    CreatedTimestamp: String(Math.floor(record.createdAtMs / 1000)),
    LastModifiedTimestamp: String(Math.floor(record.modifiedAtMs / 1000)),
    QueueArn: queueArn(record),
  };
  for (const name of names) if (!attributeNames.has(name)) throw unknownAttribute(name);
  const wantsAll = names.includes("All");
  const shown = Object.entries(all).filter(([name]) => wantsAll || names.includes(name));
  return shown.length === 0 ? undefined : Object.fromEntries(shown.toSorted());
}

const attributeNames: ReadonlySet<string> = new Set([
  "All",
  "ApproximateNumberOfMessages",
  "ApproximateNumberOfMessagesDelayed",
  "ApproximateNumberOfMessagesNotVisible",
  "ContentBasedDeduplication",
  "CreatedTimestamp",
  "DeduplicationScope",
  "DelaySeconds",
  "FifoQueue",
  "FifoThroughputLimit",
  "KmsDataKeyReusePeriodSeconds",
  "KmsMasterKeyId",
  "LastModifiedTimestamp",
  "MaximumMessageSize",
  "MessageRetentionPeriod",
  "Policy",
  "QueueArn",
  "ReceiveMessageWaitTimeSeconds",
  "RedriveAllowPolicy",
  "RedrivePolicy",
  "SqsManagedSseEnabled",
  "VisibilityTimeout",
]);

export interface Wanted {
  /** System attributes; "All". */
  readonly system: readonly string[];
  /** Message attributes: names, `All`, `.*`, `foo.*`. */
  readonly user: readonly string[];
}

export function messageToWire({ message, content, receipt }: Delivery, wanted: Wanted): WireMessage {
  const attributes = wantedAttributes(content.attributes, wanted.user);
  const system = wantedSystem(message, wanted.system);
  return {
    MessageId: message.id,
    ReceiptHandle: receipt,
    MD5OfBody: md5OfText(content.body),
    Body: content.body,
    ...(system && { Attributes: system }),
    ...(attributes && {
      // Over what is returned, not over what there is.
      MD5OfMessageAttributes: md5OfAttributes(attributes),
      MessageAttributes: Object.fromEntries(
        Object.entries(attributes).map(([name, value]) => [name, attributeToWire(value)]),
      ),
    }),
  };
}

/** All that a message has. */
export function systemAttributes(message: Message): Record<string, string> {
  const { firstReceivedAtMs, traceHeader, groupId, dedupId, deadLetterSourceArn } = message;
  const isFifo = groupId !== undefined && dedupId !== undefined;
  return {
    ApproximateReceiveCount: String(message.receiveCount),
    ...(traceHeader !== undefined && { AWSTraceHeader: traceHeader }),
    SentTimestamp: String(message.sentAtMs),
    ...(isFifo && { SequenceNumber: sequenceNumber(message.seq) }),
    ...(groupId !== undefined && { MessageGroupId: groupId }),
    SenderId: message.senderId,
    ...(dedupId !== undefined && { MessageDeduplicationId: dedupId }),
    ...(firstReceivedAtMs !== undefined && { ApproximateFirstReceiveTimestamp: String(firstReceivedAtMs) }),
    ...(deadLetterSourceArn !== undefined && { DeadLetterQueueSourceArn: deadLetterSourceArn }),
  };
}

export function taskToWire(task: MoveTask) {
  return {
    ...(task.status === "RUNNING" && { TaskHandle: taskHandle(task) }),
    Status: task.status,
    SourceArn: task.sourceArn,
    ...(task.destinationArn !== undefined && { DestinationArn: task.destinationArn }),
    ...(task.messagesPerSecondMax !== undefined && {
      MaxNumberOfMessagesPerSecond: task.messagesPerSecondMax,
    }),
    ApproximateNumberOfMessagesMoved: task.movedCount,
    ApproximateNumberOfMessagesToMove: task.toMoveCount,
    ...(task.failureReason !== undefined && { FailureReason: task.failureReason }),
    StartedTimestamp: task.startedAtMs,
  };
}

function wantedSystem(message: Message, names: readonly string[]): Record<string, string> | undefined {
  const all = Object.entries(systemAttributes(message));
  const shown = all.filter(([name]) => names.includes("All") || names.includes(name));
  return shown.length === 0 ? undefined : Object.fromEntries(shown);
}

/** Names that mean nothing are ignored. */
function wantedAttributes(
  attributes: AttributeMap | undefined,
  names: readonly string[],
): AttributeMap | undefined {
  const isWanted = (name: string) =>
    names.some((wanted) => {
      if (wanted === "All" || wanted === ".*" || wanted === "*") return true;
      return wanted.endsWith(".*") ? name.startsWith(wanted.slice(0, -2)) : name === wanted;
    });
  const shown = Object.entries(attributes ?? {}).filter(([name]) => isWanted(name));
  return shown.length === 0 ? undefined : Object.fromEntries(shown);
}

function attributeToWire({ type, text, binary }: AttributeValue) {
  return {
    DataType: type,
    ...(binary === undefined ? { StringValue: text } : { BinaryValue: Buffer.from(binary, "base64") }),
  };
}
