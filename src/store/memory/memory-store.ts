/**
 * The store's laws in their shortest form: what this does is what every other implementation must do. Nothing is
 * durable beyond the `MemoryState`, which a test may hand to a second store to play a restart.
 */
import { checkBatch, checkKey, compareKeys, spanOf } from "../bounds.ts";
import { conflict } from "../errors.ts";
import { Lifetime } from "../lifetime.ts";
import type { Committed, Entry, Store, Write } from "../store.ts";
import { touchedBy, Watchers } from "../watchers.ts";
import { createMemoryBlobs } from "./memory-blobs.ts";

export interface MemoryState {
  /** In the order of their keys. */
  readonly entries: Entry[];
  readonly blobs: Map<string, Uint8Array>;
  lastVersion: number;
}

export function createMemoryState(): MemoryState {
  return { entries: [], blobs: new Map(), lastVersion: 0 };
}

export function createMemoryStore(state: MemoryState = createMemoryState()): Store {
  const watchers = new Watchers();
  const lifetime = new Lifetime();

  return {
    blobs: createMemoryBlobs(state.blobs, lifetime),
    async get(key) {
      lifetime.check();
      checkKey(key);
      const entry = entryAt(state, key);
      return entry && copyOf(entry);
    },
    async scan(range) {
      lifetime.check();
      const { low, high } = spanOf(range);
      const found = state.entries.slice(placeOf(state, low), placeOf(state, high));
      if (range.reverse) found.reverse();
      return found.slice(0, range.limit).map(copyOf);
    },
    async commit(batch) {
      lifetime.check();
      checkBatch(batch);
      const committed = apply(state, batch);
      watchers.committed(touchedBy(batch));
      return committed;
    },
    watch(prefix, wake) {
      lifetime.check();
      return watchers.watch(prefix, wake);
    },
    close: () => lifetime.end(async () => {}),
  };
}

function apply(state: MemoryState, batch: readonly Write[]): Committed {
  for (const { key, ifVersion } of batch) {
    const version = entryAt(state, key)?.version ?? 0;
    if (ifVersion !== undefined && ifVersion !== version) throw conflict(key);
  }
  return { versions: batch.map((write) => applyOne(state, write)) };
}

function applyOne(state: MemoryState, write: Write): number {
  if (write.kind === "check") return write.ifVersion;
  const place = placeOf(state, write.key);
  const replaced = entryAt(state, write.key) ? 1 : 0;
  if (write.kind === "remove") {
    state.entries.splice(place, replaced);
    return 0;
  }
  state.lastVersion += 1;
  const entry = { key: write.key, value: new Uint8Array(write.value), version: state.lastVersion };
  state.entries.splice(place, replaced, entry);
  return entry.version;
}

function entryAt(state: MemoryState, key: string): Entry | undefined {
  const entry = state.entries[placeOf(state, key)];
  return entry?.key === key ? entry : undefined;
}

/** Where the first key that is not less than this one is, or would be. */
function placeOf(state: MemoryState, key: string): number {
  let from = 0;
  let to = state.entries.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    const entry = state.entries[middle];
    if (entry && compareKeys(entry.key, key) < 0) from = middle + 1;
    else to = middle;
  }
  return from;
}

function copyOf(entry: Entry): Entry {
  return { ...entry, value: new Uint8Array(entry.value) };
}
