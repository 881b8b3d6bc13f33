import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import { driverSuite, type SuiteProgram } from "../driver.suite.ts";
import { safe } from "../safe.ts";
import { ending, specOf } from "../suite-tools.ts";
import { createFakeDriver, type FakeProgram } from "./fake.ts";

const programs: Readonly<Record<SuiteProgram, FakeProgram>> = {
  async speak({ write }) {
    write("stdout", "out\n");
    write("stderr", "err\n");
    write("frames", "frame\n");
    return 3;
  },
  async greet({ spec, write }) {
    write("stdout", `${spec.env["GREETING"]}\n`);
    return 0;
  },
  wait({ write }) {
    write("stdout", "ready\n");
    return new Promise(() => {});
  },
  async graceful({ write, terminated }) {
    write("stdout", "ready\n");
    await new Promise((resolve) => terminated.addEventListener("abort", resolve));
    write("stdout", "bye\n");
    return 7;
  },
  async tick(self) {
    self.write("stdout", "ready\n");
    while (!self.killed.aborted) {
      if (!self.isFrozen) self.write("stdout", "tick\n");
      await systemClock.sleep(1);
    }
    return 0;
  },
  async flood({ write }) {
    write("stdout", "x".repeat(100_000));
    return 0;
  },
  async quit() {
    return 0;
  },
};

driverSuite("fake", {
  make: async () => safe(createFakeDriver(programs), silentLogger),
  argv: (program) => [program],
});

test("fake: a killed program is cut off", async () => {
  const driver = createFakeDriver({
    async stubborn({ write, killed }) {
      await new Promise((resolve) => killed.addEventListener("abort", resolve));
      write("stdout", "still here");
      return 0;
    },
  });
  const sandbox = await driver.create(specOf(["stubborn"]));
  sandbox.signal("SIGKILL");
  const { exit, stdout } = await ending(sandbox);
  assert.deepEqual(exit, { kind: "signal", signal: "SIGKILL", oom: false });
  assert.equal(stdout, "");
  assert.equal(driver.living.size, 0);
});

test("fake: a program that throws exits with 1, and one may end as it likes", async () => {
  const driver = createFakeDriver({
    throws: () => Promise.reject(new Error("x")),
    oom: async () => ({ kind: "signal", signal: "SIGKILL", oom: true }),
  });
  const first = await ending(await driver.create(specOf(["throws"])));
  assert.deepEqual(first.exit, { kind: "code", code: 1, oom: false });
  const second = await ending(await driver.create(specOf(["oom"])));
  assert.deepEqual(second.exit, { kind: "signal", signal: "SIGKILL", oom: true });
});

test("fake: sandboxes have addresses of their own", async () => {
  const driver = createFakeDriver(programs);
  const one = await driver.create(specOf(["wait"]));
  const two = await driver.create(specOf(["wait"]));
  assert.notEqual(one.address, two.address);
  assert.equal(driver.living.size, 2);
  await driver.close();
  assert.equal(driver.living.size, 0);
});
