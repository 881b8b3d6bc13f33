/**
 * What a run sends: the target's input with its context attributes filled in, or a notification where there is none; and
 * the API request that it amounts to, for dead letters. Pure. Source: map-events-observability 2.
 */
import { parseArn } from "../../../base/arn.ts";
import { type Execution, scheduleArn } from "./schedule-record.ts";
import { universalOf } from "./universal.ts";

export interface Attempt {
  readonly executionId: string;
  /** From 1. */
  readonly number: number;
}

export function payloadOf(execution: Execution, { executionId, number }: Attempt): string {
  const { target, schedule, scheduledMs } = execution;
  if (target.input === undefined)
    return universalOf(target.arn) ? "{}" : notification(execution, executionId);
  const attributes: Readonly<Record<string, string>> = {
    "schedule-arn": scheduleArn(schedule),
    "scheduled-time": timeText(scheduledMs),
    "execution-id": executionId,
    "attempt-number": String(number),
  };
  return target.input.replace(/<aws\.scheduler\.([a-z-]+)>/g, (text, name: string) =>
    Object.hasOwn(attributes, name) ? (attributes[name] ?? text) : text,
  );
}

/** The detail is a text, not an object: as AWS sends it. */
function notification({ schedule, scheduledMs }: Execution, id: string): string {
  return JSON.stringify({
    version: "0",
    id,
    "detail-type": "Scheduled Event",
    source: "aws.scheduler",
    account: schedule.account,
    time: timeText(scheduledMs),
    region: schedule.region,
    resources: [scheduleArn(schedule)],
    detail: "{}",
  });
}

/** In the form of a universal target, also for those that are not given so. */
export interface ApiRequest {
  readonly targetArn: string;
  /** JSON. */
  readonly body: string;
}

export function apiRequestOf({ target }: Execution, payload: string): ApiRequest {
  const { arn, groupId, event } = target;
  if (universalOf(arn)) return { targetArn: arn, body: payload };
  const { service, region, account, resource = "" } = parseArn(arn) ?? {};
  const api = (action: string, request: object): ApiRequest => ({
    targetArn: `arn:aws:scheduler:::aws-sdk:${action}`,
    body: JSON.stringify(request),
  });
  switch (service) {
    case "lambda":
      return api("lambda:invoke", { FunctionName: arn, InvocationType: "Event", Payload: payload });
    case "sqs":
      return api("sqs:sendMessage", {
        MessageBody: payload,
        QueueUrl: `https://sqs.${region}.amazonaws.com/${account}/${resource}`,
        ...(groupId !== undefined && { MessageGroupId: groupId }),
      });
    case "sns":
      return api("sns:publish", { Message: payload, TopicArn: arn });
    default: {
      const { source, detailType } = event ?? {};
      const entry = { Detail: payload, DetailType: detailType, EventBusName: arn, Source: source };
      return api("eventbridge:putEvents", { Entries: [entry] });
    }
  }
}

export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, "Z");
}
