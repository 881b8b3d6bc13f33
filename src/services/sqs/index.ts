/**
 * Amazon SQS: all operations, over JSON and the older query protocol. Read `queue.ts`, then `domain/queue-state.ts`.
 *
 * Beside its API, queues take events (`target.ts`) and are read by event source mappings (`source.ts`).
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Random } from "../../base/random.ts";
import type { Source, Target } from "../../events/ports.ts";
import { queueSweepMs } from "../../limits.ts";
import type { Store } from "../../store/store.ts";
import type { OperationsOf, Service } from "../service.ts";
import { Mover } from "./mover.ts";
import { accessOperations } from "./operations/access.ts";
import { moveTaskOperations } from "./operations/move-tasks.ts";
import { queueOperations } from "./operations/queues.ts";
import { receivingOperations } from "./operations/receiving.ts";
import { sendingOperations } from "./operations/sending.ts";
import { Queues } from "./queues.ts";
import { createSource } from "./source.ts";
import { SqsStore } from "./store.ts";
import { createTarget } from "./target.ts";
import type { Client } from "./to-wire.ts";

export interface SqsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface SqsService extends Service {
  readonly operations: OperationsOf<Client>;
  readonly target: Target;
  readonly source: Source;
  /** Long polls answer now, and no longer wait: the platform is about to stop. */
  endWaits(): void;
}

export function createSqs(deps: SqsDeps): SqsService {
  const { clock, logger } = deps;
  const store = new SqsStore(deps.store);
  const queues = new Queues({ ...deps, store });
  const mover = new Mover({ ...deps, store, queues });
  const parts = { clock, store, queues, mover };

  const operations: OperationsOf<Client> = {
    ...queueOperations(parts),
    ...sendingOperations(parts),
    ...receivingOperations(parts),
    ...moveTaskOperations(parts),
    ...accessOperations(parts),
  };

  return {
    name: "sqs",
    operations,
    target: createTarget(queues, logger),
    source: createSource(queues),
    endWaits: () => queues.endWaits(),
    async start() {
      await queues.resume();
      await mover.resume();
      const stopping = new AbortController();
      const sweeping = (async () => {
        while (!stopping.signal.aborted) {
          await clock.sleep(queueSweepMs, stopping.signal).catch(() => {});
          await queues.sweep().catch((error: unknown) => logger.error("expired messages stay", { error }));
        }
      })();
      return async () => {
        stopping.abort();
        await mover.stop();
        await sweeping;
        await queues.stop();
      };
    },
  };
}
