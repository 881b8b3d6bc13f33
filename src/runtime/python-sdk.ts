/**
 * The AWS SDK for Python that Python runtimes bring, as AWS's do: where an interpreter has no boto3 of its own, its pip
 * installs it once into the data directory; for an interpreter in a root file system the pip of this machine's does.
 * Without pip or without a network, functions run all the same, and have to bring boto3 themselves if they want it.
 */
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../base/logger.ts";
import { runtimeFetchMs } from "../limits.ts";
import { runProgram } from "./program.ts";
import { renameOnce } from "./rename-once.ts";

export interface PythonSdkDeps {
  readonly dataDir: string;
  readonly path: string;
  /** The caller's environment: pip's configuration, proxies and certificates are taken from it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  /** For the person who waits: one line, without a newline. */
  readonly onProgress: (message: string) => void;
}

/** What is known of an interpreter without boto3. */
export interface Bare {
  /** "3.12.1" */
  readonly version: string;
  readonly executable: string;
  /** "cpython-312": packages are of one minor version. */
  readonly cacheTag: string;
  /** The root file system that it is in; undefined: the machine's. */
  readonly root?: string;
}

/** Absolute path of a folder with boto3 in it; undefined: there is none to be had. */
export type PythonSdk = (interpreter: Bare) => Promise<string | undefined>;

export function createPythonSdk(deps: PythonSdkDeps): PythonSdk {
  const { dataDir, logger, onProgress } = deps;
  /** What failed is not tried again: each cold start would wait for it. */
  const byTag = new Map<string, Promise<string | undefined>>();

  async function installed({ version, executable, cacheTag, root }: Bare): Promise<string | undefined> {
    const place = join(dataDir, "runtimes", `boto3-${cacheTag}`);
    if (existsSync(place)) return place;
    onProgress(`installing boto3 for ${root === undefined ? executable : `Python ${version}`} (once)`);
    // A root file system has no way to the network. boto3 is Python alone, so whose pip it is makes no difference.
    const [program, target] =
      root === undefined
        ? [executable, []]
        : ["python3", ["--python-version", version, "--only-binary=:all:"]];
    const partial = `${place}.partial`;
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    const { isSuccess, stderr } = await runProgram(
      program,
      ["-m", ...pipArguments, ...target, "--target", partial, "boto3"],
      {
        env: { ...pipVariables(deps.env), PATH: deps.path },
        timeoutMs: runtimeFetchMs,
      },
    );
    if (!isSuccess || !existsSync(join(partial, "boto3"))) {
      await rm(partial, { recursive: true, force: true });
      logger.warn("functions have to bring boto3 themselves: pip could not install it", {
        python: program,
        reason: stderr.trim().split("\n").at(-1),
      });
      return undefined;
    }
    await letAllRead(partial);
    await renameOnce(partial, place);
    return place;
  }

  return (interpreter) => {
    const { cacheTag } = interpreter;
    const known = byTag.get(cacheTag);
    if (known) return known;
    const made = installed(interpreter).catch((error: unknown) => {
      logger.warn("functions have to bring boto3 themselves: it could not be installed", { error });
      return undefined;
    });
    byTag.set(cacheTag, made);
    return made;
  };
}

const pipArguments = [
  "pip",
  "install",
  "--quiet",
  "--no-input",
  "--disable-pip-version-check",
  "--no-warn-script-location",
  "--retries=1",
];

const passedOn =
  /^(HOME|USERPROFILE|XDG_CONFIG_HOME|TMPDIR|PIP_.*|(https?|no|all)_proxy|REQUESTS_CA_BUNDLE|SSL_CERT_(FILE|DIR))$/i;

function pipVariables(env: PythonSdkDeps["env"]): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && passedOn.test(name)) passed[name] = value;
  }
  return passed;
}

/** Whatever the umask was: the user of a sandbox is another. */
async function letAllRead(root: string): Promise<void> {
  await chmod(root, 0o755);
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) await chmod(join(entry.parentPath, entry.name), 0o755);
    else if (entry.isFile()) await chmod(join(entry.parentPath, entry.name), 0o644);
  }
}
