/**
 * The platform's lines about an invocation: START, END and REPORT as AWS writes them, in text or as JSON records.
 *
 * Pure: facts in, lines out. Source: lambda-map 4.4 and 4.5. Init is billed, for every kind of function (since 2025-08).
 */
import type { SystemLogLevel, VersionSpec } from "../runtime/contract.ts";
import type { InvocationResult, Outcome } from "../runtime/invocation.ts";
import { isWritten } from "../runtime/platform-lines.ts";

export interface ReportFacts {
  readonly spec: VersionSpec;
  readonly requestId: string;
  /** When the invocation was delivered, respectively done; epoch ms. */
  readonly atMs: number;
}

/** Undefined: the function's system log level keeps it back. */
export function startLine({ spec, requestId, atMs }: ReportFacts): string | undefined {
  if (!isWritten(spec, "INFO")) return undefined;
  if (spec.logFormat === "JSON") {
    return record(atMs, "platform.start", { requestId, version: spec.version });
  }
  return `START RequestId: ${requestId} Version: ${spec.version}`;
}

/** What follows an invocation, in order. */
export function endLines(facts: ReportFacts, result: InvocationResult): string[] {
  return facts.spec.logFormat === "JSON" ? jsonEnd(facts, result) : textEnd(facts, result);
}

/** Whole milliseconds, rounded up: the invocation and, where there was one, its INIT. */
export function billedMs(result: InvocationResult): number {
  return Math.max(1, Math.ceil(result.durationMs + (result.initMs ?? 0)));
}

function textEnd({ spec, requestId }: ReportFacts, result: InvocationResult): string[] {
  const fields = [
    `REPORT RequestId: ${requestId}`,
    `Duration: ${result.durationMs.toFixed(2)} ms`,
    `Billed Duration: ${billedMs(result)} ms`,
    `Memory Size: ${spec.memoryMb} MB`,
    `Max Memory Used: ${result.memoryPeakMb} MB`,
  ];
  if (result.initMs !== undefined) fields.push(`Init Duration: ${result.initMs.toFixed(2)} ms`);
  const status = statusOf(result.outcome);
  if (status.status !== "success") fields.push(`Status: ${status.status}`);
  if (status.errorType) fields.push(`Error Type: ${status.errorType}`);
  return [`END RequestId: ${requestId}`, `${fields.join("\t")}\t`];
}

function jsonEnd({ spec, requestId, atMs }: ReportFacts, result: InvocationResult): string[] {
  const status = statusOf(result.outcome);
  const metrics = {
    durationMs: rounded(result.durationMs),
    billedDurationMs: billedMs(result),
    memorySizeMB: spec.memoryMb,
    maxMemoryUsedMB: result.memoryPeakMb,
    ...(result.initMs === undefined ? {} : { initDurationMs: rounded(result.initMs) }),
  };
  const isSuccess = status.status === "success";
  const lines: readonly (readonly [SystemLogLevel, string])[] = [
    [isSuccess ? "DEBUG" : "WARN", record(atMs, "platform.runtimeDone", { requestId, ...status })],
    [isSuccess ? "INFO" : "WARN", record(atMs, "platform.report", { requestId, metrics, ...status })],
  ];
  return lines.filter(([level]) => isWritten(spec, level)).map(([, line]) => line);
}

function statusOf(outcome: Outcome): { status: string; errorType?: string } {
  switch (outcome.kind) {
    case "success":
    // AWS writes a plain REPORT for an error that the handler itself reported.
    case "function-error":
      return { status: "success" };
    case "timeout":
      return { status: "timeout" };
    case "crash":
      return { status: "error", errorType: outcome.errorType };
  }
}

function record(atMs: number, type: string, fields: object): string {
  return JSON.stringify({ time: new Date(atMs).toISOString(), type, record: fields });
}

function rounded(ms: number): number {
  return Number(ms.toFixed(3));
}
