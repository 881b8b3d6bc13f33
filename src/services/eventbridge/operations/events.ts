/** PutEvents and TestEventPattern. */
import { newTraceHeader } from "../../../base/trace.ts";
import { compilePattern, parseExact, PatternError } from "../../../events/pattern.ts";
import { busEntriesBytesMax } from "../../../limits.ts";
import { StoreError } from "../../../store/store.ts";
import { AwsError } from "../../../wire/aws-error.ts";
import type { Context, InputFor } from "../../service.ts";
import { maySend } from "../domain/bus.ts";
import { eventText } from "../domain/event.ts";
import { busOf, type BusName } from "../domain/names.ts";
import { checkEntry, entryBytes } from "../domain/put-entry.ts";
import { busAccessDenied, invalidParameter, invalidPattern, unsupported, validation } from "../errors.ts";
import type { Client, EventBridgeParts, Some } from "../parts.ts";

type Entry = NonNullable<InputFor<Client, "PutEvents">["Entries"]>[number];

export function eventOperations(parts: EventBridgeParts): Some<"PutEvents" | "TestEventPattern"> {
  const { clock, random, buses, takeIn, store } = parts;

  /** Answers the event's id. */
  async function accept(entry: Entry, detail: string, ctx: Context): Promise<string> {
    const id = random.uuid();
    const bus = await reachable(entry.EventBusName, ctx);
    // Recorded: who sends to a bus that is not there is not told.
    if (!bus) return id;
    const { account, region } = ctx;
    const timeMs = entry.Time ? Math.floor(entry.Time.getTime() / 1000) * 1000 : clock.now();
    const { Source: source = "", DetailType: detailType = "", Resources: resources = [] } = entry;
    const text = eventText({ id, source, detailType, account, region, timeMs, resources, detail });
    const traceHeader = entry.TraceHeader ?? ctx.trace ?? newTraceHeader(clock, random);
    const { writes, committed } = await takeIn({ bus, text, id, timeMs, traceHeader, hops: 0 });
    if (writes.length > 0) await store.commit(writes);
    committed();
    return id;
  }

  async function reachable(nameOrArn: string | undefined, ctx: Context): Promise<BusName | undefined> {
    const bus = busOf(nameOrArn, ctx);
    const found = bus && (await buses.find(bus));
    if (!bus || !found) return undefined;
    if (!maySend(found, ctx.account)) throw busAccessDenied(bus, ctx.account);
    return bus;
  }

  return {
    async PutEvents({ Entries, EndpointId }, ctx) {
      if (EndpointId !== undefined) throw unsupported("Global endpoints are");
      const bytes = Entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
      if (bytes > busEntriesBytesMax) {
        throw validation("Total size of the entries in the request is over the limit.");
      }
      const results = await Promise.all(
        Entries.map(async (entry) => {
          const checked = checkEntry(entry);
          if ("ErrorCode" in checked) return checked;
          try {
            return { EventId: await accept(entry, checked.detail, ctx) };
          } catch (error) {
            return refusalOf(error);
          }
        }),
      );
      return { FailedEntryCount: results.filter((result) => "ErrorCode" in result).length, Entries: results };
    },

    async TestEventPattern({ EventPattern, Event }) {
      return { Result: patternOf(EventPattern)(eventOf(Event)) };
    },
  };
}

/** Throws InvalidEventPatternException. */
export function patternOf(text: string): (event: unknown) => boolean {
  try {
    return compilePattern(text);
  } catch (error) {
    if (error instanceof PatternError) throw invalidPattern(error.message);
    throw error;
  }
}

function eventOf(text: string): unknown {
  try {
    const event = parseExact(text);
    if (typeof event === "object" && event !== null && !Array.isArray(event)) return event;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw invalidParameter("Event");
}

/** What only this entry is told. */
function refusalOf(error: unknown): { ErrorCode: string; ErrorMessage: string } {
  if (error instanceof AwsError) return { ErrorCode: error.code, ErrorMessage: error.message };
  if (error instanceof StoreError && error.code === "busy") {
    return { ErrorCode: "ThrottlingException", ErrorMessage: "Request failed because of throttling." };
  }
  throw error;
}
