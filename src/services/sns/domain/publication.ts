/**
 * From what a publisher sends to what its subscribers are to get, or AWS's refusal. Pure. Source: map-sqs-sns-s3 2.4.
 */
import { contentDedupId } from "../../../events/deduplication.ts";
import { subjectLengthMax } from "../../../limits.ts";
import { invalidParameter } from "../errors.ts";
import {
  attributesBytes,
  type AttributeMap,
  checkedAttributes,
  type GivenAttribute,
} from "./message-attributes.ts";
import type { Protocol } from "./endpoint.ts";
import type { TopicSettings } from "./topic-attributes.ts";

/** Members of Publish and of an entry of PublishBatch. */
export interface GivenMessage {
  readonly Message?: string | undefined;
  readonly Subject?: string | undefined;
  readonly MessageStructure?: string | undefined;
  readonly MessageAttributes?: Readonly<Record<string, GivenAttribute>> | undefined;
  readonly MessageGroupId?: string | undefined;
  readonly MessageDeduplicationId?: string | undefined;
}

/** What is published, as far as its publisher decides it. Survives JSON. */
export interface Content {
  readonly message: string;
  /** What some protocols get instead. */
  readonly messageFor?: Readonly<Record<string, string>>;
  readonly subject?: string;
  readonly attributes?: AttributeMap;
  readonly groupId?: string;
  readonly dedupId?: string;
}

/** To a topic, or to a telephone: then without settings. */
export function contentOf(
  given: GivenMessage,
  settings: TopicSettings | undefined,
  bytesMax: number,
): Content {
  const { Message: message = "", Subject: subject, MessageGroupId: groupId } = given;
  const attributes = checkedAttributes(given.MessageAttributes);
  if (message === "") throw invalidParameter("Empty message");
  if (subject !== undefined) checkSubject(subject);
  if (Buffer.byteLength(message) + attributesBytes(attributes) > bytesMax) {
    throw invalidParameter("Message too long");
  }
  const structured = given.MessageStructure === "json" ? structureIn(message) : { message };
  const dedupId = settings && dedupIdOf(given, settings);
  return {
    ...structured,
    ...(subject !== undefined && { subject }),
    ...(attributes && { attributes }),
    ...(groupId !== undefined && { groupId }),
    ...(dedupId !== undefined && { dedupId }),
  };
}

/** What a message counts, whether or not it may be published. */
export function publishedBytes({ Message = "", MessageAttributes: given }: GivenMessage): number {
  let total = Buffer.byteLength(Message);
  for (const [name, { DataType = "", StringValue = "", BinaryValue }] of Object.entries(given ?? {})) {
    const value = BinaryValue?.length ?? Buffer.byteLength(StringValue);
    total += Buffer.byteLength(name) + Buffer.byteLength(DataType) + value;
  }
  return total;
}

export function messageFor({ message, messageFor: others }: Content, protocol: Protocol): string {
  return others?.[protocol] ?? message;
}

/** Undefined: the topic remembers nothing. */
function dedupIdOf(given: GivenMessage, settings: TopicSettings): string | undefined {
  const { MessageGroupId: groupId, MessageDeduplicationId: dedupId } = given;
  if (groupId !== undefined) checkId("MessageGroupId", groupId);
  if (!settings.isFifo) {
    if (dedupId === undefined) return undefined;
    throw invalidParameter(
      "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type",
    );
  }
  if (groupId === undefined) {
    throw invalidParameter("The MessageGroupId parameter is required for FIFO topics");
  }
  if (dedupId !== undefined) {
    checkId("MessageDeduplicationId", dedupId);
    return dedupId;
  }
  if (settings.isContentBased) return contentDedupId(given.Message ?? "");
  throw invalidParameter(
    "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
  );
}

/** As in SQS, which gets it. inferred: the text. */
function checkId(name: string, id: string): void {
  if (/^[A-Za-z0-9!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]{1,128}$/.test(id)) return;
  throw invalidParameter(
    `${name} Reason: ${name} can only include alphanumeric and punctuation characters. 1 to 128 in length.`,
  );
}

function checkSubject(subject: string): void {
  const hasForm = subject.length <= subjectLengthMax && /^[\x21-\x7e][\x20-\x7e]*$/.test(subject);
  if (!hasForm) throw invalidParameter("Subject");
}

/** A value that is no text is as if it were not there. */
function structureIn(json: string): Pick<Content, "message" | "messageFor"> {
  let structure: unknown;
  try {
    structure = JSON.parse(json);
  } catch {
    structure = undefined;
  }
  if (typeof structure !== "object" || structure === null || Array.isArray(structure)) {
    throw invalidParameter("Message Structure - JSON message body failed to parse");
  }
  const texts = Object.entries(structure).filter(([, value]) => typeof value === "string");
  const { default: message, ...others } = Object.fromEntries(texts) as Readonly<Record<string, string>>;
  if (message === undefined) {
    throw invalidParameter("Message Structure - No default entry in JSON message body");
  }
  return { message, ...(Object.keys(others).length > 0 && { messageFor: others }) };
}
