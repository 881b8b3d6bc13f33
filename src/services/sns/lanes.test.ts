import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Lanes } from "./lanes.ts";

test("order is kept in a lane of one, bounds hold, and everything gets its turn", () => {
  const item = fc.record({ lane: fc.constantFrom("a", "b", "c"), laneWidth: fc.constant(1) });
  fc.assert(
    fc.property(
      fc.array(item),
      fc.integer({ min: 1, max: 4 }),
      fc.infiniteStream(fc.nat()),
      (items, max, dice) => {
        const lanes = new Lanes<(typeof items)[number]>(max);
        for (const each of items) if (lanes.enter(each)) lanes.ready(each);
        const running: typeof items = [];
        const done: typeof items = [];
        while (done.length < items.length) {
          for (let next = lanes.begin(); next; next = lanes.begin()) running.push(next);
          assert(running.length > 0 && running.length <= max);
          assert.equal(new Set(running.map(({ lane }) => lane)).size, running.length, "one in each lane");
          const [ended] = running.splice((dice.next().value ?? 0) % running.length, 1);
          assert(ended);
          done.push(ended);
          lanes.ended();
          const next = lanes.leave(ended);
          if (next) lanes.ready(next);
        }
        for (const lane of ["a", "b", "c"]) {
          const of = (all: typeof items) => all.filter((each) => each.lane === lane);
          assert(of(done).every((each, at) => each === of(items)[at]));
        }
      },
    ),
  );
});
