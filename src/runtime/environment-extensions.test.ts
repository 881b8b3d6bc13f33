/** The environment with extensions, played by scripts: whose `next` it waits for, whose time is whose, how it ends. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { invocation, payloadOf, stage as plainStage, until } from "../../test/harness/runtime-stage.ts";
import type { Stage, StageOptions } from "../../test/harness/runtime-stage.ts";
import type { ApiAnswer, ScriptedRuntime } from "../../test/harness/scripted-runtime.ts";
import { forever, ScriptedDriver } from "../../test/harness/scripted-runtime.ts";

const api = "/2020-01-01/extension";

/** An internal extension, driven by the test through its environment's Extensions API. */
class Agent {
  readonly #runtime: ScriptedRuntime;
  readonly #headers: Record<string, string>;
  /** What it was told. */
  readonly events: Record<string, unknown>[] = [];

  private constructor(runtime: ScriptedRuntime, identifier: string) {
    this.#runtime = runtime;
    this.#headers = { "Lambda-Extension-Identifier": identifier };
  }

  static async register(runtime: ScriptedRuntime): Promise<Agent> {
    const answer = await register(runtime, "agent");
    assert.equal(answer.status, 200);
    return new Agent(runtime, String(answer.headers["lambda-extension-identifier"]));
  }

  /** Asks for the next event and goes on; it is in `events` when it has come. */
  ask(): void {
    void this.#runtime
      .call("GET", `${api}/event/next`, undefined, { headers: this.#headers })
      .then(({ body }) => {
        this.events.push(JSON.parse(body) as Record<string, unknown>);
      });
  }

  subscribe(): Promise<ApiAnswer> {
    const destination = { protocol: "HTTP", URI: "http://sandbox.localdomain:1/" };
    const body = JSON.stringify({ types: ["platform"], destination });
    return this.#runtime.call("PUT", "/2022-07-01/telemetry", body, { headers: this.#headers });
  }

  fail(): Promise<ApiAnswer> {
    const headers = { ...this.#headers, "Lambda-Extension-Function-Error-Type": "Agent.Broken" };
    return this.#runtime.call("POST", `${api}/exit/error`, "", { headers });
  }
}

function register(runtime: ScriptedRuntime, name: string): Promise<ApiAnswer> {
  const headers = { "Lambda-Extension-Name": name };
  return runtime.call("POST", `${api}/register`, '{"events":["INVOKE"]}', { headers });
}

interface AgentStage extends Stage {
  /** One for each start, once it has registered. */
  readonly agents: readonly Agent[];
}

/** A runtime that registers an agent and echoes. `asks`: the agent asks by itself after the start. */
async function stage(
  t: TestContext,
  options: StageOptions & { readonly asks?: boolean } = {},
): Promise<AgentStage> {
  const agents: Agent[] = [];
  const driver = new ScriptedDriver(async (runtime) => {
    const agent = await Agent.register(runtime);
    agents.push(agent);
    if (options.asks ?? true) agent.ask();
    for (;;) {
      const event = await runtime.next();
      if (event.body === '"hang"') await forever;
      await runtime.respond(event.requestId, event.body);
    }
  });
  let made: Stage | undefined;
  // Before the stage's own end, which lets no time pass.
  t.after(() => made && ended(made));
  made = await plainStage(t, driver, options);
  return { ...made, agents };
}

/** Shuts it down, in whatever state it is, with the time that this takes. */
async function ended({ environment, clock }: Stage): Promise<void> {
  let isGone = false;
  void environment.shutdown().then(() => (isGone = true));
  await until(async () => {
    await clock.advance(100);
    return isGone;
  }, "it is gone");
}

const reports = ({ lines }: Stage) => lines().filter((line) => line.startsWith("REPORT "));

test("INIT ends when runtime and extension have asked for work, whoever is last", async (t) => {
  const made = await stage(t, { asks: false });
  const { environment, agents, clock } = made;
  await until(() => agents.length === 1, "the agent has registered");
  await clock.advance(250);
  assert.equal(environment.status, "starting");
  agents[0]?.ask();
  await environment.initialised;
  assert.equal(environment.status, "idle");
  const result = await environment.invoke(invocation("r-1", "1"));
  assert.deepEqual([payloadOf(result), result.initMs], ["1", 250]);
  assert.ok(made.lines().includes("EXTENSION\tName: agent\tState: Ready\tEvents: [INVOKE]"));
});

test("I2 the caller has its answer, the environment is busy until the extension asks for more, and that is billed", async (t) => {
  const made = await stage(t);
  const { environment, agents, clock } = made;
  await environment.initialised;
  const result = await environment.invoke(invocation("r-1", "1"));
  assert.deepEqual([payloadOf(result), result.durationMs], ["1", 0]);
  await until(() => agents[0]?.events.length === 1, "the agent has its event");
  assert.deepEqual(agents[0]?.events[0], {
    eventType: "INVOKE",
    deadlineMs: clock.now() + 3000,
    requestId: "r-1",
    invokedFunctionArn: "arn:aws:lambda:us-east-1:000000000000:function:echo",
    tracing: { type: "X-Amzn-Trace-Id", value: "Root=1-00000000-000000000000000000000000" },
  });
  await clock.advance(120.5);
  assert.deepEqual([environment.status, reports(made)], ["busy", []]);
  agents[0]?.ask();
  await environment.settled();
  assert.equal(environment.status, "idle");
  assert.match(reports(made)[0] ?? "", /\tDuration: 120\.50 ms\tBilled Duration: 121 ms\t/);
});

test("the function's timeout is the extension's too, and does not change an answer that was given", async (t) => {
  const made = await stage(t);
  const { environment, clock } = made;
  await environment.initialised;
  assert.equal(payloadOf(await environment.invoke(invocation("r-1", "1"))), "1");
  await clock.advance(3000);
  await until(async () => {
    await clock.advance(100);
    return reports(made).length === 1;
  }, "REPORT is written");
  assert.match(reports(made)[0] ?? "", /\tDuration: 3000\.00 ms\t.*\tStatus: timeout\t?$/);
  assert.equal(environment.status, "down");
});

test("an extension that fails ends the invocation; the next one starts both anew, START behind their init", async (t) => {
  const made = await stage(t);
  const { environment, agents, clock } = made;
  await environment.initialised;
  const running = environment.invoke(invocation("r-1", '"hang"'));
  await until(() => agents[0]?.events.length === 1, "the agent has its event");
  assert.equal((await agents[0]?.fail())?.status, 202);
  assert.equal(
    payloadOf(await running),
    '{"errorType":"Extension.ExitError","errorMessage":"RequestId: r-1 Error: agent: Agent.Broken"}',
  );
  // The runtime has 500 ms to end; this one does not use them.
  let isSettled = false;
  void environment.settled().then(() => (isSettled = true));
  await clock.advance(499);
  assert.equal(isSettled, false);
  await until(async () => {
    await clock.advance(1);
    return isSettled;
  }, "it is settled");
  assert.equal(environment.status, "down");

  const again = environment.invoke(invocation("r-2", "2"));
  await until(() => agents.length === 2, "the second agent has registered");
  assert.equal(payloadOf(await again), "2");
  const lines = made.lines();
  const start = lines.indexOf("START RequestId: r-2 Version: $LATEST");
  const ready = lines.lastIndexOf("EXTENSION\tName: agent\tState: Ready\tEvents: [INVOKE]");
  assert.ok(0 < ready && ready < start);
});

test("an extension that never asks fails INIT after 10 s", async (t) => {
  const made = await stage(t, { asks: false });
  const { environment, agents, clock, lines } = made;
  await until(() => agents.length === 1, "the agent has registered");
  await clock.advance(10_000);
  await until(() => environment.status === "down", "INIT has failed");
  await clock.advance(500);
  await environment.initialised;
  assert.deepEqual(lines().slice(-2), [
    "EXTENSION\tName: agent\tState: Registered\tEvents: [INVOKE]",
    "INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout",
  ]);
});

test("nobody registers or subscribes after INIT", async (t) => {
  const { environment, agents, driver } = await stage(t);
  await environment.initialised;
  const [agent, runtime] = [agents[0], driver.started[0]];
  assert(agent && runtime);
  assert.deepEqual(
    [await register(runtime, "late"), await agent.subscribe()].map(({ status, body }) => [status, body]),
    [
      [
        403,
        '{"errorMessage":"Extension registration closed already","errorType":"Extension.RegistrationClosed"}',
      ],
      [
        403,
        '{"errorMessage":"Telemetry API subscription is closed already","errorType":"Telemetry.SubscriptionClosed"}',
      ],
    ],
  );
});

test("a subscription in INIT is accepted, and said in the log", async (t) => {
  const { environment, agents, lines } = await stage(t, { asks: false });
  await until(() => agents.length === 1, "the agent has registered");
  const answer = await agents[0]?.subscribe();
  assert.deepEqual([answer?.status, answer?.body], [200, "OK"]);
  agents[0]?.ask();
  await environment.initialised;
  assert.ok(lines().includes("TELEMETRY\tName: agent\tState: Subscribed\tTypes: [Platform]"));
});

test("shut down while idle, a runtime with an extension gets SIGTERM and 500 ms", async (t) => {
  const made = await stage(t);
  const { environment, clock, driver } = made;
  await environment.initialised;
  let isGone = false;
  void environment.shutdown().then(() => (isGone = true));
  await clock.advance(499);
  assert.deepEqual([isGone, driver.destroyed], [false, 0]);
  await until(async () => {
    await clock.advance(1);
    return isGone;
  }, "it is gone");
  assert.equal(driver.destroyed, 1);
});
