/** What the operations of this service share. */
import type { Clock } from "../../base/clock.ts";
import type { Mover } from "./mover.ts";
import type { Queues } from "./queues.ts";
import type { SqsStore } from "./store.ts";

export interface SqsParts {
  readonly clock: Clock;
  readonly store: SqsStore;
  readonly queues: Queues;
  readonly mover: Mover;
}
