/**
 * S9 for the store: kill -9 a writing process at random moments, again and again on one data directory, and look each
 * time whether everything that was acknowledged is there whole, and nothing else in part. More rounds, or one again:
 *
 *     node test/chaos/store-crash.test.ts --rounds 500 --seed 42
 *
 * A killed process leaves the kernel's cache alone, so this does not show that syncs are made: the power cut in
 * `src/store/disk-blobs.test.ts` and the settings checked in `src/store/sqlite/database.test.ts` do.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { parseArgs } from "node:util";
import { systemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { seededRandom } from "../../src/base/random.ts";
import type { Random } from "../../src/base/random.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import type { Entry, Store } from "../../src/store/store.ts";
import { reusedVersions, violationsOf } from "./store-history.ts";
import type { Found, Member, Told } from "./store-history.ts";

const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "15" }, seed: { type: "string" } },
  strict: false,
});
const rounds = Number(options.rounds);
const seed = Number(options.seed ?? randomInt(2 ** 31));
// Far more than one round writes: a batch that was committed and never answered has a number too, and keeps it.
const batchesPerRound = 1_000_000;
const load = join(import.meta.dirname, "store-load.ts");

test("S9 K1 K5 B1 whatever moment a process is killed at, its acknowledged commits are there, whole", async () => {
  console.log(`store crash test: seed ${seed}, ${rounds} rounds`);
  const random = seededRandom(seed);
  const dir = await mkdtemp(join(tmpdir(), "lambdad-crash-"));
  const history: Told[] = [];
  const used = new Set<number>();
  let killedWhileWriting = 0;
  for (let round = 0; round < rounds; round++) {
    const told = await killedLoad(dir, random, 1 + round * batchesPerRound);
    if (told.length > 0) killedWhileWriting += 1;
    assert.deepEqual(reusedVersions(told, used), [], `K5, round ${round}, seed ${seed}`);
    history.push(...told);
    const found = await inspected(dir);
    assert.deepEqual(violationsOf(history, found), [], `round ${round}, seed ${seed}`);
    for (const version of found.versions) used.add(version);
    for (const each of told) {
      if (each.kind === "committed") each.versions.forEach((version) => used.add(version));
    }
  }
  console.log(`store crash test: ${history.length} answers, ${killedWhileWriting} kills while writing`);
  assert.ok(rounds < 5 || killedWhileWriting > 0, "some rounds got as far as writing");
  await rm(dir, { recursive: true });
});

/** Runs the load until a random number of answers, or for a random while, then kills it; answers what it told. */
async function killedLoad(dir: string, random: Random, firstBatch: number): Promise<readonly Told[]> {
  const loadSeed = Math.floor(random.float() * 2 ** 31);
  const answersMax = Math.floor(random.float() ** 2 * 800);
  const whileMs = random.float() < 0.3 ? random.float() * 400 : 20_000;
  const child = spawn(process.execPath, [load, dir, String(loadSeed), String(firstBatch)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), whileMs);
  const exited = once(child, "exit");
  const told: Told[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    // Only the last line may be torn.
    if (line.endsWith("}")) told.push(JSON.parse(line) as Told);
    if (told.length >= answersMax) child.kill("SIGKILL");
  }
  clearTimeout(timer);
  const [status, signal] = (await exited) as [number | null, string | null];
  assert.equal(signal, "SIGKILL", `the load ended by itself, status ${status}, seed ${seed}`);
  return told;
}

async function inspected(dir: string): Promise<Found> {
  const store = await openSqliteStore({ dir, clock: systemClock, logger: silentLogger });
  const batches = await all(store, "batch/");
  const members = batches.map((entry) => JSON.parse(textOf(entry)) as Member);
  for (const { batch, blob } of members) {
    if (blob) assert.equal(Buffer.from(await store.blobs.read(blob)).toString(), `blob of ${batch}`, "B1");
  }
  for await (const sha256 of store.blobs.list()) await store.blobs.read(sha256); // throws unless whole
  assert.deepEqual(await readdir(join(dir, "blobs", "tmp")), [], "B1: nothing half-written is left");
  const removed = await all(store, "removed/");
  const lasts = await all(store, "last/");
  await store.close();
  return {
    members,
    removed: new Set(removed.map(numberIn)),
    lastByWriter: new Map(lasts.map((entry) => [numberIn(entry), Number(textOf(entry))])),
    versions: [...batches, ...removed, ...lasts].map((entry) => entry.version),
  };
}

async function all(store: Store, prefix: string): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for (;;) {
    const page = await store.scan({ prefix, after: entries.at(-1)?.key, limit: 10_000 });
    entries.push(...page);
    if (page.length < 10_000) return entries;
  }
}

function textOf(entry: Entry): string {
  return new TextDecoder().decode(entry.value);
}

function numberIn(entry: Entry): number {
  return Number(entry.key.split("/")[1]);
}

test("the crash test's checker notices a lost, a torn, a revived and a refused batch, and a version used twice", () => {
  const told: readonly Told[] = [
    { kind: "committed", batch: 1, writer: 0, versions: [1, 2] },
    { kind: "committed", batch: 2, writer: 0, versions: [3, 4] },
    { kind: "conflict", batch: 3 },
  ];
  const pair = (batch: number) => [0, 1].map((index): Member => ({ batch, index, count: 2 }));
  const sound: Found = {
    members: [...pair(2), ...pair(9)],
    removed: new Set([1]),
    lastByWriter: new Map([[0, 9]]),
    versions: [],
  };
  assert.deepEqual(violationsOf(told, sound), []);
  const broken: readonly (readonly [Partial<Found>, RegExp])[] = [
    [{ members: pair(9) }, /batch 2 was acknowledged and is lost/],
    [{ removed: new Set() }, /batch 1 was acknowledged and is lost/],
    [{ members: pair(2).concat(pair(9).slice(1)) }, /batch 9 is there in part/],
    [{ members: [...pair(1).slice(1), ...pair(2)] }, /batch 1 was removed in part/],
    [{ members: [...pair(2), ...pair(3)] }, /batch 3 was refused and is there/],
    [{ lastByWriter: new Map([[0, 1]]) }, /writer 0 is back at batch 1, was told 2/],
  ];
  for (const [change, expected] of broken) {
    assert.match(violationsOf(told, { ...sound, ...change }).join("\n"), expected);
  }
  assert.deepEqual(reusedVersions(told, new Set([4, 5])), [4]);
});
