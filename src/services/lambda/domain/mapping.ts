/**
 * Event source mappings: which source is read for which function, and how; and how a mapping's state moves. Pure.
 * Sources: lambda-map 2.3, 2.4, 7.1, 7.2. What a caller may ask for is in `mapping-settings.ts`.
 *
 *     Creating ─► Enabled ⇄ Disabled     each move through Enabling, Disabling or Updating; Deleting ─► gone
 */
import { formatArn } from "../../../base/arn.ts";
import { AwsError } from "../../../wire/aws-error.ts";
import { resourceConflict } from "../errors.ts";

export interface Mapping {
  readonly id: MappingId;
  /** As it was named: unqualified, or with a version or alias. Stays when the function is deleted. */
  readonly functionArn: string;
  readonly source: MappingSource;
  readonly settings: MappingSettings;
  readonly state: MappingState;
  readonly tags: Readonly<Record<string, string>>;
  readonly lastModifiedAtMs: number;
}

export interface MappingId {
  readonly account: string;
  readonly region: string;
  readonly uuid: string;
}

export interface MappingSource {
  readonly kind: "sqs" | "kinesis" | "dynamodb";
  readonly arn: string;
}

export type MappingState =
  | "Creating"
  | "Enabling"
  | "Enabled"
  | "Disabling"
  | "Disabled"
  | "Updating"
  | "Deleting";

export interface MappingSettings {
  readonly isEnabled: boolean;
  readonly batchSize: number;
  readonly windowSeconds: number;
  /** JSON patterns; a record that matches none of them is dropped. Empty: none is. */
  readonly filters: readonly string[];
  readonly reportsBatchItemFailures: boolean;
  /** Queues: at most so many invocations at once. */
  readonly concurrencyMax: number | undefined;
  /** Queues, in provisioned mode, which excludes `concurrencyMax`: so many batches may be under way at any time. */
  readonly pollers: PollerRange | undefined;
  /** Queues: MetricsConfig EventCount. */
  readonly countsEvents: boolean;
  /** Undefined for queues. */
  readonly stream: StreamSettings | undefined;
}

export interface PollerRange {
  readonly min: number;
  readonly max: number;
}

export interface StreamSettings {
  readonly startingPosition: "LATEST" | "TRIM_HORIZON" | "AT_TIMESTAMP";
  readonly startingPositionAtMs: number | undefined;
  readonly parallelizationFactor: number;
  readonly bisectsOnError: boolean;
  /** -1: as long as the stream keeps them. */
  readonly recordAgeSecondsMax: number;
  /** -1: until the record is too old. */
  readonly retriesMax: number;
  readonly tumblingWindowSeconds: number;
  readonly onFailureArn: string | undefined;
}

export function mappingArn({ account, region, uuid }: MappingId): string {
  return formatArn({ service: "lambda", region, account, resource: `event-source-mapping:${uuid}` });
}

/** Where a state leads by itself; undefined: nowhere; "gone": the record is to be removed. */
export function nextState({ state, settings }: Mapping): MappingState | "gone" | undefined {
  switch (state) {
    case "Creating":
    case "Enabling":
    case "Disabling":
    case "Updating":
      return settings.isEnabled ? "Enabled" : "Disabled";
    case "Deleting":
      return "gone";
    case "Enabled":
    case "Disabled":
      return undefined;
  }
}

/** The state of a mapping that is being given other settings. */
export function stateWhileChanging(before: MappingSettings, after: MappingSettings): MappingState {
  if (before.isEnabled === after.isEnabled) return "Updating";
  return after.isEnabled ? "Enabling" : "Disabling";
}

/** Changed or deleted it may be when its last change is done. recalled: the text. */
export function requireStable({ state }: Mapping, doing: "update" | "delete"): void {
  if (state === "Enabled" || state === "Disabled") return;
  throw new AwsError(
    "ResourceInUseException",
    `Cannot ${doing} the event source mapping because it is in use.`,
    { status: 400, members: { Type: "User" } },
  );
}

/** AWS says who moved it in two ways. Recorded. */
export function transitionReason({ kind }: MappingSource): string {
  return kind === "sqs" ? "USER_INITIATED" : "User action";
}

/** `uuid`: of the mapping that is there. */
export function alreadyMapped({ source, functionArn }: Mapping, uuid: string): AwsError {
  const name = functionArn.split(":")[6] ?? "";
  const rest = `Please update or delete the existing mapping with UUID ${uuid}`;
  return resourceConflict(
    source.kind === "sqs"
      ? `An event source mapping with SQS arn (" ${source.arn} ") and function (" ${name} ") already exists. ${rest}`
      : `The event source arn (" ${source.arn} ") and function (" ${name} ") provided mapping already exists. ${rest}`,
  );
}
