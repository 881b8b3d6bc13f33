import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { asyncEvent } from "../../../test/harness/async-event.ts";
import { Lane } from "./lane.ts";
import type { Queued } from "./store.ts";
import { placeOf } from "./store.ts";

/** What the store has, beside a lane that must know all of it. */
class World {
  readonly lane = new Lane(asyncEvent());
  readonly stored = new Map<string, Queued>();
  readonly taken: Queued[] = [];
  #scan: { after: string; snapshot: Queued[] | undefined } | undefined;
  #made = 0;

  add(dueAtMs: number): void {
    this.#made += 1;
    const queued = {
      event: asyncEvent({ dueAtMs, id: String(this.#made).padStart(6, "0") }),
      receipt: this.#made,
    };
    this.#put(queued);
  }

  take(): void {
    if (!this.lane.head) return;
    const queued = this.lane.take();
    assert.ok(this.stored.has(placeOf(queued.event)), "E1: what is taken is in the store");
    assert.ok(!this.taken.some(({ event }) => event.id === queued.event.id), "E3: nothing is taken twice");
    this.taken.push(queued);
  }

  settle(retryAtMs: number | undefined): void {
    const queued = this.taken.shift();
    if (!queued) return;
    this.stored.delete(placeOf(queued.event));
    this.lane.release(queued);
    if (retryAtMs === undefined) return;
    this.#put({ event: { ...queued.event, dueAtMs: retryAtMs }, receipt: ++this.#made });
  }

  putBack(): void {
    const queued = this.taken.pop();
    if (!queued) return;
    this.lane.release(queued);
    this.lane.add(queued, 4);
  }

  beginScan(): void {
    const begun = this.lane.beginRefill(1);
    if (begun) this.#scan = { after: begun.after ? placeOf(begun.after.event) : "", snapshot: undefined };
  }

  /** What the store shows at this moment; it arrives later. */
  readScan(): void {
    if (this.#scan && !this.#scan.snapshot) this.#scan.snapshot = this.#inOrder();
  }

  endScan(pageMax: number, fails: boolean): void {
    if (!this.#scan) return;
    this.readScan();
    const { after, snapshot = [] } = this.#scan;
    this.#scan = undefined;
    if (fails) return this.lane.endRefill(undefined);
    const found = snapshot.filter(({ event }) => placeOf(event) > after);
    this.lane.endRefill({ items: found.slice(0, pageMax), isLast: found.length <= pageMax });
  }

  check(): void {
    assert.equal(this.lane.running, this.taken.length);
    assert.equal(this.lane.waiting, this.stored.size - this.taken.length, "E4: all that waits is counted");
  }

  #put(queued: Queued): void {
    this.stored.set(placeOf(queued.event), queued);
    this.lane.add(queued, 4);
  }

  #inOrder(): Queued[] {
    return [...this.stored].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, queued]) => queued);
  }
}

type Act = (world: World) => void;

const act: fc.Arbitrary<Act> = fc.oneof(
  fc.nat(9).map(
    (due): Act =>
      (world) =>
        world.add(due),
  ),
  fc.nat(9).map(
    (due): Act =>
      (world) =>
        world.add(due),
  ),
  fc.constant<Act>((world) => world.take()),
  fc.option(fc.nat(9), { nil: undefined }).map(
    (due): Act =>
      (world) =>
        world.settle(due),
  ),
  fc.constant<Act>((world) => world.putBack()),
  fc.constant<Act>((world) => world.beginScan()),
  fc.constant<Act>((world) => world.readScan()),
  fc.tuple(fc.integer({ min: 1, max: 3 }), fc.boolean()).map(
    ([pageMax, fails]): Act =>
      (world) =>
        world.endScan(pageMax, fails),
  ),
);

test("E3 E4 whatever comes, goes and is read meanwhile, a lane knows each event once", () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 120 }), (acts) => {
      const world = new World();
      for (const each of acts) {
        each(world);
        world.check();
      }
      // Then all of it can be had, to the last.
      for (let rounds = 0; world.stored.size > 0; rounds += 1) {
        assert.ok(rounds < 2000, "E4: nothing is left behind in the store");
        world.endScan(3, false);
        world.take();
        world.settle(undefined);
        world.beginScan();
      }
      assert.equal(world.lane.waiting, 0);
    }),
    { numRuns: 3000 },
  );
});

test("without readings from the store the earliest are taken first", () => {
  const world = new World();
  for (const due of [5, 3, 9, 1]) world.add(due);
  for (let at = 0; at < 4; at += 1) world.take();
  assert.deepEqual(
    world.taken.map(({ event }) => event.dueAtMs),
    [1, 3, 5, 9],
  );
});

test("memory stays bounded: a lane of thousands holds its window", () => {
  const world = new World();
  for (let due = 0; due < 5000; due += 1) world.add(due);
  assert.equal(world.lane.inMemory, 4);
  assert.equal(world.lane.waiting, 5000);
});
