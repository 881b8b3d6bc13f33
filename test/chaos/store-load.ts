/**
 * The process that the store's crash test kills: `store-load.ts DIR SEED FIRST`. Eight writers commit batches numbered
 * from FIRST: new members, some with a blob, some that remove an older batch, some with a condition that cannot hold.
 * Each answer is one JSON line (`Told`) on standard output, written before the next commit of that writer is made.
 */
import { systemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { seededRandom } from "../../src/base/random.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { StoreError } from "../../src/store/store.ts";
import type { Write } from "../../src/store/store.ts";
import type { Member, Told } from "./store-history.ts";

const writers = 8;
const membersMax = 8;
const paddingBytesMax = 3000;

const [dir = "", seed = "", first = ""] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const store = await openSqliteStore({ dir, clock: systemClock, logger: silentLogger });
let nextBatch = Number(first);
await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));

async function write(writer: number): Promise<never> {
  const own: (readonly Member[])[] = [];
  for (;;) {
    const batch = nextBatch++;
    const members = await membersOf(batch);
    const removed = random.float() < 0.2 ? own.shift() : undefined;
    const writes = [...members.map(put), last(writer, batch), ...(removed ? removing(removed) : [])];
    const mustConflict = random.float() < 0.1;
    if (mustConflict) writes.push({ kind: "check", key: "there is no such key", ifVersion: 1 });
    await tell(await told(writer, batch, writes));
    if (!mustConflict) own.push(members);
  }
}

async function membersOf(batch: number): Promise<readonly Member[]> {
  const count = 1 + Math.floor(random.float() * membersMax);
  const blob = random.float() < 0.1 ? (await store.blobs.put(bytes(`blob of ${batch}`))).sha256 : undefined;
  return Array.from({ length: count }, (_, index) => ({ batch, index, count, blob }));
}

async function told(writer: number, batch: number, writes: readonly Write[]): Promise<Told> {
  try {
    const { versions } = await store.commit(writes);
    return { kind: "committed", batch, writer, versions: versions.filter((version) => version > 0) };
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== "conflict") throw error;
    return { kind: "conflict", batch };
  }
}

function put(member: Member): Write {
  const padding = "x".repeat(Math.floor(random.float() * paddingBytesMax));
  return { kind: "put", key: keyOf(member), value: bytes(JSON.stringify({ ...member, padding })) };
}

function last(writer: number, batch: number): Write {
  return { kind: "put", key: `last/${writer}`, value: bytes(String(batch)) };
}

function removing(members: readonly Member[]): readonly Write[] {
  const removes = members.map((member): Write => ({ kind: "remove", key: keyOf(member) }));
  return [...removes, { kind: "put", key: `removed/${members[0]?.batch}`, value: bytes("") }];
}

function keyOf({ batch, index }: Member): string {
  return `batch/${batch}/${index}`;
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Resolves when the line has left this process. Not `writeSync`: a pipe whose reader is slow answers it EAGAIN. */
function tell(told: Told): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(`${JSON.stringify(told)}\n`, (error) => (error ? reject(error) : resolve()));
  });
}
