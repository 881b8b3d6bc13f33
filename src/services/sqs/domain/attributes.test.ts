/** Which attributes a queue takes, what they become, and how AWS words what it does not take. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AwsError } from "../../../wire/aws-error.ts";
import type { Attributes } from "./attributes.ts";
import { changedAttributes, firstDifference, newAttributes, settingsOf } from "./attributes.ts";
import { queueOfUrl } from "./queue-name.ts";
import { withoutPermission, withPermission } from "./policy.ts";

const fifo = { FifoQueue: "true" };

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    assert(error instanceof AwsError, String(error));
    return `${error.code}: ${error.message}`;
  }
  return "accepted";
}

test("a new queue has AWS's defaults", () => {
  assert.deepEqual(newAttributes({}), {
    DelaySeconds: "0",
    MaximumMessageSize: "1048576",
    MessageRetentionPeriod: "345600",
    ReceiveMessageWaitTimeSeconds: "0",
    SqsManagedSseEnabled: "true",
    VisibilityTimeout: "30",
  });
  assert.deepEqual(
    Object.entries(newAttributes({ FifoQueue: "True" })).filter(([name]) => /Fifo|Dedup/.test(name)),
    [
      ["ContentBasedDeduplication", "false"],
      ["DeduplicationScope", "queue"],
      ["FifoQueue", "true"],
      ["FifoThroughputLimit", "perQueue"],
    ],
  );
});

const redrive = (policy: object) => ({ RedrivePolicy: JSON.stringify(policy) });
const invalid = (name: string) => `InvalidAttributeValue: Invalid value for the parameter ${name}.`;
const policyRefusal = (policy: object, reason: string) =>
  `InvalidParameterValueException: Value ${JSON.stringify(policy)} for parameter RedrivePolicy is invalid. Reason: ${reason}`;
const target = "arn:aws:sqs:us-east-1:000000000000:dead";

const refusals: readonly (readonly [given: Attributes, answer: string])[] = [
  [{ VisibilityTimeout: "43200" }, "accepted"],
  [{ VisibilityTimeout: "43201" }, invalid("VisibilityTimeout")],
  [{ DelaySeconds: "x" }, invalid("DelaySeconds")],
  [{ DelaySeconds: "-1" }, invalid("DelaySeconds")],
  [{ MaximumMessageSize: "1023" }, invalid("MaximumMessageSize")],
  [{ MaximumMessageSize: "1048577" }, invalid("MaximumMessageSize")],
  [{ MessageRetentionPeriod: "59" }, invalid("MessageRetentionPeriod")],
  [{ ReceiveMessageWaitTimeSeconds: "21" }, invalid("ReceiveMessageWaitTimeSeconds")],
  [{ KmsDataKeyReusePeriodSeconds: "59" }, invalid("KmsDataKeyReusePeriodSeconds")],
  [{ KmsDataKeyReusePeriodSeconds: "300" }, "accepted"],
  [{ SqsManagedSseEnabled: "maybe" }, invalid("SqsManagedSseEnabled")],
  [{ KmsMasterKeyId: "" }, "accepted"],
  [
    { KmsMasterKeyId: "alias/aws/sqs" },
    `${invalid("KmsMasterKeyId")} Reason: Encryption with keys of KMS is not supported by lambdad yet.`,
  ],
  [{ Policy: "{" }, `${invalid("Policy")} Reason: In the policy, it is not JSON.`],
  [
    { Policy: '{"Statement":{"Effect":"Allow","NotPrincipal":"*"}}' },
    `${invalid("Policy")} Reason: In the policy, NotPrincipal is not evaluated.`,
  ],
  [{ Policy: `{"a":"${"x".repeat(8192)}"}` }, invalid("Policy")],
  [{ Nonsense: "1" }, "InvalidAttributeName: Unknown Attribute Nonsense."],
  [{ QueueArn: "1" }, "InvalidAttributeName: Unknown Attribute QueueArn."],
  [{ constructor: "1" }, "InvalidAttributeName: Unknown Attribute constructor."],
  [{ FifoQueue: "false" }, "InvalidAttributeName: Unknown Attribute FifoQueue."],
  [
    { ContentBasedDeduplication: "true" },
    "InvalidAttributeName: Unknown Attribute ContentBasedDeduplication.",
  ],
  [
    { DeduplicationScope: "queue" },
    "InvalidAttributeName: You can specify the DeduplicationScope only when FifoQueue is set to true.",
  ],
  [{ ...fifo, FifoThroughputLimit: "perMessageGroupId", DeduplicationScope: "messageGroup" }, "accepted"],
  [
    { ...fifo, FifoThroughputLimit: "perMessageGroupId" },
    `${invalid("FifoThroughputLimit")} Reason: The value perMessageGroupId is allowed only when the value for DeduplicationScope is messageGroup.`,
  ],
  [{ ...fifo, DeduplicationScope: "group" }, invalid("DeduplicationScope")],
  [redrive({ deadLetterTargetArn: target, maxReceiveCount: "5" }), "accepted"],
  [
    redrive({}),
    policyRefusal({}, "Redrive policy does not contain mandatory attribute: deadLetterTargetArn."),
  ],
  [
    redrive({ deadLetterTargetArn: target }),
    policyRefusal(
      { deadLetterTargetArn: target },
      "Redrive policy does not contain mandatory attribute: maxReceiveCount.",
    ),
  ],
  [
    redrive({ deadLetterTargetArn: target, maxReceiveCount: 1001 }),
    policyRefusal(
      { deadLetterTargetArn: target, maxReceiveCount: 1001 },
      "Invalid value for maxReceiveCount: 1001, valid values are from 1 to 1000 both inclusive.",
    ),
  ],
  [{ RedriveAllowPolicy: '{"redrivePermission":"denyAll"}' }, "accepted"],
];

for (const [given, answer] of refusals) {
  test(`a queue with ${JSON.stringify(given).slice(0, 100)}: ${answer.slice(0, 60)}`, () => {
    assert.equal(
      refusal(() => newAttributes(given)),
      answer,
    );
  });
}

test("a queue's type cannot be changed, and saying it again changes nothing", () => {
  const before = newAttributes(fifo);
  assert.deepEqual(changedAttributes(before, fifo), before);
  assert.equal(
    refusal(() => changedAttributes(before, { FifoQueue: "false" })),
    `${invalid("FifoQueue")} Reason: Modifying queue type is not supported.`,
  );
});

test("an empty text takes a policy away", () => {
  const before = newAttributes({
    Policy: '{"a":1}',
    ...redrive({ deadLetterTargetArn: target, maxReceiveCount: 2 }),
  });
  assert.equal(before["RedrivePolicy"], JSON.stringify({ deadLetterTargetArn: target, maxReceiveCount: 2 }));
  assert.equal(settingsOf(before).redrive?.receivesMax, 2);
  const after = changedAttributes(before, { Policy: "", RedrivePolicy: "" });
  assert.deepEqual([after["Policy"], after["RedrivePolicy"]], [undefined, undefined]);
});

test("only attributes that are given are compared with a queue that is there", () => {
  const attributes = changedAttributes(newAttributes({}), { DelaySeconds: "7" });
  assert.equal(firstDifference(attributes, {}), undefined);
  assert.equal(firstDifference(attributes, { DelaySeconds: "7", VisibilityTimeout: "30" }), undefined);
  assert.equal(firstDifference(attributes, { VisibilityTimeout: "30", DelaySeconds: "8" }), "DelaySeconds");
});

const caller = { account: "000000000000", region: "us-east-1" };
const urls: readonly (readonly [url: string, account: string])[] = [
  ["https://sqs.us-east-1.amazonaws.com/123456789012/orders", "123456789012"],
  ["http://127.0.0.1:4566/123456789012/orders", "123456789012"],
  ["https://queue.amazonaws.com/123456789012/orders/", "123456789012"],
  ["/123456789012/orders", "123456789012"],
  ["orders", "000000000000"],
];
for (const [url, account] of urls) {
  test(`${url} is the address of a queue of ${account}`, () => {
    assert.deepEqual(queueOfUrl(url, caller), { account, region: "us-east-1", name: "orders" });
  });
}

for (const url of ["", "http://127.0.0.1:4566/", "http://x/123/orders", "http://x/123456789012/a b", "a/b"]) {
  test(`"${url}" is no queue's address`, () => {
    assert.match(
      refusal(() => queueOfUrl(url, caller)),
      /^InvalidAddress: The address .* is not valid/,
    );
  });
}

test("AddPermission writes one statement for each label, single values as scalars; RemovePermission takes them out", () => {
  const queue = { ...caller, name: "orders" };
  const one = withPermission(undefined, queue, {
    label: "one",
    accounts: ["111122223333"],
    actions: ["SendMessage"],
  });
  const arn = "arn:aws:sqs:us-east-1:000000000000:orders";
  assert.deepEqual(JSON.parse(one), {
    Version: "2008-10-17",
    Id: `${arn}/SQSDefaultPolicy`,
    Statement: [
      {
        Sid: "one",
        Effect: "Allow",
        Principal: { AWS: "arn:aws:iam::111122223333:root" },
        Action: "SQS:SendMessage",
        Resource: arn,
      },
    ],
  });
  const grant = { label: "two", accounts: ["111122223333", "444455556666"], actions: ["SendMessage", "*"] };
  const two = withPermission(one, queue, grant);
  assert.match(
    refusal(() => withPermission(two, queue, grant)),
    /Value two for parameter Label is invalid. Reason: Already exists./,
  );
  assert.deepEqual(JSON.parse(withoutPermission(two, "two") ?? ""), JSON.parse(one));
  assert.equal(withoutPermission(one, "one"), undefined);
  assert.match(
    refusal(() => withoutPermission(one, "two")),
    /Reason: can't find label./,
  );
  const create = { ...grant, label: "three", actions: ["CreateQueue"] };
  assert.match(
    refusal(() => withPermission(one, queue, create)),
    /Value SQS:CreateQueue for parameter ActionName/,
  );
  const many = { ...create, actions: Array.from({ length: 8 }, () => "SendMessage") };
  assert.match(
    refusal(() => withPermission(one, queue, many)),
    /OverLimit: 8 Actions were found, maximum allowed is 7/,
  );
});
