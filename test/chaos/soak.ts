/**
 * The soak: `node test/chaos/soak.ts --minutes 30 [--faults 0.01] [--rate 500]`. Invokes two functions at half of the rate
 * that this machine can do (measured first), with crashes, timeouts and memory exhaustion mixed in; checks every single
 * answer, and at the end that nothing is left and that lambdad has not grown. Ends with 1 if anything was wrong.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { CreateFunctionCommand, type Runtime, waitUntilFunctionActiveV2 } from "@aws-sdk/client-lambda";
import { createEchoFunction, lambdaClient, signedInvoke } from "../../bench/echo.ts";
import { load } from "../../bench/load.ts";
import { startServer } from "../harness/server.ts";
import { zipOf } from "../harness/zip.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "30" },
    faults: { type: "string", default: "0.01" },
    rate: { type: "string" },
  },
});
const endMs = performance.now() + Number(values.minutes) * 60_000;
const faultShare = Number(values.faults);
/** Beyond it the generator waits: it must not be the one that falls over. */
const underWayMax = 200;

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
        kept.append(bytearray(os.urandom(1)) * (8 << 20))
    return {"n": event["n"], "twice": 2 * event["n"]}
`;

type Order = "answer" | "crash" | "hang" | "exhaust";

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

const before = leftovers();
const server = await startServer();
const functions = ["soak-node"];
const agent = new Agent({ keepAlive: true, maxSockets: underWayMax });
const counts = { sent: 0, throttled: 0, wrong: 0, waits: 0, answer: 0, crash: 0, hang: 0, exhaust: 0 };
let underWay = 0;

await create("soak-node", "nodejs24.x", { "index.js": node });
const pythons = ["python3.11", "python3.12", "python3.13"] as const;
for (const runtime of pythons) {
  if (functions.length > 1) break;
  await create("soak-python", runtime, { "index.py": python }).then(
    () => functions.push("soak-python"),
    () => {},
  );
}

const perSecond = Number(values.rate ?? (await halfOfWhatIsPossible()));
console.log(
  `${perSecond.toFixed(0)} invocations/s of ${functions.join(" and ")} for ${values.minutes} minutes`,
);

const samples: { readonly rssMb: number; readonly descriptors: number; readonly processes: number }[] = [];
const startedMs = performance.now();
let nextSampleMs = startedMs + 60_000;
while (performance.now() < endMs) {
  const due = Math.floor(((performance.now() - startedMs) / 1000) * perSecond);
  while (counts.sent < due && underWay < underWayMax) void invoke();
  if (underWay >= underWayMax) counts.waits += 1;
  if (performance.now() > nextSampleMs) {
    nextSampleMs += 60_000;
    samples.push(sample());
    console.log(JSON.stringify({ minute: samples.length, ...samples.at(-1), ...counts }));
  }
  await new Promise((resolve) => setTimeout(resolve, 5));
}
while (underWay > 0) await new Promise((resolve) => setTimeout(resolve, 50));
const exit = await server.stop();
agent.destroy();

const complaints: string[] = [];
if (counts.wrong > 0) complaints.push(`${counts.wrong} wrong answers`);
if (exit !== 0) complaints.push(`lambdad ended with ${exit}`);
for (const [what, count] of Object.entries(leftovers())) {
  if (count > (before[what] ?? 0)) complaints.push(`${count - (before[what] ?? 0)} ${what} left behind`);
}
const [early, late] = [samples[Math.min(2, samples.length - 1)], samples.at(-1)];
if (early && late && late.rssMb > early.rssMb * 1.25 + 20) {
  complaints.push(`memory grew from ${early.rssMb} to ${late.rssMb} MB`);
}
if (early && late && late.descriptors > early.descriptors + 50) {
  complaints.push(`open files grew from ${early.descriptors} to ${late.descriptors}`);
}
console.log(JSON.stringify({ ...counts, samples: samples.length }));
for (const complaint of complaints) console.log(complaint);
console.log(complaints.length === 0 ? "nothing wrong, nothing left behind, memory flat" : "FAILED");
process.exit(complaints.length === 0 ? 0 : 1);

async function create(name: string, runtime: Runtime, files: Record<string, string>): Promise<void> {
  const client = lambdaClient(server.url);
  await client.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Runtime: runtime,
      Role: "arn:aws:iam::000000000000:role/any",
      Handler: "index.handler",
      MemorySize: 512,
      Timeout: 3,
      Code: { ZipFile: await zipOf(files) },
    }),
  );
  await waitUntilFunctionActiveV2({ client, maxWaitTime: 60 }, { FunctionName: name });
}

async function halfOfWhatIsPossible(): Promise<number> {
  await createEchoFunction(server.url);
  const plan = { port: server.port, requests: [signedInvoke(server.url)], connections: 16 };
  const { perSecond: possible } = await load({ ...plan, warmupMs: 2000, measureMs: 5000 });
  return possible / 2;
}

async function invoke(): Promise<void> {
  const n = counts.sent;
  counts.sent += 1;
  underWay += 1;
  const order = orderOf(n);
  const name = functions[n % functions.length] ?? "";
  try {
    const { status, body } = await post(
      `/2015-03-31/functions/${name}/invocations`,
      JSON.stringify({ n, order }),
    );
    if (status === 429) counts.throttled += 1;
    else if (status === 200 && wanted[order](body, n)) counts[order] += 1;
    else complain(`${order} was answered ${status} ${body.slice(0, 300)}`);
  } catch (error) {
    complain(`${order} was not answered: ${String(error)}`);
  } finally {
    underWay -= 1;
  }
}

function complain(text: string): void {
  counts.wrong += 1;
  if (counts.wrong <= 20) console.log(text);
}

function orderOf(n: number): Order {
  if (Math.random() >= faultShare) return "answer";
  return (["crash", "hang", "exhaust"] as const)[n % 3] ?? "crash";
}

function post(path: string, payload: string): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ port: server.port, path, method: "POST", agent }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => (body += part));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end(payload);
  });
}

function sample() {
  const status = readFileSync(`/proc/${server.pid}/status`, "utf8");
  return {
    rssMb: Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024),
    descriptors: readdirSync(`/proc/${server.pid}/fd`).length,
    processes: leftovers()["processes"] ?? 0,
  };
}

/** What sandboxes could leave on this machine. */
function leftovers(): Record<string, number> {
  const lines = (file: string) => readFileSync(file, "utf8").split("\n").length;
  const entries = (folder: string) => (existsSync(folder) ? readdirSync(folder) : []);
  const cgroups = ["", ...entries("/sys/fs/cgroup")].flatMap((name) =>
    entries(join("/sys/fs/cgroup", name, "lambdad")).filter((each) => /^[0-9a-f]{8}$/.test(each)),
  );
  const inSandboxes = readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cgroup`, "utf8").includes("/lambdad/");
    } catch {
      return false;
    }
  });
  return {
    processes: inSandboxes.length,
    mounts: lines("/proc/self/mountinfo"),
    cgroups: cgroups.length,
    links: lines("/proc/net/dev"),
    "run directories": entries("/run").filter((name) => name.startsWith("lambdad-")).length,
  };
}
