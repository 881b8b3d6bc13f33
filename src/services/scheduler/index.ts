/** Amazon EventBridge Scheduler: all operations. Read `schedule-clock.ts` (what is due), then `runs.ts` (what happens then). */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Random } from "../../base/random.ts";
import { Agenda } from "../../events/agenda.ts";
import type { Deliver } from "../../events/ports.ts";
import { scheduleRunWidth } from "../../limits.ts";
import type { Store } from "../../store/store.ts";
import type { OperationsOf, Service, ServiceCall } from "../service.ts";
import type { Run } from "./domain/schedule-record.ts";
import { Groups } from "./groups.ts";
import { groupOperations } from "./operations/schedule-groups.ts";
import { scheduleOperations } from "./operations/schedules.ts";
import type { Client } from "./parts.ts";
import { createRun } from "./runs.ts";
import { ScheduleClock } from "./schedule-clock.ts";
import { SchedulerStore } from "./store.ts";
import { universalTargets } from "./universal-targets.ts";

export interface SchedulerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly deliver: Deliver;
  readonly call: ServiceCall;
  /** Names of those that universal targets may call; complete when the first request comes. */
  readonly services: () => readonly string[];
}

export interface SchedulerService extends Service {
  readonly operations: OperationsOf<Client>;
}

export function createScheduler(deps: SchedulerDeps): SchedulerService {
  const schedules = new SchedulerStore(deps.store);
  const universal = universalTargets(deps.services);
  const runs = new Agenda<Run>({
    ...deps,
    collection: "scheduler/run",
    concurrencyMax: scheduleRunWidth,
    perform: createRun({ ...deps, schedules, universal }),
  });
  const scheduleClock = new ScheduleClock({ ...deps, schedules, runs });
  const groups = new Groups({ ...deps, schedules, scheduleClock });
  const parts = { ...deps, schedules, scheduleClock, groups, universal };

  return {
    name: "scheduler",
    operations: { ...scheduleOperations(parts), ...groupOperations(parts) },
    async start() {
      const stops = [await runs.start(), await scheduleClock.start()];
      await groups.resume();
      return async () => {
        await Promise.all(stops.map((stop) => stop()));
        await groups.stop();
      };
    },
  };
}
