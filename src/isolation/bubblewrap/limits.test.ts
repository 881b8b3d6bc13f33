/** D2 and D3 against programs that want more than they were given, or will not go. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { systemRandom } from "../../base/random.ts";
import type { SandboxSpec } from "../driver.ts";
import {
  background,
  bubblewrapForTest,
  ending,
  eventually,
  sandboxesUntestable,
  specOf,
  type TestDriver,
} from "../suite-tools.ts";
import { census, commandLines } from "./census.ts";

const skip = sandboxesUntestable();

if (skip !== undefined) test("D2: limits", (t) => t.skip(skip));
else limits();

function limits(): void {
  let subject: TestDriver;
  before(async () => {
    subject = await bubblewrapForTest();
  });
  after(() => subject.driver.close());

  const python = (program: string, over?: Partial<SandboxSpec>) =>
    specOf(["/usr/bin/python3", "-c", program], over);
  const run = async (program: string, over?: Partial<SandboxSpec>) =>
    ending(await subject.driver.create(python(program, over)));

  test("D2: a fork bomb stops at the limit of processes, and destroy ends all of it", async () => {
    const program = `
import os, time
made = 0
try:
    while made < 10000:
        if os.fork() == 0: time.sleep(1000)
        made += 1
except OSError as e:
    print(made, e.strerror, flush=True)
time.sleep(1000)`;
    const { sandbox, line } = await background(subject.driver, python(program, { processesMax: 50 }));
    assert.equal(line, "49 Resource temporarily unavailable");
    await sandbox.destroy();
    assert.deepEqual(await sandbox.exited, { kind: "signal", signal: "SIGKILL", oom: false });
  });

  test("D2: a fork bomb that never stops forking cannot outrun destroy", async () => {
    const program = `
import os
print('ready', flush=True)
while True:
    try: os.fork()
    except OSError: pass`;
    const { sandbox } = await background(subject.driver, python(program, { processesMax: 200, cpus: 0.5 }));
    await sandbox.destroy();
    await sandbox.exited;
  });

  test("D2: /tmp ends at its limit with ENOSPC", async () => {
    const program = `
written = 0
try:
    with open('/tmp/big', 'wb', buffering=0) as f:
        while written < 1 << 28: written += f.write(bytes(1 << 20))
except OSError as e:
    print(written >> 20, e.strerror)`;
    const { stdout } = await run(program, { tmpBytesMax: 8 << 20, memoryMb: 256 });
    assert.match(stdout, /^[78] No space left on device\n$/);
  });

  test("D2: who wants more memory than its limit is killed, and the kernel says why", async () => {
    const { exit, stdout } = await run("x = bytearray(600_000_000); print('ESCAPED')", { memoryMb: 128 });
    assert.deepEqual(
      { exit, stdout },
      { exit: { kind: "signal", signal: "SIGKILL", oom: true }, stdout: "" },
    );
  });

  test("D2: memory below the limit is given", async () => {
    const { exit, stdout } = await run("x = bytearray(90_000_000); print('fits')", { memoryMb: 128 });
    assert.deepEqual({ exit, stdout }, { exit: { kind: "code", code: 0, oom: false }, stdout: "fits\n" });
  });

  test("D2: open files end at the limit", async () => {
    const program = `
files = []
try:
    while True: files.append(open('/dev/null'))
except OSError as e:
    print(3 + 1 + len(files), e.strerror)`;
    const { stdout } = await run(program, { openFilesMax: 100 });
    assert.match(stdout, /^(99|100|101) Too many open files\n$/);
  });

  test("D2: the CPU share is the spec's, and changes while the program runs", async () => {
    const { sandbox } = await background(
      subject.driver,
      python("print('x', flush=True); input()", { cpus: 0.5 }),
    );
    assert.deepEqual(cpuShares(subject.instance), [0.5]);
    await sandbox.setCpus(0.0723); // 128 MB
    assert.deepEqual(cpuShares(subject.instance), [0.0723]);
    await sandbox.setCpus(6);
    assert.deepEqual(cpuShares(subject.instance), [6]);
    await sandbox.destroy();
    assert.deepEqual(cpuShares(subject.instance), []);
  });

  const daemon = `
import os, signal, sys, time
for s in range(1, 65):
    try: signal.signal(s, signal.SIG_IGN)
    except (OSError, ValueError): pass
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(1000)
    os._exit(0)
print('ready', flush=True)
if sys.argv[1] == 'stay': time.sleep(1000)`;

  for (const mode of ["stay", "leave"]) {
    test(`D3: daemons that ignore every signal are gone after destroy (the program would ${mode})`, async () => {
      const marker = `daemon-${systemRandom.hex(6)}`;
      const argv = ["/usr/bin/python3", "-c", daemon, mode, marker];
      const sandbox = await subject.driver.create(specOf(argv));
      for (const stream of [sandbox.stderr, sandbox.frames]) stream.resume();
      const ready = new Promise((resolve) => sandbox.stdout.once("data", resolve));
      await ready;
      if (mode === "leave") assert.deepEqual(await sandbox.exited, { kind: "code", code: 0, oom: false });
      else
        assert.ok(
          commandLines().some((line) => line.includes(marker)),
          "the detector sees it alive",
        );
      await sandbox.destroy();
      assert.deepEqual(
        commandLines().filter((line) => line.includes(marker)),
        [],
      );
    });
  }

  test("D3: destroy right after create, and twice at once, leaves nothing", async () => {
    const sandboxes = await Promise.all(
      Array.from({ length: 4 }, () => subject.driver.create(python("import time; time.sleep(1000)"))),
    );
    await Promise.all(sandboxes.flatMap((sandbox) => [sandbox.destroy(), sandbox.destroy()]));
    await eventually("only waiting slots are left", () => {
      const { processes, links, cgroups } = census(subject);
      return processes === links && cgroups % links === 0;
    });
  });
}

/** Of groups that are limited, in CPUs: what the kernel has written down. */
function cpuShares(instance: string): readonly number[] {
  const parents = ["cpu", "cpu,cpuacct", ""].map((name) => join("/sys/fs/cgroup", name, "lambdad", instance));
  const parent = parents.find((path) => existsSync(path)) ?? "";
  const groups = readdirSync(parent, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return groups.map(({ name }) => cpuShare(join(parent, name))).filter((share) => share > 0);
}

function cpuShare(group: string): number {
  const [quota, period] = existsSync(join(group, "cpu.max"))
    ? readFileSync(join(group, "cpu.max"), "utf8").split(" ")
    : ["cpu.cfs_quota_us", "cpu.cfs_period_us"].map((file) => readFileSync(join(group, file), "utf8"));
  return Number(quota) / Number(period);
}
