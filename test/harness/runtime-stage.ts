/**
 * A stage for scripted runtimes: an environment of `src/runtime/` with its real Runtime API, a scripted driver, a clock that
 * stands still, and a log that is read back as text. Everything is taken down when the test ends.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { TestContext } from "node:test";
import type { SimClock } from "../../src/base/clock-sim.ts";
import { createSimClock } from "../../src/base/clock-sim.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { seededRandom } from "../../src/base/random.ts";
import { createRuntimeApi } from "../../src/runtime/api/server.ts";
import type { Catalog, CodeMounts, Environment, VersionSpec } from "../../src/runtime/contract.ts";
import { startEnvironment } from "../../src/runtime/environment.ts";
import type { EnvironmentDeps } from "../../src/runtime/environment.ts";
import type { InvocationRequest, InvocationResult } from "../../src/runtime/invocation.ts";
import { invocationRequest, versionSpec } from "./fake-environment.ts";
import type { ScriptedDriver } from "./scripted-runtime.ts";

export interface Stage {
  readonly environment: Environment;
  readonly clock: SimClock;
  readonly driver: ScriptedDriver;
  /** Every message that reached the log, in order. */
  readonly messages: readonly LoggedMessage[];
  /** Their texts, without the newline at the end. */
  readonly lines: () => string[];
}

export interface LoggedMessage {
  readonly atMs: number;
  readonly text: string;
}

export interface StageOptions {
  readonly spec?: Partial<VersionSpec>;
  readonly deps?: Partial<EnvironmentDeps>;
}

export async function stage(
  t: TestContext,
  driver: ScriptedDriver,
  options: StageOptions = {},
): Promise<Stage> {
  const dir = await mkdtemp(join(tmpdir(), "lambdad-"));
  const clock = createSimClock();
  const api = await createRuntimeApi({
    clock,
    logger: silentLogger,
    dir: join(dir, "api"),
    hostAddress: driver.hostAddress,
    networked: false,
  });
  const messages: LoggedMessage[] = [];
  const environment = startEnvironment(
    {
      clock,
      random: seededRandom(7),
      logger: silentLogger,
      driver,
      catalog: fixedCatalog,
      codeMounts: fixedCode,
      api,
      logs: { append: (_stream, atMs, text) => void messages.push({ atMs, text }) },
      endpointUrl: "http://127.0.0.1:4566",
      network: "outside",
      credentials: (account) => ({ accessKeyId: account, secretAccessKey: "secret", sessionToken: "token" }),
      ...options.deps,
    },
    versionSpec(options.spec),
  );
  t.after(async () => {
    await environment.shutdown();
    await api.close();
    await rm(dir, { recursive: true, force: true });
  });
  return { environment, clock, driver, messages, lines: () => messages.map(({ text }) => text.trimEnd()) };
}

export const fixedCatalog: Catalog = {
  list: async () => [],
  plan: async () => ({
    argv: ["/var/lang/bin/node", "/var/runtime/index.mjs"],
    mounts: [{ source: "/opt/guest/node", target: "/var/runtime" }],
    env: { NODE_PATH: "/var/runtime:/var/task" },
    runtimeVersion: "nodejs:22.v1",
    runtimeVersionArn: "arn:aws:lambda:us-east-1::runtime:0123",
  }),
};

export const fixedCode: CodeMounts = {
  inspect: async () => ({ unzippedBytes: 0, entries: 0 }),
  mount: async () => ({ source: "/data/code/abc", target: "/var/task" }),
  mountLayers: async () => ({ source: "/data/code/layers", target: "/opt" }),
  remove: async () => undefined,
};

export function invocation(requestId: string, payload = "{}"): InvocationRequest {
  return invocationRequest({ requestId, payload: Buffer.from(payload) });
}

export function payloadOf({ outcome }: InvocationResult): string {
  return Buffer.from(outcome.payload).toString();
}

/** Waits in real time for what another party does. */
export async function until(claim: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (!(await claim())) {
    if (performance.now() > deadlineMs) throw new Error(`waited in vain until ${what}`);
    await sleep(1);
  }
}
