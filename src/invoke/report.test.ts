/** The platform's lines, as AWS writes them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { versionSpec } from "../../test/harness/fake-environment.ts";
import type { InvocationResult, Outcome } from "../runtime/invocation.ts";
import { billedMs, endLines, startLine } from "./report.ts";

const requestId = "8f507cfc-0000-4697-b07a-ac58fc914c95";
const atMs = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
const payload = new Uint8Array();

function result(outcome: Outcome, initMs?: number): InvocationResult {
  return { outcome, durationMs: 3.006, initMs, memoryPeakMb: 36 };
}

const text = `REPORT RequestId: ${requestId}\tDuration: 3.01 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\t`;

const textCases: readonly [name: string, outcome: Outcome, report: string][] = [
  ["success", { kind: "success", payload }, text],
  ["an error that the handler threw", { kind: "function-error", payload, errorType: "Error" }, text],
  ["a timeout", { kind: "timeout", payload }, `${text}Status: timeout\t`],
  [
    "a crash",
    { kind: "crash", payload, errorType: "Runtime.ExitError" },
    `${text}Status: error\tError Type: Runtime.ExitError\t`,
  ],
];

for (const [name, outcome, report] of textCases) {
  test(`END and REPORT in text after ${name}`, () => {
    assert.deepEqual(endLines({ spec: versionSpec(), requestId, atMs }, result(outcome)), [
      `END RequestId: ${requestId}`,
      report,
    ]);
  });
}

test("INIT is billed and printed with the first invocation", () => {
  const first = result({ kind: "success", payload }, 110.1);
  assert.equal(billedMs(first), 114);
  assert.match(
    endLines({ spec: versionSpec(), requestId, atMs }, first)[1] ?? "",
    /\tInit Duration: 110\.10 ms\t$/,
  );
});

test("JSON records carry the Telemetry API's fields", () => {
  const spec = versionSpec({ logFormat: "JSON" });
  assert.deepEqual(JSON.parse(startLine({ spec, requestId, atMs }) ?? ""), {
    time: "2026-01-02T03:04:05.006Z",
    type: "platform.start",
    record: { requestId, version: "$LATEST" },
  });
  const lines = endLines({ spec, requestId, atMs }, result({ kind: "timeout", payload }, 5)).map((line) =>
    JSON.parse(line),
  );
  assert.deepEqual(
    lines.map(({ type }) => type),
    ["platform.runtimeDone", "platform.report"],
  );
  assert.deepEqual(lines[1].record, {
    requestId,
    metrics: {
      durationMs: 3.006,
      billedDurationMs: 9,
      memorySizeMB: 128,
      maxMemoryUsedMB: 36,
      initDurationMs: 5,
    },
    status: "timeout",
  });
});

test("JSON runtimeDone is kept back after a success", () => {
  const spec = versionSpec({ logFormat: "JSON" });
  const lines = endLines({ spec, requestId, atMs }, result({ kind: "success", payload }));
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).type),
    ["platform.report"],
  );
});

test("the system log level decides which of the platform's records are written", () => {
  const result: InvocationResult = {
    outcome: { kind: "success", payload: new Uint8Array() },
    durationMs: 1,
    initMs: undefined,
    memoryPeakMb: 1,
  };
  const written = (system: "DEBUG" | "INFO" | "WARN") => {
    const spec = versionSpec({ logFormat: "JSON", logLevels: { application: "INFO", system } });
    const lines = [startLine({ spec, requestId, atMs }), ...endLines({ spec, requestId, atMs }, result)];
    return lines.flatMap((line) => (line === undefined ? [] : [JSON.parse(line).type as string]));
  };
  assert.deepEqual(written("DEBUG"), ["platform.start", "platform.runtimeDone", "platform.report"]);
  assert.deepEqual(written("INFO"), ["platform.start", "platform.report"]);
  assert.deepEqual(written("WARN"), []);
});
