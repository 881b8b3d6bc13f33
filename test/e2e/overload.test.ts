/** More work than there is room for: every request is answered, with 200 or 429, and lambdad goes on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  GetFunctionCommand,
  InvokeCommand,
  LambdaClient,
  PutFunctionConcurrencyCommand,
  TooManyRequestsException,
} from "@aws-sdk/client-lambda";
import { createEchoFunction } from "../../bench/echo.ts";
import { type RunningServer, startServer } from "../harness/server.ts";
import { until } from "../harness/wait.ts";

const slow = {
  "index.js": "exports.handler = async (event) => new Promise((done) => setTimeout(done, 50, event));",
};

const frail = {
  "index.js": `
    const boot = crypto.randomUUID();
    exports.handler = async ({ n, crash, waitMs = 0 }, { logStreamName: stream }) => {
      await new Promise((done) => setTimeout(done, waitMs));
      if (crash) process.exit(1);
      return { n, boot, stream };
    };`,
};

interface FrailAnswer {
  readonly n?: number;
  /** One a process. */
  readonly boot: string;
  readonly stream: string;
  readonly errorType?: string;
}

function clientOf({ url }: RunningServer): LambdaClient {
  return new LambdaClient({
    endpoint: url,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  });
}

/** "200", or the reason of a 429. */
async function answerOf(lambda: LambdaClient, FunctionName: string): Promise<string> {
  try {
    const { StatusCode, FunctionError } = await lambda.send(new InvokeCommand({ FunctionName }));
    return FunctionError ?? String(StatusCode);
  } catch (error) {
    assert(error instanceof TooManyRequestsException, String(error));
    assert.equal(error.$metadata.httpStatusCode, 429);
    assert.equal(error.message, "Rate Exceeded.");
    assert.equal(error.Type, "User");
    assert.match(error.retryAfterSeconds ?? "", /^\d+$/);
    return error.Reason ?? "no reason";
  }
}

async function health({ url }: RunningServer): Promise<number> {
  return (await fetch(`${url}/_lambdad/health`)).status;
}

async function gauge({ url }: RunningServer, name: string): Promise<number> {
  const metrics = await (await fetch(`${url}/_lambdad/metrics`)).text();
  return Number(new RegExp(`^lambdad_${name} (\\d+)$`, "m").exec(metrics)?.[1]);
}

test("a storm on five functions is answered with 200 and 429, each gets its turn, and the platform goes on", async () => {
  const server = await startServer({ args: ["--scaling-rate", "4"] });
  try {
    const lambda = clientOf(server);
    const names = ["a", "b", "c", "d", "e"];
    await Promise.all(names.map((name) => createEchoFunction(server.url, name, slow)));
    const storm = names.flatMap((name) =>
      Array.from({ length: 40 }, async () => ({ name, answer: await answerOf(lambda, name) })),
    );
    const healthy = await Promise.all(Array.from({ length: 5 }, () => health(server)));
    const answers = await Promise.all(storm);
    assert.deepEqual(new Set(healthy), new Set([200]));
    assert.deepEqual(
      new Set(answers.map(({ answer }) => answer)),
      new Set(["200", "ConcurrentInvocationLimitExceeded"]),
    );
    for (const name of names) {
      assert.ok(
        answers.some((one) => one.name === name && one.answer === "200"),
        `${name} was served`,
      );
      assert.equal(await answerOf(lambda, name), "200", `${name} is served afterwards`);
    }
    const why = /requests are throttled \(429\).*grows as fast as it may/;
    await until("it has said why", () => why.test(server.log()));
    assert.ok((await gauge(server, "environments")) <= 5 * 6, "four each, and what came back in that time");
    assert.ok((await gauge(server, "throttles_total")) > 0);
    assert.equal(await gauge(server, "concurrency"), 0);
  } finally {
    assert.equal(await server.stop(), 0);
  }
});

test("more than ten requests a second for each reserved environment are throttled for that reason", async () => {
  const server = await startServer();
  try {
    const FunctionName = "fast";
    const lambda = await createEchoFunction(server.url, FunctionName);
    const once = clientOf(server);
    await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 1 }));
    const answers: string[] = [];
    while (!answers.includes("ReservedFunctionInvocationRateLimitExceeded")) {
      answers.push(await answerOf(once, FunctionName));
      assert.ok(answers.length < 5000, "ten requests a second are slower than this");
    }
    assert.ok(answers.filter((answer) => answer === "200").length >= 10);
  } finally {
    assert.equal(await server.stop(), 0);
  }
});

test("a crashed environment is used last, and is the one that is started again; under load every answer is right", async () => {
  const server = await startServer();
  try {
    const lambda = clientOf(server);
    await createEchoFunction(server.url, "frail", frail, { Timeout: 60 });
    const ask = async (event: object) => {
      const Payload = JSON.stringify(event);
      const answer = await lambda.send(new InvokeCommand({ FunctionName: "frail", Payload }));
      const body = JSON.parse(Buffer.from(answer.Payload ?? []).toString()) as FrailAnswer;
      return { ...body, error: answer.FunctionError };
    };
    const pair = async () => {
      const both = await Promise.all([ask({ waitMs: 300 }), ask({ waitMs: 300 })]);
      return new Set(both.map(({ stream }) => stream));
    };
    const known = await until("two environments run at once", async () => {
      const streams = await pair();
      return streams.size === 2 && streams;
    });
    const crashed = await ask({ crash: true });
    assert.deepEqual([crashed.error, crashed.errorType], ["Unhandled", "Runtime.ExitError"]);
    const survivors = [await ask({}), await ask({}), await ask({})];
    assert.equal(new Set(survivors.map(({ boot }) => boot)).size, 1, "none was started again for them");
    const again = await until("both run at once again", async () => {
      const streams = await pair();
      return streams.size === 2 && streams;
    });
    assert.deepEqual([...again].toSorted(), [...known].toSorted(), "the crashed one under its old name");

    const storm = Array.from({ length: 60 }, async (_, n) => {
      const crash = n % 6 === 0;
      const answer = await ask({ n, crash });
      if (crash) assert.equal(answer.errorType, "Runtime.ExitError");
      else assert.deepEqual([answer.error, answer.n], [undefined, n]);
    });
    await Promise.all(storm);
    await until("nothing runs", async () => (await gauge(server, "concurrency")) === 0);
  } finally {
    assert.equal(await server.stop(), 0);
  }
});

test("a machine without memory starts nothing, says why, and serves what needs none", async () => {
  const server = await startServer({ args: ["--memory-reserve", "1000000000"] });
  try {
    await createEchoFunction(server.url, "hungry", slow);
    const lambda = clientOf(server);
    assert.equal(await answerOf(lambda, "hungry"), "ConcurrentInvocationLimitExceeded");
    const why = "this machine has not enough free memory for another environment";
    await until("it has said why", () => server.log().includes(why));
    const shown = await lambda.send(new GetFunctionCommand({ FunctionName: "hungry" }));
    assert.equal(shown.Configuration?.State, "Active");
    assert.equal(await health(server), 200);
    assert.equal(await gauge(server, "environments"), 0);
  } finally {
    assert.equal(await server.stop(), 0);
  }
});
