/**
 * When schedules are due: each has one item in an agenda, for its next time. When that has come, a run is written down in
 * one commit with the item after it; `runs.ts` carries it out. What was missed while lambdad was down is made up for once, for
 * the latest time, and said so in the log.
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Random } from "../../base/random.ts";
import { Agenda, type Item, type Settled } from "../../events/agenda.ts";
import { lastDue } from "../../events/schedule.ts";
import { scheduleClockWidth, scheduleLateMsMax } from "../../limits.ts";
import type { Store, Write } from "../../store/store.ts";
import { timeText } from "./domain/request.ts";
import {
  type Due,
  dueItem,
  periodOf,
  type Run,
  scheduleArn,
  scheduleOf,
  type ScheduleRecord,
} from "./domain/schedule-record.ts";
import type { SchedulerStore } from "./store.ts";

export interface ScheduleClockDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly store: Store;
  readonly schedules: SchedulerStore;
  readonly runs: Agenda<Run>;
}

export class ScheduleClock {
  readonly #deps: ScheduleClockDeps;
  readonly #agenda: Agenda<Due>;

  constructor(deps: ScheduleClockDeps) {
    this.#deps = deps;
    this.#agenda = new Agenda({
      ...deps,
      collection: "scheduler/due",
      concurrencyMax: scheduleClockWidth,
      perform: (item) => this.#ring(item),
    });
  }

  start(): Promise<() => Promise<void>> {
    return this.#agenda.start();
  }

  /** What to commit with a change of a schedule, and to do after it. */
  changes(
    before: ScheduleRecord | undefined,
    after: ScheduleRecord | undefined,
  ): { readonly writes: readonly Write[]; readonly committed: () => void } {
    const nowMs = this.#deps.clock.now();
    const old = before && dueItem(before, nowMs);
    // A rate that begins with this change is due at once.
    const next = after && dueItem(after, after.modifiedAtMs - 1);
    return {
      writes: [...(old ? [this.#agenda.removal(old)] : []), ...(next ? [this.#agenda.put(next)] : [])],
      committed: () => {
        if (old) this.#agenda.forget(old);
        if (next) this.#agenda.planned(next);
      },
    };
  }

  async #ring(item: Item<Due>): Promise<Settled<Due>> {
    const { clock, logger, random, schedules, runs } = this.#deps;
    const record = (await schedules.schedule(item.value))?.value;
    // Changed, disabled or deleted since this was planned.
    if (!record || record.id !== item.value.id || !record.isEnabled) return {};
    const nowMs = clock.now();
    let { scheduledMs } = item.value;
    if (nowMs - item.dueAtMs > scheduleLateMsMax) {
      const latestMs = latestOf(record, nowMs) ?? scheduledMs;
      const due = { first: timeText(scheduledMs), latest: timeText(latestMs) };
      logger.warn("a schedule was missed and is run once, for the latest time", {
        schedule: scheduleArn(record),
        ...due,
      });
      scheduledMs = latestMs;
    }
    const next = dueItem(record, Math.max(scheduledMs, item.value.scheduledMs));
    const executionId = random.hex(8);
    const run: Item<Run> = { dueAtMs: nowMs, id: executionId, value: { executionId, attempts: 0 } };
    const { account, region, group, name } = record;
    const execution = {
      schedule: { account, region, group, name },
      target: record.target,
      scheduledMs,
      startedMs: nowMs,
      ...(!next && record.deletesItself && { lastOf: record.id }),
    };
    return {
      ...(next && { next }),
      writes: [schedules.putExecution(executionId, execution), runs.put(run)],
      committed: () => runs.planned(run),
    };
  }
}

/** No later than the end date. */
function latestOf(record: ScheduleRecord, nowMs: number): number | undefined {
  const schedule = scheduleOf(record);
  if (schedule?.kind === "at") return undefined;
  return schedule && lastDue(schedule, periodOf(record), Math.min(nowMs, record.endMs ?? nowMs));
}
