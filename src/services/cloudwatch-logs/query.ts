/**
 * Reading events back in order: by timestamp, then by arrival. Chunks overlap in time, so a query opens them in the order
 * of their first (backwards: last) timestamp and holds events back until no unopened chunk can hold an earlier one.
 */
import type { Chunk, ChunkHead } from "./store.ts";

/** A place in the order of a group's events. */
export interface Position {
  readonly timestampMs: number;
  /** Chunk and index in it: the order of arrival. */
  readonly sequence: number;
  readonly index: number;
}

export interface StoredEvent extends Position {
  readonly streamId: string;
  readonly ingestionMs: number;
  readonly message: string;
}

export interface Query {
  readonly heads: readonly ChunkHead[];
  readonly chunk: (sequence: number) => Promise<Chunk | undefined>;
  /** Inclusive. */
  readonly startMs: number;
  /** Exclusive. */
  readonly endMs: number;
  readonly includesStream: (streamId: string) => boolean;
  /** Only what comes after it in the direction of reading. */
  readonly after?: Position;
  readonly direction: "forward" | "backward";
}

export async function* eventsOf(query: Query): AsyncGenerator<StoredEvent> {
  const isForward = query.direction === "forward";
  const order = isForward
    ? comparePositions
    : (one: Position, other: Position) => comparePositions(other, one);
  const edge = (head: ChunkHead) => (isForward ? head.firstMs : -head.lastMs);
  const heads = query.heads
    .filter(
      (head) =>
        head.lastMs >= query.startMs && head.firstMs < query.endMs && head.streams.some(query.includesStream),
    )
    .toSorted((one, other) => edge(one) - edge(other));

  let held: StoredEvent[] = [];
  for (const [at, head] of heads.entries()) {
    const chunk = await query.chunk(head.sequence);
    if (chunk) held = [...held, ...selected(query, head.sequence, chunk, order)].toSorted(order);
    const next = heads[at + 1];
    const isSafe = (event: StoredEvent) =>
      next === undefined || (isForward ? event.timestampMs < next.firstMs : event.timestampMs > next.lastMs);
    let given = 0;
    for (const event of held) {
      if (!isSafe(event)) break;
      given += 1;
      yield event;
    }
    held = held.slice(given);
  }
}

function* selected(
  query: Query,
  sequence: number,
  chunk: Chunk,
  order: (one: Position, other: Position) => number,
): Generator<StoredEvent> {
  for (const [index, [stream, timestampMs, message]] of chunk.events.entries()) {
    const streamId = chunk.streams[stream] ?? "";
    if (timestampMs < query.startMs || timestampMs >= query.endMs || !query.includesStream(streamId))
      continue;
    const event = { timestampMs, sequence, index, streamId, ingestionMs: chunk.ingestionMs, message };
    if (query.after && order(event, query.after) <= 0) continue;
    yield event;
  }
}

export function comparePositions(one: Position, other: Position): number {
  return one.timestampMs - other.timestampMs || one.sequence - other.sequence || one.index - other.index;
}

/** Before all events. */
export const origin: Position = { timestampMs: 0, sequence: 0, index: 0 };

/** 56 digits, in the order of the positions: an event's id and the body of page tokens. */
export function digitsOf({ timestampMs, sequence, index }: Position): string {
  return `${pad(timestampMs, 16)}${pad(sequence, 20)}${pad(index, 20)}`;
}

/** Undefined for what `digitsOf` did not make. */
export function positionOf(digits: string): Position | undefined {
  if (!/^\d{56}$/.test(digits)) return undefined;
  return {
    timestampMs: Number(digits.slice(0, 16)),
    sequence: Number(digits.slice(16, 36)),
    index: Number(digits.slice(36)),
  };
}

function pad(number: number, width: number): string {
  return String(number).padStart(width, "0");
}
