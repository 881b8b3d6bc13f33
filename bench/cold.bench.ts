/**
 * S5: a cold start with an empty pool, as the client sees it, against starting the interpreter. Each round makes a new
 * version of the function's configuration, so that no environment is there for it, and starts the bare interpreter
 * beside it; the medians are compared.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  CreateFunctionCommand,
  InvokeCommand,
  type LambdaClient,
  type Runtime,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
} from "@aws-sdk/client-lambda";
import { startServer } from "../test/harness/server.ts";
import { zipOf, type ZipSources } from "../test/harness/zip.ts";
import { echoSources, helloPythonSources, lambdaClient } from "./echo.ts";
import { median } from "./load.ts";
import type { Row } from "./row.ts";

const rounds = 15;

export async function run(): Promise<Row[]> {
  const server = await startServer();
  try {
    const client = lambdaClient(server.url);
    const python = await pythonBehindPath();
    const rows = [
      await coldRow(client, "nodejs24.x", "index.handler", echoSources, [process.execPath, "-e", "0"]),
    ];
    if (python) {
      const runtime = `python${python.version}` as Runtime;
      rows.push(
        await coldRow(client, runtime, "lambda_function.handler", helloPythonSources, [
          python.executable,
          "-c",
          "0",
        ]),
      );
    }
    return rows;
  } finally {
    await server.stop();
  }
}

async function coldRow(
  client: LambdaClient,
  runtime: Runtime,
  handler: string,
  sources: ZipSources,
  boot: readonly [program: string, ...rest: string[]],
): Promise<Row> {
  const name = `cold-${runtime.replaceAll(".", "-")}`;
  await client.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Runtime: runtime,
      Role: "arn:aws:iam::000000000000:role/any",
      Handler: handler,
      MemorySize: 1769,
      Code: { ZipFile: await zipOf(sources) },
    }),
  );
  await waitUntilFunctionActiveV2(
    { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
    { FunctionName: name },
  );
  const coldMs: number[] = [];
  const bootMs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await client.send(
      new UpdateFunctionConfigurationCommand({
        FunctionName: name,
        Environment: { Variables: { ROUND: String(round) } },
      }),
    );
    await waitUntilFunctionUpdatedV2(
      { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
      { FunctionName: name },
    );
    coldMs.push(
      await timed(() => client.send(new InvokeCommand({ FunctionName: name, Payload: Buffer.from("{}") }))),
    );
    bootMs.push(await timed(() => exited(boot)));
  }
  return {
    id: "S5",
    what: `cold start of ${runtime}, empty pool ÷ boot of the interpreter`,
    value: median(coldMs),
    yardstick: median(bootMs),
    result: median(coldMs) / median(bootMs),
    unit: "ms",
    goal: "≤ 2.0",
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

async function exited([program, ...rest]: readonly [program: string, ...rest: string[]]): Promise<void> {
  await once(spawn(program, rest, { stdio: "ignore" }), "exit");
}

/** The interpreter behind `python3` on PATH: not a shim in front of it, which would cost more than what it starts. */
async function pythonBehindPath(): Promise<{ version: string; executable: string } | undefined> {
  const script = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)";
  const child = spawn("python3", ["-c", script], { stdio: ["ignore", "pipe", "ignore"] });
  child.on("error", () => {});
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await once(child, "close");
  const [version, executable] = output.trim().split(" ");
  return version && executable ? { version, executable } : undefined;
}
