/**
 * Performs deliveries: looks up what the targets are now, sends each the event in its shape, and decides about those that
 * failed: again later, or to the dead-letter queue. Each item of the agenda is one event and those who are still to get it.
 */
import type { Clock } from "../../base/clock.ts";
import { describeError, type Logger } from "../../base/logger.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Random } from "../../base/random.ts";
import type { Item, Settled } from "../../events/agenda.ts";
import type { Deliver } from "../../events/ports.ts";
import type { Write } from "../../store/store.ts";
import { ruleArn } from "./domain/names.ts";
import type { Pending, Recipient } from "./domain/pending.ts";
import { type Exhausted, type Failure, failureOf, verdict } from "../../events/delivery-verdict.ts";
import type { RuleRecord, TargetRecord } from "./domain/rule.ts";
import type { HeldEvents } from "./held-events.ts";
import type { Rules } from "./rules.ts";
import type { EventBridgeStore } from "./store.ts";

/** One event for one target. */
export interface Dispatch {
  readonly rule: RuleRecord;
  readonly target: TargetRecord;
  /** The event. */
  readonly text: string;
  readonly pending: Pending;
}

/** What another bus took; to be committed with the end of the delivery. */
export interface Onward {
  readonly writes: readonly Write[];
  readonly committed: () => void;
}

export type Send = (dispatch: Dispatch) => Promise<Onward | undefined>;

export interface OutboxDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly store: EventBridgeStore;
  readonly rules: Rules;
  readonly held: HeldEvents;
  readonly deliver: Deliver;
  readonly send: Send;
}

type Result =
  | { readonly kind: "done"; readonly onward?: Onward | undefined }
  /** `isUntried`: this was no attempt. */
  | {
      readonly kind: "retry";
      readonly recipient: Recipient;
      readonly atMs: number;
      readonly isUntried: boolean;
    };

export function createPerform(deps: OutboxDeps): (item: Item<Pending>) => Promise<Settled<Pending>> {
  const { clock, logger, metrics, store, rules, held } = deps;
  const counters = {
    delivered: metrics.counter("lambdad_eventbridge_delivered_total", "Events that targets took"),
    failed: metrics.counter("lambdad_eventbridge_failed_total", "Events that targets will not get"),
    retried: metrics.counter("lambdad_eventbridge_retries_total", "Deliveries to be tried again"),
    deadLetters: metrics.counter(
      "lambdad_eventbridge_dead_letters_total",
      "Events sent to dead-letter queues",
    ),
  };

  async function one(recipient: Recipient, text: string, pending: Pending): Promise<Result> {
    const rule = await rules.find(recipient);
    const target = rule?.targets.find(({ id }) => id === recipient.targetId);
    // It was removed meanwhile: nobody is to get it.
    if (!rule || !target) return { kind: "done" };
    const dispatch = { rule, target, text, pending };
    try {
      const onward = await deps.send(dispatch);
      counters.delivered.add();
      return { kind: "done", onward };
    } catch (error) {
      return failed(dispatch, recipient, error);
    }
  }

  async function failed(dispatch: Dispatch, recipient: Recipient, error: unknown): Promise<Result> {
    const { rule, target, pending } = dispatch;
    const failure = failureOf(error);
    const { attempts, ingestedAtMs } = pending;
    const facts = { attempts, sinceMs: ingestedAtMs, nowMs: clock.now(), jitter: deps.random.float() };
    const decision = verdict(failure, target.retry, facts);
    const about = {
      rule: ruleArn(rule),
      target: target.arn,
      attempt: attempts + 1,
      error: describeError(error),
    };
    if (decision.kind === "retry") {
      counters.retried.add();
      logger.debug("an event was not delivered, and is tried again", about);
      return { kind: "retry", recipient, atMs: decision.atMs, isUntried: failure.isUntried ?? false };
    }
    counters.failed.add();
    logger.warn("an event was not delivered", about);
    await bury(dispatch, failure, decision.exhausted);
    return { kind: "done" };
  }

  /** To the dead-letter queue, the event as it came, and why. */
  async function bury(
    { rule, target, text, pending }: Dispatch,
    failure: Failure,
    exhausted: Exhausted | undefined,
  ) {
    const { deadLetterArn } = target;
    if (deadLetterArn === undefined) return;
    const attributes: Record<string, string> = {
      RULE_ARN: ruleArn(rule),
      TARGET_ARN: target.arn,
      ERROR_CODE: failure.code,
      ERROR_MESSAGE: failure.message.slice(0, 1024),
      ...(exhausted && { EXHAUSTED_RETRY_CONDITION: exhausted }),
      RETRY_ATTEMPTS: String(pending.attempts),
    };
    const entries = Object.entries(attributes).map(([name, value]) => [name, { type: "String", value }]);
    try {
      await deps.deliver(
        deadLetterArn,
        { body: Buffer.from(text), attributes: Object.fromEntries(entries) },
        senderOf({ rule, pending }),
      );
      counters.deadLetters.add();
    } catch (error) {
      logger.error("a dead-letter queue did not take an event, which is lost", {
        queue: deadLetterArn,
        error,
      });
    }
  }

  return async ({ value: pending }) => {
    const { eventKey, attempts, to } = pending;
    const text = held.take(eventKey) ?? (await store.event(eventKey));
    if (text === undefined) return {};
    const results = await Promise.all(to.map((recipient) => one(recipient, text, pending)));
    const onward = results.flatMap((result) =>
      result.kind === "done" && result.onward ? [result.onward] : [],
    );
    const writes = onward.flatMap((each) => each.writes);
    const committed = () => onward.forEach((each) => each.committed());
    const retries = results.filter((result) => result.kind === "retry");
    if (retries.length === 0) return { writes: [...writes, store.removeEvent(eventKey)], committed };
    const dueAtMs = Math.min(...retries.map(({ atMs }) => atMs));
    const value = {
      ...pending,
      to: retries.map(({ recipient }) => recipient),
      attempts: retries.every(({ isUntried }) => isUntried) ? attempts : attempts + 1,
    };
    return { writes, committed, next: { dueAtMs, id: eventKey, value } };
  };
}

/** In whose name a rule sends. */
export function senderOf({ rule, pending }: Pick<Dispatch, "rule" | "pending">) {
  return {
    account: rule.account,
    region: rule.region,
    principal: "events.amazonaws.com",
    sourceArn: ruleArn(rule),
    traceHeader: pending.traceHeader,
  };
}
