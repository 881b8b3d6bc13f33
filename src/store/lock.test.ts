import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { lockDataDir } from "./lock.ts";
import { StoreError } from "./store.ts";

const lockModule = new URL("./lock.ts", import.meta.url).href;

/** A process that locks the directory and lives until it is killed. */
async function holderOf(dir: string) {
  const script = `
    const { lockDataDir } = await import(${JSON.stringify(lockModule)});
    globalThis.unlock = await lockDataDir(${JSON.stringify(dir)});
    console.log("locked");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return child;
}

function lockedBy(pid: number | undefined) {
  return (error: unknown) => {
    assert.ok(error instanceof StoreError);
    assert.equal(error.code, "locked");
    assert.match(error.message, new RegExp(`process ${pid}\\b`));
    return true;
  };
}

test("a locked directory is refused to another process, by the holder's id, until the holder is killed", async () => {
  const dir = join(await mkdtemp(join(tmpdir(), "lambdad-lock-")), "data");
  const holder = await holderOf(dir);
  await assert.rejects(lockDataDir(dir), lockedBy(holder.pid));
  await assert.rejects(lockDataDir(dir), lockedBy(holder.pid), "being refused does not break the lock");
  holder.kill("SIGKILL");
  await once(holder, "exit");
  const unlock = await lockDataDir(dir);
  unlock();
  await rm(join(dir, ".."), { recursive: true });
});

test("a directory is locked once in one process too, and free after unlock", async () => {
  const dir = await mkdtemp(join(tmpdir(), "lambdad-lock-"));
  const unlock = await lockDataDir(dir);
  await assert.rejects(lockDataDir(dir), lockedBy(process.pid));
  unlock();
  unlock();
  const again = await lockDataDir(dir);
  again();
  await rm(dir, { recursive: true });
});
