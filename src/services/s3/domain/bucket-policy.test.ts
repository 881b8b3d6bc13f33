import assert from "node:assert/strict";
import { test } from "node:test";
import { AwsError } from "../../../wire/aws-error.ts";
import { checkedPolicy, isPublicPolicy } from "./bucket-policy.ts";

const bucket = { name: "box", region: "us-east-1" };
const objects = "arn:aws:s3:::box/*";
const usual = { Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: objects };

function policyOf(statement: object) {
  return checkedPolicy(JSON.stringify({ Version: "2012-10-17", Statement: [statement] }), bucket);
}

const rows: readonly (readonly [statement: object, isPublic: boolean])[] = [
  [{}, true],
  [{ Effect: "Deny" }, false],
  [{ Principal: { AWS: "*" } }, true],
  [{ Principal: { AWS: ["arn:aws:iam::111122223333:root"] } }, false],
  [{ Condition: { IpAddress: { "aws:SourceIp": "192.0.2.0/24" } } }, false],
  [{ Condition: { IpAddress: { "aws:SourceIp": ["10.0.0.0/8"] } } }, false],
  [{ Condition: { IpAddress: { "aws:SourceIp": "0.0.0.0/0" } } }, true],
  [{ Condition: { IpAddress: { "aws:SourceIp": ["192.0.2.0/24", "0.0.0.0/1"] } } }, true],
  [{ Condition: { NotIpAddress: { "aws:SourceIp": "192.0.2.0/24" } } }, true],
  [{ Condition: { StringEquals: { "aws:SourceVpc": "vpc-1" } } }, false],
  [{ Condition: { StringLike: { "aws:SourceVpc": "vpc-*" } } }, true],
  [{ Condition: { StringEquals: { "aws:PrincipalOrgID": "o-1" } } }, false],
  [{ Condition: { StringEquals: { "aws:Referer": "http://a/" } } }, true],
  [{ Condition: { Bool: { "aws:SecureTransport": "true" } } }, true],
];

test("a policy is public unless it names somebody", () => {
  for (const [statement, isPublic] of rows) {
    assert.equal(isPublicPolicy(policyOf({ ...usual, ...statement })), isPublic, JSON.stringify(statement));
  }
});

const malformed: readonly (readonly [statement: object, text: string])[] = [
  [{ Principal: "somebody" }, "Invalid principal in policy"],
  [{ Principal: { AWS: "somebody" } }, "Invalid principal in policy"],
  [{ Principal: { Nobody: "*" } }, "Invalid principal in policy"],
  [{ Principal: { AWS: [] } }, "Invalid principal in policy"],
  [{ Principal: undefined, NotPrincipal: { AWS: "111122223333" } }, "Invalid principal in policy"],
  [{ Action: "ec2:Start" }, "Policy has invalid action"],
  [{ Resource: "arn:aws:s3:::other/*" }, "Policy has invalid resource"],
  [{ Resource: "arn:aws:s3:::box" }, "Action does not apply to any resource(s) in statement"],
  [{ Action: ["s3:GetObject", "s3:ListBucket"] }, "Action does not apply to any resource(s) in statement"],
  [{ Condition: { Nearly: { "aws:SourceIp": "1" } } }, "Invalid Condition type : Nearly"],
  [{ Condition: { StringEquals: { "s3:nope": "1" } } }, "Policy has an invalid condition key"],
];

test("what is no policy of this bucket has S3's words", () => {
  for (const [statement, text] of malformed) {
    assert.throws(
      () => policyOf({ ...usual, ...statement }),
      (error) => error instanceof AwsError && error.code === "MalformedPolicy" && error.message === text,
      text,
    );
  }
});

test("what is no policy at all is malformed, too", () => {
  const documents = [
    "",
    "x",
    "[]",
    "{}",
    '{"Statement":[]}',
    '{"Statement":[null]}',
    '{"Statement":"x"}',
    '{"Version":"1","Statement":[]}',
    JSON.stringify({ Statement: { ...usual, NotAction: "s3:PutObject" } }),
    JSON.stringify({ Statement: { ...usual, Condition: "x" } }),
    JSON.stringify({ Statement: { ...usual, Condition: { StringEquals: null } } }),
    JSON.stringify({ Statement: { ...usual, Condition: { IpAddress: { "aws:SourceIp": ["x"] } } } }),
  ];
  for (const text of documents) {
    assert.throws(
      () => checkedPolicy(text, bucket),
      (error) => error instanceof AwsError && error.code === "MalformedPolicy",
      text,
    );
  }
});

test("all but something may be named", () => {
  policyOf({ ...usual, Action: undefined, NotAction: "s3:PutObject" });
  policyOf({ ...usual, Resource: undefined, NotResource: objects });
  policyOf({ ...usual, Effect: "Deny", Principal: undefined, NotPrincipal: { AWS: "111122223333" } });
  policyOf({ ...usual, Action: "s3:*", Resource: "arn:aws:s3:::box" });
});
