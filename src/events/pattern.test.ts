/** The pattern language, operator by operator. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compilePattern, parseExact, PatternError } from "./pattern.ts";

const event = `{
  "text": "Hello.png", "empty": "", "nothing": null, "yes": true, "whole": 300, "fraction": 300.0, "ip": "10.0.7.9",
  "large": 12345678901234567890123, "zero": 0, "street": "STRASSE", "a.b": { "c": 1 }, "none": [], "nested": [[1, [2]]],
  "ip6": "2001:db8::1", "people": [{ "name": "a", "at": [{ "x": 1, "y": 1 }, { "x": 2, "y": 2 }] }, { "name": "b" }],
  "tags": ["a", "b"], "below": { "deep": { "leaf": "x" } }, "list": [{ "kind": "one", "n": 1 }, { "kind": "two", "n": 2 }]
}`;

const table: readonly (readonly [pattern: object | string, matches: boolean])[] = [
  [{ text: ["Hello.png"] }, true],
  [{ text: ["hello.png"] }, false],
  [{ text: ["other", "Hello.png"] }, true],
  [{ text: ["Hello.png"], yes: [false] }, false],
  [{ empty: [""] }, true],
  [{ nothing: [null] }, true],
  [{ absent: [null] }, false],
  [{ yes: [true] }, true],
  ['{"whole":[300]}', true],
  ['{"whole":[300.0]}', true],
  ['{"whole":[3.0e2]}', true],
  ['{"whole":[30e1]}', true],
  ['{"large":[12345678901234567890123]}', true],
  ['{"large":[12345678901234567890124]}', false],
  ['{"large":[{"numeric":[">",0]}]}', false],
  ['{"zero":[-0.0]}', true],
  ['{"fraction":[300.0]}', true],
  [{ whole: ["300"] }, false],
  [{ tags: ["b"] }, true],
  [{ tags: ["c"] }, false],
  [{ below: { deep: { leaf: ["x"] } } }, true],
  [{ below: ["x"] }, false],
  [{ text: { deep: ["x"] } }, false],
  [{ list: { kind: ["two"], n: [2] } }, true],
  [{ list: { kind: ["one"], n: [2] } }, false],
  [{ text: [{ prefix: "Hell" }] }, true],
  [{ text: [{ prefix: "hell" }] }, false],
  [{ text: [{ prefix: { "equals-ignore-case": "hELL" } }] }, true],
  [{ text: [{ suffix: ".png" }] }, true],
  [{ text: [{ suffix: { "equals-ignore-case": ".PNG" } }] }, true],
  [{ text: [{ "equals-ignore-case": "HELLO.PNG" }] }, true],
  [{ text: [{ wildcard: "H*o.p*g" }] }, true],
  [{ text: [{ wildcard: "*.jpg" }] }, false],
  [{ text: [{ wildcard: "Hello.png*" }] }, true],
  [{ text: [{ wildcard: "He*ello.png" }] }, false],
  [{ text: [{ wildcard: "Hello\\*png" }] }, false],
  [{ text: [{ "anything-but": "Hello.png" }] }, false],
  [{ text: [{ "anything-but": ["a", "b"] }] }, true],
  [{ text: [{ "anything-but": { prefix: "He" } }] }, false],
  [{ text: [{ "anything-but": { suffix: [".jpg", ".gif"] } }] }, true],
  [{ whole: [{ "anything-but": [300] }] }, false],
  [{ absent: [{ "anything-but": "x" }] }, false],
  [{ whole: [{ numeric: [">", 299, "<=", 300] }] }, true],
  [{ fraction: [{ numeric: ["=", 300] }] }, true],
  [{ whole: [{ numeric: ["<", 300] }] }, false],
  [{ text: [{ numeric: [">", 0] }] }, false],
  [{ ip: [{ cidr: "10.0.0.0/16" }] }, true],
  [{ ip: [{ cidr: "10.1.0.0/16" }] }, false],
  [{ text: [{ exists: true }] }, true],
  [{ absent: [{ exists: true }] }, false],
  [{ absent: [{ exists: false }] }, true],
  [{ absent: { deeper: [{ exists: false }] } }, true],
  [{ below: [{ exists: true }] }, false],
  [{ $or: [{ text: ["x"] }, { yes: [true] }] }, true],
  [{ $or: [{ text: ["x"] }, { yes: [false] }] }, false],
  [{ text: ["x", { prefix: "He" }] }, true],
  [{ constructor: [{ exists: true }] }, false],
  [{ "below.deep.leaf": ["x"] }, true],
  [{ a: { b: { c: [1] } } }, true],
  [{ a: { "b.c": [1] } }, true],
  [{ text: [{ prefix: "" }] }, true],
  [{ empty: [{ suffix: "" }] }, true],
  [{ whole: [{ prefix: "" }] }, false],
  [{ nothing: [{ prefix: "" }] }, false],
  [{ tags: [{ prefix: "b" }] }, true],
  [{ street: [{ "equals-ignore-case": "straße" }] }, true],
  [{ street: [{ prefix: { "equals-ignore-case": "straß" } }] }, true],
  [{ empty: [{ wildcard: "*" }] }, true],
  [{ text: [{ wildcard: "" }] }, false],
  [{ text: [{ exactly: "Hello.png" }] }, true],
  [{ nothing: [{ "anything-but": "x" }] }, true],
  [{ whole: [{ "anything-but": { prefix: "3" } }] }, true],
  [{ whole: [{ "anything-but": "300" }] }, true],
  ['{"whole":[{"anything-but":300.0}]}', false],
  [{ below: [{ "anything-but": "x" }] }, false],
  [{ none: [{ "anything-but": "x" }] }, false],
  [{ none: [{ exists: true }] }, false],
  [{ none: [{ exists: false }] }, true],
  [{ none: [null] }, false],
  [{ nothing: [{ exists: true }] }, true],
  [{ below: [{ exists: false }] }, true],
  [{ tags: [{ "anything-but": "a" }] }, true],
  [{ tags: [{ "anything-but": ["a", "b"] }] }, false],
  [{ text: [{ "anything-but": { "equals-ignore-case": "hello.PNG" } }] }, false],
  [{ text: [{ "anything-but": { wildcard: "*.png" } }] }, false],
  [{ text: [{ "anything-but": { wildcard: ["*.jpg", "*.gif"] } }] }, true],
  [{ nested: [2] }, true],
  [{ ip6: [{ cidr: "2001:db8::/32" }] }, true],
  [{ whole: [{ cidr: "10.0.0.0/16" }] }, false],
  [{ list: { other: [{ exists: false }] } }, true],
  [{ list: { n: [{ exists: false }] } }, false],
  [{ people: { at: { x: [1], y: [1] } } }, true],
  [{ people: { at: { x: [1], y: [2] } } }, false],
  [{ people: { name: ["a"], at: { x: [2] } } }, true],
  [{ people: { name: ["b"], at: { x: [2] } } }, false],
  [{ people: { name: ["b"] }, list: { kind: ["one"] } }, true],
  [{ text: [{ exists: true }, { prefix: "X" }] }, true],
  ['{"text":["x"],"text":["Hello.png"]}', true],
  ['{"below.deep.leaf":["y"],"below":{"deep":{"leaf":["x"]}}}', true],
  ['{"$or":[{"text":["x"]},{"yes":[true]}],"text":["Hello.png"]}', true],
  [{ $or: [{ text: ["x"] }, { $or: [{ yes: [false] }, { whole: [300] }] }] }, true],
  [{ below: { $or: [{ deep: { leaf: ["x"] } }, { shallow: ["y"] }] } }, true],
];

for (const [pattern, matches] of table) {
  const json = typeof pattern === "string" ? pattern : JSON.stringify(pattern);
  test(`${json} ${matches ? "matches" : "does not match"}`, () => {
    assert.equal(compilePattern(json)(parseExact(event)), matches);
  });
}

const nothingInList = "Inside anything but list, start|null|boolean is not supported.";
const wrongAnythingBut = "Value of anything-but must be an array or single string/number value.";
const tooComplex =
  "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character";

/** With the place that AWS adds left out. */
const reasons: readonly (readonly [pattern: string, reason: string])[] = [
  ["", "Filter is not an object"],
  ["[]", "Filter is not an object"],
  ["{}", "Empty objects are not allowed"],
  ['{"a":{}}', "Empty objects are not allowed"],
  ['{"a":"x"}', '"a" must be an object or an array'],
  ['{"a":[]}', "Empty arrays are not allowed"],
  [
    '{"a":[1]',
    'Unexpected end-of-input: expected close marker for Object (start marker at [Source: (String)"{"a":[1]"; line: 1, column: 1])',
  ],
  [
    '{"a":[this]}',
    "Unrecognized token 'this': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
  ],
  ["{'a':[1]}", "Unexpected character (''' (code 39)): was expecting double-quote to start field name"],
  ['{"a":[["x"]]}', "Match value must be String, number, true, false, or null"],
  ['{"a":[{"EXISTS":true}]}', "Unrecognized match type EXISTS"],
  ['{"a":[{"prefix":"x","suffix":"y"}]}', "Only one key allowed in match expression"],
  ['{"a":[{}]}', "Match expression name not found"],
  ['{"a":[{"prefix":1}]}', "prefix match pattern must be a string"],
  ['{"a":[{"suffix":["x"]}]}', "suffix match pattern must be a string"],
  ['{"a":[{"cidr":1}]}', "prefix match pattern must be a string"],
  ['{"a":[{"prefix":{"wildcard":"x"}}]}', "Unsupported prefix pattern: wildcard"],
  ['{"a":[{"wildcard":1}]}', "wildcard match pattern must be a string"],
  ['{"a":[{"wildcard":"a**"}]}', "Consecutive wildcard characters at pos 3"],
  ['{"a":[{"wildcard":"a\\\\x"}]}', "Invalid escape character at pos 2"],
  ['{"a":[{"exists":"yes"}]}', "exists match pattern must be either true or false."],
  ['{"a":[{"numeric":5}]}', "Value of numeric must be an array."],
  ['{"a":[{"numeric":[1]}]}', "Invalid member in numeric match: 1"],
  ['{"a":[{"numeric":["~",1]}]}', "Unrecognized numeric range operator: ~"],
  ['{"a":[{"numeric":["=","1"]}]}', "Value of equals must be numeric"],
  ['{"a":[{"numeric":["<","1"]}]}', "Value of < must be numeric"],
  ['{"a":[{"numeric":[">",1,">",2]}]}', "Bad numeric range operator: >"],
  ['{"a":[{"numeric":[">",1,2]}]}', "Bad value in numeric range: 2"],
  ['{"a":[{"numeric":["=",1,"<",2]}]}', "Too many elements in numeric expression"],
  ['{"a":[{"numeric":[">",1,"<",2,"<",3]}]}', "Too many terms in numeric range expression"],
  ['{"a":[{"numeric":[">",2,"<",1]}]}', "Bottom must be less than top"],
  ['{"a":[{"numeric":["=",12345678901234567890]}]}', "Cannot compare number : 12345678901234567890"],
  ['{"a":[{"anything-but":null}]}', wrongAnythingBut],
  ['{"a":[{"anything-but":{"prefix":{}}}]}', wrongAnythingBut],
  ['{"a":[{"anything-but":[null]}]}', nothingInList],
  ['{"a":[{"anything-but":[[]]}]}', nothingInList],
  [
    '{"a":[{"anything-but":["x",1]}]}',
    "Inside anything but list, either all values are number or string, mixed type is not supported",
  ],
  [
    '{"a":[{"anything-but":{"equals-ignore-case":[1]}}]}',
    "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
  ],
  ['{"a":[{"anything-but":{"prefix":1}}]}', "prefix/suffix match pattern must be a string"],
  ['{"a":[{"anything-but":{"suffix":""}}]}', "Null prefix/suffix not allowed"],
  ['{"a":[{"anything-but":{"numeric":1}}]}', "Unsupported anything-but pattern: numeric"],
  ['{"a":[{"anything-but":{}}]}', "Anything-But expression name not found"],
  ['{"a":[{"anything-but":[]}]}', "Empty arrays are not allowed"],
  ['{"a":[{"cidr":"10.0.0.0"}]}', "Malformed CIDR, one '/' required"],
  ['{"a":[{"cidr":"10.0.0.0/x"}]}', "Malformed CIDR, mask bits must be an integer"],
  ['{"a":[{"cidr":"10.0.0.0/-1"}]}', "Malformed CIDR, mask bits must not be negative"],
  ['{"a":[{"cidr":"10.0.0.0/32"}]}', "IPv4 mask bits must be < 32"],
  ['{"a":[{"cidr":"::1/128"}]}', "IPv6 mask bits must be < 128"],
  ['{"a":[{"cidr":"nowhere/8"}]}', "Nonstandard IP address: nowhere"],
  ['{"$or":[{"a":[1]}]}', "Unrecognized match type a"],
  ['{"$or":[{"prefix":["x"]},{"b":[1]}]}', "prefix match pattern must be a string"],
  ['{"a":[{"wildcard":"*:*:*:*:*:event-bus/*"}]}', tooComplex],
];

for (const [pattern, reason] of reasons) {
  test(`${pattern} is no pattern: ${reason.slice(0, 60)}`, () => {
    assert.throws(
      () => compilePattern(pattern),
      (error) => {
        assert(error instanceof PatternError);
        assert.equal(error.message.replace(/\n at \[Source: [^]*$/, ""), reason);
        return true;
      },
    );
  });
}

test("a pattern that is too deep, or has too many combinations, is refused", () => {
  const deep = `${'{"a":'.repeat(40)}["x"]${"}".repeat(40)}`;
  const eleven = Array.from({ length: 11 }, (_, n) => `{"x":[${n}]}`).join();
  const many = `{${["a", "b", "c"].map((name) => `"${name}":{"$or":[${eleven}]}`).join()}}`;
  assert.throws(() => compilePattern(deep), PatternError);
  assert.throws(() => compilePattern(many), PatternError);
});

test("an error has the place where the reader was", () => {
  assert.throws(() => compilePattern('{\n "a": "x"}'), {
    message: '"a" must be an object or an array\n at [Source: (String)"{\n "a": "x"}"; line: 2, column: 10]',
  });
});

/** Scores of AWS's matcher: more than 10 is refused. */
for (const [wildcards, isSimple] of [
  [["/Users/*/dir/dir/dir/dir/dir/doc.txt"], true],
  [["arn:aws:*:*:*:*"], true],
  [["*/bin/*.jar", "*/bin/*.class"], true],
  [["*/bin/*.jar", "*/bin/*.class", "*/bin/*.war"], false],
  [["*:*:*:*:*:event-bus/*"], false],
  [["/a/*/x", "/b/*/x", "/c/*/x", "/d/*/x", "/e/*/x", "/f/*/x"], true],
] as const) {
  test(`the wildcards ${wildcards.join(" and ")} are ${isSimple ? "simple enough" : "too complex"}`, () => {
    const pattern = JSON.stringify({ a: wildcards.map((wildcard) => ({ wildcard })) });
    if (isSimple) compilePattern(pattern);
    else assert.throws(() => compilePattern(pattern), PatternError);
  });
}

test("an event that is very deep is matched as far as it is read", () => {
  const deep = JSON.parse(`${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`) as unknown;
  assert.equal(compilePattern('{"b":[{"exists":false}]}')(deep), true);
});
