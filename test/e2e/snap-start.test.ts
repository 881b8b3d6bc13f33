/**
 * SnapStart with the AWS SDK: a version is initialised when it is published, waits, and is restored by its first invocation,
 * with the function's hooks in Python and Java; what fails on the way is what AWS answers; a restart keeps it.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, before, test } from "node:test";
import {
  CreateFunctionCommand,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  LambdaClient,
  type LambdaServiceException,
  type Runtime,
} from "@aws-sdk/client-lambda";
import { programOnPath } from "../guest/languages.ts";
import { startServer, type RunningServer } from "../harness/server.ts";
import { until } from "../harness/wait.ts";
import { zipOf, type ZipSources } from "../harness/zip.ts";

const pythonCode = `
import os
import snapshot_restore_py

told = []

@snapshot_restore_py.register_before_snapshot
def first():
    told.append("before, registered first")

snapshot_restore_py.register_before_snapshot(lambda word: told.append(word), "before, registered last")

@snapshot_restore_py.register_after_restore
def restored():
    told.append("after")
    if os.environ.get("FAILS") == "after":
        raise ValueError("no way back")

if os.environ.get("FAILS") == "before":
    snapshot_restore_py.register_before_snapshot(lambda: 1 / 0)

def handler(event, context):
    if event == "exit":
        os._exit(3)
    told.append(event)
    return [told, os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], context.log_stream_name]
`;

/** With the \`org.crac\` that applications bring, which can do nothing by itself. */
const javaCode: Readonly<Record<string, string>> = {
  "org/crac/Resource.java": `package org.crac;
    public interface Resource {
      void beforeCheckpoint(Context<? extends Resource> context) throws Exception;
      void afterRestore(Context<? extends Resource> context) throws Exception;
    }`,
  "org/crac/Context.java": `package org.crac;
    public abstract class Context<R extends Resource> implements Resource {
      public abstract void register(R resource);
    }`,
  "org/crac/Core.java": `package org.crac;
    public class Core {
      public static Context<Resource> getGlobalContext() { throw new UnsupportedOperationException(); }
    }`,
  "example/Snap.java": `package example;
    import org.crac.*;
    public class Snap implements Resource {
      private final StringBuilder told = new StringBuilder();
      public Snap() { Core.getGlobalContext().register(this); }
      public void beforeCheckpoint(Context<? extends Resource> context) { told.append("before "); }
      public void afterRestore(Context<? extends Resource> context) {
        told.append("after ");
        if ("after".equals(System.getenv("FAILS"))) throw new IllegalStateException("no way back");
      }
      public String handle(String event) { return told.append(event).append(' ').toString(); }
    }`,
};

const dataDir = mkdtempSync(join(tmpdir(), "lambdad-snap-"));
let server: RunningServer;
let lambda: LambdaClient;

async function start(): Promise<void> {
  // What pip would fetch is not looked for.
  server = await startServer({ dataDir, env: { PIP_NO_INDEX: "1" } });
  lambda = new LambdaClient({
    ...{ endpoint: server.url, region: "us-east-1", maxAttempts: 1 },
    credentials: { accessKeyId: "x", secretAccessKey: "x" },
  });
}

before(start);
after(async () => {
  assert.equal(await server.stop(), 0);
  rmSync(dataDir, { recursive: true, force: true });
});

interface Made {
  readonly name: string;
  readonly runtime: Runtime;
  readonly handler: string;
  readonly files: ZipSources;
  readonly fails?: "before" | "after";
}

/** Version 1, once it is Active or Failed. */
async function published({ name, runtime, handler, files, fails }: Made) {
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Runtime: runtime,
      Handler: handler,
      Role: "arn:aws:iam::000000000000:role/any",
      Code: { ZipFile: await zipOf(files) },
      SnapStart: { ApplyOn: "PublishedVersions" },
      Publish: true,
      Timeout: 30,
      MemorySize: 512,
      Environment: { Variables: fails ? { FAILS: fails } : {} },
    }),
  );
  return ended(name);
}

function ended(name: string) {
  return until(`${name} is Active or Failed`, async () => {
    const read = new GetFunctionConfigurationCommand({ FunctionName: name, Qualifier: "1" });
    const found = await lambda.send(read);
    return found.State !== "Pending" && found;
  });
}

async function invoke(name: string, event: unknown) {
  const answer = await lambda.send(
    new InvokeCommand({
      ...{ FunctionName: name, Qualifier: "1", LogType: "Tail" },
      Payload: Buffer.from(JSON.stringify(event)),
    }),
  );
  return {
    error: answer.FunctionError,
    result: JSON.parse(Buffer.from(answer.Payload ?? "").toString()) as unknown,
    log: Buffer.from(answer.LogResult ?? "", "base64").toString(),
  };
}

const restoreReport = /RESTORE_START Runtime Version: .*\nRESTORE_REPORT Restore Duration: [\d.]+ ms\n/;
const reportRestored = /^REPORT .*\tRestore Duration: [\d.]+ ms\tBilled Restore Duration: \d+ ms\t$/m;

function languages(
  runtime: Runtime,
  handler: string,
  files: () => ZipSources,
  told: (events: string[]) => unknown,
) {
  const code = () => ({ runtime, handler, files: files() });
  const name = runtime.replace(".", "-");

  test(`${runtime}: hooks run when a version is published and when it is restored, once for each environment`, async () => {
    const version = await published({ ...code(), name });
    assert.deepEqual([version.State, version.SnapStart?.OptimizationStatus], ["Active", "On"]);
    const first = await invoke(name, "one");
    assert.deepEqual([first.error, first.result], [undefined, told(["one"])]);
    assert.match(first.log, restoreReport);
    assert.match(first.log, reportRestored);
    assert.doesNotMatch(first.log, /INIT|Init Duration/);
    const second = await invoke(name, "two");
    assert.deepEqual(second.result, told(["one", "two"]));
    assert.doesNotMatch(second.log, /RESTORE|Restore/);
  });

  test(`${runtime}: a hook that fails after the restore is SnapStartException, and the next restore is another`, async () => {
    assert.equal((await published({ ...code(), name: `${name}-after`, fails: "after" })).State, "Active");
    for (let count = 0; count < 2; count += 1) {
      await assert.rejects(invoke(`${name}-after`, "one"), (error: LambdaServiceException) => {
        assert.deepEqual([error.name, error.$metadata.httpStatusCode], ["SnapStartException", 400]);
        return true;
      });
    }
  });
}

const python = readyRuntimes().find((id) => /^python3\.(1[2-9])$/.test(id));
if (python === undefined)
  test("SnapStart in Python", (t) => t.skip("no Python 3.12 or newer is on this machine"));
else {
  const files = { "index.py": pythonCode };
  const told = (events: string[]) => [
    ["before, registered last", "before, registered first", "after", ...events],
    "snap-start",
    null,
  ];
  languages(python, "index.handler", () => files, told);

  test("a hook that fails before the snapshot makes the version Failed", async () => {
    const made = {
      runtime: python,
      handler: "index.handler",
      files,
      name: "before",
      fails: "before",
    } as const;
    const { State, StateReasonCode } = await published(made);
    assert.deepEqual([State, StateReasonCode], ["Failed", "FunctionError"]);
  });

  test("after a crash the next environment is restored, and after a restart of lambdad the version is Active", async () => {
    const name = python.replace(".", "-");
    assert.equal((await invoke(name, "exit")).error, "Unhandled");
    assert.deepEqual((await invoke(name, "three")).result, told(["three"]));
    assert.equal(await server.stop(), 0);
    await start();
    assert.equal((await ended(name)).State, "Active");
    const restarted = await invoke(name, "four");
    assert.deepEqual(restarted.result, told(["four"]));
    assert.match(restarted.log, reportRestored);
  });
}

const java = readyRuntimes().find((id) => /^java(11|17|21|25)$/.test(id));
if (java === undefined || programOnPath("javac") === undefined) {
  test("SnapStart in Java", (t) => t.skip("no Java 11 or newer with a compiler is on this machine"));
} else {
  const told = (events: string[]) => `before after ${events.join(" ")} `;
  languages(java, "example.Snap::handle", () => compiledJava(), told);
}

function readyRuntimes(): readonly Runtime[] {
  const argv = [resolve("bin/lambdad.js"), "runtimes", "--json"];
  const listed = JSON.parse(execFileSync(process.execPath, argv, { encoding: "utf8" })) as {
    id: Runtime;
    status: string;
  }[];
  return listed.filter(({ status }) => status === "ready").map(({ id }) => id);
}

function compiledJava(): ZipSources {
  const directory = mkdtempSync(join(tmpdir(), "lambdad-snap-java-"));
  const sources = Object.entries(javaCode).map(([name, text]) => {
    const path = join(directory, "src", name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  });
  const out = join(directory, "out");
  execFileSync("javac", ["--release", "8", "-Xlint:-options", "-proc:none", "-d", out, ...sources]);
  const names = readdirSync(out, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".class"),
  );
  const files = Object.fromEntries(names.map((name) => [name, readFileSync(join(out, name))]));
  rmSync(directory, { recursive: true });
  return files;
}
