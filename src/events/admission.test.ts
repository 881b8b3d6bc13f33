import assert from "node:assert/strict";
import { test } from "node:test";
import { admits } from "./admission.ts";
import { policyIn, PolicyError } from "./policy-text.ts";
import type { DeliveryContext } from "./ports.ts";

const resource = "arn:aws:sqs:us-east-1:000000000000:q";
const topic = "arn:aws:sns:us-east-1:000000000000:news";
const owner = "000000000000";
const wanted = { action: "sqs:SendMessage", resource, owner };
const fromTopic: DeliveryContext = {
  account: "000000000000",
  region: "us-east-1",
  principal: "sns.amazonaws.com",
  sourceArn: topic,
  traceHeader: "",
};

const statement = {
  Effect: "Allow",
  Principal: { Service: "sns.amazonaws.com" },
  Action: "sqs:SendMessage",
  Resource: resource,
};
const policy = (...statements: object[]) =>
  policyIn(JSON.stringify({ Statement: statements.map((each) => ({ ...statement, ...each })) }));

test("a service is let in by a policy that names it, in any of the ways in which policies of queues are written", () => {
  const source = (arn: string) => ({ Condition: { ArnEquals: { "aws:SourceArn": arn } } });
  const cases: readonly (readonly [string, object, boolean])[] = [
    ["as it is", {}, true],
    ["any action", { Action: "SQS:*" }, true],
    ["another case", { Action: ["SQS:ReceiveMessage", "SQS:sendmessage"] }, true],
    ["another action", { Action: "sqs:ReceiveMessage" }, false],
    ["another queue", { Resource: `${resource}2` }, false],
    ["another service", { Principal: { Service: "s3.amazonaws.com" } }, false],
    ["everybody", { Principal: "*" }, true],
    ["everybody, for a topic", { Principal: { AWS: "*" }, ...source(topic) }, true],
    ["everybody, for another topic", { Principal: { AWS: "*" }, ...source(`${topic}2`) }, false],
    ["its account", { Condition: { StringEquals: { "aws:SourceAccount": "000000000000" } } }, true],
    ["another account", { Condition: { StringEquals: { "aws:SourceAccount": "111122223333" } } }, false],
    [
      "its owner, as topics have it",
      { Condition: { StringEquals: { "AWS:SourceOwner": "000000000000" } } },
      false,
    ],
  ];
  for (const [what, change, isLetIn] of cases) {
    assert.equal(admits(policy(change), wanted, fromTopic), isLetIn, what);
  }
  assert.equal(admits(policy({}, { Effect: "Deny", Principal: "*" }), wanted, fromTopic), false, "denied");
  assert.equal(admits(undefined, wanted, fromTopic), false, "no policy");
});

test("who acts by a role of the same account needs no policy; a role of another account is that account", () => {
  const mine = { ...fromTopic, principal: "lambda.amazonaws.com" };
  const foreign = { ...mine, account: "111122223333" };
  assert.equal(admits(undefined, wanted, mine), true);
  assert.equal(admits(undefined, wanted, foreign), false);
  const cases: readonly (readonly [object, boolean])[] = [
    [{ Principal: { AWS: "111122223333" } }, true],
    [{ Principal: { AWS: "444455556666" } }, false],
    [{ Principal: { Service: "lambda.amazonaws.com" } }, false],
    [{ Principal: { AWS: "111122223333" }, Action: "sqs:ReceiveMessage" }, false],
  ];
  for (const [change, isLetIn] of cases) {
    assert.equal(admits(policy(change), wanted, foreign), isLetIn, JSON.stringify(change));
  }
});

test("a policy that could not be decided upon is refused when it is set", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["{", /not JSON/],
    ["[]", /not an object/],
    ['{"Statement":[1]}', /must be an object/],
    [JSON.stringify({ Statement: { ...statement, Effect: "Maybe" } }), /Effect/],
    [JSON.stringify({ Statement: { ...statement, NotPrincipal: "*" } }), /NotPrincipal is not evaluated/],
    [JSON.stringify({ Statement: { ...statement, Principal: undefined } }), /Principal/],
    [JSON.stringify({ Statement: { ...statement, Condition: { DateLessThan: {} } } }), /DateLessThan/],
    [JSON.stringify({ Statement: { ...statement, Condition: { Bool: { a: [] } } } }), /compare/],
  ];
  for (const [text, why] of cases) {
    assert.throws(
      () => policyIn(text),
      (error) => error instanceof PolicyError && why.test(error.message),
      text,
    );
  }
  assert.equal(policyIn("{}").Statement.length, 0);
});
