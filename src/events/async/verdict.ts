/**
 * Decides what happens to an asynchronous event after one attempt. Pure: takes the event, what became of the attempt and
 * the time, returns a verdict; the queue does the I/O. Source: lambda-map 6.2, 6.3.
 *
 * Only the function's own errors use up retries. What we could not run waits, longer each time, until the event is too
 * old: it keeps its place, and nothing is written.
 */
import { asyncBackoffMsMax, asyncBackoffMsMin } from "../../limits.ts";
import type { AsyncEvent, AsyncSettings, Attempt, Condition } from "./event.ts";

export type Verdict =
  | { readonly kind: "succeed" }
  /** The function failed and is asked again. */
  | { readonly kind: "retry"; readonly atMs: number }
  /** It did not run. `isForPermit`: a free permit is reason enough to try earlier. */
  | { readonly kind: "wait"; readonly untilMs: number; readonly isForPermit: boolean }
  | { readonly kind: "give-up"; readonly condition: Exclude<Condition, "Success"> }
  /** Nobody is left who could take it. */
  | { readonly kind: "drop" };

export interface Situation {
  readonly settings: Pick<AsyncSettings, "retriesMax" | "ageMsMax">;
  /** Attempts of this function's events before this one that did not run, one after the other. */
  readonly stalls: number;
  /** How long to wait after the first failure, the second, …; the last for all further ones. */
  readonly retryDelaysMs: readonly number[];
  readonly nowMs: number;
}

export type Decide = (event: AsyncEvent, attempt: Attempt, situation: Situation) => Verdict;

export const verdict: Decide = (event, attempt, situation) => {
  const isTooOld = hasExpired(event, situation.settings, situation.nowMs);
  switch (attempt.kind) {
    case "gone":
      return { kind: "drop" };
    case "switched-off":
      return { kind: "give-up", condition: "ZeroReservedConcurrency" };
    case "recursive":
      return { kind: "give-up", condition: "RecursiveInvocation" };
    case "throttled":
    case "system-error":
      if (isTooOld) return { kind: "give-up", condition: "EventAgeExceeded" };
      return wait(event, attempt.kind === "throttled", situation);
    case "done":
      if (attempt.outcome.kind === "success") return { kind: "succeed" };
      if (isTooOld) return { kind: "give-up", condition: "EventAgeExceeded" };
      return retry(event, situation);
  }
};

/** Such an event is given up without another attempt. */
export function hasExpired(
  { acceptedAtMs }: AsyncEvent,
  { ageMsMax }: Pick<AsyncSettings, "ageMsMax">,
  nowMs: number,
): boolean {
  return nowMs - acceptedAtMs >= ageMsMax;
}

/** 1 s, 2 s, 4 s, … 5 minutes. */
export function backoffMs(stalls: number): number {
  return Math.min(asyncBackoffMsMax, asyncBackoffMsMin * 2 ** Math.min(stalls, 30));
}

function retry(event: AsyncEvent, { settings, retryDelaysMs, nowMs }: Situation): Verdict {
  if (event.failures >= settings.retriesMax) return { kind: "give-up", condition: "RetriesExhausted" };
  const delayMs = retryDelaysMs[event.failures] ?? retryDelaysMs.at(-1) ?? 0;
  return { kind: "retry", atMs: nowMs + delayMs };
}

/** No longer than until it is too old: then it is to be given up in time. */
function wait(event: AsyncEvent, isForPermit: boolean, { settings, stalls, nowMs }: Situation): Verdict {
  const untilMs = Math.min(nowMs + backoffMs(stalls), event.acceptedAtMs + settings.ageMsMax);
  return { kind: "wait", untilMs, isForPermit };
}
