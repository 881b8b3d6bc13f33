/**
 * Unpacked deployment packages, one directory per content hash, which sandboxes mount at /var/task; layers at /opt, where
 * several are merged into one directory per ordered list of hashes.
 *
 * Unpacked under another name and renamed when complete, so a directory that has its final name is whole; it is never
 * changed again. A cache of this run only: what earlier runs left is removed, since nothing tells whether those files
 * had reached the disk before a power loss.
 */
import { createHash } from "node:crypto";
import { chmod, mkdir, open, readdir, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { invariant } from "../base/invariant.ts";
import type { Logger } from "../base/logger.ts";
import type { Random } from "../base/random.ts";
import type { Mount } from "../isolation/driver.ts";
import type { Blobs } from "../store/store.ts";
import type { CodeMounts } from "./contract.ts";
import { mergeLayers } from "./layer-merge.ts";
import type { Package, PackageFile } from "./zip.ts";
import { readPackage } from "./zip.ts";

export interface CodeMountsDeps {
  readonly blobs: Pick<Blobs, "read">;
  /** Belongs to it alone. */
  readonly dir: string;
  readonly random: Random;
  readonly logger: Logger;
}

const taskRoot = "/var/task";
const layerRoot = "/opt";
const filesWrittenAtOnce = 8;

interface Merge {
  readonly sha256s: readonly string[];
  readonly mounted: Promise<Mount>;
}

export async function createCodeMounts({ blobs, dir, random, logger }: CodeMountsDeps): Promise<CodeMounts> {
  await mkdir(dir, { recursive: true });
  const leftovers = await readdir(dir);
  const own = join(dir, random.hex(8));
  await mkdir(own);
  await chmod(own, 0o755);
  // Behind our back: there may be much of it, and it is in nobody's way.
  void removeAll(
    leftovers.map((name) => join(dir, name)),
    logger,
  );
  const mounts = new Map<string, Promise<Mount>>();
  const merges = new Map<string, Merge>();
  const removals = new Map<string, Promise<void>>();

  async function unpack(codeSha256: string): Promise<Mount> {
    await removals.get(codeSha256);
    const unpacked = await readPackage(await blobs.read(codeSha256));
    const source = join(own, codeSha256);
    await made(source, (temporary) => write(unpacked, temporary));
    return { source, target: taskRoot };
  }

  function mount(codeSha256: string): Promise<Mount> {
    invariant(/^[0-9a-f]{64}$/.test(codeSha256), "code is named by the SHA-256 of its zip, in hex");
    const known = mounts.get(codeSha256);
    if (known) return known;
    const mounted = unpack(codeSha256);
    mounts.set(codeSha256, mounted);
    // The next one tries again.
    mounted.catch(() => mounts.delete(codeSha256));
    return mounted;
  }

  async function merge(sha256s: readonly string[], name: string): Promise<Mount> {
    const unpacked = await Promise.all(sha256s.map(mount));
    const source = join(own, name);
    const sources = unpacked.map((each) => each.source);
    await made(source, (temporary) => mergeLayers(sources, temporary));
    return { source, target: layerRoot };
  }

  function mergesWith(codeSha256: string): Promise<Mount>[] {
    const found = [...merges].filter(([, { sha256s }]) => sha256s.includes(codeSha256));
    for (const [name] of found) merges.delete(name);
    return found.map(([, { mounted }]) => mounted);
  }

  async function discard(mounted: Promise<Mount>): Promise<void> {
    const mount = await mounted.catch(() => undefined);
    if (mount) await rm(mount.source, { recursive: true, force: true });
  }

  return {
    async inspect(zip) {
      const found = await readPackage(zip);
      for (const file of found.files) await drain(file);
      return { unzippedBytes: found.unzippedBytes, entries: found.entries };
    },

    mount,

    async mountLayers(sha256s) {
      const [only, ...others] = sha256s;
      invariant(only !== undefined, "there is a layer to mount");
      if (others.length === 0) return { ...(await mount(only)), target: layerRoot };
      const name = `layers-${createHash("sha256").update(sha256s.join()).digest("hex")}`;
      const known = merges.get(name);
      if (known) return known.mounted;
      const mounted = merge(sha256s, name);
      merges.set(name, { sha256s, mounted });
      mounted.catch(() => merges.delete(name));
      return mounted;
    },

    async remove(codeSha256) {
      const mounted = mounts.get(codeSha256);
      if (!mounted) return removals.get(codeSha256);
      mounts.delete(codeSha256);
      const removal = Promise.all([mounted, ...mergesWith(codeSha256)].map(discard)).then(() => undefined);
      removals.set(codeSha256, removal);
      await removal.finally(() => removals.delete(codeSha256));
    },
  };
}

/** Whole under its name, or not at all. */
async function made(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    await make(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

async function write({ directories, files, links }: Package, root: string): Promise<void> {
  for (const directory of ["", ...directories]) {
    await mkdir(join(root, directory));
    await chmod(join(root, directory), 0o755);
  }
  const waiting = files[Symbol.iterator]();
  const writers = Array.from({ length: filesWrittenAtOnce }, () => writeFiles(waiting, root));
  // All of them have to stop before the caller removes what they wrote.
  const failed = (await Promise.allSettled(writers)).find((writer) => writer.status === "rejected");
  if (failed) throw failed.reason;
  // Last: nothing is ever written through one.
  for (const { path, target } of links) await symlink(target, join(root, path));
}

/** Several of these share one iterator. */
async function writeFiles(files: Iterable<PackageFile>, root: string): Promise<void> {
  for (const file of files) {
    const written = await open(join(root, file.path), "wx", file.mode);
    try {
      for await (const piece of file.content()) await written.writeFile(piece);
      await written.chmod(file.mode);
    } finally {
      await written.close();
    }
  }
}

async function drain(file: PackageFile): Promise<void> {
  const pieces = file.content()[Symbol.asyncIterator]();
  for (let step = await pieces.next(); !step.done; step = await pieces.next());
}

async function removeAll(paths: readonly string[], logger: Logger): Promise<void> {
  for (const path of paths) {
    try {
      await rm(path, { recursive: true, force: true });
    } catch (error) {
      logger.warn("unpacked code of an earlier run was not removed", { path, error });
    }
  }
}
