/**
 * The durable queue of asynchronous events. Read this first.
 *
 *     append ── commit ──► lane of its function ──► attempt ──► verdict ──► settled, in one commit with what comes next
 *     (then 202)              ▲                                    │
 *                             └──── retry: later · wait: again ────┘
 *
 * Laws: E1 `append` resolves after the commit · E2 nothing is removed before its successor is durable, in one commit ·
 * E3 only the current lease settles: an attempt settles with its receipt, a stale one is refused and counted · E4
 * accepted = waiting + leased + succeeded + given up · after a crash everything that was not settled is attempted again.
 *
 * A lease is kept in memory only, for whoever starts on this store is alone on it; to take one over, the record is
 * written anew. What is not leased waits in `Lane`s, one for each function, which take turns. Nothing polls: a lane is
 * looked at when an event comes, an attempt ends, a permit is given back, or a time is reached.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import { invariant } from "../../base/invariant.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Random } from "../../base/random.ts";
import {
  asyncConcurrencyMax,
  asyncHeldPayloadBytesMax,
  asyncQueueBytesMax,
  asyncScanEventsMax,
  asyncSettleRetryMs,
  asyncWindowEventsMax,
  asyncWindowsEventsMax,
} from "../../limits.ts";
import type { Store } from "../../store/store.ts";
import { StoreError } from "../../store/store.ts";
import type { Deliver } from "../ports.ts";
import type { AsyncEvent, AsyncEvents, AsyncFunctions, LaneName, NewEvent } from "./event.ts";
import { QueueFull } from "./event.ts";
import type { Waiting } from "./lane.ts";
import { Lane } from "./lane.ts";
import type { Lease as LeaseOf } from "./leases.ts";
import { Leases } from "./leases.ts";
import { Ledger } from "./ledger.ts";
import { Pace } from "./pace.ts";
import type { Failed, Queued } from "./store.ts";
import { EventStore, StaleReceipt } from "./store.ts";
import type { Settled, Step } from "./steps.ts";
import { createSteps } from "./steps.ts";
import type { Decide } from "./verdict.ts";

export interface AsyncQueueDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly deliver: Deliver;
  readonly retryDelaysMs: readonly number[];
  /** `verdict.ts`. */
  readonly verdict: Decide;
}

interface LaneEntry {
  readonly lane: Lane;
  readonly pace: Pace;
  timer: Timer | undefined;
}

type Lease = LeaseOf<LaneEntry>;

/** What a look at the queue shows of an event. */
export interface Listed {
  readonly event: AsyncEvent;
  readonly isRunning: boolean;
}

export class AsyncQueue implements AsyncEvents {
  readonly #deps: AsyncQueueDeps;
  readonly #store: EventStore;
  readonly #ledger: Ledger;
  readonly #lanes = new Map<string, LaneEntry>();
  /** Lanes that can be taken from now, in turns. */
  readonly #ready = new Set<LaneEntry>();
  /** Lanes whose head waits for a permit. */
  readonly #forPermit = new Set<LaneEntry>();
  readonly #leases: Leases<LaneEntry>;
  #step: Step | undefined;
  /** Until what an earlier life has left is known, nothing is added. */
  readonly #restored = Promise.withResolvers<void>();
  #heldBytes = 0;
  #sequence = 0;
  #isStopped = false;

  constructor(deps: AsyncQueueDeps) {
    this.#deps = deps;
    this.#store = new EventStore(deps.store);
    this.#leases = new Leases(deps.clock, (lease) => void this.#takeOver(lease));
    this.#ledger = new Ledger(deps.metrics, () => ({ waiting: this.#waiting(), leased: this.#leases.size }));
  }

  async append(made: NewEvent): Promise<void> {
    const { payload, qualifier, sourceArn, clientContext, ...rest } = made;
    if (this.#ledger.bytes + payload.length > asyncQueueBytesMax) {
      throw new QueueFull("the queue of asynchronous events is full");
    }
    const nowMs = this.#deps.clock.now();
    const event: AsyncEvent = {
      id: this.#newId(),
      ...rest,
      ...(qualifier !== undefined && { qualifier }),
      ...(sourceArn !== undefined && { sourceArn }),
      ...(clientContext !== undefined && { clientContext }),
      payloadBytes: payload.length,
      acceptedAtMs: nowMs,
      dueAtMs: nowMs,
      invocations: 0,
      failures: 0,
      stage: { kind: "invoke" },
    };
    await this.#restored.promise;
    const queued: Waiting = await this.#store.append(event, payload);
    this.#ledger.accepted(event);
    if (this.#heldBytes + payload.length <= asyncHeldPayloadBytesMax) {
      queued.payload = payload;
      this.#heldBytes += payload.length;
    }
    this.#enqueue(queued);
  }

  async work(functions: AsyncFunctions): Promise<() => Promise<void>> {
    await this.#restore();
    functions.onPermitFree((freed) => this.#permitFree(freed));
    const isStopping = () => this.#isStopped;
    this.#step = createSteps({ ...this.#deps, store: this.#store, functions, isStopping });
    this.#restored.resolve();
    for (const entry of this.#lanes.values()) this.#look(entry);
    this.#fill();
    return () => this.#stop();
  }

  /** In the order of functions and times; those behind `after`. */
  async list(
    limit: number,
    after?: AsyncEvent,
  ): Promise<{ readonly items: readonly Listed[]; readonly isLast: boolean }> {
    const { items, isLast } = await this.#store.page(undefined, after, limit);
    const leased = this.#leases.ids();
    return { items: items.map(({ event }) => ({ event, isRunning: leased.has(event.id) })), isLast };
  }

  /** Given up and kept, oldest first. */
  async failed(limit: number, after?: Failed): Promise<readonly Failed[]> {
    return (await this.#store.failed(limit, after)).map(({ failed }) => failed);
  }

  /** Failed events of which `wants` says so wait again, as if they were new. Answers how many. */
  async redrive(wants: (event: AsyncEvent) => boolean): Promise<number> {
    let count = 0;
    for await (const entry of this.#everyFailed(wants)) {
      const nowMs = this.#deps.clock.now();
      const next: AsyncEvent = {
        ...entry.failed.event,
        acceptedAtMs: nowMs,
        dueAtMs: nowMs,
        invocations: 0,
        failures: 0,
        stage: { kind: "invoke" },
      };
      const queued = await this.#store.redrive(entry, next);
      this.#ledger.redriven();
      this.#enqueue(queued);
      count += 1;
    }
    return count;
  }

  /** Removes events that wait, and with `failed` those that are kept. What runs goes on. Answers how many. */
  async purge(wants: (event: LaneName) => boolean, failed: boolean): Promise<number> {
    let count = 0;
    for (const entry of [...this.#lanes.values()]) {
      if (wants(entry.lane.name)) count += await this.#purgeLane(entry);
    }
    if (!failed) return count;
    for await (const each of this.#everyFailed(wants)) {
      await this.#store.removeFailed(each);
      this.#ledger.forgotten(each.failed.event);
      count += 1;
    }
    return count;
  }

  #newId(): string {
    this.#sequence += 1;
    return `${String(this.#sequence).padStart(10, "0")}-${this.#deps.random.hex(8)}`;
  }

  // Lanes.

  #enqueue(queued: Waiting): void {
    const entry = this.#entryOf(queued.event);
    const evicted = entry.lane.add(queued, this.#windowMax());
    if (evicted) this.#payloadOf(evicted);
    this.#look(entry);
    this.#fill();
  }

  #entryOf(name: LaneName): LaneEntry {
    const key = `${name.account}/${name.region}/${name.functionName}`;
    const known = this.#lanes.get(key);
    if (known) return known;
    const { account, region, functionName } = name;
    const lane = new Lane({ account, region, functionName });
    const entry: LaneEntry = { lane, pace: new Pace(), timer: undefined };
    this.#lanes.set(key, entry);
    return entry;
  }

  /** Fair shares of the memory that all windows have together. */
  #windowMax(): number {
    return Math.max(4, Math.min(asyncWindowEventsMax, Math.floor(asyncWindowsEventsMax / this.#lanes.size)));
  }

  /** Decides what is next for a lane: nothing, reading on, waiting for a time, or its turn. */
  #look(entry: LaneEntry): void {
    const { lane, pace } = entry;
    entry.timer?.cancel();
    entry.timer = undefined;
    this.#ready.delete(entry);
    if (this.#isStopped || !this.#step) return;
    this.#refill(entry);
    const { head } = lane;
    if (!head) {
      if (lane.waiting === 0 && lane.running === 0) this.#forget(entry);
      return;
    }
    if (lane.running >= pace.width) return;
    const waitMs = Math.max(head.event.dueAtMs, pace.pausedUntilMs) - this.#deps.clock.now();
    if (waitMs > 0) entry.timer = this.#deps.clock.after(waitMs, () => this.#lookAndFill(entry));
    else this.#ready.add(entry);
  }

  #lookAndFill(entry: LaneEntry): void {
    this.#look(entry);
    this.#fill();
  }

  #forget(entry: LaneEntry): void {
    const { name } = entry.lane;
    this.#forPermit.delete(entry);
    this.#lanes.delete(`${name.account}/${name.region}/${name.functionName}`);
  }

  #refill(entry: LaneEntry): void {
    const { lane } = entry;
    const windowMax = this.#windowMax();
    const begun = lane.beginRefill(windowMax / 4);
    if (!begun) return;
    const read = async () => {
      try {
        lane.endRefill(await this.#store.page(lane.name, begun.after?.event, windowMax));
      } catch (error) {
        lane.endRefill(undefined);
        if (this.#isClosed(error)) return;
        this.#deps.logger.error("asynchronous events could not be read", { ...lane.name, error });
        entry.timer ??= this.#deps.clock.after(asyncSettleRetryMs, () => this.#lookAndFill(entry));
        return;
      }
      this.#lookAndFill(entry);
    };
    void read();
  }

  /** One from each lane in turn, as long as there is room. */
  #fill(): void {
    while (this.#leases.size < asyncConcurrencyMax) {
      const [entry] = this.#ready;
      if (!entry) return;
      this.#ready.delete(entry);
      this.#begin(entry);
      this.#look(entry);
    }
  }

  #permitFree({ account, region, functionName }: LaneName): void {
    if (this.#forPermit.size === 0) return;
    const own = this.#lanes.get(`${account}/${region}/${functionName}`);
    const [longest] = this.#forPermit;
    // Its own permit is free for the function itself, and perhaps for one other: the one that waits longest.
    for (const entry of new Set([own, longest])) {
      if (!entry || !this.#forPermit.delete(entry)) continue;
      entry.pace.resume();
      this.#look(entry);
    }
    this.#fill();
  }

  // Attempts.

  #begin(entry: LaneEntry): void {
    const queued = entry.lane.take();
    void this.#run(this.#leases.begin(entry, queued), this.#payloadOf(queued));
  }

  /** Taken from memory, if it was there. */
  #payloadOf(queued: Waiting): Uint8Array | undefined {
    const { payload } = queued;
    queued.payload = undefined;
    this.#heldBytes -= payload?.length ?? 0;
    return payload;
  }

  async #run(lease: Lease, payload: Uint8Array | undefined): Promise<void> {
    const { pace, lane } = lease.entry;
    const { clock } = this.#deps;
    const begunMs = clock.monotonic();
    const onRan = (durationMs: number) => {
      const endedMs = clock.monotonic();
      if (this.#leases.has(lease)) pace.ran({ durationMs, begunMs, endedMs, running: lane.running });
    };
    try {
      invariant(this.#step, "nothing is leased before the work begins");
      const next = await this.#step(lease.queued, { payload, stalls: pace.stalls, onRan });
      if (next.kind === "leave") return;
      if (next.kind === "wait") return this.#goBack(lease, next.untilMs, next.isForPermit);
      await this.#settle(lease, next);
    } catch (error) {
      this.#unknown(lease, error);
    }
  }

  /** It has not run, and nothing about it has changed: back to its place. */
  #goBack(lease: Lease, untilMs: number, isForPermit: boolean): void {
    if (!this.#leases.has(lease)) return;
    const { entry, queued } = lease;
    entry.pace.stall(untilMs, entry.lane.running);
    this.#release(lease);
    if (isForPermit) this.#forPermit.add(entry);
    this.#enqueue(queued);
  }

  /** We could not find out what to do with it. */
  #unknown(lease: Lease, error: unknown): void {
    if (error instanceof StaleReceipt) return this.#refused(lease);
    if (this.#isClosed(error)) return;
    this.#deps.logger.error("an asynchronous event could not be attempted", {
      ...lease.entry.lane.name,
      error,
    });
    this.#goBack(lease, this.#deps.clock.now() + asyncSettleRetryMs, false);
  }

  /** Writes down what comes next; until it is written the event stays leased. */
  async #settle(lease: Lease, next: Settled): Promise<void> {
    for (;;) {
      try {
        const successor = await this.#write(lease.queued, next);
        this.#ledger.settled(lease.queued.event, next);
        this.#release(lease);
        if (successor) this.#enqueue(successor);
        else this.#lookAndFill(lease.entry);
        return;
      } catch (error) {
        if (error instanceof StaleReceipt) return this.#refused(lease);
        if (this.#isClosed(error)) return;
        this.#deps.logger.error("the end of an asynchronous event could not be written", { error });
        await this.#deps.clock.sleep(asyncSettleRetryMs);
      }
    }
  }

  async #write(queued: Queued, next: Settled): Promise<Queued | undefined> {
    switch (next.kind) {
      case "again":
        return this.#store.replace(queued, next.event, next.response);
      case "done":
      case "dropped":
        await this.#store.remove(queued);
        return undefined;
      case "failed": {
        const failed = { event: next.event, reason: next.reason, atMs: this.#deps.clock.now() };
        const gone = await this.#store.fail(queued, failed, this.#ledger.isFailedFull);
        if (gone) this.#ledger.forgotten(gone.failed.event);
        return undefined;
      }
    }
  }

  #release(lease: Lease): void {
    if (!this.#leases.end(lease)) return;
    lease.entry.lane.release(lease.queued);
  }

  /** E3: somebody else has settled it or taken it over. */
  #refused(lease: Lease): void {
    this.#ledger.refused();
    if (!this.#leases.has(lease)) return;
    this.#release(lease);
    this.#ledger.lostElsewhere(lease.queued.event);
    this.#lookAndFill(lease.entry);
  }

  /** It was not settled in time: written anew, so that the receipt of whoever has it becomes stale. */
  async #takeOver(lease: Lease): Promise<void> {
    const { event } = lease.queued;
    this.#deps.logger.warn("an asynchronous event was not settled in time; it is attempted again", {
      ...lease.entry.lane.name,
      requestId: event.requestId,
    });
    await this.#settle(lease, { kind: "again", event: { ...event, invocations: event.invocations + 1 } });
  }

  // Life.

  async #restore(): Promise<void> {
    let after: AsyncEvent | undefined;
    for (let isLast = false; !isLast;) {
      const page = await this.#store.page(undefined, after, asyncScanEventsMax);
      for (const queued of page.items) {
        this.#ledger.restored(queued.event);
        const entry = this.#entryOf(queued.event);
        entry.lane.add(queued, this.#windowMax());
      }
      after = page.items.at(-1)?.event;
      isLast = page.isLast;
    }
    for await (const { failed } of this.#everyFailed(() => true)) this.#ledger.kept(failed.event);
  }

  /** Begins nothing more. What runs is settled if it ends before the store is closed. */
  async #stop(): Promise<void> {
    this.#isStopped = true;
    this.#leases.stop();
    for (const entry of this.#lanes.values()) entry.timer?.cancel();
    this.#ready.clear();
  }

  async #purgeLane(entry: LaneEntry): Promise<number> {
    let count = 0;
    const { lane } = entry;
    const until = lane.waiting;
    while (count < until && lane.waiting > 0) {
      if (!lane.head) {
        await this.#deps.clock.sleep(1); // it is being read
        this.#look(entry);
        continue;
      }
      const lease = this.#leases.begin(entry, lane.take());
      this.#payloadOf(lease.queued);
      await this.#settle(lease, { kind: "dropped" });
      count += 1;
    }
    return count;
  }

  async *#everyFailed(wants: (event: AsyncEvent) => boolean) {
    let after: Failed | undefined;
    for (;;) {
      const page = await this.#store.failed(asyncScanEventsMax, after);
      for (const entry of page) if (wants(entry.failed.event)) yield entry;
      after = page.at(-1)?.failed;
      if (!after) return;
    }
  }

  #isClosed(error: unknown): boolean {
    return error instanceof StoreError && error.code === "closed";
  }

  #waiting(): number {
    let total = 0;
    for (const { lane } of this.#lanes.values()) total += lane.waiting;
    return total;
  }
}
