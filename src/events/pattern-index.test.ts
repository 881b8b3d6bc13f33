/** An index finds what trying every pattern finds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compilePattern, PatternError } from "./pattern.ts";
import { PatternIndex } from "./pattern-index.ts";

const path = fc.constantFrom("source", "detail-type", "detail", "extra");
const value = fc.constantFrom<unknown>("a", "b", 1, null, true);
const operator = fc.constantFrom<unknown>(
  { prefix: "a" },
  { exists: true },
  { exists: false },
  { "anything-but": "a" },
);
const leaf = fc.array(fc.oneof(value, operator), { minLength: 1, maxLength: 3 });
const flat = fc.dictionary(path, fc.oneof(leaf, fc.dictionary(path, leaf, { minKeys: 1 })), { minKeys: 1 });
const pattern = fc.oneof(
  flat,
  fc.tuple(flat, flat, flat).map(([one, two, three]) => ({ ...one, $or: [two, three] })),
);
const event = fc.dictionary(path, fc.oneof(value, fc.array(value), fc.dictionary(path, value)));

test("an index finds the patterns that match, and no others, also after removals", () => {
  fc.assert(
    fc.property(fc.array(pattern, { maxLength: 20 }), event, fc.nat(20), (patterns, sent, removed) => {
      const index = new PatternIndex<number>();
      patterns.forEach((one, at) => index.add(at, JSON.stringify(one)));
      index.remove(removed);
      const expected = patterns.flatMap((one, at) =>
        at !== removed && compilePattern(JSON.stringify(one))(sent) ? [at] : [],
      );
      assert.deepEqual(
        [...index.matching(sent)].toSorted((a, b) => a - b),
        expected,
      );
    }),
    { numRuns: 500 },
  );
});

test("a pattern that is replaced by a wrong one stays", () => {
  const index = new PatternIndex<string>();
  index.add("rule", '{"source":["a"]}');
  assert.throws(() => index.add("rule", '{"source":[]}'), PatternError);
  assert.deepEqual(index.matching({ source: "a" }), ["rule"]);
  index.add("rule", '{"source":["b"]}');
  assert.deepEqual(index.matching({ source: "a" }), []);
});
