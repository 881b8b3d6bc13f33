/** S10: from `lambdad up` on an empty data directory to its first answer, and its resident memory when idle. */
import { readFileSync } from "node:fs";
import { startServer } from "../test/harness/server.ts";
import { median } from "./load.ts";
import type { Row } from "./row.ts";

const rounds = 7;
// Time for the garbage of the start to be collected, as in any idle server.
const idleMs = 3000;

export async function run(): Promise<Row[]> {
  const readyMs: number[] = [];
  const residentMb: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const startMs = performance.now();
    const server = await startServer();
    await fetch(`${server.url}/_lambdad/health`);
    readyMs.push(performance.now() - startMs);
    await new Promise((resolve) => setTimeout(resolve, idleMs));
    residentMb.push(residentMbOf(server.pid));
    await server.stop();
  }
  const absolute = { yardstick: Number.NaN };
  return [
    {
      id: "S10",
      what: "start to first answer, empty data directory",
      ...absolute,
      value: median(readyMs),
      result: median(readyMs),
      unit: "ms",
      goal: "≤ 1000",
    },
    {
      id: "S10",
      what: "resident memory, idle",
      ...absolute,
      value: median(residentMb),
      result: median(residentMb),
      unit: "MB",
      goal: "≤ 120",
    },
  ];
}

function residentMbOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}
