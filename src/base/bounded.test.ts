/** Collections with an end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { BoundedQueue, TailBuffer } from "./bounded.ts";
import { InvariantError } from "./invariant.ts";

test("a queue gives back what it took, in order, and refuses more than it holds", () => {
  const commands = fc.array(fc.option(fc.nat(), { nil: undefined }), { maxLength: 500 });
  fc.assert(
    fc.property(commands, fc.integer({ min: 1, max: 100 }), (steps, capacity) => {
      const queue = new BoundedQueue<number>(capacity);
      const model: number[] = [];
      for (const step of steps) {
        if (step === undefined) {
          assert.equal(queue.shift(), model.shift());
        } else {
          assert.equal(queue.push(step), model.length < capacity);
          if (model.length < capacity) model.push(step);
        }
        assert.equal(queue.size, model.length);
      }
    }),
  );
});

test("a queue without room is a mistake of ours", () => {
  for (const capacity of [0, -1, 1.5, Number.NaN])
    assert.throws(() => new BoundedQueue(capacity), InvariantError);
});

test("a tail keeps the last bytes, however they came", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 50 })),
      fc.integer({ min: 1, max: 64 }),
      (chunks, capacity) => {
        const tail = new TailBuffer(capacity);
        for (const chunk of chunks) tail.write(chunk);
        assert.deepEqual(Buffer.from(tail.bytes()), Buffer.concat(chunks).subarray(-capacity));
      },
    ),
  );
});
