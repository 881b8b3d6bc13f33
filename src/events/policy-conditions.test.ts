import assert from "node:assert/strict";
import { test } from "node:test";
import { type Carried, holds, isConditionOperator, networkOf, type Scalar } from "./policy-conditions.ts";

type Row = readonly [operator: string, wanted: readonly Scalar[], carried: Carried, expected: boolean];

const rows: readonly Row[] = [
  ["IpAddress", ["10.0.0.0/8"], "10.1.2.3", true],
  ["IpAddress", ["10.0.0.0/8"], "11.1.2.3", false],
  ["IpAddress", ["10.0.0.0/8", "127.0.0.1"], "127.0.0.1", true],
  ["IpAddress", ["127.0.0.0/8"], "::ffff:127.0.0.1", true],
  ["IpAddress", ["2001:db8::/32"], "2001:db8:1::1", true],
  ["IpAddress", ["2001:db8::/32"], "10.0.0.1", false],
  ["IpAddress", ["::/0"], "::1", true],
  ["IpAddress", ["somewhere"], "10.0.0.1", false],
  ["IpAddress", ["10.0.0.0/33"], "10.0.0.1", false],
  ["NotIpAddress", ["10.0.0.0/8"], "10.1.2.3", false],
  ["NotIpAddress", ["10.0.0.0/8"], "192.0.2.1", true],
  ["NotIpAddress", ["10.0.0.0/8"], undefined, true],
  ["NumericEquals", [10], "10.0", true],
  ["NumericNotEquals", [10], "11", true],
  ["NumericLessThan", ["10"], "9", true],
  ["NumericLessThan", ["10"], "10", false],
  ["NumericLessThanEquals", [10], "10", true],
  ["NumericGreaterThan", [10], "11", true],
  ["NumericGreaterThanEquals", [10], "9", false],
  ["NumericLessThan", [10], "many", false],
  ["NumericLessThan", [10], undefined, false],
  ["NumericLessThanIfExists", [10], undefined, true],
  ["DateLessThan", ["2026-06-01T00:00:00Z"], "2026-01-01T00:00:00.000Z", true],
  ["DateGreaterThan", ["2026-06-01T00:00:00Z"], "2026-01-01T00:00:00Z", false],
  ["DateGreaterThanEquals", ["1767225600"], "2026-01-01T00:00:00Z", true],
  ["DateEquals", ["2026-01-01T01:00:00+01:00"], "2026-01-01T00:00:00Z", true],
  ["ForAllValues:StringEquals", ["a", "b"], ["a", "b"], true],
  ["ForAllValues:StringEquals", ["a", "b"], ["a", "c"], false],
  ["ForAllValues:StringEquals", ["a"], undefined, true],
  ["ForAnyValue:StringLike", ["a*"], ["b", "ax"], true],
  ["ForAnyValue:StringLike", ["a*"], ["b"], false],
  ["ForAnyValue:StringEquals", ["a"], undefined, false],
  ["ForAnyValue:StringNotEquals", ["a"], ["a", "b"], true],
  ["ForAllValues:StringNotEquals", ["a"], ["a", "b"], false],
  ["StringEquals", ["a"], ["b", "a"], true],
  ["StringNotEquals", ["a"], ["b", "a"], false],
  ["Bool", [true], "true", true],
  ["Bool", ["FALSE"], "false", true],
  ["Null", [false], ["a"], true],
  ["toString", ["a"], "a", false],
];

test("a condition holds for what the request carries", () => {
  for (const [operator, wanted, carried, expected] of rows) {
    assert.equal(holds(operator, wanted, carried), expected, JSON.stringify([operator, wanted, carried]));
  }
});

test("operators on texts are known everywhere, the others where requests carry more", () => {
  const known = ["StringEquals", "ArnNotLikeIfExists", "Null", "Bool"];
  const more = ["IpAddress", "NumericLessThan", "DateEqualsIfExists", "ForAllValues:StringLike"];
  for (const operator of known) assert(isConditionOperator(operator), operator);
  for (const operator of more) {
    assert(!isConditionOperator(operator), operator);
    assert(isConditionOperator(operator, "all"), operator);
  }
  for (const operator of ["Equals", "constructor", "ForSomeValues:StringLike", ""]) {
    assert(!isConditionOperator(operator, "all"), operator);
  }
});

test("a network is an address with as many bits as it has", () => {
  assert.deepEqual(networkOf("10.0.0.1"), { address: "10.0.0.1", prefixBits: 32, family: "ipv4" });
  assert.deepEqual(networkOf("::1/64"), { address: "::1", prefixBits: 64, family: "ipv6" });
  for (const text of ["10.0.0/8", "10.0.0.0/33", "::1/129", "10.0.0.0/", "x", ""]) {
    assert.equal(networkOf(text), undefined, text);
  }
});
