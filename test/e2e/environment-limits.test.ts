/**
 * What an environment gives a function and no more, through the whole platform: /tmp, memory, processes, open files, on
 * Node and on Python. Each function does what its event names, with the same words in both languages.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { getPriority } from "node:os";
import { resolve } from "node:path";
import { after, before, test } from "node:test";
import {
  CreateFunctionCommand,
  InvokeCommand,
  LambdaClient,
  type Runtime,
  waitUntilFunctionActiveV2,
} from "@aws-sdk/client-lambda";
import { run, works } from "../harness/command.ts";
import type { RunningServer } from "../harness/server.ts";
import { frozenGroups, frozenPrograms } from "../harness/frozen.ts";
import { startServer } from "../harness/server.ts";
import { until } from "../harness/wait.ts";
import { zipOf, type ZipSources } from "../harness/zip.ts";

let server: RunningServer;
let lambda: LambdaClient;
let isolation: string;
let isLimited: boolean;

before(async () => {
  server = await startServer();
  lambda = new LambdaClient({
    endpoint: server.url,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  const health = (await (await fetch(`${server.url}/_lambdad/health`)).json()) as { isolation: string };
  ({ isolation } = health);
  isLimited = isolation === "bubblewrap" && process.getuid?.() === 0;
});
after(async () => assert.equal(await server.stop(), 0));

const node = `
const fs = require("fs"), { execFileSync, spawnSync } = require("child_process");
const grow = "let all = []; for (;;) all.push(Buffer.alloc(1 << 22, 1))";
const acts = {
  fill() {
    const file = fs.openSync("/tmp/full", "w"), piece = Buffer.alloc(1 << 20, "x");
    for (let mb = 0; ; mb += 1)
      try { fs.writeSync(file, piece) } catch ({ code }) { fs.closeSync(file); fs.rmSync("/tmp/full"); return { mb, code } }
  },
  list: () => fs.readdirSync("/tmp"),
  keep: () => fs.writeFileSync("/tmp/kept", "kept"),
  kept: () => fs.readFileSync("/tmp/kept", "utf8"),
  priority: () => require("os").getPriority(),
  crash: () => process.exit(1),
  hang: () => new Promise(() => {}),
  tick() {
    acts.ticker ??= setInterval(() => (acts.ticks = (acts.ticks ?? 0) + 1), 10);
    return acts.ticks ?? 0;
  },
  grow: () => new Function("Buffer", grow)(Buffer),
  child() { const { signal } = spawnSync(process.execPath, ["-e", grow]); return { signal } },
  childThenExit() { acts.child(); process.exit(1) },
  files() {
    const open = [];
    for (;;) try { open.push(fs.openSync("/dev/null")) } catch ({ code }) {
      for (const file of open) fs.closeSync(file);
      return { count: open.length, code };
    }
  },
  processes() {
    const script = "i=0; while [ $i -lt 1100 ]; do sleep 100 >/dev/null 2>&1 & i=$((i+1)); echo $i; done";
    const { stdout } = spawnSync("sh", ["-c", script]);
    execFileSync("sh", ["-c", 'for p in /proc/[0-9]*; do read -r c < $p/comm; [ "$c" != sleep ] || kill -9 \${p#/proc/}; done']);
    return { count: Number(stdout.toString().trim().split("\\n").pop()) };
  },
};
exports.handler = async ({ act }) => (await acts[act]()) ?? null;
`;

const python = `
import errno, os, signal, subprocess, sys, threading, time
grow_source = "all = []\\nwhile True: all.append(b'x' * (1 << 22))"
def fill():
    mb = 0
    try:
        with open("/tmp/full", "wb", buffering=0) as f:
            while True:
                f.write(b"x" * (1 << 20)); mb += 1
    except OSError as e:
        os.remove("/tmp/full")
        return {"mb": mb, "code": errno.errorcode[e.errno]}
def keep():
    with open("/tmp/kept", "w") as f: f.write("kept")
ticks = 0
def count():
    global ticks
    while True: time.sleep(0.01); ticks += 1
ticker = threading.Thread(target=count, daemon=True)
def tick():
    if not ticker.is_alive(): ticker.start()
    return ticks
def child():
    done = subprocess.run([sys.executable, "-c", grow_source])
    return {"signal": signal.Signals(-done.returncode).name}
def files():
    opened = []
    try:
        while True: opened.append(open("/dev/null"))
    except OSError as e:
        for f in opened: f.close()
        return {"count": len(opened), "code": errno.errorcode[e.errno]}
def processes():
    end, made = threading.Event(), []
    try:
        while len(made) < 1100:
            made.append(threading.Thread(target=end.wait)); made[-1].start()
    except RuntimeError:
        made.pop()
    count = len(made)
    end.set()
    for thread in made: thread.join()
    return {"count": count}
acts = dict(
    fill=fill, list=lambda: os.listdir("/tmp"), keep=keep, kept=lambda: open("/tmp/kept").read(),
    crash=lambda: os._exit(1), hang=lambda: time.sleep(1000), grow=lambda: exec(grow_source),
    tick=tick, priority=lambda: os.getpriority(os.PRIO_PROCESS, 0), child=child, childThenExit=lambda: (child(), os._exit(1)), files=files, processes=processes)
def handler(event, context): return acts[event["act"]]()
`;

interface Language {
  readonly name: string;
  readonly runtime: Runtime;
  readonly handler: string;
  readonly sources: ZipSources;
}

test("doctor and health name the same isolation", async () => {
  const launcher = resolve(import.meta.dirname, "../../bin/lambdad.js");
  const { stdout } = await run(process.execPath, [launcher, "doctor", "--json"]);
  const findings = JSON.parse(stdout) as { what: string; detail: string }[];
  const sandbox = findings.find(({ what }) => what === "sandbox")?.detail ?? "";
  assert.equal(sandbox.split(",")[0], isolation);
});

const pythonRuntime = (["python3.13", "python3.12", "python3.11"] as const).find((name) =>
  works(name, ["-c", "0"]),
);

const languages: readonly Language[] = [
  { name: "node", runtime: "nodejs24.x", handler: "index.handler", sources: { "index.js": node } },
  ...(pythonRuntime
    ? [{ name: "python", runtime: pythonRuntime, handler: "main.handler", sources: { "main.py": python } }]
    : []),
];

if (!pythonRuntime) test("limits on Python", (t) => t.skip("no Python of AWS's is on PATH"));

interface Answer {
  readonly value: unknown;
  readonly error: string | undefined;
  /** Of its REPORT line. */
  readonly usedMb: number;
  readonly log: string;
}

async function invoke(FunctionName: string, act: string): Promise<Answer> {
  const { Payload, FunctionError, LogResult } = await lambda.send(
    new InvokeCommand({ FunctionName, Payload: JSON.stringify({ act }), LogType: "Tail" }),
  );
  const log = Buffer.from(LogResult ?? "", "base64").toString();
  const usedMb = Number(/Max Memory Used: (\d+) MB/.exec(log)?.[1]);
  const value: unknown = JSON.parse(Buffer.from(Payload ?? []).toString());
  return { value, error: FunctionError, usedMb, log };
}

/** Without its request's id. */
function failure({ value, error }: Answer): unknown {
  const { errorType, errorMessage } = value as { errorType: string; errorMessage: string };
  return { error, errorType, errorMessage: errorMessage.replace(/^RequestId: \S+ /, "") };
}

for (const language of languages) {
  const { name, runtime, handler, sources } = language;
  const small = `limits-${name}-256`;
  const large = `limits-${name}-1024`;

  test(`${name}: the functions are there`, async () => {
    const code = { ZipFile: await zipOf(sources) };
    for (const [FunctionName, MemorySize, tmpMb] of [
      [small, 256, 512],
      [large, 1024, 600],
    ] as const) {
      await lambda.send(
        new CreateFunctionCommand({
          FunctionName,
          Runtime: runtime,
          Handler: handler,
          Role: "arn:aws:iam::000000000000:role/any",
          Timeout: 60,
          MemorySize,
          EphemeralStorage: { Size: tmpMb },
          Code: code,
        }),
      );
      const wait = { client: lambda, maxWaitTime: 120, minDelay: 1, maxDelay: 1 };
      await waitUntilFunctionActiveV2(wait, { FunctionName });
    }
  });

  test(`${name}: D2 /tmp begins empty, is as large as it was ordered, and is not memory`, async (t) => {
    if (!isLimited) return t.skip("only a full sandbox has it");
    assert.deepEqual((await invoke(small, "list")).value, []);
    // More than the function's memory.
    const full = await invoke(small, "fill");
    const { mb, code } = full.value as { mb: number; code: string };
    assert.deepEqual({ code, error: full.error }, { code: "ENOSPC", error: undefined });
    assert.ok(mb >= 512 && mb <= 540, `${mb} MB`);
    const larger = (await invoke(large, "fill")).value as { mb: number };
    assert.ok(larger.mb >= 600 && larger.mb <= 632, `${larger.mb} MB`);
  });

  test(`${name}: lambdad's thread may come first, functions have the priority that it was started with`, async () => {
    assert.equal((await invoke(small, "priority")).value, getPriority());
    const raisedBy = getPriority() - getPriority(server.pid);
    assert.equal(raisedBy, process.getuid?.() === 0 ? 5 : 0);
  });

  test(`${name}: /tmp stays from one invocation to the next, and when the runtime is started again`, async (t) => {
    if (!isLimited) return t.skip("only a full sandbox has it");
    await invoke(small, "keep");
    assert.equal((await invoke(small, "kept")).value, "kept");
    assert.deepEqual(failure(await invoke(small, "crash")), {
      error: "Unhandled",
      errorType: "Runtime.ExitError",
      errorMessage: "Error: Runtime exited with error: exit status 1",
    });
    assert.equal((await invoke(small, "kept")).value, "kept");
    await invoke(small, "crash");
    assert.equal((await invoke(small, "kept")).value, "kept", "also the second time");
  });

  test(`${name}: D2 who needs more memory than it has ends as on AWS, and has not used more`, async (t) => {
    if (!isLimited) return t.skip("only a full sandbox has limits");
    const dead = await invoke(small, "grow");
    assert.deepEqual(failure(dead), {
      error: "Unhandled",
      errorType: "Runtime.ExitError",
      errorMessage: "Error: Runtime exited with error: signal: killed",
    });
    assert.ok(dead.usedMb > 250 && dead.usedMb <= 256, `${dead.usedMb} MB`);
    const again = await invoke(small, "list");
    assert.equal(again.error, undefined);
    assert.ok(
      again.usedMb >= dead.usedMb && again.usedMb <= 256,
      "the environment's peak, not the runtime's",
    );
  });

  test(`${name}: what is left running stands still between invocations, and goes on in the next`, async (t) => {
    if (!frozenGroups(server.dataDir)) return t.skip("only a full sandbox is frozen");
    let ticks = 0;
    // On a busy machine it may be frozen late.
    await until("time stands still for the function", async () => {
      const startMs = performance.now();
      const before = ticks;
      await new Promise((resolve) => setTimeout(resolve, 1000));
      ticks = (await invoke(small, "tick")).value as number;
      return before > 0 && (ticks - before) * 10 < (performance.now() - startMs) / 2;
    });
    const before = ticks;
    await until("it goes on", async () => ((await invoke(small, "tick")).value as number) > before);
  });

  test(`${name}: a runtime that is killed while it is frozen is noticed, and the next invocation has another`, async (t) => {
    if (!frozenGroups(server.dataDir)) return t.skip("only a full sandbox is frozen");
    const groups = await until("what was invoked is frozen", () => {
      const frozen = frozenGroups(server.dataDir) ?? [];
      return frozen.length > 0 && frozen;
    });
    for (const pid of frozenPrograms(server.dataDir)) process.kill(pid, "SIGKILL");
    await until("nothing is left of them", () => !groups.some((group) => existsSync(group)));
    assert.equal((await invoke(small, "list")).error, undefined);
  });

  test(`${name}: a child that is killed for memory is the function's business`, async (t) => {
    if (!isLimited) return t.skip("only a full sandbox has limits");
    const { value, error } = await invoke(small, "child");
    assert.deepEqual({ value, error }, { value: { signal: "SIGKILL" }, error: undefined });
    assert.deepEqual(failure(await invoke(small, "childThenExit")), {
      error: "Unhandled",
      errorType: "Runtime.ExitError",
      errorMessage: "Error: Runtime exited with error: exit status 1",
    });
  });

  test(`${name}: D2 1,024 open files and 1,024 processes and threads, and it goes on`, async (t) => {
    if (!isLimited) return t.skip("only a full sandbox has limits");
    const { count, code } = (await invoke(large, "files")).value as { count: number; code: string };
    assert.equal(code, "EMFILE");
    assert.ok(count > 980 && count < 1024, `${count} files`);
    const processes = (await invoke(large, "processes")).value as { count: number };
    assert.ok(processes.count > 980 && processes.count < 1024, `${processes.count} processes`);
    assert.equal((await invoke(large, "list")).error, undefined);
  });
}
