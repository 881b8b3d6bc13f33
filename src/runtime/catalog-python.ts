/**
 * Python runtimes: the interpreters that are on this machine, on PATH, in /usr and of pyenv.
 *
 * An interpreter is asked once who it is. It finds its library by its own prefix, so that is mounted at its own path,
 * unless it is below /usr, which every sandbox has. Nothing is fetched: Python has no package that is an interpreter.
 */
import { access, readdir } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { interpreterProbeMs } from "../limits.ts";
import type { Bootstraps } from "./bootstraps.ts";
import { runProgram } from "./program.ts";
import type { RuntimeSource } from "./runtime-source.ts";
import { runtimeVersion } from "./runtime-version.ts";

export interface PythonDeps {
  readonly path: string;
  readonly home: string;
  readonly bootstraps: Bootstraps;
}

interface Interpreter {
  /** "3.12.1" */
  readonly version: string;
  /** The real program, not a link or a virtual environment's. */
  readonly executable: string;
  readonly prefix: string;
  /** In the names of compiled files: "cpython-312". */
  readonly cacheTag: string;
}

/** The oldest minor version that the bootstrap is written for and tested on. */
const minorMin = 8;

export function createPythonRuntimes({ path, home, bootstraps }: PythonDeps): RuntimeSource {
  const byVersion = new Map<string, Promise<Interpreter | undefined>>();
  const compiled = new Map<string, Promise<void>>();

  function interpreter(id: string): Promise<Interpreter | undefined> {
    const version = /^python(3\.\d+)$/.exec(id)?.[1];
    if (version === undefined || Number(version.slice(2)) < minorMin) return Promise.resolve(undefined);
    let search = byVersion.get(version);
    if (search === undefined) {
      search = find(version, path, home);
      byVersion.set(version, search);
      // Not there is not remembered: it may be installed while lambdad runs.
      void search.then((found) => found ?? byVersion.delete(version));
    }
    return search;
  }

  return {
    async entry(id) {
      const found = await interpreter(id);
      const version = id.slice("python".length);
      if (Number(version.split(".")[1]) < minorMin || version === "2.7") return undefined;
      if (found === undefined) {
        return {
          id,
          status: "missing",
          description: "Python",
          hint: `Install Python ${version} (with pyenv: pyenv install ${version}) so that python${version} is on PATH.`,
        };
      }
      const description = `Python ${found.version} at ${found.executable}`;
      return { id, status: "ready", description, hint: undefined };
    },

    async plan(id) {
      const found = await interpreter(id);
      if (found === undefined) return undefined;
      const bootstrap = await bootstraps.directory("python");
      let work = compiled.get(found.executable);
      if (work === undefined) {
        work = compile(found, bootstrap);
        compiled.set(found.executable, work);
      }
      await work;
      const isEverywhere =
        found.prefix === "/" || found.prefix === "/usr" || found.prefix.startsWith("/usr/");
      return {
        // Without writing compiled files: the code is read-only on AWS, and shared by environments here.
        argv: [found.executable, "-B", "/var/runtime/bootstrap.py"],
        canWait: true,
        mounts: [
          { source: bootstrap, target: "/var/runtime" },
          ...(isEverywhere ? [] : [{ source: found.prefix, target: found.prefix }]),
        ],
        env: { PYTHONPATH: "/var/runtime", LC_CTYPE: "C.UTF-8" },
        ...runtimeVersion("python", id.slice("python".length), `${found.version}:${bootstrap}`),
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

const question = `
import os, sys
executable = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
prefix = os.path.realpath(sys.base_prefix)
version = "%d.%d.%d" % sys.version_info[:3]
print(version, executable, prefix, sys.implementation.cache_tag, sep="\\n")
`;

/** Undefined where there is none, where it does not run, or where it is another than its name says. */
async function probe(file: string, wanted: string): Promise<Interpreter | undefined> {
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  if (!isThere) return undefined;
  const { isSuccess, stdout } = await runProgram(file, ["-I", "-c", question], {
    env: {},
    timeoutMs: interpreterProbeMs,
  });
  const [version, executable, prefix, cacheTag] = stdout.split("\n");
  if (!isSuccess || !version?.startsWith(`${wanted}.`) || !executable || !prefix || !cacheTag)
    return undefined;
  return { version, executable, prefix, cacheTag };
}

/**
 * Compiles the bootstrap for this interpreter, because a sandbox cannot write the result. Only an optimisation: a failure
 * is paid for at each start. Not checked against the source again: the directory never changes.
 */
async function compile({ executable, cacheTag }: Interpreter, bootstrap: string): Promise<void> {
  const target = join(bootstrap, "lambdad_runtime");
  const compiledFiles = await readdir(join(target, "__pycache__")).catch(() => []);
  if (compiledFiles.some((name) => name.includes(`.${cacheTag}.`))) return;
  const inside = "/var/runtime/lambdad_runtime";
  const args = [
    "-I",
    "-m",
    "compileall",
    "-q",
    "--invalidation-mode",
    "unchecked-hash",
    "-d",
    inside,
    target,
  ];
  await runProgram(executable, args, { env: {}, timeoutMs: interpreterProbeMs });
}
