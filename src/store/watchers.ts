/**
 * Who wants to be woken by which keys (K6). A wake-up runs as a microtask of its own: after the commit it belongs to is
 * durable, before whoever awaits that commit goes on, and a throwing one brings down the process and not the store.
 */
import type { Unwatch, Write } from "./store.ts";

interface Watcher {
  readonly prefix: string;
  readonly wake: () => void;
}

export class Watchers {
  readonly #watchers = new Set<Watcher>();

  watch(prefix: string, wake: () => void): Unwatch {
    const watcher: Watcher = { prefix, wake };
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** Call once for each batch that was committed, in order. */
  committed(touched: readonly string[]): void {
    for (const watcher of this.#watchers) {
      if (!touched.some((key) => key.startsWith(watcher.prefix))) continue;
      queueMicrotask(() => {
        if (this.#watchers.has(watcher)) watcher.wake();
      });
    }
  }
}

/** The keys that a batch changes; a check changes none. */
export function touchedBy(batch: readonly Write[]): readonly string[] {
  return batch.filter((write) => write.kind !== "check").map((write) => write.key);
}
