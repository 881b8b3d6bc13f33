/**
 * One process to a data directory. The lock is SQLite's exclusive lock on an empty database, `<dir>/lock`: the kernel
 * drops it when its holder ends, however it ends, so no lock is ever stale. `<dir>/lock-holder` names the holder's
 * process id, for the message to whoever comes second; it decides nothing. Not for network file systems.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { systemDisk } from "../base/disk.ts";
import { faultOf } from "./sqlite/fault.ts";
import { StoreError } from "./store.ts";

/** Idempotent. */
export type Unlock = () => void;

const busyCode = 5; // SQLITE_BUSY

/** Makes the directory if missing. Throws `StoreError` "locked" when somebody has it, this process included. */
export async function lockDataDir(dir: string): Promise<Unlock> {
  try {
    await systemDisk.makeDirs(dir);
    const lock = new DatabaseSync(join(dir, "lock"), { timeout: 0 });
    acquire(lock);
    await writeFile(join(dir, "lock-holder"), `${process.pid}\n`, { mode: 0o600 });
    return () => {
      if (lock.isOpen) lock.close();
    };
  } catch (error) {
    if ((error as { errcode?: number }).errcode !== busyCode) throw faultOf(error);
    throw new StoreError(
      "locked",
      `${dir} is in use by ${await holderOf(dir)}. Stop it, or use another data directory.`,
    );
  }
}

function acquire(lock: DatabaseSync): void {
  try {
    lock.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    lock.close();
    throw error;
  }
}

async function holderOf(dir: string): Promise<string> {
  const pid = await readFile(join(dir, "lock-holder"), "utf8").catch(() => "");
  return /^\d+\n$/.test(pid) ? `another lambdad, process ${pid.trim()}` : "another process";
}
