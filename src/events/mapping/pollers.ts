/**
 * One poller for each event source mapping of a queue that is enabled. A change ends the poller and begins another one with
 * the new settings; what was begun before goes on beside it.
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Metrics } from "../../base/metrics.ts";
import { mappingStopMs } from "../../limits.ts";
import type { Source } from "../ports.ts";
import type { Trail } from "../trail.ts";
import { createEventCounts } from "./event-counts.ts";
import type { MappedFunctions, PolledMapping } from "./port.ts";
import { createPollerCounters, QueuePoller } from "./queue-poller.ts";

export interface PollersDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly functions: MappedFunctions;
  readonly trail: Pick<Trail, "record">;
  readonly sourceOf: (arn: string) => Source | undefined;
}

/** Begins to poll; answers how to stop, which waits for batches that run, up to `mappingStopMs`. */
export async function pollMappings(deps: PollersDeps): Promise<() => Promise<void>> {
  const { clock, logger, functions } = deps;
  const pollerDeps = { ...deps, counters: createPollerCounters(deps.metrics) };
  const eventCounts = createEventCounts(deps.metrics);
  const pollers = new Map<string, QueuePoller>();
  const ending = new Set<Promise<void>>();
  const heardOf = new Set<string>();
  let isStopped = false;

  function set(uuid: string, mapping: PolledMapping | undefined): void {
    end(uuid);
    if (!mapping || isStopped) return;
    try {
      const counts = mapping.countsEvents ? eventCounts.of(uuid) : undefined;
      pollers.set(uuid, new QueuePoller(pollerDeps, mapping, counts));
    } catch (error) {
      logger.error("an event source mapping cannot be polled", { mapping: uuid, error });
    }
  }

  function end(uuid: string): void {
    const poller = pollers.get(uuid);
    if (!poller) return;
    pollers.delete(uuid);
    const ended = poller.stop().finally(() => ending.delete(ended));
    ending.add(ended);
  }

  functions.onChange((uuid, mapping, countsEvents) => {
    heardOf.add(uuid);
    if (!countsEvents) eventCounts.remove(uuid);
    set(uuid, mapping);
  });
  for await (const mapping of functions.enabled()) {
    // What has changed while they were listed is newer than the list.
    if (!heardOf.has(mapping.uuid)) set(mapping.uuid, mapping);
  }

  return async () => {
    isStopped = true;
    for (const uuid of [...pollers.keys()]) end(uuid);
    const patience = new AbortController();
    const enough = clock.sleep(mappingStopMs, patience.signal).catch(() => {});
    await Promise.race([Promise.all(ending), enough]);
    patience.abort();
  };
}
