import assert from "node:assert/strict";
import { test } from "node:test";
import { applicationLine } from "./application-lines.ts";
import type { LineFormat } from "./platform-lines.ts";

const atMs = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
const now = "2026-01-02T03:04:05.006Z";
const at = (application: NonNullable<LineFormat["logLevels"]>["application"]): LineFormat => ({
  logFormat: "JSON",
  logLevels: { application, system: "INFO" },
});
const own = '{"timestamp":"2024-01-01T00:00:00Z","level":"WARN","message":"m"}\n';

/** What is printed, the function's log settings, and the line that is kept; undefined: none. */
const lines: readonly (readonly [string, string, LineFormat, string | undefined])[] = [
  ["text logs are not looked into", own, { logFormat: "Text" }, own],
  ["a line that is no JSON passes every level", "plain\n", at("FATAL"), "plain\n"],
  ["nor does a list have a level", "[1]\n", at("FATAL"), "[1]\n"],
  ["nor what only begins like an object", "{no\n", at("FATAL"), "{no\n"],
  ["a whole line stays as it is, to the byte", own, at("INFO"), own],
  ["at its own level it is kept", own, at("WARN"), own],
  ["above it it is not", own, at("ERROR"), undefined],
  [
    "Python's name of a level is known",
    own.replace("WARN", "WARNING"),
    at("WARN"),
    own.replace("WARN", "WARNING"),
  ],
  ["and is below ERROR", own.replace("WARN", "WARNING"), at("ERROR"), undefined],
  ["lower case counts", own.replace("WARN", "warn"), at("ERROR"), undefined],
  [
    "without a level it is INFO, without a time it is now",
    '{"message":"m"}\n',
    at("INFO"),
    `{"timestamp":"${now}","level":"INFO","message":"m"}\n`,
  ],
  ["and may be too low", '{"message":"m"}\n', at("WARN"), undefined],
  ["the level is INFO where none is configured", '{"level":"DEBUG"}\n', { logFormat: "JSON" }, undefined],
  [
    "a level that does not exist is INFO",
    '{"level":"LOUD","timestamp":"2024-01-01T00:00:00+01:00"}\n',
    at("INFO"),
    '{"timestamp":"2024-01-01T00:00:00+01:00","level":"INFO"}\n',
  ],
  [
    "a time that is not RFC 3339's is replaced",
    '{"level":"ERROR","timestamp":"yesterday","a":1}\n',
    at("INFO"),
    `{"timestamp":"${now}","level":"ERROR","a":1}\n`,
  ],
];

for (const [name, printed, format, kept] of lines) {
  test(name, () => {
    assert.equal(applicationLine(printed, format, atMs)?.text, kept);
  });
}

test("an event whose level the runtime has named stays as it is, or goes, by that level", () => {
  const event = '{"log_level":"ERROR","errorMessage":"m"}';
  assert.deepEqual(applicationLine(event, at("ERROR"), atMs, 4), { text: event, fields: JSON.parse(event) });
  assert.equal(applicationLine(event, at("FATAL"), atMs, 4), undefined);
});

test("so does one that is no JSON, although it is called so", () => {
  assert.deepEqual(applicationLine("LAMBDA_WARNING: …\r", at("WARN"), atMs, 3), {
    text: "LAMBDA_WARNING: …\r",
  });
  assert.equal(applicationLine("LAMBDA_WARNING: …\r", at("ERROR"), atMs, 3), undefined);
});

test("an object is handed on as one, for telemetry", () => {
  assert.deepEqual(applicationLine(own, at("INFO"), atMs)?.fields, JSON.parse(own));
  assert.equal(applicationLine("plain\n", at("INFO"), atMs)?.fields, undefined);
});
