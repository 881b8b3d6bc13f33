/** What a folder wants to be, as a table. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { guess } from "./guess.ts";

const cases: readonly [name: string, files: Record<string, string>, expected: string | undefined][] = [
  ["a CommonJS index", { "index.js": "exports.handler = async () => {};" }, "nodejs24.x index.handler"],
  ["an ES module", { "index.mjs": "export const handler = async () => {};" }, "nodejs24.x index.handler"],
  [
    "another export name",
    { "app.mjs": "export async function lambdaHandler() {}" },
    "nodejs24.x app.lambdaHandler",
  ],
  [
    "main of package.json",
    { "package.json": '{"main":"./src/run.js"}', "src/run.js": "exports.myHandler = 1", "index.js": "" },
    "nodejs24.x src/run.myHandler",
  ],
  ["a broken package.json", { "package.json": "{", "index.js": "" }, "nodejs24.x index.handler"],
  [
    "Python's default",
    { "lambda_function.py": "def lambda_handler(event, context):\n" },
    "python3.13 lambda_function.lambda_handler",
  ],
  [
    "a single Python file",
    { "thumb.py": "import os\n\ndef handler(event, context):\n" },
    "python3.13 thumb.handler",
  ],
  [
    "Ruby's default",
    { Gemfile: "", "lambda_function.rb": "def lambda_handler(event:, context:)\nend\n" },
    "ruby3.4 lambda_function.lambda_handler",
  ],
  ["a single Ruby file", { "thumb.rb": "def handler(event:, context:) = 1\n" }, "ruby3.4 thumb.handler"],
  ["two Python files with no known name", { "a.py": "", "b.py": "" }, undefined],
  ["a custom runtime", { bootstrap: "#!/bin/sh", "index.js": "" }, "provided.al2023 bootstrap"],
  ["nothing known", { "README.md": "" }, undefined],
];

for (const [name, files, expected] of cases) {
  test(`the guess for ${name}`, () => {
    const newest = { python: "python3.13", ruby: "ruby3.4" };
    const found = guess({ files: Object.keys(files), read: (file) => files[file] ?? "" }, newest);
    assert.equal(found && `${found.runtime} ${found.handler}`, expected);
  });
}
