/**
 * What only the mappings of queues have, and what goes together there. Pure. Sources: lambda-map 2.4, 7.2, 7.3, the API
 * reference of ProvisionedPollerConfig. Ranges of single members are the model's.
 */
import {
  fifoBatchSizeMax,
  queuePollersMaxDefault,
  queuePollersMin,
  unwindowedBatchSizeMax,
} from "../../../limits.ts";
import { invalidParameter, unsupportedMember } from "../errors.ts";
import type { Input } from "../operation-types.ts";
import type { MappingSettings, MappingSource, PollerRange } from "./mapping.ts";

type EitherInput = Pick<Input<"UpdateEventSourceMapping">, "ProvisionedPollerConfig" | "MetricsConfig">;

/**
 * Undefined: none are provisioned, as after `{}`.
 * inferred: what one call leaves out is AWS's default, not the value before.
 */
export function pollersOf({ ProvisionedPollerConfig: config = {} }: EitherInput): PollerRange | undefined {
  if (config.PollerGroupName !== undefined) throw unsupportedMember("PollerGroupName");
  if (config.MinimumPollers === undefined && config.MaximumPollers === undefined) return undefined;
  const { MinimumPollers: min = queuePollersMin, MaximumPollers: max = queuePollersMaxDefault } = config;
  // inferred: the two texts.
  for (const [name, count] of Object.entries({ MinimumPollers: min, MaximumPollers: max })) {
    if (count < queuePollersMin) {
      throw invalidParameter(`${name} must be at least ${queuePollersMin} for SQS event source mappings.`);
    }
  }
  if (min > max) throw invalidParameter("MinimumPollers cannot be greater than MaximumPollers.");
  return { min, max };
}

/** The other metrics are Kafka's. */
export function countsEventsOf({ MetricsConfig }: EitherInput): boolean {
  const metrics = MetricsConfig?.Metrics ?? [];
  const foreign = metrics.find((metric) => metric !== "EventCount");
  // inferred: the text.
  if (foreign !== undefined) throw unsupportedMember(`MetricsConfig ${foreign}`);
  return metrics.length > 0;
}

export function checkQueue(settings: MappingSettings, { arn }: MappingSource): void {
  const { batchSize, windowSeconds, concurrencyMax, pollers } = settings;
  if (concurrencyMax !== undefined && pollers) {
    // inferred: the text; that they exclude each other is documented.
    throw invalidParameter("ScalingConfig and ProvisionedPollerConfig cannot be set at the same time.");
  }
  if (arn.endsWith(".fifo")) {
    // inferred: the two texts.
    if (batchSize > fifoBatchSizeMax) {
      throw invalidParameter(`Batch size for a FIFO queue cannot be greater than ${fifoBatchSizeMax}.`);
    }
    if (windowSeconds > 0) throw invalidParameter("Batching window is not supported for FIFO queues.");
  } else if (batchSize > unwindowedBatchSizeMax && windowSeconds === 0) {
    throw invalidParameter(
      `Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than ${unwindowedBatchSizeMax}`,
    );
  }
}
