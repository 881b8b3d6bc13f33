/**
 * The Node bootstrap as the catalog has it started: in one file, with the switches and variables of its plan, on the Node
 * that runs the tests. What a function finds must be what AWS's switches bring.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { silentLogger } from "../../src/base/logger.ts";
import { createCatalog } from "../../src/runtime/catalog.ts";
import { startGuest } from "./guest-runtime.ts";

const dataDir = await mkdtemp(join(tmpdir(), "lambdad-started-"));
after(() => rm(dataDir, { recursive: true, force: true }));

async function answer(files: Record<string, string>): Promise<unknown> {
  const catalog = createCatalog({
    dataDir,
    path: "",
    home: "",
    env: {},
    logger: silentLogger,
    onProgress: () => {},
  });
  const { argv, mounts, env } = await catalog.plan(`nodejs${process.versions.node.split(".", 1)[0]}.x`);
  const outside = argv.map((part) => {
    const mount = mounts.find(({ target }) => part.startsWith(target));
    return mount ? mount.source + part.slice(mount.target.length) : part;
  });
  const handler = "index.handler";
  const guest = await startGuest({ argv: outside, env: { ...env, NODE_PATH: dataDir }, handler, files });
  try {
    return (await guest.invoke({})).body;
  } finally {
    await guest.stop();
  }
}

test("gc() is there as if its switch had been given, in what a handler starts too", async () => {
  const handler = `const { Worker } = require("worker_threads");
    const { name, length } = gc, atLoad = gc();
    exports.handler = async () => ({
      property: { ...Object.getOwnPropertyDescriptor(globalThis, "gc"), value: undefined },
      name, length, isVoid: atLoad === undefined, options: process.execArgv,
      again: await gc({ execution: "async" }) === undefined,
      inContext: require("vm").runInNewContext("typeof gc"),
      inChild: require("child_process").execFileSync(process.execPath,
        [...process.execArgv, "-p", "typeof gc"], { encoding: "utf8" }),
      inThread: await new Promise((resolve) =>
        new Worker("require('worker_threads').parentPort.postMessage(typeof gc)", { eval: true })
          .once("message", resolve)),
    });`;
  assert.deepEqual(await answer({ "index.js": handler }), {
    property: { writable: true, enumerable: true, configurable: false },
    ...{ name: "gc", length: 0, isVoid: true, again: true },
    options: ["--expose-gc", "--max-http-header-size=81920"],
    ...{ inContext: "function", inChild: "function\n", inThread: "function" },
  });
});

test("an ES module and its package, and code that asks who has required it, find the bootstrap as ever", async () => {
  const files = {
    "index.mjs": `import { createRequire } from "module";
      const require = createRequire(import.meta.url);
      export const handler = async () => [require.main === undefined, Object.keys(require.cache).filter((file) =>
        /bootstrap-node/.test(file)).length, require("./asks.cjs")];`,
    "asks.cjs": "module.exports = module.parent?.filename.split('/').at(-1);",
  };
  assert.deepEqual(await answer(files), [true, 1, "index.mjs"]);
});
