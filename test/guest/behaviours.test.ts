/**
 * What a function feels is the same in every language: one table of behaviours, run over all languages that are on this
 * machine, as a client sees them. Root file systems that were installed into LAMBDAD_TEST_ROOTS are used too.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  CreateFunctionCommand,
  InvokeCommand,
  LambdaClient,
  type Runtime,
  waitUntilFunctionActiveV2,
} from "@aws-sdk/client-lambda";
import { freezeDelayMs } from "../../src/limits.ts";
import { frozenGroups } from "../harness/frozen.ts";
import { startServer } from "../harness/server.ts";
import { until } from "../harness/wait.ts";
import { zipOf } from "../harness/zip.ts";
import { candidates, type Language } from "./languages.ts";

interface Invoked {
  readonly payload: unknown;
  /** The header: "Unhandled". */
  readonly error: string | undefined;
  readonly requestId: string;
  /** The last 4 KB. */
  readonly tail: string;
}

interface Subject {
  readonly language: Language;
  readonly name: string;
  readonly invoke: (event: object, to?: Variant) => Promise<Invoked>;
}

/** The same function: as it is, with little time, and unable to start. */
type Variant = "works" | "hurries" | "fails";

type Behaviour = (subject: Subject) => Promise<void>;

const timeoutSeconds: Readonly<Record<Variant, number>> = { works: 20, hurries: 1, fails: 20 };

const behaviours: Readonly<Record<string, Behaviour>> = {
  "an event comes back as it was sent": async ({ invoke }) => {
    const value = { text: "Jörg", list: [1, -2.5, true, null, "", {}], nested: { deep: [[[]]] } };
    const { payload, error } = await invoke({ do: "echo", value });
    assert.deepEqual([payload, error], [value, undefined]);
  },

  "every kind of letter survives": async ({ invoke }) => {
    const value = 'ä€\u{1F600}中 \u0000\u001f\\"/\n\t\u2028 é';
    assert.equal((await invoke({ do: "echo", value })).payload, value);
  },

  "six megabytes go in and come out": async ({ invoke }) => {
    const value = "0123456789".repeat(600_000);
    const { payload, error } = await invoke({ do: "echo", value });
    assert.equal(error, undefined);
    assert.ok(payload === value, `${JSON.stringify(payload).length} bytes`);
    assert.equal((await invoke({ do: "echo", value: 1 })).payload, 1);
  },

  "an error has its type, its message and its stack, and the next event is served": async ({
    invoke,
    language,
  }) => {
    const { payload, error, tail } = await invoke({ do: "fail" });
    assert.equal(error, "Unhandled");
    const [member, first] = language.trace;
    const { errorType, errorMessage, [member]: trace } = payload as Record<string, unknown>;
    assert.deepEqual([errorType, errorMessage], [language.errorType, "it went wrong: ü"]);
    assert.match((trace as readonly string[])[0] ?? "", first);
    if (!language.runtime.startsWith("provided")) assert.match(tail, /it went wrong: ü/);
    assert.equal((await invoke({ do: "echo", value: "on" })).payload, "on");
  },

  "exiting in an invocation is its error, and the next one starts again": async ({ invoke }) => {
    const { payload, error, requestId } = await invoke({ do: "exit" });
    assert.equal(error, "Unhandled");
    const errorMessage = `RequestId: ${requestId} Error: Runtime exited with error: exit status 3`;
    assert.deepEqual(payload, { errorType: "Runtime.ExitError", errorMessage });
    assert.equal((await invoke({ do: "echo", value: "again" })).payload, "again");
  },

  "a crash is the invocation's error, and the next one starts again": async ({ invoke }) => {
    const { payload, error, requestId } = await invoke({ do: "crash" });
    assert.equal(error, "Unhandled");
    const errorMessage = `RequestId: ${requestId} Error: Runtime exited with error: signal: killed`;
    assert.deepEqual(payload, { errorType: "Runtime.ExitError", errorMessage });
    assert.equal((await invoke({ do: "echo", value: "again" })).payload, "again");
  },

  "what was frozen meanwhile goes on with the next event": async ({ invoke }) => {
    await until("an event thaws what was frozen", async () => {
      await new Promise((resolve) => setTimeout(resolve, 2 * freezeDelayMs));
      const frozen = frozenGroups(dataDir);
      assert.equal((await invoke({ do: "echo", value: 1 })).payload, 1);
      const still = frozenGroups(dataDir);
      return !frozen || !still || frozen.some((group) => !still.includes(group));
    });
  },

  "what takes too long is ended": async ({ invoke }) => {
    const { payload, error, requestId } = await invoke({ do: "sleep" }, "hurries");
    assert.equal(error, "Unhandled");
    const errorMessage = `RequestId: ${requestId} Error: Task timed out after 1.00 seconds`;
    assert.deepEqual(payload, { errorType: "Sandbox.Timedout", errorMessage });
  },

  "what is printed is in the log, between START and END": async ({ invoke }) => {
    const { tail } = await invoke({ do: "print" });
    assert.match(tail, /^START [^]*\bprinted: ü€\n[^]*^END /m);
  },

  "the environment is AWS's and the function's, and nothing of ours": async ({ invoke, language }) => {
    const { payload } = await invoke({ do: "environment" });
    assert.deepEqual(payload, { own: "ä=ö", region: "us-east-1", handler: language.handler, ours: [] });
  },

  "the context tells which function this is, and how long it may go on": async ({
    invoke,
    name,
    language,
  }) => {
    const { payload, requestId } = await invoke({ do: "context" });
    const { remainingMs, logStreamName, ...rest } = payload as { remainingMs: number; logStreamName: string };
    assert.deepEqual(rest, {
      requestId,
      functionName: name,
      functionVersion: "$LATEST",
      invokedFunctionArn: `arn:aws:lambda:us-east-1:000000000000:function:${name}`,
      memoryMb: language.memoryMb,
      logGroupName: `/aws/lambda/${name}`,
      custom: "value",
    });
    assert.match(logStreamName, /^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/);
    assert.ok(remainingMs > 0 && remainingMs <= timeoutSeconds.works * 1000, `${remainingMs}`);
  },

  "an error while it is loaded is the answer to each event": async ({ invoke, language }) => {
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const { payload, error } = await invoke({ do: "echo", value: 1 }, "fails");
      assert.equal(error, "Unhandled");
      const { errorType, errorMessage } = payload as Record<string, string>;
      assert.equal(errorType, language.initErrorType);
      assert.match(errorMessage ?? "", language.initErrorMessage);
    }
  },
};

const dataDir = mkdtempSync(join(tmpdir(), "lambdad-test-"));
after(() => rmSync(dataDir, { recursive: true, force: true }));
const roots = process.env["LAMBDAD_TEST_ROOTS"];
if (roots !== undefined) symlinkSync(roots, join(dataDir, "roots"));

const server = await startServer({ dataDir });
after(() => server.stop());
const client = new LambdaClient({
  endpoint: server.url,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
  maxAttempts: 1,
});

for (const [name, language] of await candidates(dataDir)) {
  if (typeof language === "string") test(`${name}: behaviours`, (t) => t.skip(language));
  else
    test(name, { timeout: 300_000 }, async (t) => {
      const subject = await deployed(name.replaceAll(".", "-"), language);
      for (const [claim, behaviour] of Object.entries(behaviours)) {
        await t.test(`${name}: ${claim}`, () => behaviour(subject));
      }
    });
}

async function deployed(base: string, language: Language): Promise<Subject> {
  const code = await zipOf(await language.sources());
  const nameOf = (variant: Variant) => `${base}-${variant}`;
  await Promise.all([
    create(nameOf("works"), language, code, { Timeout: timeoutSeconds.works }),
    create(nameOf("hurries"), language, code, { Timeout: timeoutSeconds.hurries }),
    create(nameOf("fails"), language, code, { Timeout: timeoutSeconds.fails, fails: true }),
  ]);
  const clientContext = Buffer.from(JSON.stringify({ custom: { key: "value" } })).toString("base64");
  return {
    language,
    name: nameOf("works"),
    async invoke(event, to = "works") {
      const answer = await client.send(
        new InvokeCommand({
          FunctionName: nameOf(to),
          Payload: Buffer.from(JSON.stringify(event)),
          ClientContext: clientContext,
          LogType: "Tail",
        }),
      );
      return {
        payload: JSON.parse(answer.Payload?.transformToString() ?? "null"),
        error: answer.FunctionError,
        requestId: answer.$metadata.requestId ?? "",
        tail: Buffer.from(answer.LogResult ?? "", "base64").toString(),
      };
    },
  };
}

async function create(
  name: string,
  { runtime, handler, memoryMb }: Language,
  code: Buffer,
  { Timeout, fails }: { readonly Timeout: number; readonly fails?: boolean },
): Promise<void> {
  await client.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Runtime: runtime as Runtime,
      Role: "arn:aws:iam::000000000000:role/any",
      Handler: handler,
      MemorySize: memoryMb,
      Timeout,
      Environment: { Variables: { OWN: "ä=ö", ...(fails ? { FAILS_IN_INIT: "1" } : {}) } },
      Code: { ZipFile: code },
    }),
  );
  const patience = { client, maxWaitTime: 120, minDelay: 1, maxDelay: 1 };
  await waitUntilFunctionActiveV2(patience, { FunctionName: name });
}
