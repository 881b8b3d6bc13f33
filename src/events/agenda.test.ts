/** Work that waits for its time, across crashes and beyond memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimClock } from "../base/clock-sim.ts";
import { silentLogger } from "../base/logger.ts";
import { agendaRetryMs, agendaWindowItemsMax } from "../limits.ts";
import { createMemoryState, createMemoryStore } from "../store/memory/memory-store.ts";
import { records } from "../store/records.ts";
import { Agenda, type Item, type Settled } from "./agenda.ts";

type Perform = (item: Item<number>) => Promise<Settled<number>>;

function stage(perform: Perform, { state = createMemoryState(), clock = createSimClock(), width = 10 } = {}) {
  const store = createMemoryStore(state);
  const seen: string[] = [];
  const agenda = new Agenda<number>({
    clock,
    store,
    logger: silentLogger,
    collection: "test/agenda",
    concurrencyMax: width,
    async perform(item) {
      seen.push(item.id);
      return perform(item);
    },
  });
  const plan = async (delayMs: number, id: string, value = 0) => {
    const item = { dueAtMs: clock.now() + delayMs, id, value };
    await store.commit([agenda.put(item)]);
    agenda.planned(item);
    return item;
  };
  const kept = async () => (await store.scan({ prefix: "test/agenda ", limit: 10_000 })).length;
  return { agenda, store, state, clock, seen, plan, kept };
}

const done: Perform = async () => ({});

test("items are performed when they are due, in that order, and are gone then", async () => {
  const { agenda, clock, plan, seen, kept } = stage(done);
  await agenda.start();
  await plan(2000, "late");
  await plan(1000, "early");
  await plan(0, "now");
  await clock.advance(999);
  assert.deepEqual(seen, ["now"]);
  await clock.advance(1);
  assert.deepEqual(seen, ["now", "early"]);
  await clock.advance(1000);
  assert.deepEqual(seen, ["now", "early", "late"]);
  assert.equal(await kept(), 0);
});

test("E2 the next item takes the place of the one that was performed, in one commit", async () => {
  const { agenda, clock, plan, seen, kept } = stage(async ({ dueAtMs, value }) => {
    return value === 2 ? {} : { next: { dueAtMs: dueAtMs + 1000, id: "again", value: value + 1 } };
  });
  await agenda.start();
  await plan(0, "first");
  await clock.advance(0);
  assert.equal(await kept(), 1);
  await clock.advance(5000);
  assert.deepEqual(seen, ["first", "again", "again"]);
  assert.equal(await kept(), 0);
});

test("what was not settled before a crash is performed again after it", async () => {
  const first = stage(() => new Promise(() => {}));
  await first.agenda.start();
  await first.plan(0, "one");
  await first.plan(60_000, "two");
  await first.clock.advance(10);
  assert.deepEqual(first.seen, ["one"]);
  const second = stage(done, first);
  await second.agenda.start();
  await second.clock.advance(60_000);
  assert.deepEqual(second.seen, ["one", "two"]);
  assert.equal(await second.kept(), 0);
});

test("what fails is tried again, a conflict at once, and nothing of a failed attempt is written", async () => {
  const { agenda, clock, store, plan, seen, kept } = stage(async () => {
    if (seen.length === 1) throw new Error("as it should");
    const others = records<string>(store, "test/other");
    return { writes: [seen.length === 2 ? others.put(["x"], "wrong", 7) : others.put(["x"], "right")] };
  });
  await agenda.start();
  await plan(0, "one");
  await clock.advance(0);
  assert.equal(await kept(), 1);
  await clock.advance(agendaRetryMs);
  assert.deepEqual(seen, ["one", "one", "one"]);
  assert.equal(await kept(), 0);
  assert.equal((await records<string>(store, "test/other").get(["x"]))?.value, "right");
});

test("an item that was removed is not performed", async () => {
  const { agenda, clock, store, plan, seen } = stage(done);
  await agenda.start();
  const item = await plan(1000, "one");
  await store.commit([agenda.removal(item)]);
  agenda.forget(item);
  await clock.advance(2000);
  assert.deepEqual(seen, []);
});

test("no more than its width run at once", async () => {
  let running = 0;
  let most = 0;
  const { agenda, clock, plan, seen } = stage(
    async () => {
      running += 1;
      most = Math.max(most, running);
      await clock.sleep(10);
      running -= 1;
      return {};
    },
    { width: 3 },
  );
  await agenda.start();
  for (let at = 0; at < 9; at += 1) await plan(0, `item-${at}`);
  await clock.advance(100);
  assert.equal(seen.length, 9);
  assert.equal(most, 3);
});

test("more than memory holds is performed in order, those that come meanwhile too, each once", async () => {
  const count = agendaWindowItemsMax * 2;
  const state = createMemoryState();
  const writing = stage(done, { state });
  const ids: string[] = [];
  for (let from = 0; from < count; from += 500) {
    const items = Array.from({ length: 500 }, (_, at) => {
      const id = String(from + at).padStart(6, "0");
      ids.push(id);
      return { dueAtMs: writing.clock.now() + from + at, id, value: 0 };
    });
    await writing.store.commit(items.map((item) => writing.agenda.put(item)));
  }
  const { agenda, clock, plan, seen, kept } = stage(done, { state, clock: writing.clock });
  await agenda.start();
  assert.equal(agenda.backlog, Number.POSITIVE_INFINITY);
  await clock.advance(count / 4);
  await plan(count * 2, "last");
  await plan(0, "between");
  await clock.advance(count * 3);
  assert.deepEqual(
    seen.filter((id) => id !== "between"),
    [...ids, "last"],
  );
  assert.equal(seen.filter((id) => id === "between").length, 1);
  assert.equal(await kept(), 0);
  assert.equal(agenda.backlog, 0);
});
