/**
 * EventBridge: 10,000 rules on one bus match an event (the index against trying every pattern, which is the yardstick); and
 * on an idle platform, the time from PutEvents' answer to the handler behind the rule.
 */
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  EventBridgeClient,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
} from "@aws-sdk/client-eventbridge";
import {
  AddPermissionCommand,
  CreateFunctionCommand,
  LambdaClient,
  waitUntilFunctionActiveV2,
} from "@aws-sdk/client-lambda";
import { compilePattern, parseExact } from "../src/events/pattern.ts";
import { PatternIndex } from "../src/events/pattern-index.ts";
import { startServer } from "../test/harness/server.ts";
import { until } from "../test/harness/wait.ts";
import { zipOf } from "../test/harness/zip.ts";
import { median } from "./load.ts";
import type { Row } from "./row.ts";

const ruleCount = 10_000;
const matchSamples = 2000;
const latencySamples = 100;

export async function run(): Promise<Row[]> {
  const mixed = matchMs(mixedPattern);
  const alike = matchMs(alikePattern);
  const handlerMs = await latencyMs();
  return [
    {
      id: "",
      what: "10,000 rules on a bus match an event, p50; yardstick: every pattern tried",
      value: mixed.indexed,
      yardstick: mixed.each,
      result: mixed.indexed,
      unit: "ms",
      goal: "≤ 1",
    },
    {
      id: "",
      what: "the same, all rules with one source and detail-type and a prefix of their own",
      value: alike.indexed,
      yardstick: alike.each,
      result: alike.indexed,
      unit: "ms",
      goal: "reported",
    },
    {
      id: "",
      what: "PutEvents returned → handler entered, p50, idle",
      value: handlerMs,
      yardstick: Number.NaN,
      result: handlerMs,
      unit: "ms",
      goal: "≤ 10",
    },
  ];
}

/** As applications have them: by source and type, some by what is in the detail. */
function mixedPattern(n: number): object {
  const source = [`app.${n % 100}`];
  const type = { "detail-type": [`Type ${n % 37}`] };
  if (n % 4 === 0) return { source, ...type };
  if (n % 4 === 1) return { source, detail: { state: ["OPEN", "CLOSED"], total: [{ numeric: [">", n] }] } };
  if (n % 4 === 2) return { source, ...type, detail: { id: [{ prefix: `id-${n}` }] } };
  return { source, detail: { $or: [{ customer: [String(n)] }, { region: [{ wildcard: `*-${n}` }] }] } };
}

/** The worst: nothing exact tells the rules apart. */
function alikePattern(n: number): object {
  return { source: ["app.7"], "detail-type": ["Type 7"], detail: { id: [{ prefix: `id-${n}` }] } };
}

/** From the event's text to the list of rules. */
function matchMs(patternOf: (n: number) => object): { readonly indexed: number; readonly each: number } {
  const index = new PatternIndex<number>();
  const matchers = Array.from({ length: ruleCount }, (_, n) => {
    const pattern = JSON.stringify(patternOf(n));
    index.add(n, pattern);
    return compilePattern(pattern);
  });
  const text = (n: number) =>
    JSON.stringify({
      version: "0",
      id: "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
      "detail-type": "Type 7",
      source: `app.${patternOf === alikePattern ? 7 : n % 100}`,
      account: "000000000000",
      time: "2026-01-01T00:00:00Z",
      region: "us-east-1",
      resources: [],
      detail: {
        id: `id-${n}`,
        state: "OPEN",
        total: n,
        customer: String(n),
        region: `eu-${n}`,
        lines: [{ sku: "a" }],
      },
    });
  const indexed = timed(matchSamples, (n) => index.matching(parseExact(text(n * 5))).length);
  const each = timed(20, (n) => {
    const event = parseExact(text(n * 5));
    return matchers.filter((matches) => matches(event)).length;
  });
  return { indexed, each };
}

function timed(samples: number, work: (n: number) => number): number {
  let found = 0;
  const times: number[] = [];
  for (let n = 0; n < samples; n += 1) {
    const startedMs = performance.now();
    found += work(n);
    times.push(performance.now() - startedMs);
  }
  if (found === 0) throw new Error("nothing matched");
  return median(times);
}

/** The handler prints when it was entered; all clocks are this machine's. */
async function latencyMs(): Promise<number> {
  const server = await startServer();
  try {
    const settings = {
      endpoint: server.url,
      region: "us-east-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    };
    const lambda = new LambdaClient(settings);
    const events = new EventBridgeClient(settings);
    const nowMs = "performance.timeOrigin + performance.now()";
    const source = `exports.handler = async (event) => console.log("entered=" + event.detail.n + "=" + (${nowMs}) + "=");`;
    const { FunctionArn } = await lambda.send(
      new CreateFunctionCommand({
        FunctionName: "entered",
        Runtime: "nodejs24.x",
        Role: "arn:aws:iam::000000000000:role/any",
        Handler: "index.handler",
        Code: { ZipFile: await zipOf({ "index.js": source }) },
      }),
    );
    await waitUntilFunctionActiveV2(
      { client: lambda, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
      { FunctionName: "entered" },
    );
    await lambda.send(
      new AddPermissionCommand({
        FunctionName: "entered",
        StatementId: "rule",
        Action: "lambda:InvokeFunction",
        Principal: "events.amazonaws.com",
      }),
    );
    await events.send(new PutRuleCommand({ Name: "bench", EventPattern: '{"source":["bench"]}' }));
    await events.send(new PutTargetsCommand({ Rule: "bench", Targets: [{ Id: "f", Arn: FunctionArn }] }));
    const returnedMs: number[] = [];
    for (let n = 0; n < latencySamples; n += 1) {
      const Detail = JSON.stringify({ n });
      await events.send(new PutEventsCommand({ Entries: [{ Source: "bench", DetailType: "n", Detail }] }));
      returnedMs.push(performance.timeOrigin + performance.now());
      await until("it has run", async () => (await succeeded(server.url)) > n);
    }
    const logs = new CloudWatchLogsClient(settings);
    const entered = await until("its lines are there", async () => {
      const found = await logs.send(
        new FilterLogEventsCommand({ logGroupName: "/aws/lambda/entered", filterPattern: '"entered="' }),
      );
      const lines = (found.events ?? []).map(({ message = "" }) => /entered=(\d+)=(.*)=/.exec(message) ?? []);
      return lines.length >= latencySamples && lines;
    });
    // The first is a cold start.
    const warm = entered.filter(([, n]) => n !== "0");
    return median(warm.map(([, n, atMs]) => Number(atMs) - (returnedMs[Number(n)] ?? Number.NaN)));
  } finally {
    await server.stop();
  }
}

async function succeeded(url: string): Promise<number> {
  const text = await (await fetch(`${url}/_lambdad/metrics`)).text();
  return Number(/^lambdad_async_events_succeeded_total (.*)$/m.exec(text)?.[1]);
}
