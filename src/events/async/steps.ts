/**
 * One step of one event: run the function, or tell somebody how it ended. Answers what is to become of the event; the
 * queue writes it down. Changes nothing in the store itself.
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Random } from "../../base/random.ts";
import { asyncDeliveryAttemptsMax } from "../../limits.ts";
import type { Told } from "../destinations.ts";
import { deadLetterEvent, destinationEvent, qualifiedArn } from "../destinations.ts";
import { continued, lineageHash } from "../lineage.ts";
import type { Deliver } from "../ports.ts";
import type {
  AsyncEvent,
  AsyncFunctions,
  AsyncSettings,
  Attempt,
  Condition,
  Ending,
  Recipient,
  Stage,
} from "./event.ts";
import { unqualifiedArn } from "./event.ts";
import type { EventStore, Queued } from "./store.ts";
import type { Decide } from "./verdict.ts";
import { backoffMs, hasExpired } from "./verdict.ts";

/** What is to become of an event. */
export type Settled =
  /** The next step; `response`: what the function answered, if that is still to be told. */
  | { readonly kind: "again"; readonly event: AsyncEvent; readonly response?: string }
  | { readonly kind: "done"; readonly isSuccess: boolean }
  /** Given up, and nobody has been told: kept for inspection. */
  | { readonly kind: "failed"; readonly event: AsyncEvent; readonly reason: string }
  | { readonly kind: "dropped" };

export type Next =
  | Settled
  /** It did not run and is as it was. */
  | { readonly kind: "wait"; readonly untilMs: number; readonly isForPermit: boolean }
  /** It was killed because the platform stops: whoever comes next attempts it again. */
  | { readonly kind: "leave" };

export interface StepsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly store: Pick<EventStore, "payload" | "response">;
  readonly functions: AsyncFunctions;
  readonly deliver: Deliver;
  readonly verdict: Decide;
  readonly retryDelaysMs: readonly number[];
  readonly isStopping: () => boolean;
}

export interface StepFacts {
  /** Of the event, if it is in memory. */
  readonly payload: Uint8Array | undefined;
  /** Of its lane: `pace.ts`. */
  readonly stalls: number;
  /** Called when the function has run. */
  readonly onRan: (durationMs: number) => void;
}

export type Step = (queued: Queued, facts: StepFacts) => Promise<Next>;

type Delivering = Extract<Stage, { kind: "deliver" }>;

export function createSteps(deps: StepsDeps): Step {
  const { clock, functions, store, metrics } = deps;
  const counters = {
    ageMs: metrics.counter(
      "lambdad_async_event_age_ms_total",
      "Ages of events when they were attempted, summed",
    ),
    attempts: metrics.counter("lambdad_async_attempts_total", "Attempts that ran a function"),
    destination: metrics.counter(
      "lambdad_async_destination_delivery_failures_total",
      "Events that a destination did not take",
    ),
    deadLetter: metrics.counter(
      "lambdad_async_dead_letter_errors_total",
      "Events that a dead-letter queue did not take",
    ),
  };

  async function invoke(event: AsyncEvent, { payload, stalls, onRan }: StepFacts): Promise<Next> {
    const settings = await functions.settingsOf(event);
    if (hasExpired(event, settings, clock.now())) return ended(event, settings, "EventAgeExceeded");
    const startedMs = clock.now();
    const attempt = await functions.attempt(event, payload ?? (await store.payload(event)));
    if (attempt.kind === "done") {
      if (attempt.outcome.kind === "crash" && deps.isStopping()) return { kind: "leave" };
      onRan(attempt.durationMs);
      counters.attempts.add();
      counters.ageMs.add(startedMs - event.acceptedAtMs);
    }
    const nowMs = clock.now();
    const ran = { ...event, invocations: event.invocations + (attempt.kind === "done" ? 1 : 0) };
    const decision = deps.verdict(event, attempt, { ...deps, settings, stalls, nowMs });
    switch (decision.kind) {
      case "succeed":
        return ended(ran, settings, "Success", attempt);
      case "give-up":
        return ended(ran, settings, decision.condition, attempt);
      case "retry":
        return { kind: "again", event: { ...ran, failures: event.failures + 1, dueAtMs: decision.atMs } };
      case "wait":
        return decision;
      case "drop":
        return { kind: "dropped" };
    }
  }

  function ended(
    event: AsyncEvent,
    settings: AsyncSettings,
    condition: Condition,
    attempt?: Attempt,
  ): Settled {
    const to = recipientsOf(settings, condition);
    if (to.length === 0) {
      if (condition === "Success") return { kind: "done", isSuccess: true };
      return { kind: "failed", event, reason: condition };
    }
    const atMs = clock.now();
    const response = attempt?.kind === "done" ? attempt : undefined;
    const ending: Ending = {
      condition,
      atMs,
      ...(response && {
        response: {
          executedVersion: response.executedVersion,
          isFunctionError: response.outcome.kind !== "success",
        },
      }),
    };
    const next: AsyncEvent = { ...event, dueAtMs: atMs, stage: { kind: "deliver", ending, to, lost: [] } };
    if (!response) return { kind: "again", event: next };
    return { kind: "again", event: next, response: Buffer.from(response.outcome.payload).toString() };
  }

  async function tell(event: AsyncEvent, stage: Delivering, facts: StepFacts): Promise<Next> {
    const [recipient, ...rest] = stage.to;
    if (!recipient) return { kind: "done", isSuccess: stage.ending.condition === "Success" };
    const body = {
      payload: facts.payload ?? (await store.payload(event)),
      response: stage.ending.response && (await store.response(event)),
    };
    try {
      await send(event, stage.ending, recipient, body);
      return further(event, { ...stage, to: rest });
    } catch (error) {
      deps.logger.warn("the end of an asynchronous event was not delivered", { to: recipient.arn, error });
      const refusals = recipient.refusals + 1;
      if (refusals < asyncDeliveryAttemptsMax) {
        const to = [{ ...recipient, refusals }, ...rest];
        const dueAtMs = clock.now() + backoffMs(recipient.refusals);
        return { kind: "again", event: { ...event, dueAtMs, stage: { ...stage, to } } };
      }
      (recipient.as === "destination" ? counters.destination : counters.deadLetter).add();
      return further(event, { ...stage, to: rest, lost: [...stage.lost, recipient.arn] });
    }
  }

  function further(event: AsyncEvent, stage: Delivering): Settled {
    if (stage.to.length > 0) return { kind: "again", event: { ...event, dueAtMs: clock.now(), stage } };
    if (stage.lost.length === 0) return { kind: "done", isSuccess: stage.ending.condition === "Success" };
    return {
      kind: "failed",
      event: { ...event, stage },
      reason: `not delivered to ${stage.lost.join(", ")}`,
    };
  }

  function send(event: AsyncEvent, ending: Ending, { arn, as }: Recipient, body: Told): Promise<void> {
    const functionArn = unqualifiedArn(event);
    const delivered =
      as === "destination"
        ? destinationEvent(event, ending, { ...body, toArn: arn, uuid: deps.random.uuid() })
        : deadLetterEvent(event, ending, body);
    return deps.deliver(arn, delivered, {
      account: event.account,
      region: event.region,
      principal: "lambda.amazonaws.com",
      sourceArn: qualifiedArn(event),
      traceHeader: continued(event.traceHeader, lineageHash(functionArn)).traceHeader,
    });
  }

  return ({ event }, facts) =>
    event.stage.kind === "invoke" ? invoke(event, facts) : tell(event, event.stage, facts);
}

/** Both may be set for failures, and both are told. */
function recipientsOf(settings: AsyncSettings, condition: Condition): Recipient[] {
  const { onSuccessArn, onFailureArn, deadLetterArn } = settings;
  const destination = condition === "Success" ? onSuccessArn : onFailureArn;
  const to: Recipient[] = [];
  if (destination !== undefined) to.push({ arn: destination, as: "destination", refusals: 0 });
  if (condition !== "Success" && deadLetterArn !== undefined) {
    to.push({ arn: deadLetterArn, as: "dead-letter", refusals: 0 });
  }
  return to;
}
