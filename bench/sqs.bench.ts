/**
 * S8: durable sends, and receives with deletions, against a bare server that answers as many connections; then, on an idle
 * platform, from a SendMessage that has returned to the entry of the handler behind the queue.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateEventSourceMappingCommand,
  CreateFunctionCommand,
  waitUntilFunctionActiveV2,
} from "@aws-sdk/client-lambda";
import { CreateQueueCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { startServer, type RunningServer } from "../test/harness/server.ts";
import { until } from "../test/harness/wait.ts";
import { zipOf } from "../test/harness/zip.ts";
import { lambdaClient, signedRequest } from "./echo.ts";
import { load, median, quantile } from "./load.ts";
import type { Row } from "./row.ts";

const rounds = 3;
const measureMs = 2000;
const connections = 50;
const samples = 200;
const body = "x".repeat(200);

export async function run(): Promise<Row[]> {
  const bare = spawn(process.execPath, [new URL("bare.ts", import.meta.url).pathname], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [port] = (await once(bare.stdout, "data")) as [Buffer];
  const server = await startServer();
  const sqs = new SQSClient({
    endpoint: server.url,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  try {
    const ages = await sortedAgesMs(server, sqs);
    const rates = { bare: [] as number[], sent: [] as number[], received: [] as number[] };
    for (let round = 0; round < rounds; round += 1) {
      const QueueUrl = `bench-${round}`;
      await sqs.send(new CreateQueueCommand({ QueueName: QueueUrl }));
      const send = requestOf(server, "SendMessage", { QueueUrl, MessageBody: body });
      const plan = { connections, warmupMs: 500, measureMs };
      const bareLoad = await load({ ...plan, port: Number(port.toString()), requests: [send] });
      const sent = await load({ ...plan, port: server.port, requests: [send] });
      await fill(server, QueueUrl);
      const deletion = requestOf(server, "DeleteMessage", { QueueUrl, ReceiptHandle: "$1" });
      const [head = "", form = ""] = deletion.split("\r\n\r\n");
      const received = await load({
        ...plan,
        port: server.port,
        requests: [requestOf(server, "ReceiveMessage", { QueueUrl })],
        follow: {
          pattern: '"ReceiptHandle":"([^"]+)"',
          head: `${head.replace(/content-length: \d+$/m, "").trimEnd()}\r\n`,
          body: form,
        },
      });
      if (bareLoad.failures + sent.failures + received.failures > 0) throw new Error("requests failed");
      rates.bare.push(bareLoad.perSecond);
      rates.sent.push(sent.perSecond);
      rates.received.push(received.perSecond);
    }
    const against = (what: string, measured: readonly number[]): Row => ({
      id: "S8",
      what,
      value: median(measured),
      yardstick: median(rates.bare),
      result: median(measured) / median(rates.bare),
      unit: "requests/s",
      goal: "≥ 0.3",
    });
    return [
      against("SQS, durable sends, 50 connections ÷ bare", rates.sent),
      against("SQS, receives and durable deletions by turns, 50 connections ÷ bare", rates.received),
      absolute("SQS, idle: SendMessage returned to handler entered, p50", quantile(ages, 0.5), "≤ 10"),
      absolute("SQS, idle: SendMessage returned to handler entered, p99", quantile(ages, 0.99), "≤ 50"),
    ];
  } finally {
    sqs.destroy();
    bare.kill();
    await server.stop();
  }
}

function absolute(what: string, result: number, goal: string): Row {
  return { id: "S8", what, value: result, yardstick: Number.NaN, result, unit: "ms", goal };
}

function requestOf({ url }: RunningServer, operation: string, input: object): string {
  const headers = { "x-amz-target": `AmazonSQS.${operation}` };
  return signedRequest(url, { method: "POST", path: "/", body: JSON.stringify(input), headers });
}

/** So that no receive of the round comes away empty. */
async function fill(server: RunningServer, QueueUrl: string): Promise<void> {
  const Entries = Array.from({ length: 10 }, (_, at) => ({ Id: `${at}`, MessageBody: body }));
  const requests = [requestOf(server, "SendMessageBatch", { QueueUrl, Entries })];
  await load({ port: server.port, requests, connections, warmupMs: 0, measureMs });
}

/** The handler prints when it was entered; both clocks are this machine's. */
async function sortedAgesMs(server: RunningServer, sqs: SQSClient): Promise<number[]> {
  const client = lambdaClient(server.url);
  const source = `exports.handler = async ({ Records }) => {
    const nowMs = performance.timeOrigin + performance.now();
    for (const { body } of Records) console.log("entered=" + body + "=" + nowMs + "=");
  };`;
  await client.send(
    new CreateFunctionCommand({
      FunctionName: "worker",
      Runtime: "nodejs24.x",
      Role: "arn:aws:iam::000000000000:role/any",
      Handler: "index.handler",
      Code: { ZipFile: await zipOf({ "index.js": source }) },
    }),
  );
  await waitUntilFunctionActiveV2(
    { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
    { FunctionName: "worker" },
  );
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "work" }));
  await client.send(
    new CreateEventSourceMappingCommand({
      FunctionName: "worker",
      EventSourceArn: "arn:aws:sqs:us-east-1:000000000000:work",
    }),
  );
  const logs = new CloudWatchLogsClient({
    endpoint: server.url,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  const enteredMs = async (): Promise<Map<string, number>> => {
    const order = { logGroupName: "/aws/lambda/worker", filterPattern: '"entered="' };
    const { events = [] } = await logs.send(new FilterLogEventsCommand(order)).catch(() => ({ events: [] }));
    const found = events.map(({ message = "" }) => /entered=(.*)=(.*)=/.exec(message) ?? []);
    return new Map(found.map(([, name = "", ms]) => [name, Number(ms)]));
  };
  const returnedMs = new Map<string, number>();
  const send = async (name: string) => {
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: name }));
    returnedMs.set(name, performance.timeOrigin + performance.now());
  };
  await send("first");
  await until("the worker is warm", async () => (await enteredMs()).has("first"), 60_000);
  for (let sample = 0; sample < samples; sample += 1) {
    await send(String(sample));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const entered = await until("all have been worked off", async () => {
    const all = await enteredMs();
    return all.size > samples && all;
  });
  returnedMs.delete("first");
  const ages = [...returnedMs].map(([name, ms]) => (entered.get(name) ?? Number.NaN) - ms);
  return ages.toSorted((one, other) => one - other);
}
