/**
 * S5 for the other languages: a cold start of Java, Ruby and a compiled custom runtime, as the client sees it, against a
 * class that prints nothing, `ruby -e 0`, and the program itself, which ends at once without a Runtime API.
 *
 * LAMBDAD_TEST_ROOTS: where `lambdad runtimes install` has put root file systems. What is not there has no row.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Runtime } from "@aws-sdk/client-lambda";
import { silentLogger } from "../src/base/logger.ts";
import { createCatalog } from "../src/runtime/catalog.ts";
import { candidates, type Language } from "../test/guest/languages.ts";
import { startServer } from "../test/harness/server.ts";
import type { ZipSources } from "../test/harness/zip.ts";
import { coldStarts, type ColdSubject } from "./cold-starts.ts";
import { lambdaClient } from "./echo.ts";
import type { Row } from "./row.ts";

/** `goal`: "–" where the yardstick is so short that all of lambdad's own work is a multiple of it. */
interface Subject extends ColdSubject {
  readonly what: string;
  readonly goal: string;
}

export async function run(): Promise<Row[]> {
  const directory = mkdtempSync(join(tmpdir(), "lambdad-bench-"));
  const dataDir = join(directory, "data");
  mkdirSync(dataDir);
  const roots = process.env["LAMBDAD_TEST_ROOTS"];
  if (roots !== undefined) symlinkSync(roots, join(dataDir, "roots"));
  const server = await startServer({ dataDir });
  try {
    const rows: Row[] = [];
    for (const subject of await subjects(dataDir, directory)) {
      const { coldMs, bootMs } = await coldStarts(lambdaClient(server.url), subject);
      rows.push({
        id: "",
        what: `cold start of ${subject.what}`,
        value: coldMs,
        yardstick: bootMs,
        result: coldMs / bootMs,
        unit: "ms",
        goal: subject.goal,
      });
    }
    return rows;
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function subjects(dataDir: string, directory: string): Promise<readonly Subject[]> {
  const found = new Map<string, Language>();
  for (const [name, language] of await candidates(dataDir))
    if (typeof language !== "string") found.set(name, language);
  const named = (start: string) => [...found].find(([name]) => name.startsWith(start));
  const made: Subject[] = [];
  const java = named("java");
  if (java) made.push(await javaSubject(java, dataDir, directory));
  const ruby = named("ruby");
  if (ruby) made.push(await rubySubject(ruby, dataDir));
  const native = named("rust") ?? named("go");
  if (native) made.push(await nativeSubject(native, directory));
  return made;
}

async function javaSubject(
  [name, language]: [string, Language],
  dataDir: string,
  directory: string,
): Promise<Subject> {
  writeFileSync(
    join(directory, "Hello.java"),
    "public class Hello { public static void main(String[] a) {} }",
  );
  execFileSync("javac", ["-d", directory, join(directory, "Hello.java")]);
  const { argv } = await planOf(dataDir, language.runtime);
  return {
    ...(await subjectOf(language)),
    what: `${name} ÷ a class that does nothing`,
    boot: [argv[0] ?? "", "-cp", directory, "Hello"],
    goal: "≤ 2.0",
  };
}

async function rubySubject([name, language]: [string, Language], dataDir: string): Promise<Subject> {
  const { argv, root } = await planOf(dataDir, language.runtime);
  const ruby = [argv[0] ?? "", "-e", "0"] as const;
  return {
    ...(await subjectOf(language)),
    what: `${name} ÷ ruby -e 0`,
    boot: root === undefined ? ruby : ["chroot", root, ...ruby],
    goal: "≤ 2.0",
  };
}

async function nativeSubject([name, language]: [string, Language], directory: string): Promise<Subject> {
  const subject = await subjectOf(language);
  const source = subject.sources["bootstrap"];
  const program = join(directory, "bootstrap");
  if (typeof source === "object" && "content" in source)
    writeFileSync(program, source.content, { mode: 0o755 });
  return {
    ...subject,
    what: `a compiled program (${name}) ÷ the program itself`,
    boot: [program],
    goal: "–",
  };
}

async function subjectOf(language: Language): Promise<Omit<ColdSubject, "boot">> {
  const { runtime, handler } = language;
  const sources: ZipSources = await language.sources();
  return { runtime: runtime as Runtime, handler, sources, event: { do: "echo", value: 1 } };
}

function planOf(dataDir: string, runtime: string) {
  const catalog = createCatalog({
    dataDir,
    path: process.env["PATH"] ?? "",
    home: process.env["HOME"] ?? "",
    env: process.env,
    logger: silentLogger,
    onProgress: () => {},
  });
  return catalog.plan(runtime);
}
