/**
 * What becomes of the records of each mapping that asks for it (MetricsConfig EventCount), as counters labelled with its
 * UUID. Source: lambda-map 15, Lambda's "Event source mapping metrics"; the names in the help texts are AWS's.
 *
 * A mapping's counters go on over its changes, and go away with it or with its asking.
 */
import type { Counter, Metrics } from "../../base/metrics.ts";

export interface EventCounts {
  of(uuid: string): MappingCounts;
  remove(uuid: string): void;
}

/** In records, not batches. */
export type MappingCounts = Readonly<Record<keyof typeof helps, Counter>>;

// inferred: what is filtered out does not count as deleted; attempts that are throttled, recursive or find no function
// count as invoked and failed.
const helps = {
  polled: "PolledEventCount: received",
  filtered: "FilteredOutEventCount: dropped by filters",
  invoked: "InvokedEventCount: given to the function, once for each attempt",
  failed: "FailedInvokeEventCount: of those, not accepted",
  deleted: "DeletedEventCount: accepted, and deleted from the queue",
} as const;

export function createEventCounts(metrics: Metrics): EventCounts {
  const family = (kind: keyof typeof helps) =>
    metrics.labelledCounter(`lambdad_mapping_events_${kind}_total`, helps[kind], "mapping");
  const families = {
    polled: family("polled"),
    filtered: family("filtered"),
    invoked: family("invoked"),
    failed: family("failed"),
    deleted: family("deleted"),
  };
  return {
    of(uuid) {
      const { polled, filtered, invoked, failed, deleted } = families;
      return {
        polled: polled.of(uuid),
        filtered: filtered.of(uuid),
        invoked: invoked.of(uuid),
        failed: failed.of(uuid),
        deleted: deleted.of(uuid),
      };
    },
    remove(uuid) {
      for (const counter of Object.values(families)) counter.remove(uuid);
    },
  };
}
