/**
 * A store on a disk that is really full: a small tmpfs, which only root may mount. Nothing that was refused may be
 * there, nothing acknowledged may be missing, and with room again the same store goes on.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import { describeError, silentLogger } from "../../src/base/logger.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { StoreError } from "../../src/store/store.ts";
import type { Store, Write } from "../../src/store/store.ts";

const diskBytes = 6 * 1024 * 1024;
const fillerBytes = 1024 * 1024;
const valueBytes = 20_000;

test("K1 a full disk refuses commits and blobs as full, keeps what was acknowledged, and recovers", async (t) => {
  const mounted = mountSmallDisk();
  if (typeof mounted === "string") return t.skip(mounted);
  const filler = join(mounted.dir, "filler");
  writeFileSync(filler, Buffer.alloc(fillerBytes));
  const dir = join(mounted.dir, "store");
  const store = await openSqliteStore({ dir, clock: systemClock, logger: silentLogger });
  try {
    const acknowledged = await filled(store);
    assert.ok(acknowledged.length > 20);
    await assert.rejects(store.blobs.put(new Uint8Array(diskBytes)), assertFull);
    const found = await store.scan({ prefix: "k/", limit: 10_000 });
    const keys = found.map((entry) => entry.key);
    assert.deepEqual(keys, acknowledged.toSorted());

    rmSync(filler);
    await store.commit([put("again", 1)]);
    const { sha256 } = await store.blobs.put(new Uint8Array(valueBytes));
    assert.equal((await store.blobs.read(sha256)).length, valueBytes);
  } finally {
    await store.close();
    mounted.unmount();
  }
});

/** Commits until the disk has refused twenty; answers the keys that were acknowledged. */
async function filled(store: Store): Promise<readonly string[]> {
  const acknowledged: string[] = [];
  for (let round = 0, refused = 0; refused < 20; round++) {
    assert.ok(round * 4 * valueBytes < 2 * diskBytes, "the disk fills up");
    const writes = [0, 1, 2, 3].map((index) => put(`k/${round}/${index}`, round));
    const outcomes = await Promise.allSettled(writes.map((write) => store.commit([write])));
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === "fulfilled") acknowledged.push(writes[index]?.key ?? "");
      else refused += assertFull(outcome.reason) ? 1 : 0;
    }
  }
  return acknowledged;
}

function put(key: string, fill: number): Write {
  return { kind: "put", key, value: new Uint8Array(valueBytes).fill(fill) };
}

function assertFull(error: unknown): true {
  assert.ok(error instanceof StoreError && error.code === "full", describeError(error));
  return true;
}

/** Or why not. */
function mountSmallDisk() {
  const dir = mkdtempSync(join(tmpdir(), "lambdad-full-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${diskBytes}`, "tmpfs", dir], { stdio: "pipe" });
  } catch (error) {
    rmSync(dir, { recursive: true });
    return `cannot mount a small disk: ${describeError(error)}`;
  }
  const unmount = () => {
    execFileSync("umount", [dir]);
    rmSync(dir, { recursive: true });
  };
  return { dir, unmount };
}
