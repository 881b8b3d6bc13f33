/** Environments that take a waiting runtime: how it becomes theirs, and that one which fails fails nobody. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { invocation, payloadOf, stage } from "../../test/harness/runtime-stage.ts";
import { forever, type Script, ScriptedDriver } from "../../test/harness/scripted-runtime.ts";
import type { SandboxSpec } from "../isolation/driver.ts";
import type { RuntimePort } from "./api/runtime-port.ts";
import type { WaitingRuntime } from "./waiting-runtime.ts";

const answering =
  (answer: string): Script =>
  async (runtime) => {
    for (;;) {
      const { requestId } = await runtime.next();
      await runtime.respond(requestId, answer);
    }
  };

type Become = (spec: SandboxSpec, port: RuntimePort, gone: Promise<unknown>) => Promise<void>;

/** One runtime waits, and `become` is what comes of it; the plain ones answer "plain". */
async function waitingStage(t: TestContext, become: Become) {
  const driver = new ScriptedDriver(answering('"plain"'));
  const sandbox = await new ScriptedDriver(() => forever).create({
    ...{ id: "waiting", argv: ["/bin/true"], env: {}, cwd: "/", mounts: [], network: "outside" },
    ...{ memoryMb: 1, cpus: 1, processesMax: 1, openFilesMax: 1, tmpBytesMax: 1 },
  });
  const log = {
    destroyed: 0,
    taken: 0,
    became: [] as SandboxSpec[],
    /** The waiting runtime ends. */
    crash: () => sandbox.destroy(),
  };
  const waiting: WaitingRuntime = {
    sandbox,
    endpoint: {
      authority: "169.254.100.1:9001",
      mount: { source: "/run/api/waiting", target: "/run/lambdad" },
      socketPath: "/run/lambdad/s",
      assign: () => undefined,
      admit: () => undefined,
      close: async () => undefined,
    },
    become(spec, port) {
      log.became.push(spec);
      return become(spec, port, sandbox.exited);
    },
    destroy() {
      log.destroyed += 1;
      return sandbox.destroy();
    },
  };
  const warm = { take: () => (log.taken++ === 0 ? waiting : undefined) };
  const made = await stage(t, driver, { deps: { warm }, spec: { variables: { OWN: "1" } } });
  return { ...made, log };
}

const refuses: Become = () => Promise.reject(new Error("no mount"));

test("a waiting runtime gets the variables, limits and mounts of a start with its own Runtime API", async (t) => {
  const { environment, log, driver } = await waitingStage(t, async (_spec, port) => {
    port.poll({ deliver: () => undefined, onLost: undefined });
  });
  await environment.initialised;
  assert.equal(environment.status, "idle");
  assert.equal(driver.started.length, 0, "no sandbox was made");
  const [spec] = log.became;
  assert.equal(spec?.env["OWN"], "1");
  assert.equal(spec?.env["AWS_LAMBDA_RUNTIME_API"], "169.254.100.1:9001");
  assert.equal(spec?.memoryMb, 128);
  const targets = spec?.mounts.map(({ target }) => target);
  assert.deepEqual(targets, ["/var/runtime", "/var/task", "/run/lambdad"]);
});

test("one that cannot become it is destroyed, and a runtime is started plain, without an error", async (t) => {
  const { environment, log, driver, lines } = await waitingStage(t, refuses);
  await environment.initialised;
  const result = await environment.invoke(invocation("a"));
  assert.equal(payloadOf(result), '"plain"');
  assert.deepEqual([log.taken, log.destroyed, driver.started.length], [1, 1, 1]);
  assert.equal(lines().filter((line) => line.startsWith("INIT_START")).length, 1);
});

test("an environment that is shut down while a runtime becomes its own leaves nothing", async (t) => {
  const begun = Promise.withResolvers<void>();
  const { environment, driver, log } = await waitingStage(t, async (_spec, _port, gone) => {
    begun.resolve();
    await gone;
    throw new Error("it went");
  });
  await begun.promise;
  await environment.shutdown();
  assert.deepEqual([log.destroyed, driver.started.length], [1, 0]);
});

test("a runtime that is started again is none that waited: those have a /tmp of their own", async (t) => {
  const { environment, log, driver } = await waitingStage(t, async (_spec, port) => {
    port.poll({ deliver: () => undefined, onLost: undefined });
  });
  await environment.initialised;
  const crashed = environment.invoke(invocation("a"));
  await log.crash();
  assert.equal((await crashed).outcome.kind, "crash");
  await environment.settled();
  assert.equal(payloadOf(await environment.invoke(invocation("b"))), '"plain"');
  assert.deepEqual([log.taken, driver.started.length], [1, 1]);
});
