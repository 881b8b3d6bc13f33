/**
 * The soak: `node test/chaos/soak.ts --minutes 30 [--faults 0.01] [--rate 500]`. Invokes four functions at half of the rate
 * that this machine can do (measured first, as S1 is), with crashes, timeouts and memory exhaustion mixed in, a third each;
 * checks every single answer, and at the end that nothing is left and that lambdad has not grown. Where faults and rate ask
 * for more than the machine can do, callers wait or are throttled (429), and both are counted: an answer must be right or
 * 429, with what AWS says there. Tells each minute how it stands. SIGINT or SIGTERM end it early, with the same checks and
 * the same summary. Ends with 1 if anything was wrong.
 *
 * What lambdad itself holds is compared at rest, when all environments have been ended: after the first minutes, and at the
 * end.
 */
import { readdirSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { CreateFunctionCommand, type Runtime, waitUntilFunctionActiveV2 } from "@aws-sdk/client-lambda";
import { createEchoFunction, echoSources, lambdaClient, signedInvoke } from "../../bench/echo.ts";
import { load, quantile } from "../../bench/load.ts";
import { cpuMbPerVcpu } from "../../src/limits.ts";
import { leftoversOf } from "../harness/leftovers.ts";
import { startServer } from "../harness/server.ts";
import { until } from "../harness/wait.ts";
import { zipOf } from "../harness/zip.ts";
import { type Answer, LeanClient } from "./lean-client.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "30" },
    faults: { type: "string", default: "0.01" },
    rate: { type: "string" },
  },
});
const faultShare = Number(values.faults);
/**
 * Beyond it the generator waits. As many as S1 has connections, at each moment; those that wait for their timeout or for the
 * end of their memory are beside them, for they take seconds.
 */
const underWayMax = 16;
const lingeringMax = 300;
/** Wrong answers that are printed. */
const complaintsMax = 20;
let isInterrupted = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => (isInterrupted = true));

const node = `
const kept = [];
exports.handler = async ({ n, order }) => {
  if (order === "crash") process.exit(3);
  if (order === "hang") await new Promise((resolve) => setTimeout(resolve, 60_000));
  if (order === "exhaust") for (;;) kept.push(Buffer.alloc(8 << 20, 1));
  return { n, twice: 2 * n };
};`;
const python = `
import os, time
kept = []
def handler(event, context):
    order = event.get("order")
    if order == "crash":
        os._exit(3)
    if order == "hang":
        time.sleep(60)
    while order == "exhaust":
        kept.append(bytearray(b"x") * (8 << 20))
    return {"n": event["n"], "twice": 2 * event["n"]}
`;

const orders = ["answer", "crash", "hang", "exhaust"] as const;
type Order = (typeof orders)[number];

/** What a caller must get, as a test of the body. */
const wanted: Record<Order, (body: string, n: number) => boolean> = {
  answer: (body, n) => {
    const { n: same, twice } = JSON.parse(body) as { readonly n?: number; readonly twice?: number };
    return same === n && twice === 2 * n;
  },
  crash: (body) => body.includes('"errorType":"Runtime.ExitError"'),
  hang: (body) => body.includes("Task timed out after 3.00 seconds"),
  exhaust: (body) => /"errorType":"Runtime\.(ExitError|OutOfMemory)"/.test(body),
};

/**
 * Two kinds of function in each language: one with a whole processor, as in S1, that is killed after three seconds; and one
 * that has the time to fill its memory with the share of a processor that comes with it. That has as little as there is:
 * filling it is what costs most. It answers now and then, to show that it still can.
 */
const kinds = {
  quick: { MemorySize: cpuMbPerVcpu, Timeout: 3 },
  hungry: { MemorySize: 128, Timeout: 30 },
} as const satisfies Record<string, { MemorySize: number; Timeout: number }>;
const hungryAnswersEach = 101;

// Where memory is not limited there is no exhausting it, but for the machine.
const server = await startServer({ args: ["--isolation", "bubblewrap"], isApart: true });
const leftovers = leftoversOf(server);
const client = new LeanClient(server.port);
const right: Record<Order, number> = { answer: 0, crash: 0, hang: 0, exhaust: 0 };
const throttles: Record<string, number> = {};
const counts = { sent: 0, wrong: 0, heldBack: 0, elapsedMs: 0 };
/** Of answers, by order, ms: the latest. */
const latenciesMs: Record<Order, number[]> = { answer: [], crash: [], hang: [], exhaust: [] };
const latenciesMax = 100_000;
let underWay = 0;
/** Of those: with an order that takes seconds. */
let lingering = 0;

const functions: string[] = [];
const languages = ["node"];
await create("node", "nodejs24.x", { "index.js": node });
for (const runtime of ["python3.11", "python3.12", "python3.13"] as const) {
  if (languages.length > 1) break;
  await create("python", runtime, { "index.py": python }).then(
    () => languages.push("python"),
    () => {},
  );
}

const perSecond = Number(values.rate ?? (await halfOfWhatIsPossible()));
console.log(
  `${perSecond.toFixed(0)} invocations/s of functions in ${languages.join(" and ")} for ${values.minutes} minutes`,
);

const durationMs = Number(values.minutes) * 60_000;
const early = await soaked(Math.min(durationMs / 2, 3 * 60_000));
const late = isInterrupted ? early : await soaked(durationMs - Math.min(durationMs / 2, 3 * 60_000));
const exit = await server.stop();
client.close();
const left = await leftovers.after();
const complaints = [...complaintsOf(left)];
summarise();
for (const complaint of complaints) console.log(complaint);
const what = complaints.length === 0 ? "nothing wrong, nothing left behind, memory flat" : "FAILED";
console.log(isInterrupted ? `interrupted: ${what}` : what);
process.exit(complaints.length === 0 ? 0 : 1);

function* complaintsOf(there: Readonly<Record<string, number>>): Generator<string> {
  if (counts.wrong > 0) yield `${counts.wrong} wrong answers`;
  for (const order of orders) {
    const isAskedFor = order === "answer" || faultShare * counts.sent > 100;
    if (right[order] === 0 && isAskedFor) yield `nobody got the answer to "${order}"`;
  }
  if (exit !== 0) yield `lambdad ended with ${exit}`;
  for (const [what, count] of Object.entries(there)) if (count > 0) yield `${count} ${what} left behind`;
  if (late.rssMb > early.rssMb * 1.25 + 20) yield `memory grew from ${early.rssMb} to ${late.rssMb} MB`;
  if (late.descriptors > early.descriptors + 30) {
    yield `open files grew from ${early.descriptors} to ${late.descriptors}`;
  }
}

/** As many of them as may be under way now; answers how many are left. */
function send(owed: number): number {
  let left = owed;
  for (; left >= 1 && underWay - lingering < underWayMax && lingering < lingeringMax; left -= 1)
    void invoke();
  return left;
}

/** Some time of it, then a rest; answers what lambdad holds then. */
async function soaked(forMs: number) {
  const fromMs = performance.now();
  const elapsedBeforeMs = counts.elapsedMs;
  let nextReportMs = fromMs + 60_000;
  let owed = 0;
  for (let lastMs = fromMs; lastMs < fromMs + forMs && !isInterrupted;) {
    const nowMs = performance.now();
    counts.elapsedMs = elapsedBeforeMs + nowMs - fromMs;
    owed += ((nowMs - lastMs) / 1000) * perSecond;
    lastMs = nowMs;
    owed = send(owed);
    // What could not be sent in time is not caught up with.
    if (owed >= 1) counts.heldBack += Math.floor(owed);
    owed %= 1;
    if (nowMs > nextReportMs) {
      nextReportMs += 60_000;
      console.log(`${new Date().toISOString()} ${standing()} ${JSON.stringify(held())}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await until("everything under way is answered", () => underWay === 0, 120_000);
  for (const name of functions) await recycle(name);
  await until("all environments are gone", async () => (await environments()) === 0, 60_000);
  // What waits for functions is made again behind them.
  for (let before = held(); ; before = held()) {
    await new Promise((resolve) => setTimeout(resolve, 5000));
    if (held().processes === before.processes) return held();
  }
}

/** What was sent, answered and refused until now. */
function standing(): string {
  const minutes = (counts.elapsedMs / 60_000).toFixed(1);
  const answered = orders.reduce((sum, order) => sum + right[order], 0);
  const reached = (answered / (counts.elapsedMs / 1000)).toFixed(0);
  const refused = Object.values(throttles).reduce((sum, count) => sum + count, 0);
  const byOrder = orders.map((order) => `${order} ${right[order]}`).join(", ");
  return (
    `${minutes} minutes: ${reached}/s answered of ${perSecond.toFixed(0)}/s offered; ` +
    `right ${answered} (${byOrder}), 429 ${refused}, wrong ${counts.wrong}, held back ${counts.heldBack}`
  );
}

function summarise(): void {
  console.log(standing());
  for (const order of orders) {
    const sorted = latenciesMs[order].toSorted((one, other) => one - other);
    const [p50, p99] = [0.5, 0.99].map((share) => quantile(sorted, share).toFixed(1));
    console.log(`  ${order}: p50 ${p50} ms, p99 ${p99} ms`);
  }
  console.log(`  429 by reason: ${JSON.stringify(throttles)}`);
  console.log(`  held back by the generator, as ${underWayMax} were under way: ${counts.heldBack}`);
  console.log(`held at rest, early and at the end: ${JSON.stringify(early)} ${JSON.stringify(late)}`);
  console.log(`left behind: ${JSON.stringify(left)}`);
}

function nameOf(language: string, kind: string): string {
  return `soak-${language}-${kind}`;
}

async function create(language: string, runtime: Runtime, files: Record<string, string>): Promise<void> {
  const sdk = lambdaClient(server.url);
  for (const [kind, { MemorySize, Timeout }] of Object.entries(kinds)) {
    const FunctionName = nameOf(language, kind);
    await sdk.send(
      new CreateFunctionCommand({
        FunctionName,
        Runtime: runtime,
        Role: "arn:aws:iam::000000000000:role/any",
        Handler: "index.handler",
        MemorySize,
        Timeout,
        Code: { ZipFile: await zipOf(files) },
      }),
    );
    await waitUntilFunctionActiveV2({ client: sdk, maxWaitTime: 60 }, { FunctionName });
    functions.push(FunctionName);
  }
}

async function halfOfWhatIsPossible(): Promise<number> {
  await createEchoFunction(server.url, "echo", echoSources, { MemorySize: cpuMbPerVcpu });
  functions.push("echo");
  const plan = { port: server.port, requests: [signedInvoke(server.url)], connections: 16 };
  const { perSecond: possible } = await load({ ...plan, warmupMs: 2000, measureMs: 5000 });
  return possible / 2;
}

async function invoke(): Promise<void> {
  const n = counts.sent;
  counts.sent += 1;
  const order = orderOf(n);
  const lingers = order === "hang" || order === "exhaust" ? 1 : 0;
  underWay += 1;
  lingering += lingers;
  const language = languages[n % languages.length] ?? "";
  const isHungry = order === "exhaust" || (order === "answer" && n % hungryAnswersEach === 0);
  const kind: keyof typeof kinds = isHungry ? "hungry" : "quick";
  const sentMs = performance.now();
  try {
    const path = `/2015-03-31/functions/${nameOf(language, kind)}/invocations`;
    const { status, headers, body } = await client.post(path, JSON.stringify({ n, order }));
    if (status === 429 && isThrottle(headers, body)) return;
    if (status === 200 && wanted[order](body, n)) {
      latenciesMs[order][right[order] % latenciesMax] = performance.now() - sentMs;
      right[order] += 1;
    } else complain(`${order} of ${language} was answered ${status} ${body.slice(0, 300)}`);
  } catch (error) {
    complain(`${order} of ${language} was not answered: ${String(error)}`);
  } finally {
    underWay -= 1;
    lingering -= lingers;
  }
}

/** As AWS says it; counts it. */
function isThrottle(headers: Answer["headers"], body: string): boolean {
  const { Reason, Type, message } = JSON.parse(body) as Record<string, string>;
  const isAws =
    headers["x-amzn-errortype"] === "TooManyRequestsException" &&
    /^\d+$/.test(headers["retry-after"] ?? "") &&
    Type === "User" &&
    message === "Rate Exceeded." &&
    Reason !== undefined;
  if (isAws) throttles[Reason] = (throttles[Reason] ?? 0) + 1;
  return isAws;
}

function complain(text: string): void {
  counts.wrong += 1;
  if (counts.wrong <= complaintsMax) console.log(`${new Date().toISOString()} ${text}`);
}

function orderOf(n: number): Order {
  if (Math.random() >= faultShare) return "answer";
  return (["crash", "hang", "exhaust"] as const)[n % 3] ?? "crash";
}

async function recycle(name: string): Promise<void> {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ function: name });
  const { status } = await fetch(`${server.url}/_lambdad/environments/recycle`, {
    ...{ method: "POST", headers, body },
  });
  if (status !== 200) throw new Error(`recycling answered ${status}`);
}

async function environments(): Promise<number> {
  const metrics = await (await fetch(`${server.url}/_lambdad/metrics`)).text();
  return Number(/^lambdad_environments (\d+)$/m.exec(metrics)?.[1]);
}

/** By lambdad, and by its sandboxes. */
function held() {
  const status = readFileSync(`/proc/${server.pid}/status`, "utf8");
  return {
    rssMb: Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024),
    descriptors: readdirSync(`/proc/${server.pid}/fd`).length,
    processes: leftovers.processes(),
  };
}
