/**
 * S3, S4: a cold start with the warm pool full, as the client sees it, against starting the interpreter. S6: a hundred
 * functions that have no environment, invoked at once. S11: memory of an idle environment above that of an interpreter
 * that only waits.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { startServer, type RunningServer } from "../test/harness/server.ts";
import { until } from "../test/harness/wait.ts";
import {
  bootTimeMs,
  type ColdSubject,
  coldStarts,
  createFunction,
  invoke,
  nodeSubject,
  pythonSubject,
  timed,
} from "./cold-starts.ts";
import { lambdaClient } from "./echo.ts";
import { median } from "./load.ts";
import type { Row } from "./row.ts";

const poolSize = 2;
const functionsAtOnce = 100;

export async function run(): Promise<Row[]> {
  const python = pythonSubject();
  return [
    await warmRow("S3", "≤ 1.0", nodeSubject),
    ...(python ? [await warmRow("S4", "≤ 1.5", python)] : []),
    await manyRow("pool as it is by itself", []),
    await manyRow("no pool", ["--warm-pool", "0"]),
    await memoryRow(nodeSubject, [
      process.execPath,
      "--max-old-space-size=1769",
      "-e",
      "setInterval(()=>{},1e9)",
    ]),
    ...(python ? [await memoryRow(python, [python.boot[0], "-c", "import time; time.sleep(1e6)"])] : []),
  ];
}

async function warmRow(id: string, goal: string, subject: ColdSubject): Promise<Row> {
  return withServer(async (server) => {
    const isFull = () => until("the pool is full", async () => (await waitingRuntimes(server)) >= poolSize);
    const { coldMs, bootMs } = await coldStarts(
      lambdaClient(server.url),
      subject,
      async () => void (await isFull()),
    );
    return {
      id,
      what: `cold start of ${subject.runtime}, pool warm ÷ boot of the interpreter`,
      value: coldMs,
      yardstick: bootMs,
      result: coldMs / bootMs,
      unit: "ms",
      goal,
    };
  });
}

async function manyRow(which: string, args: readonly string[]): Promise<Row> {
  return withServer(async (server) => {
    const client = lambdaClient(server.url);
    const names = Array.from({ length: functionsAtOnce }, (_, index) => `many-${index}`);
    for (let from = 0; from < names.length; from += 20)
      await Promise.all(
        names.slice(from, from + 20).map((name) => createFunction(client, name, nodeSubject)),
      );
    await settledPool(server);
    const bootMs: number[] = [];
    for (let round = 0; round < 15; round += 1) bootMs.push(await bootTimeMs(nodeSubject));
    const wallMs = await timed(() => Promise.all(names.map((name) => invoke(client, name))));
    const yardstick = (functionsAtOnce * median(bootMs)) / availableParallelism();
    return {
      id: "S6",
      what: `${functionsAtOnce} functions cold at once, ${which}, all answered: wall ÷ (${functionsAtOnce} × boot ÷ cores)`,
      value: wallMs,
      yardstick,
      result: wallMs / yardstick,
      unit: "ms",
      goal: "≤ 2.0",
    };
  }, args);
}

/** The interpreter in its sandbox, after one invocation, with the sandbox's own processes. */
async function memoryRow(subject: ColdSubject, bare: readonly [string, ...string[]]): Promise<Row> {
  return withServer(
    async (server) => {
      const client = lambdaClient(server.url);
      await createFunction(client, "idle", subject);
      await invoke(client, "idle");
      const [program, ...rest] = bare;
      const idle = spawn(program, rest, { stdio: "ignore" });
      try {
        await once(idle, "spawn");
        const ownMb = await until("the interpreter waits", () => settledMb([idle.pid ?? 0]));
        const usedMb = await until("the environment waits", () => settledMb(sandboxOf(server)));
        return {
          id: "S11",
          what: `memory (PSS) of an idle environment of ${subject.runtime}, sandbox included, above a bare interpreter`,
          value: usedMb,
          yardstick: ownMb,
          result: usedMb - ownMb,
          unit: "MB",
          goal: "≤ 5",
        };
      } finally {
        idle.kill();
      }
    },
    ["--warm-pool", "0"],
  );
}

async function withServer(
  measure: (server: RunningServer) => Promise<Row>,
  args: readonly string[] = [],
): Promise<Row> {
  const server = await startServer({ args });
  try {
    return await measure(server);
  } finally {
    await server.stop();
  }
}

/** It has not grown for three seconds. */
async function settledPool(server: RunningServer): Promise<void> {
  let seen = -1;
  let sinceMs = performance.now();
  await until(
    "the pool grows no more",
    async () => {
      const now = await waitingRuntimes(server);
      if (now !== seen) sinceMs = performance.now();
      seen = now;
      return performance.now() - sinceMs > 3000;
    },
    300_000,
  );
}

async function waitingRuntimes({ url }: RunningServer): Promise<number> {
  const metrics = await (await fetch(`${url}/_lambdad/metrics`)).text();
  return Number(/^lambdad_warm_runtimes (\d+)$/m.exec(metrics)?.[1] ?? 0);
}

const readings = new Map<string, number>();

/** Undefined until two readings in a row are the same to 0.1 MB. */
function settledMb(pids: readonly number[]): number | undefined {
  const totalMb = pids.reduce((sum, pid) => sum + pssMb(pid), 0);
  const before = readings.get(pids.join());
  readings.set(pids.join(), totalMb);
  return before !== undefined && totalMb > 0 && Math.abs(before - totalMb) < 0.1 ? totalMb : undefined;
}

/** Its share of the pages that it shares, and all of its own. 0 for one that has ended since it was listed. */
function pssMb(pid: number): number {
  const file = `/proc/${pid}/smaps_rollup`;
  const total = /^Pss:\s+(\d+) kB$/m.exec(existsSync(file) ? readFileSync(file, "utf8") : "")?.[1];
  return Number(total ?? 0) / 1024;
}

/** Every process of the one sandbox in which something runs. */
function sandboxOf({ pid }: RunningServer): readonly number[] {
  const parents = new Map(
    readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map((name) => [Number(name), parentOf(name)] as const),
  );
  const below = (root: number): readonly number[] =>
    [...parents].filter(([, parent]) => parent === root).flatMap(([child]) => [child, ...below(child)]);
  // A slot that waits is one shell; bubblewrap has its reaper and the program below it.
  const sandboxes = [...parents].filter(([child, parent]) => parent === pid && below(child).length > 0);
  return sandboxes.flatMap(([child]) => [child, ...below(child)]);
}

function parentOf(pid: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ")[1]);
  } catch {
    return 0; // it went
  }
}
