/**
 * Files as a port, so that a test can cut the power between any two operations (`disk-sim.ts`). Only what blobs need:
 * files are written once, made durable, renamed into place. Errors are Node's own, with `code` ("ENOSPC", "ENOENT").
 * Nothing is durable before `sync` of the file and `syncDir` of its directory have resolved.
 */
import type { FileHandle } from "node:fs/promises";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

export interface Disk {
  /** Creates `path`, its parents and these directories in it, for the owner only, all durable. Idempotent. */
  makeDirs(path: string, children?: readonly string[]): Promise<void>;
  /** Names in the directory, in no order; none when it does not exist. */
  list(path: string): Promise<readonly string[]>;
  /** A new file, for the owner only; "EEXIST" when there is one. */
  create(path: string): Promise<DiskFile>;
  /** Chunks of at most `chunkBytes`; "ENOENT" at the first one when there is no such file. All of it, or the slice. */
  read(path: string, chunkBytes: number, slice?: Slice): AsyncIterable<Uint8Array>;
  sizeOf(path: string): Promise<number | undefined>;
  /** Atomic; replaces `to`. */
  rename(from: string, to: string): Promise<void>;
  /** Idempotent. */
  remove(path: string): Promise<void>;
  /** Makes creations, renames and removals in this directory durable. */
  syncDir(path: string): Promise<void>;
}

/** Bytes of a file: `length` of them from `start`, fewer where it ends before. */
export interface Slice {
  readonly start: number;
  readonly length: number;
}

export interface DiskFile {
  write(bytes: Uint8Array): Promise<void>;
  /** One after the other, in one go. */
  writeAll(chunks: readonly Uint8Array[]): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export const systemDisk: Disk = {
  async makeDirs(path, children = []) {
    const whole = resolve(path);
    const topmost = await mkdir(whole, { recursive: true, mode: 0o700 });
    const there = new Set(await readdir(whole));
    for (const child of children) {
      if (!there.has(child)) await mkdir(join(whole, child), { mode: 0o700 });
    }
    // Always: whoever made them may have been killed before this.
    await syncDir(whole);
    for (let each = whole; topmost && each.startsWith(topmost); each = dirname(each)) {
      await syncDir(dirname(each));
    }
  },
  async list(path) {
    return (await unlessMissing(readdir(path))) ?? [];
  },
  async create(path) {
    const file = await open(path, "wx", 0o600);
    return {
      write: (bytes) => file.writeFile(bytes),
      writeAll: (chunks) => writeAll(file, chunks),
      sync: () => file.sync(),
      close: () => file.close(),
    };
  },
  read: (path, chunkBytes, slice) => readSlice(path, chunkBytes, slice),
  async sizeOf(path) {
    return (await unlessMissing(stat(path)))?.size;
  },
  rename: (from, to) => rename(from, to),
  remove: (path) => rm(path, { force: true }),
  syncDir,
};

async function writeAll(file: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  let rest = chunks;
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest);
    rest = after(rest, bytesWritten);
  }
}

function after(chunks: readonly Uint8Array[], written: number): Uint8Array[] {
  let left = written;
  const rest: Uint8Array[] = [];
  for (const chunk of chunks) {
    if (left < chunk.length) rest.push(chunk.subarray(left));
    left = Math.max(0, left - chunk.length);
  }
  return rest;
}

/** Reads one chunk ahead of what was asked for. */
async function* readSlice(path: string, chunkBytes: number, slice?: Slice): AsyncGenerator<Uint8Array> {
  const file = await open(path, "r");
  let ahead: Promise<Uint8Array> | undefined;
  try {
    let at = slice?.start ?? 0;
    const end = slice ? slice.start + slice.length : (await file.stat()).size;
    const next = () => {
      const from = at;
      at = Math.min(end, at + chunkBytes);
      return from < end ? chunkOf(file, from, at - from) : undefined;
    };
    ahead = next();
    while (ahead) {
      const chunk = await ahead;
      ahead = chunk.length === 0 ? undefined : next();
      if (chunk.length > 0) yield chunk;
    }
  } finally {
    await ahead?.catch(() => undefined);
    await file.close();
  }
}

async function chunkOf(file: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, position);
  return bytesRead === length ? buffer : buffer.subarray(0, bytesRead);
}

async function syncDir(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
