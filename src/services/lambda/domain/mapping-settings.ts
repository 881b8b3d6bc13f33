/**
 * From the members of Create- and UpdateEventSourceMapping to a mapping's settings, with AWS's defaults and refusals per
 * kind of source. Pure. Sources: lambda-map 2.3, 2.4, 7.2.
 */
import { parseArn } from "../../../base/arn.ts";
import { filtersMax, recordAgeSecondsMin } from "../../../limits.ts";
import { invalidParameter, notSupportedYet, unsupportedMember } from "../errors.ts";
import type { Input } from "../operation-types.ts";
import { checkFilterPattern } from "./filter-pattern.ts";
import { checkQueue, countsEventsOf, pollersOf } from "./mapping-queue.ts";
import type { MappingSettings, MappingSource, StreamSettings } from "./mapping.ts";

export type CreateMappingInput = Input<"CreateEventSourceMapping">;
export type UpdateMappingInput = Input<"UpdateEventSourceMapping">;

/** Of a source that lambdad can read; Kafka, brokers and DocumentDB are refused by name. */
export function mappingSourceOf(input: CreateMappingInput): MappingSource {
  if (input.SelfManagedEventSource) throw notSupportedYet("SelfManagedEventSource");
  const arn = input.EventSourceArn ?? "";
  const service = parseArn(arn)?.service;
  const resource = parseArn(arn)?.resource ?? "";
  if (service === "sqs") return { kind: "sqs", arn };
  if (service === "kinesis" && resource.startsWith("stream/")) return { kind: "kinesis", arn };
  if (service === "dynamodb" && resource.includes("/stream/")) return { kind: "dynamodb", arn };
  if (service === "mq" && !input.SourceAccessConfigurations?.length) {
    throw invalidParameter("Required 'sourceAccessConfigurations' parameter is missing.");
  }
  const name = service === undefined ? undefined : laterSources[service];
  if (name !== undefined) throw notSupportedYet(`An event source mapping of ${name}`);
  throw invalidParameter("Unrecognized event source.");
}

const laterSources: Readonly<Record<string, string>> = {
  kafka: "Amazon MSK",
  mq: "Amazon MQ",
  rds: "Amazon DocumentDB",
};

export function newSettings(input: CreateMappingInput, source: MappingSource): MappingSettings {
  refuseKnobs(input, source);
  refuseForeign(input, source);
  const stream = source.kind === "sqs" ? undefined : newStream(input, source);
  const settings: MappingSettings = {
    isEnabled: input.Enabled ?? true,
    batchSize: input.BatchSize ?? (stream ? 100 : 10),
    windowSeconds: input.MaximumBatchingWindowInSeconds ?? 0,
    filters: filtersOf(input) ?? [],
    reportsBatchItemFailures: (input.FunctionResponseTypes ?? []).length > 0,
    concurrencyMax: input.ScalingConfig?.MaximumConcurrency,
    pollers: pollersOf(input),
    countsEvents: countsEventsOf(input),
    stream: stream && withStreamInput(stream, input),
  };
  checkTogether(settings, source);
  return settings;
}

/** Members that were not given stay as they are. */
export function changedSettings(
  before: MappingSettings,
  input: UpdateMappingInput,
  source: MappingSource,
): MappingSettings {
  refuseKnobs(input, source);
  refuseForeign(input, source);
  const settings: MappingSettings = {
    isEnabled: input.Enabled ?? before.isEnabled,
    batchSize: input.BatchSize ?? before.batchSize,
    windowSeconds: input.MaximumBatchingWindowInSeconds ?? before.windowSeconds,
    filters: filtersOf(input) ?? before.filters,
    reportsBatchItemFailures: input.FunctionResponseTypes
      ? input.FunctionResponseTypes.length > 0
      : before.reportsBatchItemFailures,
    concurrencyMax: input.ScalingConfig ? input.ScalingConfig.MaximumConcurrency : before.concurrencyMax,
    pollers: input.ProvisionedPollerConfig ? pollersOf(input) : before.pollers,
    countsEvents: input.MetricsConfig ? countsEventsOf(input) : before.countsEvents,
    stream: before.stream && withStreamInput(before.stream, input),
  };
  checkTogether(settings, source);
  return settings;
}

function newStream(input: CreateMappingInput, source: MappingSource): StreamSettings {
  const { StartingPosition: startingPosition, StartingPositionTimestamp: timestamp } = input;
  if (startingPosition === undefined) {
    // Recorded, with its full stop.
    throw invalidParameter(
      "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.",
    );
  }
  const isAtTimestamp = startingPosition === "AT_TIMESTAMP";
  if (isAtTimestamp && source.kind === "dynamodb") throw unsupportedPosition(source);
  if (isAtTimestamp !== (timestamp !== undefined)) {
    // inferred: the text.
    throw invalidParameter("StartingPositionTimestamp is required for, and only for, AT_TIMESTAMP.");
  }
  return {
    startingPosition,
    startingPositionAtMs: timestamp?.getTime(),
    parallelizationFactor: 1,
    bisectsOnError: false,
    recordAgeSecondsMax: -1,
    retriesMax: -1,
    tumblingWindowSeconds: 0,
    onFailureArn: undefined,
  };
}

type EitherInput = Omit<UpdateMappingInput, "UUID">;

function withStreamInput(before: StreamSettings, input: EitherInput): StreamSettings {
  const onFailure = input.DestinationConfig?.OnFailure;
  return {
    ...before,
    parallelizationFactor: input.ParallelizationFactor ?? before.parallelizationFactor,
    bisectsOnError: input.BisectBatchOnFunctionError ?? before.bisectsOnError,
    recordAgeSecondsMax: input.MaximumRecordAgeInSeconds ?? before.recordAgeSecondsMax,
    retriesMax: input.MaximumRetryAttempts ?? before.retriesMax,
    tumblingWindowSeconds: input.TumblingWindowInSeconds ?? before.tumblingWindowSeconds,
    onFailureArn: (onFailure ? onFailure.Destination : before.onFailureArn) || undefined,
  };
}

function refuseKnobs(input: EitherInput, source: MappingSource): void {
  if (input.KMSKeyArn) throw notSupportedYet("KMSKeyArn");
  if (input.LoggingConfig?.SystemLogLevel) throw notSupportedYet("LoggingConfig");
  if (source.kind === "sqs") return;
  if (input.MetricsConfig?.Metrics?.length) throw notSupportedYet("MetricsConfig");
  if (input.ProvisionedPollerConfig) throw notSupportedYet("ProvisionedPollerConfig");
}

/** Members that belong to other kinds of sources. Recorded for DestinationConfig, inferred for the rest. */
function refuseForeign(input: EitherInput & Partial<CreateMappingInput>, source: MappingSource): void {
  const members = source.kind === "sqs" ? ofStreams : ofQueues;
  for (const member of [...members, ...ofOthers]) {
    if (input[member] !== undefined) throw unsupportedMember(member);
  }
  if (source.kind === "sqs" && input.StartingPosition !== undefined) throw unsupportedPosition(source);
  if (input.DestinationConfig?.OnSuccess?.Destination) throw unsupportedMember("DestinationConfig");
}

const ofStreams = [
  "DestinationConfig",
  "ParallelizationFactor",
  "BisectBatchOnFunctionError",
  "MaximumRecordAgeInSeconds",
  "MaximumRetryAttempts",
  "TumblingWindowInSeconds",
] as const;
const ofQueues = ["ScalingConfig"] as const;
const ofOthers = [
  "Topics",
  "Queues",
  "SourceAccessConfigurations",
  "AmazonManagedKafkaEventSourceConfig",
  "SelfManagedKafkaEventSourceConfig",
  "DocumentDBEventSourceConfig",
] as const;

function unsupportedPosition({ arn }: MappingSource): Error {
  return invalidParameter(`Unsupported starting position for arn type: ${arn}`);
}

function checkTogether(settings: MappingSettings, source: MappingSource): void {
  if (source.kind === "sqs") checkQueue(settings, source);
  const age = settings.stream?.recordAgeSecondsMax ?? -1;
  if (age !== -1 && age < recordAgeSecondsMin) {
    // inferred: the text; the gap between -1 and 60 is documented.
    throw invalidParameter(
      `MaximumRecordAgeInSeconds must be -1 or at least ${recordAgeSecondsMin}, and is ${age}.`,
    );
  }
}

/** Undefined: none were given. `{}` takes all away. */
function filtersOf({ FilterCriteria }: EitherInput): readonly string[] | undefined {
  if (!FilterCriteria) return undefined;
  const patterns = (FilterCriteria.Filters ?? []).map(({ Pattern }) => Pattern ?? "");
  if (patterns.length > filtersMax) {
    // inferred: the text.
    throw invalidParameter(`The number of filters exceeds the limit of ${filtersMax}.`);
  }
  for (const pattern of patterns) checkFilterPattern(pattern);
  return patterns;
}
