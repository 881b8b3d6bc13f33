/**
 * The mount namespace that slots are made in: the machine's, without the mounts that no sandbox is shown. bubblewrap and
 * `mount` read the list of mounts again for each that they make, and every new namespace copies it: on a machine with a
 * hundred of them that was two thirds of a start's processor time. Without `/sys`, `mount` also does not look at
 * every loop device of the machine.
 *
 * Held by a descriptor of lambdad's alone, so that it ends with lambdad. What the machine mounts later appears within;
 * what is mounted here appears nowhere else.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { toolEnv } from "../command.ts";
import { DriverError } from "../driver.ts";
import { withSealedStdio } from "../inherited.ts";

export interface GroundPlan {
  /** Mount points that go, inner ones before those that they are in. */
  readonly away: readonly string[];
  /** The mount that `path` is in, if it is not there in the ground. */
  readonly awayMountOf: (path: string) => string | undefined;
}

export interface Ground {
  /** For `nsenter --mount=`. */
  readonly namespaceFile: string;
  /** Where a file of one of the control groups' directories is there. */
  placeOf(groupFile: string): string;
  close(): Promise<void>;
}

/** Shown to sandboxes with everything that is mounted below, or needed by tools. */
const trees = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/proc"];

/** `mountinfo`: of lambdad. `paths`: their mounts stay, but not what is mounted below. Pure. */
export function groundPlan(mountinfo: string, paths: readonly string[]): GroundPlan {
  const points = mountinfo.split("\n").flatMap((line) => unescaped(line.split(" ")[4] ?? "") || []);
  const stays = (point: string) =>
    [...trees, "/dev", ...paths].some((path) => isWithin(path, point)) ||
    trees.some((tree) => isWithin(point, tree));
  const gone = points.filter((point) => !stays(point));
  return {
    away: gone.toReversed(),
    awayMountOf: (path) => {
      const around = points.filter((point) => isWithin(path, point));
      const innermost = around.reduce((found, point) => (point.length > found.length ? point : found), "/");
      return stays(innermost) ? undefined : innermost;
    },
  };
}

function isWithin(path: string, directory: string): boolean {
  return directory === "/" || path === directory || path.startsWith(`${directory}/`);
}

/** The kernel writes blanks, tabs, line breaks and backslashes as octal numbers. */
function unescaped(point: string): string {
  return point.replaceAll(/\\([0-7]{3})/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 8)),
  );
}

/** `paths` need not be there yet. */
export function planGround(paths: readonly string[]): GroundPlan {
  return groundPlan(readFileSync("/proc/self/mountinfo", "utf8"), paths.map(realOf));
}

function realOf(path: string): string {
  return existsSync(path) ? realpathSync(path) : join(realOf(dirname(path)), basename(path));
}

/**
 * In the new namespace. A mount that cannot go (in a container, some are the container's) stays. Not lazily: for that
 * `umount` reads the list of mounts again for each. The end of the input ends it.
 * Arguments: where to show the control groups, their directories, "-", mount points that go.
 */
const groundScript = `
set -eu
groups=$1 index=0
shift
while [ "$1" != - ]; do
  mount --bind "$1" "$groups/$index"
  index=$((index + 1))
  shift
done
shift
if [ $# -gt 0 ]; then umount -- "$@" 2>/dev/null || :; fi
echo ready
read -r _ || :
`;

export interface GroundOptions {
  /** An empty directory's path, for control groups. */
  readonly directory: string;
  readonly groups: readonly string[];
  readonly plan: GroundPlan;
}

/** Throws `DriverError` "unavailable". */
export async function openGround({ directory, groups, plan }: GroundOptions): Promise<Ground> {
  for (const index of groups.keys()) mkdirSync(join(directory, String(index)), { recursive: true });
  const script = ["sh", "-c", groundScript, "ground", directory, ...groups, "-", ...plan.away];
  const child = withSealedStdio(["pipe", "pipe", "pipe"], (stdio) =>
    spawn("unshare", ["--mount", "--propagation", "slave", "--", ...script], {
      stdio,
      env: toolEnv,
      cwd: "/",
    }),
  );
  const { stdin, stdout, stderr } = child;
  const ended = once(child, "close");
  let said = "";
  stderr?.on("data", (chunk: Buffer) => (said += chunk.toString("utf8").slice(0, 500)));
  stdin?.on("error", () => {}); // it ended first
  const isReady =
    stdout && (await Promise.race([once(stdout, "data").then(() => true), ended.then(() => false)]));
  if (!isReady)
    throw new DriverError("unavailable", `no mount namespace could be made for sandboxes: ${said}`);
  const descriptor = openSync(`/proc/${child.pid}/ns/mnt`, "r");
  stdin?.end();
  await ended;
  return {
    namespaceFile: `/proc/${process.pid}/fd/${descriptor}`,
    placeOf(file) {
      const index = groups.findIndex((group) => isWithin(file, group));
      return index < 0 ? file : join(directory, String(index), file.slice((groups[index] ?? "").length));
    },
    close: async () => closeSync(descriptor),
  };
}
