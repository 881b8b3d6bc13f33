import assert from "node:assert/strict";
import { test } from "node:test";
import { versionSpec } from "../../test/harness/fake-environment.ts";
import { fixedCatalog, until } from "../../test/harness/runtime-stage.ts";
import { createSimClock } from "../base/clock-sim.ts";
import { silentLogger } from "../base/logger.ts";
import { seededRandom } from "../base/random.ts";
import type { FakeProcess } from "../isolation/fake/fake.ts";
import { createFakeDriver } from "../isolation/fake/fake.ts";
import { memoryReadingAgeMsMax } from "../limits.ts";
import type { RuntimePort } from "./api/runtime-port.ts";
import type { RuntimeApi } from "./api/server.ts";
import { EnvironmentOutput } from "./output.ts";
import { PresentRuntime } from "./present-runtime.ts";

const MiB = 1024 * 1024;
const spec = versionSpec();

/** Of the Runtime API nothing is used here. */
const api: RuntimeApi = {
  open: async (id) => ({
    authority: `host:${id}`,
    mount: { source: `/api/${id}`, target: "/run/lambdad" },
    socketPath: "/run/lambdad/s",
    assign: () => undefined,
    admit: () => undefined,
    close: async () => undefined,
  }),
  close: async () => undefined,
};

async function staged() {
  const clock = createSimClock();
  const programs: FakeProcess[] = [];
  const ends = new Map<FakeProcess, (code: number) => void>();
  const removed: string[] = [];
  const fake = createFakeDriver({
    runtime: (self) => {
      programs.push(self);
      return new Promise((resolve) => ends.set(self, resolve));
    },
  });
  const driver = { ...fake, removeTmp: async (name: string) => void removed.push(name) };
  const stream = { account: "1", region: "r", group: "g", stream: "s" };
  const log = new EnvironmentOutput({ clock, sink: { append: () => undefined }, stream, format: spec });
  const told: string[] = [];
  const network = "outside";
  const credentials = () => ({ accessKeyId: "a", secretAccessKey: "b", sessionToken: "c" });
  const runtime = new PresentRuntime(
    {
      ...{ clock, random: seededRandom(1), logger: silentLogger, driver, api },
      ...{ endpointUrl: "", network, credentials },
    },
    { id: "e", spec, logStream: "s", log },
    {
      onLaunched: () => void told.push("launched"),
      onExtensionsReady: () => void told.push("ready"),
      onExtensionFailed: ({ errorType }) => void told.push(errorType),
      onEnded: ({ kind }) => void told.push(kind),
    },
  );
  const plan = await fixedCatalog.plan("");
  const prepared = { plan, mounts: [], argv: ["runtime"], extensions: [] };
  /** Nobody calls. */
  const port: RuntimePort = {
    ...{ spec, extensions: runtime.extensions, ownPorts: [] },
    ...{ poll: () => undefined, answer: () => undefined, failStart: () => undefined },
    ...{ wantsStream: () => false, subscribe: () => false, pollRestore: () => undefined },
    stream: () => ({ kind: "invalid-request-id" }),
  };
  return {
    ...{ clock, programs, removed, told, runtime },
    start: async (phase: "init" | "invoke") => {
      const before = programs.length;
      runtime.start(prepared, phase, port);
      await until(() => programs.length > before, "a program is started");
    },
    exit: (program: FakeProcess | undefined) => program && ends.get(program)?.(1),
  };
}

const reported = Promise.resolve();

test("each start is a sandbox of its own with the same /tmp, which goes at the end", async () => {
  const { runtime, start, programs, removed } = await staged();
  await start("init");
  runtime.end("failure", reported);
  await runtime.gone;
  await start("invoke");
  assert.deepEqual(
    programs.map(({ spec: { id, tmpName } }) => [id, tmpName]),
    [
      ["e-1", "e"],
      ["e-2", "e"],
    ],
  );
  runtime.end("spindown", reported);
  assert.deepEqual(removed, []);
  await runtime.remove();
  assert.deepEqual(removed, ["e"]);
});

test("an end of its own is told, and one that it was told to have is not", async () => {
  const { runtime, start, programs, told, exit } = await staged();
  await start("init");
  exit(programs[0]);
  await until(() => told.includes("exit"), "its end is told");
  runtime.end("failure", reported);
  await runtime.gone;
  await start("invoke");
  runtime.end("timeout", reported);
  await runtime.gone;
  assert.deepEqual(told, ["launched", "exit", "launched"]);
});

test("extensions belong to one start: what those of an earlier one do is not heard", async () => {
  const { runtime, start, told } = await staged();
  await start("init");
  const { extensions } = runtime;
  const id = extensions.register("agent", ["INVOKE"]);
  assert(typeof id === "string", JSON.stringify(id));
  runtime.end("failure", reported);
  await start("invoke");
  assert.notEqual(runtime.extensions, extensions);
  extensions.poll(id, { deliver: () => undefined, onLost: undefined });
  extensions.fail(id, "exit-error", "Late");
  assert.deepEqual(told, ["launched", "launched"]);
  runtime.end("spindown", reported);
});

test("memory's peak is the highest of all starts", async () => {
  const { runtime, start, programs, clock } = await staged();
  await start("init");
  programs[0]?.use({ memoryPeakBytes: 50 * MiB });
  assert.equal(await runtime.peakMb(), 50);
  runtime.end("failure", reported);
  await runtime.gone;
  await start("invoke");
  programs[1]?.use({ memoryPeakBytes: 20 * MiB });
  assert.equal(await runtime.peakMb(), 50);
  programs[1]?.use({ memoryPeakBytes: 80 * MiB });
  assert.equal(runtime.peakMb(), 50, "as it was read a moment ago, and at once");
  await clock.advance(memoryReadingAgeMsMax);
  assert.equal(await runtime.peakMb(), 80);
  runtime.end("spindown", reported);
});

test("what is to be said of an end comes when its output is complete, before anything new", async () => {
  const { runtime, start } = await staged();
  await start("init");
  const order: string[] = [];
  runtime.end("failure", reported, () => void order.push("said"));
  void runtime.gone.then(() => order.push("gone"));
  await runtime.quiet;
  await runtime.gone;
  assert.deepEqual(order, ["said", "gone"]);
});
