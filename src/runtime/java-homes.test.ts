import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { javaHomesIn, machineJavaHomes } from "./java-homes.ts";

/** Makes an installation, which is known by its files alone. */
async function install(
  place: string,
  version: string,
  programs: readonly string[] = ["java"],
): Promise<void> {
  await mkdir(join(place, "bin"), { recursive: true });
  for (const program of programs) await writeFile(join(place, "bin", program), "");
  await writeFile(
    join(place, "release"),
    `IMPLEMENTOR="someone"\nJAVA_VERSION="${version}"\nOS_NAME="Linux"\n`,
  );
}

async function directoryOf(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "lambdad-java-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test("Java is found in JAVA_HOME, on PATH and of SDKMAN, each once, with its major version", async (t) => {
  const home = await directoryOf(t);
  const jdk = join(home, "jdk");
  const sdkman = join(home, ".sdkman/candidates/java");
  await install(jdk, "99.0.1", ["java", "javac", "jar"]);
  await install(join(sdkman, "98.0.2-tem"), "98.0.2");
  await install(join(home, "jdk8"), "1.8.0_452", ["java", "javac"]);
  await symlink(jdk, join(home, "other-name"));
  await mkdir(join(home, "bin"));
  await symlink(join(home, "jdk8/bin/java"), join(home, "bin/java"));
  await mkdir(join(home, "no-java"));
  const path = `${join(home, "bin")}:relative:${join(home, "nowhere")}`;
  const found = await machineJavaHomes({ path, home, javaHome: join(home, "other-name") });
  const ours = found.filter((each) => each.path.startsWith(home));
  assert.deepEqual(
    ours.map(({ version, major, path: place, hasCompiler }) => [
      version,
      major,
      place.slice(home.length),
      hasCompiler,
    ]),
    [
      ["99.0.1", 99, "/jdk", true],
      ["98.0.2", 98, "/.sdkman/candidates/java/98.0.2-tem", false],
      ["1.8.0_452", 8, "/jdk8", false],
    ],
  );
});

test("in a root file system paths are those inside", async (t) => {
  const root = await directoryOf(t);
  await install(join(root, "usr/lib/jvm/java-21-openjdk-amd64"), "21.0.12", ["java", "javac", "jar"]);
  await mkdir(join(root, "usr/lib/jvm/openjdk-21"));
  await symlink("java-21-openjdk-amd64", join(root, "usr/lib/jvm/java-1.21.0-openjdk-amd64"));
  const path = "/usr/lib/jvm/java-21-openjdk-amd64";
  assert.deepEqual(await javaHomesIn(root), [
    { version: "21.0.12", major: 21, path, root, hasCompiler: true },
  ]);
  assert.deepEqual(await javaHomesIn(join(root, "nowhere")), []);
});
