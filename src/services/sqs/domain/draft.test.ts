/** What may be sent, how it is worded when it may not, and the MD5s of what was. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { AwsError } from "../../../wire/aws-error.ts";
import { newAttributes, settingsOf } from "./attributes.ts";
import { SentLog, type SentOnce } from "../../../events/deduplication.ts";
import { draftOf, type GivenMessage, sentBytes } from "./draft.ts";
import { md5OfAttributes } from "./md5.ts";
import { sequenceNumber } from "./message.ts";
import { readReceipt, receiptHandle } from "./receipt.ts";

const standard = settingsOf(newAttributes({ MaximumMessageSize: "1024", DelaySeconds: "3" }));
const fifo = settingsOf(newAttributes({ FifoQueue: "true" }));
const contentBased = settingsOf(newAttributes({ FifoQueue: "true", ContentBasedDeduplication: "true" }));

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    assert(error instanceof AwsError, String(error));
    return `${error.query.code ?? error.code}: ${error.message}`;
  }
  return "accepted";
}

const parameter = (text: string) => `InvalidParameterValue: ${text}`;
const attribute = (name: string, value: object) => ({
  MessageBody: "x",
  MessageAttributes: { [name]: value },
});
const text = (value: string) => ({ DataType: "String", StringValue: value });
const number = (value: string) => ({ DataType: "Number", StringValue: value });

const ofStandard: readonly (readonly [why: string, given: GivenMessage, answer: string])[] = [
  ["a body", { MessageBody: "x" }, "accepted"],
  ["no body", { MessageBody: "" }, "MissingParameter: The request must contain the parameter MessageBody."],
  ["as many bytes as may be", { MessageBody: "é".repeat(512) }, "accepted"],
  [
    "a byte too many",
    { MessageBody: `${"é".repeat(512)}x` },
    parameter("One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes."),
  ],
  [
    "attributes that make it too long",
    { MessageBody: "x".repeat(1010), MessageAttributes: { abcd: text("12345") } },
    parameter("One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes."),
  ],
  ["tabs, line ends and emoji", { MessageBody: "\t\r\n\u{1F600}" }, "accepted"],
  [
    "a control character",
    { MessageBody: "\u0007" },
    "InvalidMessageContents: Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
  ],
  [
    "a delay beyond a quarter of an hour",
    { MessageBody: "x", DelaySeconds: 901 },
    parameter(
      "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.",
    ),
  ],
  ["a group on a standard queue", { MessageBody: "x", MessageGroupId: "g" }, "accepted"],
  [
    "a group id that is none",
    { MessageBody: "x", MessageGroupId: "a b" },
    parameter(
      "Value a b for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.",
    ),
  ],
  [
    "a deduplication id on a standard queue",
    { MessageBody: "x", MessageDeduplicationId: "d" },
    parameter(
      "Value d for parameter MessageDeduplicationId is invalid. Reason: The request includes a parameter that is not valid for this queue type.",
    ),
  ],
  [
    "an empty attribute",
    attribute("n", text("")),
    parameter("Message (user) attribute 'n' must contain a non-empty value of type 'String'."),
  ],
  [
    "an attribute of no known type",
    attribute("n", { DataType: "Text", StringValue: "x" }),
    parameter(
      "The type of message (user) attribute 'n' is invalid. You must use only the following supported type prefixes: Binary, Number, String.",
    ),
  ],
  ["a custom type", attribute("n", { DataType: "Number.float", StringValue: "-1.5e3" }), "accepted"],
  [
    "a number that is none",
    attribute("n", number("twelve")),
    parameter("Could not cast message (user) attribute 'n' value to number."),
  ],
  ["38 digits", attribute("n", number("1".repeat(38))), "accepted"],
  [
    "39 digits",
    attribute("n", number("1".repeat(39))),
    parameter("Could not cast message (user) attribute 'n' value to number."),
  ],
  ["an accented name", attribute("naïve", text("x")), "accepted"],
  [
    "a reserved name",
    attribute("AWS.x", text("x")),
    parameter("Message (user) attribute name 'AWS.x' is invalid."),
  ],
  [
    "eleven attributes",
    {
      MessageBody: "x",
      MessageAttributes: Object.fromEntries(Array.from({ length: 11 }, (_, at) => [`a${at}`, text("x")])),
    },
    parameter("Number of message attributes [11] exceeds the allowed maximum [10]."),
  ],
  [
    "a system attribute that nobody sends",
    { MessageBody: "x", MessageSystemAttributes: { SenderId: text("x") } },
    parameter("Message system attribute name 'SenderId' is invalid."),
  ],
];

for (const [why, given, answer] of ofStandard) {
  test(`a message with ${why}: ${answer.slice(0, 60)}`, () => {
    assert.equal(
      refusal(() => draftOf(given, standard, false)),
      answer,
    );
  });
}

test("in a batch a message that is too long is worded otherwise", () => {
  assert.equal(
    refusal(() => draftOf({ MessageBody: "x".repeat(1025) }, standard, true)),
    parameter("One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes."),
  );
});

test("a FIFO queue wants a group, then a deduplication id", () => {
  const missing = "The request must contain the parameter MessageGroupId.";
  assert.equal(
    refusal(() => draftOf({ MessageBody: "x" }, fifo, false)),
    `MissingParameter: ${missing}`,
  );
  assert.equal(
    refusal(() => draftOf({ MessageBody: "x" }, fifo, true)),
    parameter(missing),
  );
  assert.equal(
    refusal(() => draftOf({ MessageBody: "x", MessageGroupId: "g" }, fifo, false)),
    parameter(
      "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    ),
  );
  assert.equal(
    refusal(() =>
      draftOf(
        { MessageBody: "x", MessageGroupId: "g", MessageDeduplicationId: "d", DelaySeconds: 2 },
        fifo,
        false,
      ),
    ),
    parameter(
      "Value 2 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type.",
    ),
  );
});

test("a content-based id is the body's SHA-256, and an explicit one wins", () => {
  const given = { MessageBody: "x", MessageGroupId: "g", MessageAttributes: { a: text("b") } };
  const sha256 = createHash("sha256").update("x").digest("hex");
  assert.equal(draftOf(given, contentBased, false).dedupId, sha256);
  assert.equal(draftOf({ ...given, MessageDeduplicationId: "d" }, contentBased, false).dedupId, "d");
});

test("a message's delay is its own, else the queue's", () => {
  assert.equal(draftOf({ MessageBody: "x" }, standard, false).delayMs, 3000);
  assert.equal(draftOf({ MessageBody: "x", DelaySeconds: 0 }, standard, false).delayMs, 0);
});

test("what counts towards a batch is body, names, types and values", () => {
  const binary = { DataType: "Binary", BinaryValue: Buffer.from([1, 2, 3]) };
  assert.equal(
    sentBytes({ MessageBody: "é", MessageAttributes: { ab: binary, c: number("12") } }),
    2 + 11 + 9,
  );
});

test("the MD5 of attributes goes over lengths, names, types, kinds and raw values in the order of names", () => {
  const attributes = { b: { type: "Binary", binary: "AQI=" }, a: { type: "Number.int", text: "6" } };
  const bytes = Buffer.concat([
    Buffer.from([0, 0, 0, 1]),
    Buffer.from("a"),
    Buffer.from([0, 0, 0, 10]),
    Buffer.from("Number.int"),
    Buffer.from([1, 0, 0, 0, 1]),
    Buffer.from("6"),
    Buffer.from([0, 0, 0, 1]),
    Buffer.from("b"),
    Buffer.from([0, 0, 0, 6]),
    Buffer.from("Binary"),
    Buffer.from([2, 0, 0, 0, 2, 1, 2]),
  ]);
  assert.equal(md5OfAttributes(attributes), createHash("md5").update(bytes).digest("hex"));
  assert.equal(md5OfAttributes({}), undefined);
});

test("a receipt handle names one receive of one message of one queue", () => {
  const message = { seq: 17, receiveCount: 2 } as Parameters<typeof receiptHandle>[1];
  const handle = receiptHandle("abc123", message);
  assert.deepEqual(readReceipt("abc123", handle), { seq: 17, receiveCount: 2 });
  assert.equal(
    refusal(() => readReceipt("ffff", handle)),
    `ReceiptHandleIsInvalid: The receipt handle "${handle}" is not valid for this queue.`,
  );
  for (const wrong of ["", "nonsense", Buffer.from("lambdad x 1 1").toString("base64"), "A".repeat(2000)]) {
    assert.match(
      refusal(() => readReceipt("abc123", wrong)),
      /is not a valid receipt handle/,
    );
  }
});

test("sequence numbers have 20 digits and rise", () => {
  assert.match(sequenceNumber(1), /^\d{20}$/);
  assert(sequenceNumber(99) < sequenceNumber(100));
});

const sent = (more: Partial<SentOnce>): SentOnce => ({
  ...{ dedupId: "d", groupId: "g", scope: "queue", messageId: "m", seq: 1, atMs: 0 },
  ...more,
});

test("what was sent is remembered for five minutes, in its scope", () => {
  const log = new SentLog();
  const once = sent({});
  log.add(once);
  assert.equal(log.find({ dedupId: "d", groupId: "other", scope: "queue" }, 299_999), once);
  assert.equal(log.find({ dedupId: "d", groupId: "other", scope: "queue" }, 300_000), undefined);
  // Seen under a wider scope, it stays seen under a narrower one.
  assert.equal(log.find({ dedupId: "d", groupId: "other", scope: "messageGroup" }, 1), once);
  const inGroup = sent({ dedupId: "e", scope: "messageGroup", seq: 2, atMs: 10 });
  log.add(inGroup);
  assert.equal(log.find({ dedupId: "e", groupId: "other", scope: "messageGroup" }, 20), undefined);
  assert.equal(log.find({ dedupId: "e", groupId: "g", scope: "messageGroup" }, 20), inGroup);
  assert.deepEqual(log.forget(300_000, 10), [once]);
  assert.deepEqual(log.forget(300_010, 10), [inGroup]);
  const refused = sent({ seq: 3 });
  log.add(refused);
  log.withdraw(refused);
  assert.equal(log.find(refused, 1), undefined);
});
