/**
 * What the benches of cold starts share: a function of which each round makes a new version, so that no environment is
 * there for it, invoked once as a client does, and the bare interpreter started beside it.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import {
  CreateFunctionCommand,
  InvokeCommand,
  type LambdaClient,
  type Runtime,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
} from "@aws-sdk/client-lambda";
import { zipOf, type ZipSources } from "../test/harness/zip.ts";
import { echoSources, helloPythonSources } from "./echo.ts";
import { median } from "./load.ts";

const launcher = resolve(import.meta.dirname, "../bin/lambdad.js");
const rounds = 15;
const waiting = { maxWaitTime: 60, minDelay: 1, maxDelay: 1 };

/** A runtime, a function for it, and how the bare interpreter is started and ends at once. */
export interface ColdSubject {
  readonly runtime: Runtime;
  readonly handler: string;
  readonly sources: ZipSources;
  /** {} where not given. */
  readonly event?: object;
  readonly boot: readonly [program: string, ...rest: string[]];
}

export const nodeSubject: ColdSubject = {
  runtime: "nodejs24.x",
  handler: "index.handler",
  sources: echoSources,
  boot: [process.execPath, "-e", "0"],
};

/** The newest Python that lambdad finds here: the very program that it starts, not a shim in front of one. */
export function pythonSubject(): ColdSubject | undefined {
  const listed = execFileSync(process.execPath, [launcher, "runtimes", "--json"], { encoding: "utf8" });
  const found = (JSON.parse(listed) as { id: string; status: string; description: string }[]).find(
    ({ id, status }) => id.startsWith("python3.") && status === "ready",
  );
  const executable = found?.description.split(" at ")[1];
  if (!found || !executable) return undefined;
  return {
    runtime: found.id as Runtime,
    handler: "lambda_function.handler",
    sources: helloPythonSources,
    boot: [executable, "-c", "0"],
  };
}

/** Medians, ms. `ready`: awaited before each invocation. */
export async function coldStarts(
  client: LambdaClient,
  subject: ColdSubject,
  ready: () => Promise<void> = async () => {},
): Promise<{ readonly coldMs: number; readonly bootMs: number }> {
  const FunctionName = `cold-${subject.runtime.replaceAll(".", "-")}`;
  await createFunction(client, FunctionName, subject);
  const coldMs: number[] = [];
  const bootMs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const Environment = { Variables: { ROUND: String(round) } };
    await client.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment }));
    await waitUntilFunctionUpdatedV2({ client, ...waiting }, { FunctionName });
    await ready();
    coldMs.push(await timed(() => invoke(client, FunctionName, subject.event)));
    bootMs.push(await bootTimeMs(subject));
  }
  return { coldMs: median(coldMs), bootMs: median(bootMs) };
}

export async function createFunction(
  client: LambdaClient,
  FunctionName: string,
  { runtime, handler, sources }: ColdSubject,
): Promise<void> {
  await client.send(
    new CreateFunctionCommand({
      FunctionName,
      Runtime: runtime,
      Role: "arn:aws:iam::000000000000:role/any",
      Handler: handler,
      MemorySize: 1769,
      Code: { ZipFile: await zipOf(sources) },
    }),
  );
  await waitUntilFunctionActiveV2({ client, ...waiting }, { FunctionName });
}

export async function invoke(client: LambdaClient, FunctionName: string, event: object = {}): Promise<void> {
  const command = new InvokeCommand({ FunctionName, Payload: Buffer.from(JSON.stringify(event)) });
  const { FunctionError, Payload } = await client.send(command);
  if (FunctionError) throw new Error(`${FunctionName} failed: ${Buffer.from(Payload ?? []).toString()}`);
}

export function bootTimeMs({ boot: [program, ...rest] }: ColdSubject): Promise<number> {
  return timed(() => once(spawn(program, rest, { stdio: "ignore" }), "exit"));
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}
