/** Which sandboxes of a lambdad are frozen, as the kernel tells it: for tests of what happens between two invocations. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Paths of their control groups; undefined where lambdad does not freeze. `dataDir`: of the lambdad. */
export function frozenGroups(dataDir: string): readonly string[] | undefined {
  const instance = createHash("sha256").update(dataDir).digest("hex").slice(0, 8);
  const parent = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]
    .map((mount) => join(mount, "lambdad", instance))
    .find((path) => existsSync(join(path, "cgroup.freeze")));
  if (parent === undefined) return undefined;
  const entries = readdirSync(parent).map((name) => join(parent, name));
  return entries.filter((path) => readOr(join(path, "cgroup.events")).includes("frozen 1"));
}

/** The programs in them; the machine's numbers. */
export function frozenPrograms(dataDir: string): readonly number[] {
  const members = (frozenGroups(dataDir) ?? []).flatMap((group) =>
    readOr(join(group, "cgroup.procs")).split("\n"),
  );
  return members.filter((pid) => pid && readOr(`/proc/${pid}/comm`) !== "bwrap\n").map(Number);
}

/** "" for what is no file, or went. */
function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
