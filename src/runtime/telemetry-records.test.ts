import assert from "node:assert/strict";
import { test } from "node:test";
import type { TelemetryEvent } from "./telemetry-records.ts";
import { recordsOf } from "./telemetry-records.ts";

const atMs = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
const time = "2026-01-02T03:04:05.006Z";
const types = ["platform", "function", "extension"] as const;
const telemetry = { api: "telemetry", schemaVersion: "2022-12-13", types } as const;
const old = { ...telemetry, schemaVersion: "2022-07-01" } as const;
const logs = { api: "logs", schemaVersion: "2021-03-18", types } as const;
const fields = { level: "INFO", message: "m" };
const metrics = { durationMs: 1, billedDurationMs: 2, memorySizeMB: 128, maxMemoryUsedMB: 30 };
const report = (errorType?: string): TelemetryEvent => ({
  atMs,
  type: "platform.report",
  record: {
    requestId: "r",
    metrics,
    ...(errorType === undefined ? { status: "success" } : { status: "error", errorType }),
  },
});
const initStart: TelemetryEvent = {
  atMs,
  type: "platform.initStart",
  record: {
    initializationType: "on-demand",
    phase: "init",
    functionName: "f",
    functionVersion: "1",
    instanceMaxMemory: 1,
    runtimeVersion: "v",
    runtimeVersionArn: "a",
  },
};

type Form = Parameters<typeof recordsOf>[1];

const forms: readonly (readonly [string, TelemetryEvent, Form, readonly object[]])[] = [
  [
    "a line is text, without its end",
    { atMs, type: "function", record: "hello\n" },
    telemetry,
    [{ time, type: "function", record: "hello" }],
  ],
  [
    "an extension's line too",
    { atMs, type: "extension", record: "one\ntwo\n" },
    logs,
    [{ time, type: "extension", record: "one\ntwo" }],
  ],
  [
    "a JSON log's line is an object",
    { atMs, type: "function", record: fields },
    telemetry,
    [{ time, type: "function", record: fields }],
  ],
  [
    "and text in the first schema",
    { atMs, type: "function", record: fields },
    old,
    [{ time, type: "function", record: JSON.stringify(fields) }],
  ],
  [
    "and in the Logs API",
    { atMs, type: "function", record: fields },
    logs,
    [{ time, type: "function", record: JSON.stringify(fields) }],
  ],
  [
    "what was not subscribed to is not there",
    { atMs, type: "function", record: "x" },
    { ...telemetry, types: ["platform"] },
    [],
  ],
  ["nor are platform events", report(), { ...telemetry, types: ["function"] }, []],
  [
    "platform events are as they are",
    initStart,
    telemetry,
    [{ time, type: initStart.type, record: initStart.record }],
  ],
  ["the Logs API knows no INIT", initStart, logs, []],
  [
    "its start",
    {
      atMs,
      type: "platform.start",
      record: { requestId: "r", version: "1", tracing: { type: "X-Amzn-Trace-Id", value: "v" } },
    },
    logs,
    [{ time, type: "platform.start", record: { requestId: "r", version: "1" } }],
  ],
  [
    "its runtimeDone",
    {
      atMs,
      type: "platform.runtimeDone",
      record: { requestId: "r", status: "timeout", metrics: { durationMs: 1 } },
    },
    logs,
    [{ time, type: "platform.runtimeDone", record: { requestId: "r", status: "timeout" } }],
  ],
  [
    "which its first schema does not have",
    {
      atMs,
      type: "platform.runtimeDone",
      record: { requestId: "r", status: "success", metrics: { durationMs: 1 } },
    },
    { ...logs, schemaVersion: "2020-08-15" },
    [],
  ],
  [
    "its report, with an end before it",
    report(),
    logs,
    [
      { time, type: "platform.end", record: { requestId: "r" } },
      { time, type: "platform.report", record: { requestId: "r", metrics } },
    ],
  ],
  [
    "and a fault behind one of a crash",
    report("Runtime.ExitError"),
    logs,
    [
      { time, type: "platform.end", record: { requestId: "r" } },
      { time, type: "platform.report", record: { requestId: "r", metrics } },
      { time, type: "platform.fault", record: "RequestId: r Process exited before completing request" },
    ],
  ],
];

for (const [name, event, form, records] of forms) {
  test(name, () => {
    assert.deepEqual(
      recordsOf(event, form).map((text): unknown => JSON.parse(text)),
      records,
    );
  });
}
