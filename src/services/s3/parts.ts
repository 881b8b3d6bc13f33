/** What the operations of this service share. */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Random } from "../../base/random.ts";
import type { Deliver } from "../../events/ports.ts";
import type { Buckets } from "./buckets.ts";
import type { ObjectFiles } from "./files.ts";
import type { Objects } from "./objects.ts";
import type { RubbishClearer } from "./rubbish.ts";
import type { S3Store } from "./store.ts";

export interface S3Parts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly deliver: Deliver;
  readonly store: S3Store;
  readonly files: ObjectFiles;
  readonly buckets: Buckets;
  readonly objects: Objects;
  readonly rubbish: RubbishClearer;
}
