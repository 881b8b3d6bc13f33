/**
 * The store on one SQLite database, `<dir>/state.sqlite`, and a directory of blobs, `<dir>/blobs`.
 *
 * Writes go to a thread of their own (`writer-thread.ts`), which waits for the disk. Reads run here, on a read-only
 * connection: a `get` takes some 10 µs, less than handing the question to another thread, and a write-ahead log lets it
 * neither wait for the writer nor see a commit that is not yet durable. The price: a scan of 10,000 entries keeps the
 * event loop for as long as it takes to read them. The directory must be locked first (`lock.ts`).
 */
import { extname, join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { Worker } from "node:worker_threads";
import type { Clock } from "../../base/clock.ts";
import { systemDisk } from "../../base/disk.ts";
import type { Logger } from "../../base/logger.ts";
import { checkBatch, checkKey, spanOf } from "../bounds.ts";
import { openDiskBlobs } from "../disk-blobs.ts";
import { Lifetime } from "../lifetime.ts";
import type { Entry, Key, Range, Store } from "../store.ts";
import { Watchers } from "../watchers.ts";
import { openForReading } from "./database.ts";
import { faultOf } from "./fault.ts";
import { WriterQueue } from "./writer-queue.ts";

export interface SqliteStoreDeps {
  /** Made if missing. */
  readonly dir: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Throws `StoreError` "foreign", "corrupt", "full" or "io", having changed nothing that was there. */
export async function openSqliteStore({ dir, clock, logger }: SqliteStoreDeps): Promise<Store> {
  const startedMs = clock.monotonic();
  await systemDisk.makeDirs(dir).catch((error: unknown) => {
    throw faultOf(error);
  });
  const path = join(dir, "state.sqlite");
  const watchers = new Watchers();
  const lifetime = new Lifetime();
  const queue = new WriterQueue(startThread(path), watchers);
  const { wasUnclean } = await queue.opened();
  if (wasUnclean) {
    logger.warn("the store was not closed the last time; examined it, all is well", {
      tookMs: Math.round(clock.monotonic() - startedMs),
    });
  }
  const blobs = await openDiskBlobs({ disk: systemDisk, dir: join(dir, "blobs"), lifetime }).catch(
    async (error: unknown) => {
      await queue.close();
      throw error;
    },
  );
  const reader = openForReading(path);
  const read = createReads(reader);

  return {
    blobs,
    async get(key) {
      lifetime.check();
      checkKey(key);
      return read.entry(key);
    },
    async scan(range) {
      lifetime.check();
      return read.entries(range);
    },
    async commit(batch) {
      lifetime.check();
      return queue.commit(batch, checkBatch(batch));
    },
    watch(prefix, wake) {
      lifetime.check();
      return watchers.watch(prefix, wake);
    },
    close: () =>
      lifetime.end(async () => {
        // The last to close brings the log back into the database, so it must not be the reader.
        reader.close();
        await queue.close();
      }),
  };
}

function startThread(path: string): Worker {
  // ".ts" in a checkout, ".js" as published.
  const file = new URL(`./writer-thread${extname(import.meta.url)}`, import.meta.url);
  return new Worker(file, { workerData: path, execArgv: [] });
}

function createReads(reader: DatabaseSync) {
  const byKey = reader.prepare("SELECT key, version, value FROM entries WHERE key = ?");
  const span = "SELECT key, version, value FROM entries WHERE key >= ? AND key < ? ORDER BY key";
  const forward = reader.prepare(`${span} LIMIT ?`);
  const backward = reader.prepare(`${span} DESC LIMIT ?`);

  return {
    entry(key: Key): Entry | undefined {
      try {
        const row = byKey.get(key);
        return row && entryFrom(row);
      } catch (error) {
        throw faultOf(error);
      }
    },
    entries(range: Range): readonly Entry[] {
      const { low, high } = spanOf(range);
      try {
        return (range.reverse ? backward : forward).all(low, high, range.limit).map(entryFrom);
      } catch (error) {
        throw faultOf(error);
      }
    },
  };
}

/** The table's types are strict, so a row is what it looks like. */
function entryFrom({ key, version, value }: { [column: string]: unknown }): Entry {
  return { key, version, value } as Entry;
}
