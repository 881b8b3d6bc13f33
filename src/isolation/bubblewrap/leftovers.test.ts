/** D3 over many rounds, and D4: a crash of lambdad leaves nothing running, and its successor removes the rest. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemRandom } from "../../base/random.ts";
import { sandboxSlotsIdleMin } from "../../limits.ts";
import {
  background,
  bubblewrapForTest,
  ending,
  eventually,
  sandboxesUntestable,
  specOf,
  testDirectories,
} from "../suite-tools.ts";
import { census, type Subject } from "./census.ts";
import { measureLeaks } from "./leak-rounds.ts";

const skip = sandboxesUntestable();

/**
 * These tests count links, addresses and rules by lambdad's number, which other tests' lambdads may get as soon as it is
 * free. So they run in a network namespace of their own, as a test run within this one.
 */
const isAlone = process.env["LAMBDAD_TEST_ALONE"] === "yes";

if (skip !== undefined) test("D3, D4: leftovers", (t) => t.skip(skip));
else if (isAlone) leftovers();
else {
  test("D3, D4: sandboxes leave nothing, neither after many rounds nor after a crash", () => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const argv = ["--net", "--", process.execPath, "--test", "--test-reporter=tap", import.meta.filename];
    const { status, stdout } = spawnSync("unshare", argv, {
      env: { ...env, LAMBDAD_TEST_ALONE: "yes" },
      encoding: "utf8",
    });
    assert.equal(status, 0, stdout);
    assert.match(stdout, /^# pass 6$/m);
  });
}

/** Three sandboxes (with a daemon, two frozen, one with a staged mount), waiting slots, and starts that are under way. */
const victim = `
import { background, bubblewrapForTest, specOf } from ${JSON.stringify(import.meta.resolve("../suite-tools.ts"))};
const [instance, source] = process.argv.slice(1);
const { driver, number } = await bubblewrapForTest(instance);
const daemon = "(setsid sleep 1000 &) ; echo ready; exec sleep 1000";
const mounts = [{ source, target: "/var/task" }];
await background(driver, specOf(["/bin/sh", "-c", daemon]));
const frozen = [{ mounts }, { tmpName: "kept" }].map((over) => background(driver, specOf(["/bin/sh", "-c", daemon], over)));
for (const { sandbox } of await Promise.all(frozen)) await sandbox.freeze();
console.log(number);
for (;;) {
  await Promise.race([driver.create(specOf(["/bin/sleep", "1000"])), new Promise((next) => setTimeout(next, 15))]);
}
`;

function leftovers(): void {
  test("D3: 30 rounds of create and destroy leave nothing", async () => {
    const { before, after, settled, later } = await measureLeaks(30);
    assert.deepEqual(after, before, "as before the driver was made");
    assert.deepEqual(later, settled, "as after the first rounds, while it lives");
  });

  test("D3: as many slots wait as starts are expected, and those beyond go", async () => {
    const subject = await bubblewrapForTest();
    const wait = (count: number) =>
      eventually(`${count} wait`, () => {
        const { processes, links, loopDevices } = census(subject);
        return [processes, links, loopDevices].every((number) => number === count);
      });
    await wait(sandboxSlotsIdleMin);
    subject.driver.expect?.(sandboxSlotsIdleMin + 3);
    await wait(sandboxSlotsIdleMin + 3);
    // Expected no more as soon as it begins, it finds the slot that was made for it, and none is made in its place.
    subject.driver.expect?.(sandboxSlotsIdleMin + 2);
    const started = await subject.driver.create(specOf(["/bin/sleep", "1000"], { network: "outside" }));
    await started.destroy();
    await wait(sandboxSlotsIdleMin + 2);
    assert.equal(newestLink(subject), sandboxSlotsIdleMin + 3);
    subject.driver.expect?.(0);
    await wait(sandboxSlotsIdleMin);
    await subject.driver.close();
    await wait(0);
  });

  test("D4: with the launcher all that it has started ends, and the next start has another", async () => {
    const { driver } = await bubblewrapForTest();
    const { sandbox } = await background(driver, specOf(["/bin/sh", "-c", "echo ready; exec sleep 1000"]));
    const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim().split(" ");
    const launcher = children.find((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("\0launcher\0"),
    );
    // As a supervisor may send them to all of lambdad's processes: it is lambdad that ends sandboxes.
    for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"]) process.kill(Number(launcher), signal);
    assert.equal((await ending(await driver.create(specOf(["/bin/true"])))).exit.kind, "code");
    process.kill(Number(launcher), "SIGKILL");
    assert.deepEqual(await sandbox.exited, { kind: "signal", signal: "SIGKILL", oom: false });
    await sandbox.destroy();
    // Slots that waited are replaced as they are found dead; those that were being made may be refused.
    await eventually("sandboxes start again", async () => {
      const next = await driver.create(specOf(["/bin/true"])).catch(() => undefined);
      return next !== undefined && (await ending(next)).exit.kind === "code";
    });
    await driver.close();
  });

  for (const round of [1, 2, 3]) crashTest(round);
}

/** Its number: they count up. */
function newestLink({ number }: Subject): number {
  const links = readdirSync("/proc/sys/net/ipv4/conf").filter((link) => link.startsWith(`ld${number}_`));
  return Math.max(...links.map((link) => Number(/\d+$/.exec(link)?.[0])));
}

function crashTest(round: number): void {
  test(`D4: after kill -9 nothing runs on, and the next start removes what is left (${round})`, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), "lambdad-crash-"));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    mkdirSync(join(directory, "private", "code"), { recursive: true });
    writeFileSync(join(directory, "private", "code", "file"), "");
    const instance = `t${systemRandom.hex(6)}`;
    const number = await crash(instance, { mounts: join(directory, "private", "code"), afterMs: 20 * round });

    const subject: Subject = { instance, ...testDirectories(instance), number };
    const left = census(subject);
    assert.ok(left.cgroups > 0 && left.files > 0 && left.filterLines > 1, "there was something to leave");
    assert.ok(left.disks > 0, "and a /tmp");
    await eventually("every process ends by itself", () => census(subject).processes === 0);
    await eventually("every loop device with them", () => census(subject).loopDevices === 0);
    await eventually("every link goes with its namespace", () => census(subject).links === 0);

    const successor = await bubblewrapForTest(instance);
    assert.equal(successor.number, number, "it takes over its predecessor's number");
    await successor.driver.close();
    const { filterLines, addresses: _, ...nothing } = census(subject);
    assert.deepEqual(nothing, {
      processes: 0,
      namespaces: 0,
      mounts: 0,
      cgroups: 0,
      links: 0,
      routes: 0,
      files: 0,
      disks: 0,
      loopDevices: 0,
    });
    assert.equal(filterLines, 1);
  });
}

/** Runs the victim and kills it in the middle of its work; resolves with the number it had. */
function crash(
  instance: string,
  when: { readonly mounts: string; readonly afterMs: number },
): Promise<number> {
  return new Promise((resolve, reject) => {
    const argv = ["--input-type=module-typescript", "--eval", victim, instance, when.mounts];
    const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
    let number: number | undefined;
    child.stdout.on("data", (chunk: Buffer) => {
      number ??= Number(chunk.toString("utf8"));
      setTimeout(() => child.kill("SIGKILL"), when.afterMs);
    });
    child.once("exit", () => (number === undefined ? reject(new Error("it never ran")) : resolve(number)));
  });
}
