/** Schedules as they are given, checked. Pure. Source: map-events-observability 2; texts that are inferred are marked. */
import { createHash } from "node:crypto";
import { parseArn } from "../../../base/arn.ts";
import { parseSchedule } from "../../../events/schedule.ts";
import { isTimeZone } from "../../../events/time-zone.ts";
import {
  deliveryAgeSecondsMax,
  deliveryAttemptsMax,
  scheduleInputBytesMax,
  scheduleStartPastMsMax,
} from "../../../limits.ts";
import type { InputFor } from "../../service.ts";
import { invalidRequestJson, unsupported, validation } from "../errors.ts";
import type { Client } from "../parts.ts";
import type { UniversalTargets } from "../universal-targets.ts";
import type { ScheduleRecord, TargetRecord } from "./schedule-record.ts";
import { missingMembers, onlyReads, universalOf } from "./universal.ts";

export type Given = InputFor<Client, "CreateSchedule"> | InputFor<Client, "UpdateSchedule">;
type GivenTarget = Given["Target"];

export type Settings = Pick<
  ScheduleRecord,
  | "isEnabled"
  | "expression"
  | "zone"
  | "description"
  | "startMs"
  | "endMs"
  | "windowMinutes"
  | "deletesItself"
  | "target"
>;

export function settingsOf(given: Given, universal: UniversalTargets, nowMs: number): Settings {
  const { ScheduleExpression: expression, ScheduleExpressionTimezone: zone = "UTC", Description } = given;
  if (!parseSchedule(expression, "scheduler")) throw validation(`Invalid Schedule Expression ${expression}.`);
  if (!isTimeZone(zone)) throw validation(`Invalid Schedule Expression Timezone ${zone}.`); // inferred
  if (given.KmsKeyArn !== undefined) throw unsupported("Customer managed keys are");
  const { startMs, endMs } = datesOf(given, nowMs);
  const windowMinutes = windowOf(given);
  return {
    isEnabled: given.State !== "DISABLED",
    expression,
    zone,
    ...(Description !== undefined && { description: Description }),
    ...(startMs !== undefined && { startMs }),
    ...(endMs !== undefined && { endMs }),
    ...(windowMinutes !== undefined && { windowMinutes }),
    deletesItself: given.ActionAfterCompletion === "DELETE",
    target: targetOf(given.Target, universal),
  };
}

/** The same for the same request, whatever its token. */
export function fingerprintOf(input: Given): string {
  const request = JSON.stringify({ ...input, ClientToken: undefined });
  return createHash("sha256").update(request).digest("hex");
}

function datesOf({ StartDate, EndDate }: Given, nowMs: number) {
  const startMs = StartDate?.getTime();
  const endMs = EndDate?.getTime();
  if (startMs !== undefined && startMs < nowMs - scheduleStartPastMsMax) {
    throw validation("The StartDate you specify cannot be earlier than 5 minutes ago.");
  }
  // inferred: the texts
  if (endMs !== undefined && endMs <= nowMs)
    throw validation("The EndDate you specify must come after the current time.");
  if (startMs !== undefined && endMs !== undefined && endMs <= startMs) {
    throw validation("The EndDate you specify must come after the StartDate.");
  }
  return { startMs, endMs };
}

function windowOf({ FlexibleTimeWindow: window }: Given): number | undefined {
  const { Mode: mode, MaximumWindowInMinutes: minutes } = window;
  // inferred: the texts
  if (mode === "FLEXIBLE" && minutes === undefined) {
    throw validation("MaximumWindowInMinutes must be provided when FlexibleTimeWindow Mode is FLEXIBLE.");
  }
  if (mode === "OFF" && minutes !== undefined) {
    throw validation("MaximumWindowInMinutes must not be provided when FlexibleTimeWindow Mode is OFF.");
  }
  return minutes;
}

/** Members of targets that are of services which are not there. */
const otherParameters = [
  "EcsParameters",
  "EventBridgePutEventsV2Parameters",
  "EventBridgePutRawEventsParameters",
  "KinesisParameters",
  "SageMakerPipelineParameters",
] as const;

function targetOf(given: GivenTarget, universal: UniversalTargets): TargetRecord {
  const {
    Arn: arn = "",
    RoleArn: roleArn = "",
    Input: input,
    SqsParameters,
    EventBridgeParameters: event,
  } = given;
  for (const name of otherParameters) {
    if (given[name] !== undefined) throw unsupported(`${name} of targets is`);
  }
  if (input !== undefined && Buffer.byteLength(input) > scheduleInputBytesMax) {
    throw validation("Input must be at most 256 KB."); // inferred
  }
  const kind = kindOf(arn);
  if (kind === "universal") checkUniversal(arn, input, universal);
  if ((kind === "lambda" || kind === "events") && input !== undefined) requireJson(input);
  // inferred: the texts
  if (kind === "sqs" && arn.endsWith(".fifo") && SqsParameters?.MessageGroupId === undefined) {
    throw validation("SqsParameters.MessageGroupId must be specified for FIFO queues.");
  }
  if (kind !== "sqs" && SqsParameters) throw validation("SqsParameters are not valid for this target.");
  if (kind === "events" && !event)
    throw validation("EventBridgeParameters must be specified for this target.");
  if (kind !== "events" && event) throw validation("EventBridgeParameters are not valid for this target.");
  const { DeadLetterConfig, RetryPolicy } = given;
  return {
    arn,
    roleArn,
    ...(input !== undefined && { input }),
    ...(SqsParameters?.MessageGroupId !== undefined && { groupId: SqsParameters.MessageGroupId }),
    ...(event && { event: { source: event.Source ?? "", detailType: event.DetailType ?? "" } }),
    ...(DeadLetterConfig?.Arn !== undefined && { deadLetterArn: DeadLetterConfig.Arn }),
    retry: {
      ageSecondsMax: RetryPolicy?.MaximumEventAgeInSeconds ?? deliveryAgeSecondsMax,
      attemptsMax: RetryPolicy?.MaximumRetryAttempts ?? deliveryAttemptsMax,
    },
  };
}

type Kind = "universal" | "lambda" | "sqs" | "sns" | "events";

function kindOf(text: string): Kind {
  if (universalOf(text)) return "universal";
  const arn = parseArn(text);
  if (!arn) throw validation("Provided Arn is not in correct format.");
  switch (arn.service) {
    case "lambda":
    case "sqs":
    case "sns":
      return arn.service;
    case "events":
      if (arn.resource.startsWith("event-bus/")) return "events";
  }
  throw unsupported(`Targets of ${arn.service} (${text}) are`);
}

function checkUniversal(arn: string, input: string | undefined, universal: UniversalTargets): void {
  const name = universalOf(arn);
  if (!name) return;
  // inferred: the text
  if (onlyReads(name)) throw validation(`${arn} is not supported for a target.`);
  const { operation } = universal.find(name);
  const request = input === undefined ? {} : requireJson(input);
  const missing = missingMembers(operation, request);
  if (missing.length > 0) {
    throw invalidRequestJson(`Request payload is missing the following field(s): ${missing.join(", ")}.`);
  }
}

/** Answers an object: what is none has no members. */
function requireJson(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text.replace(/<aws\.scheduler\.[a-z-]+>/g, "0"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch (error) {
    if (error instanceof SyntaxError) throw invalidRequestJson("Input is not valid JSON."); // inferred
    throw error;
  }
}
