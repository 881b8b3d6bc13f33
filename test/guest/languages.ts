/**
 * The languages that functions are tested in: what each takes to build its function of `test/fixtures/behaviours`, and
 * why it cannot be tested here, if so. Programs are built from source, with the compilers that are on this machine.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { silentLogger } from "../../src/base/logger.ts";
import { createCatalog } from "../../src/runtime/catalog.ts";
import type { Catalog } from "../../src/runtime/contract.ts";
import type { ZipSources } from "../harness/zip.ts";

const run = promisify(execFile);
const fixtures = join(import.meta.dirname, "../fixtures/behaviours");

export interface Language {
  readonly runtime: string;
  readonly handler: string;
  readonly memoryMb: number;
  /** Of the error that it raises: `RangeError`, `IndexError`, … as AWS writes it. */
  readonly errorType: string;
  /** Where the stack is in the error, and what its first entry has. */
  readonly trace: readonly [member: "trace" | "stackTrace", first: RegExp];
  /** Of the error while it is loaded. */
  readonly initErrorType: string;
  readonly initErrorMessage: RegExp;
  sources(): Promise<ZipSources>;
}

/** A name, and the language or why it is not here. */
export type Candidate = readonly [name: string, language: Language | string];

export async function candidates(dataDir: string): Promise<readonly Candidate[]> {
  const catalog = createCatalog({
    dataDir,
    path: process.env["PATH"] ?? "",
    home: process.env["HOME"] ?? "",
    env: process.env,
    logger: silentLogger,
    onProgress: () => {},
  });
  const ready = (await catalog.list()).filter(({ status }) => status === "ready").map(({ id }) => id);
  // The oldest and the newest stand for those between; of two names for one Java, one.
  const pythons = ready.filter((id) => id.startsWith("python3"));
  const spared = new Set([
    ...pythons.slice(1, -1),
    ...ready.filter((id) => id.endsWith(".al2023") && id.startsWith("java")),
  ]);
  const having = (family: string, make: (id: string) => Language): readonly Candidate[] => {
    const ids = ready.filter((id) => id.startsWith(family) && !spared.has(id));
    if (ids.length === 0) return [[family, `no ${family} runtime is ready on this machine`]];
    return ids.map((id) => [id, make(id)]);
  };
  return [
    ...having("nodejs", node),
    ...having("python3", python),
    ...(programOnPath("javac") === undefined
      ? [["java", "no Java compiler on PATH: apt-get install default-jdk-headless"] as const]
      : having("java", (id) => java(id, catalog))),
    ...having("ruby", ruby),
    compiled("go", ["go", "build", "-trimpath", "-o"], "go/main.go"),
    compiled("rust", ["rustc", "--edition", "2021", "-O", "-o"], "rust/bootstrap.rs"),
  ];
}

function node(runtime: string): Language {
  return {
    runtime,
    handler: "index.handler",
    memoryMb: 256,
    errorType: "RangeError",
    trace: ["trace", /^RangeError: it went wrong: ü$/],
    initErrorType: "RangeError",
    initErrorMessage: /^init went wrong: ü$/,
    sources: () => files({ "index.mjs": "node/index.mjs" }),
  };
}

function python(runtime: string): Language {
  return {
    runtime,
    handler: "index.handler",
    memoryMb: 256,
    errorType: "IndexError",
    trace: ["stackTrace", /^ {2}File "\/var\/task\/index\.py", line \d+, in handler\n/],
    initErrorType: "IndexError",
    initErrorMessage: /^init went wrong: ü$/,
    sources: () => files({ "index.py": "python/index.py" }),
  };
}

function ruby(runtime: string): Language {
  return {
    runtime,
    handler: "index.handler",
    memoryMb: 256,
    errorType: "Function<IndexError>",
    trace: ["stackTrace", /^\/var\/task\/index\.rb:\d+:in /],
    initErrorType: "Init<IndexError>",
    initErrorMessage: /^init went wrong: ü$/,
    sources: () => files({ "index.rb": "ruby/index.rb" }),
  };
}

function java(runtime: string, catalog: Catalog): Language {
  return {
    runtime,
    handler: "example.Behaviour",
    memoryMb: 512,
    errorType: "java.lang.IndexOutOfBoundsException",
    trace: ["stackTrace", /^example\.Behaviour\.answer\(Behaviour\.java:\d+\)$/],
    initErrorType: "java.lang.ExceptionInInitializerError",
    initErrorMessage: /^Error loading class example\.Behaviour/,
    async sources() {
      const { mounts } = await catalog.plan(runtime);
      const library = join(
        mounts.find(({ target }) => target === "/var/runtime")?.source ?? "",
        "lambdad.jar",
      );
      return built(async (out) => {
        const source = join(fixtures, "java/example/Behaviour.java");
        const flags = ["--release", "8", "-Xlint:-options", "-encoding", "UTF-8"];
        await run("javac", [...flags, "-cp", library, "-d", out, source]);
        return { "example/Behaviour.class": await readFile(join(out, "example/Behaviour.class")) };
      });
    },
  };
}

function compiled(name: string, [compiler = "", ...flags]: readonly string[], source: string): Candidate {
  const program = programOnPath(compiler);
  if (program === undefined) return [name, `${compiler} is not on this machine`];
  const language: Language = {
    runtime: "provided.al2023",
    handler: "any",
    memoryMb: 256,
    errorType: "IndexError",
    trace: ["stackTrace", /serve$/],
    initErrorType: "Runtime.IndexError",
    initErrorMessage: /^init went wrong: ü$/,
    sources: () =>
      built(async (out) => {
        const env = { ...process.env, CGO_ENABLED: "0", GOCACHE: join(tmpdir(), "lambdad-test-go") };
        await run(program, [...flags, join(out, "bootstrap"), join(fixtures, source)], { env });
        return { bootstrap: { content: await readFile(join(out, "bootstrap")), mode: 0o100755 } };
      }),
  };
  return [name, language];
}

/** Also where rustup puts its programs. */
export function programOnPath(name: string): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const places = [...folders, join(process.env["HOME"] ?? "", ".cargo/bin")];
  return places.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

async function files(names: Readonly<Record<string, string>>): Promise<ZipSources> {
  const entries = Object.entries(names).map(
    async ([name, path]) => [name, await readFile(join(fixtures, path))] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

async function built(build: (out: string) => Promise<ZipSources>): Promise<ZipSources> {
  const out = await mkdtemp(join(tmpdir(), "lambdad-build-"));
  try {
    return await build(out);
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}
