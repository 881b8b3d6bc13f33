import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createSimClock } from "../base/clock-sim.ts";
import { watchedFolder } from "./watched-folder.ts";

/** What is done to a folder, step by step; true: it is to be noticed. */
type Steps = readonly (readonly [string, (path: (name: string) => string) => void, boolean])[];

const write = (file: string) => writeFileSync(file, String(Math.random()));
const steps: Steps = [
  ["a file is written", (path) => write(path("a")), true],
  ["a file is renamed over it", (path) => (write(path("b~")), renameSync(path("b~"), path("a"))), true],
  ["it is renamed away and made again", (path) => (renameSync(path("a"), path("c")), write(path("a"))), true],
  ["it is written again", (path) => write(path("a")), true],
  ["it is deleted", (path) => rmSync(path("a")), true],
  ["it is made again", (path) => write(path("a")), true],
  ["what an editor keeps for itself", (path) => (write(path(".a.swp")), write(path("a~"))), false],
  ["folders in folders", (path) => mkdirSync(path("d/e/f"), { recursive: true }), true],
  ["a file in the innermost", (path) => write(path("d/e/f/a")), true],
  ["it changes", (path) => write(path("d/e/f/a")), true],
  [
    "a folder is made again",
    (path) => (rmSync(path("d/e"), { recursive: true }), mkdirSync(path("d/e"))),
    true,
  ],
  ["a file in it", (path) => write(path("d/e/a")), true],
  ["a folder is called otherwise", (path) => renameSync(path("d"), path("g")), true],
  ["a file in that", (path) => write(path("g/e/a")), true],
  ["what is no part of a program", (path) => mkdirSync(path("__pycache__")), false],
  ["a file in that", (path) => write(path("__pycache__/a")), false],
  ["all of it goes", (path) => rmSync(path(""), { recursive: true }), false],
  ["and comes again", (path) => (mkdirSync(path("")), write(path("a"))), true],
  ["and changes", (path) => write(path("a")), true],
];

test("each change of a folder is noticed, however an editor or a build makes it", async (t) => {
  const parent = mkdtempSync(join(tmpdir(), "lambdad-watched-"));
  t.after(() => rmSync(parent, { recursive: true, force: true }));
  const folder = join(parent, "code");
  mkdirSync(folder);
  const clock = createSimClock();
  const changes = watchedFolder(folder, clock);
  t.after(() => changes.close());
  let noticed = 0;
  const watching = async () => {
    for (;;) {
      await changes.next();
      noticed += 1;
    }
  };
  void watching();
  for (const [name, act, isNoticed] of steps) {
    noticed = 0;
    act((path) => join(folder, path));
    // What the kernel has to say of it is there; it is read in these turns.
    for (let turn = 0; turn < 10; turn++) await setImmediate();
    await clock.advance(1000);
    for (let turn = 0; turn < 10; turn++) await setImmediate();
    assert.equal(noticed > 0, isNoticed, name);
  }
});
