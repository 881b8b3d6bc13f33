/** Which sandboxes of a lambdad are frozen, as the kernel tells it: for tests of what happens between two invocations. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Names of their control groups; undefined where lambdad does not freeze. `dataDir`: of the lambdad. */
export function frozenGroups(dataDir: string): readonly string[] | undefined {
  const instance = createHash("sha256").update(dataDir).digest("hex").slice(0, 8);
  const parent = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]
    .map((mount) => join(mount, "lambdad", instance))
    .find((path) => existsSync(join(path, "cgroup.freeze")));
  if (parent === undefined) return undefined;
  return readdirSync(parent).filter((name) => isFrozen(join(parent, name)));
}

function isFrozen(group: string): boolean {
  try {
    return readFileSync(join(group, "cgroup.events"), "utf8").includes("frozen 1");
  } catch {
    return false; // a file, or it went
  }
}
