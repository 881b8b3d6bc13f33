/** `lambdad events`: what flows from sources to targets in a running lambdad, live. */
import type { FlowPage, NumberedFlow } from "../events/trail.ts";
import type { Client } from "./client.ts";
import { dim, green, note, print, printable, red, yellow } from "./output.ts";

export interface EventsOptions {
  /** How many of the past to begin with. */
  readonly last: number;
  /** False: only those of the past. */
  readonly follow: boolean;
  /** Parts of ARNs. */
  readonly from?: string;
  readonly to?: string;
  /** Only those that went wrong. */
  readonly failed?: boolean;
  readonly json?: boolean;
}

export async function events(client: Client, options: EventsOptions): Promise<void> {
  let page = await pageOf(client, `latest=${options.last}`);
  if (page.flows.length === 0 && !options.json) note(dim("nothing has flowed yet"));
  for (;;) {
    for (const flow of page.flows) {
      if (isWanted(flow, options)) print(options.json ? JSON.stringify(flow) : line(flow));
    }
    if (!options.follow) return;
    page = await pageOf(client, `after=${page.next}`);
    if (page.missed > 0) note(yellow(`${page.missed} went by unseen`));
  }
}

async function pageOf(client: Client, query: string): Promise<FlowPage> {
  const path = `/_lambdad/events?${query}`;
  const { body } = await client.send({ service: "lambda", method: "GET", path });
  return JSON.parse(Buffer.from(body).toString()) as FlowPage;
}

function isWanted({ sourceArn = "api", targetArn, result }: NumberedFlow, options: EventsOptions): boolean {
  const { from = "", to = "", failed = false } = options;
  return sourceArn.includes(from) && targetArn.includes(to) && !(failed && result === "ok");
}

export function line(flow: NumberedFlow): string {
  const { atMs, sourceArn, targetArn } = flow;
  const time = new Date(atMs).toISOString().slice(11, 23);
  const way = `${placeOf(sourceArn)} ${dim("→")} ${placeOf(targetArn)}`;
  return [dim(time), way, resultOf(flow), dim(factsOf(flow))].join("  ").trimEnd();
}

function resultOf({ kind, result, detail }: NumberedFlow): string {
  if (result === "ok") return green(kind === "delivery" ? "delivered" : "ok");
  const text = detail === undefined ? result : `${result}: ${printable(detail)}`;
  return result === "throttled" ? yellow(text) : red(text);
}

function factsOf({ kind, tookMs, waitedMs, records }: NumberedFlow): string {
  const facts = [milliseconds(tookMs)];
  if (kind === "batch") facts.push(records === 1 ? "1 record" : `${records} records`);
  if (waitedMs !== undefined) facts.push(`waited ${milliseconds(waitedMs)}`);
  return facts.join(", ");
}

/** "sqs orders", "lambda thumb", "s3 uploads": an ARN as a person says it. */
function placeOf(arn: string | undefined): string {
  if (arn === undefined) return "api";
  const [, , service = "", , , ...resource] = arn.split(":");
  const name = resource.join(":").replace(/^(function|log-group|rule|event-bus|schedule|topic)[:/]/, "");
  return service === "" ? arn : `${service} ${name}`;
}

function milliseconds(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}
