/** Schedules, their groups and their runs, as the store keeps them; and when a schedule is due. Pure. */
import { createHash } from "node:crypto";
import { formatArn, parseArn } from "../../../base/arn.ts";
import type { Item } from "../../../events/agenda.ts";
import type { RetryPolicy } from "../../../events/delivery-verdict.ts";
import { nextDue, parseSchedule, type Period, type Schedule } from "../../../events/schedule.ts";

export interface Place {
  /** 12 digits. */
  readonly account: string;
  readonly region: string;
}

export interface ScheduleName extends Place {
  readonly group: string;
  readonly name: string;
}

export const defaultGroup = "default";

export interface ScheduleRecord extends ScheduleName {
  /** Hex; another one after each change: what was planned for an earlier one is not run. */
  readonly id: string;
  readonly isEnabled: boolean;
  readonly expression: string;
  readonly zone: string;
  readonly description?: string;
  readonly startMs?: number;
  readonly endMs?: number;
  /** Runs are spread over so many minutes. */
  readonly windowMinutes?: number;
  readonly deletesItself: boolean;
  readonly target: TargetRecord;
  /** Rates count from here. */
  readonly fromMs: number;
  readonly createdAtMs: number;
  readonly modifiedAtMs: number;
  /** Of the request that made it: asked for again with the same, it is not made again. */
  readonly token: string | undefined;
  readonly tokenInput: string;
}

export interface TargetRecord {
  readonly arn: string;
  readonly roleArn: string;
  readonly input?: string;
  /** Of queues: MessageGroupId. */
  readonly groupId?: string;
  /** Of buses. */
  readonly event?: { readonly source: string; readonly detailType: string };
  readonly deadLetterArn?: string;
  readonly retry: RetryPolicy;
}

export interface GroupRecord extends Place {
  readonly name: string;
  readonly isDeleting: boolean;
  readonly tags: Readonly<Record<string, string>>;
  readonly createdAtMs: number;
  readonly modifiedAtMs: number;
  readonly token: string | undefined;
}

/** When a schedule is due next. */
export interface Due extends ScheduleName {
  /** Of the record. */
  readonly id: string;
  /** The time on the schedule; within a window the run is later. */
  readonly scheduledMs: number;
}

/** A run that has not ended. */
export interface Run {
  readonly executionId: string;
  /** That have failed. */
  readonly attempts: number;
}

/** What a run does: as it was when the schedule fell due, whatever becomes of the schedule. */
export interface Execution {
  readonly schedule: ScheduleName;
  readonly target: TargetRecord;
  readonly scheduledMs: number;
  readonly startedMs: number;
  /** Of the schedule, which is to be deleted after this, its last run. */
  readonly lastOf?: string;
}

export function scheduleArn({ account, region, group, name }: ScheduleName): string {
  return formatArn({ service: "scheduler", region, account, resource: `schedule/${group}/${name}` });
}

export function groupArn({ account, region, name }: Place & { readonly name: string }): string {
  return formatArn({ service: "scheduler", region, account, resource: `schedule-group/${name}` });
}

export function groupOfArn(text: string): (Place & { readonly name: string }) | undefined {
  const arn = parseArn(text);
  const name = /^schedule-group\/(.+)$/.exec(arn?.resource ?? "")?.[1];
  if (arn?.service !== "scheduler" || name === undefined) return undefined;
  return { account: arn.account, region: arn.region, name };
}

export function scheduleOf({ expression }: ScheduleRecord): Schedule | undefined {
  return parseSchedule(expression, "scheduler");
}

export function periodOf({ fromMs, zone }: ScheduleRecord): Period {
  return { fromMs, zone };
}

/** The first time after `afterMs` that lies between the start and end dates; undefined: never again. */
export function dueItem(record: ScheduleRecord, afterMs: number): Item<Due> | undefined {
  const schedule = scheduleOf(record);
  if (!record.isEnabled || !schedule) return undefined;
  const isOnce = schedule.kind === "at"; // dates mean nothing to it
  const after = isOnce ? afterMs : Math.max(afterMs, (record.startMs ?? 0) - 1);
  const scheduledMs = nextDue(schedule, periodOf(record), after);
  if (scheduledMs === undefined || (!isOnce && scheduledMs > (record.endMs ?? Infinity))) return undefined;
  const { account, region, group, name, id } = record;
  return {
    dueAtMs: scheduledMs + delayMs(record, scheduledMs),
    id,
    value: { account, region, group, name, id, scheduledMs },
  };
}

/** Anywhere in the window, but always at the same place for the same time: so it can be found again. */
function delayMs({ id, windowMinutes = 0 }: ScheduleRecord, scheduledMs: number): number {
  if (windowMinutes === 0) return 0;
  const drawn = createHash("sha256").update(`${id} ${scheduledMs}`).digest().readUInt32BE(0) / 2 ** 32;
  return Math.floor(drawn * windowMinutes * 60_000);
}
