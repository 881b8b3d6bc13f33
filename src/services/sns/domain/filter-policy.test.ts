/** Cases marked `recorded` in map-sqs-sns-s3 2.6 are AWS's answers; the rest is documented in "SNS filter policies". */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FilterPolicyError } from "./filter-operators.ts";
import { compileFilter, type FilterScope } from "./filter-policy.ts";
import { filteredValues } from "./message-attributes.ts";

function passes(policy: object, message: unknown, scope: FilterScope = "MessageBody"): boolean {
  const matcher = compileFilter(JSON.stringify(policy), scope);
  return matcher === undefined || matcher(message);
}

const conditions: readonly (readonly [condition: unknown, matching: unknown[], others: unknown[]])[] = [
  ["a", ["a"], ["A", "ab", 1, null, true]],
  [1, [1, 1.0], ["1", 2, true]],
  [true, [true], [false, "true", 1]],
  [null, [null], ["null", 0, false]],
  [{ prefix: "ab" }, ["ab", "abc"], ["a", "cab", 1]],
  [{ suffix: "ab" }, ["ab", "cab"], ["abc", 1]],
  [{ "equals-ignore-case": "aB" }, ["ab", "AB"], ["abc", 1]],
  [{ wildcard: "a*c*" }, ["ac", "abcd", "aXcYc"], ["a", "bac", 1]],
  [{ wildcard: "a" }, ["a"], ["ab"]],
  [{ "anything-but": "a" }, ["b", 1, null], ["a"]],
  [{ "anything-but": ["a", 1] }, ["b", "1", 2], ["a", 1]],
  [{ "anything-but": { prefix: "a" } }, ["b", 1], ["a", "ab"]],
  [{ numeric: ["=", 5] }, [5], ["5", 4]],
  [{ numeric: ["<", 5] }, [4.99999, -1e9], [5, "4"]],
  [{ numeric: ["<=", 5] }, [5], [5.00001]],
  [{ numeric: [">", 0, "<=", 150] }, [0.00001, 150], [0, 151]],
  [{ numeric: [">=", 5] }, [5, 1e9], [4]],
  [{ cidr: "10.0.0.0/24" }, ["10.0.0.0", "10.0.0.255"], ["10.0.1.1", "x", 10, "::ffff:10.0.0.1"]],
  [{ cidr: "2001:db8::/32" }, ["2001:db8::1"], ["2001:db9::1", "10.0.0.1"]],
  [{ exists: true }, ["a", 1, null, false, ["x"]], []],
];

test("conditions hold for what they describe, and for nothing else", () => {
  for (const [condition, matching, others] of conditions) {
    for (const value of matching)
      assert(
        passes({ k: [condition] }, { k: value }),
        `${JSON.stringify(condition)} ${JSON.stringify(value)}`,
      );
    for (const value of others)
      assert(
        !passes({ k: [condition] }, { k: value }),
        `${JSON.stringify(condition)} ${JSON.stringify(value)}`,
      );
    assert(!passes({ k: [condition] }, {}), `${JSON.stringify(condition)} without the key`);
  }
  assert(passes({ k: [{ exists: false }] }, {}));
  assert(!passes({ k: [{ exists: false }] }, { k: 1 }));
});

test("all keys must match, one of a list, one of the alternatives", () => {
  const policy = { a: ["x", "y"], b: [1] };
  assert(passes(policy, { a: "y", b: 1, c: 0 }));
  assert(!passes(policy, { a: "y", b: 2 }));
  const either = { $or: [{ a: ["x"] }, { b: [1], c: [2] }], d: ["z"] };
  assert(passes(either, { a: "x", d: "z" }));
  assert(passes(either, { b: 1, c: 2, d: "z" }));
  assert(!passes(either, { b: 1, d: "z" }));
  assert(!passes(either, { a: "x" }));
  assert(passes({}, { anything: 1 }), "an empty policy");
});

test("bodies: paths, dots, arrays at any depth, each branch for itself", () => {
  const cases: readonly (readonly [object, object, boolean])[] = [
    [{ a: { b: ["x"] } }, { a: { b: "x" } }, true],
    [{ a: { b: ["x"] } }, { a: { b: ["y", "x"] } }, true],
    [{ a: { b: ["x"] } }, { a: "x" }, false],
    [{ "a.b": ["x"] }, { a: { b: "x" } }, true],
    [{ "a.b": ["x"] }, { "a.b": "x" }, true],
    [{ "a.b.c": ["x"] }, { a: { "b.c": "x" } }, true],
    [{ a: { b: ["x"] } }, { a: [{ b: "y" }, { b: "x" }] }, true],
    [{ a: { b: ["x"] } }, { a: [[{ b: "y" }], [{ b: "x" }]] }, true],
    [
      { a: { b: ["x"], c: [1] } },
      {
        a: [
          { b: "x", c: 2 },
          { b: "y", c: 1 },
        ],
      },
      false,
    ],
    [{ a: ["x"] }, { a: [["y"], ["x"]] }, true],
    [{ a: ["x"] }, { a: "x", empty: [] }, true],
    [{ a: { b: [{ exists: false }] } }, { c: 1 }, true],
    [{ a: { b: [{ exists: false }] } }, { a: { b: 1 } }, false],
    [{ a: [{ exists: true }] }, { a: { b: 1 } }, false],
  ];
  for (const [policy, body, isMatch] of cases) {
    assert.equal(passes(policy, body), isMatch, `${JSON.stringify(policy)} ${JSON.stringify(body)}`);
  }
});

test("attributes: numbers are numbers, texts are texts, arrays match by any element, binaries are not seen", () => {
  const attributes = filteredValues({
    n: { type: "Number", value: "5.0" },
    s: { type: "String.custom", value: "5" },
    list: { type: "String.Array", value: '["x", 7, true, null]' },
    raw: { type: "Binary", value: "AAAA" },
  });
  const cases: readonly (readonly [object, boolean])[] = [
    [{ n: [5] }, true],
    [{ n: ["5.0"] }, false],
    [{ n: [{ numeric: [">", 4] }] }, true],
    [{ s: [5] }, false],
    [{ s: ["5"] }, true],
    [{ list: ["x"] }, true],
    [{ list: [7] }, true],
    [{ list: ["y"] }, false],
    [{ list: [{ "anything-but": ["x"] }] }, true],
    [{ raw: [{ exists: false }] }, true],
  ];
  for (const [policy, isMatch] of cases) {
    assert.equal(passes(policy, attributes, "MessageAttributes"), isMatch, JSON.stringify(policy));
  }
  assert.equal(filteredValues({ list: { type: "String.Array", value: "[" } }), undefined, "no array");
});

const refused: readonly (readonly [policy: string, text: string, scope?: FilterScope])[] = [
  [
    "{bad",
    "FilterPolicy: failed to parse JSON. Unexpected character ('b' (code 98)): was expecting double-quote to start field name\n" +
      " at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 2]",
  ],
  ["[]", "FilterPolicy: Filter is not an object"],
  ['{"a":"x"}', 'FilterPolicy: "a" must be an object or an array'],
  ['{"a":[]}', "FilterPolicy: Empty arrays are not allowed"],
  ['{"a":[["x"]]}', "FilterPolicy: Match value must be String, number, true, false, or null"],
  ['{"a":[{"like":"x"}]}', "FilterPolicy: Unrecognized match type like"],
  ['{"a":[{"prefix":"x","suffix":"y"}]}', "FilterPolicy: Only one key allowed in match expression"],
  ['{"a":[{}]}', "FilterPolicy: Only one key allowed in match expression"],
  ['{"a":[{"prefix":1}]}', "FilterPolicy: prefix match pattern must be a string"],
  ['{"a":[{"suffix":1}]}', "FilterPolicy: suffix match pattern must be a string"],
  ['{"a":[{"exists":"x"}]}', "FilterPolicy: exists match pattern must be either true or false."],
  ['{"a":[{"anything-but":{"suffix":"x"}}]}', "FilterPolicy: Unsupported anything-but pattern: suffix"],
  ['{"a":[{"numeric":[]}]}', "FilterPolicy: Invalid member in numeric match: ]"],
  ['{"a":[{"numeric":[1]}]}', "FilterPolicy: Invalid member in numeric match: 1"],
  ['{"a":[{"numeric":["constructor",1]}]}', "FilterPolicy: Unrecognized numeric range operator: constructor"],
  ['{"a":[{"numeric":["<>",1]}]}', "FilterPolicy: Unrecognized numeric range operator: <>"],
  ['{"a":[{"numeric":["=","1"]}]}', "FilterPolicy: Value of equals must be numeric"],
  ['{"a":[{"numeric":["<","1"]}]}', "FilterPolicy: Value of < must be numeric"],
  ['{"a":[{"numeric":["=",1,"<",2]}]}', "FilterPolicy: Too many elements in numeric expression"],
  ['{"a":[{"numeric":[">",1,5]}]}', "FilterPolicy: Bad value in numeric range: 5"],
  ['{"a":[{"numeric":[">",1,">",2]}]}', "FilterPolicy: Bad numeric range operator: >"],
  ['{"a":[{"numeric":[">",1,"<",2,"<",3]}]}', "FilterPolicy: Too many terms in numeric range expression"],
  ['{"a":[{"numeric":[">",2,"<",1]}]}', "FilterPolicy: Bottom must be less than top"],
  ['{"a":[{"cidr":"10.0.0.0"}]}', "FilterPolicy: Malformed CIDR, one '/' required"],
  ['{"a":[{"cidr":"10.0.0.0/x"}]}', "FilterPolicy: Malformed CIDR, mask bits must be an integer"],
  ['{"a":[{"cidr":"10.0.0/8"}]}', "FilterPolicy: Nonstandard IP address: 10.0.0"],
  ['{"a":[{"cidr":["10.0.0.0/8"]}]}', "FilterPolicy: prefix match pattern must be a string"],
  ['{"a":[1],"b":[1],"c":[1],"d":[1],"e":[1],"f":[1]}', "Filter policy can not have more than 5 keys"],
  [
    '{"a":{"b":[1]}}',
    "Filter policy scope MessageAttributes does not support nested filter policy",
    "MessageAttributes",
  ],
  [JSON.stringify({ a: numbers(151) }), "Filter policy is too complex"],
  [JSON.stringify({ a: { b: numbers(15) }, c: { d: numbers(3) } }), "Filter policy is too complex"],
  [JSON.stringify({ a: ["x".repeat(256 * 1024)] }), "Filter policy is too complex"],
];

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at);
}

for (const [policy, text, scope = "MessageBody"] of refused) {
  test(`refused: ${policy.slice(0, 60)}: ${text}`, () => {
    assert.throws(
      () => compileFilter(policy, scope),
      (error) => error instanceof FilterPolicyError && error.message.startsWith(text),
    );
  });
}

test("complexity: a product over the keys, each times its depth in a body; alternatives add up", () => {
  const accepted: readonly (readonly [object, FilterScope])[] = [
    [{ a: numbers(10), b: numbers(15) }, "MessageAttributes"],
    [{ a: { b: numbers(15) }, c: numbers(5) }, "MessageBody"],
    [{ $or: [{ a: numbers(75) }, { b: numbers(75) }] }, "MessageBody"],
  ];
  for (const [policy, scope] of accepted) assert(compileFilter(JSON.stringify(policy), scope));
});

test("a body nested to exhaust us does not match, and does no harm", () => {
  const nested = (depth: number) => `{"a":${"[".repeat(depth)}"x"${"]".repeat(depth)}}`;
  for (const policy of ['{"a":["x"]}', '{"a":{"b":["x"]}}', '{"a.b":["x"]}']) {
    const matcher = compileFilter(policy, "MessageBody");
    assert.equal(matcher?.(JSON.parse(nested(120_000))), false, policy);
  }
  assert.equal(compileFilter('{"a":["x"]}', "MessageBody")?.(JSON.parse(nested(100))), true);
});
