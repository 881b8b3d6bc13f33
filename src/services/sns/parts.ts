/** What the operations of this service share. */
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { Deliveries } from "./deliveries.ts";
import type { Outbox } from "./outbox.ts";
import type { SnsStore } from "./store.ts";
import type { Topics } from "./topics.ts";

export interface SnsParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: SnsStore;
  readonly topics: Topics;
  readonly deliveries: Deliveries;
  readonly outbox: Outbox;
}

export type Client = typeof import("@aws-sdk/client-sns");
