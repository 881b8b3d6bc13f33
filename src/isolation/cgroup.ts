/**
 * Kernel limits for sandboxes: memory, CPU time and processes, on cgroup v2 and on v1 (also hybrid). Groups live at
 * `<hierarchy>/lambdad/<instance>/<name>`, so that a later run of the same instance finds what an earlier one left. A
 * group is made first and limited when its sandbox is known; a process joins by writing "0" to `joinFiles` itself.
 * Nothing outside `lambdad/` is ever changed, except that v2's parents get their controllers switched on.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { sandboxCpuPeriodUsec, sandboxCpuQuotaUsecMin, sandboxDestroyTimeoutMs } from "../limits.ts";
import { DriverError, type Usage } from "./driver.ts";

export interface CgroupLimits {
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly processesMax: number;
}

export interface Cgroup {
  readonly joinFiles: readonly string[];
  limit(limits: CgroupLimits): void;
  setCpus(cpus: number): void;
  usage(): Usage;
  /** Processes of the group that the kernel killed for memory. */
  oomKills(): number;
  /** Kills everything in the group, until it is empty, and removes it. Idempotent. */
  destroy(): Promise<void>;
}

export interface Cgroups {
  readonly version: 1 | 2;
  /** A directory with one entry for each group; `cgroup.procs` in it lists whoever has joined, or begun to. */
  readonly directory: string;
  create(name: string): Cgroup;
  /** Kills and removes the groups that an earlier run of this instance left. */
  sweep(): Promise<void>;
  /** Kills and removes every group of this instance, and the instance's own. */
  close(): Promise<void>;
}

/** What `openCgroups` asks the machine; a test gives it a directory of its own. */
export interface CgroupHost {
  readonly mountinfo: string;
  /** `/proc/self/cgroup`. */
  readonly own: string;
  readonly isRoot: boolean;
  readonly pid: number;
  kill(pid: number): void;
  removeDirectory(path: string): void;
}

export function thisHost(): CgroupHost {
  return {
    mountinfo: readFileSync("/proc/self/mountinfo", "utf8"),
    own: readFileSync("/proc/self/cgroup", "utf8"),
    isRoot: process.getuid?.() === 0,
    pid: process.pid,
    kill: (pid) => void process.kill(pid, "SIGKILL"),
    removeDirectory: rmdirSync,
  };
}

/** Throws `DriverError` "limits", which says what is missing, where no group can be made. */
export function openCgroups(instance: string, clock: Clock, host: CgroupHost = thisHost()): Cgroups {
  const hierarchy = findHierarchy(host, instance);
  const own = new Set<string>();

  async function destroyAll(isLeft: (name: string) => boolean) {
    const names = new Set(hierarchy.parents.flatMap(childrenOf).filter(isLeft));
    await Promise.all([...names].map((name) => open(name).destroy()));
  }

  function open(name: string): Cgroup {
    return openGroup({ name, hierarchy, clock, host });
  }

  return {
    version: hierarchy.version,
    directory: hierarchy.parents[0],
    create(name) {
      try {
        for (const parent of hierarchy.parents) mkdirSync(join(parent, name));
      } catch (cause) {
        throw new DriverError("limits", `cannot make the control group ${name}`, { cause });
      }
      own.add(name);
      return open(name);
    },
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

interface Write {
  readonly parent: string;
  readonly file: string;
  readonly value: string;
  /** The kernel may have been built without it, or the group may be gone. */
  readonly optional?: true;
}

/** The differences between the versions: where things are, and what they are called. */
interface Hierarchy {
  readonly version: 1 | 2;
  readonly parents: readonly [string, ...string[]];
  limitWrites(limits: CgroupLimits): readonly Write[];
  cpuWrites(cpus: number): readonly Write[];
  /** `read` answers "" for a file that is not there. */
  usage(read: (parent: string, file: string) => string): Usage;
  oomKills(read: (parent: string, file: string) => string): number;
  /** Makes forks fail, and on v2 kills, so that a fork bomb can't outrun the killing. */
  killWrites(): readonly Write[];
}

interface GroupParts {
  readonly name: string;
  readonly hierarchy: Hierarchy;
  readonly clock: Clock;
  readonly host: CgroupHost;
}

function openGroup({ name, hierarchy, clock, host }: GroupParts): Cgroup {
  let isDestroyed = false;

  function write(writes: readonly Write[]) {
    for (const { parent, file, value, optional } of writes) {
      try {
        writeFileSync(join(parent, name, file), value);
      } catch (cause) {
        if (!optional) throw new DriverError("limits", `cannot set ${file} to ${value}`, { cause });
      }
    }
  }

  function read(parent: string, file: string): string {
    try {
      return readFileSync(join(parent, name, file), "utf8");
    } catch {
      return "";
    }
  }

  function members(): readonly number[] {
    const listed = hierarchy.parents.flatMap((parent) => read(parent, "cgroup.procs").split("\n"));
    return [...new Set(listed.filter(Boolean).map(Number))];
  }

  /** Answers whether nothing is left to kill. */
  function killAll(): boolean {
    write(hierarchy.killWrites());
    const pids = members();
    for (const pid of pids) {
      try {
        host.kill(pid);
      } catch {} // it went by itself
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
    usage: () => hierarchy.usage(read),
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

/** True when the directory is gone. */
function removeIfEmpty(host: CgroupHost, path: string): boolean {
  try {
    host.removeDirectory(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
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

const needed = ["memory", "cpu", "pids"] as const;

function findHierarchy(host: CgroupHost, instance: string): Hierarchy {
  const mounts = parseMounts(host.mountinfo);
  const unified = mounts.find((mount) => mount.type === "cgroup2");
  const unifiedControllers = unified ? words(readOr(join(unified.path, "cgroup.controllers"))) : [];
  if (unified && needed.every((controller) => unifiedControllers.includes(controller))) {
    return v2(delegated(host, unified.path), instance);
  }
  const pathOf = (controller: string) =>
    mounts.find((mount) => mount.type === "cgroup" && mount.options.includes(controller))?.path;
  const [memory, cpu, pids] = needed.map(pathOf);
  if (!memory || !cpu || !pids) {
    throw new DriverError("limits", "the kernel's memory, cpu and pids controllers are not all mounted");
  }
  return v1({ memory, cpu, pids, cpuacct: pathOf("cpuacct") }, instance);
}

function v1(
  mounts: {
    readonly memory: string;
    readonly cpu: string;
    readonly pids: string;
    readonly cpuacct: string | undefined;
  },
  instance: string,
): Hierarchy {
  const under = (mount: string) => join(mount, "lambdad", instance);
  const [memory, cpu, pids] = [under(mounts.memory), under(mounts.cpu), under(mounts.pids)];
  const cpuacct = under(mounts.cpuacct ?? mounts.cpu);
  const others = new Set([cpu, pids, cpuacct].filter((path) => path !== memory)); // cpu and cpuacct are often one
  const parents = [memory, ...others] as const;
  for (const parent of parents) makeParent(parent);
  const cpuWrites = (cpus: number): readonly Write[] => [
    { parent: cpu, file: "cpu.cfs_period_us", value: String(sandboxCpuPeriodUsec) },
    { parent: cpu, file: "cpu.cfs_quota_us", value: String(quotaUsec(cpus)) },
  ];
  return {
    version: 1,
    parents,
    cpuWrites,
    limitWrites: ({ memoryBytes, cpus, processesMax }) => [
      { parent: memory, file: "memory.limit_in_bytes", value: String(memoryBytes) },
      // Memory and swap together: the same number means no swap. Not there without swap accounting.
      { parent: memory, file: "memory.memsw.limit_in_bytes", value: String(memoryBytes), optional: true },
      { parent: pids, file: "pids.max", value: String(processesMax) },
      ...cpuWrites(cpus),
    ],
    usage: (read) => ({
      memoryPeakBytes: Number(read(memory, "memory.max_usage_in_bytes")),
      cpuUsec: Math.floor(Number(read(cpuacct, "cpuacct.usage")) / 1000),
    }),
    oomKills: (read) => field(read(memory, "memory.oom_control"), "oom_kill"),
    killWrites: () => [{ parent: pids, file: "pids.max", value: "0", optional: true }],
  };
}

function v2(base: string, instance: string): Hierarchy {
  const parent = join(base, "lambdad", instance);
  makeParent(parent);
  switchOn(join(base, "lambdad"));
  switchOn(parent);
  const cpuWrites = (cpus: number): readonly Write[] => [
    { parent, file: "cpu.max", value: `${quotaUsec(cpus)} ${sandboxCpuPeriodUsec}` },
  ];
  return {
    version: 2,
    parents: [parent],
    cpuWrites,
    limitWrites: ({ memoryBytes, cpus, processesMax }) => [
      { parent, file: "memory.max", value: String(memoryBytes) },
      { parent, file: "memory.swap.max", value: "0", optional: true },
      { parent, file: "pids.max", value: String(processesMax) },
      ...cpuWrites(cpus),
    ],
    usage: (read) => ({
      // memory.peak is there since Linux 5.19; before it the present use is the best there is.
      memoryPeakBytes: Number(read(parent, "memory.peak") || read(parent, "memory.current")),
      cpuUsec: field(read(parent, "cpu.stat"), "usage_usec"),
    }),
    oomKills: (read) => field(read(parent, "memory.events"), "oom_kill"),
    killWrites: () => [
      { parent, file: "pids.max", value: "0", optional: true },
      { parent, file: "cgroup.kill", value: "1", optional: true }, // since Linux 5.14
    ],
  };
}

/**
 * The group of v2 below which we may make ours: the root of the hierarchy for root, else the group that was delegated
 * to us (systemd: `Delegate=yes`). A group with controllers for its children may hold no processes itself, so in the
 * latter lambdad moves into a child first.
 */
function delegated(host: CgroupHost, mount: string): string {
  const line = host.own.split("\n").find((candidate) => candidate.startsWith("0::"));
  const own = join(mount, line?.slice("0::".length).replace(/\/lambdad-main$/, "") ?? "/");
  const errors: unknown[] = [];
  for (const base of host.isRoot ? [mount, own] : [own]) {
    try {
      if (base !== mount) moveAside(host, base);
      switchOn(base);
      mkdirSync(join(base, "lambdad"), { recursive: true });
      return base;
    } catch (error) {
      errors.push(error);
    }
  }
  throw new DriverError("limits", `no control group below ${mount} is ours to divide`, {
    cause: errors.at(-1),
  });
}

function moveAside(host: CgroupHost, base: string): void {
  const aside = join(base, "lambdad-main");
  mkdirSync(aside, { recursive: true });
  writeFileSync(join(aside, "cgroup.procs"), String(host.pid));
}

function switchOn(group: string): void {
  const file = join(group, "cgroup.subtree_control");
  const there = words(readOr(file));
  const absent = needed.filter((controller) => !there.includes(controller));
  if (absent.length > 0) writeFileSync(file, absent.map((controller) => `+${controller}`).join(" "));
}

function makeParent(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    throw new DriverError("limits", `control groups are not writable: ${path}`, { cause });
  }
}

function quotaUsec(cpus: number): number {
  return Math.max(sandboxCpuQuotaUsecMin, Math.round(cpus * sandboxCpuPeriodUsec));
}

/** `36 25 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory` */
function parseMounts(mountinfo: string) {
  return mountinfo.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const [type = "", , options = ""] = after.split(" ");
    const path = before.split(" ")[4];
    return path && type.startsWith("cgroup") ? [{ type, path, options: options.split(",") }] : [];
  });
}

function field(text: string, name: string): number {
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${name} `));
  return line ? Number(line.slice(name.length + 1)) : 0;
}

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
