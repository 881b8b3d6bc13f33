/**
 * Amazon S3: buckets and objects. Read `objects.ts` (every change of an object), `files.ts` (its bytes), `store.ts` (its
 * records), `outbox.ts` (what a bucket tells others).
 *
 * Beside its API, buckets take events (`target.ts`).
 */
import type { Clock } from "../../base/clock.ts";
import type { Disk } from "../../base/disk.ts";
import type { Logger } from "../../base/logger.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Random } from "../../base/random.ts";
import type { Deliver, Target } from "../../events/ports.ts";
import type { Store } from "../../store/store.ts";
import { s3SweepMs, scrubPauseMs } from "../../limits.ts";
import type { OperationsOf, Service } from "../service.ts";
import { Buckets } from "./buckets.ts";
import { VersionTokens } from "./domain/version-token.ts";
import { ObjectFiles } from "./files.ts";
import { Guard, guarded } from "./guard.ts";
import { Lifecycle } from "./lifecycle.ts";
import { Objects } from "./objects.ts";
import { accessOperations } from "./operations/access.ts";
import { bucketOperations } from "./operations/buckets.ts";
import { copyOperations } from "./operations/copies.ts";
import { deleteOperations } from "./operations/deletes.ts";
import { listOperations } from "./operations/lists.ts";
import { multipartOperations } from "./operations/multipart.ts";
import { notificationOperations } from "./operations/notifications.ts";
import { objectSettingsOperations } from "./operations/object-settings.ts";
import { objectOperations } from "./operations/objects.ts";
import { refused, unsetOperations } from "./operations/refused.ts";
import { settingsOperations } from "./operations/settings.ts";
import { Outbox } from "./outbox.ts";
import { RubbishClearer } from "./rubbish.ts";
import { Scrub } from "./scrub.ts";
import { S3Store } from "./store.ts";

import { createTarget } from "./target.ts";
import { createOriginRules } from "./pages.ts";
import { createUpload } from "./post-form.ts";
import type { Client } from "./to-wire.ts";
import { Uploads } from "./uploads.ts";
import { createWebsite } from "./website.ts";

export interface S3Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly disk: Disk;
  /** Where the bytes of objects are kept; made if missing. */
  readonly dir: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly deliver: Deliver;
  /** Whether signatures are verified; without that everybody may do everything. */
  readonly secure: boolean;
}

export interface S3Service extends Service {
  readonly operations: OperationsOf<Client>;
  readonly target: Target;
}

export function createS3(deps: S3Deps): S3Service {
  const { clock, logger } = deps;
  const store = new S3Store(deps.store);
  const files = new ObjectFiles(deps);
  const tokens = new VersionTokens(deps);
  const buckets = new Buckets({ ...deps, store });
  const outbox = new Outbox({ ...deps, store, tokens });
  const rubbish = new RubbishClearer({ store, files, logger });
  const objects = new Objects({ ...deps, store, buckets, files, tokens, outbox, rubbish });
  const uploads = new Uploads({ ...deps, store, buckets, files, objects, tokens, rubbish });
  const lifecycle = new Lifecycle({ ...deps, store, objects, uploads });
  const scrub = new Scrub({ ...deps, store, files });
  const guard = new Guard({ ...deps, buckets, objects });
  const parts = { ...deps, store, files, buckets, objects, rubbish, uploads, guard };

  const operations: OperationsOf<Client> = {
    ...bucketOperations(parts),
    ...settingsOperations(parts),
    ...accessOperations(parts),
    ...notificationOperations(parts),
    ...objectOperations(parts),
    ...objectSettingsOperations(parts),
    ...deleteOperations(parts),
    ...copyOperations(parts),
    ...listOperations(parts),
    ...multipartOperations(parts),
    ...unsetOperations(parts),
    ...refused,
  };

  return {
    name: "s3",
    operations: guarded(guard, operations),
    admitsAnonymous: true,
    origins: createOriginRules(buckets),
    upload: createUpload(parts),
    web: createWebsite(parts),
    target: createTarget(parts),
    async start() {
      await files.open();
      await buckets.resume();
      rubbish.wake();
      outbox.resume();
      const stopping = new AbortController();
      const { signal } = stopping;
      const isNamed = async (file: string) => (await store.files.get([file])) !== undefined;
      const sweeping = files.sweep(isNamed, signal).then(
        (removed) =>
          removed > 0 && logger.info("removed what a crash had left of uploads", { files: removed }),
        (error: unknown) => logger.warn("files that no object has may have been left", { error }),
      );
      const loops = [
        repeat(s3SweepMs, signal, () => lifecycle.sweep(signal)),
        repeat(scrubPauseMs, signal, () => scrub.pass(signal)),
      ];
      return async () => {
        stopping.abort();
        await Promise.all([sweeping, ...loops]);
        await outbox.stop();
        await rubbish.stop();
      };
    },
  };

  async function repeat(everyMs: number, signal: AbortSignal, work: () => Promise<unknown>): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(everyMs, signal).catch(() => {});
      if (signal.aborted) return;
      await work().catch((error: unknown) =>
        logger.warn("S3's background work will be done later", { error }),
      );
    }
  }
}
