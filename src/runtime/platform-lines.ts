/**
 * The platform's events as log lines: AWS's text, or the event itself as JSON where the function's system log level lets
 * it through.
 *
 * Pure. Text has no levels, and no line for some events. Source: lambda-map 4.4, 4.5.
 */
import type { SystemLogLevel, VersionSpec } from "./contract.ts";
import type { PlatformEvent } from "./platform-events.ts";

export type LineFormat = Pick<VersionSpec, "logFormat" | "logLevels">;

/** Without newlines at their ends. */
export function linesOf(event: PlatformEvent, format: LineFormat, atMs: number): readonly string[] {
  if (format.logFormat === "Text") return textOf(event);
  if (ranks[levelOf(event)] < ranks[format.logLevels?.system ?? "INFO"]) return [];
  const { type, record } = event;
  return [JSON.stringify({ time: new Date(atMs).toISOString(), type, record })];
}

const ranks: Readonly<Record<SystemLogLevel, number>> = { DEBUG: 0, INFO: 1, WARN: 2 };

function levelOf({ type, record }: PlatformEvent): SystemLogLevel {
  switch (type) {
    case "platform.initStart":
    case "platform.restoreStart":
    case "platform.start":
    case "platform.telemetrySubscription":
    case "platform.logsSubscription":
      return "INFO";
    case "platform.initRuntimeDone":
    case "platform.restoreRuntimeDone":
    case "platform.runtimeDone":
      return record.status === "success" ? "DEBUG" : "WARN";
    case "platform.initReport":
      if (record.status !== "success") return "WARN";
      return record.initializationType === "on-demand" ? "DEBUG" : "INFO";
    case "platform.restoreReport":
    case "platform.report":
      return record.status === "success" ? "INFO" : "WARN";
    case "platform.extension":
      return record.errorType === undefined ? "INFO" : "WARN";
    case "platform.logsDropped":
      return "WARN";
  }
}

function textOf({ type, record }: PlatformEvent): readonly string[] {
  switch (type) {
    case "platform.initStart":
      // AWS writes it once for an environment: not for a runtime that is started again inside an invocation.
      if (record.phase === "invoke") return [];
      return [`INIT_START ${runtimeText(record)}`];
    case "platform.restoreStart":
      return [`RESTORE_START ${runtimeText(record)}`];
    case "platform.restoreReport":
      return [restoreReportText(record)];
    case "platform.initReport":
      return record.status === "success" && record.initializationType === "on-demand"
        ? []
        : [initReportText(record)];
    case "platform.start":
      return [`START RequestId: ${record.requestId} Version: ${record.version}`];
    case "platform.report":
      return [`END RequestId: ${record.requestId}`, reportText(record)];
    case "platform.extension":
      return [
        `EXTENSION\tName: ${record.name}\tState: ${record.state}\tEvents: [${record.events.join(", ")}]` +
          errorText(record),
      ];
    case "platform.telemetrySubscription":
      return [`TELEMETRY\t${subscriptionText(record)}`];
    case "platform.logsSubscription":
      return [`LOGS\t${subscriptionText(record)}`];
    case "platform.logsDropped":
      // inferred: AWS has this as telemetry and in JSON logs; the text is ours.
      return [
        `LOGS_DROPPED Records: ${record.droppedRecords}\tBytes: ${record.droppedBytes}\tReason: ${record.reason}`,
      ];
    case "platform.initRuntimeDone":
    case "platform.restoreRuntimeDone":
    case "platform.runtimeDone":
      return [];
  }
}

type RecordOf<Type extends PlatformEvent["type"]> = Extract<PlatformEvent, { type: Type }>["record"];

function initReportText({ metrics, phase, ...rest }: RecordOf<"platform.initReport">): string {
  const status = rest.status === "success" ? "" : `\tStatus: ${rest.status}`;
  return `INIT_REPORT Init Duration: ${metrics.durationMs.toFixed(2)} ms\tPhase: ${phase}${status}${errorText(rest)}`;
}

function restoreReportText({ metrics, ...rest }: RecordOf<"platform.restoreReport">): string {
  const status = rest.status === "success" ? "" : `\tStatus: ${rest.status}`;
  return `RESTORE_REPORT Restore Duration: ${metrics.durationMs.toFixed(2)} ms${status}${errorText(rest)}`;
}

function runtimeText(record: RecordOf<"platform.restoreStart">): string {
  return `Runtime Version: ${record.runtimeVersion}\tRuntime Version ARN: ${record.runtimeVersionArn}`;
}

function reportText({ requestId, metrics, tracing, ...rest }: RecordOf<"platform.report">): string {
  const fields = [
    `REPORT RequestId: ${requestId}`,
    `Duration: ${metrics.durationMs.toFixed(2)} ms`,
    `Billed Duration: ${metrics.billedDurationMs} ms`,
    `Memory Size: ${metrics.memorySizeMB} MB`,
    `Max Memory Used: ${metrics.maxMemoryUsedMB} MB`,
  ];
  if (metrics.initDurationMs !== undefined)
    fields.push(`Init Duration: ${metrics.initDurationMs.toFixed(2)} ms`);
  if (metrics.restoreDurationMs !== undefined) {
    fields.push(`Restore Duration: ${metrics.restoreDurationMs.toFixed(2)} ms`);
    fields.push(`Billed Restore Duration: ${metrics.billedRestoreDurationMs} ms`);
  }
  if (rest.status !== "success") fields.push(`Status: ${rest.status}`);
  if (rest.errorType) fields.push(`Error Type: ${rest.errorType}`);
  const line = `${fields.join("\t")}\t`;
  return tracing ? `${line}\n${tracingText(tracing)}` : line;
}

/** A second line of the same message. */
function tracingText({ value, spanId }: { readonly value: string; readonly spanId?: string }): string {
  const [, traceId = ""] = /(?:^|;)\s*Root=([^;]*)/.exec(value) ?? [];
  return `XRAY TraceId: ${traceId}\tSegmentId: ${spanId ?? ""}\tSampled: true\t`;
}

function subscriptionText({ name, state, types }: RecordOf<"platform.telemetrySubscription">): string {
  // AWS names them with a capital.
  const listed = types.map((type) => type.charAt(0).toUpperCase() + type.slice(1));
  return `Name: ${name}\tState: ${state}\tTypes: [${listed.join(", ")}]`;
}

function errorText({ errorType }: { readonly errorType?: string }): string {
  return errorType === undefined ? "" : `\tError Type: ${errorType}`;
}
