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
  /** By version on the machine, and by root file system. */
  const known = new Map<string, Promise<Interpreter | undefined>>();

  async function interpreter(version: string): Promise<Interpreter | undefined> {
    const root = await roots.installed(`ruby${version}`);
    const place = root ?? version;
    let search = known.get(place);
    if (search === undefined) {
      search =
        root === undefined ? find(version, path, home) : probe(`/usr/bin/ruby${version}`, version, root);
      known.set(place, search);
      // Not there is not remembered: it may be installed while lambdad runs.
      void search.then((found) => found ?? known.delete(place));
    }
    return search;
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

async function find(version: string, path: string, home: string): Promise<Interpreter | undefined> {
  const onPath = path
    .split(delimiter)
    .filter((folder) => folder.startsWith("/") && !folder.endsWith("/shims"));
  const files = [
    ...[...onPath, "/usr/local/bin", "/usr/bin"].flatMap((folder) => [
      join(folder, `ruby${version}`),
      join(folder, "ruby"),
    ]),
    ...(await versionsIn(join(home, ".rbenv", "versions"), version)),
    ...(await versionsIn(join(home, ".rvm", "rubies"), version)),
    ...(await versionsIn(join(home, ".asdf", "installs", "ruby"), version)),
    ...(await versionsIn("/opt/rubies", version)),
  ];
  for (const file of new Set(files)) {
    const found = await probe(file, version);
    if (found) return found;
  }
  return undefined;
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

/** Undefined where there is none, where it does not run, or where it is of another version. */
async function probe(file: string, wanted: string, root?: string): Promise<Interpreter | undefined> {
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
  if (!isSuccess || !version?.startsWith(`${wanted}.`) || !executable || !prefix || !abi || !gemPath)
    return undefined;
  return { version, executable, prefix, abi, gemPath, root };
}
