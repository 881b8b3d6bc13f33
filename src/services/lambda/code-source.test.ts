import assert from "node:assert/strict";
import { test } from "node:test";
import { ZipError } from "../../runtime/contract.ts";
import { zipRefused } from "./code-source.ts";

test("a zip is refused in AWS's words, and one that is unsafe says which entry is", () => {
  const sentence = "Could not unzip uploaded file. Please check your file, then try to upload again.";
  const table = [
    [new ZipError("unreadable", "end of central directory record not found"), sentence],
    [new ZipError("too-large", "it has more"), "Unzipped size must be smaller than 262144000 bytes"],
    [
      new ZipError("unsafe", '"bin/python" is a link that leads out of the package'),
      `${sentence} "bin/python" is a link that leads out of the package.`,
    ],
  ] as const;
  for (const [error, message] of table) {
    const { code, message: text } = zipRefused(error);
    assert.deepEqual([code, text], ["InvalidParameterValueException", message]);
  }
});
