/**
 * Durable commits a second of the SQLite store, each of one new key with a 300-byte value, against appending 300 bytes
 * to a file and `fdatasync`, one after the other, on the same disk in the same run. More than 1 means that commits share
 * a sync. Keys ascend, as an event queue's do; the last row spreads them over the whole key space, where each commit
 * touches a page of its own.
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../src/base/clock.ts";
import { silentLogger } from "../src/base/logger.ts";
import { seededRandom } from "../src/base/random.ts";
import { openSqliteStore } from "../src/store/sqlite/sqlite-store.ts";
import type { Store } from "../src/store/store.ts";
import { median } from "./load.ts";
import type { Row } from "./row.ts";

const rounds = 5;
const appendMs = 400;
const commitMs = 1000;
const value = new Uint8Array(300).fill(7);

interface Load {
  readonly writers: number;
  readonly keys: "ascending" | "spread";
}

const loads: readonly Load[] = [
  { writers: 1, keys: "ascending" },
  { writers: 10, keys: "ascending" },
  { writers: 50, keys: "ascending" },
  { writers: 200, keys: "ascending" },
  { writers: 50, keys: "spread" },
];

export async function run(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const load of loads) rows.push(await measured(load));
  return rows;
}

async function measured(load: Load): Promise<Row> {
  const appends: number[] = [];
  const commits: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const dir = mkdtempSync(join(tmpdir(), "lambdad-bench-"));
    appends.push(appendsPerSecond(join(dir, "appended")));
    const store = await openSqliteStore({ dir, clock: systemClock, logger: silentLogger });
    commits.push(await commitsPerSecond(store, load));
    await store.close();
    rmSync(dir, { recursive: true });
  }
  return {
    id: "",
    what: `durable commits, ${load.writers} at a time, ${load.keys} keys ÷ append + fdatasync`,
    value: median(commits),
    yardstick: median(appends),
    // Of pairs that were measured within two seconds: the disk is another's a minute later.
    result: median(commits.map((rate, index) => rate / (appends[index] ?? Number.NaN))),
    unit: "/s",
    goal: "none set",
  };
}

function appendsPerSecond(path: string): number {
  const file = openSync(path, "a");
  let count = 0;
  const startMs = performance.now();
  while (performance.now() - startMs < appendMs) {
    writeSync(file, value);
    fdatasyncSync(file);
    count += 1;
  }
  closeSync(file);
  return (count / (performance.now() - startMs)) * 1000;
}

async function commitsPerSecond(store: Store, { writers, keys }: Load): Promise<number> {
  const random = seededRandom(1);
  let count = 0;
  const startMs = performance.now();
  async function write(): Promise<void> {
    while (performance.now() - startMs < commitMs) {
      const key = keys === "spread" ? random.hex(8) : String(count).padStart(12, "0");
      count += 1;
      await store.commit([{ kind: "put", key, value, ifVersion: 0 }]);
    }
  }
  await Promise.all(Array.from({ length: writers }, write));
  return (count / (performance.now() - startMs)) * 1000;
}
