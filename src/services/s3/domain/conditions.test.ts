import assert from "node:assert/strict";
import { test } from "node:test";
import { AwsError } from "../../../wire/aws-error.ts";
import {
  checkCopySource,
  checkDelete,
  checkRead,
  checkWrite,
  checkWriteForm,
  type ReadConditions,
  type WriteConditions,
} from "./conditions.ts";

const modifiedAtMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const object = { etag: "abc", modifiedAtMs };
const at = (offsetSeconds: number) => new Date(Date.UTC(2026, 0, 2, 3, 4, 5) + offsetSeconds * 1000);
const nowMs = Date.UTC(2026, 0, 3);

// Status of a read; map-sqs-sns-s3 3.5.
const reads: readonly (readonly [what: string, conditions: ReadConditions, status: number])[] = [
  ["nothing", {}, 200],
  ["If-Match that matches", { ifMatch: '"abc"' }, 200],
  ["If-Match without quotes", { ifMatch: "abc" }, 200],
  ["If-Match *", { ifMatch: "*" }, 200],
  ["If-Match of a list", { ifMatch: '"x", "abc"' }, 200],
  ["If-Match that does not", { ifMatch: '"x"' }, 412],
  ["If-None-Match that matches", { ifNoneMatch: '"abc"' }, 304],
  ["If-None-Match that does not", { ifNoneMatch: '"x"' }, 200],
  ["If-Modified-Since the same second", { ifModifiedSince: at(0) }, 304],
  ["If-Modified-Since before", { ifModifiedSince: at(-1) }, 200],
  ["If-Modified-Since a time to come", { ifModifiedSince: new Date(nowMs + 1000) }, 200],
  ["If-Unmodified-Since the same second", { ifUnmodifiedSince: at(0) }, 200],
  ["If-Unmodified-Since before", { ifUnmodifiedSince: at(-1) }, 412],
  ["If-Match true over If-Unmodified-Since false", { ifMatch: "abc", ifUnmodifiedSince: at(-1) }, 200],
  ["If-None-Match false over If-Modified-Since true", { ifNoneMatch: "abc", ifModifiedSince: at(-1) }, 304],
  ["If-None-Match true over If-Modified-Since false", { ifNoneMatch: "x", ifModifiedSince: at(1) }, 200],
];

for (const [what, conditions, status] of reads) {
  test(`a read with ${what} is ${status}; as a copy's source ${status === 200 ? 200 : 412}`, () => {
    assert.equal(
      statusOf(() => checkRead(conditions, object, nowMs, {})),
      status,
    );
    assert.equal(
      statusOf(() => checkCopySource(conditions, object, nowMs)),
      status === 200 ? 200 : 412,
    );
  });
}

const writes: readonly (readonly [
  what: string,
  conditions: WriteConditions,
  there: number,
  absent: number,
])[] = [
  ["nothing", {}, 200, 200],
  ["If-None-Match: *", { ifNoneMatch: "*" }, 412, 200],
  ["If-None-Match: x", { ifNoneMatch: "x" }, 501, 501],
  ["If-Match that matches", { ifMatch: '"abc"' }, 200, 404],
  ["If-Match that does not", { ifMatch: '"x"' }, 412, 404],
  ["If-Match: *", { ifMatch: "*" }, 501, 501],
  ["both", { ifMatch: "abc", ifNoneMatch: "*" }, 501, 501],
];

for (const [what, conditions, there, absent] of writes) {
  test(`a write with ${what} is ${there} over an object, ${absent} without one`, () => {
    const write = (current: typeof object | undefined) =>
      statusOf(() => {
        checkWriteForm(conditions);
        checkWrite(conditions, "k", current);
      });
    assert.deepEqual([write(object), write(undefined)], [there, absent]);
  });
}

test("a deletion takes If-Match: *, too", () => {
  assert.equal(
    statusOf(() => checkDelete("*", "k", object)),
    200,
  );
  assert.equal(
    statusOf(() => checkDelete("*", "k", undefined)),
    404,
  );
  assert.equal(
    statusOf(() => checkDelete("x", "k", object)),
    412,
  );
});

test("what failed is named as S3 spells it", () => {
  assert.throws(
    () => checkCopySource({ ifNoneMatch: "abc" }, object, nowMs),
    (error) => error instanceof AwsError && error.members["Condition"] === "x-amz-copy-source-If-None-Match",
  );
});

function statusOf(run: () => void): number {
  try {
    run();
    return 200;
  } catch (error) {
    assert(error instanceof AwsError);
    return error.status ?? 0;
  }
}
