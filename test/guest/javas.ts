/** The Java runtimes of this machine to test the Java bootstrap with, and the functions of `test/fixtures/java`, compiled. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { promisify } from "node:util";
import { silentLogger } from "../../src/base/logger.ts";
import { createCatalog } from "../../src/runtime/catalog.ts";
import { programOnPath } from "./languages.ts";

const run = promisify(execFile);

export interface Java {
  readonly major: number;
  /** Program and flags of the catalog's plan, with the host's paths; the last is where layers lie. */
  readonly argv: readonly string[];
}

export interface Javas {
  readonly javas: readonly Java[];
  /** The fixtures' classes. */
  readonly classes: string;
  /** A jar of the interfaces that functions are compiled against. */
  readonly library: string;
  /** Compiles sources, given as relative path → text, and answers the directory of their classes. */
  readonly compile: (sources: Readonly<Record<string, string>>) => Promise<string>;
}

/** A string: why there is none. */
export async function javas(): Promise<Javas | string> {
  if (programOnPath("javac") === undefined)
    return "no Java compiler on PATH: apt-get install default-jdk-headless";
  const dataDir = await mkdtemp(join(tmpdir(), "lambdad-java-"));
  after(() => rm(dataDir, { recursive: true, force: true }));
  const catalog = createCatalog({
    dataDir,
    path: process.env["PATH"] ?? "",
    home: process.env["HOME"] ?? "",
    env: process.env,
    logger: silentLogger,
    onProgress: () => {},
  });
  const ready = (await catalog.list()).filter(({ id, status }) => /^java\d+$/.test(id) && status === "ready");
  if (ready.length === 0) return "no Java runtime is ready on this machine";
  const plans = await Promise.all(ready.map(({ id }) => catalog.plan(id)));
  const library = join(
    plans[0]?.mounts.find(({ target }) => target === "/var/runtime")?.source ?? "",
    "lambdad.jar",
  );

  async function javac(release: number, files: readonly string[], out: string): Promise<void> {
    const flags = ["--release", String(release), "-Xlint:-options", "-encoding", "UTF-8", "-proc:none"];
    await run("javac", [...flags, "-cp", library, "-d", out, ...files]);
  }

  const fixtures = join(import.meta.dirname, "../fixtures/java");
  const classes = join(dataDir, "classes");
  const names = (await readdir(fixtures, { recursive: true })).filter((name) => name.endsWith(".java"));
  const newer = names.filter((name) => name.endsWith("Records.java"));
  const paths = (some: readonly string[]) => some.map((name) => join(fixtures, name));
  await javac(8, paths(names.filter((name) => !newer.includes(name))), classes);
  await javac(17, paths(newer), classes);

  return {
    javas: plans.map(({ argv, mounts }, index) => ({
      major: Number(ready[index]?.id.slice("java".length)),
      argv: argv.map((part) =>
        mounts.reduce((text, { source, target }) => text.replace(target, source), part),
      ),
    })),
    classes,
    library,
    async compile(sources) {
      const directory = await mkdtemp(join(dataDir, "sources-"));
      const out = join(directory, "out");
      await mkdir(out);
      const files = Object.entries(sources).map(async ([name, text]) => {
        await writeFile(join(directory, name), text);
        return join(directory, name);
      });
      await javac(8, await Promise.all(files), out);
      return out;
    },
  };
}
