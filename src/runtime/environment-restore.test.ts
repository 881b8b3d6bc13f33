/** SnapStart: environments that wait at `restore/next`, and their first invocation. Runtimes as scripts. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { invocation, payloadOf, stage, until } from "../../test/harness/runtime-stage.ts";
import type { Script, ScriptedRuntime } from "../../test/harness/scripted-runtime.ts";
import { forever, ScriptedDriver } from "../../test/harness/scripted-runtime.ts";
import { freezeDelayMs, initAheadTimeoutMsMin, restoreTimeoutMs } from "../limits.ts";

const restoreNext = (runtime: ScriptedRuntime) => runtime.call("GET", "/2018-06-01/runtime/restore/next");
const restoreError = (runtime: ScriptedRuntime, errorType: string) =>
  runtime.call("POST", "/2018-06-01/runtime/restore/error", '{"errorMessage":"no","errorType":"X"}', {
    headers: { "lambda-runtime-function-error-type": errorType },
  });

async function echo(runtime: ScriptedRuntime): Promise<void> {
  for (;;) {
    const { requestId, body } = await runtime.next();
    await runtime.respond(requestId, body);
  }
}

const staged = (t: TestContext, script: Script, logFormat: "Text" | "JSON" = "Text") =>
  stage(t, new ScriptedDriver(script), { spec: { initialization: "snap-start", logFormat } });

const withoutNumbers = (lines: readonly string[]) =>
  lines.map((line) => line.replace(/\t(Duration|Billed Duration|Memory Size|Max).*?(?=\t|$)/g, ""));

test("a snapshot is initialised, frozen, restored by its first invocation, and an environment like others then", async (t) => {
  const answers: unknown[] = [];
  const go = Promise.withResolvers<void>();
  const { environment, clock, driver, lines } = await staged(t, async (runtime) => {
    const { status, body } = await restoreNext(runtime);
    answers.push(status, body);
    runtime.print("after\n");
    await go.promise;
    return echo(runtime);
  });
  await environment.initialised;
  assert.equal(environment.status, "idle");
  await clock.advance(freezeDelayMs);
  assert.deepEqual([driver.freezing, answers], [["freeze"], []], "it waits, frozen");
  const env = driver.started[0]?.spec.env ?? {};
  assert.equal(env["AWS_LAMBDA_INITIALIZATION_TYPE"], "snap-start");
  assert.deepEqual(
    [env["AWS_LAMBDA_LOG_GROUP_NAME"], env["AWS_LAMBDA_LOG_STREAM_NAME"]],
    [undefined, undefined],
  );

  const first = environment.invoke(invocation("1", '"one"'));
  await until(() => answers.length > 0, "it is restored");
  await clock.advance(1500);
  go.resolve();
  const result = await first;
  assert.deepEqual(
    [payloadOf(result), result.initMs, result.restoreMs, result.durationMs],
    ['"one"', undefined, 1500, 0],
  );
  await environment.settled();
  const second = await environment.invoke(invocation("2", '"two"'));
  assert.equal(second.restoreMs, undefined);
  await environment.settled();
  assert.deepEqual(answers, [200, ""]);
  assert.deepEqual(withoutNumbers(lines()), [
    "INIT_START Runtime Version: nodejs:22.v1\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:0123",
    "INIT_REPORT Init Duration: 0.00 ms\tPhase: init",
    "RESTORE_START Runtime Version: nodejs:22.v1\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:0123",
    "after",
    "RESTORE_REPORT Restore Duration: 1500.00 ms",
    "START RequestId: 1 Version: $LATEST",
    "END RequestId: 1",
    "REPORT RequestId: 1\tRestore Duration: 1500.00 ms\tBilled Restore Duration: 1500 ms",
    "START RequestId: 2 Version: $LATEST",
    "END RequestId: 2",
    "REPORT RequestId: 2",
  ]);
});

test("the restore is billed, and told as events", async (t) => {
  const go = Promise.withResolvers<void>();
  const { environment, clock, lines } = await staged(
    t,
    async (runtime) => {
      await restoreNext(runtime);
      await go.promise;
      return echo(runtime);
    },
    "JSON",
  );
  await environment.initialised;
  const first = environment.invoke(invocation("1"));
  await clock.advance(250);
  go.resolve();
  await first;
  await environment.settled();
  const events = lines().map((line) => JSON.parse(line) as { type: string; record: { metrics?: object } });
  const find = (type: string) => events.find((event) => event.type === type)?.record;
  assert.deepEqual(find("platform.initReport"), {
    ...{ initializationType: "snap-start", phase: "init", status: "success", metrics: { durationMs: 0 } },
  });
  assert.ok(find("platform.restoreStart"));
  assert.deepEqual(find("platform.restoreReport"), { status: "success", metrics: { durationMs: 250 } });
  assert.deepEqual(find("platform.report")?.metrics, {
    ...{ durationMs: 0, billedDurationMs: 250, memorySizeMB: 128, maxMemoryUsedMB: 1 },
    ...{ restoreDurationMs: 250, billedRestoreDurationMs: 250 },
  });
});

const failures: readonly (readonly [string, Script, string, string, RegExp])[] = [
  [
    "whose hook fails",
    async (runtime) => {
      await restoreNext(runtime);
      assert.equal((await restoreError(runtime, "Runtime.AfterRestoreError")).status, 202);
      return runtime.exit(65);
    },
    "SnapStartException",
    "Runtime.AfterRestoreError",
    /^RESTORE_REPORT Restore Duration: 0.00 ms\tStatus: error\tError Type: Runtime.AfterRestoreError$/,
  ],
  [
    "that dies of it",
    async (runtime) => {
      await restoreNext(runtime);
      return runtime.exit(3);
    },
    "SnapStartException",
    "Runtime.ExitError",
    /^RESTORE_REPORT Restore Duration: 0.00 ms\tStatus: error\tError Type: Runtime.ExitError$/,
  ],
  [
    "that takes too long",
    async (runtime) => {
      await restoreNext(runtime);
      return forever;
    },
    "SnapStartTimeoutException",
    "Sandbox.Timedout",
    /^RESTORE_REPORT Restore Duration: 10000.00 ms\tStatus: timeout$/,
  ],
];

for (const [which, script, exception, errorType, line] of failures) {
  test(`a snapshot ${which} is no function error: its invocation never begins, and is answered ${exception}`, async (t) => {
    const { environment, clock, lines } = await staged(t, script);
    await environment.initialised;
    const failing = environment.invoke(invocation("1"));
    if (exception === "SnapStartTimeoutException") await clock.advance(restoreTimeoutMs);
    const { outcome } = await failing;
    assert.ok(outcome.kind === "crash");
    assert.deepEqual([outcome.exception, outcome.errorType], [exception, errorType]);
    await environment.settled();
    assert.equal(environment.status, "down");
    assert.match(lines().at(-1) ?? "", line);
    assert.deepEqual(
      lines().filter((one) => one.startsWith("START") || one.startsWith("REPORT")),
      [],
    );
  });
}

test("a hook before the snapshot that fails is an error of INIT", async (t) => {
  const { environment, lines } = await staged(t, async (runtime) => {
    await runtime.initError("{}", {
      headers: { "lambda-runtime-function-error-type": "Runtime.BeforeSnapshotError" },
    });
    return runtime.exit(64);
  });
  await environment.initialised;
  assert.equal(environment.status, "down");
  assert.match(
    lines().at(-1) ?? "",
    /^INIT_REPORT .*\tStatus: error\tError Type: Runtime.BeforeSnapshotError$/,
  );
});

test("a runtime that is started again inside an invocation is restored at once", async (t) => {
  const driver = new ScriptedDriver(
    (runtime) => runtime.exit(1),
    async (runtime) => {
      assert.equal((await restoreNext(runtime)).status, 200);
      return echo(runtime);
    },
  );
  const { environment } = await stage(t, driver, { spec: { initialization: "snap-start" } });
  await environment.initialised;
  assert.equal(environment.status, "down");
  const result = await environment.invoke(invocation("1", "7"));
  assert.deepEqual([payloadOf(result), result.restoreMs], ["7", undefined]);
});

test("what is initialised ahead has two minutes and more for it", async (t) => {
  const { environment, clock, driver } = await staged(t, async () => forever);
  await until(() => driver.started.length === 1, "it is started");
  await clock.advance(initAheadTimeoutMsMin - 1);
  assert.equal(environment.status, "starting");
  await clock.advance(1);
  await environment.initialised;
  assert.equal(environment.status, "down");
});

test("a function without SnapStart cannot wait to be restored", async (t) => {
  const statuses: number[] = [];
  const driver = new ScriptedDriver(async (runtime) => {
    statuses.push((await restoreNext(runtime)).status, (await restoreError(runtime, "X")).status);
    return echo(runtime);
  });
  const { environment } = await stage(t, driver);
  await environment.initialised;
  assert.equal(payloadOf(await environment.invoke(invocation("1", "7"))), "7");
  assert.deepEqual(statuses, [403, 403]);
});
