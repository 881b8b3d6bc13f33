/** Environments whose runtime is gone, and what a saturated machine starts, on environments that do as the test says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FakeEnvironment } from "../../test/harness/fake-environment.ts";
import { invocationRequest, versionSpec } from "../../test/harness/fake-environment.ts";
import { at, invokeStage, turn } from "../../test/harness/invoke-stage.ts";
import type { Environment, VersionSpec } from "../runtime/contract.ts";
import type { Demand } from "./admission.ts";
import { Overloaded, startCpusOf } from "./admission.ts";

const spec = versionSpec();
const named = (functionName: string) =>
  versionSpec({ functionName, key: functionName, functionArn: `arn:function:${functionName}` });

function stage(...args: Parameters<typeof invokeStage>) {
  const staged = invokeStage(...args);
  const { environments, pool } = staged;
  /** What is handed out begins its invocation at once, as the invoker does. */
  function asked(of: VersionSpec = spec): Promise<Environment> {
    const answer = Promise.resolve(pool.acquire(of)).then((environment) => {
      void environment.invoke(invocationRequest());
      pool.begun(environment);
      return environment;
    });
    answer.catch(() => undefined);
    return answer;
  }
  function gives(environment: Environment, status: "idle" | "down"): void {
    pool.settling(environment);
    (environment as FakeEnvironment).settles(status);
    pool.release(environment);
  }
  /** As many environments, all of them idle or down. */
  async function having(count: number, status: "idle" | "down", of: VersionSpec = spec): Promise<void> {
    const first = environments.length;
    const answers = Array.from({ length: count }, () => asked(of));
    for (let index = 0; index < count; index += 1) {
      at(environments, first + index).becomes("idle");
      await turn();
    }
    for (const environment of await Promise.all(answers)) gives(environment, status);
  }
  return { ...staged, asked, gives, having };
}

test("an idle environment is taken before one that is down, though that was used last", async () => {
  const { environments, asked, gives, having } = stage();
  await having(2, "idle");
  const busy = await asked();
  gives(busy, "down");
  const next = await asked();
  assert.notEqual(next, busy);
  assert.equal(next.status, "busy");
  assert.equal(environments.length, 2);
});

test("one that is down is started again rather than another made, in its own invocation", async () => {
  const { environments, asked, having } = stage();
  await having(1, "down");
  assert.equal(await asked(), at(environments, 0));
  assert.equal(at(environments, 0).requests.length, 2);
  assert.equal(environments.length, 1);
});

test("starting again takes a place among the starts until it is over, and whoever finds none waits in line", async () => {
  const { environments, pool, asked, having } = stage({ startingMax: 2 });
  await having(3, "down");
  const [, , third] = [asked(), asked(), asked()];
  await turn();
  const begun = () => environments.map(({ requests }) => requests.length - 1);
  assert.deepEqual(begun(), [0, 1, 1], "the one used last goes first");
  assert.equal(pool.starting, 2);
  at(environments, 2).becomes("idle");
  assert.equal(await third, at(environments, 0));
  assert.deepEqual(begun(), [1, 1, 1]);
  for (const environment of environments) environment.becomes("idle");
  await turn();
  assert.equal(pool.starting, 0, "all places are given back while the invocations run");
});

test("a request takes what is given back, although another waits to be started again", async () => {
  const { asked, gives, having, machine } = stage();
  await having(2, "idle");
  const [one, other] = [await asked(), await asked()];
  machine.freeMemoryMb = 0;
  gives(one, "down");
  const next = asked();
  await turn();
  gives(other, "idle");
  assert.equal(await next, other);
});

test("who counted on one that is about to be given back is not left alone when it is down", async () => {
  const { clock, pool, environments, asked, having } = stage();
  await having(1, "idle");
  const busy = (await asked()) as FakeEnvironment;
  pool.settling(busy);
  const next = asked();
  assert.equal(environments.length, 1, "it is nearly there");
  busy.settles("down");
  pool.release(busy);
  assert.equal(await next, busy);
  assert.equal(clock.pending <= 1, true, "no timer but the sweep's is left");
});

test("one that fell while it was idle is found out when it is to be handed out", async () => {
  const { environments, asked, having } = stage();
  await having(2, "idle");
  at(environments, 1).status = "down";
  assert.equal(await asked(), at(environments, 0));
  assert.equal(await asked(), at(environments, 1));
  assert.equal(environments.length, 2);
});

test("an INIT that failed is tried again in the invocation, also of a version that is retired", async () => {
  for (const isRetired of [false, true]) {
    const { environments, pool, asked, gives } = stage();
    const first = asked();
    if (isRetired) void pool.retire(spec.functionArn, []);
    at(environments, 0).becomes("down");
    assert.equal(await first, at(environments, 0));
    gives(await first, "down");
    await turn();
    assert.equal(at(environments, 0).isShutDown, isRetired);
    assert.equal(environments.length, 1);
  }
});

test("what is down ends like what is idle: after its time, for a new version, and first when another needs its place", async () => {
  const { clock, environments, pool, asked, having } = stage({ idleMs: 1000, environmentsMax: 2 });
  await having(1, "down");
  await having(1, "idle", named("b"));
  void asked(named("c"));
  assert.deepEqual(
    environments.map(({ isShutDown }) => isShutDown),
    [true, false, false],
  );
  await clock.advance(2000);
  assert.equal(at(environments, 1).isShutDown, true);
  const other = stage({ idleMs: 1000 });
  await other.having(1, "down");
  await other.clock.advance(2000);
  assert.equal(other.pool.size, 0);
  await other.having(1, "down");
  await other.pool.retire(spec.functionArn, []);
  assert.equal(other.pool.size, 0);
  await other.having(1, "down");
  assert.equal(
    other.pool.recycle(() => true),
    1,
  );
  await turn();
  assert.equal(other.pool.size, 0);
  assert.equal(pool.size, 1);
});

test("without memory nothing is started again: who has only that is refused, others wait", async () => {
  const { asked, having, machine, environments } = stage();
  await having(1, "down");
  machine.freeMemoryMb = 0;
  await assert.rejects(asked(), (error) => error instanceof Overloaded && /free memory/.test(error.message));
  machine.freeMemoryMb = 4000;
  assert.equal(await asked(), at(environments, 0));
});

test("what waits for no function gives way before an environment does, and before a request is refused", async () => {
  const { asked, having, machine, environments } = stage();
  await having(1, "idle", named("other"));
  machine.freeMemoryMb = 120;
  machine.spares = 3;
  const served = asked();
  assert.equal(machine.spares, 0);
  machine.freeMemoryMb = 4000;
  await turn();
  at(environments, 1).becomes("idle");
  assert.equal(await served, at(environments, 1));
  assert.equal(at(environments, 0).isShutDown, false);
});

test("one that was provisioned and goes down is replaced ahead of requests", async () => {
  const { environments, pool, asked, gives } = stage();
  pool.provision(spec.functionArn, [{ spec, count: 1 }]);
  at(environments, 0).becomes("idle");
  await turn();
  gives(await asked(), "down");
  await turn();
  assert.equal(at(environments, 0).isShutDown, true);
  assert.equal(at(environments, 1).spec.initialization, "provisioned-concurrency");
  at(environments, 1).becomes("idle");
  await turn();
  assert.deepEqual(pool.provisioned(spec.key), { ready: 1, failure: undefined });
});

const demand: Demand = { environments: 3, cpus: 1, isRestart: false, waitedMs: 0 };
const small = versionSpec({ memoryMb: 512 });
const large = versionSpec({ memoryMb: 1769 });
for (const [what, saturation, under, wanted, expected] of [
  ["a machine with time left", "none", { starts: 100 }, {}, true],
  [
    "a version's first environment, however busy the machine is",
    "sandboxes",
    { starts: 100 },
    { environments: 0 },
    true,
  ],
  ["one more where others take the time", "others", {}, {}, true],
  ["one more where others take the time, and two start already", "others", { starts: 2 }, {}, false],
  ["one more where functions take the time", "sandboxes", {}, {}, false],
  [
    "one more where functions take the time, and somebody has waited long",
    "sandboxes",
    {},
    { waitedMs: 900 },
    true,
  ],
  [
    "the same with another environment: longer by the square",
    "sandboxes",
    {},
    { waitedMs: 900, environments: 4 },
    false,
  ],
  ["the same while two start already", "sandboxes", { starts: 2 }, { waitedMs: 900 }, false],
  ["one that is to be started again", "sandboxes", { starts: 1 }, { isRestart: true }, true],
  [
    "one that is to be started again, and two start already",
    "sandboxes",
    { starts: 2 },
    { isRestart: true },
    false,
  ],
  [
    "one with a small share, and six like it start again",
    "sandboxes",
    { restarts: 6 },
    { isRestart: true, cpus: 512 / 1769 },
    false,
  ],
  [
    "one with a small share, and five like it start again",
    "sandboxes",
    { restarts: 5 },
    { isRestart: true, cpus: 512 / 1769 },
    true,
  ],
] as const) {
  test(`time for a start: ${what}`, () => {
    const { admission, machine } = invokeStage();
    machine.saturation = saturation;
    const { starts, restarts } = { starts: 0, restarts: 0, ...under };
    const begun = Array.from({ length: starts }, () => admission.starting(small, false));
    for (let n = 0; n < restarts; n += 1) begun.push(admission.starting(small, true));
    assert.equal(admission.hasTimeFor({ ...demand, ...wanted }), expected);
    for (const start of begun) admission.started(start);
    assert.equal(
      admission.hasTimeFor({ ...demand, isRestart: true, cpus: 2 }),
      true,
      "what is over is forgotten",
    );
  });
}

test("a start in INIT has a processor, one in an invocation no more than its function", () => {
  assert.equal(startCpusOf(small, false), 1);
  assert.equal(startCpusOf(small, true), 512 / 1769);
  assert.equal(startCpusOf(large, true), 1);
  assert.equal(startCpusOf({ ...large, memoryMb: 10_240 }, true), 1);
});

test("while functions saturate the machine requests wait for what is there, then a version grows slowly", async () => {
  const { clock, environments, machine, asked, gives, having } = stage({
    startingMax: 10,
    environmentsMax: 100,
  });
  await having(1, "idle");
  machine.saturation = "sandboxes";
  const busy = await asked();
  const waiting = Array.from({ length: 15 }, () => asked());
  await clock.advance(50);
  assert.equal(environments.length, 1);
  gives(busy, "idle");
  assert.equal(await waiting[0], busy);
  void asked(named("other"));
  assert.equal(environments.length, 2, "another version's first one starts");
  for (let ms = 0; ms < 12_000; ms += 50) {
    await clock.advance(50);
    for (const environment of environments)
      if (environment.status === "starting") environment.becomes("idle");
  }
  const grown = environments.length - 1;
  assert.ok(grown > 8 && grown <= 12, `12 s are time for the square root of 120, not ${grown}`);
  machine.saturation = "none";
  await clock.advance(300);
  assert.ok(environments.length > grown + 2, "then it grows as it needs");
});
