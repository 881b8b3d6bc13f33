/**
 * Amazon CloudWatch Logs, as far as the users of Lambda need it: groups, streams, events, filters, retention.
 *
 * Beside its API it offers a `LogSink`, through which the runtime writes the lines of functions without a detour over
 * that API. Expired events are removed once an hour; they are out of sight the moment they expire.
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Random } from "../../base/random.ts";
import type { LogSink } from "../../runtime/contract.ts";
import type { Store } from "../../store/store.ts";
import type { OperationsOf, Service } from "../service.ts";
import type { Client } from "./context.ts";
import { Journal } from "./journal.ts";
import { eventOperations } from "./operations/events.ts";
import { groupOperations } from "./operations/groups.ts";
import { metricFilterOperations } from "./operations/metric-filters.ts";
import { refusedOperations } from "./operations/refused.ts";
import { streamOperations } from "./operations/streams.ts";
import { tagOperations } from "./operations/tags.ts";
import { LogsStore } from "./store.ts";

export interface LogsServiceDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface LogsService extends Service {
  readonly sink: LogSink;
}

const sweepMs = 3_600_000;
const dayMs = 86_400_000;

export function createLogs({
  clock,
  random,
  store: platformStore,
  logger,
  metrics,
}: LogsServiceDeps): LogsService {
  const store = new LogsStore(platformStore, clock, random);
  const dropped = metrics.counter(
    "lambdad_log_lines_dropped_total",
    "Log lines lost because the disk was too slow",
  );
  const journal = new Journal({ clock, logger, store, dropped });
  const deps = { clock, store, journal };

  const operations: OperationsOf<Client> = {
    ...groupOperations(deps),
    ...streamOperations(deps),
    ...eventOperations(deps),
    ...tagOperations(deps),
    ...metricFilterOperations,
    ...refusedOperations,
  };

  async function removeExpired(): Promise<void> {
    for await (const group of store.everyGroup()) {
      if (group.retentionDays !== undefined)
        await store.expire(group, clock.now() - group.retentionDays * dayMs);
    }
  }

  return {
    name: "cloudwatch-logs",
    operations,
    sink: {
      append: (stream, timestampMs, message) => journal.append(stream, timestampMs, message),
      get pendingBytes() {
        return journal.unwrittenBytes;
      },
    },
    async start() {
      const stopping = new AbortController();
      const sweeping = (async () => {
        while (!stopping.signal.aborted) {
          await removeExpired().catch((error: unknown) =>
            logger.error("expired log events were not removed", { error }),
          );
          await pause(clock, sweepMs, stopping.signal);
        }
      })();
      return async () => {
        stopping.abort();
        await sweeping;
        await journal.flush();
      };
    },
  };
}

/** Ends early, without an error, when `signal` aborts. */
function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = clock.after(ms, resolve);
    signal.addEventListener("abort", () => {
      timer.cancel();
      resolve();
    });
  });
}
