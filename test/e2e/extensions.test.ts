/**
 * Extensions with real functions: the two of `examples/extensions` as layers, their events, telemetry that is shipped
 * out of the sandbox, what SHUTDOWN they get, whose time is whose, and every way in which one may fail.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import {
  CloudWatchLogsClient,
  FilterLogEventsCommand,
  ResourceNotFoundException,
} from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateFunctionCommand,
  type CreateFunctionCommandInput,
  CreateFunctionUrlConfigCommand,
  InvokeCommand,
  LambdaClient,
  PublishLayerVersionCommand,
  PutFunctionConcurrencyCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
} from "@aws-sdk/client-lambda";
import { works } from "../harness/command.ts";
import { openUrl, urlByPath } from "../harness/public-url.ts";
import type { RunningServer } from "../harness/server.ts";
import { startServer } from "../harness/server.ts";
import { until } from "../harness/wait.ts";
import { zipOf, type ZipSources } from "../harness/zip.ts";

const examples = resolve(import.meta.dirname, "../../examples/extensions");
const waiting = { maxWaitTime: 120, minDelay: 1, maxDelay: 1 };
const executable = 0o100755;
const dataDir = mkdtempSync(join(tmpdir(), "lambdad-extensions-data-"));
const buildDir = mkdtempSync(join(tmpdir(), "lambdad-extensions-"));
let server: RunningServer;
let lambda: LambdaClient;
let logs: CloudWatchLogsClient;

before(start);

async function start(): Promise<void> {
  server = await startServer({ dataDir });
  const client = {
    endpoint: server.url,
    region: "us-east-1",
    maxAttempts: 1,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  };
  lambda = new LambdaClient(client);
  logs = new CloudWatchLogsClient(client);
}

after(async () => {
  const code = await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
  rmSync(buildDir, { recursive: true, force: true });
  assert.equal(code, 0);
});

const code = {
  "index.mjs": `
    export const handler = async ({ sleepMs, exit, say }) => {
      if (say) console.log(say);
      if (sleepMs) await new Promise((resolve) => setTimeout(resolve, sleepMs));
      if (exit !== undefined) process.exit(exit);
      return say ?? null;
    };
  `,
};

async function layer(name: string, sources: ZipSources): Promise<string> {
  const ZipFile = await zipOf(sources);
  const published = await lambda.send(
    new PublishLayerVersionCommand({ LayerName: name, Content: { ZipFile } }),
  );
  return published.LayerVersionArn ?? "";
}

async function created(
  name: string,
  more: Partial<CreateFunctionCommandInput>,
  sources: ZipSources = code,
): Promise<void> {
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Role: "arn:aws:iam::000000000000:role/any",
      Runtime: "nodejs24.x",
      Handler: "index.handler",
      Timeout: 20,
      Code: { ZipFile: await zipOf(sources) },
      ...more,
    }),
  );
  await waitUntilFunctionActiveV2({ client: lambda, ...waiting }, { FunctionName: name });
}

interface Invoked {
  readonly error: string | undefined;
  readonly payload: unknown;
}

async function invoked(name: string, payload: object = {}): Promise<Invoked> {
  const answer = await lambda.send(
    new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(payload) }),
  );
  return {
    error: answer.FunctionError,
    payload: JSON.parse(Buffer.from(answer.Payload ?? []).toString()) as unknown,
  };
}

async function logged(name: string): Promise<readonly string[]> {
  const request = new FilterLogEventsCommand({ logGroupName: `/aws/lambda/${name}`, limit: 10_000 });
  try {
    const { events = [] } = await logs.send(request);
    return events.map(({ message = "" }) => message.trimEnd());
  } catch (error) {
    // The group is made with its first lines.
    if (error instanceof ResourceNotFoundException) return [];
    throw error;
  }
}

/** Every line, once there are `count` that match. */
function linesWith(name: string, pattern: RegExp, count = 1): Promise<readonly string[]> {
  return until(`${count} lines of ${name} match ${String(pattern)}`, async () => {
    const lines = await logged(name);
    return lines.filter((line) => pattern.test(line)).length >= count && lines;
  });
}

/** The environments end: nobody is invoked in the old ones any more. */
async function changed(name: string): Promise<void> {
  await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName: name, Description: "changed" }));
}

interface WatchedEvent {
  readonly eventType: "INVOKE" | "SHUTDOWN";
  readonly shutdownReason?: string;
  readonly requestId?: string;
  readonly deadlineMs: number;
  readonly invokedFunctionArn?: string;
  readonly tracing?: { readonly type: string; readonly value: string };
}

const watched = (lines: readonly string[]): WatchedEvent[] =>
  lines
    .filter((line) => line.startsWith('watcher: {"eventType"'))
    .map((line) => JSON.parse(line.slice("watcher: ".length)) as WatchedEvent);

let watcherLayer: Promise<string> | undefined;

/** Built from its C source once; undefined without a compiler. */
function watcher(): Promise<string> | undefined {
  if (!works("cc", ["--version"])) return undefined;
  watcherLayer ??= (async () => {
    const program = join(buildDir, "watcher");
    execFileSync("cc", ["-O2", "-static", "-o", program, join(examples, "watcher/watcher.c")]);
    return layer("watcher", {
      "extensions/watcher": { content: readFileSync(program), mode: executable },
    });
  })();
  return watcherLayer;
}

test("an external extension gets INVOKE and SHUTDOWN with all they have, and its output is logged", async (t) => {
  const layerArn = await watcher();
  if (layerArn === undefined) return t.skip("there is no C compiler");
  // With a whole CPU, so that one environment is back before the next request has lost its patience.
  await created("watched", { Layers: [layerArn], Timeout: 2, MemorySize: 1769 });
  assert.deepEqual(await invoked("watched", { say: "one" }), { error: undefined, payload: "one" });
  const slow = await invoked("watched", { sleepMs: 9000 });
  assert.match(JSON.stringify(slow), /Sandbox\.Timedout.*Task timed out after 2\.00 seconds/);
  assert.deepEqual(await invoked("watched", { say: "two" }), { error: undefined, payload: "two" });
  const crash = await invoked("watched", { exit: 3 });
  assert.match(JSON.stringify(crash), /Runtime\.ExitError.*exit status 3/);
  assert.deepEqual(await invoked("watched", { say: "three" }), { error: undefined, payload: "three" });
  await changed("watched");
  const lines = await linesWith("watched", /"shutdownReason":"spindown"/);

  const facts = lines.find((line) => line.startsWith("watcher: registered "));
  assert.deepEqual(JSON.parse(facts?.slice("watcher: registered ".length) ?? ""), {
    functionName: "watched",
    functionVersion: "$LATEST",
    handler: "index.handler",
    accountId: "000000000000",
  });
  const events = watched(lines);
  const requestIds = lines.flatMap((line) => /^START RequestId: (\S+)/.exec(line)?.[1] ?? []);
  assert.deepEqual(
    events.filter(({ eventType }) => eventType === "INVOKE").map(({ requestId }) => requestId),
    requestIds,
  );
  assert.equal(requestIds.length, 5);
  const [first] = events;
  assert.equal(first?.invokedFunctionArn, "arn:aws:lambda:us-east-1:000000000000:function:watched");
  assert.match(first?.tracing?.value ?? "", /^Root=1-[0-9a-f]{8}-[0-9a-f]{24}/);
  assert.equal(first?.tracing?.type, "X-Amzn-Trace-Id");
  // On a busy machine a second environment may have been started, and spun down with the first.
  const reasons = new Set(events.flatMap(({ shutdownReason }) => shutdownReason ?? []));
  assert.deepEqual([...reasons], ["timeout", "failure", "spindown"]);
  // Of the timeout: REPORT is written before the extensions are told, and says why.
  const report = lines.findIndex((line) => /^REPORT .*\tStatus: timeout/.test(line));
  const shutdown = lines.findIndex((line) => line.includes('"shutdownReason":"timeout"'));
  assert.ok(report > 0 && report < shutdown, "REPORT comes before SHUTDOWN");
  assert.equal(
    lines.filter((line) => line === "EXTENSION\tName: watcher\tState: Ready\tEvents: [INVOKE, SHUTDOWN]")
      .length,
    3,
  );
  assert.deepEqual(
    lines.filter((line) => line === "Terminated" || line === "Killed"),
    [],
  );
});

test("the caller does not wait for extensions, the environment does, and their time is billed", async (t) => {
  const layerArn = await watcher();
  if (layerArn === undefined) return t.skip("there is no C compiler");
  const holdMs = 1000;
  await created("held", {
    Layers: [layerArn],
    Environment: { Variables: { WATCHER_HOLD_MS: String(holdMs) } },
  });
  await lambda.send(
    new PutFunctionConcurrencyCommand({ FunctionName: "held", ReservedConcurrentExecutions: 1 }),
  );
  await invoked("held", { say: "one" });
  // The only permit is taken for as long as the extension is at work.
  await assert.rejects(invoked("held", { say: "two" }), { name: "TooManyRequestsException" });
  const lines = await linesWith("held", /^REPORT /);
  const [, duration = "", billed = "", init = ""] =
    /Duration: (\S+) ms\tBilled Duration: (\d+) ms\t.*Init Duration: (\S+) ms/.exec(
      lines.find((line) => line.startsWith("REPORT ")) ?? "",
    ) ?? [];
  assert.ok(Number(duration) >= holdMs, `Duration ${duration} has the extension's ${holdMs} ms`);
  assert.equal(Number(billed), Math.ceil(Number(duration) + Number(init)));
  assert.equal((await until("it is free", () => invoked("held").catch(() => undefined))).error, undefined);
});

test("an extension that works longer than the function's timeout ends the environment, not the answer", async (t) => {
  const layerArn = await watcher();
  if (layerArn === undefined) return t.skip("there is no C compiler");
  await created("overdue", {
    Layers: [layerArn],
    Timeout: 1,
    Environment: { Variables: { WATCHER_HOLD_MS: "60000" } },
  });
  assert.deepEqual(await invoked("overdue", { say: "one" }), { error: undefined, payload: "one" });
  const lines = await linesWith("overdue", /^REPORT .*\tStatus: timeout/);
  assert.equal(lines.filter((line) => line.startsWith("REPORT ")).length, 1);
});

/** Logs what is sent to it: what an HTTP endpoint outside of the sandbox would keep. */
const collector = {
  "index.mjs": `
    export const handler = async ({ body, isBase64Encoded }) => {
      if (body === undefined) return process.env.AWS_ENDPOINT_URL;
      const events = JSON.parse(isBase64Encoded ? Buffer.from(body, "base64").toString() : body);
      for (const event of events) process.stdout.write("shipped " + JSON.stringify(event) + "\\n");
      return { statusCode: 200 };
    };
  `,
};

interface Shipped {
  readonly time: string;
  readonly type: string;
  readonly record: Readonly<Record<string, unknown>> | string;
}

test("an extension ships telemetry: every type of event, in order, in AWS's schema", async (t) => {
  if (!works("node", ["--version"])) return t.skip("there is no Node.js for the extension");
  await created("collector", {}, collector);
  await openUrl(lambda, { FunctionName: "collector" });
  const { FunctionUrl = "" } = await lambda.send(
    new CreateFunctionUrlConfigCommand({ FunctionName: "collector", AuthType: "NONE" }),
  );
  const { payload: endpoint } = await invoked("collector");
  const shipper = await layer("log-shipper", {
    "extensions/log-shipper": {
      content: readFileSync(join(examples, "log-shipper/log-shipper")),
      mode: executable,
    },
  });
  await created("shipped", {
    Layers: [shipper],
    MemorySize: 1769, // a whole CPU: SHUTDOWN has its 2 s however busy this machine is
    LoggingConfig: { LogFormat: "JSON", ApplicationLogLevel: "INFO", SystemLogLevel: "INFO" },
    Environment: { Variables: { LOG_SHIPPER_URL: urlByPath(String(endpoint), FunctionUrl) } },
  });
  await invoked("shipped", { say: "a line\nand its second" });
  await invoked("shipped", { exit: 9 });
  const shipped = await linesWith("collector", /^shipped .*"platform\.report"/, 2);
  const events = shipped
    .filter((line) => line.startsWith("shipped "))
    .map((line) => JSON.parse(line.slice("shipped ".length)) as Shipped);
  for (const { time } of events) assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const isSubscription = ({ type }: Shipped) => type === "platform.telemetrySubscription";
  // The runtime starts when the extension has registered, so either may be ready first.
  assert.deepEqual(
    events.filter(isSubscription).map(({ record }) => record),
    [{ name: "log-shipper", state: "Subscribed", types: ["platform", "function", "extension"] }],
  );
  const others = events.filter((event) => !isSubscription(event));
  assert.deepEqual(
    others.map(({ type }) => type),
    [
      "platform.initStart",
      "platform.initRuntimeDone",
      "platform.extension",
      "platform.initReport",
      "platform.start",
      "function",
      "platform.runtimeDone",
      "platform.report",
      "platform.start",
      "platform.runtimeDone",
      "platform.report",
    ],
  );
  const [, , ready, , start, line, done, , , crashed, report] = others.map(
    ({ record }) => record as Record<string, unknown>,
  );
  assert.deepEqual(ready, { name: "log-shipper", state: "Ready", events: ["INVOKE", "SHUTDOWN"] });
  assert.deepEqual([line?.["message"], line?.["level"]], ["a line\nand its second", "INFO"]);
  assert.equal(line?.["requestId"], start?.["requestId"]);
  assert.equal(done?.["status"], "success");
  assert.deepEqual([crashed?.["status"], crashed?.["errorType"]], ["error", "Runtime.ExitError"]);
  assert.deepEqual([report?.["status"], report?.["errorType"]], ["error", "Runtime.ExitError"]);
});

/** An extension that fails in the way that AGENT says. */
const agent = `#!/usr/bin/env node
const api = "http://" + process.env.AWS_LAMBDA_RUNTIME_API + "/2020-01-01/extension/";
const mode = process.env.AGENT;
const fail = (call, headers) =>
  fetch(api + call, { method: "POST", headers: { ...headers, "Lambda-Extension-Function-Error-Type": "Agent.Broken" } });
(async () => {
  if (mode === "crash before register") process.exit(4);
  const registered = await fetch(api + "register", {
    method: "POST",
    headers: { "Lambda-Extension-Name": "agent" },
    body: JSON.stringify({ events: ["INVOKE", "SHUTDOWN"] }),
  });
  const headers = { "Lambda-Extension-Identifier": registered.headers.get("lambda-extension-identifier") };
  if (mode === "crash after register") process.exit(0);
  if (mode === "init error") await fail("init/error", headers);
  for (;;) {
    const event = await (await fetch(api + "event/next", { headers })).json();
    if (event.eventType === "SHUTDOWN") return mode === "ignore shutdown" ? setInterval(() => {}, 1000) : process.exit();
    if (mode === "crash in invoke") process.exit(5);
    if (mode === "exit error") await fail("exit/error", headers);
    if (mode === "variables") console.log("agent: " + JSON.stringify(Object.keys(process.env)));
    if (mode === "name") {
      const { address } = await require("dns/promises").lookup("sandbox.localdomain");
      const own = Object.values(require("os").networkInterfaces()).flat().map((one) => one.address);
      console.log("agent: " + address + (own.includes(address) ? " is its own" : " is another's"));
    }
  }
})();
`;
const failures: readonly (readonly [mode: string, errorType: string, message: RegExp])[] = [
  ["crash before register", "Extension.Crash", /^RequestId: \S+ Error: exit status 4$/],
  ["crash after register", "Extension.Crash", /^RequestId: \S+ Error: exit code 0$/],
  ["init error", "Extension.InitError", /^RequestId: \S+ Error: agent: Agent\.Broken$/],
  ["crash in invoke", "Extension.Crash", /^RequestId: \S+ Error: exit status 5$/],
  ["exit error", "Extension.ExitError", /^RequestId: \S+ Error: agent: Agent\.Broken$/],
];

let agentLayer: Promise<string> | undefined;

function agentArn(): Promise<string> {
  agentLayer ??= layer("agent", { "extensions/agent": { content: agent, mode: executable } });
  return agentLayer;
}

for (const [mode, errorType, message] of failures) {
  test(`an extension's failure is the invocation's: ${mode}`, async () => {
    const name = `agent-${mode.replaceAll(" ", "-")}`;
    await created(name, {
      Layers: [await agentArn()],
      Environment: { Variables: { AGENT: mode } },
    });
    // The function itself would take its time: it is the extension that ends the invocation.
    const { error, payload } = await invoked(name, { sleepMs: 15_000 });
    const body = payload as { errorType: string; errorMessage: string };
    assert.deepEqual([error, body.errorType], ["Unhandled", errorType]);
    assert.match(body.errorMessage, message);
    const lines = await linesWith(name, /^REPORT /);
    assert.match(lines.join("\n"), new RegExp(`REPORT .*\tStatus: error\tError Type: ${errorType}`));
    if (mode.endsWith("register") || mode.startsWith("init")) {
      const reports = lines.filter((line) => line.startsWith("INIT_REPORT "));
      assert.deepEqual(
        reports.map((line) => line.replace(/^.*\tPhase/, "Phase")),
        ["init", "invoke"].map((phase) => `Phase: ${phase}\tStatus: error\tError Type: ${errorType}`),
      );
    }
  });
}

test("a file that is no program cannot be launched", async () => {
  const arn = await layer("no-program", { "extensions/readme": { content: "text", mode: 0o100644 } });
  await created("no-program", { Layers: [arn] });
  const { error, payload } = await invoked("no-program");
  assert.equal(error, "Unhandled");
  assert.match(
    JSON.stringify(payload),
    /"errorType":"Extension\.LaunchError","errorMessage":"RequestId: \S+ Error: fork\/exec \/opt\/extensions\/readme: permission denied"/,
  );
  const lines = await linesWith("no-program", /^EXTENSION\t/);
  const line = lines.find((one) => one.startsWith("EXTENSION"));
  assert.equal(line, "EXTENSION\tName: readme\tState: LaunchError\tEvents: []\tError Type: PermissionDenied");
});

test("an extension does not see the runtime's own variables, nor lambdad's", async () => {
  await created("variables", {
    Layers: [await agentArn()],
    Environment: { Variables: { AGENT: "variables", OWN: "1" } },
  });
  await invoked("variables");
  const lines = await linesWith("variables", /^agent: /);
  const line = lines.find((one) => one.startsWith("agent: ")) ?? "";
  const names = JSON.parse(line.slice("agent: ".length)) as string[];
  for (const name of ["AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_FUNCTION_NAME", "AWS_REGION", "OWN", "PATH"])
    assert.ok(names.includes(name), name);
  const hidden = new Set(["_HANDLER", "AWS_EXECUTION_ENV", "LAMBDA_TASK_ROOT", "AWS_LAMBDA_LOG_GROUP_NAME"]);
  assert.deepEqual(
    names.filter((name) => hidden.has(name) || name.startsWith("_LAMBDA")),
    [],
  );
});

test("sandbox.localdomain is the sandbox's own address", async (t) => {
  const health = (await (await fetch(`${server.url}/_lambdad/health`)).json()) as { isolation: string };
  if (health.isolation !== "bubblewrap") return t.skip(`there is no such name with ${health.isolation}`);
  await created("name", {
    Layers: [await agentArn()],
    Environment: { Variables: { AGENT: "name" } },
  });
  await invoked("name");
  const lines = await linesWith("name", /^agent: /);
  assert.ok(
    lines.some((line) => line.endsWith(" is its own")),
    lines.join("\n"),
  );
});

test("an extension that ignores SHUTDOWN is killed when its time is over, and the environment is gone", async () => {
  await created("stubborn", {
    Layers: [await agentArn()],
    Timeout: 1,
    Environment: { Variables: { AGENT: "ignore shutdown" } },
  });
  await invoked("stubborn");
  // The next invocation finds the environment again only when the old sandbox is gone.
  assert.match(JSON.stringify(await invoked("stubborn", { sleepMs: 5000 })), /Sandbox\.Timedout/);
  assert.deepEqual(await invoked("stubborn", { say: "again" }), { error: undefined, payload: "again" });
});

test("a runtime that is killed for memory beside an extension is out of memory, as without one", async (t) => {
  const health = (await (await fetch(`${server.url}/_lambdad/health`)).json()) as { isolation: string };
  if (health.isolation !== "bubblewrap") return t.skip(`memory is not limited with ${health.isolation}`);
  const greedy = `
    const kept = [];
    export const handler = async () => { for (;;) kept.push(Buffer.alloc(8 << 20, 1)); };
  `;
  const settings = { Layers: [await agentArn()], MemorySize: 256, Timeout: 120 };
  await created("greedy", settings, { "index.mjs": greedy });
  assert.match(JSON.stringify(await invoked("greedy")), /Runtime\.ExitError.*signal: killed/);
  await linesWith("greedy", /^REPORT .*\tStatus: error\tError Type: Runtime\.OutOfMemory/);
});

test("an internal extension registers from the runtime, gets INVOKE, and SIGTERM tells it of the end", async () => {
  const inside = {
    "index.mjs": `
      const api = "http://" + process.env.AWS_LAMBDA_RUNTIME_API + "/2020-01-01/extension/";
      const registration = await fetch(api + "register", {
        method: "POST",
        headers: { "Lambda-Extension-Name": "inside" },
        body: JSON.stringify({ events: ["INVOKE"] }),
      });
      const headers = { "Lambda-Extension-Identifier": registration.headers.get("lambda-extension-identifier") };
      const refused = await fetch(api + "register", {
        method: "POST",
        headers: { "Lambda-Extension-Name": "other" },
        body: JSON.stringify({ events: ["SHUTDOWN"] }),
      });
      console.log("refused: " + refused.status + " " + (await refused.text()));
      (async () => {
        for (;;) {
          const event = await (await fetch(api + "event/next", { headers })).json();
          console.log("inside: " + event.eventType + " " + event.requestId);
        }
      })();
      process.on("SIGTERM", () => { console.log("inside: terminated"); process.exit(0); });
      export const handler = async () => "answered";
    `,
  };
  await created("inside", {}, inside);
  assert.deepEqual(await invoked("inside"), { error: undefined, payload: "answered" });
  await changed("inside");
  const lines = await linesWith("inside", /inside: terminated/);
  const text = lines.join("\n");
  assert.match(
    text,
    /refused: 403 \{"errorMessage":"SHUTDOWN: .*","errorType":"Extension\.InvalidEventType"\}/,
  );
  const [, requestId] = /START RequestId: (\S+)/.exec(text) ?? [];
  assert.match(text, new RegExp(`inside: INVOKE ${requestId}`));
  assert.match(text, /EXTENSION\tName: inside\tState: Ready\tEvents: \[INVOKE\]/);
});

test("when lambdad stops, extensions get their SHUTDOWN, what they say is kept, and no request fails", async (t) => {
  const layerArn = await watcher();
  if (layerArn === undefined) return t.skip("there is no C compiler");
  await created("stopped", { Layers: [layerArn] });
  const running = invoked("stopped", { say: "late", sleepMs: 500 });
  await linesWith("stopped", /^late$|\tlate$/);
  assert.equal(await server.stop(), 0);
  assert.deepEqual(await running, { error: undefined, payload: "late" });
  await start();
  const lines = await linesWith("stopped", /^watcher: .*"shutdownReason":"spindown"/);
  assert.ok(lines.some((line) => line.startsWith("REPORT ")));
});
