/** When an environment is frozen, and what thaws it: the environment and its Runtime API as they are, sandboxes as scripts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { invocation, payloadOf, stage, until } from "../../test/harness/runtime-stage.ts";
import type { Script, ScriptedRuntime } from "../../test/harness/scripted-runtime.ts";
import { forever, ScriptedDriver } from "../../test/harness/scripted-runtime.ts";
import { freezeDelayMs, shutdownExternalMs } from "../limits.ts";

/** Echoes, and notices when it gets an event although it is frozen. */
const echo: Script = async (runtime) => {
  for (;;) {
    const { requestId, body } = await runtime.next();
    assert.equal(runtime.isFrozen, false);
    await runtime.respond(requestId, body);
  }
};

test("an idle environment is frozen after a moment, also before its first invocation, and thawed for the next", async (t) => {
  const driver = new ScriptedDriver(echo);
  const { environment, clock } = await stage(t, driver, {
    spec: { initialization: "provisioned-concurrency" },
  });
  await environment.initialised;
  await clock.advance(freezeDelayMs - 1);
  assert.deepEqual(driver.freezing, []);
  await clock.advance(1);
  assert.deepEqual(driver.freezing, ["freeze"]);
  assert.equal(environment.status, "idle");
  await clock.advance(600_000);
  for (const id of ["1", "2"]) {
    const result = await environment.invoke(invocation(id, `"${id}"`));
    assert.deepEqual([payloadOf(result), result.durationMs], [`"${id}"`, 0]);
    await environment.settled();
  }
  assert.deepEqual(driver.freezing, ["freeze", "thaw"]);
  await clock.advance(freezeDelayMs);
  assert.deepEqual(driver.freezing, ["freeze", "thaw", "freeze"]);
});

test("nothing is frozen in INIT, while an invocation runs, or before the runtime has asked for more", async (t) => {
  const steps = Array.from({ length: 3 }, () => Promise.withResolvers<void>());
  const driver = new ScriptedDriver(async (runtime) => {
    await steps[0]?.promise;
    const { requestId } = await runtime.next();
    await steps[1]?.promise;
    await runtime.respond(requestId, "1");
    await steps[2]?.promise;
    await runtime.next();
  });
  const { environment, clock } = await stage(t, driver, { spec: { timeoutMs: 60_000 } });
  await until(() => driver.started.length === 1, "the runtime is started");
  await clock.advance(5000);
  steps[0]?.resolve();
  await environment.initialised;
  const running = environment.invoke(invocation("1"));
  await clock.advance(5000);
  steps[1]?.resolve();
  await running;
  await clock.advance(5000);
  assert.deepEqual(driver.freezing, []);
  steps[2]?.resolve();
  await environment.settled();
  await clock.advance(freezeDelayMs);
  assert.deepEqual(driver.freezing, ["freeze"]);
});

test("a streamed answer that is under way keeps its environment awake", async (t) => {
  const go = Promise.withResolvers<void>();
  const driver = new ScriptedDriver(async (runtime) => {
    const { requestId } = await runtime.next();
    const stream = runtime.stream(requestId);
    await stream.write("a");
    await go.promise;
    await stream.end();
    await runtime.next();
  });
  const { environment, clock } = await stage(t, driver, { spec: { timeoutMs: 60_000 } });
  await environment.initialised;
  const begun = Promise.withResolvers<void>();
  const running = environment.invoke({ ...invocation("1"), onStream: () => begun.resolve() });
  await begun.promise;
  await clock.advance(50_000);
  assert.deepEqual(driver.freezing, []);
  go.resolve();
  await running;
  await environment.settled();
});

test("a driver that does not freeze is not asked to", async (t) => {
  const driver = Object.assign(new ScriptedDriver(echo), {
    guarantees: { separated: false, limited: false, networked: false, freezes: false, missing: [] },
  });
  const { environment, clock } = await stage(t, driver);
  await environment.initialised;
  await clock.advance(600_000);
  assert.equal(payloadOf(await environment.invoke(invocation("1", "2"))), "2");
  assert.deepEqual(driver.freezing, []);
});

test("what dies while it is frozen is thawed to say so, and the next invocation starts another", async (t) => {
  const driver = new ScriptedDriver(async (runtime) => {
    // Its connection breaks; the process's end is heard when it is thawed.
    const socket = runtime.connect();
    socket.write("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n");
    await until(() => runtime.isFrozen, "it is frozen");
    socket.destroy();
    await runtime.exit({ kind: "signal", signal: "SIGKILL", oom: false });
  }, echo);
  const { environment, clock } = await stage(t, driver);
  await environment.initialised;
  await clock.advance(freezeDelayMs);
  await until(() => environment.status === "down", "its death is noticed");
  assert.deepEqual(driver.freezing, ["freeze", "thaw"]);
  assert.equal(payloadOf(await environment.invoke(invocation("1", "7"))), "7");
});

test("one that cannot be thawed ends its invocation, and the next one has another", async (t) => {
  const driver = new ScriptedDriver(async (runtime) => {
    await runtime.next();
    await forever;
  }, echo);
  const { environment, clock } = await stage(t, driver, {
    deps: {
      driver: Object.assign(Object.create(driver) as ScriptedDriver, {
        async create(spec: Parameters<ScriptedDriver["create"]>[0]) {
          const sandbox = await driver.create(spec);
          // As `safe` does it.
          const thaw = () => sandbox.destroy().then(() => Promise.reject(new Error("no")));
          return driver.started.length === 0 ? { ...sandbox, thaw } : sandbox; // it has not begun yet
        },
      }),
    },
  });
  await environment.initialised;
  await clock.advance(freezeDelayMs);
  const result = await environment.invoke(invocation("1"));
  assert.match(payloadOf(result), /Runtime exited with error: signal: killed/);
  await environment.settled();
  assert.equal(payloadOf(await environment.invoke(invocation("2", "7"))), "7");
});

test("a frozen environment without extensions is killed as it is", async (t) => {
  const driver = new ScriptedDriver(echo);
  const { environment, clock } = await stage(t, driver);
  await environment.initialised;
  await clock.advance(freezeDelayMs);
  await environment.shutdown();
  assert.deepEqual(driver.freezing, ["freeze"]);
  assert.equal(driver.destroyed, 1);
});

const extensionApi = "/2020-01-01/extension";

/** An internal extension that asks once. */
async function withExtension(runtime: ScriptedRuntime): Promise<void> {
  const { headers } = await runtime.call("POST", `${extensionApi}/register`, '{"events":["INVOKE"]}', {
    headers: { "Lambda-Extension-Name": "agent" },
  });
  const identifier = String(headers["lambda-extension-identifier"]);
  const own = { headers: { "Lambda-Extension-Identifier": identifier } };
  const next = () => runtime.call("GET", `${extensionApi}/event/next`, undefined, own);
  const asked = next();
  await Promise.all([echo(runtime), asked.then(() => forever)]);
}

test("while an extension works nothing is frozen, and what is frozen is thawed to hear of its end", async (t) => {
  const driver = new ScriptedDriver(withExtension);
  const { environment, clock } = await stage(t, driver);
  await environment.initialised;
  await clock.advance(freezeDelayMs);
  assert.deepEqual(driver.freezing, ["freeze"]);
  const { outcome } = await environment.invoke(invocation("1"));
  assert.equal(outcome.kind, "success");
  await clock.advance(2 * freezeDelayMs);
  assert.deepEqual(driver.freezing, ["freeze", "thaw"], "the extension has not asked for more");
  const gone = environment.shutdown();
  await clock.advance(shutdownExternalMs);
  await gone;

  const other = new ScriptedDriver(withExtension);
  const { environment: idle, clock: itsClock } = await stage(t, other);
  await idle.initialised;
  await itsClock.advance(freezeDelayMs);
  const ended = idle.shutdown();
  await itsClock.advance(shutdownExternalMs);
  await ended;
  assert.deepEqual(other.freezing, ["freeze", "thaw"]);
});
