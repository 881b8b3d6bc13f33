/** ARNs, as tables. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatArn, parseArn, partitionOf } from "./arn.ts";

test("an ARN is read and written back, colons of the resource included", () => {
  for (const text of [
    "arn:aws:lambda:us-east-1:000000000000:function:thumb:live",
    "arn:aws:s3:::bucket/key:with:colons",
    "arn:aws-cn:sqs:cn-north-1:123456789012:queue",
  ]) {
    const arn = parseArn(text);
    assert(arn);
    assert.equal(formatArn(arn), text);
  }
});

test("what is no ARN is undefined", () => {
  for (const text of [
    "",
    "thumb",
    "arn:aws:lambda",
    "arn:aws:lambda:us-east-1:000000000000:",
    "urn:aws:a:b:c:d",
    "arn::lambda:a:b:c",
  ]) {
    assert.equal(parseArn(text), undefined, text);
  }
});

test("the partition follows the region", () => {
  const regions = {
    "eu-central-1": "aws",
    "cn-north-1": "aws-cn",
    "us-gov-west-1": "aws-us-gov",
    "eusc-de-east-1": "aws-eusc",
  };
  for (const [region, partition] of Object.entries(regions)) assert.equal(partitionOf(region), partition);
});
