/**
 * The only file of this service that touches the store: groups, streams, and chunks of events with their heads.
 *
 * Groups and streams carry an id of their own, so that one that was deleted and made again does not show the events of its
 * predecessor. Heads of a group that was touched stay in memory.
 */
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { storeBatchWritesMax } from "../../limits.ts";
import type { Records } from "../../store/records.ts";
import { records } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import { StoreError } from "../../store/store.ts";

export interface LogGroup {
  readonly id: string;
  readonly account: string;
  readonly region: string;
  readonly name: string;
  readonly createdAtMs: number;
  readonly retentionDays?: number;
  readonly tags: Readonly<Record<string, string>>;
}

export interface StreamRecord {
  readonly id: string;
  readonly name: string;
  readonly createdAtMs: number;
  readonly firstEventMs?: number;
  readonly lastEventMs?: number;
  readonly lastIngestionMs?: number;
}

export interface ChunkHead {
  /** Order of arrival within the group. */
  readonly sequence: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly bytes: number;
  /** Ids of the streams that have events in it. */
  readonly streams: readonly string[];
}

export interface Chunk {
  readonly streams: readonly string[];
  readonly ingestionMs: number;
  readonly events: readonly (readonly [streamIndex: number, timestampMs: number, message: string])[];
}

export class LogsStore {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #groups: Records<LogGroup>;
  readonly #streams: Records<StreamRecord>;
  readonly #heads: Records<ChunkHead>;
  readonly #chunks: Records<Chunk>;
  readonly #headsByGroup = new Map<string, Promise<ChunkHead[]>>();

  constructor(store: Store, clock: Clock, random: Random) {
    this.#store = store;
    this.#clock = clock;
    this.#random = random;
    this.#groups = records(store, "logs/group");
    this.#streams = records(store, "logs/stream");
    this.#heads = records(store, "logs/head");
    this.#chunks = records(store, "logs/chunk");
  }

  async group(account: string, region: string, name: string): Promise<LogGroup | undefined> {
    return (await this.#groups.get([account, region, name]))?.value;
  }

  /** False if there is one already. */
  async createGroup(
    account: string,
    region: string,
    name: string,
    tags: Readonly<Record<string, string>>,
  ): Promise<boolean> {
    const group = { id: this.#random.hex(8), account, region, name, createdAtMs: this.#clock.now(), tags };
    return this.#committed([this.#groups.put([account, region, name], group, 0)]);
  }

  async ensureGroup(account: string, region: string, name: string): Promise<LogGroup> {
    for (;;) {
      const group = await this.group(account, region, name);
      if (group) return group;
      await this.createGroup(account, region, name, {});
    }
  }

  /** Applies `change` to the group as it is at that moment. False if there is none. */
  async updateGroup(
    { account, region, name }: LogGroup,
    change: (group: LogGroup) => LogGroup,
  ): Promise<boolean> {
    for (;;) {
      const stored = await this.#groups.get([account, region, name]);
      if (!stored) return false;
      if (await this.#committed([this.#groups.put(stored.parts, change(stored.value), stored.version)]))
        return true;
    }
  }

  async deleteGroup(group: LogGroup): Promise<void> {
    await this.#store.commit([this.#groups.remove([group.account, group.region, group.name])]);
    this.#headsByGroup.delete(group.id);
    await this.#removeAll(this.#streams, [group.id]);
    await this.#removeAll(this.#heads, [group.id]);
    await this.#removeAll(this.#chunks, [group.id]);
  }

  groups(account: string, region: string, page: { startsWith?: string; after?: string; limit: number }) {
    const after = page.after === undefined ? undefined : [account, region, page.after];
    return this.#groups.page({
      parts: [account, region],
      startsWith: page.startsWith,
      after,
      limit: page.limit,
    });
  }

  /** All groups of all accounts and regions. */
  async *everyGroup(): AsyncGenerator<LogGroup> {
    for await (const { value } of this.#groups.each({ parts: [] })) yield value;
  }

  async stream(group: LogGroup, name: string): Promise<StreamRecord | undefined> {
    return (await this.#streams.get([group.id, name]))?.value;
  }

  /** False if there is one already. */
  async createStream(group: LogGroup, name: string): Promise<boolean> {
    return this.#committed([this.#streams.put([group.id, name], this.#newStream(name), 0)]);
  }

  /** By name. New ones are not written yet: that happens with their first chunk. */
  async ensureStreams(group: LogGroup, names: readonly string[]): Promise<Map<string, StreamRecord>> {
    const found = await Promise.all(names.map((name) => this.stream(group, name)));
    return new Map(names.map((name, index) => [name, found[index] ?? this.#newStream(name)]));
  }

  async deleteStream(group: LogGroup, name: string): Promise<void> {
    await this.#store.commit([this.#streams.remove([group.id, name])]);
  }

  async *streams(group: LogGroup, startsWith = ""): AsyncGenerator<StreamRecord> {
    for await (const { value } of this.#streams.each({ parts: [group.id], startsWith })) yield value;
  }

  /** One chunk, its head and its streams in as few commits as the store allows; the chunk and its head in one. */
  async appendChunk(
    group: LogGroup,
    head: Omit<ChunkHead, "sequence">,
    chunk: Chunk,
    streams: readonly StreamRecord[],
  ): Promise<void> {
    const heads = await this.heads(group);
    // Never a number that was used before, not even after the chunk that had it has expired.
    const sequence = Math.max((heads.at(-1)?.sequence ?? 0) + 1, this.#clock.now());
    const parts = chunkParts(group, sequence);
    const streamWrites = streams.map((stream) => this.#streams.put([group.id, stream.name], stream));
    const complete = { ...head, sequence };
    await this.#store.commit([
      this.#heads.put(parts, complete, 0),
      this.#chunks.put(parts, chunk, 0),
      ...streamWrites.splice(0, storeBatchWritesMax - 2),
    ]);
    heads.push(complete);
    while (streamWrites.length > 0) await this.#store.commit(streamWrites.splice(0, storeBatchWritesMax));
  }

  /** In order of arrival. Do not change. */
  heads(group: LogGroup): Promise<ChunkHead[]> {
    const known = this.#headsByGroup.get(group.id);
    if (known) return known;
    const heads = this.#readHeads(group);
    this.#headsByGroup.set(group.id, heads);
    heads.catch(() => this.#headsByGroup.delete(group.id));
    return heads;
  }

  async #readHeads(group: LogGroup): Promise<ChunkHead[]> {
    const heads: ChunkHead[] = [];
    for await (const { value } of this.#heads.each({ parts: [group.id] })) heads.push(value);
    return heads;
  }

  async chunk(group: LogGroup, sequence: number): Promise<Chunk | undefined> {
    return (await this.#chunks.get(chunkParts(group, sequence)))?.value;
  }

  /** Removes chunks in which everything is older than `beforeMs`. */
  async expire(group: LogGroup, beforeMs: number): Promise<void> {
    const heads = await this.heads(group);
    const expired = new Set(heads.filter(({ lastMs }) => lastMs < beforeMs));
    for (const { sequence } of expired) {
      const parts = chunkParts(group, sequence);
      await this.#store.commit([this.#heads.remove(parts), this.#chunks.remove(parts)]);
    }
    if (expired.size > 0) heads.splice(0, heads.length, ...heads.filter((head) => !expired.has(head)));
  }

  #newStream(name: string): StreamRecord {
    return { id: this.#random.hex(8), name, createdAtMs: this.#clock.now() };
  }

  async #removeAll<T>(collection: Records<T>, parts: readonly string[]): Promise<void> {
    for (;;) {
      const page = await collection.page({ parts, limit: storeBatchWritesMax });
      if (page.items.length === 0) return;
      await this.#store.commit(page.items.map((item) => collection.remove(item.parts)));
    }
  }

  /** False when a condition did not hold. */
  async #committed(writes: Parameters<Store["commit"]>[0]): Promise<boolean> {
    try {
      await this.#store.commit(writes);
      return true;
    } catch (error) {
      if (error instanceof StoreError && error.code === "conflict") return false;
      throw error;
    }
  }
}

function chunkParts(group: LogGroup, sequence: number): string[] {
  return [group.id, String(sequence).padStart(20, "0")];
}
