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
  testDirectories,
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

  const filler = `
written = 0
try:
    with open('/tmp/big', 'wb', buffering=0) as f:
        while True: written += f.write(bytes(1 << 20))
except OSError as e:
    print(written >> 20, e.strerror)`;

  for (const mb of [512, 1000]) {
    test(`D2: /tmp of ${mb} MB ends there with ENOSPC, and is not memory`, async () => {
      const { exit, stdout } = await run(filler, { tmpBytesMax: mb << 20, memoryMb: 128 });
      assert.deepEqual(exit, { kind: "code", code: 0, oom: false });
      const [, writtenMb] = /^(\d+) No space left on device\n$/.exec(stdout) ?? [];
      assert.ok(Number(writtenMb) >= mb && Number(writtenMb) <= mb * 1.05, stdout);
    });
  }

  test("D2: where there are no disks, /tmp is memory of its own size, and that is said", async (t) => {
    const instance = `t${systemRandom.hex(6)}`;
    const directories = { ...testDirectories(instance), diskDir: "/dev/null/disks" };
    const { driver } = await bubblewrapForTest(instance, directories);
    t.after(() => driver.close());
    assert.match(
      driver.guarantees.missing.join(),
      /^Functions have their \/tmp in memory[^]*loop devices and e2fsprogs/,
    );
    const { stdout } = await ending(await driver.create(python(filler, { tmpBytesMax: 8 << 20 })));
    assert.match(stdout, /^[78] No space left on device\n$/);
  });

  test("D2: /tmp ends with ENOSPC also when it is full of empty files", async () => {
    const program = `
import os
try:
    for n in range(10**6): os.close(os.open('/tmp/%d' % n, os.O_CREAT | os.O_WRONLY))
except OSError as e:
    print(n > 1000, e.strerror)`;
    const { stdout } = await run(program, { tmpBytesMax: 64 << 20 });
    assert.equal(stdout, "True No space left on device\n");
  });

  test("D1: /tmp is empty, and shows nothing of the machine but its own device", async () => {
    const program = `
import os
mounts = [line.split() for line in open('/proc/self/mountinfo')]
own = [m for m in mounts if m[4] == '/tmp']
print(os.listdir('/tmp'), len(own), sorted(set(own[0][5].split(',')) & {'rw', 'nosuid', 'nodev'}), own[0][3])
print([m[4] for m in mounts if 'loop' in ' '.join(m) and m[4] != '/tmp'], os.path.exists('/dev/loop0'))`;
    const { stdout } = await run(program);
    assert.equal(stdout, "[] 1 ['nodev', 'nosuid', 'rw'] /\n[] False\n");
  });

  test("a named /tmp is found by the next sandbox as it was, until it is removed", async () => {
    const tmpName = `tmp-${systemRandom.hex(4)}`;
    const write =
      "import os; open('/tmp/a', 'w').write('kept'); os.chmod('/tmp/a', 0o600); os.mkdir('/tmp/b')";
    await run(write, { tmpName });
    const read =
      "import os; print(sorted(os.listdir('/tmp')), os.path.exists('/tmp/a') and open('/tmp/a', 'r+').read())";
    assert.equal((await run(read, { tmpName })).stdout, "['a', 'b'] kept\n");
    assert.equal((await run(read)).stdout, "[] False\n", "and by no other");
    await subject.driver.removeTmp?.(tmpName);
    await subject.driver.removeTmp?.(tmpName);
    assert.equal((await run(read, { tmpName })).stdout, "[] False\n");
    await subject.driver.removeTmp?.(tmpName);
  });

  test("a named /tmp waits for the sandbox that has it", async () => {
    const tmpName = `tmp-${systemRandom.hex(4)}`;
    const write =
      "import time; open('/tmp/a', 'w').write('kept'); print('ready', flush=True); time.sleep(1000)";
    const { sandbox } = await background(subject.driver, python(write, { tmpName }));
    const next = run("print(open('/tmp/a').read())", { tmpName });
    await sandbox.destroy();
    assert.equal((await next).stdout, "kept\n");
    await subject.driver.removeTmp?.(tmpName);
  });

  test("D3: the next one in a named /tmp has the address, and finds no process or socket of the last one's", async () => {
    const tmpName = `tmp-${systemRandom.hex(4)}`;
    const listen = "import os, socket, time; s = socket.socket(); s.bind(('', 8080)); s.listen(); ";
    const daemon = "os.fork() or os.setsid(); print('ready', flush=True); time.sleep(1000)";
    const { sandbox } = await background(subject.driver, python(listen + daemon, { tmpName }));
    await sandbox.destroy();
    const look =
      "print(sorted(filter(str.isdigit, os.listdir('/proc'))), open('/proc/net/tcp').read().count(':1F90 '))";
    const next = await subject.driver.create(python(listen + look, { tmpName }));
    assert.equal(next.address, sandbox.address);
    assert.equal((await ending(next)).stdout, "['1', '2'] 1\n", "reaper, program, and its own socket");
    await subject.driver.removeTmp?.(tmpName);
    const other = await subject.driver.create(python("", { tmpName }));
    assert.notEqual(other.address, sandbox.address, "addresses rest");
    await ending(other);
    await subject.driver.removeTmp?.(tmpName);
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
