/**
 * One event of an environment as the subscriber's API and schema version have it: JSON texts, none, one or two.
 *
 * Pure. The Telemetry API's form is the event itself; the Logs API knows fewer events, with fewer fields. Source:
 * lambda-map 5.3, 5.4.
 */
import type { PlatformEvent } from "./platform-events.ts";
import type { Subscription } from "./telemetry-subscription.ts";

export type TelemetryEvent = PlatformTelemetry | LoggedTelemetry;

type PlatformTelemetry = PlatformEvent & { readonly atMs: number };

interface LoggedTelemetry {
  readonly atMs: number;
  readonly type: "function" | "extension";
  /** An object where a JSON log has one. */
  readonly record: string | Readonly<Record<string, unknown>>;
}

type Form = Pick<Subscription, "api" | "schemaVersion" | "types">;

export function recordsOf(event: TelemetryEvent, form: Form): readonly string[] {
  if (isLogged(event)) {
    if (!form.types.includes(event.type)) return [];
    const takesObjects = form.api === "telemetry" && form.schemaVersion >= "2022-12-13";
    const record =
      typeof event.record === "string" || takesObjects ? event.record : JSON.stringify(event.record);
    return [json(event.atMs, event.type, typeof record === "string" ? withoutNewline(record) : record)];
  }
  if (!form.types.includes("platform")) return [];
  if (form.api === "telemetry") return [json(event.atMs, event.type, event.record)];
  return ofLogsApi(event, form.schemaVersion);
}

function isLogged(event: TelemetryEvent): event is LoggedTelemetry {
  return event.type === "function" || event.type === "extension";
}

function ofLogsApi(event: PlatformTelemetry, schemaVersion: string): readonly string[] {
  const { atMs, type, record } = event;
  switch (type) {
    case "platform.start":
      return [json(atMs, type, { requestId: record.requestId, version: record.version })];
    case "platform.runtimeDone":
      // documented: of the second schema.
      if (schemaVersion < "2021-03-18") return [];
      return [json(atMs, type, { requestId: record.requestId, status: record.status })];
    case "platform.report": {
      const { requestId, metrics, status, errorType } = record;
      const fault = `RequestId: ${requestId} Process exited before completing request`;
      return [
        json(atMs, "platform.end", { requestId }),
        json(atMs, type, { requestId, metrics }),
        ...(status === "error" && errorType?.startsWith("Runtime.")
          ? [json(atMs, "platform.fault", fault)]
          : []),
      ];
    }
    case "platform.extension":
    case "platform.logsSubscription":
    case "platform.logsDropped":
      return [json(atMs, type, record)];
    case "platform.initStart":
    case "platform.initRuntimeDone":
    case "platform.initReport":
    case "platform.restoreStart":
    case "platform.restoreRuntimeDone":
    case "platform.restoreReport":
    case "platform.telemetrySubscription":
      return [];
  }
}

function json(atMs: number, type: string, record: unknown): string {
  return JSON.stringify({ time: new Date(atMs).toISOString(), type, record });
}

/** Where a line ended is no part of it. inferred for frames, which end in one too. */
function withoutNewline(line: string): string {
  return line.endsWith("\n") ? line.slice(0, -1) : line;
}
