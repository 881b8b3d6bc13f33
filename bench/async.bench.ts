/**
 * S7: durable accepts of asynchronous events against warm synchronous invocations of the same function, turn about; what
 * was accepted is worked off while more is accepted, as in real life. Then, on an idle platform, the time from sending an
 * event to its handler.
 */
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { CreateFunctionCommand, InvokeCommand, waitUntilFunctionActiveV2 } from "@aws-sdk/client-lambda";
import type { LambdaClient } from "@aws-sdk/client-lambda";
import { startServer } from "../test/harness/server.ts";
import { until } from "../test/harness/wait.ts";
import { zipOf } from "../test/harness/zip.ts";
import { createEchoFunction, signedInvoke } from "./echo.ts";
import { load, median } from "./load.ts";
import type { Row } from "./row.ts";

const rounds = 3;
const measureMs = 3000;
const samples = 200;

export async function run(): Promise<Row[]> {
  const server = await startServer();
  try {
    const client = await createEchoFunction(server.url);
    const latency = await startLatencyMs(client, server.url);
    const accepted: number[] = [];
    const invoked: number[] = [];
    const drained: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const plan = { port: server.port, warmupMs: 1000, measureMs };
      const sync = await load({ ...plan, connections: 16, requests: [signedInvoke(server.url)] });
      const requests = [signedInvoke(server.url, "echo", "Event")];
      const events = await load({ ...plan, connections: 50, requests, status: 202 });
      if (sync.failures + events.failures > 0) throw new Error("requests failed");
      const backlog = await queued(server.url);
      const sinceMs = performance.now();
      await until("all events are done", async () => (await queued(server.url)) === 0, 120_000);
      drained.push(backlog / ((performance.now() - sinceMs) / 1000));
      accepted.push(events.perSecond);
      invoked.push(sync.perSecond);
    }
    return [
      {
        id: "S7",
        what: "async accept, durable, 50 connections: events/s ÷ warm invokes/s at 16",
        value: median(accepted),
        yardstick: median(invoked),
        result: median(accepted) / median(invoked),
        unit: "requests/s",
        goal: "≥ 0.8",
      },
      {
        id: "S7",
        what: "async, backlog worked off with no other load ÷ warm invokes/s",
        value: median(drained),
        yardstick: median(invoked),
        result: median(drained) / median(invoked),
        unit: "events/s",
        goal: "reported",
      },
      {
        id: "S7",
        what: "async, idle: event sent by the SDK to handler entered, p50",
        value: latency,
        yardstick: Number.NaN,
        result: latency,
        unit: "ms",
        goal: "≤ 5",
      },
    ];
  } finally {
    await server.stop();
  }
}

async function queued(url: string): Promise<number> {
  const text = await (await fetch(`${url}/_lambdad/metrics`)).text();
  const value = (name: string) =>
    Number(new RegExp(`^lambdad_async_events_${name} (.*)$`, "m").exec(text)?.[1]);
  return value("waiting") + value("running");
}

/** The handler prints how old its event is; both clocks are this machine's. */
async function startLatencyMs(client: LambdaClient, url: string): Promise<number> {
  const nowMs = "performance.timeOrigin + performance.now()";
  const source = `exports.handler = async ({ sentMs }) => console.log("age=" + (${nowMs} - sentMs) + "=");`;
  await client.send(
    new CreateFunctionCommand({
      FunctionName: "age",
      Runtime: "nodejs24.x",
      Role: "arn:aws:iam::000000000000:role/any",
      Handler: "index.handler",
      Code: { ZipFile: await zipOf({ "index.js": source }) },
    }),
  );
  await waitUntilFunctionActiveV2(
    { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
    { FunctionName: "age" },
  );
  for (let sample = 0; sample < samples; sample += 1) {
    const payload = { sentMs: performance.timeOrigin + performance.now() };
    await client.send(
      new InvokeCommand({ FunctionName: "age", InvocationType: "Event", Payload: JSON.stringify(payload) }),
    );
    await until("it has run", async () => (await queued(url)) === 0);
  }
  const logs = new CloudWatchLogsClient({
    endpoint: url,
    region: "us-east-1",
    credentials: client.config.credentials,
  });
  const ages = await until("its lines are there", async () => {
    const found = await logs.send(
      new FilterLogEventsCommand({ logGroupName: "/aws/lambda/age", filterPattern: '"age="' }),
    );
    const lines = (found.events ?? []).map(({ message = "" }) => Number(/age=(.*)=/.exec(message)?.[1]));
    return lines.length >= samples && lines;
  });
  return median(ages);
}
