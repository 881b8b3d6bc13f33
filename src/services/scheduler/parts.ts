/** What the operations of this service share. */
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { OperationsOf } from "../service.ts";
import type { Groups } from "./groups.ts";
import type { ScheduleClock } from "./schedule-clock.ts";
import type { SchedulerStore } from "./store.ts";
import type { UniversalTargets } from "./universal-targets.ts";

export type Client = typeof import("@aws-sdk/client-scheduler");

/** Some of this service's operations. */
export type Some<Name extends keyof OperationsOf<Client>> = Pick<OperationsOf<Client>, Name>;

export interface SchedulerParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly schedules: SchedulerStore;
  readonly scheduleClock: ScheduleClock;
  readonly groups: Groups;
  readonly universal: UniversalTargets;
}
