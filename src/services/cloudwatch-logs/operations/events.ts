/** Log events: put, get one stream's page by page, filter a whole group's. */
import {
  logAgeMsMax,
  logBatchBytesMax,
  logEventBytesMax,
  logEventOverheadBytes,
  logFutureMsMax,
  logPageBytesMax,
  logPageEventsMax,
  logScanBytesMax,
} from "../../../limits.ts";
import type { InputFor, OperationsOf } from "../../service.ts";
import type { Client, LogsDeps } from "../context.ts";
import { groupIdentified, groupNamed } from "../context.ts";
import { invalidParameter, invalidToken, streamNotFound } from "../errors.ts";
import { messageTest } from "../message-test.ts";
import type { NewEvent } from "../journal.ts";
import type { Position, Query, StoredEvent } from "../query.ts";
import { digitsOf, eventsOf, origin, positionOf } from "../query.ts";
import type { LogGroup } from "../store.ts";
import { sequenceToken } from "../to-wire.ts";

type Operations = Pick<OperationsOf<Client>, "PutLogEvents" | "GetLogEvents" | "FilterLogEvents">;

const dayMs = 86_400_000;

export function eventOperations(deps: LogsDeps): Operations {
  return {
    async PutLogEvents(input, ctx) {
      const group = await groupNamed(deps, input.logGroupName, ctx);
      const stream = await deps.store.stream(group, input.logStreamName);
      if (!stream) throw streamNotFound();
      const events = eventsFrom(input.logEvents);
      const { accepted, rejectedLogEventsInfo } = sorted(events, deps.clock.now(), group.retentionDays);
      if (accepted.length > 0) await deps.journal.put(group, stream, accepted);
      const nextSequenceToken = sequenceToken({ ...stream, lastIngestionMs: deps.clock.now() });
      return { nextSequenceToken, rejectedLogEventsInfo };
    },

    async GetLogEvents(input, ctx) {
      const group = await groupIdentified(deps, input, ctx);
      const stream = await deps.store.stream(group, input.logStreamName);
      if (!stream) throw streamNotFound();
      const from = pageStart(input);
      const query = await queryOf(deps, group, {
        startMs: input.startTime ?? 0,
        endMs: input.endTime ?? Number.POSITIVE_INFINITY,
        includesStream: (id) => id === stream.id,
        ...from,
      });
      const page = await pageOf(query, input.limit ?? logPageEventsMax);
      const events = from.direction === "forward" ? page : page.toReversed();
      return {
        events: events.map(({ timestampMs, ingestionMs, message }) => ({
          timestamp: timestampMs,
          ingestionTime: ingestionMs,
          message,
        })),
        // At either end the token that was passed comes back: that is how clients know.
        nextForwardToken: `f/${digitsOf(events.at(-1) ?? from.after ?? origin)}`,
        nextBackwardToken: `b/${digitsOf(events[0] ?? from.after ?? origin)}`,
      };
    },

    async FilterLogEvents(input, ctx) {
      const { logStreamNames, logStreamNamePrefix } = input;
      if (logStreamNames !== undefined && logStreamNamePrefix !== undefined) {
        throw invalidParameter("logStreamNames and logStreamNamePrefix are mutually exclusive parameters."); // inferred text
      }
      const group = await groupIdentified(deps, input, ctx);
      const matches = messageTest(input.filterPattern ?? "", "filter pattern");
      const nameById = await streamNames(deps, group, logStreamNames, logStreamNamePrefix);
      const query = await queryOf(deps, group, {
        startMs: input.startTime ?? 0,
        endMs: input.endTime === undefined ? Number.POSITIVE_INFINITY : input.endTime + 1, // inclusive here
        includesStream: (id) => nameById.has(id),
        direction: "forward",
        after: input.nextToken === undefined ? undefined : parsedToken(input.nextToken),
      });
      const { events, next } = await filtered(query, matches, input.limit ?? logPageEventsMax);
      return {
        events: events.map((event) => ({
          logStreamName: nameById.get(event.streamId) ?? "",
          timestamp: event.timestampMs,
          message: event.message,
          ingestionTime: event.ingestionMs,
          eventId: digitsOf(event),
        })),
        searchedLogStreams: [],
        nextToken: next && digitsOf(next),
      };
    },
  };
}

function eventsFrom(logEvents: InputFor<Client, "PutLogEvents">["logEvents"]): NewEvent[] {
  const events = (logEvents ?? []).map(({ timestamp = 0, message = "" }) => ({
    timestampMs: timestamp,
    message,
  }));
  let bytes = 0;
  for (const [at, { timestampMs, message }] of events.entries()) {
    const size = Buffer.byteLength(message) + logEventOverheadBytes;
    if (size > logEventBytesMax) {
      throw invalidParameter(`Log event too large: ${size} bytes exceeds limit of ${logEventBytesMax}`);
    }
    bytes += size;
    if (timestampMs < (events[at - 1]?.timestampMs ?? 0)) {
      throw invalidParameter("Log events in a single PutLogEvents request must be in chronological order.");
    }
  }
  if (bytes > logBatchBytesMax) {
    throw invalidParameter(`Upload too large: ${bytes} bytes exceeds limit of ${logBatchBytesMax}`);
  }
  const first = events[0]?.timestampMs ?? 0;
  if ((events.at(-1)?.timestampMs ?? first) - first > dayMs) {
    throw invalidParameter(
      "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
    );
  }
  return events;
}

/** Events that are too old or too far in the future are left out and reported; the rest is taken. */
function sorted(events: readonly NewEvent[], nowMs: number, retentionDays: number | undefined) {
  const tooOldEnd = events.filter(({ timestampMs }) => timestampMs < nowMs - logAgeMsMax).length;
  const expiredBeforeMs = retentionDays === undefined ? 0 : nowMs - retentionDays * dayMs;
  const expiredEnd = events.filter(({ timestampMs }) => timestampMs < expiredBeforeMs).length;
  const tooNew = events.findIndex(({ timestampMs }) => timestampMs > nowMs + logFutureMsMax);
  const accepted = events.slice(Math.max(tooOldEnd, expiredEnd), tooNew < 0 ? undefined : tooNew);
  if (accepted.length === events.length) return { accepted, rejectedLogEventsInfo: undefined };
  const rejectedLogEventsInfo = {
    tooOldLogEventEndIndex: tooOldEnd > 0 ? tooOldEnd : undefined,
    expiredLogEventEndIndex: expiredEnd > tooOldEnd ? expiredEnd : undefined,
    tooNewLogEventStartIndex: tooNew < 0 ? undefined : tooNew,
  };
  return { accepted, rejectedLogEventsInfo };
}

/** Without a token: from the head if asked to, else the latest page. */
function pageStart({
  nextToken,
  startFromHead,
}: InputFor<Client, "GetLogEvents">): Pick<Query, "direction" | "after"> {
  if (nextToken === undefined) return { direction: startFromHead ? "forward" : "backward" };
  const direction = { "f/": "forward", "b/": "backward" }[nextToken.slice(0, 2)];
  if (!direction) throw invalidToken();
  const after = parsedToken(nextToken.slice(2));
  return { direction: direction as Query["direction"], after };
}

function parsedToken(digits: string): Position {
  const position = positionOf(digits);
  if (!position) throw invalidToken();
  return position;
}

async function queryOf(
  { store, clock }: LogsDeps,
  group: LogGroup,
  query: Omit<Query, "heads" | "chunk">,
): Promise<Query> {
  const retainedFromMs = group.retentionDays === undefined ? 0 : clock.now() - group.retentionDays * dayMs;
  return {
    ...query,
    startMs: Math.max(query.startMs, retainedFromMs),
    heads: await store.heads(group),
    chunk: (sequence) => store.chunk(group, sequence),
  };
}

async function pageOf(query: Query, limit: number): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  let bytes = 0;
  for await (const event of eventsOf(query)) {
    bytes += Buffer.byteLength(event.message) + logEventOverheadBytes;
    if (events.length === limit || (bytes > logPageBytesMax && events.length > 0)) break;
    events.push(event);
  }
  return events;
}

/** A page of matching events; `next` is where the next page goes on, also when this one is empty. */
async function filtered(
  query: Query,
  matches: (message: string) => boolean,
  limit: number,
): Promise<{ events: StoredEvent[]; next: Position | undefined }> {
  const events: StoredEvent[] = [];
  let matchedBytes = 0;
  let scannedBytes = 0;
  let last: StoredEvent | undefined;
  for await (const event of eventsOf(query)) {
    if (events.length === limit || matchedBytes > logPageBytesMax || scannedBytes > logScanBytesMax) {
      return { events, next: last };
    }
    const bytes = Buffer.byteLength(event.message) + logEventOverheadBytes;
    scannedBytes += bytes;
    last = event;
    if (!matches(event.message)) continue;
    matchedBytes += bytes;
    events.push(event);
  }
  return { events, next: undefined };
}

async function streamNames(
  { store }: LogsDeps,
  group: LogGroup,
  names: readonly string[] | undefined,
  prefix: string | undefined,
): Promise<Map<string, string>> {
  const nameById = new Map<string, string>();
  if (names === undefined) {
    for await (const stream of store.streams(group, prefix)) nameById.set(stream.id, stream.name);
    return nameById;
  }
  for (const name of names) {
    const stream = await store.stream(group, name);
    if (!stream) throw streamNotFound();
    nameById.set(stream.id, name);
  }
  return nameById;
}
