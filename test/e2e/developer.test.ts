/** The commands for writing functions: deploy as files change, cold starts on demand, debuggers. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import { createClient } from "../../src/cli/client.ts";
import { mustRun } from "../harness/command.ts";
import { type RunningServer, startServer } from "../harness/server.ts";
import { until } from "../harness/wait.ts";

const launcher = resolve(import.meta.dirname, "../../bin/lambdad.js");
let server: RunningServer;
let folder: string;

before(async () => {
  server = await startServer();
  folder = mkdtempSync(join(tmpdir(), "lambdad-dev-"));
});

after(async () => {
  assert.equal(await server.stop(), 0);
  rmSync(folder, { recursive: true, force: true });
});

const lambdad = (...args: string[]) => mustRun(process.execPath, [launcher, ...args], { env: server.env });

interface Running {
  readonly child: ChildProcess;
  /** Both outputs so far. */
  readonly output: () => string;
  readonly ended: Promise<number | null>;
}

function begin(...args: string[]): Running {
  const child = spawn(process.execPath, [launcher, ...args], { env: { ...process.env, ...server.env } });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += String(chunk)));
  return { child, output: () => output, ended: once(child, "exit").then(([code]) => code as number | null) };
}

function write(file: string, text: string): void {
  writeFileSync(join(folder, file), text);
}

test("deploy --watch updates the function when a file changes, in environments that are new", async () => {
  const answering = (text: string) => `let calls = 0;\nexports.handler = async () => "${text} " + ++calls;\n`;
  write("index.js", answering("one"));
  const watching = begin("deploy", folder, "--name", "watched", "--runtime", "nodejs24.x", "--watch");
  await until("it watches", async () => watching.output().includes("watching"), 60_000);
  assert.match(await lambdad("invoke", "watched", "--quiet"), /"one 1"/);
  assert.match(await lambdad("invoke", "watched", "--quiet"), /"one 2"/);
  for (const text of ["two", "three"]) {
    const updates = watching.output().split("updated in").length;
    write("index.js", answering(text));
    await until("it is updated", async () => watching.output().split("updated in").length > updates, 60_000);
    assert.match(await lambdad("invoke", "watched", "--quiet"), new RegExp(`"${text} 1"`));
  }
  // What belongs to no program is no change.
  const before = watching.output();
  write("notes.zip", "x");
  watching.child.kill("SIGINT");
  await watching.ended;
  assert.equal(watching.output(), before);
});

test("invoke --cold runs in an environment that has never run", async () => {
  write("index.js", "let calls = 0;\nexports.handler = async () => ++calls;\n");
  await lambdad("deploy", folder, "--name", "counted", "--runtime", "nodejs24.x");
  const call = async (...more: string[]) => (await lambdad("invoke", "counted", "--quiet", ...more)).trim();
  assert.deepEqual([await call(), await call()], ["1", "2"]);
  assert.deepEqual([await call("--cold"), await call()], ["1", "2"]);
});

/** What the inspector behind a port answers to one expression; then it is told to go on. */
async function evaluated(port: string, expression: string): Promise<unknown> {
  const address = `http://127.0.0.1:${port}/json/list`;
  const targets = await until("the inspector listens", async () => {
    const response = await fetch(address, { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
    return response?.ok && ((await response.json()) as { webSocketDebuggerUrl: string }[]);
  });
  const socket = new WebSocket(targets[0]?.webSocketDebuggerUrl ?? "");
  const answer = Promise.withResolvers<unknown>();
  socket.addEventListener("close", () => answer.reject(new Error("the debugger was cut off")));
  socket.addEventListener("message", ({ data }) => {
    const { id, result } = JSON.parse(String(data)) as {
      id?: number;
      result: { result: { value: unknown } };
    };
    if (id !== 1) return;
    answer.resolve(result.result.value);
    socket.send(JSON.stringify({ id: 2, method: "Runtime.runIfWaitingForDebugger" }));
  });
  socket.addEventListener("open", () => {
    socket.send(JSON.stringify({ id: 1, method: "Runtime.evaluate", params: { expression } }));
  });
  return answer.promise;
}

const portIn = (output: string) => /debugger at 127\.0\.0\.1:(\d+)/.exec(output)?.[1];

test("deploy --inspect opens Node's inspector, and no timeout ends what is debugged", async () => {
  write(
    "index.js",
    "exports.handler = async () => new Promise((done) => setTimeout(done, 1500, process.env.AWS_LAMBDA_FUNCTION_NAME));\n",
  );
  const args = ["deploy", folder, "--name", "open", "--runtime", "nodejs24.x", "--timeout", "1"];
  const deployed = begin(...args, "--inspect", "0");
  assert.equal(await deployed.ended, 0, deployed.output());
  const port = portIn(deployed.output()) ?? "";
  assert.match(await lambdad("invoke", "open", "--quiet"), /"open"/, "after 1.5 s of a second");
  assert.equal(await evaluated(port, "process.env.AWS_LAMBDA_FUNCTION_NAME"), "open");
});

test("invoke --inspect waits for the debugger, and closes the port afterwards", async () => {
  write("index.js", "exports.handler = async (event) => event;\n");
  await lambdad("deploy", folder, "--name", "held", "--runtime", "nodejs24.x");
  const invoked = begin("invoke", "held", "--payload", '"hello"', "--inspect", "0");
  const port = await until("the port is known", async () => portIn(invoked.output()), 30_000);
  assert.equal(await evaluated(port, "1 + 1"), 2);
  assert.equal(await invoked.ended, 0, invoked.output());
  assert.match(invoked.output(), /^"hello"$/m);
  await assert.rejects(fetch(`http://127.0.0.1:${port}/json/list`));
});

/** What a test needs of debugpy: it listens, and says so to whoever comes. */
const debugger_ = `import socket, threading

def listen(where):
    server = socket.create_server(tuple(where))
    threading.Thread(target=greet, args=(server,), daemon=True).start()

def greet(server):
    while True:
        client, _ = server.accept()
        client.sendall(b"debugpy is here")
        client.close()
`;

test("a Python function's debugpy is reached through the port, and a function without it says so", async () => {
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
  write("lambda_function.py", "def handler(event, context):\n    return event\n");
  const args = [
    "deploy",
    folder,
    "--name",
    "snake",
    "--handler",
    "lambda_function.handler",
    "--inspect",
    "0",
  ];
  // Python puts the function's own before this machine's.
  write("debugpy.py", "raise ImportError()\n");
  await lambdad(...args);
  const failed = begin("invoke", "snake", "--quiet");
  assert.equal(await failed.ended, 1);
  assert.match(failed.output(), /Unable to import module 'debugpy'/);
  write("debugpy.py", debugger_);
  const deployed = begin(...args);
  assert.equal(await deployed.ended, 0, deployed.output());
  assert.match(await lambdad("invoke", "snake", "--quiet", "--payload", '"hi"'), /"hi"/);
  const client = connect(Number(portIn(deployed.output())), "127.0.0.1");
  assert.equal(await text(client), "debugpy is here");
});

test("with --secure no debugger is let in", async () => {
  const secure = await startServer({
    args: ["--secure"],
    env: { LAMBDAD_ACCESS_KEY_ID: "AKIDSECURE", LAMBDAD_SECRET_ACCESS_KEY: "not-for-you" },
  });
  try {
    const keys = { accessKey: "AKIDSECURE", secretKey: "not-for-you" };
    const client = createClient({ endpoint: secure.url, region: "us-east-1", ...keys }, systemClock);
    const inspecting = client.admin("environments/inspect", { function: "any" });
    await assert.rejects(inspecting, { status: 403, message: "with --secure no debugger is let in" });
  } finally {
    await secure.stop();
  }
});
