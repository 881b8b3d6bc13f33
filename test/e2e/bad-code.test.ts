/**
 * Functions that misbehave, in Node, Python and a shell: the caller gets AWS's own error, nothing is lost, and the next
 * request is served.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CreateFunctionCommand,
  InvokeCommand,
  type LambdaClient,
  type Runtime,
  waitUntilFunctionActiveV2,
} from "@aws-sdk/client-lambda";
import { lambdaClient } from "../../bench/echo.ts";
import { works } from "../harness/command.ts";
import type { RunningServer } from "../harness/server.ts";
import { startServer } from "../harness/server.ts";
import { zipOf, type ZipSources } from "../harness/zip.ts";

let server: RunningServer;
let client: LambdaClient;

before(async () => {
  server = await startServer();
  client = lambdaClient(server.url);
});

after(async () => {
  assert.equal(await server.stop(), 0);
});

interface Call {
  readonly event?: unknown;
  readonly error?: string | undefined;
  /** Of the payload. */
  readonly payload: unknown;
  readonly tail?: RegExp;
}

interface Case {
  readonly name: string;
  readonly runtime: Runtime;
  readonly handler: string;
  readonly sources: ZipSources;
  readonly timeoutSeconds?: number;
  readonly memoryMb?: number;
  readonly calls: readonly Call[];
}

const served: Call = { event: { ok: true }, error: undefined, payload: "served" };
const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** A Node handler that answers "served" to `{ok: true}` and does `deed` otherwise. */
function node(name: string, deed: string, calls: readonly Call[], more: Partial<Case> = {}): Case {
  const source = `exports.handler = async (event) => { if (event.ok) return "served"; ${deed} };`;
  return {
    name,
    runtime: "nodejs24.x",
    handler: "index.handler",
    sources: { "index.js": source },
    calls,
    ...more,
  };
}

function python(name: string, deed: string, calls: readonly Call[], more: Partial<Case> = {}): Case {
  const source = `import os, sys, time\ndef handler(event, context):\n    if event.get("ok"): return "served"\n    ${deed}\n`;
  return {
    name,
    runtime: pythonRuntime,
    handler: "app.handler",
    sources: { "app.py": source },
    calls,
    ...more,
  };
}

const pythonRuntime = (["python3.13", "python3.12", "python3.11"].find((name) => works(name, ["-c", "0"])) ??
  "python3.11") as Runtime;

const exitError = (reason: string) => ({
  errorType: "Runtime.ExitError",
  errorMessage: `RequestId: <id> Error: ${reason}`,
});

const cases: readonly Case[] = [
  node("throws", 'throw new TypeError("no");', [
    {
      error: "Unhandled",
      payload: { errorType: "TypeError", errorMessage: "no", trace: "<trace>" },
      tail: /\tERROR\tInvoke Error/,
    },
    served,
  ]),
  node(
    "hangs",
    "await new Promise((resolve) => setTimeout(resolve, 60000));",
    [
      {
        error: "Unhandled",
        payload: {
          errorType: "Sandbox.Timedout",
          errorMessage: "RequestId: <id> Error: Task timed out after 1.00 seconds",
        },
        tail: /Status: timeout/,
      },
      served,
    ],
    { timeoutSeconds: 1 },
  ),
  node(
    "spins",
    "for (;;);",
    [
      {
        error: "Unhandled",
        payload: {
          errorType: "Sandbox.Timedout",
          errorMessage: "RequestId: <id> Error: Task timed out after 1.00 seconds",
        },
      },
      served,
    ],
    { timeoutSeconds: 1 },
  ),
  node("exits", "process.exit(3);", [
    {
      error: "Unhandled",
      payload: exitError("Runtime exited with error: exit status 3"),
      tail: /Error Type: Runtime.ExitError/,
    },
    served,
  ]),
  node("exits-well", "process.exit(0);", [
    { error: "Unhandled", payload: exitError("Runtime exited without providing a reason") },
    served,
  ]),
  node("crashes", 'process.kill(process.pid, "SIGSEGV"); await new Promise(() => {});', [
    { error: "Unhandled", payload: exitError("Runtime exited with error: signal: segmentation fault") },
    served,
  ]),
  node("too-large", 'return "x".repeat(7 * 1024 * 1024);', [
    {
      error: "Unhandled",
      payload: {
        errorType: "Function.ResponseSizeTooLarge",
        errorMessage: "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
      },
    },
    served,
  ]),
  node("returns-nothing", "", [{ error: undefined, payload: null }, served]),
  node(
    "floods",
    'for (let n = 0; n < 40; n++) { console.log("y".repeat(1024 * 1024)); } return "flooded";',
    [{ error: undefined, payload: "flooded", tail: /REPORT RequestId/ }, served],
    { timeoutSeconds: 60, memoryMb: 512 },
  ),
  {
    name: "missing-file",
    runtime: "nodejs24.x",
    handler: "nowhere.handler",
    sources: { "index.js": "" },
    calls: [
      {
        error: "Unhandled",
        payload: {
          errorType: "Runtime.ImportModuleError",
          errorMessage: "Error: Cannot find module 'nowhere'\nRequire stack:\n- /var/runtime/index.mjs",
          trace: "<trace>",
        },
      },
    ],
  },
  {
    name: "missing-export",
    runtime: "nodejs24.x",
    handler: "index.nothing",
    sources: { "index.js": "exports.handler = 1;" },
    calls: [
      {
        error: "Unhandled",
        payload: {
          errorType: "Runtime.HandlerNotFound",
          errorMessage: "index.nothing is undefined or not exported",
          trace: "<trace>",
        },
      },
    ],
  },
  python("py-raises", 'raise ValueError("no")', [
    {
      error: "Unhandled",
      payload: {
        errorMessage: "no",
        errorType: "ValueError",
        requestId: "<id>",
        stackTrace: ['  File "/var/task/app.py", line 4, in handler\n    raise ValueError("no")\n'],
      },
      tail: /\[ERROR\] ValueError: no\nTraceback \(most recent call last\):\n/,
    },
    served,
  ]),
  python("py-unserialisable", "return {1, 2}", [
    {
      error: "Unhandled",
      payload: {
        errorMessage: "Unable to marshal response: Object of type set is not JSON serializable",
        errorType: "Runtime.MarshalError",
        requestId: "<id>",
        stackTrace: [],
      },
    },
    served,
  ]),
  python("py-exits", "os._exit(7)", [
    { error: "Unhandled", payload: exitError("Runtime exited with error: exit status 7") },
    served,
  ]),
  {
    name: "py-missing-file",
    runtime: pythonRuntime,
    handler: "nowhere.handler",
    sources: { "app.py": "" },
    calls: [
      {
        error: "Unhandled",
        payload: {
          errorMessage: "Unable to import module 'nowhere': No module named 'nowhere'",
          errorType: "Runtime.ImportModuleError",
          requestId: "",
          stackTrace: [],
        },
      },
    ],
  },
  {
    name: "no-bootstrap",
    runtime: "provided.al2023",
    handler: "none",
    sources: { "readme.txt": "no bootstrap here" },
    calls: [
      {
        error: "Unhandled",
        payload: {
          errorType: "Runtime.InvalidEntrypoint",
          errorMessage:
            "RequestId: <id> Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]",
        },
      },
    ],
  },
];

for (const one of cases) {
  test(`${one.runtime} ${one.name}`, { timeout: 120_000 }, async () => {
    await client.send(
      new CreateFunctionCommand({
        FunctionName: one.name,
        Runtime: one.runtime,
        Role: "arn:aws:iam::000000000000:role/any",
        Handler: one.handler,
        Timeout: one.timeoutSeconds ?? 30,
        // With a whole CPU: what is started anew within the timeout of one second must not depend on this machine's load.
        MemorySize: one.memoryMb ?? 1769,
        Code: { ZipFile: await zipOf(one.sources) },
      }),
    );
    await waitUntilFunctionActiveV2(
      { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
      { FunctionName: one.name },
    );
    for (const { event = {}, error, payload, tail } of one.calls) {
      const answer = await client.send(
        new InvokeCommand({
          FunctionName: one.name,
          Payload: Buffer.from(JSON.stringify(event)),
          LogType: "Tail",
        }),
      );
      const log = Buffer.from(answer.LogResult ?? "", "base64").toString();
      const text = Buffer.from(answer.Payload ?? []).toString();
      assert.equal(answer.StatusCode, 200);
      assert.equal(answer.FunctionError, error, `${text}\n${log}`);
      assert.deepEqual(masked(JSON.parse(text)), payload);
      if (tail) assert.match(log, tail);
    }
  });
}

test(
  "a function that takes more memory than it has is killed, and the next request is served",
  { timeout: 120_000 },
  async (t) => {
    const health = (await (await fetch(`${server.url}/_lambdad/health`)).json()) as { isolation: string };
    if (health.isolation !== "bubblewrap")
      return t.skip(`memory is not limited with isolation ${health.isolation}`);
    const deed = "const kept = []; for (;;) kept.push(Buffer.alloc(16 * 1024 * 1024, 1));";
    const hog = node("hog", deed, []);
    await client.send(
      new CreateFunctionCommand({
        FunctionName: hog.name,
        Runtime: hog.runtime,
        Role: "arn:aws:iam::000000000000:role/any",
        Handler: hog.handler,
        Timeout: 60,
        Code: { ZipFile: await zipOf(hog.sources) },
      }),
    );
    await waitUntilFunctionActiveV2(
      { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
      { FunctionName: hog.name },
    );
    const killed = await client.send(
      new InvokeCommand({ FunctionName: hog.name, Payload: Buffer.from("{}") }),
    );
    assert.equal(killed.FunctionError, "Unhandled");
    assert.match(Buffer.from(killed.Payload ?? []).toString(), /Runtime exited with error: signal: killed/);
    const next = await client.send(
      new InvokeCommand({ FunctionName: hog.name, Payload: Buffer.from('{"ok":true}') }),
    );
    assert.equal(Buffer.from(next.Payload ?? []).toString(), '"served"');
  },
);

/** Request ids as `<id>`, Node's traces as `<trace>`. */
function masked(value: unknown): unknown {
  const { trace, ...rest } = (typeof value === "object" && value !== null ? value : {}) as {
    trace?: unknown;
  };
  if (trace === undefined) return JSON.parse(JSON.stringify(value).replaceAll(uuid, "<id>"));
  assert(
    Array.isArray(trace) && trace.length > 0 && trace.every((line) => typeof line === "string"),
    "a trace is a list of lines",
  );
  return { ...(masked(rest) as object), trace: "<trace>" };
}
