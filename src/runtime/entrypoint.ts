/**
 * From a launch plan to the program that is started: the first entry point that is there, AWS's wrapper script, and the
 * flags that the function has not replaced by its own.
 *
 * Looks at the mounts' sources on the host, and follows links as they will be followed inside. Starts nothing.
 */
import { lstat, readlink } from "node:fs/promises";
import { posix } from "node:path";
import type { Mount } from "../isolation/driver.ts";
import type { LaunchPlan, VersionSpec } from "./contract.ts";

export type Entrypoint =
  | { readonly kind: "argv"; readonly argv: readonly string[] }
  /** The outcome of each start of this function. `message` goes behind "RequestId: <id> Error: ". */
  | { readonly kind: "invalid"; readonly errorType: "Runtime.InvalidEntrypoint"; readonly message: string };

/** `mounts`: all of the sandbox, code and layers too; of two that fit, the longer target counts. */
export async function chooseEntrypoint(
  plan: LaunchPlan,
  mounts: readonly Mount[],
  { memoryMb, variables }: Pick<VersionSpec, "memoryMb" | "variables">,
): Promise<Entrypoint> {
  if (plan.entrypoints !== undefined) return firstThatIsThere(plan.entrypoints, mounts);
  const argv = withFlags(plan, memoryMb, variables);
  const wrapper = variables["AWS_LAMBDA_EXEC_WRAPPER"];
  // By a shell, because a wrapper that is missing is exit status 127 on AWS, not a start that failed.
  const wrapped = ["/bin/sh", "-c", 'exec "$0" "$@"', wrapper ?? "", ...argv];
  return { kind: "argv", argv: wrapper ? wrapped : argv };
}

async function firstThatIsThere(
  entrypoints: readonly string[],
  mounts: readonly Mount[],
): Promise<Entrypoint> {
  for (const path of entrypoints) {
    const found = await look(path, mounts);
    if (found === "executable") return { kind: "argv", argv: [path] };
    // inferred: the first file counts, executable or not; the text is the operating system's, as AWS shows it.
    if (found === "file") return invalid(`fork/exec ${path}: permission denied`);
  }
  return invalid(`Couldn't find valid bootstrap(s): [${entrypoints.join(" ")}]`);
}

function invalid(message: string): Entrypoint {
  return { kind: "invalid", errorType: "Runtime.InvalidEntrypoint", message };
}

const linksMax = 40; // Linux: MAXSYMLINKS

/** What a path of the sandbox is. Where a link leads to the system's own files, the sandbox has to find out. */
async function look(path: string, mounts: readonly Mount[]): Promise<"executable" | "file" | "nothing"> {
  let inside = path;
  for (let links = 0; links < linksMax; links++) {
    const outside = hostPath(inside, mounts);
    if (outside === undefined) return links === 0 ? "nothing" : "executable";
    const found = await lstat(outside).catch(() => undefined);
    if (found?.isFile()) return (found.mode & 0o111) === 0 ? "file" : "executable";
    if (!found?.isSymbolicLink()) return "nothing";
    inside = posix.resolve(posix.dirname(inside), await readlink(outside));
  }
  return "nothing";
}

function hostPath(inside: string, mounts: readonly Mount[]): string | undefined {
  const mount = mounts
    .filter(({ target }) => inside === target || inside.startsWith(`${target}/`))
    .toSorted((one, other) => other.target.length - one.target.length)[0];
  return mount && mount.source + inside.slice(mount.target.length);
}

function withFlags(
  { argv, flags }: LaunchPlan,
  memoryMb: number,
  variables: VersionSpec["variables"],
): readonly string[] {
  if (flags === undefined) return argv;
  const own = variables[flags.variable] ?? "";
  const [program = "", ...rest] = argv;
  const defaults = flags.defaults.filter(({ unless }) => !unless.test(own));
  return [program, ...defaults.map((flag) => flag.text(memoryMb)), ...rest];
}
