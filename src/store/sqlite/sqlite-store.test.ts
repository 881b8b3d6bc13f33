import assert from "node:assert/strict";
import { mkdtemp, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import { storeSuite } from "../store.suite.ts";
import type { Store } from "../store.ts";
import { failsWith, put } from "../under-test.suite.ts";
import { openSqliteStore } from "./sqlite-store.ts";

function opened(dir: string): Promise<Store> {
  return openSqliteStore({ dir, clock: systemClock, logger: silentLogger });
}

storeSuite("sqlite", async () => {
  const dir = await mkdtemp(join(tmpdir(), "lambdad-store-"));
  let store = await opened(dir);
  return {
    store,
    async reopen() {
      await store.close();
      return (store = await opened(dir));
    },
    async damageBlob(sha256) {
      const path = join(dir, "blobs", sha256.slice(0, 2), sha256.slice(2));
      const bytes = await readFile(path);
      bytes[0] = (bytes[0] ?? 0) ^ 1;
      await writeFile(path, bytes);
    },
    async dispose() {
      await store.close();
      await rm(dir, { recursive: true });
    },
  };
});

test("sqlite: what is stored is for the owner's eyes only", async () => {
  const dir = await mkdtemp(join(tmpdir(), "lambdad-store-"));
  const store = await opened(join(dir, "new", "data"));
  await store.commit([put("k", "v")]);
  const { sha256 } = await store.blobs.put(Buffer.from("x"));
  for (const [path, mode] of [
    ["new", 0o700],
    ["new/data", 0o700],
    ["new/data/state.sqlite", 0o600],
    ["new/data/state.sqlite-wal", 0o600],
    ["new/data/blobs", 0o700],
    [`new/data/blobs/${sha256.slice(0, 2)}/${sha256.slice(2)}`, 0o600],
  ] as const) {
    assert.equal((await stat(join(dir, path))).mode & 0o777, mode, path);
  }
  await store.close();
  await rm(dir, { recursive: true });
});

test("sqlite: damage that is met while running is answered corrupt, by reads and by writes", async () => {
  const dir = await mkdtemp(join(tmpdir(), "lambdad-store-"));
  const first = await opened(dir);
  const keys = Array.from({ length: 500 }, (_, index) => `k${index}`);
  await first.commit(keys.map((key) => put(key, "v".repeat(300))));
  await first.close();
  const file = await open(join(dir, "state.sqlite"), "r+");
  const { size } = await file.stat();
  await file.write(Buffer.alloc(size - 3 * 4096, 0xff), 0, undefined, 3 * 4096);
  await file.close();

  const store = await opened(dir);
  await assert.rejects(store.get("k7"), failsWith("corrupt"));
  await assert.rejects(store.scan({ prefix: "k", limit: 1000 }), failsWith("corrupt"));
  const waiting = [store.commit([put("k7", "x")]), store.commit([put("k8", "x")])];
  for (const commit of waiting) await assert.rejects(commit, failsWith("corrupt"));
  await assert.rejects(store.commit([put("k9", "x")]), failsWith("corrupt"));
  await store.close();
  await rm(dir, { recursive: true });
});
