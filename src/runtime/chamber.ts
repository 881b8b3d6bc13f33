/**
 * Runs a program that belongs to a runtime outside of any function, such as its compiler: in the root file system that
 * the runtime lives in, with what it reads mounted where a sandbox has it, and one directory to write to.
 *
 * By bubblewrap, with a view of that root's programs and nothing else of the machine. Not a sandbox for functions: only
 * programs of the runtimes themselves are run here.
 */
import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { Mount } from "../isolation/driver.ts";
import { findTool } from "../isolation/command.ts";
import { runProgram, type ProgramResult } from "./program.ts";

export interface ChamberOptions {
  /** On the host; left out: the machine's own root. */
  readonly root?: string | undefined;
  /** Read-only. */
  readonly mounts: readonly Mount[];
  /** Absolute path on the host of the directory that is written to, if one is; inside it is at /out. */
  readonly out?: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** What of a root file system is shown; a sandbox sees the same. */
export const programDirectories = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "etc"];

/** Never rejects; without bubblewrap on the machine it has failed. */
export async function runInChamber(
  argv: readonly string[],
  { root = "/", mounts, out, env, timeoutMs }: ChamberOptions,
): Promise<ProgramResult> {
  const bubblewrap = findTool("bwrap");
  if (bubblewrap === undefined)
    return { isSuccess: false, stdout: "", stderr: "bubblewrap is not installed" };
  const there = new Set(await readdir(root));
  const tree: string[] = [];
  for (const name of programDirectories.filter((each) => there.has(each))) {
    const source = join(root, name);
    if ((await lstat(source)).isSymbolicLink()) tree.push("--symlink", await readlink(source), `/${name}`);
    else tree.push("--ro-bind", source, `/${name}`);
  }
  const args = [
    ...["--unshare-ipc", "--unshare-uts", "--die-with-parent", ...tree],
    ...["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"],
    ...(out === undefined ? [] : ["--bind", out, "/out"]),
    ...mounts.flatMap(({ source, target }) => ["--ro-bind", source, target]),
    ...["--clearenv", ...Object.entries(env).flatMap(([name, value]) => ["--setenv", name, value])],
    ...["--chdir", "/", "--", ...argv],
  ];
  return runProgram(bubblewrap, args, { env: {}, timeoutMs });
}
