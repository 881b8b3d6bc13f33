import assert from "node:assert/strict";
import { test } from "node:test";
import { AwsError } from "../../../wire/aws-error.ts";
import { contentRange, copyRangeOf, rangeOf } from "./range.ts";

// Recorded from AWS, of an object of 10 bytes: map-sqs-sns-s3 3.4.
const ranges: readonly (readonly [header: string, expected: string])[] = [
  ["bytes=0-8", "bytes 0-8/10"],
  ["bytes=1-1", "bytes 1-1/10"],
  ["bytes=1-", "bytes 1-9/10"],
  ["bytes=0-100", "bytes 0-9/10"],
  ["bytes=-2", "bytes 8-9/10"],
  ["bytes=-15", "bytes 0-9/10"],
  ["bytes=1-0", "all"],
  ["bytes=--1-", "all"],
  ["bytes=0--1", "all"],
  ["bytes=0-1,3-4", "all"],
  ["wrong", "all"],
  ["bytes=-", "all"],
  ["bytes=-0", "InvalidRange"],
  ["bytes=100-200", "InvalidRange"],
  ["bytes=10-", "InvalidRange"],
];

for (const [header, expected] of ranges) {
  test(`Range: ${header} of 10 bytes is ${expected}`, () => {
    const found = outcome(() => {
      const slice = rangeOf(header, 10);
      return slice ? contentRange(slice, 10) : "all";
    });
    assert.equal(found, expected);
  });
}

const copyRanges: readonly (readonly [header: string, expected: string])[] = [
  ["bytes=0-9", "bytes 0-9/10"],
  ["bytes=3-4", "bytes 3-4/10"],
  ["bytes=0-10", "InvalidArgument: Range specified is not valid for source object of size: 10"],
  ["bytes=10-11", "InvalidRequest: The specified copy range is invalid for the source object size"],
  ["bytes=4-3", "InvalidArgument: The x-amz-copy-source-range value must be"],
  ["bytes=1-", "InvalidArgument: The x-amz-copy-source-range value must be"],
  ["0-9", "InvalidArgument: The x-amz-copy-source-range value must be"],
];

for (const [header, expected] of copyRanges) {
  test(`a part copied from ${header} of 10 bytes: ${expected}`, () => {
    const found = outcome(() => contentRange(copyRangeOf(header, 10), 10), true);
    assert(found.startsWith(expected), found);
  });
}

function outcome(run: () => string, withText = false): string {
  try {
    return run();
  } catch (error) {
    assert(error instanceof AwsError);
    return withText ? `${error.code}: ${error.message}` : error.code;
  }
}
