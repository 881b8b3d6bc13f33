/** Our records as Scheduler shows them. */
import type { OutputFor } from "../service.ts";
import {
  type GroupRecord,
  groupArn,
  scheduleArn,
  type ScheduleRecord,
  type TargetRecord,
} from "./domain/schedule-record.ts";
import type { Client } from "./parts.ts";

export function scheduleToWire(schedule: ScheduleRecord): OutputFor<Client, "GetSchedule"> {
  const { group, name, expression, zone, isEnabled, description, startMs, endMs, windowMinutes } = schedule;
  return {
    Arn: scheduleArn(schedule),
    GroupName: group,
    Name: name,
    ScheduleExpression: expression,
    ScheduleExpressionTimezone: zone,
    State: isEnabled ? "ENABLED" : "DISABLED",
    ...(description !== undefined && { Description: description }),
    ...(startMs !== undefined && { StartDate: new Date(startMs) }),
    ...(endMs !== undefined && { EndDate: new Date(endMs) }),
    FlexibleTimeWindow:
      windowMinutes === undefined
        ? { Mode: "OFF" }
        : { Mode: "FLEXIBLE", MaximumWindowInMinutes: windowMinutes },
    ActionAfterCompletion: schedule.deletesItself ? "DELETE" : "NONE",
    Target: targetToWire(schedule.target),
    CreationDate: new Date(schedule.createdAtMs),
    LastModificationDate: new Date(schedule.modifiedAtMs),
  };
}

export function summaryToWire(schedule: ScheduleRecord) {
  const { group, name, isEnabled, target, createdAtMs, modifiedAtMs } = schedule;
  return {
    Arn: scheduleArn(schedule),
    GroupName: group,
    Name: name,
    State: isEnabled ? ("ENABLED" as const) : ("DISABLED" as const),
    CreationDate: new Date(createdAtMs),
    LastModificationDate: new Date(modifiedAtMs),
    Target: { Arn: target.arn },
  };
}

export function groupToWire(group: GroupRecord) {
  return {
    Arn: groupArn(group),
    Name: group.name,
    State: group.isDeleting ? ("DELETING" as const) : ("ACTIVE" as const),
    // The default group has been there for ever, until it is first changed.
    ...(group.createdAtMs > 0 && { CreationDate: new Date(group.createdAtMs) }),
    ...(group.modifiedAtMs > 0 && { LastModificationDate: new Date(group.modifiedAtMs) }),
  };
}

function targetToWire({ arn, roleArn, input, groupId, event, deadLetterArn, retry }: TargetRecord) {
  return {
    Arn: arn,
    RoleArn: roleArn,
    ...(input !== undefined && { Input: input }),
    ...(groupId !== undefined && { SqsParameters: { MessageGroupId: groupId } }),
    ...(event && { EventBridgeParameters: { DetailType: event.detailType, Source: event.source } }),
    ...(deadLetterArn !== undefined && { DeadLetterConfig: { Arn: deadLetterArn } }),
    RetryPolicy: {
      MaximumEventAgeInSeconds: retry.ageSecondsMax,
      MaximumRetryAttempts: retry.attemptsMax,
    },
  };
}
