import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { listOf, mapOf, memberOf, shapeOf, structureOf } from "../../test/harness/shapes.ts";
import { documentDepthMax } from "../limits.ts";
import { AwsError } from "./aws-error.ts";
import { createJsonCodec, jsonString } from "./json.ts";

const json = createJsonCodec((member) => member.jsonName);
const text = shapeOf("string");
const everything = structureOf("Everything", [
  memberOf("Text", text),
  memberOf("Flag", shapeOf("boolean")),
  memberOf("Count", shapeOf("integer")),
  memberOf("Total", shapeOf("long")),
  memberOf("Share", shapeOf("double")),
  memberOf("Bytes", shapeOf("blob")),
  memberOf("At", shapeOf("timestamp")),
  memberOf("Any", shapeOf("document")),
  memberOf("Names", listOf(text)),
  memberOf("Gaps", listOf(text, { sparse: true })),
  memberOf("Tags", mapOf(text)),
  memberOf("Nested", structureOf("Nested", [memberOf("Renamed", text, { jsonName: "renamed" })])),
]);

function read(body: string): unknown {
  return json.readStructure(everything, Buffer.from(body));
}

// "recorded" where lambda-map or wire-protocols has it; the rest is recalled or inferred, see serialization.ts.
const wrongTypes: readonly (readonly [body: string, message: string])[] = [
  ['{"Text":1}', "NUMBER_VALUE can not be converted to a String"],
  ['{"Text":true}', "TRUE_VALUE can not be converted to a String"],
  ['{"Text":false}', "FALSE_VALUE can not be converted to a String"],
  ['{"Text":{}}', "Start of structure or map found where not expected."],
  ['{"Text":[]}', "Start of list found where not expected"],
  ['{"Count":"1"}', "STRING_VALUE can not be converted to an Integer"],
  ['{"Total":"1"}', "STRING_VALUE can not be converted to a Long"],
  ['{"Share":"1"}', "STRING_VALUE can not be converted to a Double"],
  ['{"Flag":"true"}', "STRING_VALUE can not be converted to a Boolean"],
  ['{"Bytes":5}', "NUMBER_VALUE can not be converted to a Blob"],
  ['{"At":"soon"}', "STRING_VALUE can not be converted to a Timestamp"],
  ['{"At":1e300}', "NUMBER_VALUE can not be converted to a Timestamp"],
  ['{"Names":"a"}', "Expected list or null"],
  ['{"Names":{}}', "Start of structure or map found where not expected."],
  ['{"Tags":"a"}', "Expected map or null"],
  ['{"Tags":[]}', "Start of list found where not expected"],
  ['{"Nested":1}', "Expected map or null"],
  ['{"Names":[null]}', "NULL_VALUE found where not expected"],
  ['{"Tags":{"a":null}}', "NULL_VALUE found where not expected"],
  ["[]", "Start of list found where not expected"],
  ["1", "Expected map or null"],
];

for (const [body, message] of wrongTypes) {
  test(`${body} is answered with "${message}"`, () => {
    assert.throws(() => read(body), {
      name: "AwsError",
      code: "SerializationException",
      status: 400,
      message,
    });
  });
}

test("malformed JSON is a SerializationException", () => {
  for (const body of ["{", "nope", '{"Text":"a"', "\u0000"]) {
    assert.throws(() => read(body), {
      code: "SerializationException",
      message: /^Could not parse request body/,
    });
  }
});

test("known members are read, unknown ones and nulls are not; an empty body is an empty structure", () => {
  const body = `{"Text":null,"Unknown":1,"Count":7.9,"Bytes":"aGk=","At":1.5,"Gaps":["a",null],"Any":{"x":[1]},
    "Share":"-Infinity","Nested":{"renamed":"r","Renamed":"no"}}`;
  assert.deepEqual(read(body), {
    Count: 7,
    Bytes: Buffer.from("hi"),
    At: new Date(1500),
    Gaps: ["a", null],
    Any: { x: [1] },
    Share: -Infinity,
    Nested: { Renamed: "r" },
  });
  assert.deepEqual(read(""), {});
});

test('a map may have the key "__proto__" and changes no prototype', () => {
  const { Tags } = read('{"Tags":{"__proto__":"a","constructor":"b"}}') as { Tags: object };
  assert.deepEqual(Object.entries(Tags), [
    ["__proto__", "a"],
    ["constructor", "b"],
  ]);
  assert.equal(Object.getPrototypeOf(Tags), Object.prototype);
  assert.equal(json.writeStructure(everything, { Tags }), '{"Tags":{"__proto__":"a","constructor":"b"}}');
});

test("nesting is bounded in documents and in recursive shapes", () => {
  const deep = (depth: number): string => `{"Any":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  assert.doesNotThrow(() => read(deep(documentDepthMax)));
  assert.throws(() => read(deep(documentDepthMax + 1)), /nested deeper/);
  assert.throws(() => read(deep(100_000)), /nested deeper/);
  const members = [memberOf("Text", text)];
  const recursive = structureOf("Recursive", members);
  members.push(memberOf("Child", recursive));
  const body = `${'{"Child":'.repeat(100_000)}{}${"}".repeat(100_000)}`;
  assert.throws(() => json.readStructure(recursive, Buffer.from(body)), /nested deeper/);
});

test("whatever is written is read back", () => {
  const value = fc.record(
    {
      Text: fc.string({ unit: "binary" }),
      Flag: fc.boolean(),
      Count: fc.integer(),
      Total: fc.maxSafeInteger(),
      Share: fc.double(),
      Bytes: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      At: fc.date({ min: new Date(0), max: new Date("9999-12-31"), noInvalidDate: true }),
      Any: fc.jsonValue().map((any): unknown => [JSON.parse(JSON.stringify(any))]),
      Names: fc.array(fc.string({ unit: "grapheme" })),
      Gaps: fc.array(fc.option(fc.string())),
      Tags: fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }),
      Nested: fc.record({ Renamed: fc.string() }, { noNullPrototype: true }),
    },
    { requiredKeys: [], noNullPrototype: true },
  );
  fc.assert(
    fc.property(value, (structure) => {
      const written = json.writeStructure(everything, structure);
      // Lone surrogates cannot be in UTF-8; JSON.stringify escapes them.
      assert.deepEqual(normalised(read(written)), normalised(structure));
    }),
  );
});

/** JSON has one zero. */
function normalised(value: unknown): unknown {
  const share = (value as { Share?: number }).Share;
  return share === undefined ? value : { ...(value as object), Share: share + 0 };
}

test("strings are written as JSON.stringify writes them", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 100 }), (value) => {
      assert.equal(jsonString(value), JSON.stringify(value));
    }),
  );
});

test("what a service must not return never becomes broken JSON", () => {
  const written = json.writeStructure(everything, {
    Count: '1,"x":2',
    Share: Number.NaN,
    Unknown: 1,
    Names: ["a", undefined],
  });
  assert.equal(written, '{"Count":"NaN","Share":"NaN","Names":["a",null]}');
});

test("arbitrary bytes throw nothing but an AwsError", () => {
  const fragments = fc.constantFrom(
    '{"Text":',
    '{"Tags":{',
    '"a":',
    "[",
    "]",
    "}",
    "{",
    "1",
    "null",
    '"x"',
    ",",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(fragments, fc.string()), { maxLength: 8 }), (parts) => {
      try {
        read(parts.join(""));
      } catch (error) {
        assert.ok(error instanceof AwsError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});
