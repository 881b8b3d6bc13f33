/**
 * From a launch plan to the program that is started: the first entry point that is there, AWS's wrapper script, and the
 * flags that the function has not replaced by its own.
 *
 * Looks at the mounts' sources on the host, and follows links as they will be followed inside. Starts nothing.
 */
import { lstat, open, readlink } from "node:fs/promises";
import { posix } from "node:path";
import type { Mount } from "../isolation/driver.ts";
import type { LaunchPlan, VersionSpec } from "./contract.ts";
import { programFile, programHeadBytes } from "./program-file.ts";

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
  if (plan.entrypoints !== undefined)
    return firstThatIsThere(plan.entrypoints, { mounts, root: plan.root ?? "" });
  const argv = withFlags(plan, memoryMb, variables);
  const wrapper = variables["AWS_LAMBDA_EXEC_WRAPPER"];
  const wrapped = ["/bin/sh", "-c", wrapperScript, wrapper ?? "", ...argv];
  return { kind: "argv", argv: wrapper ? wrapped : argv };
}

/** As AWS's managed runtimes start a wrapper, and what they say when they can't. */
const wrapperScript =
  'if [ ! -f "$0" ]; then echo "$0: does not exist"; exit 127; fi; ' +
  'if [ ! -x "$0" ]; then echo "$0: is not an executable"; exit 126; fi; exec "$0" "$@"';

/** What paths of the sandbox are on the host: below a mount, or else below the root of the system's own files. */
export interface Places {
  readonly mounts: readonly Mount[];
  readonly root: string;
}

async function firstThatIsThere(entrypoints: readonly string[], places: Places): Promise<Entrypoint> {
  for (const path of entrypoints) {
    const found = await look(path, places.mounts);
    if (found === "nothing") continue;
    // inferred: the first file counts, executable or not; the text is the operating system's, as AWS shows it.
    const obstacle = await obstacleTo(found, places);
    if (obstacle !== undefined) return invalid(`fork/exec ${path}: ${obstacle}`);
    return { kind: "argv", argv: [path] };
  }
  return invalid(`Couldn't find valid bootstrap(s): [${entrypoints.join(" ")}]`);
}

export type Obstacle = "permission denied" | "exec format error" | "no such file or directory";

/** What keeps the program at a path of the sandbox from being started, as far as can be told from here. */
export async function launchObstacle(path: string, places: Places): Promise<Obstacle | undefined> {
  const found = await look(path, places.mounts);
  return found === "nothing" ? "no such file or directory" : obstacleTo(found, places);
}

/** Why the kernel would not start a file, in its words. No shell takes what is no program, as none does on AWS. */
async function obstacleTo(found: Found, { mounts, root }: Places): Promise<Obstacle | undefined> {
  if (found === "elsewhere") return undefined;
  const file = await open(found.outside);
  try {
    if (((await file.stat()).mode & 0o111) === 0) return "permission denied";
    const { buffer, bytesRead } = await file.read(Buffer.alloc(programHeadBytes), { position: 0 });
    const program = programFile(buffer.subarray(0, bytesRead), process.arch);
    if (program.kind === "none") return "exec format error";
    if (program.interpreter === undefined) return undefined;
    const interpreter = posix.resolve(taskRoot, program.interpreter);
    const isThere =
      hostPath(interpreter, mounts) === undefined
        ? await isEntry(root + interpreter)
        : (await look(interpreter, mounts)) !== "nothing";
    return isThere ? undefined : "no such file or directory";
  } finally {
    await file.close();
  }
}

/** A link counts as it is: one that is absolute would lead out of the root. */
function isEntry(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

function invalid(message: string): Entrypoint {
  return { kind: "invalid", errorType: "Runtime.InvalidEntrypoint", message };
}

const taskRoot = "/var/task"; // the working directory
const linksMax = 40; // Linux: MAXSYMLINKS

/** "elsewhere": a link leads to the system's own files, so the sandbox has to find out. */
type Found = { readonly outside: string } | "elsewhere";

/** What a path of the sandbox is. */
async function look(path: string, mounts: readonly Mount[]): Promise<Found | "nothing"> {
  let inside = path;
  for (let links = 0; links < linksMax; links++) {
    const outside = hostPath(inside, mounts);
    if (outside === undefined) return links === 0 ? "nothing" : "elsewhere";
    const found = await lstat(outside).catch(() => undefined);
    if (found?.isFile()) return { outside };
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
