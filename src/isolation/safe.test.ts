import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { silentLogger } from "../base/logger.ts";
import { type Driver, DriverError, type Exit, type Sandbox } from "./driver.ts";
import { safe } from "./safe.ts";
import { specOf } from "./suite-tools.ts";

interface Scripted {
  readonly driver: Driver;
  /** Calls that reached the driver's own sandbox, in order: "begin x", "end x". */
  readonly calls: string[];
}

function scripted(failing: "setCpus" | "thaw" | "destroy" | "create" | "nothing" = "nothing"): Scripted {
  const calls: string[] = [];
  const step = async (name: string) => {
    calls.push(`begin ${name}`);
    await new Promise((resolve) => setImmediate(resolve));
    if (failing === name) throw new Error(`${name} fails`);
    calls.push(`end ${name}`);
  };
  const exit: Exit = { kind: "code", code: 0, oom: false };
  const sandbox = (id: string): Sandbox => ({
    id,
    address: "169.254.1.1",
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    frames: new PassThrough(),
    exited: Promise.resolve(exit),
    usage: () => step("usage").then(() => ({ memoryPeakBytes: 1 })),
    setCpus: () => step("setCpus"),
    freeze: () => step("freeze"),
    thaw: () => step("thaw"),
    signal: (name) => void calls.push(name),
    destroy: () => step("destroy"),
  });
  const inner: Driver = {
    name: "fake",
    guarantees: { separated: true, limited: true, networked: true, freezes: true, missing: [] },
    hostAddress: "127.0.0.1",
    resolve: (_mounts, path) => path,
    create: (spec) => step("create").then(() => sandbox(spec.id)),
    sweep: () => step("sweep"),
    close: () => step("close"),
  };
  return { driver: safe(inner, silentLogger), calls };
}

test("calls on one sandbox run one after another", async () => {
  const { driver, calls } = scripted();
  const sandbox = await driver.create(specOf(["x"]));
  calls.length = 0;
  await Promise.all([sandbox.setCpus(1), sandbox.usage(), sandbox.setCpus(2)]);
  assert.deepEqual(calls, [
    "begin setCpus",
    "end setCpus",
    "begin usage",
    "end usage",
    "begin setCpus",
    "end setCpus",
  ]);
});

test("D3: destroy happens once, at once, and calls that waited get the one error", async () => {
  const { driver, calls } = scripted();
  const sandbox = await driver.create(specOf(["x"]));
  calls.length = 0;
  const first = sandbox.setCpus(1);
  const second = sandbox.setCpus(2);
  const gone = Promise.all([sandbox.destroy(), sandbox.destroy()]);
  await assert.rejects(second, { name: "DriverError", code: "closed" });
  await Promise.allSettled([first, gone]);
  assert.equal(calls.filter((call) => call === "begin destroy").length, 1);
  sandbox.signal("SIGTERM");
  assert.ok(!calls.includes("SIGTERM"));
  assert.deepEqual(await sandbox.usage(), { memoryPeakBytes: 1 });
});

test("D6: freeze and thaw keep their order, and one that cannot be thawed is destroyed", async () => {
  const { driver, calls } = scripted("thaw");
  const sandbox = await driver.create(specOf(["x"]));
  calls.length = 0;
  const frozen = sandbox.freeze();
  await assert.rejects(sandbox.thaw(), { name: "DriverError", message: "thaw fails" });
  await frozen;
  assert.deepEqual(calls, ["begin freeze", "end freeze", "begin thaw", "begin destroy", "end destroy"]);
  await assert.rejects(sandbox.freeze(), { code: "closed" });
});

test("a sandbox whose limits could not be changed is destroyed", async () => {
  const { driver, calls } = scripted("setCpus");
  const sandbox = await driver.create(specOf(["x"]));
  await assert.rejects(sandbox.setCpus(1), { name: "DriverError", message: "setCpus fails" });
  assert.ok(calls.includes("end destroy"));
  await assert.rejects(sandbox.setCpus(1), { code: "closed" });
});

test("an id whose sandbox could not be taken down is not given again", async () => {
  const { driver } = scripted("destroy");
  const sandbox = await driver.create(specOf(["x"], { id: "stuck" }));
  await assert.rejects(sandbox.destroy(), { name: "DriverError", message: "destroy fails" });
  await assert.rejects(driver.create(specOf(["x"], { id: "stuck" })), { code: "spec" });
});

test("whatever a driver throws is a DriverError, and the id is free again", async () => {
  const { driver } = scripted("create");
  const spec = specOf(["x"]);
  for (const _ of [1, 2]) {
    await assert.rejects(
      driver.create(spec),
      (error) => error instanceof DriverError && error.code === "launch" && error.message === "create fails",
    );
  }
});

test("close happens once, waits for what is being made, and then refuses", async () => {
  const { driver, calls } = scripted();
  const made = driver.create(specOf(["x"]));
  await Promise.all([driver.close(), driver.close()]);
  await made;
  assert.deepEqual(calls, ["begin create", "end create", "begin close", "end close"]);
  await assert.rejects(driver.create(specOf(["x"])), { code: "closed" });
});
