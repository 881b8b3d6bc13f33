import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { Mount } from "../isolation/driver.ts";
import { extensionsMax } from "../limits.ts";
import { findExtensions } from "./extension-files.ts";

async function layersWith(t: TestContext): Promise<Mount> {
  const source = await mkdtemp(join(tmpdir(), "lambdad-extension-files-"));
  t.after(() => rm(source, { recursive: true, force: true }));
  await mkdir(join(source, "extensions"));
  return { source, target: "/opt" };
}

const found = (layers: Mount | undefined) =>
  findExtensions(layers, { mounts: layers ? [layers] : [], root: "" });

test("every file of the folder is an extension, links too; folders are none", async (t) => {
  assert.deepEqual(await found(undefined), { paths: [], fault: undefined });
  const layers = await layersWith(t);
  assert.deepEqual(await found(layers), { paths: [], fault: undefined });
  const folder = join(layers.source, "extensions");
  await mkdir(join(folder, "nested"));
  await mkdir(join(layers.source, "bin"));
  await writeFile(join(layers.source, "bin/real"), "#!/bin/sh\n", { mode: 0o755 });
  await symlink("../bin/real", join(folder, "b link"));
  await symlink("/bin/true", join(folder, "c-system"));
  await writeFile(join(folder, ".a"), "#!/bin/sh\n", { mode: 0o755 });
  assert.deepEqual(await found(layers), {
    paths: ["/opt/extensions/.a", "/opt/extensions/b link", "/opt/extensions/c-system"],
    fault: undefined,
  });
});

const foreign = Buffer.concat([Buffer.from("\x7fELF\x02\x01\x01", "latin1"), Buffer.alloc(121)]);

const faults: readonly (readonly [string, string | Buffer, number, string])[] = [
  ["that may not be executed", "#!/bin/sh\n", 0o644, "permission denied"],
  ["that is no program", "echo hello\n", 0o755, "exec format error"],
  ["that is another machine's", foreign, 0o755, "exec format error"],
  ["that is empty", "", 0o755, "exec format error"],
  ["whose interpreter is not there", "#!/opt/bin/none\n", 0o755, "no such file or directory"],
];

for (const [name, content, mode, obstacle] of faults) {
  test(`a file ${name} keeps all of them from being started`, async (t) => {
    const layers = await layersWith(t);
    await writeFile(join(layers.source, "extensions/a"), "#!/bin/sh\n", { mode: 0o755 });
    await writeFile(join(layers.source, "extensions/b"), content, { mode });
    assert.deepEqual((await found(layers)).fault, { name: "b", obstacle });
  });
}

test("more than AWS's number of them is an error", async (t) => {
  const layers = await layersWith(t);
  for (let index = 0; index <= extensionsMax; index++)
    await writeFile(join(layers.source, `extensions/${index}`), "#!/bin/sh\n", { mode: 0o755 });
  await assert.rejects(found(layers), { errorType: "Extension.LaunchError" });
});
