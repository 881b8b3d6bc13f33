import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { oneFile } from "./one-file.ts";

const sources = {
  "index.cjs": `"use strict";
const { next } = require("./count.cjs");
exports.unused = require("path").sep;
require("./sink.cjs").push(next(), require("./count.cjs").next(), require("./whole.cjs")(), __dirname);
`,
  "count.cjs": "let count = 0;\nexports.next = () => (count += 1);\n",
  "whole.cjs": "module.exports = () => 'whole'; // without a line's end",
  "never.cjs": "throw new Error('nobody asked for it');\n",
};

test("files in one share their modules, each of them run once and when it is asked for", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "lambdad-one-file-"));
  t.after(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, "sink.cjs"), "module.exports = [];\n");
  await writeFile(join(directory, "index.cjs"), oneFile("index.cjs", new Map(Object.entries(sources))));
  const require = createRequire(join(directory, "beside.cjs"));
  require("./index.cjs");
  assert.deepEqual(require("./sink.cjs"), [1, 2, "whole", directory]);
});
