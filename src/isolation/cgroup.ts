/**
 * Kernel limits for sandboxes: memory, CPU time and processes, on cgroup v2 and on v1 (also hybrid); and stopping them as a
 * whole. Groups live at
 * `<hierarchy>/lambdad/<instance>/<name>`, so that a later run of the same instance finds what an earlier one left. A
 * group is made first and limited when its sandbox is known; a process joins by writing "0" to `joinFiles` itself.
 * Nothing outside `lambdad/` is ever changed, except that v2's parents get their controllers switched on.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeFileSync,
} from "node:fs";
import { type FileHandle, mkdir, open as openFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { memoryProcessesMax, sandboxDestroyTimeoutMs } from "../limits.ts";
import {
  type CgroupHost,
  type CgroupLimits,
  findHierarchy,
  freezeFile,
  type Hierarchy,
  removeIfEmpty,
  thisHost,
  type Write,
} from "./cgroup-hierarchy.ts";
import { DriverError, type Usage } from "./driver.ts";
import { memoryPeak, ownPeakBytes } from "./memory-peak.ts";

export interface Cgroup {
  readonly joinFiles: readonly string[];
  limit(limits: CgroupLimits): void;
  setCpus(cpus: number): void;
  /** Stops everything in it, or lets it go on; does nothing where groups cannot be frozen. */
  setFrozen(isFrozen: boolean): Promise<void>;
  usage(): Usage;
  /** Processes of the group that the kernel killed for memory. */
  oomKills(): number;
  /** Kills everything in the group, until it is empty, and removes it. Idempotent. */
  destroy(): Promise<void>;
}

export interface Cgroups {
  readonly version: 1 | 2;
  readonly canFreeze: boolean;
  /** A directory with one entry for each group; `cgroup.procs` in it lists whoever has joined, or begun to. */
  readonly directory: string;
  /** It, and on v1 those of the other controllers. */
  readonly directories: readonly string[];
  create(name: string): Promise<Cgroup>;
  /** Of all groups of this instance, also of those that are gone. */
  cpuUsec(): number;
  /** Kills and removes the groups that an earlier run of this instance left. */
  sweep(): Promise<void>;
  /** Kills and removes every group of this instance, and the instance's own. */
  close(): Promise<void>;
}

/** Throws `DriverError` "limits", which says what is missing, where no group can be made. */
export function openCgroups(instance: string, clock: Clock, host: CgroupHost = thisHost()): Cgroups {
  const hierarchy = findHierarchy(host, instance);
  // Another instance's sweep takes away what a crashed one left, directories too: not those that somebody alive is in.
  const claim = `${host.pid}-here`;
  const own = new Set([claim]);
  for (const parent of hierarchy.parents) mkdirSync(join(parent, claim), { recursive: true });

  async function destroyAll(isLeft: (name: string) => boolean) {
    const names = new Set(hierarchy.parents.flatMap(childrenOf).filter(isLeft));
    await Promise.all([...names].map((name) => open(name).destroy()));
  }

  function open(name: string): Cgroup {
    return openGroup({ name, hierarchy, clock, host });
  }

  return {
    version: hierarchy.version,
    canFreeze: hierarchy.freezeParent !== undefined,
    directory: hierarchy.parents[0],
    directories: hierarchy.parents,
    async create(name) {
      own.add(name);
      try {
        // Not synchronously: the kernel may be busy with other groups for tens of milliseconds.
        await Promise.all(hierarchy.parents.map((parent) => mkdir(join(parent, name))));
      } catch (cause) {
        throw new DriverError("limits", `cannot make the control group ${name}`, { cause });
      }
      return open(name);
    },
    cpuUsec: () => hierarchy.cpuUsec((parent, file) => readOr(join(parent, file))),
    async sweep() {
      await destroyAll((name) => !own.has(name));
      hierarchy.parents.forEach((parent) => removeEmptyOthers(host, parent));
    },
    async close() {
      await destroyAll(() => true);
      for (const parent of hierarchy.parents) {
        removeIfEmpty(host, parent);
        removeIfEmpty(host, join(parent, "..")); // lambdad/, when no other instance is left
      }
    },
  };
}

interface GroupParts {
  readonly name: string;
  readonly hierarchy: Hierarchy;
  readonly clock: Clock;
  readonly host: CgroupHost;
}

/** For the figures that `usage` reads: they are a line. */
const usageText = Buffer.alloc(64);

function openGroup({ name, hierarchy, clock, host }: GroupParts): Cgroup {
  let isDestroyed = false;
  /** Files of `usage`, by path. It is asked many times a second, and opening costs ten times what reading does. */
  const opened = new Map<string, number>();
  /** Kept open from the first time on, which halves the cost. */
  let freezer: Promise<FileHandle> | undefined;

  function write(writes: readonly Write[]) {
    for (const { parent, file, value, optional } of writes) {
      try {
        writeFileSync(join(parent, name, file), value);
      } catch (cause) {
        if (!optional) throw new DriverError("limits", `cannot set ${file} to ${value}`, { cause });
      }
    }
  }

  const read = (parent: string, file: string) => readOr(join(parent, name, file));

  function readOpened(parent: string, file: string): string {
    const path = join(parent, name, file);
    try {
      const descriptor = opened.get(path) ?? openSync(path, "r");
      opened.set(path, descriptor);
      return usageText.toString("latin1", 0, readSync(descriptor, usageText, 0, usageText.length, 0));
    } catch {
      return "";
    }
  }

  async function closeFiles() {
    for (const descriptor of opened.values()) closeSync(descriptor);
    opened.clear();
    const file = await freezer?.catch(() => undefined); // it could not be opened
    await file?.close();
  }

  function members(): readonly number[] {
    const listed = hierarchy.parents.flatMap((parent) => read(parent, "cgroup.procs").split("\n"));
    return [...new Set(listed.filter(Boolean).map(Number))];
  }

  const peak = memoryPeak({
    total: () => hierarchy.memoryPeakBytes(readOpened),
    cached: () => hierarchy.memoryCachedBytes(read),
    ofOneProcess: () => {
      const pids = members().slice(0, memoryProcessesMax);
      return Math.max(0, ...pids.map((pid) => ownPeakBytes(readOr(`/proc/${pid}/status`))));
    },
  });

  /** Answers whether nothing is left to kill. */
  function killAll(): boolean {
    write(hierarchy.killWrites());
    const pids = members();
    for (const pid of pids) {
      try {
        host.kill(pid);
      } catch {
        // it went by itself
      }
    }
    return pids.length === 0;
  }

  function remove(): boolean {
    // v1 and v2 answer EBUSY until the last member has been reaped.
    return hierarchy.parents.map((parent) => removeIfEmpty(host, join(parent, name))).every(Boolean);
  }

  return {
    joinFiles: hierarchy.parents.map((parent) => join(parent, name, "cgroup.procs")),
    limit: (limits) => write(hierarchy.limitWrites(limits)),
    setCpus: (cpus) => write(hierarchy.cpuWrites(cpus)),
    async setFrozen(isFrozen) {
      if (hierarchy.freezeParent === undefined) return;
      try {
        freezer ??= openFile(join(hierarchy.freezeParent, name, freezeFile), "w");
        // Not synchronously, as `create`: the kernel has one lock for all changes of groups.
        await (await freezer).write(isFrozen ? "1" : "0", 0);
      } catch (cause) {
        throw new DriverError("limits", `cannot ${isFrozen ? "freeze" : "thaw"} ${name}`, { cause });
      }
    },
    usage: () => ({ memoryPeakBytes: peak() }),
    oomKills: () => hierarchy.oomKills(read),
    async destroy() {
      if (isDestroyed) return;
      const deadlineMs = clock.monotonic() + sandboxDestroyTimeoutMs;
      for (let pauseMs = 1; !(killAll() && remove()); pauseMs = Math.min(pauseMs * 2, 50)) {
        if (clock.monotonic() > deadlineMs)
          throw new DriverError("limits", `the control group ${name} stays busy`);
        await clock.sleep(pauseMs);
      }
      isDestroyed = true;
      await closeFiles();
    },
  };
}

/**
 * Groups of other instances that crashed and may never come back. They are removed only if they are empty, and if the
 * process that made them (a group's name begins with its number) is no more: a living one may be about to use them.
 */
function removeEmptyOthers(host: CgroupHost, parent: string): void {
  const base = dirname(parent);
  for (const other of childrenOf(base).map((name) => join(base, name))) {
    if (other === parent) continue;
    const groups = childrenOf(other);
    if (groups.some((name) => existsSync(`/proc/${Number.parseInt(name, 10)}`))) continue;
    for (const name of groups) removeIfEmpty(host, join(other, name));
    if (groups.length > 0) removeIfEmpty(host, other);
  }
}

function childrenOf(parent: string): readonly string[] {
  try {
    const entries = readdirSync(parent, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch {
    return [];
  }
}

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
