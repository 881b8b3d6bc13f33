/** Who is taken on: the decisions, and the pool that goes by them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { versionSpec } from "../../test/harness/fake-environment.ts";
import { admissionLimits, at, invokeStage, machineWith, turn } from "../../test/harness/invoke-stage.ts";
import type { Environment, VersionSpec } from "../runtime/contract.ts";
import { Admission, Overloaded } from "./admission.ts";

const spec = versionSpec({ memoryMb: 512 });

for (const [what, freeMb, peakMb, startingCount, expected] of [
  ["nothing is known of the version: 50 MB", 150, undefined, 0, true],
  ["a little too little is left", 149, undefined, 0, false],
  ["its others have used more", 299, 200, 0, false],
  ["there is room for what its others have used", 300, 200, 0, true],
  ["what its others have used is more than it may use", 612, 9000, 0, true],
  ["two are starting", 249, undefined, 2, false],
  ["two are starting, and there is room", 250, undefined, 2, true],
  ["the machine does not say", Infinity, 9000, 50, true],
] as const) {
  test(`memory for an environment: ${what}`, () => {
    const admission = new Admission(
      admissionLimits,
      machineWith(() => freeMb),
    );
    const starts = Array.from({ length: startingCount }, () => admission.starting(spec, false));
    if (peakMb !== undefined) admission.observed(spec, peakMb);
    assert.equal(admission.hasMemoryFor(spec), expected);
    for (const start of starts) admission.started(start);
    assert.equal(admission.hasMemoryFor(spec), freeMb >= 100 + Math.min(512, peakMb ?? 50));
  });
}

test("the most that was seen of a version counts, not the last", () => {
  const admission = new Admission(
    admissionLimits,
    machineWith(() => 250),
  );
  admission.observed(spec, 200);
  admission.observed(spec, 10);
  assert.equal(admission.hasMemoryFor(spec), false);
  assert.equal(admission.hasMemoryFor(versionSpec({ key: "other" })), true);
});

test("memory that was promised is always given back", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom("a", "b"), fc.nat(900), fc.boolean())), (steps) => {
      const admission = new Admission(
        admissionLimits,
        machineWith(() => 1000),
      );
      const starts = [];
      for (const [key, peakMb, isObserved] of steps) {
        const one = versionSpec({ key, memoryMb: 400 });
        if (isObserved) admission.observed(one, peakMb);
        else starts.push(admission.starting(one, false));
      }
      for (const start of starts) admission.started(start);
      assert.equal(admission.hasMemoryFor(versionSpec({ key: "c" })), true);
    }),
  );
});

const why = (error: RegExp) => (thrown: unknown) =>
  thrown instanceof Overloaded && error.test(thrown.message);
const named = (functionName: string) =>
  versionSpec({ functionName, key: functionName, functionArn: `arn:function:${functionName}` });

/** A request that is settled later; what becomes of it must be looked at by the test. */
function asked(pool: { acquire(spec: VersionSpec): Environment | Promise<Environment> }, of: VersionSpec) {
  const answer = Promise.resolve(pool.acquire(of));
  answer.catch(() => undefined);
  return answer;
}

test("lines are bounded, those of each version and all together", async () => {
  const { pool } = invokeStage({ startingMax: 1 }, { waitingPerVersionMax: 2, waitingMax: 3 });
  const [a, b] = [named("a"), named("b")];
  void asked(pool, a);
  void asked(pool, a);
  await assert.rejects(asked(pool, a), why(/^too many requests wait for environments of arn:function:a$/));
  void asked(pool, b);
  await assert.rejects(asked(pool, b), why(/^too many requests wait for environments$/));
});

test("a version with a long line does not keep others from their first environment", async () => {
  const { pool, environments } = invokeStage({ startingMax: 1 });
  for (let n = 0; n < 10; n += 1) void asked(pool, named("noisy"));
  void asked(pool, named("quiet"));
  void asked(pool, named("calm"));
  for (let done = 0; done < 4; done += 1) {
    at(environments, done).becomes("idle");
    await turn();
  }
  const started = environments.map(({ spec: { functionName } }) => functionName);
  assert.deepEqual(started.slice(0, 5), ["noisy", "noisy", "quiet", "calm", "noisy"]);
});

test("without memory an idle environment of another version goes first, and the request is served when it is gone", async () => {
  const { clock, pool, environments, machine } = invokeStage();
  const [a, b] = [named("a"), named("b")];
  const first = asked(pool, a);
  at(environments, 0).becomes("idle");
  pool.settling(await first);
  pool.release(await first);
  machine.freeMemoryMb = 120;
  const second = asked(pool, b);
  assert.equal(at(environments, 0).isShutDown, true);
  assert.equal(environments.length, 1, "its memory is not free yet");
  machine.freeMemoryMb = 170;
  await clock.advance(300);
  at(environments, 1).becomes("idle");
  assert.equal((await second).spec, b);
});

test("without memory, and with nothing to end, a request is refused at once; one whose version is busy waits for that", async () => {
  const { pool, environments, machine } = invokeStage();
  const busy = asked(pool, named("a"));
  at(environments, 0).becomes("idle");
  const environment = await busy;
  machine.freeMemoryMb = 120;
  await assert.rejects(asked(pool, named("b")), why(/not enough free memory/));
  const next = asked(pool, named("a"));
  await turn();
  pool.settling(environment);
  pool.release(environment);
  assert.equal(await next, environment);
  assert.equal(environments.length, 1);
});

test("a request that waits too long is refused", async () => {
  const { clock, pool } = invokeStage({ waitMsMax: 1000 });
  const waiting = asked(pool, named("a"));
  await clock.advance(999);
  const later = asked(pool, named("a"));
  await clock.advance(1);
  await assert.rejects(waiting, why(/no environment was free in time/));
  await clock.advance(998);
  let isOver = false;
  void later.catch(() => (isOver = true));
  await turn();
  assert.equal(isOver, false);
  await clock.advance(1);
  await assert.rejects(later, why(/no environment was free in time/));
});

test("a function grows as fast as it may, others as they like", async () => {
  const scaling = { capacity: 2, perSecond: 1 };
  const { clock, pool, environments } = invokeStage({ startingMax: 10 }, { scaling });
  void asked(pool, named("a"));
  void asked(pool, named("a"));
  await assert.rejects(asked(pool, named("a")), why(/^arn:function:a grows as fast as it may$/));
  assert.equal(environments.length, 2);
  void asked(pool, named("b"));
  assert.equal(environments.length, 3);
  await clock.advance(1000);
  void asked(pool, named("a"));
  assert.equal(environments.length, 4);
});
