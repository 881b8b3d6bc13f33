/**
 * A disk in memory that can lose power. Like a real one it keeps what was synced and may keep, lose or tear everything
 * else: at `restart` each name in a directory and each file's tail that was not synced survives or not, by chance.
 * For tests and the simulation only.
 */
import { dirname, join } from "node:path";
import type { Disk } from "./disk.ts";
import type { Random } from "./random.ts";

export interface SimDisk extends Disk {
  /** The `count`-th operation from now (0: the next) and all after it fail with this code, until `restart`. */
  failFrom(count: number, code: "EIO" | "ENOSPC"): void;
  /** Power off and on. */
  restart(): void;
  /** Flips one bit of a file. */
  damage(path: string): void;
  readonly operations: number;
  /** Every path of a file, sorted. */
  files(): readonly string[];
}

interface Inode {
  bytes: Buffer;
  /** How many of `bytes` are durable. */
  syncedBytes: number;
}

export function createSimDisk(random: Random): SimDisk {
  const directories = new Set<string>();
  let live = new Map<string, Inode>();
  /** What the directories hold for certain; `live` and this are the two states a name may be found in. */
  const durable = new Map<string, Inode>();
  let operations = 0;
  let failing: { readonly from: number; readonly code: string } | undefined;

  function operation(): void {
    const number = operations++;
    if (failing && number >= failing.from) throw fault(failing.code);
  }
  function inodeAt(path: string): Inode {
    const inode = live.get(path);
    if (!inode) throw fault("ENOENT");
    return inode;
  }

  return {
    async makeDirs(path, children = []) {
      operation();
      for (const child of ["", ...children]) directories.add(join(path, child));
    },
    async list(path) {
      operation();
      return [...live.keys(), ...directories]
        .filter((each) => each !== path && dirname(each) === path)
        .map((each) => each.slice(path.length + 1));
    },
    async create(path) {
      operation();
      if (!directories.has(dirname(path))) throw fault("ENOENT");
      if (live.has(path)) throw fault("EEXIST");
      const inode: Inode = { bytes: Buffer.alloc(0), syncedBytes: 0 };
      live.set(path, inode);
      return {
        async write(bytes) {
          operation();
          inode.bytes = Buffer.concat([inode.bytes, bytes]);
        },
        async writeAll(chunks) {
          operation();
          inode.bytes = Buffer.concat([inode.bytes, ...chunks]);
        },
        async sync() {
          operation();
          inode.syncedBytes = inode.bytes.length;
        },
        async close() {},
      };
    },
    async *read(path, chunkBytes, slice) {
      operation();
      const whole = inodeAt(path).bytes;
      const bytes = slice ? whole.subarray(slice.start, slice.start + slice.length) : whole;
      for (let at = 0; at < bytes.length; at += chunkBytes) {
        yield new Uint8Array(bytes.subarray(at, at + chunkBytes));
      }
    },
    async sizeOf(path) {
      operation();
      return live.get(path)?.bytes.length;
    },
    async rename(from, to) {
      operation();
      live.set(to, inodeAt(from));
      live.delete(from);
    },
    async remove(path) {
      operation();
      live.delete(path);
    },
    async syncDir(path) {
      operation();
      for (const each of new Set([...live.keys(), ...durable.keys()])) {
        if (dirname(each) === path) settle(durable, each, live.get(each));
      }
    },
    failFrom(count, code) {
      failing = { from: operations + count, code };
    },
    restart() {
      failing = undefined;
      for (const each of new Set([...live.keys(), ...durable.keys()])) {
        if (random.float() < 0.5) settle(durable, each, live.get(each));
      }
      for (const inode of new Set(durable.values())) {
        const kept = Math.floor(random.float() * (inode.bytes.length - inode.syncedBytes + 1));
        inode.bytes = inode.bytes.subarray(0, inode.syncedBytes + kept);
        inode.syncedBytes = inode.bytes.length;
      }
      live = new Map(durable);
    },
    damage(path) {
      const inode = inodeAt(path);
      const at = Math.floor(random.float() * inode.bytes.length);
      inode.bytes = Buffer.from(inode.bytes);
      inode.bytes[at] = (inode.bytes[at] ?? 0) ^ 1;
    },
    get operations() {
      return operations;
    },
    files: () => [...live.keys()].sort(),
  };
}

function settle(names: Map<string, Inode>, path: string, inode: Inode | undefined): void {
  if (inode) names.set(path, inode);
  else names.delete(path);
}

function fault(code: string): Error {
  return Object.assign(new Error(`${code}: simulated`), { code });
}
