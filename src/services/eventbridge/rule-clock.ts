/**
 * Rules with a schedule: each has one item in an agenda, for the next time that it is due. When it is, its targets get a
 * "Scheduled Event" of their own, in one commit with the next item. What was missed while lambdad was down is made up
 * for once, with the latest time, and said so in the log.
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Random } from "../../base/random.ts";
import { newTraceHeader } from "../../base/trace.ts";
import { Agenda, type Item, type Settled } from "../../events/agenda.ts";
import { lastDue, nextDue, parseSchedule } from "../../events/schedule.ts";
import { busRuleClockWidth, scheduleLateMsMax } from "../../limits.ts";
import type { Store, Write } from "../../store/store.ts";
import { eventText, timeText } from "./domain/event.ts";
import { busOfRule, ruleArn, type RuleName } from "./domain/names.ts";
import { isEnabled, type RuleRecord, type RuleSchedule } from "./domain/rule.ts";
import type { TakeIn } from "./intake.ts";
import type { Rules } from "./rules.ts";

interface Due extends RuleName {
  /** Of `RuleSchedule`. */
  readonly scheduleId: string;
}

export interface RuleClockDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly store: Store;
  readonly rules: Rules;
  readonly takeIn: TakeIn;
}

export class RuleClock {
  readonly #deps: RuleClockDeps;
  readonly #agenda: Agenda<Due>;

  constructor(deps: RuleClockDeps) {
    this.#deps = deps;
    this.#agenda = new Agenda({
      ...deps,
      collection: "eventbridge/due",
      concurrencyMax: busRuleClockWidth,
      perform: (item) => this.#ring(item),
    });
  }

  start(): Promise<() => Promise<void>> {
    return this.#agenda.start();
  }

  /** A new life of a schedule: rates count from now. */
  begun(expression: string): RuleSchedule {
    return { expression, fromMs: this.#deps.clock.now(), id: this.#deps.random.hex(8) };
  }

  /** What to commit with a change of a rule, and to do after it. */
  changes(
    before: RuleRecord | undefined,
    after: RuleRecord | undefined,
  ): { readonly writes: readonly Write[]; readonly committed: () => void } {
    const nowMs = this.#deps.clock.now();
    const old = before && itemFor(before, nowMs);
    const next = after && itemFor(after, nowMs);
    if (old?.id === next?.id) return { writes: [], committed: () => {} };
    return {
      writes: [...(old ? [this.#agenda.removal(old)] : []), ...(next ? [this.#agenda.put(next)] : [])],
      committed: () => {
        if (old) this.#agenda.forget(old);
        if (next) this.#agenda.planned(next);
      },
    };
  }

  async #ring(item: Item<Due>): Promise<Settled<Due>> {
    const { clock, logger, random } = this.#deps;
    const rule = await this.#deps.rules.find(item.value);
    // Put anew, disabled or deleted since this was planned.
    if (rule?.schedule?.id !== item.value.scheduleId || !isEnabled(rule)) return {};
    const nowMs = clock.now();
    let dueAtMs = item.dueAtMs;
    if (nowMs - dueAtMs > scheduleLateMsMax) {
      dueAtMs = latestOf(rule.schedule, nowMs) ?? dueAtMs;
      const due = { first: timeText(item.dueAtMs), latest: timeText(dueAtMs) };
      logger.warn("a rule's schedule was missed and is run once, for the latest time", {
        rule: ruleArn(rule),
        ...due,
      });
    }
    const taken = await this.#deps.takeIn({
      ...scheduledEvent(rule, dueAtMs, random.uuid()),
      bus: busOfRule(rule),
      traceHeader: newTraceHeader(clock, random),
      hops: 0,
      rules: [rule],
    });
    const next = itemFor(rule, Math.max(nowMs, item.dueAtMs));
    return { ...taken, ...(next && { next }) };
  }
}

/** The item for the first time after `afterMs`; undefined: never. */
function itemFor(rule: RuleRecord, afterMs: number): Item<Due> | undefined {
  const { account, region, bus, name, schedule } = rule;
  if (!schedule || !isEnabled(rule)) return undefined;
  const parsed = parseSchedule(schedule.expression, "rules");
  // A rate's first time is one period after its beginning.
  const after = Math.max(afterMs, schedule.fromMs);
  const dueAtMs = parsed && nextDue(parsed, { fromMs: schedule.fromMs, zone: "UTC" }, after);
  if (dueAtMs === undefined) return undefined;
  return { dueAtMs, id: schedule.id, value: { account, region, bus, name, scheduleId: schedule.id } };
}

function latestOf({ expression, fromMs }: RuleSchedule, nowMs: number): number | undefined {
  const parsed = parseSchedule(expression, "rules");
  return parsed && lastDue(parsed, { fromMs, zone: "UTC" }, nowMs);
}

function scheduledEvent(rule: RuleRecord, dueAtMs: number, id: string) {
  const { account, region } = rule;
  const timeMs = Math.floor(dueAtMs / 1000) * 1000;
  const text = eventText({
    id,
    source: "aws.events",
    detailType: "Scheduled Event",
    account,
    region,
    timeMs,
    resources: [ruleArn(rule)],
    detail: "{}",
  });
  return { id, timeMs, text };
}
