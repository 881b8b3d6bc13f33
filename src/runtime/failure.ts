/**
 * Why a runtime cannot go on, and all that follows from it: what the log says, what extensions are told, and what the
 * invocation under way ends in. One function for each way to fail. Pure.
 */
import type { Exit } from "../isolation/driver.ts";
import type { ErrorReport } from "./error-report.ts";
import { telemetryErrorType } from "./error-report.ts";
import type { ExtensionFailure, ShutdownReason } from "./extensions.ts";
import type { Outcome } from "./invocation.ts";
import * as outcomes from "./outcome-bodies.ts";
import type { InitStatus } from "./platform-events.ts";
import { asLaunchError } from "./prepare.ts";

export type FailureStatus = Exclude<InitStatus, { readonly status: "success" }>;

export interface Failure {
  readonly status: FailureStatus;
  /** Of an invocation that has no answer yet. */
  readonly outcome: (requestId: string) => Outcome;
}

/** INIT's time was over, or the function's. */
export function timedOut(timeoutMs: number): Failure {
  return { status: { status: "timeout" }, outcome: (id) => outcomes.timedOut(id, timeoutMs) };
}

/** The runtime has ended, and nobody had told it to. */
export function exited(exit: Exit): Failure {
  return { status: failed(outcomes.exitErrorType(exit)), outcome: (id) => outcomes.exited(id, exit) };
}

/** The runtime said that it cannot initialise. */
export function initFailed(report: ErrorReport): Failure {
  return { status: failed(telemetryErrorType(report.errorType)), outcome: () => outcomes.initFailed(report) };
}

/** There was no sandbox, or nothing to start in it. */
export function notStarted(error: unknown): Failure {
  const { errorType, message } = asLaunchError(error);
  return { status: failed(errorType), outcome: (id) => outcomes.crashed(id, errorType, message) };
}

export function extensionFailed({ errorType, message }: ExtensionFailure): Failure {
  return { status: failed(errorType), outcome: (id) => outcomes.crashed(id, errorType, message) };
}

/** While a snapshot was being restored: the invocation that it was for never began. */
export function inRestore({ status }: Failure): Failure {
  return { status, outcome: () => outcomes.notRestored(status) };
}

export function shutdownReason({ status }: Failure): ShutdownReason {
  return status.status === "timeout" ? "timeout" : "failure";
}

function failed(errorType: string): FailureStatus {
  return { status: "error", errorType };
}
