/**
 * The Java bootstrap as a sandbox needs it: compiled once with a Java compiler of this machine or of an installed root
 * file system, and for each Java since 13 an archive of its classes, which shortens a cold start by a third.
 *
 * Made beside its place and renamed into it; never changed afterwards. Without a compiler there is no bootstrap, and the
 * reason says how to get one; without an archive there is only a slower start.
 */
import { createHash } from "node:crypto";
import { access, chmod, mkdir, readdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Logger } from "../base/logger.ts";
import { runtimeBuildMs } from "../limits.ts";
import type { Bootstraps } from "./bootstraps.ts";
import { runInChamber } from "./chamber.ts";
import { RuntimeUnavailable } from "./contract.ts";
import type { JavaHome } from "./java-homes.ts";
import { runProgram, type ProgramResult } from "./program.ts";
import { renameOnce } from "./rename-once.ts";

export interface JavaBootstrapDeps {
  readonly dataDir: string;
  readonly bootstraps: Bootstraps;
  readonly logger: Logger;
  readonly onProgress: (message: string) => void;
}

export interface JavaBootstrap {
  /** Absolute path of a directory with `lambdad.jar`; needs a compiler the first time. Throws `RuntimeUnavailable`. */
  directory(compilers: readonly JavaHome[]): Promise<string>;
  /** Absolute path of a directory with `runtime.jsa` for this Java; undefined: it can have none. */
  archive(java: JavaHome, directory: string): Promise<string | undefined>;
  /** Is it compiled already? */
  isCompiled(): Promise<boolean>;
}

export function createJavaBootstrap({
  dataDir,
  bootstraps,
  logger,
  onProgress,
}: JavaBootstrapDeps): JavaBootstrap {
  const runtimesDir = join(dataDir, "runtimes");
  const once = new Map<string, Promise<unknown>>();

  /** Concurrent requests share the work; what failed may be tried again. */
  function shared<T>(place: string, work: () => Promise<T>): Promise<T> {
    const begun = (once.get(place) as Promise<T> | undefined) ?? work();
    once.set(place, begun);
    begun.catch(() => once.delete(place));
    return begun;
  }

  async function sources(): Promise<{ readonly sources: string; readonly place: string }> {
    const copy = await bootstraps.directory("java");
    return { sources: copy, place: join(runtimesDir, basename(copy).replace("bootstrap-", "compiled-")) };
  }

  return {
    async isCompiled() {
      return isThere((await sources()).place);
    },

    async directory(compilers) {
      const { sources: copy, place } = await sources();
      return shared(place, async () => {
        if (await isThere(place)) return place;
        onProgress("compiling the bootstrap of the Java runtimes (once)");
        await made(place, async (partial) => {
          const failure = await compiled(copy, partial, compilers);
          if (failure !== undefined) throw new RuntimeUnavailable(failure);
        });
        return place;
      });
    },

    async archive(java, directory) {
      if (java.major < 13) return undefined;
      const hash = createHash("sha256").update(
        `${basename(directory)}\0${java.root}\0${java.path}\0${java.version}`,
      );
      const place = join(runtimesDir, `archive-java-${hash.digest("hex").slice(0, 16)}`);
      return shared(place, async () => {
        if (await isThere(place)) return place;
        try {
          await made(place, (partial) => rehearsed(java, directory, partial));
          return place;
        } catch (error) {
          logger.warn("Java starts slower: there is no archive of its classes", { java: java.path, error });
          return undefined;
        }
      });
    },
  };
}

export const compilerHint =
  "Its bootstrap is compiled once, which takes a Java compiler: apt-get install default-jdk-headless, or put a JDK of any version on PATH.";

/** What went wrong; undefined: nothing. */
async function compiled(
  copy: string,
  partial: string,
  compilers: readonly JavaHome[],
): Promise<string | undefined> {
  const [compiler] = compilers;
  if (compiler === undefined) return `Java is here, but no compiler. ${compilerHint}`;
  const files = (await readdir(join(copy, "src"), { recursive: true })).filter((name) =>
    name.endsWith(".java"),
  );
  const isInRoot = compiler.root !== undefined;
  const [source, out] = isInRoot ? ["/src", "/out"] : [join(copy, "src"), partial];
  const level = compiler.major > 8 ? ["--release", "8"] : ["-source", "8", "-target", "8"];
  const classes = join(out, "classes");
  const javac = [
    ...[join(compiler.path, "bin", "javac"), ...level, "-Xlint:-options", "-encoding", "UTF-8", "-proc:none"],
    ...["-d", classes, ...files.toSorted().map((name) => join(source, name))],
  ];
  const jar = [
    join(compiler.path, "bin", "jar"),
    "cfe0",
    join(out, "lambdad.jar"),
    "lambdad.Bootstrap",
    "-C",
    classes,
    ".",
  ];
  const mounts = [{ source: join(copy, "src"), target: "/src" }];
  for (const [program = "", ...args] of [javac, jar]) {
    const options = { env: {}, timeoutMs: runtimeBuildMs };
    const result: ProgramResult = isInRoot
      ? await runInChamber([program, ...args], { ...options, root: compiler.root, mounts, out: partial })
      : await runProgram(program, args, options);
    if (!result.isSuccess)
      return `Its bootstrap was not compiled by ${program}: ${result.stderr.slice(0, 500)}`;
  }
  await rm(join(partial, "classes"), { recursive: true });
  await chmod(join(partial, "lambdad.jar"), 0o644);
  return undefined;
}

/** Java 17 accepts the archive only where the jar has the path that it had then: the one in a sandbox. */
async function rehearsed(java: JavaHome, directory: string, partial: string): Promise<void> {
  const archive = join("/out", "runtime.jsa");
  const argv = [
    ...[
      join(java.path, "bin", "java"),
      `-XX:ArchiveClassesAtExit=${archive}`,
      "-XX:+UseSerialGC",
      "-Xlog:disable",
    ],
    ...["-cp", "/var/runtime/lambdad.jar", "lambdad.Rehearsal", "/tmp"],
  ];
  const mounts = [
    { source: directory, target: "/var/runtime" },
    ...(java.root === undefined && !java.path.startsWith("/usr/")
      ? [{ source: java.path, target: java.path }]
      : []),
  ];
  const options = { root: java.root, mounts, out: partial, env: {}, timeoutMs: runtimeBuildMs };
  const result = await runInChamber(argv, options);
  if (!result.isSuccess) throw new Error(result.stderr.slice(0, 500));
  await chmod(join(partial, "runtime.jsa"), 0o644);
}

async function made(place: string, fill: (partial: string) => Promise<void>): Promise<void> {
  const partial = `${place}.partial`;
  await rm(partial, { recursive: true, force: true });
  try {
    await mkdir(partial, { recursive: true });
    await fill(partial);
    await chmod(partial, 0o755);
    await renameOnce(partial, place);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
