/**
 * Environments that come from the warm pool: a function finds in one what it finds in one that was made for it, down to
 * open files; what counts at an interpreter's boot is started plain; nothing of one function reaches another (I3); and a
 * waiting runtime that dies fails nobody.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import {
  CreateFunctionCommand,
  type CreateFunctionCommandInput,
  DeleteFunctionCommand,
  GetProvisionedConcurrencyConfigCommand,
  InvokeCommand,
  LambdaClient,
  PublishLayerVersionCommand,
  PublishVersionCommand,
  PutProvisionedConcurrencyConfigCommand,
  type Runtime,
  waitUntilFunctionActiveV2,
} from "@aws-sdk/client-lambda";
import { sandboxesUntestable } from "../../src/isolation/suite-tools.ts";
import { startServer, type RunningServer } from "../harness/server.ts";
import { until } from "../harness/wait.ts";
import { zipOf, type ZipSources } from "../harness/zip.ts";

interface Surroundings {
  readonly atLoad: Record<string, unknown>;
  readonly later: Record<string, unknown>;
  readonly chance: Record<string, string | number> & { readonly bornMs: number; readonly wallMs: number };
}

const withoutPool = mkdtempSync(join(tmpdir(), "lambdad-plain-"));
const fixtures = resolve(import.meta.dirname, "../fixtures/surroundings");
const surroundings: ZipSources = Object.fromEntries(
  readdirSync(fixtures).map((name) => [name, readFileSync(join(fixtures, name), "utf8")]),
);

const ownVariables: Readonly<Record<string, string>> = {
  TZ: "Asia/Tokyo",
  NODE_ENV: "production",
  OWN: "wert ü",
  AWS_LAMBDA_LOG_LEVEL: "WARN",
};

function warmPool(): void {
  let warm: RunningServer;
  let plain: RunningServer;
  before(async () => {
    [warm, plain] = await Promise.all([
      startServer(),
      startServer({ dataDir: withoutPool, args: ["--warm-pool", "0"] }),
    ]);
  });
  after(async () => {
    assert.deepEqual(await Promise.all([warm.stop(), plain.stop()]), [0, 0]);
    rmSync(withoutPool, { recursive: true, force: true });
  });

  const pythons = pythonRuntimes();
  const cases: readonly (readonly [Runtime, string])[] = [
    ["nodejs24.x", "index.handler"],
    ...pythons.map((runtime) => [runtime, "lambda_function.handler"] as const),
  ];
  for (const [runtime, handler] of cases) {
    for (const variables of [{}, ownVariables]) {
      const which = Object.keys(variables).length === 0 ? "" : ", with variables of its own";
      test(`${runtime}: a specialised environment looks as a fresh one${which}`, async () => {
        const input = { Runtime: runtime, Handler: handler, Environment: { Variables: variables } };
        const specialised = await look(warm, input);
        const fresh = await look(plain, input);
        assert.ok(specialised.chance.bornMs < specialised.sentMs, "the runtime was there before the request");
        assert.ok(fresh.chance.bornMs > fresh.sentMs - 20, "the detector: a fresh one was not");
        assert.deepEqual(comparable(specialised), comparable(fresh));
        for (const [name, value] of Object.entries(specialised.chance)) {
          if (!name.endsWith("Ms")) assert.notEqual(value, fresh.chance[name], `${name} is chance`);
        }
      });
    }
  }

  const chanceOf = async (server: RunningServer, input: Partial<CreateFunctionCommandInput>) =>
    (await look(server, input)).chance;

  test("two environments from the pool have nothing of chance in common", async () => {
    const one = await chanceOf(warm, {});
    const other = await chanceOf(warm, {});
    for (const name of ["random", "bytes", "uuid"]) assert.notEqual(one[name], other[name], name);
  });

  test("clocks go right: timers set while the function loads are neither early nor late", async () => {
    const { later, chance } = await look(warm, {});
    assert.equal(later["timersHold"], true);
    assert.ok(Math.abs(Number(chance["clocksMs"])) < 1000, "performance.timeOrigin and now() give the time");
  });

  for (const [name, value] of [
    ["NODE_OPTIONS", "--stack-trace-limit=7"],
    ["LD_PRELOAD", ""],
    ["LANG", "C"],
    ["AWS_LAMBDA_EXEC_WRAPPER", "/usr/bin/env"],
  ] as const) {
    test(`${name} counts at the start of a runtime, so that it is started plain`, async () => {
      const seen = await look(warm, { Environment: { Variables: { [name]: value } } });
      assert.ok(seen.chance.bornMs > seen.sentMs - 20, "it was started for this request");
      const env = new Map(seen.atLoad["env"] as [string, string][]);
      assert.equal(env.get(name), value);
    });
  }

  test("layers come with the code; one with libraries of the interpreter's is started plain", async () => {
    const client = clientOf(warm);
    const publish = async (files: ZipSources) => {
      const Content = { ZipFile: await zipOf(files) };
      const made = await client.send(new PublishLayerVersionCommand({ LayerName: "lib", Content }));
      return made.LayerVersionArn ?? "";
    };
    const plainly = await look(warm, { Layers: [await publish({ "lib/libz.so.1": "no library" })] });
    assert.ok(plainly.chance.bornMs > plainly.sentMs - 20);
    const shared = await look(warm, { Layers: [await publish({ "lib/libown.so": "", "nodejs/x.js": "" })] });
    assert.ok(shared.chance.bornMs < shared.sentMs);
    const files = new Map(
      (shared.atLoad["files"] as [string, unknown, unknown][]).map(([path, , names]) => [path, names]),
    );
    assert.deepEqual(files.get("/opt"), ["lib", "nodejs"]);
    assert.deepEqual(files.get("/opt/lib"), ["libown.so"]);
  });

  test("I3: an environment from the pool sees its own code and variables, and no other function's", async () => {
    const names = Array.from({ length: 4 }, (_, index) => `own-${index}`);
    const code =
      "const fs = require('fs'); exports.handler = async () => ({ own: process.env.OWN, code: fs.readdirSync('/var/task'), environ: fs.readFileSync('/proc/self/environ', 'latin1') });";
    for (const name of names) {
      await create(
        warm,
        name,
        { [`${name}.js`]: "", "index.js": code },
        { Environment: { Variables: { OWN: name } } },
      );
    }
    const seen = await Promise.all(names.map(async (name) => JSON.parse(await invoke(warm, name))));
    for (const [index, name] of names.entries()) {
      assert.deepEqual([seen[index].own, seen[index].code], [name, ["index.js", `${name}.js`]]);
      for (const other of names) if (other !== name) assert.ok(!JSON.stringify(seen[index]).includes(other));
    }
  });

  test("a waiting runtime that dies fails no request", async () => {
    const server = await startServer();
    await create(server, "survivor", { "index.js": "exports.handler = async () => 'ok'" });
    await full(server);
    const pids = waitingPrograms(server);
    for (const pid of pids) process.kill(pid, "SIGKILL");
    assert.equal(await invoke(server, "survivor"), '"ok"');
    await until("it is noted", () => /waited for a function ended|could not be used/.test(server.log()));
    assert.equal(await server.stop(), 0);
  });

  test("provisioned environments, and those that --cold asks for, come from the pool", async () => {
    const client = clientOf(warm);
    const FunctionName = "asked-for";
    await create(warm, FunctionName, {
      "index.js": `exports.handler = async (_, { logStreamName: stream }) => ({
        stream, bornMs: Date.now() - process.uptime() * 1000, type: process.env.AWS_LAMBDA_INITIALIZATION_TYPE });`,
    });
    const { Version: Qualifier } = await client.send(new PublishVersionCommand({ FunctionName }));
    await full(warm);
    const askedMs = Date.now();
    const ProvisionedConcurrentExecutions = 1;
    await client.send(
      new PutProvisionedConcurrencyConfigCommand({
        FunctionName,
        Qualifier,
        ProvisionedConcurrentExecutions,
      }),
    );
    const status = () => client.send(new GetProvisionedConcurrencyConfigCommand({ FunctionName, Qualifier }));
    await until("it is provisioned", async () => (await status()).Status === "READY");
    const provisioned = await seenBy(warm, `${FunctionName}:${Qualifier}`);
    assert.equal(provisioned.type, "provisioned-concurrency");
    assert.ok(provisioned.bornMs < askedMs, "its runtime was there before");

    const before = await seenBy(warm, FunctionName);
    await full(warm);
    const body = JSON.stringify({ function: FunctionName });
    const headers = { "content-type": "application/json" };
    const sentMs = Date.now();
    const url = `${warm.url}/_lambdad/environments/recycle`;
    assert.deepEqual(await (await fetch(url, { method: "POST", headers, body })).json(), { count: 2 });
    const cold = await seenBy(warm, FunctionName);
    assert.notEqual(cold.stream, before.stream);
    assert.equal(cold.type, "on-demand");
    assert.ok(cold.bornMs < sentMs, "so was this one's");
    await until("what is provisioned is made again", async () => (await status()).Status === "READY");
    assert.notEqual((await seenBy(warm, `${FunctionName}:${Qualifier}`)).stream, provisioned.stream);
    await client.send(new DeleteFunctionCommand({ FunctionName }));
  });

  test("D4: when lambdad is killed, no waiting runtime is left", async () => {
    const server = await startServer();
    await create(server, "short", { "index.js": "exports.handler = async () => 1" });
    await full(server);
    const pids = waitingPrograms(server);
    assert.ok(pids.length > 0, "the detector sees them");
    server.child.kill("SIGKILL");
    process.kill(server.pid, "SIGKILL");
    await until("they are gone", () => pids.every((pid) => !readdirSync("/proc").includes(String(pid))));
    await server.stop();
  });

  test("with --warm-pool 0 nothing waits", async () => {
    assert.deepEqual(waitingPrograms(plain), []);
  });
}

/** Makes a function, waits for the pool to be full, invokes it once, and removes it. */
async function look(
  server: RunningServer,
  input: Partial<CreateFunctionCommandInput>,
): Promise<Surroundings & { readonly sentMs: number }> {
  const FunctionName = "surroundings";
  await create(server, FunctionName, surroundings, input);
  if (server.dataDir !== withoutPool) await full(server, input.Runtime);
  const sentMs = Date.now();
  const seen = JSON.parse(await invoke(server, FunctionName)) as Surroundings & { errorMessage?: string };
  assert.equal(seen.errorMessage, undefined);
  await clientOf(server).send(new DeleteFunctionCommand({ FunctionName }));
  return { ...seen, sentMs };
}

async function create(
  server: RunningServer,
  FunctionName: string,
  sources: ZipSources,
  input: Partial<CreateFunctionCommandInput> = {},
): Promise<void> {
  const client = clientOf(server);
  await client.send(
    new CreateFunctionCommand({
      FunctionName,
      Runtime: "nodejs24.x",
      Handler: "index.handler",
      Role: "arn:aws:iam::000000000000:role/any",
      Timeout: 30,
      Code: { ZipFile: await zipOf(sources) },
      ...input,
    }),
  );
  await waitUntilFunctionActiveV2({ client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 }, { FunctionName });
}

async function invoke(server: RunningServer, FunctionName: string): Promise<string> {
  const { Payload } = await clientOf(server).send(
    new InvokeCommand({ FunctionName, Payload: Buffer.from("{}") }),
  );
  return Buffer.from(Payload ?? []).toString();
}

async function seenBy(server: RunningServer, FunctionName: string) {
  return JSON.parse(await invoke(server, FunctionName)) as {
    readonly stream: string;
    readonly bornMs: number;
    readonly type: string;
  };
}

const clients = new WeakMap<RunningServer, LambdaClient>();

function clientOf(server: RunningServer): LambdaClient {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const client =
    clients.get(server) ?? new LambdaClient({ endpoint: server.url, region: "us-east-1", credentials });
  clients.set(server, client);
  return client;
}

/** As many wait as shall. */
async function full(server: RunningServer, runtime = "nodejs24.x"): Promise<void> {
  const program = runtime.startsWith("python") ? runtime : "/var/lang/bin/node";
  await until(`two of ${runtime} wait`, () => waitingPrograms(server, program).length >= 2);
}

/** What has its orders open, as the machine sees it: never lambdad's own books. */
function waitingPrograms(server: RunningServer, program = ""): readonly number[] {
  const instance = createHash("sha256").update(server.dataDir).digest("hex").slice(0, 8);
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => readOr(`/proc/${pid}/cgroup`).includes(`/lambdad/${instance}/`))
    .filter((pid) => readOr(`/proc/${pid}/cmdline`).includes(program) && hasOrders(pid))
    .map(Number);
}

function hasOrders(pid: string): boolean {
  try {
    const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    return open.some((path) => path.endsWith("/orders"));
  } catch {
    return false; // it went
  }
}

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** What is another for each server or start, and is meant to be, made equal. */
const volatile: readonly (readonly [RegExp, string])[] = [
  [/169\.254\.\d+\.\d+(?::\d+)?/g, "HOST"],
  [/\[\$LATEST\][0-9a-f]{32}/g, "[$LATEST]STREAM"],
  [/(AWS_SECRET_ACCESS_KEY(?:=|",")?)[0-9a-f]{40}/g, "$1SECRET"],
  [/\/run\/lambdad-[0-9a-f]{8}\/stage\/pipes\/pipe-\d+/g, "PIPE"],
  [/,uid=\d+,gid=\d+/g, ""],
];

function comparable({ atLoad, later }: Surroundings): unknown {
  let text = JSON.stringify({ atLoad, later });
  for (const [what, instead] of volatile) text = text.replaceAll(what, instead);
  return JSON.parse(text);
}

/** Of this machine's interpreters those that its lambdad would find, one old and one new. */
function pythonRuntimes(): readonly Runtime[] {
  const listed = execFileSync(process.execPath, [resolve("bin/lambdad.js"), "runtimes", "--json"], {
    encoding: "utf8",
  });
  const ready = (JSON.parse(listed) as { id: string; status: string }[])
    .filter(({ id, status }) => id.startsWith("python3.") && status === "ready")
    .map(({ id }) => id as Runtime);
  return [...new Set([ready.at(0), ready.at(-1)])].filter((id) => id !== undefined);
}

const skip = sandboxesUntestable();

if (skip !== undefined) test("the warm pool", (t) => t.skip(skip));
else warmPool();
