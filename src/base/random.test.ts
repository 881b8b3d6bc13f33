/** Chance: strong and never the same from the system, the same for one seed from the generator. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom, systemRandom } from "./random.ts";

test("the system's random bytes have the length that was asked for and never repeat", () => {
  const seen = new Set<string>();
  for (let count = 0; count < 2000; count += 1) seen.add(systemRandom.hex(16));
  assert.equal(seen.size, 2000);
  for (const length of [0, 1, 4095, 4096, 4097, 10_000])
    assert.equal(systemRandom.bytes(length).length, length);
});

test("bytes that were handed out do not change afterwards", () => {
  const kept = systemRandom.bytes(32);
  const copy = Uint8Array.from(kept);
  for (let count = 0; count < 500; count += 1) systemRandom.hex(32);
  assert.deepEqual(kept, copy);
});

test("a seed gives the same history, another seed another", () => {
  const history = (seed: number) => {
    const random = seededRandom(seed);
    return [random.uuid(), random.hex(4), random.float(), random.bytes(3)];
  };
  assert.deepEqual(history(7), history(7));
  assert.notDeepEqual(history(7), history(8));
  assert.match(
    String(history(7)[0]),
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
});
