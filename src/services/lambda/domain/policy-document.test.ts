import assert from "node:assert/strict";
import { test } from "node:test";
import { awsError } from "../../../../test/harness/lambda-sim.ts";
import { policyText } from "./policy.ts";
import { policyFrom } from "./policy-document.ts";

const resource = "arn:aws:lambda:eu-west-1:000000000000:function:thumb";
const statement = { Effect: "Allow", Principal: "*", Action: "lambda:InvokeFunction", Resource: resource };
const read = (document: unknown) => policyFrom(JSON.stringify(document), resource);

test("a document is kept as it was given; a statement alone becomes a list", () => {
  const full = {
    Version: "2012-10-17",
    Id: "mine",
    Statement: [
      {
        Sid: "s3",
        Effect: "Deny",
        Principal: { AWS: ["111122223333", "*"], Service: "s3.amazonaws.com" },
        Action: ["lambda:Invoke*", "*"],
        Resource: [resource],
        Condition: { ArnLike: { "aws:SourceArn": ["arn:aws:s3:::a", "arn:aws:s3:::b"] } },
      },
    ],
  };
  assert.equal(policyText(read(full)), JSON.stringify(full));
  assert.equal(
    policyText(read({ Version: "2012-10-17", Statement: statement })),
    JSON.stringify({ Version: "2012-10-17", Statement: [statement] }),
  );
});

test("what would not be decided upon is refused with what is wrong", () => {
  const one = (more: object) => ({ Version: "2012-10-17", Statement: [{ ...statement, ...more }] });
  const cases: readonly (readonly [unknown, string])[] = [
    [[], "it is not an object"],
    [{ Version: "2020-01-01", Statement: [statement] }, "Version must be 2012-10-17"],
    [{ Version: "2012-10-17", Statement: [] }, "it has no statement"],
    [{ Version: "2012-10-17" }, "a statement must be an object"],
    [{ Version: "2012-10-17", Statement: [statement], More: 1 }, "the policy cannot have More"],
    [one({ NotAction: "x" }), "a statement cannot have NotAction"],
    [one({ Effect: "Maybe" }), "Effect must be Allow or Deny"],
    [one({ Principal: {} }), "Principal is missing"],
    [one({ Principal: { Federated: "x" } }), "Principal cannot have Federated"],
    [one({ Action: "s3:GetObject" }), "Action must name actions of Lambda"],
    [one({ Action: [] }), "Action must name actions of Lambda"],
    [one({ Resource: `${resource}:live` }), `Resource must be ${resource}`],
    [one({ Sid: "no spaces" }), "Sid must be 1 to 100 letters, digits, - and _"],
    [one({ Condition: { IpAddress: {} } }), "the condition operator IpAddress is not supported"],
    [
      one({ Condition: { StringEquals: { "aws:SourceIp": "x" } } }),
      "the condition key aws:SourceIp is not supported",
    ],
    [one({ Condition: { StringEquals: { "aws:SourceArn": [] } } }), "aws:SourceArn must have values"],
  ];
  for (const [document, why] of cases) {
    assert.throws(
      () => read(document),
      awsError("InvalidParameterValueException", `The policy document is not valid: ${why}.`),
    );
  }
  assert.throws(
    () => policyFrom("{", resource),
    awsError("InvalidParameterValueException", "The policy document is not valid: it is not JSON."),
  );
  const same = { ...statement, Sid: "same" };
  const twice = { Version: "2012-10-17", Statement: [same, same] };
  assert.throws(
    () => read(twice),
    awsError(
      "InvalidParameterValueException",
      "The policy document is not valid: statement ids must be unique.",
    ),
  );
  const long = { Version: "2012-10-17", Id: "ü".repeat(10_240), Statement: [statement] };
  assert.throws(() => read(long), awsError("PolicyLengthExceededException"));
});
