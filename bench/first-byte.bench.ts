/**
 * Time to the first byte of a streamed answer, against a whole buffered answer: InvokeWithResponseStream and Invoke by
 * turns, one connection each, from the same client. The function writes, waits and then ends, so that an answer which
 * was collected before it was passed on would show: its first byte would come after the wait. The client waits as long
 * between buffered ones, so that neither finds caches and processors more awake than the other.
 */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { cpuMbPerVcpu } from "../src/limits.ts";
import { startServer } from "../test/harness/server.ts";
import { createEchoFunction, echoSources, signedInvoke, signedRequest } from "./echo.ts";
import { median } from "./load.ts";
import type { Row } from "./row.ts";

const rounds = 10;
const requestsPerRound = 100;
const pauseMs = 5;
const streamingSources = {
  "index.js": `
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  stream.write(JSON.stringify(event));
  await new Promise((resolve) => setTimeout(resolve, ${pauseMs}));
  stream.end("end");
});
`,
};

export async function run(): Promise<Row[]> {
  const server = await startServer();
  try {
    const more = { MemorySize: cpuMbPerVcpu };
    await createEchoFunction(server.url, "echo", echoSources, more);
    await createEchoFunction(server.url, "stream", streamingSources, more);
    const buffered = { request: signedInvoke(server.url), first: "}}", last: "}}", pauseMs };
    const streamed = {
      request: streamingInvoke(server.url),
      first: "PayloadChunk",
      last: "\r\n0\r\n\r\n",
      pauseMs: 0,
    };
    const bufferedMs: number[] = [];
    const streamedMs: number[] = [];
    // The first round warms everything up.
    for (let round = 0; round <= rounds; round += 1) {
      const [one, other] = [await firstBytes(server.port, buffered), await firstBytes(server.port, streamed)];
      if (round === 0) continue;
      bufferedMs.push(...one);
      streamedMs.push(...other);
    }
    return [
      {
        id: "",
        what: "first streamed byte ÷ a whole buffered answer, one connection, p50",
        value: median(streamedMs),
        yardstick: median(bufferedMs),
        result: median(streamedMs) / median(bufferedMs),
        unit: "ms",
        goal: "≤ 2",
      },
    ];
  } finally {
    await server.stop();
  }
}

function streamingInvoke(url: string): string {
  return signedRequest(url, {
    method: "POST",
    path: "/2021-11-15/functions/stream/response-streaming-invocations",
    body: JSON.stringify({ message: "hello" }),
  });
}

interface Asked {
  readonly request: string;
  /** In the bytes that count as the first of the payload. */
  readonly first: string;
  /** What every answer ends with. */
  readonly last: string;
  /** After each answer. */
  readonly pauseMs: number;
}

/** One request after the other over one connection: the time until `first`, in ms. */
async function firstBytes(port: number, asked: Asked): Promise<number[]> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  try {
    const results: number[] = [];
    while (results.length < requestsPerRound) {
      results.push(await firstByte(socket, asked));
      if (asked.pauseMs > 0) await sleep(asked.pauseMs);
    }
    return results;
  } finally {
    socket.destroy();
  }
}

function firstByte(socket: Socket, { request, first, last }: Asked): Promise<number> {
  return new Promise((resolve, reject) => {
    const sentAtMs = performance.now();
    let firstAtMs: number | undefined;
    let answer = "";
    function receive(chunk: Buffer) {
      answer += chunk.toString("latin1");
      if (answer.includes(first)) firstAtMs ??= performance.now();
      if (firstAtMs === undefined || !answer.endsWith(last)) return;
      socket.off("data", receive);
      socket.off("error", reject);
      if (answer.startsWith("HTTP/1.1 200")) resolve(firstAtMs - sentAtMs);
      else reject(new Error(answer.slice(0, 200)));
    }
    socket.on("data", receive);
    socket.on("error", reject);
    socket.write(request);
  });
}
