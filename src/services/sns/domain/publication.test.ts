/** Texts: map-sqs-sns-s3 2.4, recorded but where the code says inferred. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AwsError } from "../../../wire/aws-error.ts";
import type { GivenAttribute } from "./message-attributes.ts";
import { contentOf, type GivenMessage, messageFor, publishedBytes } from "./publication.ts";
import { newAttributes, settingsOf } from "./topic-attributes.ts";

const standard = settingsOf({});
const fifo = settingsOf(newAttributes({ FifoTopic: "true" }));
const byContent = settingsOf(newAttributes({ FifoTopic: "true", ContentBasedDeduplication: "true" }));
const bytesMax = 1024;
const content = (given: GivenMessage, settings = standard) =>
  contentOf({ Message: "m", ...given }, settings, bytesMax);

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    assert(error instanceof AwsError, String(error));
    return `${error.code}: ${error.message}`;
  }
  return assert.fail("it was not refused");
}

const invalid = "InvalidParameterException: Invalid parameter:";
const refused: readonly (readonly [GivenMessage, string, typeof standard?])[] = [
  [{ Message: "" }, `${invalid} Empty message`],
  [{ Message: "x".repeat(1025) }, `${invalid} Message too long`],
  [
    {
      Message: "x".repeat(1000),
      MessageAttributes: { n: { DataType: "String", StringValue: "x".repeat(18) } },
    },
    `${invalid} Message too long`,
  ],
  [{ Subject: "" }, `${invalid} Subject`],
  [{ Subject: "x".repeat(101) }, `${invalid} Subject`],
  [{ Subject: " x" }, `${invalid} Subject`],
  [{ Subject: "a\nb" }, `${invalid} Subject`],
  [{ Subject: "grün" }, `${invalid} Subject`],
  [
    { Message: "x", MessageStructure: "json" },
    `${invalid} Message Structure - JSON message body failed to parse`,
  ],
  [
    { Message: "[]", MessageStructure: "json" },
    `${invalid} Message Structure - JSON message body failed to parse`,
  ],
  [
    { Message: '{"sqs":"x"}', MessageStructure: "json" },
    `${invalid} Message Structure - No default entry in JSON message body`,
  ],
  [
    { Message: '{"default":1}', MessageStructure: "json" },
    `${invalid} Message Structure - No default entry in JSON message body`,
  ],
  [{}, `${invalid} The MessageGroupId parameter is required for FIFO topics`, fifo],
  [
    { MessageGroupId: "g" },
    `${invalid} The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly`,
    fifo,
  ],
  [
    { MessageDeduplicationId: "d" },
    `${invalid} MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type`,
  ],
  [
    { MessageGroupId: "a b" },
    `${invalid} MessageGroupId Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.`,
  ],
];

test("messages that cannot be published are refused in AWS's words", () => {
  for (const [given, text, settings] of refused) {
    assert.equal(
      refusal(() => content(given, settings)),
      text,
      JSON.stringify(given).slice(0, 80),
    );
  }
});

const value = "InvalidParameterValueException:";
const types = "the set of supported type prefixes is Binary, Number, and String.";
const attributes: readonly (readonly [string, GivenAttribute, string])[] = [
  [
    "n",
    { DataType: "String" },
    `${value} The message attribute 'n' must contain non-empty message attribute value for message attribute type 'String'.`,
  ],
  [
    "n",
    { DataType: "String", StringValue: "" },
    `${value} The message attribute 'n' must contain non-empty message attribute value for message attribute type 'String'.`,
  ],
  [
    "n",
    { DataType: "Number", BinaryValue: Buffer.of(1) },
    `${value} The message attribute 'n' with type 'Number' must use field 'String'.`,
  ],
  [
    "n",
    { DataType: "Binary", StringValue: "x" },
    `${value} The message attribute 'n' with type 'Binary' must use field 'Binary'.`,
  ],
  [
    "n",
    { DataType: "Text", StringValue: "x" },
    `${value} The message attribute 'n' has an invalid message attribute type, ${types}`,
  ],
  [
    ".n",
    { DataType: "String", StringValue: "x" },
    `${value} Invalid message attribute name starting with character '.' was found.`,
  ],
  [
    "n.",
    { DataType: "String", StringValue: "x" },
    `${value} Invalid message attribute name ending with character '.' was found.`,
  ],
  [
    "n..m",
    { DataType: "String", StringValue: "x" },
    `${value} Message attribute name can not have successive '.' character.`,
  ],
  [
    "n^",
    { DataType: "String", StringValue: "x" },
    `${value} Invalid non-alphanumeric character '#x5E' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots.`,
  ],
  [
    "n".repeat(257),
    { DataType: "String", StringValue: "x" },
    `${value} Length of message attribute name must be less than 256 bytes.`,
  ],
];

test("message attributes that cannot be are refused in AWS's words", () => {
  for (const [name, given, text] of attributes) {
    assert.equal(
      refusal(() => content({ MessageAttributes: { [name]: given } })),
      text,
    );
  }
});

test("what is published: a text for each protocol, attributes, ids", () => {
  const structured = content({ Message: '{"default":"d","sqs":"q","lambda":1}', MessageStructure: "json" });
  assert.deepEqual(
    ["sqs", "lambda", "https"].map((one) => messageFor(structured, one as "sqs")),
    ["q", "d", "d"],
  );
  assert.equal(content({ Message: '{"default":"d"}', MessageStructure: "xml" }).message, '{"default":"d"}');
  const MessageAttributes = {
    a: { DataType: "String.Array", StringValue: "[1]" },
    b: { DataType: "Binary", BinaryValue: Buffer.of(1, 2) },
  };
  assert.deepEqual(content({ MessageAttributes }).attributes, {
    a: { type: "String.Array", value: "[1]" },
    b: { type: "Binary", value: "AQI=" },
  });
  assert.equal(publishedBytes({ Message: "grü", MessageAttributes }), 4 + 1 + 12 + 3 + 1 + 6 + 2);
  assert.equal(content({ MessageGroupId: "g" }).groupId, "g", "fair queues");
  assert.equal(content({ MessageGroupId: "g" }, byContent).dedupId?.length, 64);
  assert.equal(content({ MessageGroupId: "g", MessageDeduplicationId: "d" }, byContent).dedupId, "d");
});
