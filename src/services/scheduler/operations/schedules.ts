/** Schedules. Source: map-events-observability 2. */
import { schedulePageMax } from "../../../limits.ts";
import type { Context } from "../../service.ts";
import { fingerprintOf, settingsOf } from "../domain/schedule-input.ts";
import {
  defaultGroup,
  type ScheduleName,
  scheduleArn,
  type ScheduleRecord,
} from "../domain/schedule-record.ts";
import { conflict, scheduleNotFound } from "../errors.ts";
import { afterIn, tokenOf } from "../paging.ts";
import type { SchedulerParts, Some } from "../parts.ts";
import { scheduleToWire, summaryToWire } from "../to-wire.ts";

type ScheduleOperations = Some<
  "CreateSchedule" | "UpdateSchedule" | "DeleteSchedule" | "GetSchedule" | "ListSchedules"
>;

export function scheduleOperations(parts: SchedulerParts): ScheduleOperations {
  const { clock, random, schedules, scheduleClock, groups, universal } = parts;

  async function named(name: ScheduleName) {
    await groups.named(name, name.group);
    const stored = await schedules.schedule(name);
    if (!stored) throw scheduleNotFound(name.name);
    return stored;
  }

  return {
    async CreateSchedule(input, ctx) {
      const name = nameOf(input.Name, input.GroupName, ctx);
      const nowMs = clock.now();
      const settings = settingsOf(input, universal, nowMs);
      const group = await groups.named(ctx, name.group);
      if (group.isDeleting) throw conflict(`Schedule group ${name.group} is being deleted.`); // inferred
      const schedule: ScheduleRecord = {
        ...name,
        ...settings,
        id: random.hex(8),
        fromMs: settings.startMs ?? nowMs,
        createdAtMs: nowMs,
        modifiedAtMs: nowMs,
        token: input.ClientToken,
        tokenInput: fingerprintOf(input),
      };
      const { writes, committed } = scheduleClock.changes(undefined, schedule);
      if (await schedules.tryCommit([schedules.putSchedule(schedule, 0), ...writes])) committed();
      else if (!isSame((await schedules.schedule(name))?.value, schedule)) {
        throw conflict(`Schedule ${name.name} already exists.`);
      }
      return { ScheduleArn: scheduleArn(name) };
    },

    async UpdateSchedule(input, ctx) {
      const name = nameOf(input.Name, input.GroupName, ctx);
      for (;;) {
        const { value: before, version } = await named(name);
        const nowMs = clock.now();
        const settings = settingsOf(input, universal, nowMs);
        // inferred: a rate whose expression and start stay as they are keeps its beat
        const keepsBeat = before.expression === settings.expression && before.startMs === settings.startMs;
        const schedule: ScheduleRecord = {
          ...name,
          ...settings,
          id: random.hex(8),
          fromMs: keepsBeat ? before.fromMs : (settings.startMs ?? nowMs),
          createdAtMs: before.createdAtMs,
          modifiedAtMs: nowMs,
          token: before.token,
          tokenInput: before.tokenInput,
        };
        const { writes, committed } = scheduleClock.changes(before, schedule);
        if (!(await schedules.tryCommit([schedules.putSchedule(schedule, version), ...writes]))) continue;
        committed();
        return { ScheduleArn: scheduleArn(name) };
      }
    },

    async DeleteSchedule({ Name, GroupName }, ctx) {
      const name = nameOf(Name, GroupName, ctx);
      for (;;) {
        const { value, version } = await named(name);
        const { writes, committed } = scheduleClock.changes(value, undefined);
        if (!(await schedules.tryCommit([schedules.removeSchedule(name, version), ...writes]))) continue;
        committed();
        return {};
      }
    },

    async GetSchedule({ Name, GroupName }, ctx) {
      return scheduleToWire((await named(nameOf(Name, GroupName, ctx))).value);
    },

    async ListSchedules({ GroupName, NamePrefix = "", State, NextToken, MaxResults }, ctx) {
      if (GroupName !== undefined) await groups.named(ctx, GroupName);
      const limit = MaxResults ?? schedulePageMax;
      const found: ScheduleRecord[] = [];
      let after = NextToken === undefined ? undefined : afterIn(NextToken);
      // What does not pass the filters makes no page smaller.
      for (;;) {
        const page = await schedules.schedules(ctx, GroupName, { startsWith: NamePrefix, after, limit });
        for (const { value, parts: place } of page.items) {
          const isWanted = State === undefined || value.isEnabled === (State === "ENABLED");
          if (isWanted && value.name.startsWith(NamePrefix)) found.push(value);
          after = place;
          if (found.length === limit) break;
        }
        const isFull = found.length === limit;
        if (!isFull && page.next) continue;
        const hasMore = isFull && (page.next !== undefined || page.items.at(-1)?.parts !== after);
        return { Schedules: found.map(summaryToWire), ...(hasMore && after && tokenOf(after)) };
      }
    },
  };
}

function nameOf(name: string, group: string | undefined, { account, region }: Context): ScheduleName {
  return { account, region, group: group ?? defaultGroup, name };
}

/** The same request, sent again. */
function isSame(existing: ScheduleRecord | undefined, wanted: ScheduleRecord): boolean {
  if (existing?.token === undefined) return false;
  return existing.token === wanted.token && existing.tokenInput === wanted.tokenInput;
}
