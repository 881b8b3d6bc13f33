import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { InvariantError } from "../base/invariant.ts";
import { createMemoryStore } from "./memory/memory-store.ts";
import { records } from "./records.ts";
import { failsWith } from "./under-test.suite.ts";

interface Fn {
  readonly name: string;
}

function collection() {
  const store = createMemoryStore();
  return { store, functions: records<Fn>(store, "lambda/fn") };
}

test("a record reads back with its parts and version, and its version guards it", async () => {
  const { store, functions } = collection();
  const parts = ["000000000000", "us-east-1", "thumb"];
  await store.commit([functions.put(parts, { name: "thumb" }, 0)]);
  const found = await functions.get(parts);
  assert.deepEqual(found, { parts, value: { name: "thumb" }, version: found?.version });
  await assert.rejects(store.commit([functions.put(parts, { name: "other" }, 0)]), failsWith("conflict"));
  await store.commit([
    functions.check(["no", "such", "record"], 0),
    functions.put(parts, { name: "new" }, found?.version),
  ]);
  await assert.rejects(store.commit([functions.remove(parts, found?.version)]), failsWith("conflict"));
  await store.commit([functions.remove(parts)]);
  assert.equal(await functions.get(parts), undefined);
});

test("keys are readable, and start with the collection's prefix", () => {
  const { functions } = collection();
  assert.equal(
    functions.key("000000000000", "us-east-1", "/a-b_c"),
    "lambda/fn 000000000000 us-east-1 /a-b_c",
  );
  assert.equal(functions.prefix, "lambda/fn ");
});

test("pages follow one another, each record once, in both directions", async () => {
  const { store, functions } = collection();
  const names = Array.from({ length: 23 }, (_, index) => `f${String(index).padStart(2, "0")}`);
  await store.commit(names.map((name) => functions.put(["a", "r", name], { name })));
  await store.commit([
    functions.put(["a", "r2", "x"], { name: "x" }),
    functions.put(["ab", "r", "y"], { name: "y" }),
  ]);
  for (const reverse of [false, true]) {
    const seen: string[] = [];
    let pages = 0;
    for (let after: readonly string[] | undefined, more = true; more; pages++) {
      const page = await functions.page({ parts: ["a", "r"], after, limit: 10, reverse });
      seen.push(...page.items.map((item) => item.value.name));
      after = page.next;
      more = after !== undefined;
    }
    assert.deepEqual(seen, reverse ? names.toReversed() : names);
    assert.equal(pages, 3);
  }
  const all = await functions.page({ parts: [], limit: 100 });
  assert.equal(all.items.length, 25);
  assert.equal(all.next, undefined);
  const exact = await functions.page({ parts: ["a", "r"], limit: 23 });
  assert.equal(exact.next, undefined, "a last page that is full has no next");
});

test("startsWith narrows the next part, and a cursor need not exist", async () => {
  const { store, functions } = collection();
  const names = ["/aws/lambda/a", "/aws/lambda-b", "/aws/other", "x"];
  await store.commit(names.map((name) => functions.put(["acct", name], { name })));
  const found = await functions.page({ parts: ["acct"], startsWith: "/aws/lambda", limit: 9 });
  assert.deepEqual(
    found.items.map((item) => item.value.name),
    ["/aws/lambda-b", "/aws/lambda/a"],
  ); // prettier
  const after = await functions.page({ parts: ["acct"], after: ["acct", "/aws/n"], limit: 9 });
  assert.deepEqual(
    after.items.map((item) => item.value.name),
    ["/aws/other", "x"],
  ); // prettier
});

test("collections whose names begin alike are apart", async () => {
  const { store, functions } = collection();
  const versions = records<Fn>(store, "lambda/fn-version");
  await store.commit([functions.put(["a"], { name: "f" }), versions.put(["a"], { name: "v" })]);
  assert.deepEqual(
    (await functions.page({ parts: [], limit: 9 })).items.map((item) => item.value.name),
    ["f"],
  ); // prettier
  assert.throws(() => records(store, "lambda fn"), InvariantError);
});

test("of what can be no key there is no record, whoever asks for it", async () => {
  const { store, functions } = collection();
  await store.commit([functions.put(["a", "f"], { name: "f" })]);
  for (const odd of ["a".repeat(5000), "\ud800", "\0"]) {
    assert.equal(await functions.get(["a", odd]), undefined);
    assert.deepEqual(await functions.page({ parts: ["a", odd], limit: 9 }), { items: [] });
    assert.deepEqual(await functions.page({ parts: ["a"], startsWith: odd, limit: 9 }), { items: [] });
    await functions.page({ parts: ["a"], after: ["a", odd], limit: 9 });
  }
});

// No lone surrogates: the store refuses those.
const part = fc.oneof(
  fc.string({ unit: "binary", maxLength: 6 }).filter((text) => text.isWellFormed()),
  fc.string({ unit: fc.constantFrom("\0", "\u0001", " ", "!", '"', "@", "`", "a", "/", "%"), maxLength: 4 }),
);
const parts = fc.array(part, { minLength: 1, maxLength: 4 });

test("parts of any content make distinct keys, in the order of the parts, and come back from them", () =>
  fc.assert(
    fc.asyncProperty(parts, parts, async (left, right) => {
      const { store, functions } = collection();
      const order = Buffer.compare(Buffer.from(functions.key(...left)), Buffer.from(functions.key(...right)));
      assert.equal(order, compareParts(left, right));
      await store.commit([functions.put(left, { name: "left" })]);
      const [found] = (await functions.page({ parts: [], limit: 2 })).items;
      assert.deepEqual(found?.parts, left);
    }),
    { numRuns: 500 },
  ));

function compareParts(left: readonly string[], right: readonly string[]): number {
  for (const [index, each] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    const order = Buffer.compare(Buffer.from(each), Buffer.from(other));
    if (order !== 0) return order;
  }
  return left.length === right.length ? 0 : -1;
}

test("each gives what the pages give, in either direction, however many there are", async () => {
  const { store, functions } = collection();
  const names = Array.from({ length: 1203 }, (_, at) => `f${String(at).padStart(4, "0")}`);
  for (let from = 0; from < names.length; from += 500) {
    await store.commit(names.slice(from, from + 500).map((name) => functions.put(["a", name], { name })));
  }
  await store.commit([functions.put(["b", "other"], { name: "other" })]);
  const read = async (selection: Parameters<typeof functions.each>[0]) => {
    const found: string[] = [];
    for await (const { value } of functions.each(selection)) found.push(value.name);
    return found;
  };
  assert.deepEqual(await read({ parts: ["a"] }), names);
  assert.deepEqual(await read({ parts: ["a"], reverse: true }), names.toReversed());
  assert.deepEqual(await read({ parts: ["a"], startsWith: "f12", after: ["a", "f1201"] }), ["f1202"]);
  assert.deepEqual(await read({ parts: [] }), [...names, "other"]);
  assert.deepEqual(await read({ parts: ["none"] }), []);
});
