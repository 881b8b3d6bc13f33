/**
 * A load generator in its own process: `connections` keep-alive sockets, each with one request under way, the given ones
 * in turn. It parses no more of an answer than it must (status, Content-Length), so that it stays cheaper than what
 * it measures, and it is the same for the yardstick and for lambdad.
 *
 * Started by `load()` below with its plan as a JSON argument; prints a `LoadResult` as JSON.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";

export interface LoadPlan {
  readonly port: number;
  /** Whole HTTP/1.1 requests. Together with the rest of the plan less than 128 KB: it is one argument of a program. */
  readonly requests: readonly string[];
  /** What a good answer has; 200 if left out. */
  readonly status?: number;
  /** After each answer that has `pattern`, one more request, with what the pattern has caught for `$1` in its body. */
  readonly follow?: { readonly pattern: string; readonly head: string; readonly body: string };
  readonly connections: number;
  readonly warmupMs: number;
  readonly measureMs: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly failures: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Runs a plan in a process of its own. */
export async function load(plan: LoadPlan): Promise<LoadResult> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), JSON.stringify(plan)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await once(child, "close");
  return JSON.parse(output) as LoadResult;
}

async function generate(plan: LoadPlan): Promise<LoadResult> {
  const requests = plan.requests.map((request) => Buffer.from(request));
  let sent = 0;
  const { follow } = plan;
  const caught = follow && new RegExp(follow.pattern);
  const statusLine = `HTTP/1.1 ${plan.status ?? 200}`;
  const latenciesMs: number[] = [];
  let failures = 0;
  const measureFromMs = performance.now() + plan.warmupMs;
  const endMs = measureFromMs + plan.measureMs;

  function drive(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port: plan.port, host: "127.0.0.1", noDelay: true });
      let sentAtMs = 0;
      let expected = -1;
      let received = 0;
      let head = "";
      let answer = "";
      function send(request = requests[sent++ % requests.length] ?? ""): void {
        expected = -1;
        received = 0;
        head = "";
        answer = "";
        sentAtMs = performance.now();
        socket.write(request);
      }
      function following(): string | undefined {
        const [, found] = caught?.exec(answer) ?? [];
        if (!follow || found === undefined) return undefined;
        const body = follow.body.replace("$1", found);
        return `${follow.head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
      }
      socket.on("connect", () => send());
      socket.on("error", reject);
      socket.on("data", (chunk: Buffer) => {
        received += chunk.length;
        if (follow) answer += chunk.toString("latin1");
        if (expected < 0) {
          head += chunk.toString("latin1");
          const end = head.indexOf("\r\n\r\n");
          if (end < 0) return;
          const length = /content-length: *(\d+)/i.exec(head)?.[1];
          expected = end + 4 + Number(length ?? 0);
          if (!head.startsWith(statusLine) || length === undefined) failures += 1;
        }
        if (received < expected) return;
        const nowMs = performance.now();
        if (nowMs >= measureFromMs && nowMs < endMs) latenciesMs.push(nowMs - sentAtMs);
        if (nowMs < endMs) return send(following());
        socket.destroy();
        resolve();
      });
    });
  }

  await Promise.all(Array.from({ length: plan.connections }, drive));
  latenciesMs.sort((one, other) => one - other);
  return {
    requests: latenciesMs.length,
    failures,
    perSecond: latenciesMs.length / (plan.measureMs / 1000),
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
  };
}

/** Of sorted numbers. */
export function quantile(sorted: readonly number[], fraction: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
}

export function median(numbers: readonly number[]): number {
  return quantile(
    [...numbers].sort((one, other) => one - other),
    0.5,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const plan = JSON.parse(process.argv[2] ?? "") as LoadPlan;
  process.stdout.write(JSON.stringify(await generate(plan)));
}
