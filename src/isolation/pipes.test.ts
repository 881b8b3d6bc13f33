/** Pipes for sandboxes. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createPipeSource, openOutputs } from "./pipes.ts";

test("pipes are made although a predecessor that was killed left files of their names", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "lambdad-pipes-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const directory = join(folder, "pipes");
  mkdirSync(directory);
  for (let left = 0; left < 40; left += 1) writeFileSync(join(directory, `pipe-${left}`), "");
  const source = createPipeSource(directory);
  const pipes = source.open();
  const { stdout } = await openOutputs(pipes);
  assert.equal(typeof stdout.childs.fd, "number");
  pipes.destroy();
  assert.equal(existsSync(join(directory, stdout.childs.name)), false);
  source.close();
});
