import assert from "node:assert/strict";
import { access, mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { silentLogger } from "../base/logger.ts";
import { createCatalog } from "./catalog.ts";
import { createRoots, phases } from "./roots.ts";

test("a runtime that Debian has is installable, others say how else", async (t) => {
  const roots = createRoots(await dataDir(t));
  assert.deepEqual(roots.absent("java21", "Java 21", "so that it is there"), {
    id: "java21",
    status: "installable",
    description: "Java 21",
    hint: "Install Java 21 with lambdad runtimes install java21, or so that it is there.",
  });
  assert.deepEqual(roots.absent("java11", "Java 11", "so that it is there"), {
    id: "java11",
    status: "missing",
    description: "Java 11",
    hint: "Install Java 11 so that it is there.",
  });
});

test("what Debian has not is not installed, whatever it is called", async (t) => {
  const roots = createRoots(await dataDir(t));
  for (const id of ["dotnet8", "constructor", "../java21"]) {
    await assert.rejects(
      roots.install(id, () => {}),
      /^RuntimeUnavailable: There is no root file system for .*There are: java25, java21,/,
    );
    assert.equal(await roots.installed(id), undefined);
    assert.equal(await roots.remove(id), false);
  }
});

test("what is there is not made again, is shared by two names of one Java, and is removed", async (t) => {
  const data = await dataDir(t);
  const roots = createRoots(data);
  const place = join(data, "roots", "java17");
  await mkdir(join(place, "usr"), { recursive: true });
  const said: string[] = [];
  assert.equal(await roots.install("java17", (message) => said.push(message)), place);
  assert.deepEqual(said, []);
  assert.equal(await roots.installed("java17.al2023"), place);
  assert.equal(await roots.installed("java21"), undefined);
  assert.equal(await roots.remove("java17"), true);
  assert.equal(await roots.remove("java17"), false);
  assert.deepEqual(await readdir(join(data, "roots")), []);
});

test("debootstrap's lines become a line for each step, and one for each 25 packages", () => {
  const said: string[] = [];
  const onLine = phases((message) => said.push(message));
  const times = (count: number, line: string) => Array.from({ length: count }, () => line);
  const lines = [
    ...["I: Checking Release signature", "W: something", ""],
    ...times(60, "I: Retrieving zlib1g 1:1.3"),
    ...["I: Validating zlib1g", ...times(3, "I: Extracting zlib1g...")],
    ...["I: Unpacking zlib1g...", "I: Configuring zlib1g...", "I: Base system installed successfully."],
  ];
  for (const line of lines) onLine(line);
  assert.deepEqual(said, [
    ...["fetching packages", "fetching packages: 25", "fetching packages: 50"],
    ...["unpacking the base system", "unpacking packages", "configuring packages"],
  ]);
});

test(
  "what an installation left that was cut off is removed by the next one",
  { timeout: 600_000 },
  async (t) => {
    const why = uninstallable();
    if (why !== undefined) return t.skip(why);
    const data = await dataDir(t);
    const roots = createRoots(data);
    const abandoned = join(data, "roots", "java21.partial-999999999");
    const living = join(data, "roots", `java21.partial-${process.ppid}`);
    for (const folder of [abandoned, living]) await mkdir(folder, { recursive: true });
    await writeFile(join(abandoned, "half"), "");
    const place = await roots.install("ruby3.3", () => {});
    assert.deepEqual((await readdir(join(data, "roots"))).toSorted(), [
      `java21.partial-${process.ppid}`,
      "ruby3.3",
    ]);
    assert.equal((await stat(place)).mode & 0o777, 0o755);
    await assert.rejects(access(join(place, "var")), "what no function sees is not kept");
    const catalog = createCatalog({
      dataDir: data,
      path: "",
      home: "",
      env: {},
      logger: silentLogger,
      onProgress: () => {},
    });
    const plan = await catalog.plan("ruby3.3");
    assert.deepEqual([plan.argv[0], plan.root], ["/usr/bin/ruby3.3", place]);
    const entry = (await catalog.list()).find(({ id }) => id === "ruby3.3");
    assert.match(entry?.description ?? "", /^Ruby 3\.3\.\d+ in its own root file system$/);
  },
);

/** It takes a minute, root, and 100 MB from Debian's mirror. */
function uninstallable(): string | undefined {
  if (process.env["LAMBDAD_TEST_INSTALL"] !== "1") return "a minute long: LAMBDAD_TEST_INSTALL=1 runs it";
  return process.getuid?.() === 0 ? undefined : "installing takes root";
}

async function dataDir(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "lambdad-roots-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
