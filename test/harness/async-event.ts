/** Asynchronous events, settings and attempts as tests of the queue want them. */
import type { AsyncEvent, AsyncSettings, Attempt, NewEvent } from "../../src/events/async/event.ts";

export const acceptedAtMs = Date.UTC(2026, 0, 1);

export function asyncEvent(overrides: Partial<AsyncEvent> = {}): AsyncEvent {
  return {
    id: "0000000001-aa",
    requestId: "11111111-2222-4333-8444-555555555555",
    account: "000000000000",
    region: "us-east-1",
    functionName: "echo",
    traceHeader: "Root=1-00000000-000000000000000000000000",
    payloadBytes: 2,
    acceptedAtMs,
    dueAtMs: acceptedAtMs,
    invocations: 0,
    failures: 0,
    stage: { kind: "invoke" },
    ...overrides,
  };
}

export function newEvent(overrides: Partial<NewEvent> = {}): NewEvent {
  const { account, region, functionName, traceHeader, requestId } = asyncEvent();
  const payload = Buffer.from("{}");
  const rest = { qualifier: undefined, clientContext: undefined, payload };
  return { account, region, functionName, traceHeader, requestId, ...rest, ...overrides };
}

export function asyncSettings(overrides: Partial<AsyncSettings> = {}): AsyncSettings {
  return {
    retriesMax: 2,
    ageMsMax: 6 * 3600 * 1000,
    onSuccessArn: undefined,
    onFailureArn: undefined,
    deadLetterArn: undefined,
    ...overrides,
  };
}

export const succeeded: Attempt = {
  kind: "done",
  outcome: { kind: "success", payload: Buffer.from('"ok"') },
  executedVersion: "$LATEST",
  durationMs: 1,
};

export const failed: Attempt = {
  kind: "done",
  outcome: { kind: "function-error", payload: Buffer.from('{"errorMessage":"no"}'), errorType: "Error" },
  executedVersion: "$LATEST",
  durationMs: 1,
};
