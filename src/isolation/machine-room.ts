/**
 * How much memory is left for more sandboxes: of the machine, and of every control group that lambdad itself runs in (a
 * container's, a service's). Whoever starts sandboxes asks before it does, and refuses (429) rather than let the kernel
 * choose whom to kill. A reading is kept for a moment, so asking costs nothing.
 *
 * Never counts what sandboxes may still grow to: that is the asker's policy.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { machineRoomReadingAgeMsMax } from "../limits.ts";
import { type CgroupMount, parseCgroupMounts } from "./cgroup-hierarchy.ts";

export interface MachineRoom {
  /** MB, whole, never negative. `Infinity` where the machine does not say (not Linux). */
  freeMemoryMb(): number;
}

/** Answers "" for a file that is not there. */
type Read = (path: string) => string;

const MiB = 1024 * 1024;

export function createMachineRoom(clock: Clock, read: Read = readOr): MachineRoom {
  const groups = limitingGroups(read("/proc/self/mountinfo"), read("/proc/self/cgroup"));
  let freeMb = Infinity;
  let readAtMs = -Infinity;
  return {
    freeMemoryMb() {
      if (clock.monotonic() - readAtMs >= machineRoomReadingAgeMsMax) {
        const free = [machineFreeBytes(read), ...groups.map((group) => groupFreeBytes(group, read))];
        freeMb = Math.max(0, Math.floor(Math.min(...free) / MiB));
        readAtMs = clock.monotonic();
      }
      return freeMb;
    },
  };
}

function machineFreeBytes(read: Read): number {
  const free = /^MemAvailable:\s+(\d+) kB$/m.exec(read("/proc/meminfo"))?.[1];
  return free === undefined ? Infinity : Number(free) * 1024;
}

interface LimitingGroup {
  readonly directory: string;
  readonly names: { readonly limit: string; readonly usage: string; readonly reclaimable: string };
}

const namesOf = {
  cgroup: {
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    reclaimable: "total_inactive_file",
  },
  cgroup2: { limit: "memory.max", usage: "memory.current", reclaimable: "inactive_file" },
} as const;

/** lambdad's own memory group and all above it, up to the root of what is mounted here. */
function limitingGroups(mountinfo: string, own: string): readonly LimitingGroup[] {
  const mounts = parseCgroupMounts(mountinfo);
  return mounts
    .filter(({ type, options }) => type === "cgroup2" || options.includes("memory"))
    .flatMap((mount) =>
      ancestors(mount, own).map((directory) => ({ directory, names: namesOf[mount.type] })),
    );
}

function ancestors(mount: CgroupMount, own: string): readonly string[] {
  const isOwn = (line: string) =>
    mount.type === "cgroup2" ? line.startsWith("0::") : line.split(":")[1]?.split(",").includes("memory");
  const inHierarchy = own.split("\n").find(isOwn)?.split(":").slice(2).join(":") ?? "/";
  // A container without a namespace for control groups has a part of the hierarchy mounted as if it were all.
  const within = inHierarchy.startsWith(mount.root) ? inHierarchy.slice(mount.root.length) : "";
  const groups: string[] = [];
  for (let group = join("/", within); ; group = dirname(group)) {
    groups.push(join(mount.path, group));
    if (group === "/") return groups;
  }
}

/** v1 says 2^63, less a page, where there is no limit. */
const limitBytesMax = 2 ** 62;

/** What could still be used before the limit; page cache that nobody has touched lately counts as free. */
function groupFreeBytes({ directory, names }: LimitingGroup, read: Read): number {
  const limit = Number(read(join(directory, names.limit)) || Infinity); // "max" on v2 is NaN: no limit
  // The kernel adds up for the rest what every group below has.
  if (!(limit < limitBytesMax)) return Infinity;
  const usage = Number(read(join(directory, names.usage)));
  const reclaimable = new RegExp(`^${names.reclaimable} (\\d+)$`, "m").exec(
    read(join(directory, "memory.stat")),
  );
  return limit - usage + Number(reclaimable?.[1] ?? 0);
}

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
