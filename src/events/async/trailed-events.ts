/** Asynchronous events, leaving their trail: each attempt at a function is shown to those who look on. */
import type { Clock } from "../../base/clock.ts";
import type { Flow, Trail } from "../trail.ts";
import { refusalOf } from "../trail.ts";
import type { AsyncEvent, AsyncEvents, AsyncFunctions, Attempt } from "./event.ts";
import { unqualifiedArn } from "./event.ts";

export interface TrailDeps {
  readonly clock: Clock;
  readonly trail: Pick<Trail, "record">;
}

export function trailedEvents(events: AsyncEvents, deps: TrailDeps): AsyncEvents {
  return {
    append: (made) => events.append(made),
    work: (functions) => events.work(trailedFunctions(functions, deps)),
  };
}

function trailedFunctions(functions: AsyncFunctions, { clock, trail }: TrailDeps): AsyncFunctions {
  return {
    settingsOf: (event) => functions.settingsOf(event),
    onPermitFree: (wake) => functions.onPermitFree(wake),
    async attempt(event, payload) {
      const atMs = clock.now();
      const startedMs = clock.monotonic();
      const attempt = await functions.attempt(event, payload);
      const tookMs = clock.monotonic() - startedMs;
      trail.record({ ...flowOf(event, atMs), tookMs, ...resultOf(attempt) });
      return attempt;
    },
  };
}

function flowOf(event: AsyncEvent, atMs: number) {
  const { qualifier, sourceArn, acceptedAtMs } = event;
  const arn = unqualifiedArn(event);
  return {
    atMs,
    kind: "attempt",
    sourceArn,
    targetArn: qualifier === undefined ? arn : `${arn}:${qualifier}`,
    records: 1,
    waitedMs: Math.max(0, atMs - acceptedAtMs),
  } as const;
}

export function resultOf(attempt: Attempt): Pick<Flow, "result" | "detail"> {
  switch (attempt.kind) {
    case "done":
      if (attempt.outcome.kind === "success") return { result: "ok" };
      return {
        result: "failed",
        detail: attempt.outcome.kind === "timeout" ? "timeout" : attempt.outcome.errorType,
      };
    case "throttled":
      return { result: "throttled" };
    case "system-error":
      return { ...refusalOf(attempt.error), result: "failed" };
    case "switched-off":
      return { result: "refused", detail: "reserved concurrency is 0" };
    case "recursive":
      return { result: "refused", detail: "recursive" };
    case "gone":
      return { result: "refused", detail: "there is no such function any more" };
  }
}
