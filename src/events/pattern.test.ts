/** The pattern language, operator by operator. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compilePattern, parseExact, PatternError } from "./pattern.ts";

const event = `{
  "text": "Hello.png", "empty": "", "nothing": null, "yes": true, "whole": 300, "fraction": 300.0, "ip": "10.0.7.9",
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
  ['{"whole":[300.0]}', false],
  ['{"whole":[3.0e2]}', false],
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
];

for (const [pattern, matches] of table) {
  const json = typeof pattern === "string" ? pattern : JSON.stringify(pattern);
  test(`${json} ${matches ? "matches" : "does not match"}`, () => {
    assert.equal(compilePattern(json)(parseExact(event)), matches);
  });
}

for (const wrong of [
  "",
  "[]",
  "{}",
  '{"a":"x"}',
  '{"a":[]}',
  '{"a":[{"prefix":1}]}',
  '{"a":[{"prefix":"x","suffix":"y"}]}',
  '{"a":[{"like":"x"}]}',
  '{"a":[{"numeric":[">"]}]}',
  '{"a":[{"numeric":["~",1]}]}',
  '{"a":[{"exists":"yes"}]}',
  '{"a":[{"cidr":"10.0.0.0/33"}]}',
  '{"a":[{"wildcard":"a**"}]}',
  '{"a":[["x"]]}',
  `${'{"a":'.repeat(40)}["x"]${"}".repeat(40)}`,
]) {
  test(`${wrong.slice(0, 40)} is no pattern`, () => {
    assert.throws(() => compilePattern(wrong), PatternError);
  });
}
