/** What queues hand out and when: scripts for FIFO groups, and both kinds against a simple model (no loss, M2). */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Message } from "./message.ts";
import { QueueState } from "./queue-state.ts";

const startMs = 1_000_000;

function message(seq: number, groupId: string | undefined, visibleAtMs = startMs): Message {
  return {
    seq,
    id: `m${seq}`,
    contentId: `c${seq}`,
    sentAtMs: startMs,
    senderId: "000000000000",
    ...(groupId !== undefined && { groupId }),
    visibleAtMs,
    receiveCount: 0,
  };
}

/** A FIFO queue with messages like "a1", "b2": group and number. */
function fifo(...names: string[]) {
  const state = new QueueState({ isFifo: true, windowMax: 1000 });
  let nowMs = startMs;
  const seqOf = new Map<string, number>();
  const nameOf = new Map<number, string>();
  const counts = new Map<number, number>();
  const send = (name: string) => {
    const seq = seqOf.size + 1;
    seqOf.set(name, seq);
    nameOf.set(seq, name);
    state.add(message(seq, name.slice(0, 1)), nowMs);
  };
  for (const name of names) send(name);
  return {
    state,
    send,
    pass: (ms: number) => (nowMs += ms),
    receive(max = 10, visibilityMs = 30_000, receivesMax?: number): string {
      const { received, dead } = state.receive({ max, visibilityMs, nowMs, retentionMs: 1e12, receivesMax });
      for (const { seq, receiveCount } of received) counts.set(seq, receiveCount);
      const text = received.map(({ seq }) => nameOf.get(seq)).join(" ");
      return dead.length === 0 ? text : `${text} dead: ${dead.map(({ seq }) => nameOf.get(seq)).join(" ")}`;
    },
    delete(...gone: string[]) {
      for (const name of gone) {
        const seq = seqOf.get(name) ?? 0;
        assert.equal(state.standing(seq, counts.get(seq) ?? 0, nowMs).kind, "current", name);
        state.leave(seq);
        state.remove(seq);
      }
    },
    change: (name: string, ms: number) => state.changeVisibility(seqOf.get(name) ?? 0, ms, nowMs),
    counts: () => state.counts(nowMs),
  };
}

test("a FIFO receive drains one group in order, then the next", () => {
  const queue = fifo("a1", "b1", "a2", "a3", "b2");
  assert.equal(queue.receive(4), "a1 a2 a3 b1");
  assert.equal(queue.receive(), "");
});

test("M2: whatever is in flight blocks the rest of its group, and new sends do not unblock it", () => {
  const queue = fifo("a1", "a2", "b1");
  assert.equal(queue.receive(1), "a1");
  queue.send("a3");
  assert.equal(queue.receive(), "b1");
  assert.equal(queue.receive(), "");
  queue.delete("a1");
  assert.equal(queue.receive(), "a2 a3");
});

test("M2: a group of which some messages are deleted stays blocked until all are", () => {
  const queue = fifo("a1", "a2", "a3");
  assert.equal(queue.receive(2), "a1 a2");
  queue.delete("a1");
  assert.equal(queue.receive(), "");
  queue.delete("a2");
  assert.equal(queue.receive(), "a3");
});

test("M2: with a message extended while those around it expire, only those before it come again", () => {
  const queue = fifo("a1", "a2", "a3", "a4");
  assert.equal(queue.receive(3), "a1 a2 a3");
  queue.change("a2", 60_000);
  queue.pass(30_000);
  assert.equal(queue.receive(), "a1");
  queue.pass(30_000);
  assert.equal(queue.receive(), "a1 a2 a3 a4");
});

test("a message made visible again comes alone while later ones are hidden", () => {
  const queue = fifo("a1", "a2", "a3");
  assert.equal(queue.receive(2), "a1 a2");
  queue.change("a1", 0);
  assert.equal(queue.receive(), "a1");
});

test("a group that was served goes behind the others", () => {
  const queue = fifo("a1", "b1");
  assert.equal(queue.receive(1, 1000), "a1");
  queue.pass(1000);
  assert.equal(queue.receive(1), "b1");
  assert.equal(queue.receive(1), "a1");
});

test("a receive with visibility timeout 0 hides nothing and blocks nothing", () => {
  const queue = fifo("a1", "a2");
  assert.equal(queue.receive(1, 0), "a1");
  assert.equal(queue.receive(2, 0), "a1 a2");
  assert.deepEqual(queue.counts(), { visible: 2, inFlight: 0, delayed: 0 });
});

test("a dead message leaves before what stands behind it in its group is received", () => {
  const queue = fifo("a1", "a2", "b1");
  assert.equal(queue.receive(1, 0, 1), "a1");
  assert.equal(queue.receive(10, 30_000, 1), "b1 dead: a1");
  queue.state.remove(1);
  assert.equal(queue.receive(10, 30_000, 1), "a2");
});

test("a commit that fails puts the message back, hidden for as long as it was", () => {
  const queue = fifo("a1");
  assert.equal(queue.receive(), "a1");
  queue.state.leave(1);
  assert.equal(queue.state.standing(1, 1, startMs).kind, "gone");
  queue.state.stay(1, startMs + 1000);
  assert.equal(queue.state.standing(1, 1, startMs + 1000).kind, "current");
  queue.pass(30_000);
  assert.equal(queue.receive(), "a1");
});

test("what a receipt is worth changes with time and with the next receive", () => {
  const state = new QueueState({ isFifo: false, windowMax: 10 });
  state.add(message(1, undefined), startMs);
  const receive = (nowMs: number) =>
    state.receive({ max: 1, visibilityMs: 1000, nowMs, retentionMs: 1e12, receivesMax: undefined });
  receive(startMs);
  assert.equal(state.standing(1, 1, startMs).kind, "current");
  assert.equal(state.standing(1, 1, startMs + 1000).kind, "visible");
  receive(startMs + 1000);
  assert.equal(state.standing(1, 1, startMs + 1001).kind, "stale");
  assert.equal(state.standing(2, 1, startMs + 1001).kind, "gone");
});

test("what is past its retention is not handed out, in flight or not", () => {
  const state = new QueueState({ isFifo: false, windowMax: 10 });
  state.add(message(1, undefined), startMs);
  state.add({ ...message(2, undefined), sentAtMs: startMs + 500 }, startMs);
  const order = {
    max: 10,
    visibilityMs: 100,
    nowMs: startMs + 1000,
    retentionMs: 1000,
    receivesMax: undefined,
  };
  const { received, expired } = state.receive(order);
  assert.deepEqual([received.map(({ seq }) => seq), expired.map(({ seq }) => seq)], [[2], [1]]);
  state.remove(1);
  const later = state.expire(startMs + 1500, 1000, 10);
  assert.deepEqual(
    later.map(({ seq }) => seq),
    [2],
  );
});

// The model: every message with when it is visible, and a store that is read from page by page.

interface Known {
  message: Message;
  isInFlight: boolean;
}

type Step =
  | { readonly kind: "send"; readonly group: string; readonly delayMs: number }
  | { readonly kind: "receive"; readonly max: number; readonly visibilityMs: number }
  | { readonly kind: "delete" | "abandon" | "free"; readonly which: number }
  | { readonly kind: "pass"; readonly ms: number }
  | { readonly kind: "refill" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("send" as const),
      group: fc.constantFrom("a", "b", "c"),
      delayMs: fc.constantFrom(0, 0, 0, 50),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("receive" as const),
      max: fc.integer({ min: 1, max: 10 }),
      visibilityMs: fc.constantFrom(0, 20, 100),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom("delete" as const, "abandon" as const, "free" as const),
      which: fc.nat(20),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 80 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("refill" as const) }) },
);

class Model {
  readonly isFifo: boolean;
  readonly state: QueueState;
  readonly alive = new Map<number, Known>();
  nowMs = startMs;
  #seq = 0;

  constructor(isFifo: boolean, windowMax: number) {
    this.isFifo = isFifo;
    this.state = new QueueState({ isFifo, windowMax });
  }

  run(one: Step): void {
    if (one.kind === "send") this.#send(one.group, one.delayMs);
    else if (one.kind === "receive") this.receive(one.max, one.visibilityMs);
    else if (one.kind === "pass") this.nowMs += one.ms;
    else if (one.kind === "refill") this.refill();
    else this.#settle(one.kind, one.which);
    this.#countsAddUp();
  }

  /** Answers the sequence numbers. */
  receive(max: number, visibilityMs: number): number[] {
    const order = { max, visibilityMs, nowMs: this.nowMs, retentionMs: 1e12, receivesMax: undefined };
    const { received } = this.state.receive(order);
    const seqs = received.map(({ seq }) => seq);
    for (const [at, got] of received.entries()) {
      const known = this.alive.get(got.seq);
      assert(known, "nothing comes that was deleted or never sent");
      assert(known.message.visibleAtMs <= this.nowMs, "nothing comes twice within its visibility");
      if (this.isFifo) this.#nothingWasPassed(got, seqs.slice(0, at));
      assert.equal(got.receiveCount, known.message.receiveCount + 1, "each receive counts once");
      known.message = got;
      known.isInFlight = visibilityMs > 0;
    }
    return seqs;
  }

  refill(): void {
    const from = this.state.beginRefill();
    if (!from) return;
    const behind = [...this.alive.values()]
      .map(({ message: one }) => one)
      .filter(({ seq }) => seq > from.afterSeq);
    // A message that comes while the store is being read is not on the page.
    this.#send("a", 0);
    this.state.endRefill({ messages: behind.slice(0, 4), isLast: behind.length <= 4 }, this.nowMs);
  }

  remove(seq: number): void {
    this.state.leave(seq);
    this.state.remove(seq);
    this.alive.delete(seq);
  }

  #send(group: string, delayMs: number): void {
    this.#seq += 1;
    // On FIFO queues only the queue delays, and all alike.
    const visibleAtMs = this.nowMs + (this.isFifo ? 0 : delayMs);
    const sent = message(this.#seq, this.isFifo ? group : undefined, visibleAtMs);
    this.alive.set(sent.seq, { message: sent, isInFlight: false });
    this.state.add(sent, this.nowMs);
  }

  #settle(kind: "delete" | "abandon" | "free", which: number): void {
    const held = [...this.alive.values()].filter(
      ({ isInFlight, message: one }) => isInFlight && one.visibleAtMs > this.nowMs,
    );
    const known = held[which % Math.max(1, held.length)];
    if (!known) return;
    const { seq, receiveCount } = known.message;
    assert.equal(
      this.state.standing(seq, receiveCount, this.nowMs).kind,
      "current",
      "a current receipt is one",
    );
    if (kind === "delete") return this.remove(seq);
    if (kind === "free") {
      known.message = this.state.changeVisibility(seq, 0, this.nowMs);
    } else {
      this.state.leave(seq);
      this.state.stay(seq, this.nowMs);
    }
  }

  /** M2: no earlier message of its group is alive that has not just been received before it. */
  #nothingWasPassed(got: Message, before: readonly number[]): void {
    for (const { message: other } of this.alive.values()) {
      if (other.groupId !== got.groupId || other.seq >= got.seq) continue;
      assert(before.includes(other.seq), `M2: ${got.seq} overtook ${other.seq} of its group`);
    }
  }

  #countsAddUp(): void {
    const { visible, inFlight, delayed } = this.state.counts(this.nowMs);
    assert.equal(visible + inFlight + delayed, this.alive.size, "counts add up");
    const hidden = [...this.alive.values()].filter(
      ({ isInFlight, message: one }) => isInFlight && one.visibleAtMs > this.nowMs,
    );
    assert.equal(inFlight, hidden.length, "what is in flight is counted as that");
  }
}

for (const isFifo of [false, true]) {
  const kind = isFifo ? "FIFO" : "standard";
  test(`a ${kind} queue loses nothing, repeats nothing early, keeps its order and counts right (M2)`, () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 80, size: "max" }),
        fc.constantFrom(3, 6, 1000),
        (steps, windowMax) => {
          const model = new Model(isFifo, windowMax);
          for (const one of steps) model.run(one);
          // Everything that is left comes, exactly once, when nothing is hidden any more.
          model.nowMs += 10_000;
          for (let rounds = 0; model.alive.size > 0; rounds += 1) {
            assert(rounds < 500, `messages are lost: ${[...model.alive.keys()].join(", ")}`);
            for (const seq of model.receive(10, 100_000)) model.remove(seq);
            const from = model.state.beginRefill();
            if (!from) continue;
            const behind = [...model.alive.values()].filter(({ message: { seq } }) => seq > from.afterSeq);
            const messages = behind.slice(0, 4).map(({ message: one }) => one);
            model.state.endRefill({ messages, isLast: behind.length <= 4 }, model.nowMs);
          }
          assert.deepEqual(model.state.counts(model.nowMs), { visible: 0, inFlight: 0, delayed: 0 });
        },
      ),
      { numRuns: 400 },
    );
  });
}
