/** What the operations of this service share: its store, its journal, and how a request names a group. */
import { parseArn } from "../../base/arn.ts";
import type { Clock } from "../../base/clock.ts";
import type { Context } from "../service.ts";
import { groupNotFound, invalidParameter, validation } from "./errors.ts";
import type { Journal } from "./journal.ts";
import type { LogGroup, LogsStore } from "./store.ts";

export interface LogsDeps {
  readonly clock: Clock;
  readonly store: LogsStore;
  readonly journal: Journal;
}

export type Client = typeof import("@aws-sdk/client-cloudwatch-logs");

/** The group that a request names. Lines that are still in memory are written first. */
export async function groupNamed(deps: LogsDeps, name: string | undefined, ctx: Context): Promise<LogGroup> {
  await deps.journal.flush();
  const group = name === undefined ? undefined : await deps.store.group(ctx.account, ctx.region, name);
  if (!group) throw groupNotFound();
  return group;
}

/** By `logGroupName` or `logGroupIdentifier` (a name or an ARN), exactly one of them. */
export async function groupIdentified(
  deps: LogsDeps,
  { logGroupName, logGroupIdentifier }: { logGroupName?: string; logGroupIdentifier?: string },
  ctx: Context,
): Promise<LogGroup> {
  if (logGroupName !== undefined && logGroupIdentifier !== undefined) {
    throw validation("LogGroup name and LogGroup ARN are mutually exclusive parameters.");
  }
  const identifier = logGroupName ?? logGroupIdentifier;
  if (identifier === undefined) {
    throw invalidParameter("Exactly one of logGroupName and logGroupIdentifier must be specified."); // inferred text
  }
  return groupNamed(deps, nameFromIdentifier(identifier), ctx);
}

/** A name, or an ARN with or without `:*`. */
export function nameFromIdentifier(identifier: string): string {
  const resource = parseArn(identifier)?.resource;
  return resource?.startsWith("log-group:")
    ? resource.slice("log-group:".length).replace(/:\*$/, "")
    : identifier;
}
