/**
 * The platform's lines about an environment, in text or as JSON records: INIT_START, INIT_REPORT, dropped logs. Those about
 * an invocation are in `invoke/report.ts`. Pure. Source: lambda-map 4.4, 4.5, 5.4.
 */
import { arnInRegion } from "../base/arn.ts";
import type { LaunchPlan, SystemLogLevel, VersionSpec } from "./contract.ts";

export type InitFailure =
  | { readonly status: "timeout" }
  | { readonly status: "error"; readonly errorType: string };

export type InitPhase = "init" | "invoke";

/** Whether the platform's lines of this level are written. Text has no levels. */
export function isWritten({ logFormat, logLevels }: VersionSpec, level: SystemLogLevel): boolean {
  return logFormat === "Text" || ranks[level] >= ranks[logLevels?.system ?? "INFO"];
}

const ranks: Readonly<Record<SystemLogLevel, number>> = { DEBUG: 0, INFO: 1, WARN: 2 };

/** Undefined: the function's system log level keeps it back. */
export function initStartLine(spec: VersionSpec, plan: LaunchPlan, atMs: number): string | undefined {
  if (!isWritten(spec, "INFO")) return undefined;
  const runtimeVersionArn = arnInRegion(plan.runtimeVersionArn, spec.region);
  if (spec.logFormat === "Text") {
    return `INIT_START Runtime Version: ${plan.runtimeVersion}\tRuntime Version ARN: ${runtimeVersionArn}`;
  }
  return record("platform.initStart", atMs, {
    initializationType: spec.initialization ?? "on-demand",
    phase: "init",
    functionName: spec.functionName,
    functionVersion: spec.version,
    runtimeVersion: plan.runtimeVersion,
    runtimeVersionArn,
  });
}

export interface InitReport {
  readonly spec: VersionSpec;
  readonly phase: InitPhase;
  readonly durationMs: number;
  readonly failure: InitFailure;
  readonly atMs: number;
}

/** Only for an INIT that failed: AWS writes none for the others. */
export function initReportLine({ spec, phase, durationMs, failure, atMs }: InitReport): string {
  if (spec.logFormat === "Text") {
    const errorType = failure.status === "error" ? `\tError Type: ${failure.errorType}` : "";
    return (
      `INIT_REPORT Init Duration: ${durationMs.toFixed(2)} ms\tPhase: ${phase}\tStatus: ${failure.status}` +
      errorType
    );
  }
  return record("platform.initReport", atMs, {
    initializationType: spec.initialization ?? "on-demand",
    phase,
    ...failure,
    metrics: { durationMs: Number(durationMs.toFixed(3)) },
  });
}

// inferred: AWS has the JSON record, as telemetry; the text is ours.
export function droppedLine(
  format: "Text" | "JSON",
  dropped: { readonly bytes: number; readonly messages: number },
  atMs: number,
): string {
  const reason = "Log lines came faster than they could be stored";
  if (format === "Text") {
    return `LOGS_DROPPED Records: ${dropped.messages}\tBytes: ${dropped.bytes}\tReason: ${reason}`;
  }
  const fields = { droppedRecords: dropped.messages, droppedBytes: dropped.bytes, reason };
  return record("platform.logsDropped", atMs, fields);
}

function record(type: string, atMs: number, fields: object): string {
  return JSON.stringify({ time: new Date(atMs).toISOString(), type, record: fields });
}
