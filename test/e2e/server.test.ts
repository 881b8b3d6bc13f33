/** lambdad as a process: started by an old Node, refused twice, stopped cleanly, killed and started again. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { GetFunctionCommand, InvokeCommand } from "@aws-sdk/client-lambda";
import { createEchoFunction, lambdaClient } from "../../bench/echo.ts";
import { allOnPath, run } from "../harness/command.ts";
import { startServer } from "../harness/server.ts";
import { until } from "../harness/wait.ts";

const launcher = resolve(import.meta.dirname, "../../bin/lambdad.js");

function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "lambdad-server-"));
}

async function invoked(url: string, name = "echo"): Promise<string> {
  const answer = await lambdaClient(url).send(
    new InvokeCommand({ FunctionName: name, Payload: Buffer.from('{"n":1}') }),
  );
  return Buffer.from(answer.Payload ?? []).toString();
}

/** Processes whose command line names the data directory. */
function processesOf(dataDir: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(dataDir);
      } catch {
        // It ended while we looked.
        return false;
      }
    });
}

test("the launcher finds a newer Node when it is started by an old one", async (t) => {
  const old = allOnPath("node").find((path) => !process.execPath.endsWith(path));
  const versions = await Promise.all(
    allOnPath("node").map(async (path) => ({
      path,
      version: (await run(path, ["--version"])).stdout.trim(),
    })),
  );
  const older = versions.find(({ version }) => Number(/^v(\d+)/.exec(version)?.[1]) < 24);
  if (!old || !older) return t.skip("there is no Node older than 24 on PATH");
  const server = await startServer({ node: older.path });
  assert.equal((await fetch(`${server.url}/_lambdad/health`)).status, 200);
  assert.equal(await server.stop(), 0);
  await until("the platform is gone with its launcher", () => processesOf(server.dataDir).length === 0);
});

test("a launcher that is killed takes the platform with it", async (t) => {
  const versions = await Promise.all(
    allOnPath("node").map(async (path) => ({
      path,
      version: (await run(path, ["--version"])).stdout.trim(),
    })),
  );
  const older = versions.find(({ version }) => Number(/^v(\d+)/.exec(version)?.[1]) < 24);
  if (!older) return t.skip("there is no Node older than 24 on PATH");
  const server = await startServer({ node: older.path });
  server.child.kill("SIGKILL");
  await until("the platform is gone", () => processesOf(server.dataDir).length === 0);
  rmSync(server.dataDir, { recursive: true, force: true });
});

test("the platform ends with the npx that started it, killed or told to stop", async () => {
  // As npx does it: a shell in the middle, which alone gets npx's SIGTERM, and a variable that says who has started it.
  const npx = (dataDir: string) => `
    const command = '"$0" "$1" up --port 0 --data "$2" --json; exit $?';
    const args = ["-c", command, ...${JSON.stringify([process.execPath, launcher, dataDir])}];
    const env = { ...process.env, npm_lifecycle_event: "npx" };
    const shell = require("child_process").spawn("sh", args, { stdio: "inherit", env });
    process.on("SIGTERM", () => shell.kill());`;
  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    const dataDir = temporaryFolder();
    const child = spawn(process.execPath, ["-e", npx(dataDir)], { stdio: ["ignore", "pipe", "inherit"] });
    const [ready] = (await once(child.stdout, "data")) as [Buffer];
    assert.match(ready.toString(), /"url"/);
    child.kill(signal);
    await until("the platform is gone", () => processesOf(dataDir).length === 0);
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test("a second instance on the same data directory is refused with the first one's process id", async () => {
  const server = await startServer();
  const second = await run(process.execPath, [launcher, "up", "--port", "0", "--data", server.dataDir]);
  assert.equal(second.code, 1);
  assert.match(second.stderr, new RegExp(`\\b${server.pid}\\b`));
  assert.doesNotMatch(second.stderr, /\n\s+at /, "no stack trace");
  assert.equal(await server.stop(), 0);
});

test("a port that is taken is said so, and what to do", async () => {
  const server = await startServer();
  const folder = temporaryFolder();
  const second = await run(process.execPath, [
    launcher,
    "up",
    "--port",
    String(server.port),
    "--data",
    folder,
  ]);
  assert.equal(second.code, 1);
  assert.match(second.stderr, new RegExp(`port ${server.port} .*taken[^]*--port`));
  assert.equal(await server.stop(), 0);
  rmSync(folder, { recursive: true, force: true });
});

test("functions run when it listens on all addresses", async () => {
  const server = await startServer({ args: ["--host", "0.0.0.0"] });
  const url = `http://127.0.0.1:${server.port}`;
  await createEchoFunction(url);
  assert.equal(await invoked(url), '{"n":1}');
  assert.equal(await server.stop(), 0);
});

test("SIGTERM lets a running invocation finish and leaves nothing behind", async () => {
  const server = await startServer();
  const client = await createEchoFunction(server.url, "slow", {
    "index.js": "exports.handler = (event) => new Promise((resolve) => setTimeout(resolve, 1000, event));\n",
  });
  const answer = client.send(new InvokeCommand({ FunctionName: "slow", Payload: Buffer.from('{"n":1}') }));
  await until("it runs", async () =>
    /^lambdad_concurrency 1$/m.test(await (await fetch(`${server.url}/_lambdad/metrics`)).text()),
  );
  const [{ Payload }, code] = await Promise.all([answer, server.stop()]);
  assert.equal(Buffer.from(Payload ?? []).toString(), '{"n":1}');
  assert.equal(code, 0);
  await until("nothing of it runs", () => processesOf(server.dataDir).length === 0);
});

test("functions and their code survive a stop and a start", async () => {
  const dataDir = temporaryFolder();
  const first = await startServer({ dataDir });
  await createEchoFunction(first.url);
  await first.stop();
  const second = await startServer({ dataDir });
  assert.equal(await invoked(second.url), '{"n":1}');
  await second.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

test("D4 kill -9 ends every sandbox, and the next start serves what was acknowledged", async () => {
  const dataDir = temporaryFolder();
  const first = await startServer({ dataDir });
  await createEchoFunction(first.url);
  await createEchoFunction(first.url, "second");
  await Promise.all([invoked(first.url), invoked(first.url, "second")]);
  first.child.kill("SIGKILL");
  await once(first.child, "close");
  const second = await startServer({ dataDir });
  for (const name of ["echo", "second"]) assert.equal(await invoked(second.url, name), '{"n":1}');
  const { Configuration } = await lambdaClient(second.url).send(
    new GetFunctionCommand({ FunctionName: "echo" }),
  );
  assert.equal(Configuration?.State, "Active");
  assert.equal(await second.stop(), 0);
  await until("nothing of it runs", () => processesOf(dataDir).length === 0);
  rmSync(dataDir, { recursive: true, force: true });
});

test("a data directory that holds somebody else's database is refused and left as it was", async () => {
  const dataDir = temporaryFolder();
  const server = await startServer({ dataDir });
  await server.stop();
  const database = join(dataDir, "store", "state.sqlite");
  writeFileSync(database, "this is no database, but it is precious");
  const refused = await run(process.execPath, [launcher, "up", "--port", "0", "--data", dataDir]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /state\.sqlite/);
  assert.equal(readFileSync(database, "utf8"), "this is no database, but it is precious");
  rmSync(dataDir, { recursive: true, force: true });
});

test("--secure without a key pair is refused: nobody could come in", async () => {
  const env = { LAMBDAD_ACCESS_KEY_ID: "AKIAEXAMPLE" };
  const dataDir = temporaryFolder();
  const refused = await run(
    process.execPath,
    [launcher, "up", "--secure", "--port", "0", "--data", dataDir],
    { env },
  );
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /--secure lets nobody in without .*LAMBDAD_SECRET_ACCESS_KEY: set both/);
  rmSync(dataDir, { recursive: true, force: true });
});

test("--secure takes the configured keys and nothing else", async (t) => {
  const folder = temporaryFolder();
  const env = { LAMBDAD_ACCESS_KEY_ID: "AKIAEXAMPLE", LAMBDAD_SECRET_ACCESS_KEY: "a secret of some length" };
  let server;
  try {
    server = await startServer({ args: ["--secure"], env });
  } catch (error) {
    if (String(error).includes("no full sandbox")) return t.skip("this machine has no full sandbox");
    throw error;
  }
  const { GetCallerIdentityCommand, STSClient } = await import("@aws-sdk/client-sts");
  const caller = (accessKeyId: string, secretAccessKey: string) =>
    new STSClient({
      endpoint: server.url,
      region: "us-east-1",
      credentials: { accessKeyId, secretAccessKey },
    }).send(new GetCallerIdentityCommand({}));
  assert.equal((await caller("AKIAEXAMPLE", "a secret of some length")).Account, "000000000000");
  await assert.rejects(caller("AKIAEXAMPLE", "another secret"), { name: "SignatureDoesNotMatch" });
  await assert.rejects(caller("AKIAOTHER", "a secret of some length"), { name: "InvalidClientTokenId" });
  assert.equal((await fetch(`${server.url}/2015-03-31/functions`)).status, 403);
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});
