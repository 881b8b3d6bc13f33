import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { listOf, mapOf, memberOf, shapeOf, structureOf } from "../../test/harness/shapes.ts";
import { documentDepthMax } from "../limits.ts";
import { AwsError } from "./aws-error.ts";
import { createFormReader, parseForm } from "./form.ts";
import { xmlNameOf } from "./xml-names.ts";

const text = shapeOf("string");
const everything = structureOf("Everything", [
  memberOf("Text", text),
  memberOf("Flag", shapeOf("boolean")),
  memberOf("Count", shapeOf("integer")),
  memberOf("Share", shapeOf("double")),
  memberOf("At", shapeOf("timestamp")),
  memberOf("Bytes", shapeOf("blob")),
  memberOf("Names", listOf(text)),
  memberOf("Tags", mapOf(text)),
  memberOf("Flat", listOf(structureOf("Item", [memberOf("A", text), memberOf("B", listOf(text))])), {
    traits: { xmlName: "flat", xmlFlattened: true },
  }),
]);
const reader = createFormReader(xmlNameOf)(everything);

function read(form: string): unknown {
  return reader(parseForm(form));
}

test("scalars are read from text, with plus and percent encoding", () => {
  const form =
    "Text=a+b%2Bc%3D%F0%9F%98%B9&Flag=true&Count=-7&Share=1e3&At=2015-01-25T08%3A00%3A00Z&Bytes=aGk%3D&Unknown=1&Action=x";
  assert.deepEqual(read(form), {
    Text: "a b+c=😹",
    Flag: true,
    Count: -7,
    Share: 1000,
    At: new Date("2015-01-25T08:00:00Z"),
    Bytes: Buffer.from("hi"),
  });
});

test("lists and maps are read wrapped and flat, in the order of their numbers", () => {
  assert.deepEqual(read("Names.member.10=c&Names.member.2=b&Names.member.1=a"), { Names: ["a", "b", "c"] });
  assert.deepEqual(read("Names.1=a&Names.2=b"), { Names: ["a", "b"] });
  assert.deepEqual(read("Names="), { Names: [] });
  assert.deepEqual(read("Tags.entry.1.key=a&Tags.entry.1.value=1"), { Tags: { a: "1" } });
  assert.deepEqual(read("Tags.1.key=__proto__&Tags.1.value="), { Tags: JSON.parse('{"__proto__":""}') });
  assert.deepEqual(read("flat.1.A=x&flat.1.B.member.1=y&flat.2.A=z"), {
    Flat: [{ A: "x", B: ["y"] }, { A: "z" }],
  });
});

const refused: readonly (readonly [form: string, message: RegExp])[] = [
  ["Count=seven", /STRING_VALUE can not be converted to an Integer/],
  ["Flag=maybe", /can not be converted to a Boolean/],
  ["At=soon", /can not be converted to a Timestamp/],
  ["Text.a=1", /Start of structure or map found/],
  ["Names=a", /Expected list or null/],
  ["Names.member.x=a", /Expected list or null/],
  ["Names.1=a&Names.b=c", /Expected list or null/],
  ["Tags.1.key=a", /needs a key and a value/],
  ["Text=%", /percent-encoded/],
  ["Text=%ff", /percent-encoded/],
  [`Names.${"1.".repeat(documentDepthMax)}1=a`, /Too many or too deep/],
];

for (const [form, message] of refused) {
  test(`${form.slice(0, 40)} is refused as MalformedInput`, () => {
    assert.throws(() => read(form), { name: "AwsError", code: "MalformedInput", message });
  });
}

test("a row of parameters without end is refused", () => {
  const form = Array.from({ length: 300_000 }, (_, i) => `a${i}.b.c.d=`).join("&");
  assert.throws(() => parseForm(form), { code: "MalformedInput" });
});

test("arbitrary forms throw nothing but an AwsError", () => {
  const fragment = fc.constantFrom(
    "Names",
    "Tags",
    ".member",
    ".entry",
    ".1",
    ".key",
    ".value",
    "=",
    "&",
    "%",
    "+",
    "Count",
    "flat",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(fragment, fc.string({ maxLength: 3 })), { maxLength: 12 }), (parts) => {
      try {
        read(parts.join(""));
      } catch (error) {
        assert.ok(error instanceof AwsError, String(error));
      }
    }),
    { numRuns: 3000 },
  );
});
