/**
 * D2 in numbers: work takes time in inverse proportion to the function's share of CPU, which is memory ÷ 1,769 MB. The
 * yardstick is the processor time that the same work has used. Others' work on the machine only ever adds to the time, so
 * the least of some rounds counts.
 */
import {
  CreateFunctionCommand,
  InvokeCommand,
  type LambdaClient,
  waitUntilFunctionActiveV2,
} from "@aws-sdk/client-lambda";
import { startServer } from "../test/harness/server.ts";
import { zipOf } from "../test/harness/zip.ts";
import { lambdaClient } from "./echo.ts";
import type { Row } from "./row.ts";

const rounds = 5;
const wholeMb = 1769; // one vCPU
const sizesMb = [128, 512, wholeMb];
// Processor time: long against the 20 ms in which a share is given out.
const workMs = 300;

const burner = `
const burn = (count) => { let x = 1; for (let i = 0; i < count; i += 1) x = (x * 16807) % 2147483647; return x };
exports.handler = async ({ count }) => {
  const start = performance.now(), cpu = process.cpuUsage();
  globalThis.kept = burn(count);
  const { user, system } = process.cpuUsage(cpu);
  return { tookMs: performance.now() - start, cpuMs: (user + system) / 1000 };
};
`;

interface Burnt {
  readonly tookMs: number;
  readonly cpuMs: number;
}

export async function run(): Promise<Row[]> {
  const server = await startServer();
  try {
    const client = lambdaClient(server.url);
    for (const memoryMb of sizesMb) await create(client, memoryMb);
    const count = await amountOfWork(client);
    const rows: Row[] = [];
    for (const memoryMb of sizesMb) {
      const slowdowns: number[] = [];
      for (let round = 0; round < rounds; round += 1) {
        const { tookMs, cpuMs } = await burn(client, memoryMb, count);
        slowdowns.push(tookMs / cpuMs);
      }
      rows.push(row(memoryMb, Math.min(...slowdowns)));
    }
    return rows;
  } finally {
    await server.stop();
  }
}

function row(memoryMb: number, slowdown: number): Row {
  const expected = wholeMb / memoryMb;
  return {
    id: "",
    what: `CPU-bound at ${memoryMb} MB: time ÷ processor time, against 1,769 MB ÷ memory`,
    value: slowdown,
    yardstick: expected,
    result: slowdown / expected,
    unit: "×",
    goal: "0.85 to 1.15",
  };
}

async function create(client: LambdaClient, memoryMb: number): Promise<void> {
  const FunctionName = nameOf(memoryMb);
  await client.send(
    new CreateFunctionCommand({
      FunctionName,
      Runtime: "nodejs24.x",
      Role: "arn:aws:iam::000000000000:role/any",
      Handler: "index.handler",
      MemorySize: memoryMb,
      Timeout: 60,
      Code: { ZipFile: await zipOf({ "index.js": burner }) },
    }),
  );
  await waitUntilFunctionActiveV2({ client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 }, { FunctionName });
}

/** Grown until it is enough. */
async function amountOfWork(client: LambdaClient): Promise<number> {
  let count = 1_000_000;
  for (;;) {
    const { cpuMs } = await burn(client, wholeMb, count);
    if (cpuMs >= workMs) return count;
    count = Math.ceil(count * Math.min(10, (1.2 * workMs) / cpuMs));
  }
}

async function burn(client: LambdaClient, memoryMb: number, count: number): Promise<Burnt> {
  const Payload = Buffer.from(JSON.stringify({ count }));
  const answer = await client.send(new InvokeCommand({ FunctionName: nameOf(memoryMb), Payload }));
  return JSON.parse(Buffer.from(answer.Payload ?? []).toString()) as Burnt;
}

function nameOf(memoryMb: number): string {
  return `burner-${memoryMb}`;
}
