import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { createJavaRuntimes } from "./catalog-java.ts";
import type { LaunchPlan } from "./contract.ts";
import { chooseEntrypoint } from "./entrypoint.ts";
import type { JavaHome } from "./java-homes.ts";

/** A root file system with a Java 21, and a bootstrap that needs no compiler. */
async function machine(t: TestContext, { isCompiled = true, programs = ["java"] } = {}) {
  const root = await mkdtemp(join(tmpdir(), "lambdad-java-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  const home = join(root, "usr/lib/jvm/java-21");
  await mkdir(join(home, "bin"), { recursive: true });
  for (const program of programs) await writeFile(join(home, "bin", program), "");
  await writeFile(join(home, "release"), 'JAVA_VERSION="21.0.12"\n');
  const compilers: (readonly JavaHome[])[] = [];
  const runtimes = createJavaRuntimes({
    path: "",
    home: root,
    javaHome: undefined,
    roots: {
      installed: async (id) => (id === "java21" ? root : undefined),
      absent: (id, name, otherwise) => ({
        id,
        status: "missing",
        description: name,
        hint: `Install ${name} ${otherwise}.`,
      }),
    },
    bootstrap: {
      isCompiled: async () => isCompiled,
      async directory(given) {
        compilers.push(given);
        return "/data/compiled";
      },
      archive: async (java) => (java.major === 21 ? "/data/archive" : undefined),
    },
  });
  return { root, runtimes, compilers };
}

async function planOf(t: TestContext): Promise<LaunchPlan> {
  const plan = await (await machine(t)).runtimes.plan("java21");
  assert.ok(plan);
  return plan;
}

async function argvWith(plan: LaunchPlan, memoryMb: number, options?: string): Promise<readonly string[]> {
  const variables: Record<string, string> = options === undefined ? {} : { JAVA_TOOL_OPTIONS: options };
  const entrypoint = await chooseEntrypoint(plan, plan.mounts, { memoryMb, variables });
  assert.equal(entrypoint.kind, "argv");
  return entrypoint.kind === "argv" ? entrypoint.argv : [];
}

test("Java in a root file system is started there, with the bootstrap and its archive mounted", async (t) => {
  const { root, runtimes } = await machine(t);
  const plan = await runtimes.plan("java21");
  assert.equal(plan?.root, root);
  assert.deepEqual(plan.argv, [
    "/usr/lib/jvm/java-21/bin/java",
    "-XX:SharedArchiveFile=/var/lang/lib/server/runtime.jsa",
    "-Xshare:auto",
    "-Xlog:cds=off",
    "-Xlog:cds+dynamic=off",
    "-jar",
    "/var/runtime/lambdad.jar",
    "/opt",
  ]);
  assert.deepEqual(plan.mounts, [
    { source: "/data/compiled", target: "/var/runtime" },
    { source: "/data/archive", target: "/var/lang/lib/server" },
  ]);
  assert.equal(plan.runtimeVersion, "java:21.v1");
  const entry = await runtimes.entry("java21");
  assert.deepEqual(
    [entry?.status, entry?.description],
    ["ready", "Java 21.0.12 in its own root file system"],
  );
});

test("flags are AWS's, the heap a share of the function's memory", async (t) => {
  const plan = await planOf(t);
  const flags = ["-XX:+UseSerialGC", "-Xmx435m", "-XX:TieredStopAtLevel=1"];
  assert.deepEqual((await argvWith(plan, 512)).slice(1, 4), flags);
  assert.ok((await argvWith(plan, 128)).includes("-Xmx108m"));
});

test("JAVA_TOOL_OPTIONS replaces the flags that it is about, and no others", async (t) => {
  const plan = await planOf(t);
  const defaults = ["-XX:+UseSerialGC", "-Xmx435m", "-XX:TieredStopAtLevel=1"];
  const table: Readonly<Record<string, readonly string[]>> = {
    "-Dkey=value": defaults,
    "-XX:+UseG1GC": defaults.slice(1),
    "-Xmx100m": ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"],
    "-XX:MaxRAMPercentage=50": ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"],
    "-XX:+TieredCompilation -XX:TieredStopAtLevel=4": defaults.slice(0, 2),
    "-XX:-TieredCompilation -Xmx1g -XX:+UseZGC": [],
  };
  for (const [options, expected] of Object.entries(table)) {
    const argv = await argvWith(plan, 512, options);
    const kept = argv.filter((part) => defaults.includes(part));
    assert.deepEqual(kept, expected, options);
  }
});

test("the compilers that a bootstrap may be made with are those of this machine and of the root", async (t) => {
  const { runtimes, compilers, root } = await machine(t, { programs: ["java", "javac", "jar"] });
  await runtimes.plan("java21");
  assert.deepEqual(compilers[0]?.[0]?.root, root);
  assert.ok(compilers[0]?.every(({ hasCompiler }) => hasCompiler));
});

test("a Java that is not there, or is too old, has no plan", async (t) => {
  const { runtimes } = await machine(t);
  for (const id of ["java8", "java", "java21.al2", "java99"]) {
    assert.equal(await runtimes.plan(id), undefined, id);
  }
  for (const id of ["java8", "java", "java21.al2"]) assert.equal(await runtimes.entry(id), undefined, id);
  const entry = await runtimes.entry("java99");
  assert.equal(entry?.hint, "Install Java 99 so that a JDK 99 is in /usr/lib/jvm or JAVA_HOME.");
});
