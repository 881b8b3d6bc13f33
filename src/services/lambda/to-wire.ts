/** From our records to AWS's shapes: one function per record, nothing decided. Member sets: lambda-map 1.3. */
import type { Alias } from "./domain/alias.ts";
import type { Configuration, Found, FunctionRecord, LayerUse, Lifecycle } from "./domain/function.ts";
import type { FunctionId } from "./domain/function-ref.ts";
import { arnOf, latest } from "./domain/function-ref.ts";
import { sha256Text } from "./domain/lifecycle.ts";
import type { Input, Output } from "./operation-types.ts";

export type WireConfiguration = Output<"GetFunctionConfiguration">;
type Runtime = Input<"CreateFunction">["Runtime"];
type WireState = Pick<
  WireConfiguration,
  | "State"
  | "StateReason"
  | "StateReasonCode"
  | "LastUpdateStatus"
  | "LastUpdateStatusReason"
  | "LastUpdateStatusReasonCode"
>;

/** `qualifier`: what the ARN ends with, if with anything. */
export function configurationToWire(
  id: FunctionId,
  found: Found,
  qualifier: string | undefined,
): WireConfiguration {
  const { configuration, lifecycle } = found.revision;
  return {
    ...listedToWire(id, found, qualifier),
    ...stateToWire(lifecycle),
    ...(configuration.runtimeVersionArn !== undefined && {
      RuntimeVersionConfig: { RuntimeVersionArn: configuration.runtimeVersionArn },
    }),
  };
}

/** As ListFunctions and ListVersionsByFunction show it: without states and runtime version. */
export function listedToWire(id: FunctionId, found: Found, qualifier: string | undefined): WireConfiguration {
  const { configuration, revisionId } = found.revision;
  return {
    FunctionName: id.name,
    FunctionArn: arnOf(id, qualifier),
    Runtime: configuration.runtime as Runtime,
    Role: configuration.role,
    Handler: configuration.handler,
    CodeSize: configuration.code.sizeBytes,
    Description: configuration.description,
    Timeout: configuration.timeoutSeconds,
    MemorySize: configuration.memoryMb,
    LastModified: timestampText(configuration.lastModifiedAtMs),
    CodeSha256: sha256Text(configuration.code),
    Version: found.version,
    ...(configuration.variables && { Environment: { Variables: { ...configuration.variables } } }),
    ...(configuration.deadLetterArn !== undefined && {
      DeadLetterConfig: { TargetArn: configuration.deadLetterArn },
    }),
    ...(configuration.layers.length > 0 && { Layers: configuration.layers.map(useToWire) }),
    TracingConfig: { Mode: configuration.tracing },
    RevisionId: revisionId,
    PackageType: "Zip",
    Architectures: [configuration.architecture],
    EphemeralStorage: { Size: configuration.ephemeralStorageMb },
    SnapStart: {
      ApplyOn: configuration.snapStart ? "PublishedVersions" : "None",
      OptimizationStatus: configuration.snapStart && found.version !== latest ? "On" : "Off",
    },
    LoggingConfig: loggingToWire(configuration),
  };
}

/** The published version as PublishVersion answers it. */
export function versionToWire(fn: FunctionRecord, number: number): WireConfiguration {
  const revision = fn.versions.find((version) => version.number === number) ?? fn.latest;
  return configurationToWire(fn.id, { version: String(number), revision }, String(number));
}

/** `$LATEST` under the function's unqualified ARN. */
export function latestToWire(fn: FunctionRecord): WireConfiguration {
  return configurationToWire(fn.id, { version: latest, revision: fn.latest }, undefined);
}

export function aliasToWire(id: FunctionId, alias: Alias): Output<"GetAlias"> {
  const { additional } = alias;
  return {
    AliasArn: arnOf(id, alias.name),
    Name: alias.name,
    FunctionVersion: alias.version,
    Description: alias.description,
    ...(additional && {
      RoutingConfig: { AdditionalVersionWeights: { [additional.version]: additional.weight } },
    }),
    RevisionId: alias.revisionId,
  };
}

function useToWire({ arn, code }: LayerUse) {
  return { Arn: arn, CodeSize: code.sizeBytes };
}

/** "2018-11-27T15:10:45.123+0000" */
export function timestampText(atMs: number): string {
  return new Date(atMs).toISOString().replace("Z", "+0000");
}

function loggingToWire(configuration: Configuration): WireConfiguration["LoggingConfig"] {
  const { logFormat, logLevels, logGroup } = configuration;
  return {
    LogFormat: logFormat,
    ...(logLevels && { ApplicationLogLevel: logLevels.application, SystemLogLevel: logLevels.system }),
    LogGroup: logGroup,
  };
}

// AWS uses the reason of a creation for updates, too. Recorded.
const underWayReason = "The function is being created.";

function stateToWire(lifecycle: Lifecycle): WireState {
  switch (lifecycle.kind) {
    case "pending":
    case "snapshotting":
      return { State: "Pending", StateReason: underWayReason, StateReasonCode: "Creating" };
    case "active":
      return { State: "Active", LastUpdateStatus: "Successful" };
    case "updating":
      return {
        State: "Active",
        LastUpdateStatus: "InProgress",
        LastUpdateStatusReason: underWayReason,
        // Recorded, although the model's enumeration lacks it.
        LastUpdateStatusReasonCode: "Creating" as WireState["LastUpdateStatusReasonCode"],
      };
    case "update-failed":
      return {
        State: "Active",
        LastUpdateStatus: "Failed",
        LastUpdateStatusReason: lifecycle.reason,
        LastUpdateStatusReasonCode: lifecycle.reasonCode,
      };
    case "failed":
      return {
        State: "Failed",
        StateReason: lifecycle.reason,
        StateReasonCode: lifecycle.reasonCode,
        LastUpdateStatus: "Failed", // inferred
        LastUpdateStatusReason: lifecycle.reason,
        LastUpdateStatusReasonCode: lifecycle.reasonCode,
      };
  }
}
