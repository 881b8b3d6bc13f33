import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { nodeSdk } from "./node-sdk.ts";

async function folder(t: TestContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "lambdad-sdk-"));
  t.after(() => rm(made, { recursive: true, force: true }));
  return made;
}

/** Packages as npm lays them out: path → what each depends on. */
async function installed(root: string, packages: Record<string, readonly string[]>): Promise<void> {
  for (const [path, needs] of Object.entries(packages)) {
    const place = join(root, path);
    await mkdir(place, { recursive: true });
    const dependencies = Object.fromEntries(needs.map((name) => [name, "*"]));
    const manifest = { name: path, version: "1.0.0", dependencies };
    await writeFile(join(place, "package.json"), JSON.stringify(manifest));
    await writeFile(join(place, "index.js"), `// ${path}`);
  }
}

test("the SDK, all that it needs and nothing else is copied; each package finds the version that it found", async (t) => {
  const root = await folder(t);
  await installed(root, {
    "node_modules/lambdad": ["@aws-sdk/client-a", "other"],
    "node_modules/other": [],
    "node_modules/secret": [],
    "node_modules/@aws-sdk/client-a": ["shared", "deep"],
    "node_modules/shared": [],
    "node_modules/deep": ["shared"],
    "node_modules/deep/node_modules/shared": [],
  });
  const data = await folder(t);
  const modules = (await nodeSdk(data, join(root, "node_modules/lambdad"))) ?? "";
  const found = (await readdir(modules, { recursive: true })).filter((path) => path.endsWith("index.js"));
  assert.deepEqual(found.toSorted(), [
    "@aws-sdk/client-a/index.js",
    "deep/index.js",
    "deep/node_modules/shared/index.js",
    "shared/index.js",
  ]);
  const nested = await readFile(join(modules, "deep/node_modules/shared/index.js"), "utf8");
  assert.equal(nested, "// node_modules/deep/node_modules/shared");
});

test("types and what bundlers read stay behind, and everyone may read the rest", async (t) => {
  const root = await folder(t);
  await installed(root, { ".": ["@aws-sdk/client-a"], "node_modules/@aws-sdk/client-a": [] });
  const own = join(root, "node_modules/@aws-sdk/client-a");
  for (const file of ["dist-cjs/a.js", "dist-cjs/a.d.ts", "dist-es/a.js", "dist-types/a.d.ts", "README.md"]) {
    await mkdir(dirname(join(own, file)), { recursive: true });
    await writeFile(join(own, file), "", { mode: 0o600 });
  }
  const modules = (await nodeSdk(await folder(t), root)) ?? "";
  const copy = join(modules, "@aws-sdk/client-a");
  assert.deepEqual((await readdir(copy)).toSorted(), ["dist-cjs", "index.js", "package.json"]);
  assert.deepEqual(await readdir(join(copy, "dist-cjs")), ["a.js"]);
  assert.equal((await stat(join(copy, "dist-cjs/a.js"))).mode & 0o777, 0o644);
  for (let at = copy; at !== dirname(modules); at = dirname(at)) {
    assert.equal((await stat(at)).mode & 0o777, 0o755, at);
  }
});

test("it is copied once, whole or not at all, and again for other versions", async (t) => {
  const root = await folder(t);
  await installed(root, { ".": ["@aws-sdk/client-a"], "node_modules/@aws-sdk/client-a": [] });
  const data = await folder(t);
  const first = await nodeSdk(data, root);
  const file = join(first ?? "", "@aws-sdk/client-a/index.js");
  await writeFile(file, "changed");
  assert.equal(await nodeSdk(data, root), first);
  assert.equal(await readFile(file, "utf8"), "changed");
  const manifest = join(root, "node_modules/@aws-sdk/client-a/package.json");
  await writeFile(manifest, '{"version":"1.0.1"}');
  assert.notEqual(await nodeSdk(data, root), first);
  assert.ok(!(await readdir(join(data, "runtimes"))).some((name) => name.endsWith(".partial")));
});

test("a lambdad without the SDK has none", async (t) => {
  const root = await folder(t);
  await installed(root, { ".": ["@aws-sdk/client-a"] });
  const data = await folder(t);
  assert.equal(await nodeSdk(data, root), undefined);
  assert.ok(!existsSync(join(data, "runtimes")));
});
