/**
 * S10: from `lambdad up` on an empty data directory to its first answer, and its resident memory when idle. Also the
 * processor time until then, of lambdad and of every command it ran: other work on the machine changes that little.
 */
import { readdirSync, readFileSync } from "node:fs";
import { startServer } from "../test/harness/server.ts";
import { median } from "./load.ts";
import type { Row } from "./row.ts";

const rounds = 7;
// Time for the garbage of the start to be collected, as in any idle server.
const idleMs = 3000;

export async function run(): Promise<Row[]> {
  const readyMs: number[] = [];
  const processorMs: number[] = [];
  const residentMb: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const startMs = performance.now();
    const server = await startServer();
    await fetch(`${server.url}/_lambdad/health`);
    readyMs.push(performance.now() - startMs);
    processorMs.push(processorMsOf(server.pid));
    await new Promise((resolve) => setTimeout(resolve, idleMs));
    residentMb.push(residentMbOf(server.pid));
    await server.stop();
  }
  return [
    row("start to first answer, empty data directory", median(readyMs), "ms", "≤ 1000"),
    row("processor time until then", median(processorMs), "ms", "none"),
    row("resident memory, idle", median(residentMb), "MB", "≤ 120"),
  ];
}

function row(what: string, value: number, unit: string, goal: string): Row {
  return { id: "S10", what, value, yardstick: Number.NaN, result: value, unit, goal };
}

function residentMbOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

// USER_HZ: what /proc counts processor time in.
const tickMs = 10;

/** Of a process and its descendants, the ended ones among them. */
function processorMsOf(pid: number | string): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // Behind the name, in parentheses: user and system time, then those of children that have ended.
    const ticks = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .slice(11, 15);
    const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean),
    );
    return sum(ticks.map(Number)) * tickMs + sum(children.map(processorMsOf));
  } catch {
    return 0; // it went a moment ago
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
