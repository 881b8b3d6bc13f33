/**
 * Where control groups can be made on this machine, and what the two versions of them are called: the differences that
 * `cgroup.ts` need not know. v1 has a directory for each controller, v2 one for all, below which controllers have to be
 * switched on, and in which no process may be.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { sandboxCpuPeriodUsec, sandboxCpuQuotaUsecMin, sandboxStartWeight } from "../limits.ts";
import { DriverError } from "./driver.ts";

export interface CgroupLimits {
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly processesMax: number;
}

/** What `openCgroups` asks the machine; a test gives it a directory of its own. */
export interface CgroupHost {
  readonly mountinfo: string;
  /** `/proc/self/cgroup`. */
  readonly own: string;
  readonly isRoot: boolean;
  readonly pid: number;
  readonly processors: number;
  kill(pid: number): void;
  removeDirectory(path: string): void;
}

export function thisHost(): CgroupHost {
  return {
    mountinfo: readFileSync("/proc/self/mountinfo", "utf8"),
    own: readFileSync("/proc/self/cgroup", "utf8"),
    isRoot: process.getuid?.() === 0,
    pid: process.pid,
    processors: availableParallelism(),
    kill: (pid) => void process.kill(pid, "SIGKILL"),
    removeDirectory: rmdirSync,
  };
}

export interface Write {
  readonly parent: string;
  readonly file: string;
  readonly value: string;
  /** The kernel may have been built without it, or the group may be gone. */
  readonly optional?: true;
}

/** Answers "" for a file that is not there. */
export type Read = (parent: string, file: string) => string;

/** The differences between the versions: where things are, and what they are called. */
export interface Hierarchy {
  readonly version: 1 | 2;
  readonly parents: readonly [string, ...string[]];
  /** The one of them whose groups have a `freezeFile`. */
  readonly freezeParent: string | undefined;
  /** Of a sandbox that is to be started: where processors have too much to do it comes before those that run. */
  limitWrites(limits: CgroupLimits): readonly Write[];
  /** Of one that runs. */
  cpuWrites(cpus: number): readonly Write[];
  /** Of a group, with page cache. */
  memoryPeakBytes(read: Read): number;
  /** Of a group: pages of files that are on a disk. */
  memoryCachedBytes(read: Read): number;
  /** Of the parent: what all its groups have used, also those that are gone. */
  cpuUsec(read: Read): number;
  /** Of a group. */
  oomKills(read: Read): number;
  /** Makes forks fail, and on v2 kills, so that a fork bomb can't outrun the killing. */
  killWrites(): readonly Write[];
}

/** What the kernel gives a new group, of v1 and of v2: what a process has that is in no group. */
const defaultShares = 1024;
const defaultWeight = 100;
/** Of v2; v1 allows more. */
const weightMax = 10_000;

const needed = ["memory", "cpu", "pids"] as const;

export function findHierarchy(host: CgroupHost, instance: string): Hierarchy {
  const mounts = parseCgroupMounts(host.mountinfo);
  const unified = mounts.find((mount) => mount.type === "cgroup2");
  const unifiedControllers = unified ? words(readOr(join(unified.path, "cgroup.controllers"))) : [];
  if (unified && needed.every((controller) => unifiedControllers.includes(controller))) {
    return v2(delegated(host, unified.path), instance, host.processors);
  }
  const pathOf = (controller: string) =>
    mounts.find((mount) => mount.type === "cgroup" && mount.options.includes(controller))?.path;
  const [memory, cpu, pids] = needed.map(pathOf);
  if (!memory || !cpu || !pids) {
    throw new DriverError("limits", "the kernel's memory, cpu and pids controllers are not all mounted");
  }
  const beside = unified && freezableParent(host, unified.path, instance);
  return v1({ memory, cpu, pids, cpuacct: pathOf("cpuacct"), unified: beside }, instance, host.processors);
}

function v1(
  mounts: {
    readonly memory: string;
    readonly cpu: string;
    readonly pids: string;
    readonly cpuacct: string | undefined;
    /** Of v2 beside it, where that can freeze; no mount but a parent. */
    readonly unified: string | undefined;
  },
  instance: string,
  processors: number,
): Hierarchy {
  const under = (mount: string) => join(mount, "lambdad", instance);
  const [memory, cpu, pids] = [under(mounts.memory), under(mounts.cpu), under(mounts.pids)];
  const { unified } = mounts;
  // v2 counts time by itself. A controller for it would be one more group to join, and the kernel may take 30 ms for each.
  const counter = unified ?? under(mounts.cpuacct ?? mounts.cpu);
  const others = new Set([cpu, pids, counter].filter((path) => path !== memory)); // cpu and cpuacct are often one
  const parents = [memory, ...others] as const;
  for (const parent of parents) makeParent(parent);
  for (const group of [dirname(cpu), cpu]) weigh(join(group, "cpu.shares"), defaultShares * processors);
  const quotaWrites = (cpus: number): readonly Write[] => [
    { parent: cpu, file: "cpu.cfs_period_us", value: String(sandboxCpuPeriodUsec) },
    { parent: cpu, file: "cpu.cfs_quota_us", value: String(quotaUsec(cpus)) },
  ];
  const weightWrite = (weight: number): Write => ({
    ...{ parent: cpu, file: "cpu.shares", value: String(defaultShares * weight), optional: true },
  });
  return {
    version: 1,
    parents,
    freezeParent: unified,
    cpuWrites: (cpus) => [...quotaWrites(cpus), weightWrite(1)],
    limitWrites: ({ memoryBytes, cpus, processesMax }) => [
      { parent: memory, file: "memory.limit_in_bytes", value: String(memoryBytes) },
      // Memory and swap together: the same number means no swap. Not there without swap accounting.
      { parent: memory, file: "memory.memsw.limit_in_bytes", value: String(memoryBytes), optional: true },
      { parent: pids, file: "pids.max", value: String(processesMax) },
      ...quotaWrites(cpus),
      weightWrite(sandboxStartWeight),
    ],
    memoryPeakBytes: (read) => Number(read(memory, "memory.max_usage_in_bytes")),
    memoryCachedBytes: (read) => difference(read(memory, "memory.stat"), "total_cache", "total_shmem"),
    cpuUsec: (read) =>
      unified === undefined
        ? Math.floor(Number(read(counter, "cpuacct.usage")) / 1000)
        : field(read(unified, "cpu.stat"), "usage_usec"),
    oomKills: (read) => field(read(memory, "memory.oom_control"), "oom_kill"),
    killWrites: () => [
      { parent: pids, file: "pids.max", value: "0", optional: true },
      ...(unified === undefined ? [] : [killWrite(unified)]),
    ],
  };
}

function v2(base: string, instance: string, processors: number): Hierarchy {
  const parent = join(base, "lambdad", instance);
  makeParent(parent);
  switchOn(join(base, "lambdad"));
  switchOn(parent);
  for (const group of [dirname(parent), parent]) weigh(join(group, "cpu.weight"), defaultWeight * processors);
  const quotaWrite = (cpus: number): Write => ({
    ...{ parent, file: "cpu.max", value: `${quotaUsec(cpus)} ${sandboxCpuPeriodUsec}` },
  });
  const weightWrite = (weight: number): Write => ({
    ...{ parent, file: "cpu.weight", value: String(defaultWeight * weight), optional: true },
  });
  return {
    version: 2,
    parents: [parent],
    freezeParent: existsSync(join(parent, freezeFile)) ? parent : undefined,
    cpuWrites: (cpus) => [quotaWrite(cpus), weightWrite(1)],
    limitWrites: ({ memoryBytes, cpus, processesMax }) => [
      { parent, file: "memory.max", value: String(memoryBytes) },
      { parent, file: "memory.swap.max", value: "0", optional: true },
      { parent, file: "pids.max", value: String(processesMax) },
      quotaWrite(cpus),
      weightWrite(sandboxStartWeight),
    ],
    // memory.peak is there since Linux 5.19; before it the present use is the best there is.
    memoryPeakBytes: (read) => Number(read(parent, "memory.peak") || read(parent, "memory.current")),
    memoryCachedBytes: (read) => difference(read(parent, "memory.stat"), "file", "shmem"),
    cpuUsec: (read) => field(read(parent, "cpu.stat"), "usage_usec"),
    oomKills: (read) => field(read(parent, "memory.events"), "oom_kill"),
    killWrites: () => [{ parent, file: "pids.max", value: "0", optional: true }, killWrite(parent)],
  };
}

/** Of v2, since Linux 5.14. */
function killWrite(parent: string): Write {
  return { parent, file: "cgroup.kill", value: "1", optional: true };
}

/** Of v2, since Linux 5.2. What is frozen by it dies of SIGKILL; what v1's freezer froze does not, so that is not used. */
export const freezeFile = "cgroup.freeze";

/** In a hybrid v2 has no controllers, but it can freeze. Undefined: this one cannot, or is not ours to write to. */
function freezableParent(host: CgroupHost, mount: string, instance: string): string | undefined {
  const parent = join(mount, "lambdad", instance);
  try {
    mkdirSync(parent, { recursive: true });
  } catch {
    return undefined;
  }
  if (existsSync(join(parent, freezeFile))) return parent;
  for (const group of [parent, dirname(parent)]) removeIfEmpty(host, group);
  return undefined;
}

/** True when the directory is gone. */
export function removeIfEmpty(host: CgroupHost, path: string): boolean {
  try {
    host.removeDirectory(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
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

/** So that all sandboxes together count as one process on each processor, not as one on the whole machine. */
function weigh(file: string, weight: number): void {
  try {
    writeFileSync(file, String(Math.min(weight, weightMax)));
  } catch {
    // they share with others as well as without
  }
}

function quotaUsec(cpus: number): number {
  return Math.max(sandboxCpuQuotaUsecMin, Math.round(cpus * sandboxCpuPeriodUsec));
}

export interface CgroupMount {
  readonly type: "cgroup" | "cgroup2";
  /** The group of the hierarchy that is found at `path`; "/" unless only a part of it is mounted. */
  readonly root: string;
  readonly path: string;
  readonly options: readonly string[];
}

/** `36 25 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory` */
export function parseCgroupMounts(mountinfo: string): readonly CgroupMount[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const [type, , options = ""] = after.split(" ");
    const [, , , root, path] = before.split(" ");
    if (!root || !path || (type !== "cgroup" && type !== "cgroup2")) return [];
    return [{ type, root, path, options: options.split(",") }];
  });
}

function field(text: string, name: string): number {
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${name} `));
  return line ? Number(line.slice(name.length + 1)) : 0;
}

function difference(text: string, name: string, less: string): number {
  return Math.max(0, field(text, name) - field(text, less));
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
