/**
 * The laws that every driver keeps, as tests. A new driver starts green-field: run this until it passes. Laws about
 * separation and limits are in `bubblewrap/*.test.ts`, because they take a real kernel to break.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Driver, DriverError, type Sandbox, type SandboxSpec } from "./driver.ts";
import { background, ending, eventually, specOf, text } from "./suite-tools.ts";

/** Programs that the suite runs. What each does is in `shellPrograms`; a driver without a shell brings its own. */
export type SuiteProgram = keyof typeof shellPrograms;

export const shellPrograms = {
  /** Prints on all three outputs, exits with 3. */
  speak: "echo out; echo err >&2; echo frame >&3; exit 3",
  /** Prints its variable GREETING. */
  greet: 'echo "$GREETING"',
  /** Prints "ready" and runs until it is killed. */
  wait: "echo ready; while :; do sleep 60; done",
  /** Prints "ready"; on SIGTERM prints "bye" and exits with 7. */
  graceful: "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.01; done",
  /** Prints "ready", then "tick" again and again. */
  tick: "echo ready; while :; do echo tick; sleep 0.01; done",
  /** Prints 100,000 bytes, more than a pipe holds, and exits. */
  flood: "head -c 100000 /dev/zero | tr '\\0' x",
  /** Exits at once. */
  quit: ":",
} as const;

export interface SuiteSubject {
  /** A fresh driver, swept. The suite closes it. */
  readonly make: () => Promise<Driver>;
  readonly argv: (program: SuiteProgram) => readonly string[];
  /** Why it cannot run here. */
  readonly skip?: string | undefined;
}

export function shell(program: SuiteProgram): readonly string[] {
  return ["/bin/sh", "-c", shellPrograms[program]];
}

export function driverSuite(name: string, { make, argv, skip }: SuiteSubject): void {
  if (skip !== undefined) {
    test(`${name}: the driver suite`, (t) => t.skip(skip));
    return;
  }
  let driver: Driver;
  before(async () => {
    driver = await make();
  });
  after(() => driver.close());
  const spec = (program: SuiteProgram, over?: Partial<SandboxSpec>) => specOf(argv(program), over);

  test(`${name}: D5 outputs are complete when exited resolves with the program's code`, async () => {
    const sandbox = await driver.create(spec("speak"));
    assert.deepEqual(await ending(sandbox), {
      exit: { kind: "code", code: 3, oom: false },
      stdout: "out\n",
      stderr: "err\n",
      frames: "frame\n",
    });
  });

  test(`${name}: D5 output larger than a pipe arrives whole`, async () => {
    const { exit, stdout } = await ending(await driver.create(spec("flood")));
    assert.deepEqual(exit, { kind: "code", code: 0, oom: false });
    assert.equal(stdout, "x".repeat(100_000));
  });

  test(`${name}: the environment is the spec's`, async () => {
    const value = "a b\n'c' \"d\" $HOME ü";
    const { stdout } = await ending(await driver.create(spec("greet", { env: { GREETING: value } })));
    assert.equal(stdout, `${value}\n`);
  });

  test(`${name}: D3 destroy ends a running program, is idempotent, and may overlap itself`, async () => {
    const { sandbox } = await background(driver, spec("wait"));
    await Promise.all([sandbox.destroy(), sandbox.destroy()]);
    assert.deepEqual(await sandbox.exited, { kind: "signal", signal: "SIGKILL", oom: false });
    await sandbox.destroy();
  });

  test(`${name}: D5 exited keeps its value after destroy`, async () => {
    const sandbox = await driver.create(spec("speak"));
    const { exit } = await ending(sandbox);
    assert.deepEqual(await sandbox.exited, exit);
  });

  test(`${name}: D5 streams end also when nobody reads them`, async () => {
    const sandbox = await driver.create(spec("flood"));
    await sandbox.destroy();
    await sandbox.exited;
    assert.ok(sandbox.stdout.destroyed || sandbox.stdout.readableEnded);
  });

  test(`${name}: SIGTERM reaches the program, which may take its leave`, async () => {
    const { sandbox, line } = await background(driver, spec("graceful"));
    assert.equal(line, "ready");
    const rest = text(sandbox.stdout);
    sandbox.signal("SIGTERM");
    assert.deepEqual(await sandbox.exited, { kind: "code", code: 7, oom: false });
    assert.equal(await rest, "bye\n");
    await sandbox.destroy();
  });

  test(`${name}: SIGKILL ends the program`, async () => {
    const { sandbox } = await background(driver, spec("wait"));
    sandbox.signal("SIGKILL");
    assert.deepEqual(await sandbox.exited, { kind: "signal", signal: "SIGKILL", oom: false });
    await sandbox.destroy();
  });

  test(`${name}: after destroy, reads work, signals do nothing, and changes get one error`, async () => {
    const { sandbox } = await background(driver, spec("wait"));
    await sandbox.destroy();
    const usage = await sandbox.usage();
    assert.ok(usage.memoryPeakBytes >= 0);
    sandbox.signal("SIGKILL");
    await assert.rejects(
      sandbox.setCpus(1),
      (error) => error instanceof DriverError && error.code === "closed",
    );
  });

  test(`${name}: the CPU share of a running program can be changed`, async () => {
    const { sandbox } = await background(driver, spec("wait"));
    await sandbox.setCpus(0.25);
    await sandbox.setCpus(2);
    await sandbox.destroy();
  });

  test(`${name}: D6 what is frozen does nothing until it is thawed, and goes on then`, async () => {
    const { sandbox } = await background(driver, spec("tick"));
    const { sandbox: other } = await background(driver, spec("tick"));
    const ticks = ticksOf(sandbox);
    const others = ticksOf(other);
    await sandbox.freeze();
    await sandbox.freeze();
    await others.more(5); // what was on its way
    const before = ticks.count();
    await (driver.guarantees.freezes ? others : ticks).more(20);
    if (driver.guarantees.freezes) assert.equal(ticks.count(), before);
    await sandbox.thaw();
    await sandbox.thaw();
    await ticks.more(5);
    await Promise.all([sandbox.destroy(), other.destroy()]);
  });

  test(`${name}: D6 a signal to what is frozen acts at the thaw, and the end is told then`, async () => {
    const { sandbox } = await background(driver, spec("graceful"));
    await sandbox.freeze();
    sandbox.signal("SIGTERM");
    await sandbox.thaw();
    assert.deepEqual(await sandbox.exited, { kind: "code", code: 7, oom: false });
    await sandbox.destroy();
  });

  test(`${name}: D3, D6 what is frozen is destroyed as anything else`, async () => {
    const { sandbox } = await background(driver, spec("tick"));
    await sandbox.freeze();
    await sandbox.destroy();
    assert.deepEqual(await sandbox.exited, { kind: "signal", signal: "SIGKILL", oom: false });
    await assert.rejects(sandbox.thaw(), { name: "DriverError", code: "closed" });
  });

  test(`${name}: an id is given once among the living, and again after destroy`, async () => {
    const first = await driver.create(spec("wait", { id: "same" }));
    await assert.rejects(driver.create(spec("wait", { id: "same" })), { code: "spec" });
    await first.destroy();
    await (await driver.create(spec("quit", { id: "same" }))).destroy();
  });

  for (const [what, over] of Object.entries(malformed)) {
    test(`${name}: a spec with ${what} is refused`, async () => {
      await assert.rejects(driver.create(spec("quit", over)), { code: "spec" });
    });
  }

  test(`${name}: ten at once are ten programs`, async () => {
    const greetings = Array.from({ length: 10 }, (_, index) => `hello ${index}`);
    const sandboxes = greetings.map((greeting) =>
      driver.create(spec("greet", { env: { GREETING: greeting } })),
    );
    const endings = await Promise.all(sandboxes.map(async (sandbox) => ending(await sandbox)));
    assert.deepEqual(
      endings.map(({ stdout }) => stdout.trim()),
      greetings,
    );
  });

  test(`${name}: sweep of a driver in use destroys nothing of its own`, async () => {
    const { sandbox } = await background(driver, spec("graceful"));
    await driver.sweep();
    sandbox.signal("SIGTERM");
    assert.deepEqual(await sandbox.exited, { kind: "code", code: 7, oom: false });
    await sandbox.destroy();
  });

  test(`${name}: D3 close destroys what lives, also what is being made, and refuses more`, async () => {
    const closing = await make();
    const { sandbox } = await background(closing, spec("wait"));
    const late = closing.create(spec("wait")).then(
      (made) => made.exited,
      (error: unknown) => error,
    );
    await closing.close();
    assert.deepEqual(await sandbox.exited, { kind: "signal", signal: "SIGKILL", oom: false });
    const outcome = await late;
    assert.ok(outcome instanceof DriverError || (outcome as { kind: string }).kind === "signal");
    await assert.rejects(closing.create(spec("quit")), { code: "closed" });
    await closing.close();
  });
}

/** What a "tick" prints from now on. */
function ticksOf(sandbox: Sandbox) {
  let count = 0;
  sandbox.stdout.on("data", (chunk: Buffer) => (count += chunk.toString().split("tick").length - 1));
  return {
    count: () => count,
    async more(than: number) {
      const from = count;
      await eventually(`${than} more ticks`, () => count > from + than);
    },
  };
}

const malformed: Readonly<Record<string, Partial<SandboxSpec>>> = {
  "an id of other letters": { id: "../x" },
  "an id that is too long": { id: "x".repeat(41) },
  "no program": { argv: [] },
  "a zero byte in an argument": { argv: ["/bin/true", "a\0b"] },
  "arguments beyond all measure": { argv: ["/bin/true", "x".repeat(200_000)] },
  "a zero byte in a variable": { env: { A: "b\0--bind" } },
  "a variable without a name": { env: { "": "b" } },
  "a variable's name with =": { env: { "A=B": "c" } },
  "a relative working directory": { cwd: "tmp" },
  "a relative mount": { mounts: [{ source: "etc", target: "/opt" }] },
  "a mount that climbs": { mounts: [{ source: "/usr", target: "/opt/../etc" }] },
  "a mount over the root": { mounts: [{ source: "/usr", target: "/" }] },
  "a mount over /proc": { mounts: [{ source: "/usr", target: "/proc/self" }] },
  "a mount over /etc": { mounts: [{ source: "/usr", target: "/etc" }] },
  "too many mounts": {
    mounts: Array.from({ length: 65 }, (_, at) => ({ source: "/usr", target: `/opt/${at}` })),
  },
  "no memory": { memoryMb: 0 },
  "endless CPU": { cpus: Infinity },
};
