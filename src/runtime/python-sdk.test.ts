import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { silentLogger } from "../base/logger.ts";
import { createPythonSdk } from "./python-sdk.ts";

test("a Python in a root file system without boto3 gets it by the machine's pip, for its version", async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), "lambdad-boto3-"));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const bin = join(dataDir, "bin");
  await mkdir(bin);
  const pip = `#!/bin/sh
printf '%s ' "$@" > '${join(dataDir, "asked")}'
while [ "$1" != --target ]; do shift; done; /bin/mkdir -p "$2/boto3"
`;
  await writeFile(join(bin, "python3"), pip);
  await chmod(join(bin, "python3"), 0o755);
  const messages: string[] = [];
  const onProgress = (message: string) => void messages.push(message);
  const sdk = createPythonSdk({ dataDir, path: bin, env: {}, logger: silentLogger, onProgress });

  const inRoot = {
    version: "3.11.2",
    executable: "/usr/bin/python3.11",
    cacheTag: "cpython-311",
    root: "/r",
  };
  const place = join(dataDir, "runtimes", "boto3-cpython-311");
  assert.equal(await sdk(inRoot), place);
  assert.deepEqual(await readdir(place), ["boto3"]);
  assert.match(
    await readFile(join(dataDir, "asked"), "utf8"),
    /^-m pip install .*--python-version 3\.11\.2 --only-binary=:all: --target \S+ boto3 $/,
  );
  assert.deepEqual(messages, ["installing boto3 for Python 3.11.2 (once)"]);
});
