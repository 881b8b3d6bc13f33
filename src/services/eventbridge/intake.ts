/**
 * Takes events in: which rules match, who is to get them, which archives keep them; all of it in one commit, after which
 * the event may be acknowledged (E1). `outbox.ts` delivers.
 */
import type { Clock } from "../../base/clock.ts";
import { invariant } from "../../base/invariant.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Random } from "../../base/random.ts";
import type { Agenda, Item } from "../../events/agenda.ts";
import { parseExact } from "../../events/event-value.ts";
import { callItemsPerEventMax, recipientsPerItemMax, storeBatchWritesMax } from "../../limits.ts";
import type { Write } from "../../store/store.ts";
import type { Archives } from "./archives.ts";
import { type BusName, ruleArn } from "./domain/names.ts";
import type { Pending, Recipient } from "./domain/pending.ts";
import type { RuleRecord } from "./domain/rule.ts";
import type { HeldEvents } from "./held-events.ts";
import type { Rules } from "./rules.ts";
import type { EventBridgeStore } from "./store.ts";
import { isApiDestination } from "./target-kinds.ts";

export interface Incoming {
  readonly bus: BusName;
  /** From `eventText`. */
  readonly text: string;
  readonly id: string;
  readonly timeMs: number;
  readonly traceHeader: string;
  /** How often it went from one bus to another. */
  readonly hops: number;
  /** Only these rules; absent: all that match. */
  readonly rules?: readonly RuleRecord[];
  readonly ruleArns?: readonly string[];
}

/** What is to be committed for events that came, and what to do then. */
export interface Intake {
  readonly writes: readonly Write[];
  readonly committed: () => void;
}

export interface IntakeDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  readonly store: EventBridgeStore;
  readonly rules: Rules;
  readonly archives: Archives;
  readonly held: HeldEvents;
  /** Deliveries within lambdad. */
  readonly outbox: () => Agenda<Pending>;
  /** Deliveries to API destinations: they may take seconds. */
  readonly calls: () => Agenda<Pending>;
}

export type TakeIn = (incoming: Incoming) => Promise<Intake>;

export function createIntake(deps: IntakeDeps): TakeIn {
  const { clock, random, store, rules, archives, held } = deps;
  const matched = deps.metrics.counter("lambdad_eventbridge_matched_total", "Rules that matched an event");
  let sequence = 0;

  return async ({ bus, text, id, timeMs, traceHeader, hops, rules: given, ruleArns }) => {
    const found = given ?? (await rules.matching(bus, parseExact(text)));
    const matching = ruleArns ? found.filter((rule) => ruleArns.includes(ruleArn(rule))) : found;
    matched.add(matching.length);
    const writes: Write[] = [];
    const after: (() => void)[] = [];
    const ingestedAtMs = clock.now();
    for (const { archive } of matching) {
      if (archive !== undefined) {
        const kept = await archives.keep(bus, archive, { timeMs, id, text });
        writes.push(...kept);
      }
    }
    for (const { agenda, to } of groups(matching)) {
      sequence += 1;
      const eventKey = `${String(sequence).padStart(10, "0")}-${random.hex(8)}`;
      const value: Pending = { eventKey, to, attempts: 0, ingestedAtMs, traceHeader, hops };
      const item: Item<Pending> = { dueAtMs: ingestedAtMs, id: eventKey, value };
      const target = agenda === "outbox" ? deps.outbox() : deps.calls();
      writes.push(store.putEvent(eventKey, text), target.put(item));
      after.push(() => {
        held.add(eventKey, text);
        target.planned(item);
      });
    }
    invariant(writes.length <= storeBatchWritesMax, "what one event causes fits one commit");
    return { writes, committed: () => after.forEach((each) => each()) };
  };
}

interface Group {
  readonly agenda: "outbox" | "calls";
  readonly to: readonly Recipient[];
}

/** Those within lambdad share items; each call over HTTP has one of its own, unless there are very many. */
function groups(rules: readonly RuleRecord[]): Group[] {
  const here: Recipient[] = [];
  const outside: Recipient[] = [];
  for (const { archive, targets, account, region, bus, name } of rules) {
    if (archive !== undefined) continue;
    for (const { id: targetId, arn } of targets) {
      (isApiDestination(arn) ? outside : here).push({ account, region, bus, name, targetId });
    }
  }
  const callsPerItem = Math.ceil(outside.length / callItemsPerEventMax);
  return [
    ...portions(here, recipientsPerItemMax).map((to) => ({ agenda: "outbox", to }) as const),
    ...portions(outside, callsPerItem).map((to) => ({ agenda: "calls", to }) as const),
  ];
}

function portions<T>(all: readonly T[], size: number): T[][] {
  const found: T[][] = [];
  for (let at = 0; at < all.length; at += size) found.push(all.slice(at, at + size));
  return found;
}
