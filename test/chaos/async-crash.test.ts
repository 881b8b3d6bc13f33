/**
 * S9: kill -9 a running lambdad at random moments under a load of asynchronous events, again and again on one data
 * directory; then every event that was acknowledged has reached its function, and none more often than its attempts
 * allow, plus one for each kill. More rounds, or one again:
 *
 *     node test/chaos/async-crash.test.ts --rounds 200 --seed 42
 *
 * The functions run as plain processes and note what they got in a file, which no crash of lambdad takes back.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { CreateFunctionCommand, LambdaClient, waitUntilFunctionActiveV2 } from "@aws-sdk/client-lambda";
import type { Random } from "../../src/base/random.ts";
import { seededRandom } from "../../src/base/random.ts";
import type { RunningServer } from "../harness/server.ts";
import { startServer } from "../harness/server.ts";
import { until } from "../harness/wait.ts";
import { zipOf } from "../harness/zip.ts";

const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, seed: { type: "string" } },
  strict: false,
});
const rounds = Number(options.rounds);
const seed = Number(options.seed ?? randomInt(2 ** 31));

const connections = 8;
const failsEvery = 5;
const attemptsOfFailing = 3;

// Notes its event, then fails for every fifth, each time.
const source = `const { appendFileSync } = require("node:fs");
exports.handler = async ({ n }) => {
  appendFileSync(process.env.NOTES, n + "\\n");
  if (n % ${failsEvery} === 0) throw new Error("as it should");
};`;

test("S9 E1 E2 whatever moment lambdad is killed at, acknowledged events are run, and not too often", async () => {
  console.log(`asynchronous events crash test: seed ${seed}, ${rounds} rounds`);
  const random = seededRandom(seed);
  const dir = await mkdtemp(join(tmpdir(), "lambdad-async-crash-"));
  const notes = join(dir, "notes");
  const accepted = new Set<number>();
  const counter = { next: 1 };
  for (let round = 0; round < rounds; round += 1) {
    const server = await startAt(dir);
    if (round === 0) await createFunction(server.url, notes);
    await killUnderLoad(server, random, (stop) => load(server.url, counter, accepted, stop));
  }
  const server = await startAt(dir);
  await until(
    "all events have been settled",
    async () => (await metric(server.url, "async_queue_idle")) === 0,
    120_000,
  );
  const drift = await metric(server.url, "async_conservation_drift");
  await server.stop();

  assert.equal(drift, 0, "E4");
  const counts = countsIn(notes);
  assert.deepEqual(violationsOf(accepted, counts, rounds), [], `seed ${seed}`);
  const again = [...counts].filter(([n, count]) => count > attemptsFor(n)).length;
  console.log(
    `asynchronous events crash test: ${accepted.size} accepted, ${counter.next - 1} sent, ${again} more often than without kills`,
  );
  assert.ok(accepted.size > rounds * 10, "there was load");
  await rm(dir, { recursive: true });
});

test("the check of events notices a lost one and one that ran too often", () => {
  const counts = new Map([
    [1, 1],
    [2, 7],
    [5, 2],
  ]);
  assert.deepEqual(violationsOf(new Set([1, 2, 3, 5]), counts, 5), [
    "event 3 was accepted and ran 0 times, not at least 1",
    "event 5 was accepted and ran 2 times, not at least 3",
    "event 2 ran 7 times, not at most 6",
  ]);
});

function violationsOf(
  accepted: ReadonlySet<number>,
  counts: ReadonlyMap<number, number>,
  kills: number,
): string[] {
  const found: string[] = [];
  for (const n of accepted) {
    const count = counts.get(n) ?? 0;
    if (count < attemptsFor(n))
      found.push(`event ${n} was accepted and ran ${count} times, not at least ${attemptsFor(n)}`);
  }
  for (const [n, count] of counts) {
    const most = attemptsFor(n) + kills;
    if (count > most) found.push(`event ${n} ran ${count} times, not at most ${most}`);
  }
  return found;
}

function attemptsFor(n: number): number {
  return n % failsEvery === 0 ? attemptsOfFailing : 1;
}

function startAt(dir: string): Promise<RunningServer> {
  const args = ["--isolation", "process", "--async-retry-delays", "50ms,100ms", "--log-level", "error"];
  return startServer({ dataDir: join(dir, "data"), args });
}

async function killUnderLoad(
  server: RunningServer,
  random: Random,
  run: (stop: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const loaded = run(stop.signal);
  await sleep(150 + random.float() * 1200);
  process.kill(server.pid, "SIGKILL");
  stop.abort();
  await loaded;
  await until("it is gone", () => !isAlive(server.pid));
  server.child.kill("SIGKILL");
}

/** Sends events until it is stopped; an event is accepted when its 202 has arrived. */
async function load(
  url: string,
  counter: { next: number },
  accepted: Set<number>,
  stop: AbortSignal,
): Promise<void> {
  const one = async () => {
    while (!stop.aborted) {
      const n = counter.next++;
      try {
        const response = await fetch(`${url}/2015-03-31/functions/note/invocations`, {
          method: "POST",
          headers: { "x-amz-invocation-type": "Event" },
          body: JSON.stringify({ n }),
        });
        if (response.status === 202) accepted.add(n);
        await response.arrayBuffer();
      } catch {
        return; // it was killed
      }
    }
  };
  await Promise.all(Array.from({ length: connections }, one));
}

async function createFunction(url: string, notes: string): Promise<void> {
  const client = new LambdaClient({
    endpoint: url,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  await client.send(
    new CreateFunctionCommand({
      FunctionName: "note",
      Runtime: "nodejs24.x",
      Role: "arn:aws:iam::000000000000:role/any",
      Handler: "index.handler",
      Environment: { Variables: { NOTES: notes } },
      Code: { ZipFile: await zipOf({ "index.js": source }) },
    }),
  );
  await waitUntilFunctionActiveV2(
    { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
    { FunctionName: "note" },
  );
}

/** "async_queue_idle": what waits and runs together. */
async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/_lambdad/metrics`)).text();
  const value = (of: string) => Number(new RegExp(`^lambdad_${of} (.*)$`, "m").exec(text)?.[1] ?? Number.NaN);
  if (name !== "async_queue_idle") return value(name);
  return value("async_events_waiting") + value("async_events_running");
}

function countsIn(notes: string): Map<number, number> {
  const counts = new Map<number, number>();
  if (!existsSync(notes)) return counts;
  for (const line of readFileSync(notes, "utf8").split("\n")) {
    if (line !== "") counts.set(Number(line), (counts.get(Number(line)) ?? 0) + 1);
  }
  return counts;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
