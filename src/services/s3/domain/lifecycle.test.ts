import assert from "node:assert/strict";
import { test } from "node:test";
import type * as S3 from "@aws-sdk/client-s3";
import { AwsError } from "../../../wire/aws-error.ts";
import {
  abortionOf,
  checkedLifecycle,
  expiryOf,
  isLoneMarkerDue,
  isNoncurrentDue,
  transitionDue,
} from "./lifecycle.ts";

const day = 86_400_000;
const noon = Date.UTC(2026, 0, 1, 12);
const object = { modifiedAtMs: noon, sizeBytes: 100, tags: { a: "1" } };

function settings(...rules: S3.LifecycleRule[]) {
  return { rules: checkedLifecycle(rules, () => "generated"), transitionSize: "all_storage_classes_128K" };
}

test("an object expires at the midnight after its days, by the rule that comes first", () => {
  const rules = settings(
    { ID: "ten", Status: "Enabled", Filter: {}, Expiration: { Days: 10 } },
    { ID: "two", Status: "Enabled", Filter: { Prefix: "tmp/" }, Expiration: { Days: 2 } },
    { ID: "off", Status: "Disabled", Filter: {}, Expiration: { Days: 1 } },
  );
  assert.deepEqual(expiryOf(rules, "k", object), { atMs: Date.UTC(2026, 0, 12), ruleId: "ten" });
  assert.deepEqual(expiryOf(rules, "tmp/k", object), { atMs: Date.UTC(2026, 0, 4), ruleId: "two" });
});

test("filters: tags, sizes, both", () => {
  const due = (Filter: S3.LifecycleRuleFilter) =>
    expiryOf(settings({ Status: "Enabled", Filter, Expiration: { Days: 1 } }), "p/k", object) !== undefined;
  assert(due({ Tag: { Key: "a", Value: "1" } }));
  assert(!due({ Tag: { Key: "a", Value: "2" } }));
  assert(due({ ObjectSizeGreaterThan: 99 }));
  assert(!due({ ObjectSizeGreaterThan: 100 }));
  assert(!due({ ObjectSizeLessThan: 100 }));
  assert(due({ And: { Prefix: "p/", Tags: [{ Key: "a", Value: "1" }], ObjectSizeLessThan: 101 } }));
  assert(!due({ And: { Prefix: "q/", Tags: [{ Key: "a", Value: "1" }] } }));
});

test("noncurrent versions, lone markers, uploads", () => {
  const rules = settings({
    Status: "Enabled",
    Filter: {},
    Expiration: { ExpiredObjectDeleteMarker: true },
    NoncurrentVersionExpiration: { NoncurrentDays: 1, NewerNoncurrentVersions: 1 },
    AbortIncompleteMultipartUpload: { DaysAfterInitiation: 3 },
  });
  const due = (newerCount: number, nowMs: number) =>
    isNoncurrentDue(rules, "k", object, { noncurrentSinceMs: noon, newerCount, nowMs });
  assert(!due(0, noon + 30 * day), "one is kept");
  assert(!due(1, noon + day));
  assert(due(1, noon + 1.5 * day));
  assert(isLoneMarkerDue(rules, "k"));
  assert.equal(abortionOf(rules, "k", noon)?.atMs, Date.UTC(2026, 0, 5));
});

test("an object gets the coldest class that is due, and never a warmer one", () => {
  const rules = settings(
    {
      ID: "by age",
      Status: "Enabled",
      Filter: {},
      Transitions: [
        { Days: 30, StorageClass: "STANDARD_IA" },
        { Days: 60, StorageClass: "GLACIER" },
      ],
      NoncurrentVersionTransitions: [
        { NoncurrentDays: 1, NewerNoncurrentVersions: 1, StorageClass: "DEEP_ARCHIVE" },
      ],
    },
    {
      ID: "by date",
      Status: "Enabled",
      Filter: { Prefix: "by-date/" },
      Transitions: [{ Date: new Date("2026-01-02"), StorageClass: "INTELLIGENT_TIERING" }],
    },
  );
  const large = { ...object, sizeBytes: 1_000_000, storageClass: "STANDARD" };
  const due = (days: number, given: object = {}, key = "k", newerCount?: number) =>
    transitionDue(
      rules,
      key,
      { ...large, ...given },
      {
        sinceMs: noon,
        nowMs: noon + days * day,
        ...(newerCount !== undefined && { newerCount }),
      },
    );
  assert.equal(due(30), undefined, "at midnight");
  assert.equal(due(31), "STANDARD_IA");
  assert.equal(due(61), "GLACIER");
  assert.equal(due(31, { storageClass: "GLACIER_IR" }), undefined);
  assert.equal(due(31, { storageClass: "STANDARD_IA" }), undefined);
  assert.equal(due(61, { sizeBytes: 1000 }), undefined, "too small to be worth it");
  assert.equal(due(1, {}, "by-date/k"), "INTELLIGENT_TIERING");
  assert.equal(due(2, {}, "k", 0), undefined, "one is kept");
  assert.equal(due(2, {}, "k", 1), "DEEP_ARCHIVE");
  const varying = { ...rules, transitionSize: "varies_by_storage_class" };
  const small = { ...large, sizeBytes: 1000 };
  const age = { sinceMs: noon, nowMs: noon + 61 * day };
  assert.equal(transitionDue(varying, "k", small, age), "GLACIER");
});

const refused: readonly (readonly [what: string, rule: S3.LifecycleRule, code: string])[] = [
  ["no action", { Status: "Enabled", Filter: {} }, "MalformedXML"],
  ["no filter", { Status: "Enabled", Expiration: { Days: 1 } }, "MalformedXML"],
  ["no status", { Status: undefined, Filter: {}, Expiration: { Days: 1 } }, "MalformedXML"],
  [
    "days and date",
    { Status: "Enabled", Filter: {}, Expiration: { Days: 1, Date: new Date(0) } },
    "MalformedXML",
  ],
  [
    "a date at noon",
    { Status: "Enabled", Filter: {}, Expiration: { Date: new Date(noon) } },
    "InvalidArgument",
  ],
  [
    "two filters in one",
    {
      Status: "Enabled",
      Filter: { Prefix: "a", Tag: { Key: "a", Value: "b" } },
      Expiration: { Days: 1 },
    },
    "MalformedXML",
  ],
  ["no days", { Status: "Enabled", Filter: {}, Expiration: { Days: 0 } }, "InvalidArgument"],
  [
    "a step to a class that objects do not stay in for long enough",
    { Status: "Enabled", Filter: {}, Transitions: [{ Days: 29, StorageClass: "STANDARD_IA" }] },
    "InvalidArgument",
  ],
  [
    "a step after the object has gone",
    {
      Status: "Enabled",
      Filter: {},
      Expiration: { Days: 5 },
      Transitions: [{ Days: 5, StorageClass: "GLACIER" }],
    },
    "InvalidArgument",
  ],
  [
    "a step to a warmer class",
    { Status: "Enabled", Filter: {}, Transitions: [{ Days: 5, StorageClass: "STANDARD" as "GLACIER" }] },
    "MalformedXML",
  ],
  [
    "an upload's end by tag",
    {
      Status: "Enabled",
      Filter: { Tag: { Key: "a", Value: "b" } },
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
    },
    "InvalidRequest",
  ],
];

for (const [what, rule, code] of refused) {
  test(`a rule with ${what} is ${code}`, () => {
    assert.throws(
      () => settings(rule),
      (error) => error instanceof AwsError && error.code === code,
    );
  });
}
