import assert from "node:assert/strict";
import { test } from "node:test";
import { invocation, payloadOf, stage, until } from "../../test/harness/runtime-stage.ts";
import type { Script, ScriptedRuntime } from "../../test/harness/scripted-runtime.ts";
import { forever, ScriptedDriver } from "../../test/harness/scripted-runtime.ts";
import { invokeResponseBytesMax } from "../limits.ts";
import { InvariantError } from "../base/invariant.ts";

const accepted = '{"status":"OK"}';

const echo: Script = async (runtime) => {
  for (;;) {
    const event = await runtime.next();
    assert.equal(event.status, 200);
    const answer = await runtime.respond(event.requestId, event.body);
    assert.deepEqual([answer.status, answer.body], [202, accepted]);
  }
};

test("an invocation is delivered with every header and its answer comes back byte for byte", async (t) => {
  const seen: Record<string, unknown>[] = [];
  const { environment, clock } = await stage(
    t,
    new ScriptedDriver(async (runtime) => {
      const event = await runtime.next();
      seen.push({ body: event.body, ...event.headers });
      await runtime.respond(event.requestId, '{"a":\n1}');
      await runtime.next();
    }),
  );
  await environment.initialised;
  assert.equal(environment.status, "idle");
  const running = environment.invoke({
    ...invocation("8f5", '{"key":"ü"}'),
    clientContext: '{"client":{"app":"x\ny"}}',
  });
  assert.equal(environment.status, "busy");
  const result = await running;
  assert.deepEqual(
    { ...result.outcome, payload: payloadOf(result) },
    { kind: "success", payload: '{"a":\n1}' },
  );
  assert.deepEqual(seen, [
    {
      body: '{"key":"ü"}',
      "content-type": "application/json",
      "content-length": "12",
      connection: "close",
      "lambda-runtime-aws-request-id": "8f5",
      "lambda-runtime-deadline-ms": String(clock.now() + 3000),
      "lambda-runtime-invoked-function-arn": "arn:aws:lambda:us-east-1:000000000000:function:echo",
      "lambda-runtime-trace-id": "Root=1-00000000-000000000000000000000000",
      "lambda-runtime-client-context": '{"client":{"app":"x y"}}',
    },
  ]);
  await environment.settled();
  assert.equal(environment.status, "idle");
});

test("INIT is timed for the first invocation only, with CPU to burst that ends with it", async (t) => {
  const go = Promise.withResolvers<void>();
  const driver = new ScriptedDriver(async (runtime) => {
    runtime.uses(36.2 * 1024 * 1024);
    await go.promise;
    await echo(runtime);
  });
  const { environment, clock, lines } = await stage(t, driver, { spec: { memoryMb: 1769 / 2 } });
  await until(() => driver.started.length === 1, "the runtime is started");
  await clock.advance(110.25);
  go.resolve();
  await environment.initialised;
  assert.equal(driver.started[0]?.spec.cpus, 2);
  assert.deepEqual(driver.cpus, [0.5]);
  const first = await environment.invoke(invocation("1"));
  assert.deepEqual([first.initMs, first.memoryPeakMb], [110.25, 37]);
  await environment.settled();
  assert.equal((await environment.invoke(invocation("2"))).initMs, undefined);
  assert.deepEqual(lines(), [
    "INIT_START Runtime Version: nodejs:22.v1\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:0123",
    "START RequestId: 1 Version: $LATEST",
    "END RequestId: 1",
    "REPORT RequestId: 1\tDuration: 0.00 ms\tBilled Duration: 111 ms\tMemory Size: 884.5 MB\tMax Memory Used: 37 MB" +
      "\tInit Duration: 110.25 ms",
    "START RequestId: 2 Version: $LATEST",
  ]);
});

/** How an invocation ends when the runtime does this with it: lambda-map 4.6. */
const endings: readonly {
  readonly name: string;
  readonly act: (runtime: ScriptedRuntime, requestId: string) => Promise<unknown>;
  readonly kind: string;
  readonly payload: string;
  readonly errorType?: string;
  readonly status?: string;
}[] = [
  {
    name: "the handler's error is passed on as it is",
    act: (runtime, id) =>
      runtime.error(id, '{"errorMessage": "no",\n"errorType":"ValueError","stackTrace":[]}'),
    kind: "function-error",
    payload: '{"errorMessage": "no",\n"errorType":"ValueError","stackTrace":[]}',
    errorType: "ValueError",
  },
  {
    name: "the error's type is the header's",
    act: (runtime, id) =>
      runtime.error(id, '{"errorType":"A"}', {
        headers: { "Lambda-Runtime-Function-Error-Type": "Runtime.HandlerNotFound" },
      }),
    kind: "function-error",
    payload: '{"errorType":"A"}',
    errorType: "Runtime.HandlerNotFound",
  },
  {
    name: "an error with a cause is passed on without it",
    act: (runtime, id) =>
      runtime.error(id, '{"errorType":"A","errorMessage":"m","errorCause":{"paths":[]}}', {
        headers: { "Content-Type": "application/vnd.aws.lambda.error.cause+json" },
      }),
    kind: "function-error",
    payload: '{"errorType":"A","errorMessage":"m"}',
    errorType: "A",
  },
  {
    name: "an error that is no JSON object still reaches the caller as JSON",
    act: (runtime, id) => runtime.error(id, "broken {"),
    kind: "function-error",
    payload: '{"errorMessage":"broken {","errorType":"Runtime.Unknown"}',
    errorType: "",
  },
  {
    name: "an error without a body is one too",
    act: (runtime, id) =>
      runtime.error(id, "", { headers: { "Lambda-Runtime-Function-Error-Type": "Mine" } }),
    kind: "function-error",
    payload: '{"errorMessage":"","errorType":"Mine"}',
    errorType: "Mine",
  },
  {
    name: "exit 0 is an exit without a reason",
    act: (runtime) => runtime.exit(0),
    kind: "crash",
    payload:
      '{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r-1 Error: Runtime exited without providing a reason"}',
    errorType: "Runtime.ExitError",
    status: "down",
  },
  {
    name: "exit 127 names its status",
    act: (runtime) => runtime.exit(127),
    kind: "crash",
    payload:
      '{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r-1 Error: Runtime exited with error: exit status 127"}',
    errorType: "Runtime.ExitError",
    status: "down",
  },
  {
    name: "a segmentation fault names its signal",
    act: (runtime) => runtime.exit({ kind: "signal", signal: "SIGSEGV", oom: false }),
    kind: "crash",
    payload:
      '{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r-1 Error: Runtime exited with error: signal: segmentation fault"}',
    errorType: "Runtime.ExitError",
    status: "down",
  },
  {
    name: "out of memory is a kill of its own type",
    act: (runtime) => runtime.exit({ kind: "signal", signal: "SIGKILL", oom: true }),
    kind: "crash",
    payload:
      '{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r-1 Error: Runtime exited with error: signal: killed"}',
    errorType: "Runtime.OutOfMemory",
    status: "down",
  },
  {
    name: "a response over 6 MB",
    act: async (runtime, id) => {
      const answer = await runtime.respond(id, Buffer.alloc(invokeResponseBytesMax + 1, "x"));
      assert.equal(answer.status, 413);
      assert.equal(
        answer.body,
        '{"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).","errorType":"RequestEntityTooLarge"}',
      );
    },
    kind: "crash",
    payload:
      '{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).","errorType":"Function.ResponseSizeTooLarge"}',
    errorType: "Function.ResponseSizeTooLarge",
  },
  {
    name: "a streamed response over 6 MB",
    act: async (runtime, id) => {
      const answer = await runtime.respond(id, Buffer.alloc(invokeResponseBytesMax + 1, "x"), {
        chunked: true,
        headers: { "Lambda-Runtime-Function-Response-Mode": "streaming" },
      });
      assert.equal(answer.status, 413);
    },
    kind: "crash",
    payload:
      '{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).","errorType":"Function.ResponseSizeTooLarge"}',
    errorType: "Function.ResponseSizeTooLarge",
  },
];

for (const { name, act, kind, payload, errorType, status = "idle" } of endings) {
  test(`I1 ${name}, and the environment goes on`, async (t) => {
    const driver = new ScriptedDriver(async (runtime) => {
      const event = await runtime.next();
      await act(runtime, event.requestId);
      await echo(runtime);
    });
    const { environment } = await stage(t, driver);
    await environment.initialised;
    const result = await environment.invoke(invocation("r-1"));
    assert.equal(payloadOf(result), payload);
    assert.equal(result.outcome.kind, kind);
    assert.equal("errorType" in result.outcome ? result.outcome.errorType : undefined, errorType);
    await environment.settled();
    assert.equal(environment.status, status);
    if (status === "down") return;
    assert.equal(payloadOf(await environment.invoke(invocation("r-2", '"next"'))), '"next"');
    await environment.settled();
  });
}

test("the largest response that is allowed comes back whole", async (t) => {
  const { environment } = await stage(t, new ScriptedDriver(echo));
  await environment.initialised;
  const largest = `"${"x".repeat(invokeResponseBytesMax - 2)}"`;
  assert.equal(payloadOf(await environment.invoke(invocation("1", largest))), largest);
  await environment.settled();
});

test("I1 a function that runs too long is killed, and the next invocation starts another", async (t) => {
  const driver = new ScriptedDriver(async (runtime) => {
    await runtime.next();
    await forever;
  }, echo);
  const { environment, clock, lines } = await stage(t, driver, { spec: { timeoutMs: 1000 } });
  await environment.initialised;
  const running = environment.invoke(invocation("r-1"));
  await clock.advance(999);
  assert.equal(environment.status, "busy");
  await clock.advance(1);
  const result = await running;
  assert.equal(
    payloadOf(result),
    '{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: r-1 Error: Task timed out after 1.00 seconds"}',
  );
  assert.deepEqual([result.outcome.kind, result.durationMs, environment.status], ["timeout", 1000, "down"]);
  await environment.settled();
  assert.equal(driver.destroyed, 1);

  const second = await environment.invoke(invocation("r-2", "2"));
  assert.equal(payloadOf(second), "2");
  assert.equal(second.initMs, undefined);
  await environment.settled();
  assert.equal(environment.status, "idle");
  assert.equal(driver.started.length, 2);
  assert.notEqual(driver.started[0]?.spec.id, driver.started[1]?.spec.id);
  // A suppressed init that succeeds is not written about.
  assert.equal(lines().filter((line) => line.startsWith("INIT_")).length, 1);
});

test("a suppressed init counts into the duration, has the function's share of CPU, and finds the same /tmp", async (t) => {
  const go = Promise.withResolvers<void>();
  const driver = new ScriptedDriver(
    async (runtime) => {
      await runtime.next();
      await runtime.exit(1);
    },
    async (runtime) => {
      await go.promise;
      await echo(runtime);
    },
  );
  const { environment, clock } = await stage(t, driver);
  await environment.initialised;
  await environment.invoke(invocation("r-1"));
  await environment.settled();
  const running = environment.invoke(invocation("r-2", "2"));
  await until(() => driver.started.length === 2, "the second runtime is started");
  await clock.advance(700);
  go.resolve();
  const result = await running;
  assert.deepEqual([payloadOf(result), result.durationMs, result.initMs], ["2", 700, undefined]);
  const [first, second] = driver.started.map(({ spec }) => spec);
  assert.deepEqual([first?.cpus, second?.cpus], [2, 128 / 1769]);
  assert.equal(first?.tmpName, second?.tmpName);
  assert.deepEqual(driver.removedTmps, []);
  await environment.shutdown();
  assert.deepEqual(driver.removedTmps, [first?.tmpName], "and it ends with the environment");
});

test("the time that a sandbox takes to be made again is not the function's", async (t) => {
  const made = Promise.withResolvers<void>();
  const driver = new ScriptedDriver(async (runtime) => {
    await runtime.next();
    await runtime.exit(1);
  }, echo);
  const { environment, clock, lines } = await stage(t, driver);
  await environment.initialised;
  await environment.invoke(invocation("r-1"));
  await environment.settled();
  driver.ready = made.promise;
  const running = environment.invoke(invocation("r-2", "2"));
  await clock.advance(60_000);
  assert.equal(environment.status, "busy");
  made.resolve();
  const result = await running;
  assert.deepEqual([payloadOf(result), result.durationMs], ["2", 0]);
  await environment.settled();
  assert.match(lines().at(-1) ?? "", /^REPORT RequestId: r-2\tDuration: 0\.00 ms\t/);
});

test("an INIT of more than 10 s is repeated inside the first invocation, under the function's timeout", async (t) => {
  const driver = new ScriptedDriver(() => forever);
  const { environment, clock, lines } = await stage(t, driver, { spec: { timeoutMs: 3000 } });
  await until(() => driver.started.length === 1, "the runtime is started");
  await clock.advance(9999);
  assert.equal(environment.status, "starting");
  await clock.advance(1);
  await environment.initialised;
  assert.equal(environment.status, "down");
  assert.equal(lines()[1], "INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout");

  const running = environment.invoke(invocation("r-1"));
  await until(() => driver.started.length === 2, "the second runtime is started");
  await clock.advance(3000);
  const result = await running;
  assert.equal(
    payloadOf(result),
    '{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: r-1 Error: Task timed out after 3.00 seconds"}',
  );
  await environment.settled();
  assert.deepEqual([result.durationMs, environment.status, driver.destroyed], [3000, "down", 2]);
  assert.equal(lines()[2], "INIT_REPORT Init Duration: 3000.00 ms\tPhase: invoke\tStatus: timeout");
});

test("an error during INIT is tried once more by the first invocation, which reports it", async (t) => {
  const body =
    '{"errorMessage":"No module named x","errorType":"Runtime.ImportModuleError","requestId":"","stackTrace":[]}';
  const driver = new ScriptedDriver(async (runtime) => {
    runtime.print("traceback\n");
    await runtime.initError(body, {
      headers: { "Lambda-Runtime-Function-Error-Type": "Runtime.ImportModuleError" },
    });
    await forever;
  });
  const { environment, lines } = await stage(t, driver);
  await environment.initialised;
  assert.equal(environment.status, "down");
  const result = await environment.invoke(invocation("r-1"));
  assert.equal(payloadOf(result), body);
  assert.equal(result.outcome.kind === "crash" && result.outcome.errorType, "Runtime.ImportModuleError");
  await environment.settled();
  assert.deepEqual(lines().slice(1), [
    "traceback",
    "INIT_REPORT Init Duration: 0.00 ms\tPhase: init\tStatus: error\tError Type: Runtime.ImportModuleError",
    "traceback",
    "INIT_REPORT Init Duration: 0.00 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.ImportModuleError",
    "START RequestId: r-1 Version: $LATEST",
    "END RequestId: r-1",
    "REPORT RequestId: r-1\tDuration: 0.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\tMax Memory Used: 1 MB" +
      "\tStatus: error\tError Type: Runtime.ImportModuleError",
  ]);
  assert.equal(driver.destroyed, 2);
});

test("a runtime that exits during INIT is started again by the first invocation", async (t) => {
  const driver = new ScriptedDriver((runtime) => runtime.exit(1), echo);
  const { environment, lines } = await stage(t, driver);
  await environment.initialised;
  assert.equal(environment.status, "down");
  assert.equal(
    lines()[1],
    "INIT_REPORT Init Duration: 0.00 ms\tPhase: init\tStatus: error\tError Type: Runtime.ExitError",
  );
  assert.equal(payloadOf(await environment.invoke(invocation("r-1", "1"))), "1");
  await environment.settled();
});

test("a runtime that exits in both inits is an exit to the caller", async (t) => {
  const { environment } = await stage(t, new ScriptedDriver((runtime) => runtime.exit(3)));
  await environment.initialised;
  assert.equal(
    payloadOf(await environment.invoke(invocation("r-1"))),
    '{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r-1 Error: Runtime exited with error: exit status 3"}',
  );
  await environment.settled();
});

test("a sandbox that cannot be made is a failure of the sandbox, and the next invocation tries again", async (t) => {
  const driver = new ScriptedDriver(echo);
  driver.failure = "no cgroup";
  const { environment } = await stage(t, driver);
  await environment.initialised;
  assert.equal(environment.status, "down");
  assert.equal(
    payloadOf(await environment.invoke(invocation("r-1"))),
    '{"errorType":"Sandbox.Failure","errorMessage":"RequestId: r-1 Error: no cgroup"}',
  );
  await environment.settled();
  driver.failure = undefined;
  assert.equal(payloadOf(await environment.invoke(invocation("r-2", "2"))), "2");
  await environment.settled();
});

test("I1 a second answer is refused and changes nothing", async (t) => {
  const refusals: unknown[] = [];
  const { environment } = await stage(
    t,
    new ScriptedDriver(async (runtime) => {
      const { requestId } = await runtime.next();
      await runtime.respond(requestId, '"first"');
      for (const call of [runtime.respond(requestId, '"second"'), runtime.error(requestId, "{}")]) {
        const { status, body } = await call;
        refusals.push([status, body]);
      }
      await runtime.next();
    }),
  );
  await environment.initialised;
  assert.equal(payloadOf(await environment.invoke(invocation("r-1"))), '"first"');
  await environment.settled();
  assert.deepEqual(refusals, [
    refusal("ResponseSent", "InvocationResponse"),
    refusal("ResponseSent", "InvocationErrorResponse"),
  ]);
});

test("I2 while an invocation runs, another is not taken, and the runtime gets no second event", async (t) => {
  const seen: unknown[] = [];
  const { environment } = await stage(
    t,
    new ScriptedDriver(async (runtime) => {
      const { requestId } = await runtime.next();
      const again = await runtime.next();
      seen.push([again.status, again.body]);
      await runtime.respond(requestId, "1");
      await runtime.next();
    }),
  );
  await assert.rejects(environment.invoke(invocation("r-0")), InvariantError);
  await environment.initialised;
  const running = environment.invoke(invocation("r-1"));
  await assert.rejects(environment.invoke(invocation("r-2")), InvariantError);
  assert.equal(payloadOf(await running), "1");
  assert.deepEqual(seen, [refusal("Running", "Ready")]);
  await environment.settled();
});

test("an answer to another request is refused, and the right one still counts", async (t) => {
  const seen: unknown[] = [];
  const { environment } = await stage(
    t,
    new ScriptedDriver(async (runtime) => {
      const { requestId } = await runtime.next();
      for (const call of [runtime.respond("other", "0"), runtime.error("other", "{}")]) {
        const { status, body } = await call;
        seen.push([status, body]);
      }
      await runtime.respond(requestId, "1");
      await runtime.next();
    }),
  );
  await environment.initialised;
  assert.equal(payloadOf(await environment.invoke(invocation("r-1"))), "1");
  await environment.settled();
  const invalid = [400, '{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}'];
  assert.deepEqual(seen, [invalid, invalid]);
});

test("calls out of turn are refused with AWS's words", async (t) => {
  const seen: unknown[] = [];
  const done = Promise.withResolvers<void>();
  const { environment } = await stage(
    t,
    new ScriptedDriver(async (runtime) => {
      const note = async (call: Promise<{ status: number; body: string }>) => {
        const { status, body } = await call;
        seen.push([status, body]);
      };
      await note(runtime.respond("r-1", "1"));
      void runtime.next();
      await until(() => environment.status === "idle", "the first `next` has arrived");
      await note(runtime.next());
      await note(runtime.error("r-1", "{}"));
      await note(runtime.initError("{}"));
      done.resolve();
      await forever;
    }),
  );
  await done.promise;
  assert.deepEqual(seen, [
    refusal("Started", "InvocationResponse"),
    refusal("Ready", "Ready"),
    refusal("Ready", "InvocationErrorResponse"),
    refusal("Ready", "InitError"),
  ]);
});

test("a runtime that answers and exits at once has answered", async (t) => {
  const driver = new ScriptedDriver(async (runtime) => {
    const { requestId } = await runtime.next();
    const socket = runtime.connect();
    await new Promise((resolve) => socket.once("connect", resolve));
    socket.write(
      `POST /2018-06-01/runtime/invocation/${requestId}/response HTTP/1.1\r\nContent-Length: 6\r\n\r\n"done"`,
    );
    await runtime.exit(0);
  });
  const { environment } = await stage(t, driver);
  await environment.initialised;
  assert.equal(payloadOf(await environment.invoke(invocation("r-1"))), '"done"');
  await environment.settled();
  assert.equal(environment.status, "down");
});

test("a runtime that answers and never asks for more is killed when the time is up", async (t) => {
  const driver = new ScriptedDriver(async (runtime) => {
    const { requestId } = await runtime.next();
    await runtime.respond(requestId, "1");
    await forever;
  }, echo);
  const { environment, clock } = await stage(t, driver);
  await environment.initialised;
  assert.equal(payloadOf(await environment.invoke(invocation("r-1"))), "1");
  let isSettled = false;
  const settled = environment.settled().then(() => (isSettled = true));
  await clock.advance(2999);
  assert.deepEqual([isSettled, environment.status], [false, "busy"]);
  await clock.advance(1);
  await settled;
  assert.equal(environment.status, "down");
});

test("a runtime whose connection breaks while it waits may ask again, and gets the event", async (t) => {
  const driver = new ScriptedDriver(async (runtime) => {
    const socket = runtime.connect();
    socket.write("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n");
    await until(() => environment.status === "idle", "the poll has arrived");
    socket.destroy();
    await until(() => socket.closed, "the connection is closed");
    for (let round = 0; round < 5; round += 1) await new Promise((resolve) => setImmediate(resolve));
    lost.resolve();
    await again.promise;
    await echo(runtime);
  });
  const again = Promise.withResolvers<void>();
  const lost = Promise.withResolvers<void>();
  const { environment } = await stage(t, driver);
  await environment.initialised;
  await lost.promise;
  const running = environment.invoke(invocation("r-1", "1"));
  again.resolve();
  assert.equal(payloadOf(await running), "1");
  await environment.settled();
});

test("a runtime that dies while idle is started again by the next invocation", async (t) => {
  const die = Promise.withResolvers<void>();
  const driver = new ScriptedDriver(async (runtime) => {
    void runtime.next();
    await die.promise;
    await runtime.exit(9);
  }, echo);
  const { environment } = await stage(t, driver);
  await environment.initialised;
  die.resolve();
  await until(() => environment.status === "down", "its end is noticed");
  assert.equal(payloadOf(await environment.invoke(invocation("r-1", "1"))), "1");
  await environment.settled();
});

test("shutdown ends a running invocation, destroys the sandbox, and may be called twice", async (t) => {
  const driver = new ScriptedDriver(async (runtime) => {
    await runtime.next();
    await forever;
  });
  const { environment, clock } = await stage(t, driver);
  await environment.initialised;
  const running = environment.invoke(invocation("r-1"));
  await Promise.all([environment.shutdown(), environment.shutdown()]);
  assert.equal(
    payloadOf(await running),
    '{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r-1 Error: Runtime exited with error: signal: killed"}',
  );
  await environment.settled();
  await environment.shutdown();
  assert.deepEqual([environment.status, driver.destroyed, clock.pending], ["dead", 1, 0]);
});

test("shutdown during INIT ends it, and no timer is left", async (t) => {
  const driver = new ScriptedDriver(() => forever);
  const { environment, clock } = await stage(t, driver);
  await environment.shutdown();
  await environment.initialised;
  assert.deepEqual([environment.status, clock.pending], ["dead", 0]);
  await until(() => driver.destroyed === driver.started.length, "whatever was made is destroyed");
});

function refusal(from: string, to: string): unknown[] {
  const errorMessage = `State transition from ${from} to ${to} failed for runtime. Error: State transition is not allowed`;
  return [403, JSON.stringify({ errorMessage, errorType: "InvalidStateTransition" })];
}
