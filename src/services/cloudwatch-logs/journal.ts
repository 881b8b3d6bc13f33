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
import { logEventOverheadBytes, logLineHeldBytes, logPendingBytesMax } from "../../limits.ts";
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
  /** The same by who appends: it comes with each of its lines, and a name would have to be put together for each. */
  readonly #pendingByRef = new Map<LogStreamRef, PendingGroup>();
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

  /** Bytes that messages take that were appended and are not on disk yet. */
  get unwrittenBytes(): number {
    return this.#unwrittenBytes;
  }

  /** A function's line. Cheap, never throws; makes group and stream when it is written. */
  append(ref: LogStreamRef, timestampMs: number, message: string): void {
    const bytes = message.length + logLineHeldBytes;
    if (this.#unwrittenBytes + bytes > logPendingBytesMax) {
      this.#droppedSinceFlush += 1;
      this.#deps.dropped.add();
      return;
    }
    const group = this.#pendingByRef.get(ref) ?? this.#pendingGroup(ref);
    group.events.push({ stream: ref.stream, event: { timestampMs, message } });
    this.#gatheredBytes += bytes;
    this.#unwrittenBytes += bytes;
    if (this.#gatheredBytes >= flushBytes) void this.flush();
    else this.#timer ??= this.#deps.clock.after(flushDelayMs, () => void this.flush());
  }

  #pendingGroup(ref: LogStreamRef): PendingGroup {
    const key = `${ref.account} ${ref.region} ${ref.group}`;
    const group = this.#pending.get(key) ?? { ref, events: [] };
    this.#pending.set(key, group);
    this.#pendingByRef.set(ref, group);
    return group;
  }

  /** Resolves when all that was appended before is durable. Never rejects: a failed write is logged and its lines are lost. */
  flush(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    const groups = [...this.#pending.values()];
    const dropped = this.#droppedSinceFlush;
    const bytes = this.#gatheredBytes;
    this.#pending.clear();
    this.#pendingByRef.clear();
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
    const spans = new Map<string, StreamSpan>();
    for (const [name, record] of streams) {
      spans.set(name, { record, index: spans.size, firstMs: Number.POSITIVE_INFINITY, lastMs: 0 });
    }
    const chunkEvents: [number, number, string][] = [];
    let bytes = 0;
    for (const { stream, event } of events) {
      const { timestampMs, message } = event;
      const span = spans.get(stream);
      if (span && timestampMs < span.firstMs) span.firstMs = timestampMs;
      if (span && timestampMs > span.lastMs) span.lastMs = timestampMs;
      chunkEvents.push([span?.index ?? 0, timestampMs, message]);
      bytes += Buffer.byteLength(message) + logEventOverheadBytes;
    }
    const touched = [...spans.values()];
    const ids = touched.map(({ record }) => record.id);
    const head: Omit<ChunkHead, "sequence"> = {
      firstMs: Math.min(...touched.map(({ firstMs }) => firstMs)),
      lastMs: Math.max(...touched.map(({ lastMs }) => lastMs)),
      bytes,
      streams: ids,
    };
    const chunk: Chunk = { streams: ids, ingestionMs, events: chunkEvents };
    const records = touched.map((span) => broughtUpToDate(span, ingestionMs));
    await this.#deps.store.appendChunk(group, head, chunk, records);
  }
}

/** One stream's part of a chunk. */
interface StreamSpan {
  readonly record: StreamRecord;
  readonly index: number;
  firstMs: number;
  lastMs: number;
}

function broughtUpToDate({ record, firstMs, lastMs }: StreamSpan, ingestionMs: number): StreamRecord {
  return {
    ...record,
    firstEventMs: Math.min(record.firstEventMs ?? firstMs, firstMs),
    lastEventMs: Math.max(record.lastEventMs ?? lastMs, lastMs),
    lastIngestionMs: ingestionMs,
  };
}
