/** Random batches and scans against a plain model of a store: a map, filtered and sorted when asked. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { failsWith, withStore } from "./under-test.suite.ts";
import type { MakeStore } from "./under-test.suite.ts";
import type { Entry, Range, Store, Write } from "./store.ts";

interface ModelEntry {
  readonly value: Uint8Array;
  readonly version: number;
}
type Model = Map<string, ModelEntry>;

// Few, so that writes meet; prefixes of each other, and on both sides of where UTF-8 and UTF-16 disagree.
const keys = ["a", "a/", "a/b", "ab", "b", "é", "日本", "\u{FFFF}", "\u{1F600}", "\u{1F600}a", "\u{10FFFF}"];
const key = fc.constantFrom(...keys);
const plannedWrite = fc.record({
  kind: fc.constantFrom("put", "remove", "check"),
  key,
  value: fc.uint8Array({ maxLength: 40 }),
  condition: fc.constantFrom("none", "none", "current", "current", "absent", "wrong"),
});
const plannedBatch = fc.uniqueArray(plannedWrite, { maxLength: 6, selector: (write) => write.key });
const plannedRange = fc.record({
  prefix: fc.constantFrom("", "a", "a/", "\u{1F600}", "é", "x"),
  after: fc.option(fc.oneof(key, fc.string({ maxLength: 3, unit: "grapheme" })), { nil: undefined }),
  limit: fc.integer({ min: 1, max: 12 }),
  reverse: fc.boolean(),
});
const plannedStep = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("commit" as const), batch: plannedBatch }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("scan" as const), range: plannedRange }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("get" as const), key }) },
);
type PlannedWrite = typeof plannedWrite extends fc.Arbitrary<infer T> ? T : never;

export function storeProperties(name: string, make: MakeStore): void {
  test(`${name}: K1 K2 K4 K5 any sequence of batches and reads does what the model does`, () =>
    withStore(make, async (store) => {
      let runs = 0;
      const property = fc.asyncProperty(fc.array(plannedStep, { maxLength: 25 }), async (steps) => {
        const root = `${runs++}/`; // a world of its own for each run
        const model: Model = new Map();
        for (const step of steps) {
          if (step.kind === "commit")
            await compareCommit(
              store,
              model,
              step.batch.map((write) => planned(model, root, write)),
            ); // prettier
          if (step.kind === "scan") await compareScan(store, model, rangeUnder(root, step.range));
          if (step.kind === "get") await compareGet(store, model, root + step.key);
        }
        await compareScan(store, model, { prefix: root, limit: 1000 });
      });
      await fc.assert(property, { numRuns: 150 });
    }));

  test(`${name}: K3 batches that were not waited for settle as if they had been`, () =>
    withStore(make, async (store) => {
      let runs = 0;
      const batch = fc.uniqueArray(
        plannedWrite.filter(({ condition }) => condition === "none" || condition === "absent"),
        { maxLength: 5, selector: (write) => write.key },
      );
      const property = fc.asyncProperty(fc.array(batch, { maxLength: 30 }), async (batches) => {
        const root = `${runs++}/`;
        const model: Model = new Map();
        const planned = batches.map((writes) => writes.map((write) => unconditional(root, write)));
        const outcomes = await Promise.allSettled(planned.map((writes) => store.commit(writes)));
        planned.forEach((writes, index) => {
          const outcome = outcomes[index];
          assert.equal(outcome?.status === "fulfilled", holds(model, writes), `batch ${index}`);
          if (outcome?.status === "fulfilled") applyTo(model, writes, outcome.value.versions);
        });
        await compareScan(store, model, { prefix: root, limit: 1000 });
      });
      await fc.assert(property, { numRuns: 100 });
    }));
}

async function compareCommit(store: Store, model: Model, batch: readonly Write[]): Promise<void> {
  if (!holds(model, batch)) return assert.rejects(store.commit(batch), failsWith("conflict"));
  const highest = Math.max(0, ...[...model.values()].map((entry) => entry.version));
  const { versions } = await store.commit(batch);
  assert.equal(versions.length, batch.length);
  batch.forEach((write, index) => {
    const version = versions[index] ?? Number.NaN;
    if (write.kind === "put") assert.ok(version > highest, `K5: ${version} after ${highest}`);
    else assert.equal(version, write.kind === "check" ? write.ifVersion : 0);
  });
  applyTo(model, batch, versions);
}

async function compareGet(store: Store, model: Model, key: string): Promise<void> {
  const expected = model.get(key);
  assert.deepEqual(await store.get(key), expected && { key, ...expected });
}

async function compareScan(store: Store, model: Model, range: Range): Promise<void> {
  assert.deepEqual(await store.scan(range), scanOf(model, range));
}

function scanOf(model: Model, { prefix, after, limit, reverse }: Range): readonly Entry[] {
  const sign = reverse ? -1 : 1;
  return [...model]
    .filter(([key]) => key.startsWith(prefix))
    .filter(([key]) => after === undefined || sign * byteOrder(key, after) > 0)
    .toSorted(([left], [right]) => sign * byteOrder(left, right))
    .slice(0, limit)
    .map(([key, { value, version }]) => ({ key, value, version }));
}

function byteOrder(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

function holds(model: Model, batch: readonly Write[]): boolean {
  return batch.every(
    ({ key, ifVersion }) => ifVersion === undefined || ifVersion === (model.get(key)?.version ?? 0),
  );
}

function applyTo(model: Model, batch: readonly Write[], versions: readonly number[]): void {
  batch.forEach((write, index) => {
    if (write.kind === "remove") model.delete(write.key);
    if (write.kind === "put") model.set(write.key, { value: write.value, version: versions[index] ?? 0 });
  });
}

/** "current" and "wrong" mean what the model says now. */
function planned(model: Model, root: string, write: PlannedWrite): Write {
  const { version } = model.get(root + write.key) ?? { version: 0 };
  const conditions: { [condition: string]: number | undefined } = {
    current: version,
    absent: 0,
    wrong: version + 1,
  };
  const ifVersion = conditions[write.condition] ?? (write.kind === "check" ? version : undefined);
  return { kind: write.kind, key: root + write.key, value: write.value, ifVersion } as Write;
}

function unconditional(root: string, write: PlannedWrite): Write {
  const ifVersion = write.condition === "absent" || write.kind === "check" ? 0 : undefined;
  return { kind: write.kind, key: root + write.key, value: write.value, ifVersion } as Write;
}

function rangeUnder(root: string, range: Range): Range {
  return { ...range, prefix: root + range.prefix, after: range.after && root + range.after };
}
