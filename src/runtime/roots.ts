/**
 * Root file systems with a runtime in them: made of Debian's packages with debootstrap, for runtimes that are not on this
 * machine. One directory each below the data directory.
 *
 * A root file system is made beside its place, tried, and renamed into it: half of one is never used. Nobody writes to it
 * afterwards. Making one takes root, because Debian's packages are unpacked and configured as root.
 */
import { access, chmod, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writtenFiles } from "../isolation/bubblewrap/system-view.ts";
import { findTool, toolEnv } from "../isolation/command.ts";
import { interpreterProbeMs, rootInstallMs } from "../limits.ts";
import { programDirectories, runInChamber } from "./chamber.ts";
import { RuntimeUnavailable, type RuntimeEntry } from "./contract.ts";
import { debianMirror } from "./debian-mirror.ts";
import { runProgram } from "./program.ts";
import { renameOnce } from "./rename-once.ts";

export interface Roots {
  /** Absolute path of the root file system that was installed for a runtime. */
  installed(id: string): Promise<string | undefined>;
  /** The entry of a runtime that is not here. `name`: "Java 21". `otherwise`: the end of "Install Java 21 …". */
  absent(id: string, name: string, otherwise: string): RuntimeEntry;
  /** Throws `RuntimeUnavailable` with what to do about it; then nothing is left. Resolves with its path. */
  install(id: string, onProgress: (message: string) => void): Promise<string>;
  /** Resolves with whether there was one. Functions that run in it lose it: stop them before. */
  remove(id: string): Promise<boolean>;
}

interface Recipe {
  /** Also the name of the directory. */
  readonly name: string;
  /** Debian's release that has it. */
  readonly suite: string;
  readonly packages: readonly string[];
  /** Says its version when it is tried. */
  readonly program: string;
}

const java17 = java(17, "bookworm");

/** What Debian has of AWS's runtimes. Source: packages.debian.org, November 2026. */
const recipes: Readonly<Record<string, Recipe>> = {
  java25: java(25, "trixie"),
  java21: java(21, "trixie"),
  java17,
  "java17.al2023": java17,
  // With boto3, as AWS has it; bookworm's is too old for AWS_ENDPOINT_URL, and functions would call AWS.
  "python3.13": interpreter("python3.13", "trixie", ["python3-boto3"]),
  "python3.11": interpreter("python3.11", "bookworm"),
  // Of the AWS SDK Debian has core (with STS), S3 and KMS; AWS has all of it.
  "ruby3.3": interpreter("ruby3.3", "trixie", ["ruby-aws-sdk-s3"]),
};

/** With the compiler, which our bootstrap needs once, and what drawing text takes: Debian's headless Java only recommends it. */
function java(major: number, suite: string): Recipe {
  const packages = [`openjdk-${major}-jdk-headless`, "libharfbuzz0b", "libfontconfig1", "fonts-dejavu-core"];
  return { name: `java${major}`, suite, packages, program: "/usr/bin/java" };
}

function interpreter(name: string, suite: string, others: readonly string[] = []): Recipe {
  return { name, suite, packages: [name, ...others], program: `/usr/bin/${name}` };
}

export function createRoots(dataDir: string): Roots {
  const directory = join(dataDir, "roots");

  async function installed(id: string): Promise<string | undefined> {
    const recipe = recipeOf(id);
    const place = recipe && join(directory, recipe.name);
    return place !== undefined && (await isThere(place)) ? place : undefined;
  }

  return {
    installed,

    absent(id, name, otherwise) {
      const status = recipeOf(id) ? "installable" : "missing";
      const command = recipeOf(id) ? `with lambdad runtimes install ${id}, or ` : "";
      return { id, status, description: name, hint: `Install ${name} ${command}${otherwise}.` };
    },

    async install(id, onProgress) {
      const recipe = recipeOf(id);
      if (recipe === undefined) {
        const known = Object.keys(recipes).join(", ");
        throw new RuntimeUnavailable(`There is no root file system for ${id}. There are: ${known}.`);
      }
      const present = await installed(id);
      if (present !== undefined) return present;
      const place = join(directory, recipe.name);
      const partial = `${place}.partial-${process.pid}`;
      await mkdir(directory, { recursive: true, mode: 0o755 });
      await removeAbandoned(directory);
      try {
        await bootstrap(recipe, partial, onProgress);
        await reduce(partial);
        await tryOut(recipe, partial);
        await renameOnce(partial, place);
        return place;
      } catch (error) {
        await rm(partial, { recursive: true, force: true });
        throw error;
      }
    },

    async remove(id) {
      const place = await installed(id);
      if (place === undefined) return false;
      const doomed = `${place}.partial-${process.pid}`;
      await rename(place, doomed); // from here on nobody starts in it
      await rm(doomed, { recursive: true, force: true });
      return true;
    },
  };
}

function recipeOf(id: string): Recipe | undefined {
  return Object.hasOwn(recipes, id) ? recipes[id] : undefined;
}

/** In a mount namespace of its own, so that nothing stays mounted in it however this ends. */
async function bootstrap(
  recipe: Recipe,
  partial: string,
  onProgress: (message: string) => void,
): Promise<void> {
  const [debootstrap, unshare] = [findTool("debootstrap"), findTool("unshare")];
  if (process.getuid?.() !== 0)
    throw new RuntimeUnavailable("Installing a runtime's root file system takes root: run it with sudo.");
  if (debootstrap === undefined || unshare === undefined)
    throw new RuntimeUnavailable("debootstrap is needed: apt-get install debootstrap");
  if (findTool("bwrap") === undefined)
    throw new RuntimeUnavailable("bubblewrap is needed, to run functions in it: apt-get install bubblewrap");
  const mirror = await debianMirror();
  const packages = [...recipe.packages, "ca-certificates"].join(",");
  onProgress(`installing ${recipe.packages.join(", ")} of Debian ${recipe.suite} from ${mirror}`);
  const args = ["--variant=minbase", `--include=${packages}`, recipe.suite, partial, mirror];
  const result = await runProgram(unshare, ["--mount", "--", debootstrap, ...args], {
    env: { ...toolEnv, ...(await proxies()) },
    timeoutMs: rootInstallMs,
    onLine: phases(onProgress),
  });
  if (result.isSuccess) return;
  const reason = /^(?:E|W): (.*)$/m.exec(`${result.stdout}\n${result.stderr}`)?.[1] ?? result.stderr.trim();
  throw new RuntimeUnavailable(`debootstrap failed: ${reason.slice(0, 500)}`);
}

/** apt's own, which debootstrap does not read. */
async function proxies(): Promise<Record<string, string>> {
  const options = { env: toolEnv, timeoutMs: interpreterProbeMs };
  const { stdout } = await runProgram("apt-config", ["dump", "--format", "%f=%v%n", "Acquire"], options);
  const proxy = /^Acquire::http::proxy=(\S+)$/im.exec(stdout)?.[1];
  return proxy === undefined || proxy === "DIRECT" ? {} : { http_proxy: proxy, https_proxy: proxy };
}

const phaseOf: Readonly<Record<string, string>> = {
  Retrieving: "fetching packages",
  Extracting: "unpacking the base system",
  Unpacking: "unpacking packages",
  Configuring: "configuring packages",
};
const progressStep = 25;

/** From debootstrap's lines, one for each package and step, to a line for each step and each 25 packages. */
export function phases(onProgress: (message: string) => void): (line: string) => void {
  let current: string | undefined;
  let count = 0;
  return (line) => {
    const phase = phaseOf[/^I: (\w+) /.exec(line)?.[1] ?? ""];
    if (phase === undefined) return;
    if (phase !== current) {
      current = phase;
      count = 0;
      onProgress(phase);
    } else if (++count % progressStep === 0) {
      onProgress(`${phase}: ${count}`);
    }
  };
}

/** Away with what no function sees or needs, and in with the files that sandboxes are shown others for. */
async function reduce(partial: string): Promise<void> {
  const kept = new Set(programDirectories);
  const others = (await readdir(partial)).filter((name) => !kept.has(name));
  const unread = ["usr/share/man", "usr/share/info", "usr/share/locale"];
  for (const name of [...others, ...unread]) await rm(join(partial, name), { recursive: true, force: true });
  for (const name of writtenFiles) {
    const file = join(partial, "etc", name);
    await rm(file, { force: true });
    await writeFile(file, "", { mode: 0o644 });
  }
  await chmod(partial, 0o755);
}

async function tryOut({ name, program }: Recipe, root: string): Promise<void> {
  const options = { root, mounts: [], env: toolEnv, timeoutMs: interpreterProbeMs };
  const { isSuccess, stderr } = await runInChamber([program, "--version"], options);
  if (!isSuccess)
    throw new RuntimeUnavailable(`What was installed for ${name} does not run: ${stderr.slice(0, 500)}`);
}

/** What installations left whose process has gone. */
async function removeAbandoned(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const pid = /\.partial-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !isRunning(Number(pid)))
      await rm(join(directory, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
