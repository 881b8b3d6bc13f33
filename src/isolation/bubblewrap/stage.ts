/**
 * Makes sources of mounts reachable for the unprivileged user that bubblewrap runs as. A path below a directory that
 * others may not enter (root's home, a private data directory) is bind-mounted, read-only, from the first step behind
 * that directory, into a place that only this instance's sandboxes may enter. One mount serves everything below it, so
 * there are few. What lies on a mount that sandboxes are not started in is mounted there likewise. What is inside must be readable by others on its own account: permissions are never changed here.
 */
import { chownSync, existsSync, mkdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Stats } from "node:fs";
import { invariant } from "../../base/invariant.ts";
import { stagedSourcesMax } from "../../limits.ts";
import { run } from "../command.ts";
import { DriverError } from "../driver.ts";

export interface Stage {
  /** Where an unprivileged process finds `source`. */
  place(source: string): Promise<string>;
  /** Where root finds `source` on a mount that is read-only, nosuid and nodev, so that a bind of it is that too. */
  placeReadOnly(source: string): Promise<string>;
  close(): Promise<void>;
}

/** For lambdad without privileges: bubblewrap runs as the same user, who reads what lambdad reads. */
export const noStage: Stage = {
  async place(source) {
    statOf(source);
    return source;
  },
  async placeReadOnly() {
    throw new DriverError("unavailable", "nothing can be staged without root");
  },
  async close() {},
};

const othersEnter = 0o001;
const othersRead = 0o004;

/** `awayMountOf`: the mount that sandboxes are not started in, and that a path is in (`ground.ts`). */
export async function openStage(
  directory: string,
  gid: number,
  awayMountOf: (path: string) => string | undefined,
): Promise<Stage> {
  mkdirSync(directory, { recursive: true, mode: 0o710 });
  chownSync(directory, 0, gid);
  // Private to begin with, so that no other mount namespace of this machine gets copies, and then shared with those
  // that are made from here, so that a sandbox that is being started sees what is staged for it.
  await run("launch", ["mount", "--bind", "--make-private", "--make-shared", directory, directory]);
  const staged = new Map<string, { readonly at: string; readonly inode: string }>();
  let count = 0;
  /** One at a time: two first uses of one source would mount it twice. */
  let turn: Promise<unknown> = Promise.resolve();

  async function mounted(source: string): Promise<string> {
    const inode = identity(statOf(source));
    const known = staged.get(source);
    staged.delete(source);
    // A directory that was removed and made anew under the same name is another directory.
    if (known && known.inode !== inode) await run("launch", ["umount", "-l", known.at]);
    const entry = known?.inode === inode ? known : { at: await mount(source), inode };
    staged.set(source, entry); // at the end: the map's order is the order of last use
    await evict();
    return entry.at;
  }

  async function mount(source: string): Promise<string> {
    const at = join(directory, String(count++));
    const isDirectory = statOf(source).isDirectory();
    if (isDirectory) mkdirSync(at, { mode: 0o755 });
    else await run("launch", ["touch", at]);
    await run("launch", ["mount", "--bind", "-o", "ro,nosuid,nodev", source, at]);
    return at;
  }

  /** Running sandboxes have their own mounts of it; only one that is starting this moment could miss the oldest. */
  async function evict() {
    const [oldest] = staged;
    if (staged.size <= stagedSourcesMax || !oldest) return;
    staged.delete(oldest[0]);
    await run("launch", ["umount", "-l", oldest[1].at]);
  }

  async function behind(step: string, real: string): Promise<string> {
    const at = turn.then(() => mounted(step));
    turn = at.catch(() => {});
    return join(await at, real.slice(step.length));
  }

  return {
    async place(source) {
      const real = realOf(source);
      const hidden = firstHiddenStep(real) ?? awayMountOf(real);
      return hidden === undefined ? real : behind(hidden, real);
    },
    async placeReadOnly(source) {
      const real = realOf(source);
      firstHiddenStep(real); // refuses what others may not read
      const folder = dirname(real);
      // Twice, because flags that a mount gets after it was made do not reach its copies in other namespaces.
      const staged = await behind(folder, folder);
      return behind(staged, staged + real.slice(folder.length));
    },
    async close() {
      await turn;
      await run("launch", ["umount", "-R", "-l", directory]);
    },
  };
}

/** Removes a directory of lambdad's with everything that a crashed predecessor left mounted in it. */
export async function unstage(directory: string): Promise<void> {
  if (!existsSync(directory)) return;
  const points = mountsBelow(directory);
  if (points.length > 0) await run("launch", ["umount", "-l", ...points.toReversed()]);
  // Removing files through a mount that stayed would remove somebody's code.
  invariant(mountsBelow(directory).length === 0, "D3: nothing is mounted where files are removed");
  await run("launch", ["rm", "-rf", "--one-file-system", "--", directory]);
}

function mountsBelow(directory: string): readonly string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4]?.replaceAll("\\040", " ") ?? "")
    .filter((path) => path === directory || path.startsWith(`${directory}/`));
}

/** The path's first part behind the last directory that others may not enter; undefined: others get to all of it. */
function firstHiddenStep(path: string): string | undefined {
  const parts = path.split("/").slice(1);
  let hidden: string | undefined;
  for (let depth = 0; depth < parts.length; depth += 1) {
    const directory = `/${parts.slice(0, depth).join("/")}`;
    const step = `/${parts.slice(0, depth + 1).join("/")}`;
    if ((statOf(directory).mode & othersEnter) === 0) hidden = step;
  }
  const last = statOf(path);
  const wanted = last.isDirectory() ? othersEnter | othersRead : othersRead;
  if ((last.mode & wanted) !== wanted) {
    throw new DriverError(
      "spec",
      `the mount source ${path} is not readable by others, as a sandbox's user has to`,
    );
  }
  return hidden;
}

// Some 30 questions to the kernel a start: 4 µs each, and 20 of processor time if Node's threads ask them.
function realOf(source: string): string {
  try {
    return realpathSync.native(source);
  } catch (cause) {
    throw new DriverError("spec", `the mount source ${source} is not there`, { cause });
  }
}

function statOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (cause) {
    throw new DriverError("spec", `the mount source ${path} is not there`, { cause });
  }
}

function identity({ dev, ino }: Stats): string {
  return `${dev}:${ino}`;
}
