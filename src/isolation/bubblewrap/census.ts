/**
 * Counts what an instance's sandboxes could leave on this machine, for the tests of D3 and D4. It looks at the machine,
 * never at lambdad's own books. Part of the tests only.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { findTool } from "../command.ts";
import { networkPlan } from "../network-plan.ts";
import type { TestDriver } from "../suite-tools.ts";

export type Subject = Pick<TestDriver, "instance" | "stageDir" | "diskDir" | "number">;

export interface Census {
  /** In one of the instance's control groups. */
  readonly processes: number;
  /** Of every kind, that those processes have and this one has not. */
  readonly namespaces: number;
  readonly mounts: number;
  readonly cgroups: number;
  readonly links: number;
  readonly routes: number;
  readonly addresses: number;
  readonly filterLines: number;
  readonly files: number;
  /** Images of /tmp. */
  readonly disks: number;
  readonly loopDevices: number;
}

export function census(subject: Subject): Census {
  const processes = processesOf(subject);
  const own = new Set(namespacesOf("self"));
  return {
    processes: processes.length,
    namespaces: new Set(processes.flatMap(namespacesOf).filter((namespace) => !own.has(namespace))).size,
    mounts: countLines(readOr("/proc/self/mountinfo"), subject.stageDir),
    cgroups: cgroupsOf(subject.instance),
    links: countLines(shown("ip", "-o", "link"), ` ld${subject.number}_`),
    routes: countLines(shown("ip", "route"), ` ld${subject.number}_`),
    addresses: countLines(shown("ip", "-o", "addr"), ` ${networkPlan(subject.number).hostAddress}/`),
    filterLines: shown("nft", "list", "table", "inet", `lambdad_${subject.number}`).split("\n").length,
    files: existsSync(subject.stageDir) ? readdirSync(subject.stageDir, { recursive: true }).length : 0,
    disks: existsSync(subject.diskDir) ? readdirSync(subject.diskDir).length : 0,
    loopDevices: readdirSync("/sys/block").filter((device) => isBackedFrom(device, subject.diskDir)).length,
  };
}

/** File descriptors of this process. */
export function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

/** Network namespaces that this process has descriptors of. */
export function heldNetworks(): number {
  const links = readdirSync("/proc/self/fd").map((fd) => linkOr(`/proc/self/fd/${fd}`));
  return links.filter((link) => link.startsWith("net:[")).length;
}

export function commandLines(): readonly string[] {
  return pids().map((pid) => readOr(`/proc/${pid}/cmdline`).replaceAll("\0", " "));
}

/** Without those that are dead, and wait for whoever inherited them to look: they hold nothing any more. */
function processesOf({ instance }: Subject): readonly string[] {
  const members = pids().filter((pid) => readOr(`/proc/${pid}/cgroup`).includes(`/lambdad/${instance}/`));
  return members.filter((pid) => !/\) [ZX] /.test(readOr(`/proc/${pid}/stat`)));
}

function pids(): readonly string[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
}

function namespacesOf(pid: string): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/ns`).map((kind) => readlinkSync(`/proc/${pid}/ns/${kind}`));
  } catch {
    return []; // it went
  }
}

function cgroupsOf(instance: string): number {
  const mounts = ["", ...readdirSync("/sys/fs/cgroup")].map((name) =>
    join("/sys/fs/cgroup", name, "lambdad", instance),
  );
  const entries = mounts
    .filter((path) => existsSync(path))
    .flatMap((path) => readdirSync(path, { withFileTypes: true }));
  return entries.filter((entry) => entry.isDirectory()).length;
}

function isBackedFrom(device: string, directory: string): boolean {
  return readOr(`/sys/block/${device}/loop/backing_file`).startsWith(`${directory}/`);
}

/** What a tool prints; nothing when it fails, as it does when asked for what is not there. */
function shown(tool: string, ...args: readonly string[]): string {
  try {
    return execFileSync(findTool(tool) ?? tool, args, { encoding: "utf8", stdio: "pipe" });
  } catch {
    return "";
  }
}

function countLines(text: string, part: string): number {
  return text.split("\n").filter((line) => line.includes(part)).length;
}

function linkOr(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // the descriptor of the listing itself
  }
}

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
