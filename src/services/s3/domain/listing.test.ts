import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { commonPrefix, fold, type Folded, urlEncoded, type Walk } from "./listing.ts";

/** Sorted keys, and how many were looked at. */
class ListWalk implements Walk<{ readonly key: string }> {
  readonly #keys: readonly string[];
  #at = 0;
  looked = 0;

  constructor(keys: readonly string[], after = "") {
    this.#keys = keys.filter((key) => key > after);
  }

  async next(): Promise<{ readonly key: string } | undefined> {
    const key = this.#keys[this.#at++];
    if (key !== undefined) this.looked += 1;
    return key === undefined ? undefined : { key };
  }

  skipPast(prefix: string): void {
    while (this.#keys[this.#at]?.startsWith(prefix)) this.#at += 1;
  }
}

const names = ({ items, prefixes }: Folded<{ readonly key: string }>) => [
  ...items.map(({ key }) => key),
  ...prefixes.map((prefix) => `[${prefix}]`),
];

const cases: readonly (readonly [
  keys: string,
  prefix: string,
  delimiter: string,
  max: number,
  found: string,
])[] = [
  ["a b c", "", "", 10, "a b c"],
  ["a b c", "", "", 2, "a b …"],
  ["a b c", "", "", 3, "a b c"],
  ["a b c", "", "", 0, ""],
  ["a b/1 b/2 c", "", "/", 10, "a c [b/]"],
  ["a b/1 b/2 c", "", "/", 2, "a [b/] …"],
  ["b/1 b/2", "", "/", 1, "[b/]"],
  ["b/1 b/c/2 b/c/3", "b/", "/", 10, "b/1 [b/c/]"],
  ["a--1 a--2 b", "", "--", 10, "b [a--]"],
  ["/a //b", "", "/", 10, "[/]"],
];

for (const [keys, prefix, delimiter, max, found] of cases) {
  test(`${keys}, prefix "${prefix}", delimiter "${delimiter}", at most ${max}: ${found}`, async () => {
    const walk = new ListWalk(keys.split(" ").filter((key) => key.startsWith(prefix)));
    const page = await fold(walk, { prefix, delimiter, max });
    assert.equal([...names(page), ...(page.isTruncated ? ["…"] : [])].join(" "), found);
  });
}

test("pages put behind one another are the whole, whatever their size", async () => {
  const key = fc.string({ unit: fc.constantFrom("a", "b", "/"), minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(key),
      fc.constantFrom("", "/", "a"),
      fc.integer({ min: 1, max: 4 }),
      async (keys, delimiter, max) => {
        const sorted = keys.toSorted();
        const whole = await fold(new ListWalk(sorted), { prefix: "", delimiter, max: 1000 });
        const found: string[] = [];
        let after = "";
        for (let page = 0; page < 100; page += 1) {
          const walk = new ListWalk(sorted, after);
          if (after !== "" && delimiter !== "" && after.endsWith(delimiter)) walk.skipPast(after);
          const { last, ...folded } = await fold(walk, { prefix: "", delimiter, max });
          found.push(...names(folded));
          if (!folded.isTruncated || !last) break;
          after = last.kind === "item" ? last.item.key : last.prefix;
        }
        assert.deepEqual(found.toSorted(), names(whole).toSorted());
      },
    ),
  );
});

test("folded keys are skipped, not read one by one", async () => {
  const keys = Array.from({ length: 1000 }, (_, index) => `a/${String(index).padStart(4, "0")}`);
  const walk = new ListWalk([...keys, "b"]);
  await fold(walk, { prefix: "", delimiter: "/", max: 10 });
  assert.equal(walk.looked, 2);
});

test("what comes up to the first delimiter behind the prefix", () => {
  assert.equal(commonPrefix("a/b/c", "", "/"), "a/");
  assert.equal(commonPrefix("a/b/c", "a/", "/"), "a/b/");
  assert.equal(commonPrefix("a/b", "a/b", "/"), undefined);
  assert.equal(commonPrefix("abc", "", ""), undefined);
});

test("encoding-type=url", () => {
  assert.equal(urlEncoded("date=2026-03-01/"), "date%3D2026-03-01/");
  assert.equal(urlEncoded("a b+ü~*'(é)!"), "a+b%2B%C3%BC%7E*%27%28%C3%A9%29%21");
});
