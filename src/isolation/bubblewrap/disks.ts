/**
 * /tmp on disk: each sandbox has an image of its own, a sparse ext4 file that is mounted in the mount namespace of its
 * slot, so that mount and loop device go with the slot's processes. An image costs what is written to it, its size is
 * the limit, and what fills it is page cache, which the kernel gives back, not memory. Images are copies of an empty one
 * of the same size, some 100 KB.
 *
 * Nothing here outlives lambdad by intention: a crash leaves files, which the next start removes.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { sandboxDestroyTimeoutMs, tmpBytesDefault } from "../../limits.ts";
import { findTool, run } from "../command.ts";
import { DriverError } from "../driver.ts";
import { settledWithin } from "../exit.ts";

/** The image of one /tmp. One slot at a time has it mounted. */
export interface Disk {
  /** Arguments of `diskScript`: the image, the empty one that it is a copy of, where to mount it. */
  readonly arguments: readonly [image: string, template: string, directory: string];
  readonly bytesMax: number;
  /** Whether the loop device ("loop7") has this image still, or already. */
  isOn(device: string): boolean;
  /** The slot that had it mounted has gone, and its loop device too. Removes the image, unless it is kept. */
  release(): Promise<void>;
  /** From now on it survives its slot, for the next one. */
  keep(): void;
  /** Resolves when no slot has it; then it is the caller's. Throws `DriverError` "spec" when it stays in use. */
  take(): Promise<void>;
  /** Call when no slot has it. Idempotent. */
  remove(): Promise<void>;
}

export interface Disks {
  /** Where slots have theirs mounted, each in its own mount namespace. */
  readonly mountPoint: string;
  /** A disk for one slot, still to be made by it. */
  create(bytesMax: number): Promise<Disk>;
  close(): Promise<void>;
}

/**
 * As root, in a mount namespace of its own. Expects $image, $template and $tmp. Without a journal, barriers and zeroed
 * tables: nothing of it is wanted after a crash.
 */
export const diskScript = `
if [ ! -e "$image" ]; then cp --sparse=always -- "$template" "$image"; fi
mount -t ext4 -o loop,nosuid,nodev,noatime,nobarrier,noinit_itable -- "$image" "$tmp"
`;

/** What stands before whoever runs it. What the machine mounts later still appears within; nothing appears outside. */
export const ownMounts = ["--mount", "--propagation", "slave"] as const;

export interface DiskOptions {
  /** For the images: on a file system with room, lambdad's own; emptied. */
  readonly directory: string;
  /** Where unprivileged processes get to. */
  readonly mountPoint: string;
  readonly clock: Clock;
}

/** Throws `DriverError` "unavailable". */
export async function openDisks({ directory, mountPoint, clock }: DiskOptions): Promise<Disks> {
  const absent = ["mkfs.ext4", "debugfs"].filter((tool) => !findTool(tool));
  if (absent.length > 0) {
    throw new DriverError("unavailable", "e2fsprogs is not installed: apt-get install e2fsprogs");
  }
  await rm(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  mkdirSync(mountPoint, { recursive: true, mode: 0o755 });
  const templates = new Map<number, Promise<string>>();
  let made = 0;

  function template(bytesMax: number): Promise<string> {
    const known = templates.get(bytesMax) ?? makeTemplate(join(directory, `empty-${bytesMax}`), bytesMax);
    templates.set(bytesMax, known);
    known.catch(() => templates.delete(bytesMax));
    return known;
  }

  const disks: Disks = {
    mountPoint,
    async create(bytesMax) {
      const from = await template(bytesMax);
      return createDisk([join(directory, `tmp-${made++}`), from, mountPoint], bytesMax, clock);
    },
    close: () => rm(directory, { recursive: true, force: true }),
  };
  await tried(disks);
  return disks;
}

/** Makes, mounts and removes one. Says why it can't be done, where that is so. */
async function tried(disks: Disks): Promise<void> {
  try {
    const disk = await disks.create(tmpBytesDefault);
    const script = `set -eu\nimage=$1 template=$2 tmp=$3\n${diskScript}`;
    await run("unavailable", ["unshare", ...ownMounts, "--", "sh", "-c", script, "disk", ...disk.arguments]);
    await disk.remove();
  } catch (error) {
    await disks.close();
    throw error;
  }
}

function createDisk(args: Disk["arguments"], bytesMax: number, clock: Clock): Disk {
  const [image] = args;
  let isKept = false;
  let inUse = Promise.withResolvers<void>();

  async function remove(): Promise<void> {
    await rm(image, { force: true });
  }

  return {
    arguments: args,
    bytesMax,
    isOn: (device) => readOr(`/sys/block/${device}/loop/backing_file`).trimEnd() === image,
    async release() {
      if (!isKept) await remove();
      inUse.resolve();
    },
    keep() {
      isKept = true;
    },
    async take() {
      if (!(await settledWithin(inUse.promise, clock, sandboxDestroyTimeoutMs))) {
        throw new DriverError("spec", "another sandbox still has this /tmp");
      }
      inUse = Promise.withResolvers();
    },
    remove,
  };
}

/** What ext4 keeps for itself: inodes, and blocks for late allocations. */
const overhead = 1.04;
const overheadBytes = 1024 * 1024;

/** Everybody may write, and nothing is in it. */
const emptied = "rmdir lost+found\nset_inode_field / mode 041777\n";

async function makeTemplate(path: string, bytesMax: number): Promise<string> {
  const file = await open(path, "wx", 0o600);
  await file.truncate(Math.ceil(bytesMax * overhead + overheadBytes));
  await file.close();
  const features = ["-O", "^has_journal,^resize_inode", "-E", "lazy_itable_init=1,nodiscard", "-m", "0"];
  await run("unavailable", ["mkfs.ext4", "-q", "-F", ...features, path]);
  await run("unavailable", ["debugfs", "-w", "-f", "-", path], emptied);
  return path;
}

/** "loop7": the device that process `pid` has mounted at `directory`. */
export function loopDevice(pid: number, directory: string): string | undefined {
  const mount = readOr(`/proc/${pid}/mountinfo`)
    .split("\n")
    .find((line) => line.split(" ")[4] === directory);
  return /\/dev\/(loop\d+)/.exec(mount ?? "")?.[1];
}

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
