import assert from "node:assert/strict";
import { test } from "node:test";
import { AwsError } from "../../../wire/aws-error.ts";
import { jacksonComplaint } from "../../../wire/jackson.ts";
import { checkedPayload } from "./payload.ts";

const place = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line:";
const values = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

test("JSON passes as it is, and nothing at all is an empty object", () => {
  for (const text of ["{}", "[]", "null", "1", '"é"', ' {"a":[1,2,{"b":null}]} \n', "-0.5e+10"]) {
    const payload = Buffer.from(text);
    assert.equal(checkedPayload(payload), payload, text);
  }
  assert.equal(Buffer.from(checkedPayload(undefined)).toString(), "{}");
  assert.equal(Buffer.from(checkedPayload(new Uint8Array())).toString(), "{}");
});

test("a payload that is no JSON is refused in AWS's recorded words", () => {
  assert.throws(
    () => checkedPayload(Uint8Array.of(0x99)),
    (error) => {
      assert.ok(error instanceof AwsError);
      assert.equal(error.code, "InvalidRequestContentException");
      assert.equal(
        error.message,
        `Could not parse request body into json: Could not parse payload into json: Unexpected character ((CTRL-CHAR, code 153)): expected a valid value ${values}\n at ${place} 1, column: 1]`,
      );
      return true;
    },
  );
});

test("each mistake has Jackson's text and place", () => {
  const complaints: readonly (readonly [string | Uint8Array, string, number, number])[] = [
    ["abc", `Unrecognized token 'abc': was expecting ${values}`, 1, 4],
    ['{"a":\n tru }', `Unrecognized token 'tru': was expecting ${values}`, 2, 5],
    ["'a'", `Unexpected character (''' (code 39)): expected a valid value ${values}`, 1, 1],
    ["}", "Unexpected character ('}' (code 125)): expected a value", 1, 1],
    ["[1,]", "Unexpected character (']' (code 93)): expected a value", 1, 4],
    ["{a:1}", "Unexpected character ('a' (code 97)): was expecting double-quote to start field name", 1, 2],
    [
      '{"a":1,}',
      "Unexpected character ('}' (code 125)): was expecting double-quote to start field name",
      1,
      8,
    ],
    [
      '{"a" 1}',
      "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value",
      1,
      6,
    ],
    [
      '{"a":1 "b":2}',
      "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries",
      1,
      8,
    ],
    ["[1 2]", "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries", 1, 4],
    [
      "{",
      `Unexpected end-of-input: expected close marker for Object (start marker at ${place} 1, column: 1])`,
      1,
      2,
    ],
    [
      '{"a":[1',
      `Unexpected end-of-input: expected close marker for Array (start marker at ${place} 1, column: 6])`,
      1,
      8,
    ],
    ['{"a":', "Unexpected end-of-input within/between Object entries", 1, 6],
    ['{"a"', "Unexpected end-of-input within/between Object entries", 1, 5],
    ["[1,", "Unexpected end-of-input within/between Array entries", 1, 4],
    ['"abc', "Unexpected end-of-input: was expecting closing quote for a string value", 1, 5],
    ['{"abc', "Unexpected end-of-input: was expecting closing '\"' for name", 1, 6],
    [
      '"a\nb"',
      "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to be included in string value",
      2,
      1,
    ],
    ['"\\x"', "Unrecognized character escape 'x' (code 120)", 1, 4],
    [
      '"\\u12z4"',
      "Unexpected character ('z' (code 122)): expected a hex-digit for character escape sequence",
      1,
      6,
    ],
    ["01", "Invalid numeric value: Leading zeroes not allowed", 1, 2],
    [
      "-a",
      "Unexpected character ('a' (code 97)) in numeric value: expected digit (0-9) to follow minus sign, for valid numeric value",
      1,
      2,
    ],
    [
      "1.x",
      "Unexpected character ('x' (code 120)) in numeric value: Decimal point not followed by a digit",
      1,
      3,
    ],
    ["   ", "No content to map due to end-of-input", 1, 4],
    ["{} x", `Unexpected character ('x' (code 120)): expected a valid value ${values}`, 1, 4],
  ];
  for (const [text, message, line, column] of complaints) {
    const complaint = jacksonComplaint(Buffer.from(text));
    assert.equal(complaint, `${message}\n at ${place} ${line}, column: ${column}]`, String(text));
    assert.throws(() => checkedPayload(Buffer.from(text)), AwsError);
  }
});

test("a payload nested a million deep is refused, not a stack overflow", () => {
  const deep = Buffer.from("[".repeat(1_000_000));
  assert.match(jacksonComplaint(deep), /^Unexpected end-of-input: expected close marker for Array/);
  assert.throws(() => checkedPayload(deep), AwsError);
});

test("bytes inside a string that are no UTF-8 are refused", () => {
  assert.throws(() => checkedPayload(Uint8Array.of(0x22, 0xff, 0x22)), AwsError);
});
