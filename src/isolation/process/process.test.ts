import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import { driverSuite, shell } from "../driver.suite.ts";
import { safe } from "../safe.ts";
import { background, ending, eventually, specOf, temporaryDirectory } from "../suite-tools.ts";
import { createProcessDriver } from "./process.ts";

function newDriver() {
  const stageDir = mkdtempSync(join(tmpdir(), "lambdad-process-"));
  const driver = safe(createProcessDriver({ stageDir, clock: systemClock }), silentLogger);
  return { driver, remove: () => rmSync(stageDir, { recursive: true, force: true }) };
}

driverSuite("process", {
  async make() {
    const { driver, remove } = newDriver();
    return { ...driver, close: () => driver.close().then(remove) };
  },
  argv: shell,
});

test("process: a mount's target means its source, the longest target wins", () => {
  const { driver, remove } = newDriver();
  const mounts = [
    { source: "/data/code", target: "/var/task" },
    { source: "/data/layer", target: "/opt" },
    { source: "/data/deep", target: "/opt/lib" },
  ];
  assert.equal(driver.resolve(mounts, "/var/task"), "/data/code");
  assert.equal(driver.resolve(mounts, "/var/task/index.js"), "/data/code/index.js");
  assert.equal(driver.resolve(mounts, "/opt/lib/x"), "/data/deep/x");
  assert.equal(driver.resolve(mounts, "/opt/library"), "/data/layer/library");
  assert.equal(driver.resolve(mounts, "/usr/bin/env"), "/usr/bin/env");
  remove();
});

test("process: program and working directory are found through the mounts", async (t) => {
  const { driver, remove } = newDriver();
  t.after(() => driver.close().then(remove));
  const mounts = [{ source: "/usr/bin", target: "/var/runtime" }];
  const { stdout } = await ending(
    await driver.create(specOf(["/var/runtime/env", "pwd"], { mounts, cwd: "/var/runtime" })),
  );
  assert.equal(stdout, "/usr/bin\n");
});

test("process: D3 children that stay in the group go with the program", async (t) => {
  const { driver, remove } = newDriver();
  t.after(() => driver.close().then(remove));
  const marker = join(temporaryDirectory(t), "alive");
  const script = `(while :; do sleep 0.02; done) & echo $!; wait`;
  const { sandbox, line } = await background(driver, specOf(["/bin/sh", "-c", script, marker]));
  await sandbox.destroy();
  await eventually("the child is gone", () => !isAlive(Number(line)));
});

test("process: a program that is not there is a DriverError or ends at once", async (t) => {
  const { driver, remove } = newDriver();
  t.after(() => driver.close().then(remove));
  const outcome = await driver.create(specOf(["/no/such/program"])).then(ending, (error: unknown) => error);
  if (outcome instanceof Error) assert.equal((outcome as { code?: string }).code, "launch");
  else assert.notDeepEqual((outcome as { exit: object }).exit, { kind: "code", code: 0, oom: false });
});

test("process: a root file system of its own is refused", async (t) => {
  const { driver, remove } = newDriver();
  t.after(() => driver.close().then(remove));
  const refused = driver.create(specOf(shell("wait"), { root: "/" }));
  await assert.rejects(refused, { code: "spec", message: /takes bubblewrap/ });
});

test("process: usage is the program's own", async (t) => {
  const { driver, remove } = newDriver();
  t.after(() => driver.close().then(remove));
  const { sandbox } = await background(driver, specOf(shell("wait")));
  const { memoryPeakBytes } = await sandbox.usage();
  assert.ok(memoryPeakBytes > 100_000 && memoryPeakBytes < 100_000_000, `${memoryPeakBytes}`);
  await sandbox.destroy();
  assert.equal((await sandbox.usage()).memoryPeakBytes, memoryPeakBytes);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
