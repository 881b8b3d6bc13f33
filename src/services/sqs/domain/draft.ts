/**
 * From what a sender sends to what the queue is to keep, or AWS's refusal. Pure. Source: map-sqs-sns-s3 1.5, 1.9.
 *
 * One request is worded otherwise than an entry of a batch, and what is wrong with the ids of a FIFO queue is wrong with
 * the whole batch.
 */
import type { AwsError } from "../../../wire/aws-error.ts";
import { delaySecondsMax } from "../../../limits.ts";
import { invalidParameter, invalidValue, missingParameter } from "../errors.ts";
import type { QueueSettings } from "./attributes.ts";
import { contentDedupId } from "../../../events/deduplication.ts";
import type { AttributeMap, GivenAttribute } from "./message-attributes.ts";
import {
  attributesBytes,
  checkCharacters,
  checkedAttributes,
  checkedTraceHeader,
} from "./message-attributes.ts";
import type { Content } from "./message.ts";

/** Members of SendMessage and of an entry of SendMessageBatch. */
export interface GivenMessage {
  readonly MessageBody?: string | undefined;
  readonly DelaySeconds?: number | undefined;
  readonly MessageAttributes?: Readonly<Record<string, GivenAttribute>> | undefined;
  readonly MessageSystemAttributes?: Readonly<Record<string, GivenAttribute>> | undefined;
  readonly MessageGroupId?: string | undefined;
  readonly MessageDeduplicationId?: string | undefined;
}

/** A message that may be sent. */
export interface Draft {
  readonly content: Content;
  readonly delayMs: number;
  readonly groupId: string | undefined;
  readonly dedupId: string | undefined;
  readonly systemAttributes: AttributeMap | undefined;
}

export function draftOf(given: GivenMessage, settings: QueueSettings, inBatch: boolean): Draft {
  checkIds(given, settings, inBatch);
  const body = given.MessageBody ?? "";
  if (body === "") throw missingParameter("MessageBody");
  checkCharacters(body);
  const attributes = checkedAttributes(given.MessageAttributes);
  const systemAttributes = checkedTraceHeader(given.MessageSystemAttributes);
  const sizeBytes = Buffer.byteLength(body) + attributesBytes(attributes);
  if (sizeBytes > settings.messageBytesMax) throw tooLong(settings.messageBytesMax, inBatch);
  const dedupId =
    given.MessageDeduplicationId ?? (settings.isContentBased ? contentDedupId(body) : undefined);
  return {
    content: { body, ...(attributes && { attributes }) },
    delayMs: delayOf(given.DelaySeconds, settings),
    groupId: given.MessageGroupId,
    dedupId: settings.isFifo ? dedupId : undefined,
    systemAttributes,
  };
}

/** What a message counts, whether or not it may be sent. */
export function sentBytes({ MessageBody: body = "", MessageAttributes: attributes }: GivenMessage): number {
  let total = Buffer.byteLength(body);
  for (const [name, { DataType = "", StringValue = "", BinaryValue }] of Object.entries(attributes ?? {})) {
    total += Buffer.byteLength(name) + Buffer.byteLength(DataType);
    total += BinaryValue?.length ?? Buffer.byteLength(StringValue);
  }
  return total;
}

/** Throws what fails a whole batch. */
export function checkIds(given: GivenMessage, settings: QueueSettings, inBatch: boolean): void {
  const { MessageGroupId: groupId, MessageDeduplicationId: dedupId } = given;
  if (groupId !== undefined) checkId("MessageGroupId", groupId);
  if (!settings.isFifo) {
    if (dedupId === undefined) return;
    const reason = "The request includes a parameter that is not valid for this queue type.";
    throw invalidValue("MessageDeduplicationId", dedupId, reason);
  }
  if (groupId === undefined) {
    const missing = missingParameter("MessageGroupId");
    throw inBatch ? invalidParameter(missing.message) : missing;
  }
  if (dedupId !== undefined) return checkId("MessageDeduplicationId", dedupId);
  if (settings.isContentBased) return;
  throw invalidParameter(
    "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
  );
}

function checkId(name: string, id: string): void {
  if (/^[A-Za-z0-9!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]{1,128}$/.test(id)) return;
  const reason = `${name} can only include alphanumeric and punctuation characters. 1 to 128 in length.`;
  throw invalidValue(name, id.slice(0, 256), reason);
}

/** On FIFO queues only the queue delays. */
function delayOf(seconds: number | undefined, settings: QueueSettings): number {
  if (seconds === undefined) return settings.delayMs;
  if (settings.isFifo && seconds !== 0) {
    const reason = "The request include parameter that is not valid for this queue type.";
    throw invalidValue("DelaySeconds", seconds, reason);
  }
  if (seconds < 0 || seconds > delaySecondsMax) {
    throw invalidValue("DelaySeconds", seconds, `DelaySeconds must be >= 0 and <= ${delaySecondsMax}.`);
  }
  return settings.isFifo ? settings.delayMs : seconds * 1000;
}

function tooLong(maxBytes: number, inBatch: boolean): AwsError {
  const problem = inBatch ? "cannot be validated" : "are invalid";
  return invalidParameter(
    `One or more parameters ${problem}. Reason: Message must be shorter than ${maxBytes} bytes.`,
  );
}
