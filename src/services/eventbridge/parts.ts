/** What the operations of this service share. */
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { OperationsOf } from "../service.ts";
import type { Archives } from "./archives.ts";
import type { Buses } from "./buses.ts";
import type { TakeIn } from "./intake.ts";
import type { Replays } from "./replays.ts";
import type { RuleClock } from "./rule-clock.ts";
import type { Rules } from "./rules.ts";
import type { EventBridgeStore } from "./store.ts";

export type Client = typeof import("@aws-sdk/client-eventbridge");

/** Some of this service's operations. */
export type Some<Name extends keyof OperationsOf<Client>> = Pick<OperationsOf<Client>, Name>;

export interface EventBridgeParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: EventBridgeStore;
  readonly buses: Buses;
  readonly rules: Rules;
  readonly ruleClock: RuleClock;
  readonly archives: Archives;
  readonly replays: Replays;
  readonly takeIn: TakeIn;
}
