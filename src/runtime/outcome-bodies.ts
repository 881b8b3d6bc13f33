/**
 * How an invocation that went wrong ends: AWS's exact error bodies. Pure. Source: lambda-map 4.6, where most are
 * recorded; the order of the keys is AWS's too.
 */
import type { Exit } from "../isolation/driver.ts";
import { invokeResponseBytesMax, streamedResponseBytesMax } from "../limits.ts";
import type { RuntimeAnswer, StreamEnd } from "./api/runtime-port.ts";
import type { ErrorReport } from "./error-report.ts";
import { telemetryErrorType } from "./error-report.ts";
import type { Outcome } from "./invocation.ts";
import type { InitStatus } from "./platform-events.ts";

export function answered(answer: RuntimeAnswer): Outcome {
  switch (answer.kind) {
    case "payload":
      return { kind: "success", payload: answer.payload };
    case "error":
      return { kind: "function-error", payload: answer.report.payload, errorType: answer.report.errorType };
    case "too-large":
      return responseTooLarge(invokeResponseBytesMax);
  }
}

/** What is left to say after the pieces of a streamed answer. Undefined: the runtime has not said how it ends. */
export function streamed(end: StreamEnd): Outcome | undefined {
  switch (end.kind) {
    case "whole":
      return { kind: "success", payload: nothing };
    case "error":
      return answered(end);
    case "too-large":
      return responseTooLarge(streamedResponseBytesMax);
    case "truncated":
      return undefined;
  }
}

/** The runtime broke its streamed answer off and went on. inferred: the text. */
export function truncated(requestId: string): Outcome {
  return crashed(requestId, "Runtime.TruncatedResponse", "Runtime response was truncated");
}

export function timedOut(requestId: string, timeoutMs: number): Outcome {
  const message = `Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`;
  return { kind: "timeout", payload: body("Sandbox.Timedout", `RequestId: ${requestId} Error: ${message}`) };
}

/** The runtime reported that it could not initialise, inside the invocation. */
export function initFailed({ payload, errorType }: ErrorReport): Outcome {
  return { kind: "crash", payload, errorType: telemetryErrorType(errorType) };
}

export function exited(requestId: string, exit: Exit): Outcome {
  const { payload } = crashed(requestId, "Runtime.ExitError", describeExit(exit));
  return { kind: "crash", payload, errorType: exitErrorType(exit) };
}

/** Also for what kept the runtime from starting. */
export function crashed(requestId: string, errorType: string, reason: string): Outcome {
  return { kind: "crash", errorType, payload: body(errorType, `RequestId: ${requestId} Error: ${reason}`) };
}

/** A snapshot could not be restored. The texts are of the model's documentation. */
export function notRestored(status: Exclude<InitStatus, { readonly status: "success" }>): Outcome {
  if (status.status === "timeout") {
    const message = "Lambda couldn't restore the snapshot within the timeout limit.";
    const exception = "SnapStartTimeoutException";
    return { kind: "crash", errorType: "Sandbox.Timedout", payload: body(exception, message), exception };
  }
  const message =
    "The afterRestore() runtime hook encountered an error. For more information, check the Amazon CloudWatch logs.";
  const exception = "SnapStartException";
  return { kind: "crash", errorType: status.errorType, payload: body(exception, message), exception };
}

/** As logs and telemetry name it. Recalled, not recorded: there, and not in the payload, newer ones name out-of-memory. */
export function exitErrorType(exit: Exit): string {
  return exit.oom ? "Runtime.OutOfMemory" : "Runtime.ExitError";
}

export function describeExit(exit: Exit): string {
  if (exit.kind === "signal")
    return `Runtime exited with error: signal: ${signalNames[exit.signal] ?? exit.signal}`;
  return exit.code === 0
    ? "Runtime exited without providing a reason"
    : `Runtime exited with error: exit status ${exit.code}`;
}

function responseTooLarge(bytesMax: number): Outcome {
  const errorType = "Function.ResponseSizeTooLarge";
  const errorMessage = `Response payload size exceeded maximum allowed payload size (${bytesMax} bytes).`;
  return { kind: "crash", errorType, payload: Buffer.from(JSON.stringify({ errorMessage, errorType })) };
}

const nothing = new Uint8Array(0);

function body(errorType: string, errorMessage: string): Uint8Array {
  return Buffer.from(JSON.stringify({ errorType, errorMessage }));
}

/** As Go prints them, which AWS's supervisor is written in. */
export const signalNames: Readonly<Partial<Record<NodeJS.Signals, string>>> = {
  SIGABRT: "aborted",
  SIGALRM: "alarm clock",
  SIGBUS: "bus error",
  SIGFPE: "floating point exception",
  SIGHUP: "hangup",
  SIGILL: "illegal instruction",
  SIGINT: "interrupt",
  SIGKILL: "killed",
  SIGPIPE: "broken pipe",
  SIGQUIT: "quit",
  SIGSEGV: "segmentation fault",
  SIGSYS: "bad system call",
  SIGTERM: "terminated",
  SIGTRAP: "trace/breakpoint trap",
  SIGUSR1: "user defined signal 1",
  SIGUSR2: "user defined signal 2",
  SIGXCPU: "CPU time limit exceeded",
  SIGXFSZ: "file size limit exceeded",
};
