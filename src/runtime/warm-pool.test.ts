/** Who waits in the warm pool, and when, in virtual time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fixedCatalog } from "../../test/harness/runtime-stage.ts";
import { versionSpec } from "../../test/harness/fake-environment.ts";
import { createSimClock } from "../base/clock-sim.ts";
import { silentLogger } from "../base/logger.ts";
import { seededRandom } from "../base/random.ts";
import type { Sandbox } from "../isolation/driver.ts";
import { warmIdleMs, warmPauseMs, warmRefillDelayMs, warmRuntimesMax } from "../limits.ts";
import type { LaunchPlan, VersionSpec } from "./contract.ts";
import type { Prepared } from "./prepare.ts";
import type { WaitingRuntime } from "./waiting-runtime.ts";
import { createWarmPool, type WarmPoolDeps } from "./warm-pool.ts";

const plans: Readonly<Record<string, Partial<LaunchPlan>>> = {
  "nodejs24.x": { canWait: true, argv: ["node"] },
  "python3.13": { canWait: true, argv: ["python3.13"] },
  "provided.al2023": { argv: ["bootstrap"] },
};

async function planOf(runtime: string): Promise<LaunchPlan> {
  return { ...(await fixedCatalog.plan(runtime)), ...plans[runtime] };
}

interface Fake extends WaitingRuntime {
  readonly program: string;
  isDestroyed: boolean;
  dies(): void;
}

function fakeRuntime(id: string, program: string): Fake {
  const { promise: exited, resolve } = Promise.withResolvers<void>();
  const fake: Fake = {
    program,
    endpoint: {} as WaitingRuntime["endpoint"],
    sandbox: { id, exited } as unknown as Sandbox,
    isDestroyed: false,
    dies: resolve,
    become: async () => undefined,
    async destroy() {
      fake.isDestroyed = true;
    },
  };
  return fake;
}

function stage(over: Partial<WarmPoolDeps> = {}) {
  const clock = createSimClock();
  const booted: Fake[] = [];
  const plain: string[] = [];
  const world = { isQuiet: true, room: 100, fails: false };
  const pool = createWarmPool({
    clock,
    logger: silentLogger,
    random: seededRandom(1),
    catalog: { plan: planOf },
    count: 2,
    isQuiet: () => world.isQuiet,
    room: () => world.room,
    onPlain: (key) => plain.push(key),
    async boot({ argv }, id) {
      if (world.fails) throw new Error("no room for a sandbox");
      const fake = fakeRuntime(id, argv[0] ?? "");
      booted.push(fake);
      return fake;
    },
    ...over,
  });
  return { clock, pool, booted, plain, world, alive: () => booted.filter(({ isDestroyed }) => !isDestroyed) };
}

async function prepared(runtime: string): Promise<Prepared> {
  const plan = await planOf(runtime);
  return { plan, argv: plan.argv, mounts: plan.mounts, extensions: [] };
}

const node = versionSpec({ runtime: "nodejs24.x" });
const python = versionSpec({ runtime: "python3.13", key: "py" });
const version = (key: string): VersionSpec => ({ ...node, key });

test("nobody waits before a function is made or started", async () => {
  const { clock, pool } = stage();
  await clock.advance(warmIdleMs);
  assert.equal(pool.size, 0);
});

test("a function that is made has two of its kind wait, one of another kind has others", async () => {
  const { clock, pool, booted } = stage();
  pool.expect(node);
  await clock.advance(warmRefillDelayMs);
  assert.deepEqual(
    booted.map(({ program }) => program),
    ["node", "node"],
  );
  pool.expect(python);
  await clock.advance(warmRefillDelayMs);
  assert.deepEqual(
    booted.map(({ program }) => program),
    ["node", "node", "python3.13", "python3.13"],
  );
  assert.equal(pool.size, 4);
});

test("the one taken is the caller's, and is replaced, but not at once", async () => {
  const { clock, pool, booted } = stage();
  pool.expect(node);
  await clock.advance(warmRefillDelayMs);
  const taken = pool.take(node, await prepared("nodejs24.x"));
  assert.equal(taken, booted[0]);
  await clock.advance(warmRefillDelayMs - 1);
  assert.equal(pool.size, 1);
  await clock.advance(1);
  assert.equal(pool.size, 2);
  assert.equal(booted[0]?.isDestroyed, false);
  assert.equal(pool.take(python, await prepared("python3.13")), undefined, "never one of another kind");
});

test("nothing is booted while something is being started", async () => {
  const { clock, pool, world } = stage();
  world.isQuiet = false;
  pool.expect(node);
  await clock.advance(60_000);
  assert.equal(pool.size, 0);
  world.isQuiet = true;
  await clock.advance(warmRefillDelayMs);
  assert.equal(pool.size, 2);
});

test("there is one for each version that was made and has not been started", async () => {
  const { clock, pool } = stage();
  for (let index = 0; index < 5; index += 1) pool.expect(version(`v${index}`));
  pool.expect(version("v0"));
  await clock.advance(warmRefillDelayMs);
  assert.equal(pool.size, 5);
  for (const key of ["v0", "v1"]) pool.take(version(key), await prepared("nodejs24.x"));
  await clock.advance(1000);
  assert.equal(pool.size, 3, "those two have theirs");
  for (const key of ["v2", "v3", "v4"]) pool.take(version(key), await prepared("nodejs24.x"));
  await clock.advance(1000);
  assert.equal(pool.size, 2, "and two for whoever grows");
});

test("there are never more than the machine has room for, nor than the bound", async () => {
  const { clock, pool, world } = stage();
  world.room = 0;
  pool.expect(node);
  await clock.advance(1000);
  assert.equal(pool.size, 0);
  world.room = 1000;
  for (let index = 0; index < warmRuntimesMax + 20; index += 1) pool.expect(version(`v${index}`));
  await clock.advance(warmPauseMs);
  assert.equal(pool.size, warmRuntimesMax);
  world.room = -3;
  await clock.advance(warmPauseMs);
  assert.equal(pool.size, warmRuntimesMax - 3, "and some go when memory is short");
});

test("a kind that was used later takes the places of one that was used before", async () => {
  const { clock, pool, alive } = stage({ room: () => 2 - alive().length });
  pool.expect(node);
  await clock.advance(1000);
  assert.equal(pool.size, 2);
  pool.expect(python);
  await clock.advance(1000);
  assert.deepEqual(
    alive()
      .map(({ program }) => program)
      .toSorted(),
    ["python3.13", "python3.13"],
  );
});

test("who is not wanted for long is let go", async () => {
  const { clock, pool, alive } = stage();
  pool.expect(node);
  await clock.advance(warmIdleMs - 1);
  assert.equal(pool.size, 2);
  await clock.advance(2 * warmPauseMs);
  assert.equal(pool.size, 0);
  assert.deepEqual(alive(), []);
});

test("one that dies is taken out, and another comes after a pause", async () => {
  const { clock, pool, booted } = stage();
  pool.expect(node);
  await clock.advance(warmRefillDelayMs);
  booted[0]?.dies();
  await clock.advance(0);
  assert.equal(pool.size, 1);
  assert.equal(booted[0]?.isDestroyed, true);
  assert.equal(pool.take(node, await prepared("nodejs24.x")), booted[1]);
  booted[1]?.dies();
  await clock.advance(warmPauseMs - 1);
  assert.equal(booted.length, 2, "a kind that dies is not started in a loop");
  assert.equal(booted[1]?.isDestroyed, false, "what was taken is not the pool's any more");
  await clock.advance(2 * warmPauseMs);
  assert.equal(pool.size, 2);
});

test("a boot that fails is tried again after a pause, and fails nobody", async () => {
  const { clock, pool, world } = stage();
  world.fails = true;
  pool.expect(node);
  await clock.advance(warmPauseMs / 2);
  assert.equal(pool.take(node, await prepared("nodejs24.x")), undefined);
  world.fails = false;
  await clock.advance(2 * warmPauseMs);
  assert.equal(pool.size, 2);
});

test("what cannot wait, brings extensions, or sets what counts at boot, is never given one", async () => {
  const { clock, pool, plain } = stage();
  pool.expect(node);
  pool.expect(versionSpec({ runtime: "provided.al2023", key: "own" }));
  pool.expect({ ...node, key: "tuned", variables: { NODE_OPTIONS: "" } });
  await clock.advance(1000);
  assert.equal(pool.size, 2);
  assert.deepEqual(plain.toSorted(), ["own", "tuned"], "they are started plain");
  const plan = await prepared("nodejs24.x");
  assert.equal(pool.take(node, { ...plan, extensions: ["/opt/extensions/one"] }), undefined);
  assert.equal(pool.take({ ...node, variables: { NODE_OPTIONS: "" } }, plan), undefined);
  assert.equal(
    pool.take(versionSpec({ runtime: "provided.al2023" }), await prepared("provided.al2023")),
    undefined,
  );
  assert.ok(pool.take(node, plan));
});

test("whoever needs memory gets what waits, and it comes back when there is room", async () => {
  const { clock, pool, alive, booted, world } = stage();
  assert.equal(pool.shed(), undefined, "nobody waits");
  pool.expect(node);
  await clock.advance(warmRefillDelayMs);
  assert.equal(alive().length, 2);
  world.room = -5;
  await pool.shed();
  assert.deepEqual(alive(), []);
  await clock.advance(warmPauseMs);
  assert.equal(booted.length, 2);
  world.room = 100;
  await clock.advance(warmPauseMs);
  assert.equal(pool.size, 2);
});

test("after close nothing is left, nothing is booted, and nothing is given", async () => {
  const { clock, pool, alive, booted } = stage();
  pool.expect(node);
  await clock.advance(warmRefillDelayMs);
  await pool.close();
  assert.deepEqual(alive(), []);
  const { length } = booted;
  pool.expect(python);
  assert.equal(pool.take(node, await prepared("nodejs24.x")), undefined);
  await clock.advance(warmIdleMs);
  assert.equal(booted.length, length);
});
