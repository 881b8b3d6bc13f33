/** `lambdad logs NAME`: the latest lines of a function's log group, and with `--follow` the next ones as they come. */
import type { Clock } from "../base/clock.ts";
import type { Client } from "./client.ts";
import { ApiError } from "./client.ts";
import { CommandError, dim, print, printable } from "./output.ts";

export interface LogsOptions {
  readonly follow?: boolean;
  /** "10m", "2h", "1d". */
  readonly since: string;
  readonly filter?: string;
  readonly json?: boolean;
}

interface LogEvent {
  readonly eventId: string;
  readonly logStreamName: string;
  readonly timestamp: number;
  readonly message: string;
}

const followIntervalMs = 500;

export async function logs(client: Client, clock: Clock, name: string, options: LogsOptions): Promise<void> {
  const logGroupName = name.startsWith("/") ? name : `/aws/lambda/${name}`;
  const seen = new Set<string>();
  let startTime = clock.now() - durationMs(options.since);
  for (;;) {
    for (const event of await eventsSince(client, logGroupName, startTime, options)) {
      if (seen.has(event.eventId)) continue;
      seen.add(event.eventId);
      startTime = Math.max(startTime, event.timestamp);
      print(options.json ? JSON.stringify(event) : rendered(event));
    }
    if (!options.follow) return;
    await clock.sleep(followIntervalMs);
  }
}

async function eventsSince(
  client: Client,
  logGroupName: string,
  startTime: number,
  options: LogsOptions,
): Promise<LogEvent[]> {
  const events: LogEvent[] = [];
  let nextToken: string | undefined;
  do {
    const request = { logGroupName, startTime, filterPattern: options.filter, nextToken };
    const page = await client
      .logs<{ events?: LogEvent[]; nextToken?: string }>("FilterLogEvents", request)
      .catch((error) => {
        if (!(error instanceof ApiError) || error.code !== "ResourceNotFoundException") throw error;
        // A function that has not run yet has no log group.
        if (options.follow) return { events: [], nextToken: undefined };
        throw new CommandError(
          `there is no log group ${logGroupName}`,
          "It is made by the function's first invocation.",
        );
      });
    events.push(...(page.events ?? []));
    nextToken = page.nextToken;
  } while (nextToken);
  return events;
}

function rendered({ timestamp, message }: LogEvent): string {
  return `${dim(new Date(timestamp).toISOString())} ${printable(message.trimEnd())}`;
}

function durationMs(text: string): number {
  const [, amount, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit ?? ""];
  if (!amount || !unitMs) throw new CommandError(`"${text}" is not a duration`, "Write 30s, 10m, 2h or 1d.");
  return Number(amount) * unitMs;
}
