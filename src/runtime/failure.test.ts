import assert from "node:assert/strict";
import { test } from "node:test";
import type { Failure } from "./failure.ts";
import { exited, extensionFailed, initFailed, notStarted, shutdownReason, timedOut } from "./failure.ts";
import { LaunchError } from "./launch-error.ts";

/** What each leads to: in the log, for extensions, for the caller. */
const failures: readonly {
  readonly name: string;
  readonly failure: Failure;
  readonly status: Failure["status"];
  readonly reason: "timeout" | "failure";
  readonly payload: string;
}[] = [
  {
    name: "a timeout",
    failure: timedOut(1500),
    status: { status: "timeout" },
    reason: "timeout",
    payload:
      '{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: r-1 Error: Task timed out after 1.50 seconds"}',
  },
  {
    name: "an exit",
    failure: exited({ kind: "code", code: 3, oom: false }),
    status: { status: "error", errorType: "Runtime.ExitError" },
    reason: "failure",
    payload:
      '{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r-1 Error: Runtime exited with error: exit status 3"}',
  },
  {
    name: "an exit for want of memory, which the payload does not name",
    failure: exited({ kind: "signal", signal: "SIGKILL", oom: true }),
    status: { status: "error", errorType: "Runtime.OutOfMemory" },
    reason: "failure",
    payload:
      '{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r-1 Error: Runtime exited with error: signal: killed"}',
  },
  {
    name: "a reported init error, whose type is AWS's in the log and the runtime's own for the caller",
    failure: initFailed({ payload: Buffer.from('{"errorType":"KeyError"}'), errorType: "KeyError" }),
    status: { status: "error", errorType: "Runtime.Unknown" },
    reason: "failure",
    payload: '{"errorType":"KeyError"}',
  },
  {
    name: "a runtime that is not there",
    failure: notStarted(new LaunchError("Runtime.InvalidEntrypoint", "no bootstrap")),
    status: { status: "error", errorType: "Runtime.InvalidEntrypoint" },
    reason: "failure",
    payload: '{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: r-1 Error: no bootstrap"}',
  },
  {
    name: "a sandbox that could not be made",
    failure: notStarted(new Error("no pipes")),
    status: { status: "error", errorType: "Sandbox.Failure" },
    reason: "failure",
    payload: '{"errorType":"Sandbox.Failure","errorMessage":"RequestId: r-1 Error: no pipes"}',
  },
  {
    name: "an extension's end",
    failure: extensionFailed({ errorType: "Extension.Crash", message: "exit status 1" }),
    status: { status: "error", errorType: "Extension.Crash" },
    reason: "failure",
    payload: '{"errorType":"Extension.Crash","errorMessage":"RequestId: r-1 Error: exit status 1"}',
  },
];

for (const { name, failure, status, reason, payload } of failures) {
  test(`a failure has one meaning for log, extensions and caller: ${name}`, () => {
    assert.deepEqual(failure.status, status);
    assert.equal(shutdownReason(failure), reason);
    assert.equal(Buffer.from(failure.outcome("r-1").payload).toString(), payload);
  });
}
