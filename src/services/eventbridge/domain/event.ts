/**
 * Events as they are stored, matched and sent: one line of JSON, its members in AWS's order, the detail as its sender
 * wrote it but for white space. Pure. Source: map-events-observability 1.2.
 */
import { eventDepthMax } from "../../../limits.ts";
import type { Place } from "./names.ts";

export interface NewEvent extends Place {
  /** UUID. */
  readonly id: string;
  readonly source: string;
  readonly detailType: string;
  readonly timeMs: number;
  readonly resources: readonly string[];
  /** JSON, an object; from `compactDetail`. */
  readonly detail: string;
}

/** Undefined: no JSON object, or one that is too deep. */
export function compactDetail(text: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return depthOf(text) > eventDepthMax ? undefined : withoutSpace(text);
}

export function eventText(event: NewEvent): string {
  const { id, source, detailType, account, timeMs, region, resources, detail } = event;
  const head = {
    version: "0",
    id,
    "detail-type": detailType,
    source,
    account,
    time: timeText(timeMs),
    region,
    resources,
  };
  return `${JSON.stringify(head).slice(0, -1)},"detail":${detail}}`;
}

/** The same event on its way through a replay. */
export function replayedText(text: string, replayName: string): string {
  // `resources` follows the region, which has no quotes in it: its first occurrence is the member.
  const at = text.indexOf(',"resources":[', text.indexOf(',"region":"'));
  return `${text.slice(0, at)},"replay-name":${JSON.stringify(replayName)}${text.slice(at)}`;
}

/** Whole seconds. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, "Z");
}

function withoutSpace(json: string): string {
  return json.replace(/("(?:[^"\\]|\\.)*")|\s+/g, "$1");
}

function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    if (token === "{" || token === "[") deepest = Math.max(deepest, (depth += 1));
    else if (token === "}" || token === "]") depth -= 1;
  }
  return deepest;
}
