/** The platform's events, and their lines as AWS writes them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { versionSpec } from "../../test/harness/fake-environment.ts";
import type { SystemLogLevel } from "./contract.ts";
import type { Outcome } from "./invocation.ts";
import type { Finished, PlatformEvent } from "./platform-events.ts";
import * as events from "./platform-events.ts";
import { linesOf } from "./platform-lines.ts";

const requestId = "8f507cfc-0000-4697-b07a-ac58fc914c95";
const atMs = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
const payload = new Uint8Array(7);
const sampled = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
const plan = {
  argv: [],
  mounts: [],
  env: {},
  runtimeVersion: "nodejs:24.v1",
  runtimeVersionArn: "arn:aws:lambda:us-east-1::runtime:0123",
};

function finished(outcome: Outcome, more: Partial<Finished> & { readonly initMs?: number } = {}): Finished {
  const { initMs, ...rest } = more;
  return {
    spec: versionSpec(),
    requestId,
    traceHeader: "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0",
    result: { outcome, durationMs: 2.506, initMs, memoryPeakMb: 36 },
    answeredAtMs: atMs,
    responseMs: 0,
    streamedBytes: 0,
    runtimeOverheadMs: 0.5,
    extensionOverheadMs: 0,
    failure: undefined,
    ...rest,
  };
}

const success: Outcome = { kind: "success", payload };
const crash: Outcome = { kind: "crash", payload, errorType: "Runtime.ExitError" };
const spec = versionSpec();
const provisioned = versionSpec({ initialization: "provisioned-concurrency" });
const end = `END RequestId: ${requestId}`;
const report = `REPORT RequestId: ${requestId}\tDuration: 3.01 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\t`;

const texts: readonly (readonly [string, PlatformEvent, readonly string[]])[] = [
  [
    "INIT_START names the runtime's version in the function's region",
    events.initStart(versionSpec({ region: "cn-north-1" }), plan, "init"),
    [
      "INIT_START Runtime Version: nodejs:24.v1\tRuntime Version ARN: arn:aws-cn:lambda:cn-north-1::runtime:0123",
    ],
  ],
  ["a second init has no INIT_START", events.initStart(spec, plan, "invoke"), []],
  [
    "an INIT that went well has no INIT_REPORT",
    events.initReport(spec, "init", { status: "success", durationMs: 5 }),
    [],
  ],
  [
    "unless it was provisioned",
    events.initReport(provisioned, "init", { status: "success", durationMs: 5.126 }),
    ["INIT_REPORT Init Duration: 5.13 ms\tPhase: init"],
  ],
  [
    "INIT_REPORT of a timeout",
    events.initReport(spec, "init", { status: "timeout", durationMs: 9999.79 }),
    ["INIT_REPORT Init Duration: 9999.79 ms\tPhase: init\tStatus: timeout"],
  ],
  [
    "INIT_REPORT of an error inside an invocation",
    events.initReport(spec, "invoke", {
      status: "error",
      errorType: "Runtime.UserCodeSyntaxError",
      durationMs: 150.79,
    }),
    [
      "INIT_REPORT Init Duration: 150.79 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.UserCodeSyntaxError",
    ],
  ],
  ["START", events.start(spec, requestId, sampled), [`START RequestId: ${requestId} Version: $LATEST`]],
  ["runtimeDone has no text", events.runtimeDone(finished(success)), []],
  ["a success", events.report(finished(success)), [end, report]],
  [
    "an error that the handler threw",
    events.report(finished({ kind: "function-error", payload, errorType: "Error" })),
    [end, report],
  ],
  [
    "INIT is billed and printed with the first invocation",
    events.report(finished(success, { initMs: 110.1 })),
    [end, `${report.replace("Billed Duration: 4", "Billed Duration: 114")}Init Duration: 110.10 ms\t`],
  ],
  ["a timeout", events.report(finished({ kind: "timeout", payload })), [end, `${report}Status: timeout\t`]],
  [
    "a crash",
    events.report(finished(crash)),
    [end, `${report}Status: error\tError Type: Runtime.ExitError\t`],
  ],
  [
    "an extension that crashed after the answer",
    events.report(finished(success, { failure: { status: "error", errorType: "Extension.Crash" } })),
    [end, `${report}Status: error\tError Type: Extension.Crash\t`],
  ],
  [
    "extensions' time is the invocation's, and billed",
    events.report(finished(success, { extensionOverheadMs: 10 })),
    [end, report.replace("3.01", "13.01").replace("Billed Duration: 4", "Billed Duration: 14")],
  ],
  [
    "a sampled request has its trace in the same message",
    events.report(finished(success, { traceHeader: sampled })),
    [
      end,
      `${report}\nXRAY TraceId: 1-5759e988-bd862e3fe1be46a994272793\tSegmentId: 53995c3f42cd8ad8\tSampled: true\t`,
    ],
  ],
  [
    "an extension",
    events.extension({ name: "agent", state: "Ready", events: ["INVOKE", "SHUTDOWN"] }),
    ["EXTENSION\tName: agent\tState: Ready\tEvents: [INVOKE, SHUTDOWN]"],
  ],
  [
    "an extension that failed",
    events.extension({ name: "agent", state: "InitError", events: [], errorType: "Agent.NoKey" }),
    ["EXTENSION\tName: agent\tState: InitError\tEvents: []\tError Type: Agent.NoKey"],
  ],
  [
    "a subscription",
    {
      type: "platform.telemetrySubscription",
      record: { name: "agent", state: "Subscribed", types: ["platform", "function"] },
    },
    ["TELEMETRY\tName: agent\tState: Subscribed\tTypes: [Platform, Function]"],
  ],
  [
    "a subscription to the Logs API",
    {
      type: "platform.logsSubscription",
      record: { name: "agent", state: "Subscribed", types: ["extension"] },
    },
    ["LOGS\tName: agent\tState: Subscribed\tTypes: [Extension]"],
  ],
];

for (const [name, event, lines] of texts) {
  test(`text: ${name}`, () => {
    assert.deepEqual(linesOf(event, { logFormat: "Text" }, atMs), lines);
  });
}

const text = (level: SystemLogLevel) =>
  ({ logFormat: "JSON", logLevels: { application: "INFO", system: level } }) as const;

/** The lowest system log level at which each is written. lambda-map 4.5. */
const levels: readonly (readonly [string, PlatformEvent, SystemLogLevel])[] = [
  ["initStart", events.initStart(spec, plan, "init"), "INFO"],
  ["initRuntimeDone, success", events.initRuntimeDone(spec, "init", { status: "success" }), "DEBUG"],
  ["initRuntimeDone, timeout", events.initRuntimeDone(spec, "init", { status: "timeout" }), "WARN"],
  ["initReport, on demand", events.initReport(spec, "init", { status: "success", durationMs: 1 }), "DEBUG"],
  [
    "initReport, provisioned",
    events.initReport(provisioned, "init", { status: "success", durationMs: 1 }),
    "INFO",
  ],
  ["initReport, failure", events.initReport(spec, "init", { status: "timeout", durationMs: 1 }), "WARN"],
  ["start", events.start(spec, requestId, ""), "INFO"],
  ["runtimeDone, success", events.runtimeDone(finished(success)), "DEBUG"],
  ["runtimeDone, crash", events.runtimeDone(finished(crash)), "WARN"],
  ["report, success", events.report(finished(success)), "INFO"],
  ["report, crash", events.report(finished(crash)), "WARN"],
  ["extension", events.extension({ name: "a", state: "Ready", events: [] }), "INFO"],
  [
    "extension, failure",
    events.extension({ name: "a", state: "Exited", events: [], errorType: "E" }),
    "WARN",
  ],
  [
    "logsDropped",
    { type: "platform.logsDropped", record: { droppedRecords: 1, droppedBytes: 2, reason: "r" } },
    "WARN",
  ],
];

for (const [name, event, level] of levels) {
  test(`JSON: ${name} is ${level}`, () => {
    const ranks: readonly SystemLogLevel[] = ["DEBUG", "INFO", "WARN"];
    for (const system of ranks) {
      const lines = linesOf(event, text(system), atMs);
      assert.equal(lines.length, ranks.indexOf(system) <= ranks.indexOf(level) ? 1 : 0, system);
      for (const line of lines) {
        const { time, type, record } = JSON.parse(line) as Record<string, unknown>;
        assert.deepEqual({ time, type, record }, { time: "2026-01-02T03:04:05.006Z", ...event });
      }
    }
  });
}

test("no invocation takes longer than its function may, in REPORT and its events", () => {
  const result = {
    outcome: { kind: "timeout", payload },
    durationMs: 1004,
    initMs: 5,
    memoryPeakMb: 36,
  } as const;
  const facts = { ...finished(success), spec: versionSpec({ timeoutMs: 1000 }), result };
  const { metrics } = events.report(facts).record as { metrics: object };
  assert.deepEqual(metrics, {
    durationMs: 1000,
    billedDurationMs: 1005,
    memorySizeMB: 128,
    maxMemoryUsedMB: 36,
    initDurationMs: 5,
  });
  const { metrics: done } = events.runtimeDone(facts).record as { metrics: { durationMs: number } };
  assert.equal(done.durationMs, 1000);
});

/** How it went, bytes of a stream, and what the runtime has produced. */
const produced: readonly (readonly [Outcome, number, number])[] = [
  [success, 0, 7],
  [{ kind: "function-error", payload, errorType: "Error" }, 0, 7],
  [{ kind: "success", payload: new Uint8Array() }, 5, 5],
  [crash, 0, 0],
  [{ kind: "timeout", payload }, 5, 5],
];

for (const [outcome, streamedBytes, bytes] of produced) {
  test(`runtimeDone counts what the runtime produced: ${outcome.kind}, ${streamedBytes} streamed`, () => {
    const { record } = events.runtimeDone(finished(outcome, { streamedBytes }));
    assert.equal((record as { metrics: { producedBytes: number } }).metrics.producedBytes, bytes);
  });
}

test("JSON records carry the Telemetry API's fields", () => {
  const facts = finished(success, { initMs: 5, traceHeader: sampled, extensionOverheadMs: 2.5 });
  const tracing = { spanId: "53995c3f42cd8ad8", type: "X-Amzn-Trace-Id", value: sampled };
  assert.deepEqual(events.start(spec, requestId, sampled).record, { requestId, version: "$LATEST", tracing });
  assert.deepEqual(events.runtimeDone(facts).record, {
    requestId,
    status: "success",
    metrics: { durationMs: 3.006, producedBytes: 7 },
    spans: [
      { name: "responseLatency", start: "2026-01-02T03:04:05.003Z", durationMs: 2.506 },
      { name: "responseDuration", start: "2026-01-02T03:04:05.006Z", durationMs: 0 },
      { name: "runtimeOverhead", start: "2026-01-02T03:04:05.006Z", durationMs: 0.5 },
    ],
    tracing,
  });
  assert.deepEqual(events.report(facts).record, {
    requestId,
    metrics: {
      durationMs: 5.506,
      billedDurationMs: 11,
      memorySizeMB: 128,
      maxMemoryUsedMB: 36,
      initDurationMs: 5,
    },
    status: "success",
    spans: [{ name: "extensionOverhead", start: "2026-01-02T03:04:05.006Z", durationMs: 2.5 }],
    tracing,
  });
});
