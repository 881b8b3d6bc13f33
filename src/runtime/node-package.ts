/**
 * Fetches a Node binary: the npm package `node-<platform>-<arch>`, installed by npm itself with the caller's own
 * configuration, of which only `bin/node` and its licence are kept.
 *
 * npm runs with an argument list, without install scripts, and with an environment of its own: search path, home, npm's
 * settings, proxies and certificates, nothing else of the caller's.
 */
import { chmod, copyFile, mkdir, open, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { interpreterProbeMs, runtimeFetchMs } from "../limits.ts";
import { RuntimeUnavailable } from "./contract.ts";
import { runProgram } from "./program.ts";
import { renameOnce } from "./rename-once.ts";

export interface FetchOptions {
  /** Exact: "22.23.3". */
  readonly version: string;
  /** The directory to make, with `bin/node` in it. */
  readonly place: string;
  readonly path: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Throws `RuntimeUnavailable`, and leaves nothing then. */
export async function fetchNode({ version, place, path, env }: FetchOptions): Promise<void> {
  const partial = `${place}.partial`;
  const install = join(partial, "install");
  const name = `node-${process.platform}-${process.arch}`;
  await rm(partial, { recursive: true, force: true });
  try {
    await mkdir(install, { recursive: true });
    // npm would look for a project further up without it.
    await writeFile(join(install, "package.json"), "{}\n");
    await runNpm(version, [...npmArguments, "--prefix", install, `${name}@${version}`], { path, env });
    await keepBinary(join(install, "node_modules", name), partial);
    await rm(install, { recursive: true });
    await tryOut(join(partial, "bin", "node"), version);
    await renameOnce(partial, place);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

const npmArguments = [
  "install",
  "--ignore-scripts",
  "--no-audit",
  "--no-fund",
  "--no-save",
  "--no-package-lock",
  "--no-progress",
  "--loglevel=error",
  "--global=false",
];

async function runNpm(
  version: string,
  args: readonly string[],
  { path, env }: Pick<FetchOptions, "path" | "env">,
): Promise<void> {
  // The caller's npm, with the Node that belongs to it; else one beside the running Node.
  const searchPath = `${path}:${dirname(process.execPath)}`;
  const result = await runProgram("npm", args, {
    env: { ...npmVariables(env), PATH: searchPath },
    timeoutMs: runtimeFetchMs,
  });
  if (!result.isSuccess) throw unavailable(version, firstReason(result.stderr));
}

const passedOn =
  /^(HOME|USERPROFILE|XDG_CONFIG_HOME|TMPDIR|npm_config_.*|(https?|no|all)_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR))$/i;

export function npmVariables(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && passedOn.test(name)) passed[name] = value;
  }
  return passed;
}

/** npm's first line that says something, without its prefix. */
function firstReason(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.replace(/^npm (ERR!|error)\s*/, "").trim());
  const line = lines.find((text) => text !== "" && !/^(code|errno|syscall) /.test(text)) ?? "npm failed.";
  return /[.!?]$/.test(line) ? line : `${line.slice(0, 300)}.`;
}

async function keepBinary(packageDir: string, target: string): Promise<void> {
  const binary = join(target, "bin", "node");
  await mkdir(dirname(binary), { mode: 0o755 });
  await rename(join(packageDir, "bin", "node"), binary);
  await chmod(binary, 0o755);
  await copyFile(join(packageDir, "LICENSE"), join(target, "LICENSE")).catch(() => {});
  await Promise.all([dirname(binary), target].map((directory) => chmod(directory, 0o755)));
  const file = await open(binary, "r");
  try {
    await file.sync(); // or a power cut after the rename could leave a binary that is cut off
  } finally {
    await file.close();
  }
}

/** A binary for another C library starts nowhere: better known now than in a function's INIT. */
async function tryOut(binary: string, version: string): Promise<void> {
  const result = await runProgram(binary, ["--version"], { env: {}, timeoutMs: interpreterProbeMs });
  if (result.stdout.trim() === `v${version}`) return;
  throw unavailable(version, `the package's binary does not run here (${firstReason(result.stderr)})`);
}

function unavailable(version: string, reason: string): RuntimeUnavailable {
  const major = version.split(".", 1)[0];
  return new RuntimeUnavailable(
    `Node.js ${version} could not be fetched with npm: ${reason} ` +
      `Check that npm reaches its registry (npm ping), or put a Node.js ${major} on PATH; then try again.`,
  );
}
