/**
 * What the platform says about an environment: the events of AWS's Telemetry API, which are its records in JSON logs and,
 * reworded, its lines in text logs too (`platform-lines.ts`).
 *
 * Pure: builders whose fields are AWS's, in AWS's order. Source: lambda-map 4.5, 5.4.
 */
import { arnInRegion } from "../base/arn.ts";
import type { LaunchPlan, VersionSpec } from "./contract.ts";
import type { InvocationResult, Outcome } from "./invocation.ts";

export type PlatformEvent =
  | Event<"platform.initStart", InitStart>
  | Event<"platform.initRuntimeDone", InitDone>
  | Event<"platform.initReport", InitDone & { readonly metrics: { readonly durationMs: number } }>
  | Event<"platform.restoreStart", Launched>
  | Event<"platform.restoreRuntimeDone", Status>
  | Event<"platform.restoreReport", Status & { readonly metrics: { readonly durationMs: number } }>
  | Event<"platform.start", Start>
  | Event<"platform.runtimeDone", RuntimeDone>
  | Event<"platform.report", Report>
  | Event<"platform.extension", ExtensionFacts>
  | Event<"platform.telemetrySubscription", SubscriptionFacts>
  | Event<"platform.logsSubscription", SubscriptionFacts>
  | Event<"platform.logsDropped", LogsDropped>;

interface Event<Type extends string, Fields> {
  readonly type: Type;
  readonly record: Fields;
}

/** "init": ahead of any invocation; "invoke": inside one, because the one ahead has failed. */
export type InitPhase = "init" | "invoke";

export type InitStatus =
  | { readonly status: "success" }
  | { readonly status: "timeout" }
  | { readonly status: "error"; readonly errorType: string };

interface Initialization {
  readonly initializationType: "on-demand" | NonNullable<VersionSpec["initialization"]>;
  readonly phase: InitPhase;
}

type InitStart = Initialization & Launched;

/** What is started, or restored. */
interface Launched {
  readonly functionName: string;
  readonly functionVersion: string;
  readonly instanceMaxMemory: number;
  readonly runtimeVersion: string;
  readonly runtimeVersionArn: string;
}

type InitDone = Initialization & Status;

interface Status {
  readonly status: "success" | "error" | "timeout";
  readonly errorType?: string;
}

interface Start {
  readonly requestId: string;
  readonly version: string;
  readonly tracing?: Tracing;
}

/** Of a request that is sampled. */
interface Tracing {
  readonly spanId?: string;
  readonly type: "X-Amzn-Trace-Id";
  readonly value: string;
}

interface Span {
  readonly name: "responseLatency" | "responseDuration" | "runtimeOverhead" | "extensionOverhead";
  readonly start: string;
  readonly durationMs: number;
}

interface RuntimeDone extends Status {
  readonly requestId: string;
  readonly metrics: { readonly durationMs: number; readonly producedBytes?: number };
  readonly spans?: readonly Span[];
  readonly tracing?: Tracing;
}

interface Report extends Status {
  readonly requestId: string;
  readonly metrics: {
    readonly durationMs: number;
    readonly billedDurationMs: number;
    readonly memorySizeMB: number;
    readonly maxMemoryUsedMB: number;
    readonly initDurationMs?: number;
    readonly restoreDurationMs?: number;
    readonly billedRestoreDurationMs?: number;
  };
  readonly spans?: readonly Span[];
  readonly tracing?: Tracing;
}

export interface ExtensionFacts {
  readonly name: string;
  readonly state: string;
  readonly events: readonly string[];
  readonly errorType?: string;
}

interface SubscriptionFacts {
  readonly name: string;
  readonly state: "Subscribed";
  readonly types: readonly string[];
}

interface LogsDropped {
  readonly droppedRecords: number;
  readonly droppedBytes: number;
  readonly reason: string;
}

export function initStart(spec: VersionSpec, plan: LaunchPlan, phase: InitPhase): PlatformEvent {
  return {
    type: "platform.initStart",
    record: { ...initialization(spec, phase), ...launched(spec, plan) },
  };
}

function launched(spec: VersionSpec, plan: LaunchPlan): Launched {
  return {
    functionName: spec.functionName,
    functionVersion: spec.version,
    instanceMaxMemory: spec.memoryMb * 1024 * 1024,
    runtimeVersion: plan.runtimeVersion,
    runtimeVersionArn: arnInRegion(plan.runtimeVersionArn, spec.region),
  };
}

export function initRuntimeDone(spec: VersionSpec, phase: InitPhase, status: InitStatus): PlatformEvent {
  return { type: "platform.initRuntimeDone", record: { ...initialization(spec, phase), ...status } };
}

export function initReport(
  spec: VersionSpec,
  phase: InitPhase,
  { durationMs, ...status }: InitStatus & { readonly durationMs: number },
): PlatformEvent {
  const metrics = { durationMs: rounded(durationMs) };
  return { type: "platform.initReport", record: { ...initialization(spec, phase), ...status, metrics } };
}

export function restoreStart(spec: VersionSpec, plan: LaunchPlan): PlatformEvent {
  return { type: "platform.restoreStart", record: launched(spec, plan) };
}

export function restoreRuntimeDone(status: InitStatus): PlatformEvent {
  return { type: "platform.restoreRuntimeDone", record: status };
}

export function restoreReport({
  durationMs,
  ...status
}: InitStatus & { readonly durationMs: number }): PlatformEvent {
  return {
    type: "platform.restoreReport",
    record: { ...status, metrics: { durationMs: rounded(durationMs) } },
  };
}

export function start(spec: VersionSpec, requestId: string, traceHeader: string): PlatformEvent {
  return {
    type: "platform.start",
    record: { requestId, version: spec.version, ...tracing(traceHeader) },
  };
}

/** An invocation as it went, once the runtime is through with it. */
export interface RuntimeFinished {
  readonly spec: VersionSpec;
  readonly requestId: string;
  readonly traceHeader: string;
  readonly result: InvocationResult;
  /** When the answer was there, epoch ms. */
  readonly answeredAtMs: number;
  /** How long the answer took to arrive, fractional ms; 0 unless it was streamed. */
  readonly responseMs: number;
  readonly streamedBytes: number;
  /** From the answer until the runtime asked for more, fractional ms. */
  readonly runtimeOverheadMs: number;
  /** The runtime did not get that far (in REPORT: nor an extension), although the answer was in time. */
  readonly failure: Exclude<InitStatus, { readonly status: "success" }> | undefined;
}

/** Once the extensions are, too. */
export interface Finished extends RuntimeFinished {
  /** From then until the extensions had done so, fractional ms; 0 without any. */
  readonly extensionOverheadMs: number;
}

export function runtimeDone(finished: RuntimeFinished): PlatformEvent {
  const { spec, requestId, traceHeader, result, answeredAtMs, responseMs, runtimeOverheadMs } = finished;
  const durationMs = Math.min(result.durationMs + runtimeOverheadMs, spec.timeoutMs);
  const begunAtMs = answeredAtMs - result.durationMs;
  const spans: readonly Span[] = [
    span("responseLatency", begunAtMs, result.durationMs - responseMs),
    span("responseDuration", answeredAtMs - responseMs, responseMs),
    span("runtimeOverhead", answeredAtMs, runtimeOverheadMs),
  ];
  const status = finished.failure ?? statusOf(result.outcome);
  return {
    type: "platform.runtimeDone",
    record: {
      requestId,
      ...status,
      metrics: { durationMs: rounded(durationMs), producedBytes: producedBytes(finished) },
      ...(status.status === "success" && { spans }),
      ...tracing(traceHeader),
    },
  };
}

export function report(finished: Finished): PlatformEvent {
  const { spec, requestId, traceHeader, result, answeredAtMs, failure } = finished;
  const { runtimeOverheadMs, extensionOverheadMs } = finished;
  // AWS's own: a function that timed out after 3 s has taken 3000.00 ms, and none is billed for more.
  const durationMs = Math.min(result.durationMs + runtimeOverheadMs + extensionOverheadMs, spec.timeoutMs);
  return {
    type: "platform.report",
    record: {
      requestId,
      metrics: {
        durationMs: rounded(durationMs),
        billedDurationMs: billedMs({ ...result, durationMs }),
        memorySizeMB: spec.memoryMb,
        maxMemoryUsedMB: result.memoryPeakMb,
        ...(result.initMs !== undefined && { initDurationMs: rounded(result.initMs) }),
        ...(result.restoreMs !== undefined && {
          restoreDurationMs: rounded(result.restoreMs),
          billedRestoreDurationMs: Math.ceil(result.restoreMs),
        }),
      },
      ...(failure ?? statusOf(result.outcome)),
      ...(extensionOverheadMs > 0 && {
        spans: [span("extensionOverhead", answeredAtMs + runtimeOverheadMs, extensionOverheadMs)],
      }),
      ...tracing(traceHeader),
    },
  };
}

/** By the runtime: bodies of what went wrong are the platform's. */
function producedBytes({ result: { outcome }, streamedBytes }: RuntimeFinished): number {
  const isRuntimes = outcome.kind === "success" || outcome.kind === "function-error";
  return streamedBytes + (isRuntimes ? outcome.payload.length : 0);
}

function span(name: Span["name"], startAtMs: number, durationMs: number): Span {
  return { name, start: new Date(startAtMs).toISOString(), durationMs: rounded(durationMs) };
}

export function extension(record: ExtensionFacts): PlatformEvent {
  return { type: "platform.extension", record };
}

/** Whole milliseconds, rounded up: the invocation and, where there was one, its INIT (billed since 2025-08) or restore. */
export function billedMs(result: Pick<InvocationResult, "durationMs" | "initMs" | "restoreMs">): number {
  const { durationMs, initMs = 0, restoreMs = 0 } = result;
  return Math.max(1, Math.ceil(durationMs + initMs + Math.ceil(restoreMs)));
}

function statusOf(outcome: Outcome): Status {
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

function initialization(spec: VersionSpec, phase: InitPhase): Initialization {
  return { initializationType: spec.initialization ?? "on-demand", phase };
}

/** Only of what is sampled: that AWS would have sent to X-Ray. The span is the one that the function got as its parent. */
function tracing(traceHeader: string): { readonly tracing?: Tracing } {
  if (!/(^|;)\s*Sampled=1/.test(traceHeader)) return {};
  const [, spanId] = /(?:^|;)\s*Parent=([0-9a-f]{16})/.exec(traceHeader) ?? [];
  return {
    tracing: { ...(spanId !== undefined && { spanId }), type: "X-Amzn-Trace-Id", value: traceHeader },
  };
}

function rounded(ms: number): number {
  return Number(ms.toFixed(3));
}
