/**
 * Ruby runtimes: an installed root file system with one, else the interpreters that are on this machine, on PATH, in /usr
 * and of rbenv, RVM and asdf.
 *
 * An interpreter is asked once who it is, and where its own gems are: GEM_PATH, which AWS sets for the function's and the
 * layers' gems, would hide those. Mounted at its own prefix, unless that is below /usr, which every sandbox has.
 */
import { access, readdir } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { interpreterProbeMs } from "../limits.ts";
import type { Bootstraps } from "./bootstraps.ts";
import { runInChamber } from "./chamber.ts";
import { runProgram } from "./program.ts";
import type { Roots } from "./roots.ts";
import type { RuntimeSource } from "./runtime-source.ts";
import { runtimeVersion } from "./runtime-version.ts";

export interface RubyDeps {
  readonly path: string;
  readonly home: string;
  readonly bootstraps: Bootstraps;
  readonly roots: Pick<Roots, "installed" | "absent">;
}

interface Interpreter {
  /** "3.3.8" */
  readonly version: string;
  readonly executable: string;
  readonly prefix: string;
  /** Of its libraries: "3.3.0". */
  readonly abi: string;
  readonly gemPath: string;
  /** The root file system that it is in; undefined: the machine's. */
  readonly root: string | undefined;
}

export function createRubyRuntimes({ path, home, bootstraps, roots }: RubyDeps): RuntimeSource {
  /** By file. */
  const known = new Map<string, Promise<Interpreter | undefined>>();

  /** Undefined where there is none, or where it does not run. */
  function ask(file: string, root?: string): Promise<Interpreter | undefined> {
    const place = (root ?? "") + file;
    let answer = known.get(place);
    if (answer === undefined) {
      answer = probe(file, root);
      known.set(place, answer);
      // Not there is not remembered: it may be installed while lambdad runs.
      void answer.then((found) => found ?? known.delete(place));
    }
    return answer;
  }

  async function interpreter(version: string): Promise<Interpreter | undefined> {
    const root = await roots.installed(`ruby${version}`);
    const files = root === undefined ? await placesOf(version, path, home) : [`/usr/bin/ruby${version}`];
    for (const file of files) {
      const found = await ask(file, root);
      // "ruby" may be any.
      if (found?.version.startsWith(`${version}.`)) return found;
    }
    return undefined;
  }

  return {
    async entry(id) {
      const version = versionOf(id);
      if (version === undefined) return undefined;
      const found = await interpreter(version);
      if (found === undefined) {
        const otherwise = `so that ruby${version} or a ruby of that version is on PATH, as with rbenv install ${version}`;
        return roots.absent(id, `Ruby ${version}`, otherwise);
      }
      const place = found.root === undefined ? `at ${found.executable}` : "in its own root file system";
      return { id, status: "ready", description: `Ruby ${found.version} ${place}`, hint: undefined };
    },

    async plan(id) {
      const version = versionOf(id);
      const found = version === undefined ? undefined : await interpreter(version);
      if (version === undefined || found === undefined) return undefined;
      const { root, prefix, executable, abi, gemPath } = found;
      const bootstrap = await bootstraps.directory("ruby");
      const isEverywhere = root !== undefined || prefix === "/usr" || prefix.startsWith("/usr/");
      return {
        argv: [executable, "/var/runtime/bootstrap.rb"],
        ...(root === undefined ? {} : { root }),
        mounts: [
          { source: bootstrap, target: "/var/runtime" },
          ...(isEverywhere ? [] : [{ source: prefix, target: prefix }]),
        ],
        env: {
          GEM_PATH: `/var/task/vendor/bundle/ruby/${abi}:/opt/ruby/gems/${abi}:${gemPath}`,
          // inferred: the order. Ours first, because it wraps Ruby's own logger.
          RUBYLIB: "/var/runtime/lib:/var/task:/opt/ruby/lib",
          LC_CTYPE: "C.UTF-8",
        },
        ...runtimeVersion("ruby", version, `${found.version}:${bootstrap}`),
      };
    },
  };
}

/** Undefined: older than what the bootstrap is written for. */
function versionOf(id: string): string | undefined {
  const version = /^ruby(\d+\.\d+)$/.exec(id)?.[1];
  return version !== undefined && Number(version) >= 3.2 ? version : undefined;
}

/** Where it may be, each once. */
async function placesOf(version: string, path: string, home: string): Promise<Iterable<string>> {
  const onPath = path
    .split(delimiter)
    .filter((folder) => folder.startsWith("/") && !folder.endsWith("/shims"));
  return new Set([
    ...[...onPath, "/usr/local/bin", "/usr/bin"].flatMap((folder) => [
      join(folder, `ruby${version}`),
      join(folder, "ruby"),
    ]),
    ...(await versionsIn(join(home, ".rbenv", "versions"), version)),
    ...(await versionsIn(join(home, ".rvm", "rubies"), version)),
    ...(await versionsIn(join(home, ".asdf", "installs", "ruby"), version)),
    ...(await versionsIn("/opt/rubies", version)),
  ]);
}

/** Newest patch first: "3.3.8", or "ruby-3.3.8". */
async function versionsIn(folder: string, version: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => name.replace(/^ruby-/, "").startsWith(`${version}.`))
    .toSorted((one, other) => other.localeCompare(one, "en", { numeric: true }))
    .map((name) => join(folder, name, "bin", "ruby"));
}

const question = `
config = RbConfig::CONFIG
puts RUBY_VERSION, File.realpath(RbConfig.ruby), config["prefix"], config["ruby_version"], Gem.default_path.join(":")
`;

async function probe(file: string, root: string | undefined): Promise<Interpreter | undefined> {
  const isThere = await access((root ?? "") + file).then(
    () => true,
    () => false,
  );
  if (!isThere) return undefined;
  const argv = ["-e", question];
  const options = { env: {}, timeoutMs: interpreterProbeMs };
  const { isSuccess, stdout } =
    root === undefined
      ? await runProgram(file, argv, options)
      : await runInChamber([file, ...argv], { ...options, root, mounts: [] });
  const [version, executable, prefix, abi, gemPath] = stdout.split("\n");
  if (!isSuccess || !version || !executable || !prefix || !abi || !gemPath) return undefined;
  return { version, executable, prefix, abi, gemPath, root };
}
