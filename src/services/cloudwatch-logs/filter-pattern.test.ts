/** The filter pattern language, as tables: pattern, message, whether it matches. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compileFilterPattern } from "./filter-pattern.ts";
import { FilterSyntaxError } from "./filter-value.ts";

type Case = readonly [pattern: string, message: string, matches: boolean];

const terms: readonly Case[] = [
  ["", "anything", true],
  [" ", "anything", true],
  ["ERROR", "[ERROR 400] BAD REQUEST", true],
  ["ERROR", "[error 400]", false],
  ["ERROR ARGUMENTS", "[ERROR] INVALID ARGUMENTS", true],
  ["ERROR ARGUMENTS", "[ERROR] MISSING", false],
  ["?ERROR ?WARN", "[WARN] x", true],
  ["?ERROR ?WARN", "[INFO] x", false],
  ["?ERROR REQUEST", "no such REQUEST", true],
  ["ERROR -ARGUMENTS", "ERROR 1", true],
  ["ERROR -ARGUMENTS", "ERROR ARGUMENTS", false],
  ['"INTERNAL SERVER ERROR"', "500 INTERNAL SERVER ERROR", true],
  ['"INTERNAL SERVER ERROR"', "INTERNAL ERROR SERVER", false],
  ['"say \\"hi\\""', 'say "hi" now', true],
  ["%AUTH[A-Z]+%", "UNAUTHORIZED", true],
  ["%^AUTH%", "UNAUTHORIZED", false],
];

const json: readonly Case[] = [
  ['{ $.eventType = "UpdateTrail" }', '{"eventType":"UpdateTrail"}', true],
  ["{ $.eventType = UpdateTrail }", '{"eventType":"UpdateTrail"}', true],
  ['{ $.eventType = "UpdateTrail" }', "not json", false],
  ['{ $.sourceIPAddress != "123.123.*" }', '{"sourceIPAddress":"123.123.1.1"}', false],
  ['{ $.sourceIPAddress != "123.123.*" }', '{"sourceIPAddress":"111.111.1.1"}', true],
  ['{ $.sourceIPAddress != "x" }', "{}", false],
  ["{ $.ip = *.111.111.111 }", '{"ip":"111.111.111.111"}', true],
  ["{ $.ip = 11*1 }", '{"ip":"1111"}', false],
  ['{ $.arrayKey[0] = "value" }', '{"arrayKey":["value","another"]}', true],
  ["{ $.objectList[1].id = 2 }", '{"objectList":[{"id":1},{"id":2}]}', true],
  ["{ $.objectList[*].id = 2 }", '{"objectList":[{"id":1},{"id":2}]}', true],
  ["{ $['weird.key'] = 1 }", '{"weird.key":1}', true],
  ["{ $.SomeObject IS NULL }", '{"SomeObject":null}', true],
  ["{ $.SomeObject IS NULL }", "{}", false],
  ["{ $.ThisFlag IS TRUE }", '{"ThisFlag":true}', true],
  ["{ $.ThisFlag IS FALSE }", '{"ThisFlag":true}', false],
  ["{ $.SomeOtherObject NOT EXISTS }", "{}", true],
  ["{ $.SomeOtherObject NOT EXISTS }", '{"SomeOtherObject":null}', false],
  ['{ $.x = "*" }', '{"x":7}', true],
  ['{ $.x = "*" }', "{}", false],
  ["{ $.bytes >= 1e2 }", '{"bytes":100}', true],
  ["{ $.bytes < -1 }", '{"bytes":-2}', true],
  ["{ $.bytes > 1 }", '{"bytes":"2"}', false],
  ["{ $.n = 123 }", '{"n":123.0}', true],
  ['{ $.n = "123" }', '{"n":123}', true],
  ['{ $.n = "123.0" }', '{"n":123}', false],
  ['{ $.n != "12" }', '{"n":12.0}', true],
  ["{ $.o = 1 }", '{"o":{"a":1}}', false],
  ["{ $.o != 1 }", '{"o":[2]}', false],
  [
    '{ ($.user.id = 1 || $.user.name = "John") && $.ok IS TRUE }',
    '{"user":{"id":2,"name":"John"},"ok":true}',
    true,
  ],
  ["{ $.a = 1 || $.b = 1 && $.c = 1 }", '{"a":1}', true],
  ["{ $.a = %^4[0-9]{2}$% }", '{"a":404}', true],
  ["{ $.__proto__ NOT EXISTS }", "{}", true],
];

const line = '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534';

const fields: readonly Case[] = [
  ["[ip, user, username, timestamp, request = *.html*, status_code = 4*, bytes]", line, true],
  ["[ip, user, username, timestamp, request, status_code = 5*, bytes]", line, false],
  ["[ip, user, username]", line, false],
  ["[..., status_code = 404, bytes > 1000]", line, true],
  ["[..., bytes < 1000]", line, false],
  ["[ip, ...]", line, true],
  ["[ip, user, username = frank || username = joe, ...]", line, true],
  ["[ip, user, username = frank && username != f*, ...]", line, false],
  ['[ip, user, username, timestamp = "10/Oct*", ...]', line, true],
  ["[w1=ERROR || w1=%WARN%, w2]", "WARNING disk", true],
];

for (const [form, cases] of Object.entries({ terms, json, fields })) {
  for (const [pattern, message, matches] of cases) {
    test(`${form}: ${pattern || "(empty)"} ${matches ? "matches" : "does not match"} ${message}`, () => {
      assert.equal(compileFilterPattern(pattern)(message), matches);
    });
  }
}

const invalid = [
  "foo-bar",
  '"open',
  "{ $.a }",
  "{ $.a = }",
  "{ $.a = 1",
  "{ a = 1 }",
  '{ $.a > "x" }',
  "[a, ...",
  "[..., b, ...]",
  "%(?=a)%",
];

for (const pattern of invalid) {
  test(`${pattern} is refused`, () => {
    assert.throws(() => compileFilterPattern(pattern), FilterSyntaxError);
  });
}

test("no regular expression of a reader and no line of a function takes more than linear time", () => {
  const hostile = [
    ["%(a+)+$%", `${"a".repeat(100_000)}!`],
    ["%(a|a)*b%", "a".repeat(100_000)],
    ["%a*a*a*a*a*a*a*b%", "a".repeat(50_000)],
  ] as const;
  // By backtracking, the first two take longer than the universe is old: what ends at all is linear.
  for (const [pattern, text] of hostile) assert.equal(compileFilterPattern(pattern)(text), false, pattern);
  assert.throws(() => compileFilterPattern("%(a{1,1000}){1,1000}%"), FilterSyntaxError);
});
