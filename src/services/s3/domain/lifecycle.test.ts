import assert from "node:assert/strict";
import { test } from "node:test";
import type * as S3 from "@aws-sdk/client-s3";
import { AwsError } from "../../../wire/aws-error.ts";
import { abortionOf, checkedLifecycle, expiryOf, isLoneMarkerDue, isNoncurrentDue } from "./lifecycle.ts";

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
  ["no days", { Status: "Enabled", Filter: {}, Expiration: { Days: 0 } }, "InvalidArgument"],
  [
    "a transition",
    { Status: "Enabled", Filter: {}, Transitions: [{ Days: 1, StorageClass: "GLACIER" }] },
    "UnsupportedOperationException",
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
