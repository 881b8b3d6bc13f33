/** From an event source mapping's record to AWS's shape. Member sets: lambda-map 7.1; those of other sources are left out. */
import type { Mapping, MappingSettings, StreamSettings } from "./domain/mapping.ts";
import { mappingArn, transitionReason } from "./domain/mapping.ts";
import type { Output } from "./operation-types.ts";

type WireMapping = Output<"GetEventSourceMapping">;

export function mappingToWire(mapping: Mapping): WireMapping {
  const { id, source, settings } = mapping;
  return {
    UUID: id.uuid,
    EventSourceMappingArn: mappingArn(id),
    EventSourceArn: source.arn,
    FunctionArn: mapping.functionArn,
    State: mapping.state,
    StateTransitionReason: transitionReason(source),
    LastModified: new Date(mapping.lastModifiedAtMs),
    ...settingsToWire(settings),
    ...(settings.stream && { LastProcessingResult: "No records processed" }),
  };
}

function settingsToWire(settings: MappingSettings): Partial<WireMapping> {
  const { filters, concurrencyMax, pollers, stream } = settings;
  return {
    BatchSize: settings.batchSize,
    MaximumBatchingWindowInSeconds: settings.windowSeconds,
    FunctionResponseTypes: settings.reportsBatchItemFailures ? ["ReportBatchItemFailures"] : [],
    ...(filters.length > 0 && { FilterCriteria: { Filters: filters.map((Pattern) => ({ Pattern })) } }),
    ...(concurrencyMax !== undefined && { ScalingConfig: { MaximumConcurrency: concurrencyMax } }),
    ...(pollers && {
      ProvisionedPollerConfig: { MinimumPollers: pollers.min, MaximumPollers: pollers.max },
    }),
    ...(settings.countsEvents && { MetricsConfig: { Metrics: ["EventCount"] } }),
    ...(stream && streamToWire(stream)),
  };
}

function streamToWire(stream: StreamSettings): Partial<WireMapping> {
  const { startingPositionAtMs, onFailureArn } = stream;
  return {
    StartingPosition: stream.startingPosition,
    ...(startingPositionAtMs !== undefined && { StartingPositionTimestamp: new Date(startingPositionAtMs) }),
    ParallelizationFactor: stream.parallelizationFactor,
    BisectBatchOnFunctionError: stream.bisectsOnError,
    MaximumRecordAgeInSeconds: stream.recordAgeSecondsMax,
    MaximumRetryAttempts: stream.retriesMax,
    TumblingWindowInSeconds: stream.tumblingWindowSeconds,
    DestinationConfig: { OnFailure: onFailureArn === undefined ? {} : { Destination: onFailureArn } },
  };
}
