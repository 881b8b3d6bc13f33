/**
 * Log events on disk: what is appended is gathered in memory for a moment and written in chunks, one log group a chunk.
 *
 * A chunk holds the events of all streams of its group in the order of their arrival, and has a small head (its time
 * span, its streams) that stays in memory, so that a query reads only the chunks that it needs. Whoever reads sees all
 * that was appended before: a read writes what is pending first. `append` is for the lines of functions: it never waits,
 * and when the disk cannot keep up it drops lines, counts them, and says so in the log itself.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Counter } from "../../base/metrics.ts";
import type { LogStreamRef } from "../../runtime/contract.ts";
import { logPendingBytesMax } from "../../limits.ts";
import type { Chunk, ChunkHead, LogGroup, LogsStore, StreamRecord } from "./store.ts";

export interface NewEvent {
  readonly timestampMs: number;
  readonly message: string;
}

interface Pending {
  readonly stream: string;
  readonly event: NewEvent;
}

interface PendingGroup {
  readonly ref: Omit<LogStreamRef, "stream">;
  readonly events: Pending[];
}

export interface JournalDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: LogsStore;
  readonly dropped: Counter;
}

/** How long a line may wait in memory, ms, and how much may gather before it is written at once, bytes. */
const flushDelayMs = 1000;
const flushBytes = 1024 * 1024;

export class Journal {
  readonly #deps: JournalDeps;
  readonly #pending = new Map<string, PendingGroup>();
  /** Gathered since the last flush. */
  #gatheredBytes = 0;
  /** Gathered or being written. */
  #unwrittenBytes = 0;
  #timer: Timer | undefined;
  #droppedSinceFlush = 0;
  /** Writes happen one after the other. */
  #writing: Promise<void> = Promise.resolve();

  constructor(deps: JournalDeps) {
    this.#deps = deps;
  }

  /** Bytes of messages that were appended and are not on disk yet. */
  get unwrittenBytes(): number {
    return this.#unwrittenBytes;
  }

  /** A function's line. Cheap, never throws; makes group and stream when it is written. */
  append(ref: LogStreamRef, timestampMs: number, message: string): void {
    if (this.#unwrittenBytes + message.length > logPendingBytesMax) {
      this.#droppedSinceFlush += 1;
      this.#deps.dropped.add();
      return;
    }
    const key = `${ref.account} ${ref.region} ${ref.group}`;
    let group = this.#pending.get(key);
    if (!group) this.#pending.set(key, (group = { ref, events: [] }));
    group.events.push({ stream: ref.stream, event: { timestampMs, message } });
    this.#gatheredBytes += message.length;
    this.#unwrittenBytes += message.length;
    if (this.#gatheredBytes >= flushBytes) void this.flush();
    else this.#timer ??= this.#deps.clock.after(flushDelayMs, () => void this.flush());
  }

  /** Resolves when all that was appended before is durable. Never rejects: a failed write is logged and its lines are lost. */
  flush(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    const groups = [...this.#pending.values()];
    const dropped = this.#droppedSinceFlush;
    const bytes = this.#gatheredBytes;
    this.#pending.clear();
    this.#gatheredBytes = 0;
    this.#droppedSinceFlush = 0;
    if (groups.length === 0) return this.#writing;
    if (dropped > 0)
      this.#deps.logger.warn("log lines were dropped: the disk is slower than the functions", { dropped });
    return this.#enqueue(async () => {
      for (const { ref, events } of groups) await this.#writeLines(ref, events);
      this.#unwrittenBytes -= bytes;
    });
  }

  /** `PutLogEvents`: durable when it resolves; rejects when it could not be written. */
  async put(group: LogGroup, stream: StreamRecord, events: readonly NewEvent[]): Promise<void> {
    let failure: unknown;
    await this.#enqueue(async () => {
      try {
        await this.#writeChunk(
          group,
          new Map([[stream.name, stream]]),
          events.map((event) => ({ stream: stream.name, event })),
        );
      } catch (error) {
        failure = error;
      }
    });
    if (failure) throw failure;
  }

  #enqueue(write: () => Promise<void>): Promise<void> {
    this.#writing = this.#writing.then(write);
    return this.#writing;
  }

  async #writeLines(ref: Omit<LogStreamRef, "stream">, events: readonly Pending[]): Promise<void> {
    try {
      const group = await this.#deps.store.ensureGroup(ref.account, ref.region, ref.group);
      const names = [...new Set(events.map(({ stream }) => stream))];
      const streams = await this.#deps.store.ensureStreams(group, names);
      await this.#writeChunk(group, streams, events);
    } catch (error) {
      this.#deps.logger.error("log lines could not be written and are lost", {
        group: ref.group,
        lines: events.length,
        error,
      });
    }
  }

  async #writeChunk(
    group: LogGroup,
    streams: ReadonlyMap<string, StreamRecord>,
    events: readonly Pending[],
  ): Promise<void> {
    const ingestionMs = this.#deps.clock.now();
    const ids = [...streams.values()].map(({ id }) => id);
    const indexByName = new Map([...streams.keys()].map((name, index) => [name, index]));
    const chunk: Chunk = {
      streams: ids,
      ingestionMs,
      events: events.map(({ stream, event }) => [
        indexByName.get(stream) ?? 0,
        event.timestampMs,
        event.message,
      ]),
    };
    const times = events.map(({ event }) => event.timestampMs);
    const head: Omit<ChunkHead, "sequence"> = {
      firstMs: times.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY),
      lastMs: times.reduce((most, time) => Math.max(most, time), 0),
      bytes: events.reduce((total, { event }) => total + Buffer.byteLength(event.message) + 26, 0),
      streams: ids,
    };
    await this.#deps.store.appendChunk(group, head, chunk, touched(streams, events, ingestionMs));
  }
}

/** The streams with their times brought up to date. */
function touched(
  streams: ReadonlyMap<string, StreamRecord>,
  events: readonly Pending[],
  ingestionMs: number,
): StreamRecord[] {
  const byName = new Map(streams);
  for (const { stream, event } of events) {
    const record = byName.get(stream);
    if (!record) continue;
    byName.set(stream, {
      ...record,
      firstEventMs: Math.min(record.firstEventMs ?? event.timestampMs, event.timestampMs),
      lastEventMs: Math.max(record.lastEventMs ?? event.timestampMs, event.timestampMs),
      lastIngestionMs: ingestionMs,
    });
  }
  return [...byName.values()];
}
