/**
 * The AWS SDK for JavaScript that Node runtimes bring, as AWS's do: functions import it without packing it. It is what
 * lambdad's own package depends on, copied into the data directory once per set of versions, without types and without
 * what only bundlers read, so that a sandbox sees these packages and nothing else of where lambdad is installed.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { chmod, copyFile, mkdir, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { renameOnce } from "./rename-once.ts";

const program = fileURLToPath(new URL("../../", import.meta.url));

interface Manifest {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** A package, and where it goes: "node_modules/a/node_modules/b" below the copy's parent. */
interface Placed {
  readonly source: string;
  readonly target: string;
  readonly version: string;
}

/**
 * Absolute path of a folder to mount as `node_modules`. Undefined: this lambdad was installed without the SDK.
 * `root`: a package whose dependencies on `@aws-sdk/` are wanted.
 */
export async function nodeSdk(dataDir: string, root = program): Promise<string | undefined> {
  const { dependencies = {} } = manifestOf(root);
  const names = Object.keys(dependencies).filter((name) => name.startsWith("@aws-sdk/"));
  const placed = closureOf(root, names);
  if (placed.length === 0) return undefined;
  const hash = createHash("sha256");
  for (const { target, version } of placed) hash.update(`${target}\0${version}\n`);
  const place = join(dataDir, "runtimes", `aws-sdk-js-${hash.digest("hex").slice(0, 16)}`);
  const modules = join(place, "node_modules");
  if (existsSync(place)) return modules;

  const partial = `${place}.partial`;
  await rm(partial, { recursive: true, force: true });
  for (const { source, target } of placed) await copyPackage(source, join(partial, target));
  await renameOnce(partial, place);
  return modules;
}

/** The packages and all that they depend on, laid out so that each finds the version that it found here. */
function closureOf(root: string, names: readonly string[]): readonly Placed[] {
  const byTarget = new Map<string, Placed>();

  function visit(name: string, source: string, target: string): void {
    const found = findPackage(name, source);
    if (found === undefined) return;
    const shared = join("node_modules", name);
    const isShared = (byTarget.get(shared)?.source ?? found) === found;
    const place = isShared ? shared : join(target, shared);
    if (byTarget.has(place)) return;
    const { version = "", dependencies = {} } = manifestOf(found);
    byTarget.set(place, { source: found, target: place, version });
    for (const dependency of Object.keys(dependencies)) visit(dependency, found, place);
  }

  for (const name of names) visit(name, root, "");
  return [...byTarget.values()].toSorted((one, other) => (one.target < other.target ? -1 : 1));
}

/** As Node looks for it. */
function findPackage(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return candidate;
    if (folder === dirname(folder)) return undefined;
  }
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
}

async function copyPackage(source: string, target: string): Promise<void> {
  const entries = await readdir(source, { withFileTypes: true });
  const isBuiltTwice = entries.some(({ name }) => name === "dist-cjs");
  await mkdir(target, { recursive: true });
  for (let folder = target; !folder.endsWith(".partial"); folder = dirname(folder))
    await chmod(folder, 0o755);
  for (const entry of entries) {
    const { name } = entry;
    const [from, to] = [join(source, name), join(target, name)];
    if (entry.isDirectory()) {
      if (leftOut.has(name) || (isBuiltTwice && name === "dist-es")) continue;
      await copyPackage(from, to);
    } else if (entry.isFile() && !/\.d\.[cm]?ts$|\.map$|\.md$/.test(name)) {
      await copyFile(from, to);
      await chmod(to, 0o644);
    }
  }
}

/** Dependencies are placed on their own; nothing at run time reads types. */
const leftOut: ReadonlySet<string> = new Set(["node_modules", "dist-types"]);
