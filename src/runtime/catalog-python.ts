/**
 * Python runtimes: an installed root file system with one, else the interpreters that are on this machine, on PATH, in
 * /usr and of pyenv.
 *
 * An interpreter is asked once who it is. It finds its library by its own prefix, so that is mounted at its own path,
 * unless it is below /usr, which every sandbox has. Nothing is fetched: Python has no package that is an interpreter.
 */
import { access, readdir } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { interpreterProbeMs } from "../limits.ts";
import type { Bootstraps } from "./bootstraps.ts";
import { runInChamber } from "./chamber.ts";
import { runProgram } from "./program.ts";
import { createPythonSdk, type PythonSdkDeps } from "./python-sdk.ts";
import type { Roots } from "./roots.ts";
import type { RuntimeSource } from "./runtime-source.ts";
import { runtimeVersion } from "./runtime-version.ts";

export interface PythonDeps extends PythonSdkDeps {
  readonly home: string;
  readonly bootstraps: Bootstraps;
  readonly roots: Pick<Roots, "installed" | "absent">;
}

interface Interpreter {
  /** "3.12.1" */
  readonly version: string;
  /** The real program, not a link or a virtual environment's. */
  readonly executable: string;
  readonly prefix: string;
  /** In the names of compiled files: "cpython-312". */
  readonly cacheTag: string;
  readonly hasSdk: boolean;
  /** The root file system that it is in; undefined: the machine's. */
  readonly root?: string;
}

/** The oldest minor version that the bootstrap is written for and tested on. */
const minorMin = 8;

export function createPythonRuntimes(deps: PythonDeps): RuntimeSource {
  const { path, home, bootstraps, roots } = deps;
  const sdkFor = createPythonSdk(deps);
  /** By version on the machine, and by root file system. */
  const known = new Map<string, Promise<Interpreter | undefined>>();
  const compiled = new Map<string, Promise<void>>();

  async function interpreter(id: string): Promise<Interpreter | undefined> {
    const version = /^python(3\.\d+)$/.exec(id)?.[1];
    if (version === undefined || Number(version.slice(2)) < minorMin) return undefined;
    const root = await roots.installed(id);
    const place = root ?? version;
    let search = known.get(place);
    if (search === undefined) {
      search =
        root === undefined ? find(version, path, home) : probe(`/usr/bin/python${version}`, version, root);
      known.set(place, search);
      // Not there is not remembered: it may be installed while lambdad runs.
      void search.then((found) => found ?? known.delete(place));
    }
    return search;
  }

  return {
    async entry(id) {
      const found = await interpreter(id);
      const version = id.slice("python".length);
      if (Number(version.split(".")[1]) < minorMin || version === "2.7") return undefined;
      if (found === undefined) {
        const otherwise = `so that python${version} is on PATH, as with pyenv install ${version}`;
        return roots.absent(id, `Python ${version}`, otherwise);
      }
      const place = found.root === undefined ? `at ${found.executable}` : "in its own root file system";
      const description = `Python ${found.version} ${place}`;
      return { id, status: "ready", description, hint: undefined };
    },

    async plan(id) {
      const found = await interpreter(id);
      if (found === undefined) return undefined;
      const bootstrap = await bootstraps.directory("python");
      const place = `${found.root ?? ""}:${found.executable}`;
      let work = compiled.get(place);
      if (work === undefined) {
        work = compile(found, bootstrap);
        compiled.set(place, work);
      }
      const [sdk] = await Promise.all([found.hasSdk ? undefined : sdkFor(found), work]);
      const version = id.slice("python".length);
      const packages = `/var/lang/lib/python${version}/site-packages`;
      const isEverywhere =
        found.prefix === "/" || found.prefix === "/usr" || found.prefix.startsWith("/usr/");
      return {
        // Without writing compiled files: the code is read-only on AWS, and shared by environments here.
        argv: [found.executable, "-B", "/var/runtime/bootstrap.py"],
        canWait: true,
        ...(found.root === undefined ? {} : { root: found.root }),
        mounts: [
          { source: bootstrap, target: "/var/runtime" },
          ...(isEverywhere ? [] : [{ source: found.prefix, target: found.prefix }]),
          ...(sdk === undefined ? [] : [{ source: sdk, target: packages }]),
        ],
        env: {
          PYTHONPATH: sdk === undefined ? "/var/runtime" : `/var/runtime:${packages}`,
          ...(sdk === undefined ? {} : { _LAMBDAD_PACKAGES: packages }),
          LC_CTYPE: "C.UTF-8",
        },
        ...runtimeVersion("python", version, `${found.version}:${bootstrap}`),
      };
    },
  };
}

async function find(version: string, path: string, home: string): Promise<Interpreter | undefined> {
  const onPath = path
    .split(delimiter)
    // pyenv's shims are scripts that ask pyenv; its interpreters themselves are below.
    .filter((folder) => folder.startsWith("/") && !folder.endsWith("/shims"));
  const folders = [...onPath, "/usr/local/bin", "/usr/bin", ...(await pyenvFolders(version, home))];
  for (const folder of new Set(folders)) {
    const found = await probe(join(folder, `python${version}`), version);
    if (found) return found;
  }
  return undefined;
}

/** Newest patch first. */
async function pyenvFolders(version: string, home: string): Promise<readonly string[]> {
  const versions = join(home, ".pyenv", "versions");
  const names = await readdir(versions).catch(() => []);
  return names
    .filter((name) => name.startsWith(`${version}.`))
    .toSorted((one, other) => other.localeCompare(one, "en", { numeric: true }))
    .map((name) => join(versions, name, "bin"));
}

/** A boto3 that does not know AWS_ENDPOINT_URL, which came with botocore 1.31, would not find lambdad: it counts as none. */
const question = `
import importlib.metadata, os, sys
executable = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
prefix = os.path.realpath(sys.base_prefix)
version = "%d.%d.%d" % sys.version_info[:3]
sdk = ""
try:
    importlib.metadata.version("boto3")
    if tuple(map(int, importlib.metadata.version("botocore").split(".")[:2])) >= (1, 31):
        sdk = "boto3"
except (importlib.metadata.PackageNotFoundError, ValueError):
    pass
print(version, executable, prefix, sys.implementation.cache_tag, sdk, sep="\\n")
`;

/** Undefined where there is none, where it does not run, or where it is another than its name says. */
async function probe(file: string, wanted: string, root?: string): Promise<Interpreter | undefined> {
  const isThere = await access((root ?? "") + file).then(
    () => true,
    () => false,
  );
  if (!isThere) return undefined;
  const argv = ["-I", "-c", question];
  const options = { env: {}, timeoutMs: interpreterProbeMs };
  const { isSuccess, stdout } =
    root === undefined
      ? await runProgram(file, argv, options)
      : await runInChamber([file, ...argv], { ...options, root, mounts: [] });
  const [version, executable, prefix, cacheTag, sdk] = stdout.split("\n");
  if (!isSuccess || !version?.startsWith(`${wanted}.`) || !executable || !prefix || !cacheTag)
    return undefined;
  const hasSdk = sdk === "boto3";
  return { version, executable, prefix, cacheTag, hasSdk, ...(root === undefined ? {} : { root }) };
}

/**
 * Compiles the bootstrap for this interpreter, because a sandbox cannot write the result. Only an optimisation: a failure
 * is paid for at each start. Not checked against the source again: the directory never changes.
 */
async function compile({ executable, cacheTag, root }: Interpreter, bootstrap: string): Promise<void> {
  const compiledFiles = await readdir(join(bootstrap, "lambdad_runtime", "__pycache__")).catch(() => []);
  if (compiledFiles.some((name) => name.includes(`.${cacheTag}.`))) return;
  const inside = "/var/runtime/lambdad_runtime";
  const flags = ["-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-d", inside];
  const options = { env: {}, timeoutMs: interpreterProbeMs };
  if (root === undefined)
    await runProgram(executable, [...flags, join(bootstrap, "lambdad_runtime")], options);
  else
    await runInChamber([executable, ...flags, "/out/lambdad_runtime"], {
      ...options,
      root,
      mounts: [],
      out: bootstrap,
    });
}
