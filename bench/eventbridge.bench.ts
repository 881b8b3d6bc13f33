/**
 * EventBridge: 10,000 rules on one bus match an event (the index against trying every pattern, which is the yardstick); and
 * on an idle platform, the time from PutEvents' answer to the handler behind the rule.
 */
import {
  EventBridgeClient,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
} from "@aws-sdk/client-eventbridge";
import { compilePattern, parseExact } from "../src/events/pattern.ts";
import { PatternIndex } from "../src/events/pattern-index.ts";
import { enteredAfterMs, nowMs } from "./entered.ts";
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

function latencyMs(): Promise<number> {
  return enteredAfterMs({
    principal: "events.amazonaws.com",
    number: "event.detail.n",
    samples: latencySamples,
    async connect(settings, Arn) {
      const events = new EventBridgeClient(settings);
      await events.send(new PutRuleCommand({ Name: "bench", EventPattern: '{"source":["bench"]}' }));
      await events.send(new PutTargetsCommand({ Rule: "bench", Targets: [{ Id: "f", Arn }] }));
      return async (n) => {
        const Detail = JSON.stringify({ n });
        await events.send(new PutEventsCommand({ Entries: [{ Source: "bench", DetailType: "n", Detail }] }));
        return nowMs();
      };
    },
  });
}
