/**
 * Carries runs out: sends the target its payload, and decides about failures: again later, or to the dead-letter queue. A
 * run is durable from the moment its schedule fell due until it has ended; then a schedule whose last run it was deletes
 * itself, if it is to.
 */
import type { Clock } from "../../base/clock.ts";
import { describeError, type Logger } from "../../base/logger.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Random } from "../../base/random.ts";
import { newTraceHeader } from "../../base/trace.ts";
import type { Item, Settled } from "../../events/agenda.ts";
import { failureOf, verdict } from "../../events/delivery-verdict.ts";
import type { Deliver } from "../../events/ports.ts";
import type { Write } from "../../store/store.ts";
import { AwsError } from "../../wire/aws-error.ts";
import type { ServiceCall } from "../service.ts";
import { apiRequestOf, payloadOf, timeText } from "./domain/request.ts";
import { type Execution, type Run, scheduleArn } from "./domain/schedule-record.ts";
import { inputOf, universalOf } from "./domain/universal.ts";
import type { SchedulerStore } from "./store.ts";
import type { UniversalTargets } from "./universal-targets.ts";

export interface RunsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly schedules: SchedulerStore;
  readonly deliver: Deliver;
  readonly call: ServiceCall;
  readonly universal: UniversalTargets;
}

export function createRun(deps: RunsDeps): (item: Item<Run>) => Promise<Settled<Run>> {
  const { clock, logger, metrics, schedules } = deps;
  const counters = {
    attempts: metrics.counter("lambdad_scheduler_attempts_total", "Runs of schedules that were attempted"),
    errors: metrics.counter("lambdad_scheduler_errors_total", "Attempts that a target refused"),
    dropped: metrics.counter("lambdad_scheduler_dropped_total", "Runs that were given up"),
  };

  return async ({ value: run, id }) => {
    const { executionId, attempts } = run;
    const execution = await schedules.execution(executionId);
    if (!execution) return {};
    const payload = payloadOf(execution, { executionId, number: attempts + 1 });
    counters.attempts.add();
    try {
      await send(execution, payload);
    } catch (error) {
      counters.errors.add();
      const failure = failureOf(error);
      const facts = {
        attempts,
        sinceMs: execution.startedMs,
        nowMs: clock.now(),
        jitter: deps.random.float(),
      };
      const decision = verdict(failure, execution.target.retry, facts);
      if (decision.kind === "retry") {
        return { next: { dueAtMs: decision.atMs, id, value: { ...run, attempts: attempts + 1 } } };
      }
      counters.dropped.add();
      logger.warn("a schedule's target was not reached", {
        schedule: scheduleArn(execution.schedule),
        target: execution.target.arn,
        error: describeError(error),
      });
      const attributes = {
        ERROR_CODE: error instanceof AwsError ? (error.query.code ?? error.code) : failure.code,
        ERROR_MESSAGE: failure.message.slice(0, 1024),
        ...(decision.exhausted && { EXHAUSTED_RETRY_CONDITION: decision.exhausted }),
      };
      await bury(execution, payload, {
        ...attributes,
        EXECUTION_ID: executionId,
        RETRY_ATTEMPTS: String(attempts),
      });
    }
    return { writes: [schedules.removeExecution(executionId), ...(await selfRemoval(execution))] };
  };

  async function send(execution: Execution, payload: string): Promise<void> {
    const { target, schedule } = execution;
    const universal = universalOf(target.arn);
    if (!universal) {
      const { groupId, event } = target;
      await deps.deliver(
        target.arn,
        {
          body: Buffer.from(payload),
          ...(groupId !== undefined && { groupId }),
          ...(event && { envelope: { ...event, resources: [] } }),
        },
        senderOf(execution),
      );
      return;
    }
    const { service, operation } = deps.universal.find(universal);
    const request = JSON.parse(payload) as Record<string, unknown>;
    const { account, region } = schedule;
    const caller = { account, region, principal: "scheduler.amazonaws.com" };
    await deps.call(caller, service, operation.name, inputOf(operation, request));
  }

  async function bury(execution: Execution, payload: string, reasons: Readonly<Record<string, string>>) {
    const { target, schedule, scheduledMs } = execution;
    if (target.deadLetterArn === undefined) return;
    const request = apiRequestOf(execution, payload);
    const attributes: Record<string, string> = {
      ...reasons,
      IS_PAYLOAD_TRUNCATED: "false",
      SCHEDULED_TIME: timeText(scheduledMs),
      SCHEDULE_ARN: scheduleArn(schedule),
      TARGET_ARN: request.targetArn,
    };
    const entries = Object.entries(attributes).map(([name, value]) => [name, { type: "String", value }]);
    try {
      await deps.deliver(
        target.deadLetterArn,
        { body: Buffer.from(request.body), attributes: Object.fromEntries(entries) },
        senderOf(execution),
      );
    } catch (error) {
      logger.error("a dead-letter queue did not take a run, which is lost", {
        queue: target.deadLetterArn,
        error: describeError(error),
      });
    }
  }

  function senderOf({ schedule }: Execution) {
    const { account, region } = schedule;
    return {
      account,
      region,
      principal: "scheduler.amazonaws.com",
      sourceArn: scheduleArn(schedule),
      traceHeader: newTraceHeader(clock, deps.random),
    };
  }

  /** Unless it was changed meanwhile. */
  async function selfRemoval({ schedule, lastOf }: Execution): Promise<readonly Write[]> {
    if (lastOf === undefined) return [];
    const stored = await schedules.schedule(schedule);
    return stored?.value.id === lastOf ? [schedules.removeSchedule(schedule, stored.version)] : [];
  }
}
