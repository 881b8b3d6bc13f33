/**
 * Counts what sandboxes could leave on this machine, for the tests of D3 and D4. It looks at the machine, never at
 * lambdad's own books. Part of the tests only.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findTool } from "../command.ts";
import type { TestDriver } from "../suite-tools.ts";

export interface Census {
  readonly processes: number;
  readonly namespaces: number;
  readonly mounts: number;
  readonly cgroups: number;
  readonly links: number;
  readonly routes: number;
  readonly filterLines: number;
  readonly files: number;
  readonly descriptors: number;
}

/** Sandboxes' users of every instance begin here: see `network-plan.ts`. */
const sandboxUsersFrom = 1_900_000_000;

export function census(
  { instance, stageDir }: Pick<TestDriver, "instance" | "stageDir">,
  ownAddress: string,
): Census {
  const block = /^169\.254\.(\d+)\./.exec(ownAddress)?.[1] ?? "";
  const third = Number(block) - 4;
  const isOurs = (address: string) => Math.floor((Number(address.split(".")[2]) - third) / 16) === 0;
  const routes = execFileSync(findTool("ip") ?? "ip", ["-4", "route", "show"], { encoding: "utf8" });
  const links = routes
    .split("\n")
    .flatMap((line) => /^(169\.254\.\d+\.\d+) dev (ld\S+)/.exec(line)?.slice(1, 3) ?? []);
  const ours = links.filter((entry) => /^\d/.test(entry) && isOurs(entry));
  const uids = sandboxProcesses().filter(({ line }) => line.length > 0);
  return {
    processes: uids.length,
    namespaces: new Set(uids.flatMap(({ pid }) => namespacesOf(pid))).size,
    mounts: linesWith(readFileSync("/proc/self/mountinfo", "utf8"), stageDir),
    cgroups: cgroupsOf(instance),
    links: readdirSync("/sys/class/net").filter((name) => name.startsWith("ld")).length,
    routes: ours.length,
    filterLines: filterLines(instance),
    files: existsSync(stageDir) ? readdirSync(stageDir, { recursive: true }).length : 0,
    descriptors: readdirSync("/proc/self/fd").length,
  };
}

export function commandLines(): readonly string[] {
  return pids().map((pid) => readOr(`/proc/${pid}/cmdline`).replaceAll("\0", " "));
}

function sandboxProcesses() {
  return pids().flatMap((pid) => {
    const uid = Number(/^Uid:\s+(\d+)/m.exec(readOr(`/proc/${pid}/status`))?.[1] ?? 0);
    return uid >= sandboxUsersFrom ? [{ pid, line: `${uid}` }] : [];
  });
}

function pids(): readonly string[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
}

function namespacesOf(pid: string): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/ns`).map((name) => `${pid}/${name}`);
  } catch {
    return [];
  }
}

function cgroupsOf(instance: string): number {
  const roots = [
    "/sys/fs/cgroup",
    ...readdirSync("/sys/fs/cgroup").map((name) => join("/sys/fs/cgroup", name)),
  ];
  return roots
    .map((root) => join(root, "lambdad", instance))
    .filter((path) => existsSync(path))
    .flatMap((path) => readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory()))
    .length;
}

function filterLines(instance: string): number {
  try {
    const list = ["list", "table", "inet", `lambdad_${instance}`];
    return execFileSync(findTool("nft") ?? "nft", list, { encoding: "utf8", stdio: "pipe" }).split("\n")
      .length;
  } catch {
    return 0;
  }
}

function linesWith(text: string, part: string): number {
  return text.split("\n").filter((line) => line.includes(part)).length;
}

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
