/**
 * Several unpacked layers as one directory, for sandboxes that can mount only one at /opt: in the order of the list,
 * what a later layer has replaces what an earlier one has, as when AWS extracts them one over the other.
 *
 * Files are hard links where the file system has them, so that a merge costs names and no content. Never writes through
 * a link, and never changes what it reads: both belong to functions that run.
 */
import {
  chmod,
  constants,
  copyFile,
  link,
  lstat,
  mkdir,
  readdir,
  readlink,
  rm,
  symlink,
} from "node:fs/promises";
import { join } from "node:path";

/** `target` must not be there yet. `sources`: whole unpacked packages, which nobody changes. */
export async function mergeLayers(sources: readonly string[], target: string): Promise<void> {
  await makeDirectory(target);
  for (const source of sources) await layOver(source, target);
}

async function layOver(source: string, target: string): Promise<void> {
  for (const entry of await readdir(source, { withFileTypes: true })) {
    const from = join(source, entry.name);
    const to = join(target, entry.name);
    const there = await lstat(to).catch(() => undefined);
    const bothDirectories = entry.isDirectory() && there?.isDirectory();
    if (there && !bothDirectories) await rm(to, { recursive: true });
    if (entry.isDirectory()) {
      if (!bothDirectories) await makeDirectory(to);
      await layOver(from, to);
    } else if (entry.isSymbolicLink()) {
      await symlink(await readlink(from), to);
    } else {
      await linkOrCopy(from, to);
    }
  }
}

/** For all to read, whatever our umask says. */
async function makeDirectory(path: string): Promise<void> {
  await mkdir(path);
  await chmod(path, 0o755);
}

/** Where a file has as many links as it may have, or the file system knows none. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch {
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  }
}
