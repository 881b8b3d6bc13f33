/**
 * S1 and S2: warm RequestResponse of a Node echo function, signed, against the same handler in a bare `node:http`
 * server. Both are loaded by the same generator, turn about, and the medians of the rounds are compared. Before the first
 * round each is loaded for as long as V8 goes on compiling: there are 16 functions to one server, each with a sixteenth of
 * the requests.
 *
 * The function has one vCPU, since bare has one. With less, one connection that never pauses measures the share: at
 * 128 MB a function has 1.4 ms of every 20, uses them up, and waits for the next 20, as on AWS. The last row has that.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpuMbPerVcpu } from "../src/limits.ts";
import { startServer } from "../test/harness/server.ts";
import { createEchoFunction, echoSources, signedInvoke } from "./echo.ts";
import { load, median, type LoadResult } from "./load.ts";
import type { Row } from "./row.ts";

const measureMs = 2000;
const throughputPlan = { connections: 16, compileMs: 12_000, rounds: 9 };
const latencyPlan = { connections: 1, compileMs: 2000, rounds: 5 };

export async function run(): Promise<Row[]> {
  const bare = spawn(process.execPath, [new URL("bare.ts", import.meta.url).pathname], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [port] = (await once(bare.stdout, "data")) as [Buffer];
  const server = await startServer();
  try {
    await createEchoFunction(server.url, "echo", echoSources, { MemorySize: cpuMbPerVcpu });
    await createEchoFunction(server.url, "small", echoSources, { MemorySize: 128 });
    const targets = {
      bare: { port: Number(port.toString()), requests: [signedInvoke(server.url)] },
      lambdad: { port: server.port, requests: [signedInvoke(server.url)] },
    };
    const small = { port: server.port, requests: [signedInvoke(server.url, "small")] };
    const wide = await compare(targets, throughputPlan);
    const single = await compare({ ...targets, small }, latencyPlan);
    const throughput = (results: LoadResult[]) => median(results.map(({ perSecond }) => perSecond));
    const p50 = (results: LoadResult[]) => median(results.map(({ p50Ms }) => p50Ms));
    const p99 = (results: LoadResult[]) => median(results.map(({ p99Ms }) => p99Ms));
    return [
      {
        id: "S1",
        what: "warm invoke, signed, 16 connections: throughput ÷ bare",
        value: throughput(wide.lambdad),
        yardstick: throughput(wide.bare),
        result: throughput(wide.lambdad) / throughput(wide.bare),
        unit: "requests/s",
        goal: "≥ 0.15, then 0.25, then 0.35",
      },
      {
        id: "S2",
        what: "warm invoke, one connection: p50 added over bare",
        value: p50(single.lambdad),
        yardstick: p50(single.bare),
        result: p50(single.lambdad) - p50(single.bare),
        unit: "ms",
        goal: "≤ 1.5, then 1",
      },
      {
        id: "S2",
        what: "warm invoke, one connection: p99",
        value: p99(single.lambdad),
        yardstick: p99(single.bare),
        result: p99(single.lambdad),
        unit: "ms",
        goal: "≤ 5",
      },
      {
        id: "",
        what: "the same at 128 MB, whose share of CPU decides",
        value: p99(single.small),
        yardstick: p99(single.bare),
        result: p99(single.small),
        unit: "ms",
        goal: "–",
      },
    ];
  } finally {
    bare.kill();
    await server.stop();
  }
}

interface Target {
  readonly port: number;
  readonly requests: readonly string[];
}

async function compare<Name extends string>(
  targets: Record<Name, Target>,
  { connections, compileMs, rounds }: typeof throughputPlan,
) {
  const names = Object.keys(targets) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, [] as LoadResult[]])) as Record<
    Name,
    LoadResult[]
  >;
  for (const name of names) await load({ ...targets[name], connections, warmupMs: 0, measureMs: compileMs });
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) {
      const result = await load({ ...targets[name], connections, warmupMs: 1000, measureMs });
      if (result.failures > 0) throw new Error(`${result.failures} requests to ${name} failed`);
      results[name].push(result);
    }
  }
  return results;
}
