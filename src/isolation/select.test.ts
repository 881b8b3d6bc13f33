import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../base/clock.ts";
import { silentLogger } from "../base/logger.ts";
import { systemRandom } from "../base/random.ts";
import { createDriver, probeIsolation, type SelectOptions } from "./select.ts";
import { ending, sandboxesUntestable, specOf, temporaryDirectory } from "./suite-tools.ts";

const skip = sandboxesUntestable();

function options(over: Partial<SelectOptions> = {}): SelectOptions {
  const instance = `t${systemRandom.hex(6)}`;
  const stageDir = `/run/lambdad/${instance}`;
  const diskDir = join(tmpdir(), `lambdad-disks-${instance}`);
  return {
    isolation: "auto",
    secure: false,
    instance,
    stageDir,
    diskDir,
    clock: systemClock,
    logger: silentLogger,
    ...over,
  };
}

test("auto takes the full sandbox where there is one, ready for use", async (t) => {
  if (skip !== undefined) return t.skip(skip);
  const driver = await createDriver(options({ secure: true }));
  t.after(() => driver.close());
  assert.equal(driver.name, "bubblewrap");
  assert.equal((await ending(await driver.create(specOf(["/bin/true"])))).exit.kind, "code");
});

test("the process driver warns, and is refused when secure is asked for", async (t) => {
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
  const stageDir = temporaryDirectory(t);
  const driver = await createDriver(options({ isolation: "process", stageDir, logger }));
  assert.equal(driver.name, "process");
  assert.match(warnings.join(), /nothing limits their memory/);
  await driver.close();
  await assert.rejects(createDriver(options({ isolation: "process", secure: true, stageDir })), {
    code: "unavailable",
    message: /no full sandbox/,
  });
});

test("an instance's name that could be a path is refused", async () => {
  await assert.rejects(createDriver(options({ instance: "../x" })), { code: "spec" });
});

test("the probe says what would be used", async (t) => {
  if (skip !== undefined) return t.skip(skip);
  const probe = await probeIsolation(options());
  assert.deepEqual(probe, {
    driver: "bubblewrap",
    separated: true,
    limited: true,
    networked: true,
    freezes: true,
    missing: [],
  });
});

/** As another user: a sandbox with namespaces and the filter, sharing the machine's network. */
const unprivileged = `
import { systemClock } from ${JSON.stringify(import.meta.resolve("../base/clock.ts"))};
import { silentLogger } from ${JSON.stringify(import.meta.resolve("../base/logger.ts"))};
import { createDriver } from ${JSON.stringify(import.meta.resolve("./select.ts"))};
import { ending, specOf } from ${JSON.stringify(import.meta.resolve("./suite-tools.ts"))};
const [stageDir, source] = process.argv.slice(1);
const options = { isolation: "bubblewrap", secure: false, instance: "unprivileged", stageDir, diskDir: stageDir };
const driver = await createDriver({ ...options, clock: systemClock, logger: silentLogger });
const script = "id -u; cat /opt/name; ls /proc | grep -c '^[0-9]'; ls -d /home /root /run; grep Seccomp: /proc/self/status";
const sandbox = await driver.create(specOf(["/bin/sh", "-c", script], { mounts: [{ source, target: "/opt" }] }));
const { stdout } = await ending(sandbox);
const waiting = await driver.create(specOf(["/bin/sleep", "1000"]));
await waiting.destroy();
const exit = await waiting.exited;
await driver.close();
console.log(JSON.stringify({ stdout, exit, address: String(sandbox.address), guarantees: driver.guarantees }));
`;

test("without root there are still sandboxes, and what is missing is said", (t) => {
  if (skip !== undefined) return t.skip(skip);
  const directory = temporaryDirectory(t);
  chmodSync(directory, 0o755);
  const nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"];
  const node = [process.execPath, "--input-type=module-typescript", "--eval"];
  const asNobody = (...argv: string[]) => spawnSync("setpriv", [...nobody, ...argv], { encoding: "utf8" });
  if (asNobody(process.execPath, "--eval", "").status !== 0) return t.skip("nobody may not run this Node");
  if (asNobody("cat", new URL(import.meta.resolve("./select.ts")).pathname).status !== 0) {
    return t.skip("nobody may not read this checkout");
  }
  execFileSync("sh", [
    "-c",
    'cd "$1" && mkdir stage code && echo code >code/name && chown -R 65534:65534 .',
    "sh",
    directory,
  ]);
  const { stdout, stderr } = asNobody(
    ...node,
    unprivileged,
    join(directory, "stage"),
    join(directory, "code"),
  );
  assert.ok(stdout, stderr);
  const report = JSON.parse(stdout) as {
    stdout: string;
    exit: object;
    address: string;
    guarantees: { missing: string[] };
  };
  assert.equal(report.stdout, "993\ncode\n4\nSeccomp:\t2\n");
  assert.deepEqual(report.exit, { kind: "signal", signal: "SIGKILL", oom: false });
  assert.equal(report.address, "undefined");
  const { missing, ...guarantees } = report.guarantees;
  assert.deepEqual(guarantees, { separated: true, limited: false, networked: false, freezes: false });
  assert.match(missing.join("\n"), /limits are not enforced[^]*share this machine's network/);
});
