/**
 * /tmp on disk: each sandbox has an image of its own, a sparse ext4 file that is mounted in the mount namespace of its
 * slot, so that mount and loop device go with the slot's processes. An image costs what is written to it, its size is
 * the limit, and what fills it is page cache, which the kernel gives back, not memory. Images are copies of an empty one
 * of the same size, some 100 KB.
 *
 * Nothing here outlives lambdad by intention: a crash leaves files, which the next start removes.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { tmpBytesDefault } from "../../limits.ts";
import { findTool, run } from "../command.ts";
import { DriverError } from "../driver.ts";

/** The image of one /tmp. */
export interface Disk {
  /** Arguments of `diskScript`: the image, the empty one that it is a copy of, where to mount it. */
  readonly arguments: readonly [image: string, template: string, directory: string];
  /** Whether the loop device ("loop7") has this image still, or already. */
  isOn(device: string): boolean;
  /** Call when its loop device has gone. Idempotent. */
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
}

/** Throws `DriverError` "unavailable". */
export async function openDisks({ directory, mountPoint }: DiskOptions): Promise<Disks> {
  const absent = ["mkfs.ext4", "debugfs"].filter((tool) => !findTool(tool));
  if (absent.length > 0) {
    throw new DriverError("unavailable", "e2fsprogs is not installed: apt-get install e2fsprogs");
  }
  await rm(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  mkdirSync(mountPoint, { recursive: true, mode: 0o755 });
  const templates = new Map<number, Promise<string>>();
  let made = 0;

  const nextImage = () => join(directory, `tmp-${made++}`);
  const close = () => rm(directory, { recursive: true, force: true });

  /** `use`: what to try with it at once. */
  function template(bytesMax: number, use = ""): Promise<string> {
    const path = join(directory, `empty-${bytesMax}`);
    const known = templates.get(bytesMax);
    const making = known ?? makeTemplate(path, { bytesMax, use, image: nextImage(), mountPoint });
    templates.set(bytesMax, making);
    making.catch(() => templates.delete(bytesMax));
    return making;
  }

  try {
    // Whether it can be mounted is tried, not guessed.
    await template(tmpBytesDefault, diskScript);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    mountPoint,
    async create(bytesMax) {
      const from = await template(bytesMax);
      const image = nextImage();
      return {
        arguments: [image, from, mountPoint],
        isOn: (device) => readOr(`/sys/block/${device}/loop/backing_file`).trimEnd() === image,
        remove: () => rm(image, { force: true }),
      };
    },
    close,
  };
}

/** What ext4 keeps for itself: inodes, and blocks for late allocations. */
const overhead = 1.04;
const overheadBytes = 1024 * 1024;

/** An empty file system: everybody may write, and nothing is in it. Expects $template and $size. */
const templateScript = `
truncate --size="$size" -- "$template"
mkfs.ext4 -q -F -O ^has_journal,^resize_inode -E lazy_itable_init=1,nodiscard -m 0 "$template"
debugfs -w -f - "$template" >/dev/null <<'END'
rmdir lost+found
set_inode_field / mode 041777
END
`;

interface TemplateOptions {
  readonly bytesMax: number;
  /** More of the script; what it mounts goes with it. */
  readonly use: string;
  readonly image: string;
  readonly mountPoint: string;
}

async function makeTemplate(
  path: string,
  { bytesMax, use, image, mountPoint }: TemplateOptions,
): Promise<string> {
  const script = `set -eu\ntemplate=$1 size=$2 image=$3 tmp=$4\n${templateScript}${use}`;
  const size = String(Math.ceil(bytesMax * overhead + overheadBytes));
  const shell = ["sh", "-c", script, "template", path, size, image, mountPoint];
  await run("unavailable", ["unshare", ...ownMounts, "--", ...shell]);
  await rm(image, { force: true });
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
