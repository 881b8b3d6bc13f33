/**
 * Replays: events of an archive go to their bus again, in the order of their times, a page at a time; each page and how
 * far the replay has come are one commit, so that a crash loses and repeats nothing. Waits while much is undelivered.
 */
import type { Clock } from "../../base/clock.ts";
import { describeError, type Logger } from "../../base/logger.ts";
import type { Random } from "../../base/random.ts";
import { newTraceHeader } from "../../base/trace.ts";
import { replayBacklogMax, replayCommitEventsMax, replayRetryMs, storeBatchWritesMax } from "../../limits.ts";
import type { Write } from "../../store/store.ts";
import { StoreError } from "../../store/store.ts";
import { type Archived, isActive, type ReplayRecord } from "./domain/archive.ts";
import { replayedText } from "./domain/event.ts";
import type { TakeIn } from "./intake.ts";
import type { EventBridgeStore } from "./store.ts";

export interface ReplaysDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly store: EventBridgeStore;
  readonly takeIn: TakeIn;
  /** Deliveries that wait. */
  readonly backlog: () => number;
}

export class Replays {
  readonly #deps: ReplaysDeps;
  readonly #running = new Map<string, Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(deps: ReplaysDeps) {
    this.#deps = deps;
  }

  get active(): number {
    return this.#running.size;
  }

  /** Those that an earlier life has begun go on. */
  async resume(): Promise<void> {
    for await (const { value } of this.#deps.store.everyReplay()) if (isActive(value)) this.begin(value);
  }

  /** The record is in the store. */
  begin(replay: ReplayRecord): void {
    const key = `${replay.account}/${replay.region}/${replay.name}`;
    const running = this.#run(replay).finally(() => this.#running.delete(key));
    this.#running.set(key, running);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#running.values());
  }

  async #run({ account, region, name }: ReplayRecord): Promise<void> {
    const { clock, logger, store, backlog } = this.#deps;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const stored = await store.replays.get({ account, region }, name);
        if (!stored || !isActive(stored.value)) return;
        if (backlog() > replayBacklogMax) await clock.sleep(replayRetryMs, signal);
        else await this.#step(stored.value, stored.version);
      } catch (error) {
        if (signal.aborted || (error instanceof StoreError && error.code === "closed")) return;
        logger.error("a replay could not go on, and tries again", {
          replay: name,
          error: describeError(error),
        });
        await clock.sleep(replayRetryMs, signal).catch(() => undefined);
      }
    }
  }

  /** One portion, or the end. Somebody who cancels meanwhile wins: then nothing is sent. */
  async #step(replay: ReplayRecord, version: number): Promise<void> {
    const { store } = this.#deps;
    if (replay.state === "CANCELLING") return this.#end(replay, version, "CANCELLED");
    const from = { fromMs: replay.lastTimeMs ?? replay.fromMs, afterId: replay.lastId };
    const page = await store.archived(replay.archiveId, from);
    const portion = page.filter(({ timeMs }) => timeMs < replay.toMs).slice(0, replayCommitEventsMax);
    if (portion.length === 0) return this.#end(replay, version, "COMPLETED");
    const writes: Write[] = [];
    const committed: (() => void)[] = [];
    let last: Archived | undefined;
    for (const event of portion) {
      if (writes.length > storeBatchWritesMax / 2) break;
      const taken = await this.#deps.takeIn(this.#again(replay, event));
      writes.push(...taken.writes);
      committed.push(taken.committed);
      last = event;
    }
    const after: ReplayRecord = { ...replay, state: "RUNNING", lastTimeMs: last?.timeMs, lastId: last?.id };
    if (await store.tryCommit([store.replays.put(after, version), ...writes])) {
      committed.forEach((each) => each());
    }
  }

  #again(replay: ReplayRecord, { id, timeMs, text }: Archived) {
    const { clock, random } = this.#deps;
    return {
      bus: replay.bus,
      id,
      timeMs,
      text: replayedText(text, replay.name),
      traceHeader: newTraceHeader(clock, random),
      hops: 0,
      ...(replay.ruleArns.length > 0 && { ruleArns: replay.ruleArns }),
    };
  }

  async #end(replay: ReplayRecord, version: number, state: "COMPLETED" | "CANCELLED"): Promise<void> {
    const { clock, store } = this.#deps;
    await store.tryCommit([store.replays.put({ ...replay, state, endedAtMs: clock.now() }, version)]);
  }
}
