/** Our records as CloudWatch Logs shows them. */
import type { LogGroup, StreamRecord } from "./store.ts";
import { formatArn } from "../../base/arn.ts";

/** Without the `:*` that the old `arn` field carries. */
export function groupArn({ region, account, name }: LogGroup): string {
  return formatArn({ service: "logs", region, account, resource: `log-group:${name}` });
}

export function groupToWire(group: LogGroup, storedBytes: number) {
  return {
    logGroupName: group.name,
    creationTime: group.createdAtMs,
    retentionInDays: group.retentionDays,
    metricFilterCount: 0,
    arn: `${groupArn(group)}:*`,
    storedBytes,
    logGroupClass: "STANDARD" as const,
    logGroupArn: groupArn(group),
    deletionProtectionEnabled: false,
  };
}

export function streamToWire(group: LogGroup, stream: StreamRecord) {
  const hasEvents = stream.lastEventMs !== undefined;
  return {
    logStreamName: stream.name,
    creationTime: stream.createdAtMs,
    firstEventTimestamp: stream.firstEventMs,
    lastEventTimestamp: stream.lastEventMs,
    lastIngestionTime: stream.lastIngestionMs,
    uploadSequenceToken: hasEvents ? sequenceToken(stream) : undefined,
    arn: `${groupArn(group)}:log-stream:${stream.name}`,
    storedBytes: 0, // AWS has answered 0 for every stream since 2019
  };
}

/** 56 digits that mean nothing: AWS ignores what it is given back. */
export function sequenceToken({ lastIngestionMs = 0 }: StreamRecord): string {
  return `49${String(lastIngestionMs).padStart(54, "0")}`;
}
