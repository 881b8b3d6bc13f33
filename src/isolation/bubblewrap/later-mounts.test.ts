/** Waiting sandboxes: what comes into them while their program runs, what does not, and that nothing of it stays. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { DriverError, type SandboxSpec, type WaitingSandbox } from "../driver.ts";
import {
  bubblewrapForTest,
  ending,
  eventually,
  sandboxesUntestable,
  specOf,
  temporaryDirectory,
  type TestDriver,
} from "../suite-tools.ts";
import { census } from "./census.ts";
import { laterMounts } from "./later-mounts.ts";

test("placeholders within others are told apart", () => {
  const later = laterMounts("/run/x/later", ["/var/task", "/opt", "/var/task/lib", "/opt/lib"]);
  assert.deepEqual(later, {
    directory: "/run/x/later",
    outer: ["/var/task", "/opt"],
    inner: ["/var/task/lib", "/opt/lib"],
    mounts: [
      { source: "/run/x/later/var/task", target: "/var/task" },
      { source: "/run/x/later/opt", target: "/opt" },
    ],
  });
});

const skip = sandboxesUntestable();

if (skip !== undefined) test("waiting sandboxes", (t) => t.skip(skip));
else waitingSandboxes();

const placeholders = ["/var/task", "/opt", "/var/task/lib", "/opt/lib"];
const change = { memoryMb: 128, cpus: 1 };

function waitingSandboxes(): void {
  let subject: TestDriver;
  before(async () => {
    subject = await bubblewrapForTest();
  });
  after(() => subject.driver.close());

  async function waiting(spec: SandboxSpec): Promise<WaitingSandbox> {
    const sandbox = await subject.driver.createWaiting?.(spec, placeholders);
    assert.ok(sandbox, "as root there are waiting sandboxes");
    return sandbox;
  }

  /** A shell in a waiting sandbox that runs `look` as soon as `go` is called. */
  async function looker(t: TestContext, look: string) {
    const signals = temporaryDirectory(t);
    chmodSync(signals, 0o755);
    const script = `ls /opt /var/task; while ! [ -e /var/signals/go ]; do sleep 0.01; done; ${look}`;
    const mounts = [{ source: signals, target: "/var/signals" }];
    const sandbox = await waiting(specOf(["/bin/sh", "-c", script], { mounts, memoryMb: 1024 }));
    // `ls` has printed what it sees before anything changes.
    await once(sandbox.stdout, "readable");
    return { sandbox, go: () => writeFileSync(join(signals, "go"), "") };
  }

  function code(t: TestContext, text: string): string {
    const directory = join(temporaryDirectory(t), "sha"); // below a directory that others may not enter
    mkdirSync(directory, { mode: 0o755 });
    writeFileSync(join(directory, "code"), text, { mode: 0o755 });
    return directory;
  }

  test("D1: code comes into the one sandbox that it is meant for, read-only, nosuid and nodev", async (t) => {
    const look =
      "cat /var/task/code; touch /var/task/new; grep ' /var/task ' /proc/self/mountinfo | tail -n 1";
    const one = await looker(t, look);
    const other = await looker(t, "ls -A /var/task /opt");
    await one.sandbox.specialise({ ...change, mounts: [{ source: code(t, "mine\n"), target: "/var/task" }] });
    await other.sandbox.specialise({ ...change, mounts: [] });
    one.go();
    other.go();
    const seen = await ending(one.sandbox);
    const lines = seen.stdout.split("\n");
    // What `ls` lists before: the placeholders that lie in others.
    assert.deepEqual(lines.slice(0, 5), ["/opt:", "lib", "", "/var/task:", "lib"]);
    assert.equal(lines[5], "mine");
    assert.match(lines[6] ?? "", / \/var\/task ro,nosuid,nodev/);
    assert.match(seen.stderr, /Read-only file system/);
    assert.match((await ending(other.sandbox)).stdout, /lib\n\/opt:\n\n\/var\/task:\n$/);
  });

  test("what is not used looks as in a sandbox that was made at once", async (t) => {
    const look = "stat -c '%n %u %g %a %F' /opt; ls -A /opt; umount /opt; mkdir /opt/x";
    const { sandbox, go } = await looker(t, look);
    await sandbox.specialise({ ...change, mounts: [{ source: code(t, ""), target: "/var/task" }] });
    go();
    const { stdout, stderr } = await ending(sandbox);
    const fresh = await ending(await subject.driver.create(specOf(["/bin/sh", "-c", look])));
    assert.equal(stdout.slice(stdout.indexOf("/opt 993")), fresh.stdout);
    assert.equal(fresh.stdout, "/opt 993 990 755 directory\n");
    assert.equal(stderr.split("\n").filter((line) => line.includes("Read-only")).length, 1);
  });

  test("D2: the limits are those of the specialisation", async (t) => {
    const grow = "x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo alive";
    const { sandbox, go } = await looker(t, grow);
    await sandbox.specialise({ ...change, mounts: [] });
    go();
    const { exit, stdout } = await ending(sandbox);
    assert.doesNotMatch(stdout, /alive/);
    assert.equal(exit.oom, true);
  });

  test("a source that is not there, or that others may not read, is refused, and the sandbox ends", async (t) => {
    const secret = join(temporaryDirectory(t), "secret");
    mkdirSync(secret, { mode: 0o700 });
    for (const source of [secret, "/nowhere/at/all"]) {
      const sandbox = await waiting(specOf(["/bin/sleep", "1000"]));
      const refused = sandbox.specialise({ ...change, mounts: [{ source, target: "/opt" }] });
      await assert.rejects(refused, (error) => error instanceof DriverError && error.code === "spec");
      assert.deepEqual(await sandbox.exited, { kind: "signal", signal: "SIGKILL", oom: false });
    }
  });

  test("D3: destroying waiting sandboxes, at any time, leaves nothing", async (t) => {
    const source = code(t, "");
    const mounts = [{ source, target: "/var/task" }];
    await (await waiting(specOf(["/bin/true"]))).destroy();
    const settled = () => {
      const { processes, links, mounts: staged, namespaces } = census(subject);
      return { processes, links, staged, namespaces };
    };
    await eventually("only the usual slots are left", () => settled().processes === settled().links);
    const warmed = await waiting(specOf(["/bin/sleep", "1000"]));
    await warmed.specialise({ ...change, mounts }); // the stage keeps the source's mount
    await warmed.destroy();
    const before = settled();
    const sandboxes = await Promise.all(
      Array.from({ length: 4 }, () => waiting(specOf(["/bin/sleep", "1000"]))),
    );
    assert.ok(settled().processes > before.processes, "the detector sees them");
    const [first, second, third, fourth] = sandboxes;
    await first?.specialise({ ...change, mounts });
    const cut = second?.specialise({ ...change, mounts });
    await Promise.all([first?.destroy(), second?.destroy(), cut?.catch(() => {}), third?.destroy()]);
    await fourth?.destroy();
    assert.deepEqual(settled(), before);
    assert.equal(execFileSync("ls", ["-A", join(subject.stageDir, "later")], { encoding: "utf8" }), "");
  });

  test("a program that ends while it waits is told as any other", async () => {
    const sandbox = await waiting(specOf(["/bin/sh", "-c", "echo gone; exit 4"]));
    const { exit, stdout } = await ending(sandbox);
    assert.deepEqual(exit, { kind: "code", code: 4, oom: false });
    assert.equal(stdout, "gone\n");
    await assert.rejects(sandbox.specialise({ ...change, mounts: [] }), DriverError);
  });

  test("a program finds no descriptor of the helper's", async () => {
    const spec = specOf(["/bin/sh", "-c", "ls /proc/self/fd"]);
    assert.equal(
      (await ending(await waiting(spec))).stdout,
      (await ending(await subject.driver.create(spec))).stdout,
    );
  });
}
