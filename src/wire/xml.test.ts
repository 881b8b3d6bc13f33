import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { documentDepthMax } from "../limits.ts";
import { AwsError } from "./aws-error.ts";
import { escapeAttribute, escapeText, parseXml } from "./xml.ts";

test("elements, attributes, text, CDATA, comments and references are read", () => {
  const root = parseXml(
    `\uFEFF<?xml version="1.0"?><!-- c --><a:r x='1 &lt; 2' xmlns:a="u"><b>1<!--x-->2</b><c/><d><![CDATA[<&>]]>&#65;&#x42;</d></a:r>\n`,
  );
  assert.equal(root.name, "a:r");
  assert.equal(root.localName, "r");
  assert.equal(root.attributes.get("x"), "1 < 2");
  assert.deepEqual(
    root.children.map((child) => [child.name, child.text]),
    [
      ["b", "12"],
      ["c", ""],
      ["d", "<&>AB"],
    ],
  );
});

const malformed = [
  "",
  "text",
  "<a>",
  "<a></b>",
  "<a></a><b/>",
  "<a></a>x",
  "</a>",
  "<a b></a>",
  "<a b=c></a>",
  "<a b='1' b='2'/>",
  "<a b='<'/>",
  "<a>&unknown;</a>",
  "<a>&#xD800;</a>",
  "<a>&#0;</a>",
  "<a>& b</a>",
  "<a><!-- </a>",
  "<a><![CDATA[</a>",
  "<a",
  "<",
  "< a/>",
  `<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`,
  `<a><!DOCTYPE b></a>`,
];

for (const source of malformed) {
  test(`${JSON.stringify(source)} is refused`, () => {
    assert.throws(() => parseXml(source), { name: "AwsError", code: "SerializationException" });
  });
}

test("nesting is bounded, and a bomb of it does not reach the stack", () => {
  const nested = (depth: number): string => "<a>".repeat(depth) + "</a>".repeat(depth);
  assert.equal(parseXml(nested(documentDepthMax)).name, "a");
  assert.throws(() => parseXml(nested(documentDepthMax + 1)), AwsError);
  assert.throws(() => parseXml("<a>".repeat(2_000_000)), AwsError);
});

test("text and attributes survive writing and reading, but for what XML cannot hold", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      // oxlint-disable-next-line no-control-regex -- XML 1.0 has no way to write them
      const held = text.replaceAll(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g, "\uFFFD");
      const root = parseXml(`<a b="${escapeAttribute(text)}">${escapeText(text)}</a>`);
      assert.equal(root.text, held);
      assert.equal(root.attributes.get("b"), held);
    }),
  );
});

test("arbitrary text throws nothing but an AwsError", () => {
  const fragment = fc.constantFrom(
    "<a>",
    "</a>",
    "<a",
    ">",
    "/>",
    "&",
    ";",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?",
    '"',
    "=",
    "x",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(fragment, fc.string()), { maxLength: 12 }), (parts) => {
      try {
        parseXml(parts.join(""));
      } catch (error) {
        assert.ok(error instanceof AwsError);
      }
    }),
    { numRuns: 2000 },
  );
});
