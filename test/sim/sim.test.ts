/**
 * Twenty seconds of fresh seeds; that a seed repeats itself; and that mistakes made on purpose are found. Longer:
 * `node test/sim/run.ts --hours 10000`.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { variants } from "./life.ts";
import { simulate } from "./simulation.ts";

test("I2 I3 I4 E1 E2 E3 E4 L1 L3 hold whatever happens, under fresh seeds", async () => {
  const first = randomInt(2 ** 31);
  const deadlineMs = performance.now() + 20_000;
  let accepted = 0;
  let lives = 0;
  let staleSettles = 0;
  let seed = first;
  for (; performance.now() < deadlineMs || seed - first < 3; seed += 1) {
    const result = await simulate({ seed, hours: 10 });
    assert.deepEqual(result.violations, [], `replay: node test/sim/run.ts --hours 10 --seed ${seed}`);
    accepted += result.accepted;
    lives += result.lives;
    staleSettles += result.staleSettles;
  }
  const seeds = seed - first;
  console.log(`simulation: seeds ${first} to ${seed - 1}, ${accepted} events, ${lives} lives, no violation`);
  assert.ok(accepted > 300 * seeds, "events were accepted");
  assert.ok(lives > 10 * seeds, "the platform died and began again");
  assert.ok(staleSettles > 0, "E3: late answers came and were refused");
});

test("the same seed gives the same history, another seed another", async () => {
  const [one, same, other] = [11, 11, 12].map((seed) => simulate({ seed, hours: 2 }));
  assert.equal((await one)?.hash, (await same)?.hash);
  assert.notEqual((await one)?.hash, (await other)?.hash);
});

for (const variant of variants) {
  test(`the checks notice a queue with this mistake: ${variant}`, async () => {
    const claim = {
      "ack-before-write": /^E1 /,
      "no-lease-check": /^E[234] /,
      "retry-counted-on-throttle": /^E3 /,
    };
    for (let seed = 1; seed < 20; seed += 1) {
      const { violations } = await simulate({ seed, hours: 10, variant });
      if (violations.length === 0) continue;
      assert.match(violations[0] ?? "", claim[variant]);
      return;
    }
    assert.fail("twenty seeds were run and nothing was noticed");
  });
}
