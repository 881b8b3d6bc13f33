/**
 * Our bootstraps, where a sandbox can read them: copied from the program's folder into the data directory, once per
 * content, because the program may live where a sandbox's user may not look (somebody's home, a read-protected prefix).
 *
 * A copy is made beside its place and renamed into it, so that it is whole or not there. Never changed afterwards.
 */
import { createHash } from "node:crypto";
import { chmod, mkdir, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { oneFile } from "./one-file.ts";
import { renameOnce } from "./rename-once.ts";

export interface Bootstraps {
  /** Absolute path of the copy of `guest/runtimes/<name>`. */
  directory(name: string): Promise<string>;
}

type BootstrapFile = readonly [path: string, content: Buffer];

const source = fileURLToPath(new URL("../../guest/runtimes/", import.meta.url));

/** What is mounted below a bootstrap, where no sandbox could make a place for it. */
const mountPoints: Readonly<Record<string, string>> = { node: "node_modules" };

export function createBootstraps(dataDir: string): Bootstraps {
  const copies = new Map<string, Promise<string>>();
  return {
    directory(name) {
      let copy = copies.get(name);
      if (copy === undefined) {
        copy = copyOf(name, join(dataDir, "runtimes"));
        copies.set(name, copy);
        copy.catch(() => copies.delete(name));
      }
      return copy;
    },
  };
}

async function copyOf(name: string, runtimesDir: string): Promise<string> {
  const read = await readFiles(join(source, name));
  const files = name === "node" ? withOneFile(read) : read;
  const hash = createHash("sha256");
  for (const [path, bytes] of files) hash.update(`${path}\0${bytes.length}\0`).update(bytes);
  const place = join(runtimesDir, `bootstrap-${name}-${hash.digest("hex").slice(0, 16)}`);
  if (await stat(place).catch(() => undefined)) return place;

  const partial = `${place}.partial`;
  await rm(partial, { recursive: true, force: true });
  const mountPoint = mountPoints[name];
  if (mountPoint !== undefined) await mkdir(join(partial, mountPoint), { recursive: true, mode: 0o755 });
  for (const [path, bytes] of files) {
    await mkdir(dirname(join(partial, path)), { recursive: true, mode: 0o755 });
    await writeFile(join(partial, path), bytes);
    await chmod(join(partial, path), 0o644);
  }
  await renameOnce(partial, place);
  return place;
}

/** `index.cjs` has all of the others in it; these stay for whoever is loaded by another way (`esm-paths-thread.mjs`). */
function withOneFile(files: readonly BootstrapFile[]): readonly BootstrapFile[] {
  const parts = files.filter(([path]) => path.endsWith(".cjs"));
  const whole = oneFile("index.cjs", new Map(parts.map(([path, bytes]) => [path, bytes.toString("utf8")])));
  return files.map(([path, bytes]) => [path, path === "index.cjs" ? Buffer.from(whole) : bytes]);
}

/** Relative path and content, sorted by path; without what interpreters leave behind. */
async function readFiles(root: string): Promise<readonly BootstrapFile[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && !entry.parentPath.endsWith("__pycache__"))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .toSorted();
  return Promise.all(paths.map(async (path) => [path, await readFile(join(root, path))] as const));
}
