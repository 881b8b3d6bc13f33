import assert from "node:assert/strict";
import { test } from "node:test";
import { createContext, runInContext } from "node:vm";
import * as fc from "fast-check";
import { compilePattern, linearPatterns } from "./java-pattern.ts";
import { loadModel, serviceNames } from "./model-load.ts";
import type { Member, Shape } from "./model.ts";

/** Every pattern of every service that an input can meet, with one of the shapes that has it. */
function allPatterns(): ReadonlyMap<string, string> {
  const shapeByPattern = new Map<string, string>();
  for (const service of serviceNames) {
    const seen = new Set<Shape>();
    const walk = (shape: Shape): void => {
      if (seen.has(shape)) return;
      seen.add(shape);
      const pattern = shape.constraint?.pattern;
      if (pattern !== undefined) shapeByPattern.set(pattern, `${service} ${shape.name}`);
      const held: readonly (Member | undefined)[] = [...shape.members, shape.element, shape.key];
      for (const member of held) if (member !== undefined) walk(member.shape);
    };
    for (const { input } of loadModel(service).operations.values()) walk(input);
  }
  return shapeByPattern;
}

test("every pattern of every service compiles", () => {
  const failures: string[] = [];
  for (const [pattern, shape] of allPatterns()) {
    try {
      compilePattern(pattern);
    } catch (error) {
      failures.push(`${shape}: ${pattern}: ${String(error)}`);
    }
  }
  assert.deepEqual(failures, []);
  assert.ok(allPatterns().size > 300);
});

const hostileStrings = [
  "",
  "arn:aws",
  "arn:aws:lambda:us-east-1:000000000000:",
  "$",
  "/",
  "https://",
].flatMap((prefix) =>
  ["a", "0", "-", "a-", "a.", ".a", "_", "/a", "[0]", ".a[0]", ":a", " ", "\t", " a", "A"].map(
    (unit) => `${prefix}${unit.repeat(40)}\u0001!`,
  ),
);

/** Microseconds, or else longer than anybody waits: `patienceMs` only ends the wait. */
function isEndless(compiled: RegExp, patienceMs: number): boolean {
  const context = createContext({ compiled, hostileStrings });
  try {
    runInContext("for (const text of hostileStrings) compiled.test(text)", context, { timeout: patienceMs });
    return false;
  } catch {
    return true;
  }
}

test("no pattern of any service takes exponential time on a hostile string", () => {
  const endless = [...allPatterns()].filter(([pattern]) => isEndless(compilePattern(pattern), 5000));
  assert.deepEqual(endless, []);
});

test("the patterns that have a linear form need it", () => {
  for (const pattern of Object.keys(linearPatterns))
    assert.ok(isEndless(new RegExp(`^(?:${pattern})$`), 100), pattern);
});

test("the linear form of a pattern accepts exactly what the pattern does", () => {
  const letters = fc.constantFrom(
    "a",
    "*",
    ".",
    "-",
    "/",
    " ",
    "\t",
    ":",
    "$",
    "[",
    "0",
    "]",
    "~",
    "\u0001",
    "é",
  );
  const accepted = new Set<string>();
  for (const [pattern, linear] of Object.entries(linearPatterns)) {
    const original = new RegExp(`^(?:${pattern})$`);
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 9 }), (pieces) => {
        const text = pieces.join("");
        if (original.test(text)) accepted.add(pattern);
        return compilePattern(pattern).test(text) === original.test(text);
      }),
      { numRuns: 3000 },
    );
    assert.notEqual(linear, pattern);
  }
  assert.equal(accepted.size, Object.keys(linearPatterns).length);
});

const translations: readonly (readonly [
  pattern: string,
  accepted: readonly string[],
  refused: readonly string[],
])[] = [
  ["[0-9]+", ["1", "12"], ["", "a1", "1\n", "1 "]],
  ["a|b", ["a", "b"], ["ab", "xa"]],
  ["^a$|^b$", ["a", "b"], ["ab"]],
  [String.raw`[\w-_]*`, ["", "a-_"], ["a b"]],
  [String.raw`[A-Za-z0-9\_\-]+`, ["a_-"], ["a.b", "\\"]],
  [String.raw`\p{Print}+`, ["a ~"], ["", "\u007f", "é"]],
  [String.raw`[\p{L}\p{Z}\p{N}_.:/=+\-@]*`, ["", "é 1:x", "日本"], ["#", "a;b"]],
  ["(?s).*", ["a\nb"], []],
  [".*", ["ab"], ["a\nb"]],
  ["(?i)all|[0-9]{12}", ["ALL", "000000000000"], ["alle"]],
  ["(?!^[0-9]+$)([a-zA-Z0-9-_]+)", ["a1", "1-"], ["1", "12", ""]],
  ["(|[a-zA-Z0-9$_-]+)", ["", "$LATEST"], ["a b"]],
  [String.raw`[0-9A-Za-z\.\-_]*(?<!\.)`, ["", "a.b"], ["a."]],
];

for (const [pattern, accepted, refused] of translations)
  test(`${pattern} matches whole strings as Java does`, () => {
    const compiled = compilePattern(pattern);
    for (const text of accepted) assert.ok(compiled.test(text), JSON.stringify(text));
    for (const text of refused) assert.ok(!compiled.test(text), JSON.stringify(text));
  });

test("what has no translation throws instead of meaning something else", () => {
  for (const pattern of ["[a-z&&[^b]]+", String.raw`\p{Alpha}+`, String.raw`\hx`, "a(?i)b", "a*+"])
    assert.throws(() => compilePattern(pattern), SyntaxError, pattern);
});
