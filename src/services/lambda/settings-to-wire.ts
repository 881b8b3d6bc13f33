/** From the records of settings to AWS's shapes: one function per record, nothing decided. Member sets: lambda-map 1.3, 7.1. */
import type { CodeSigningConfig } from "./domain/code-signing.ts";
import { codeSigningArn } from "./domain/code-signing.ts";
import type { EventInvokeConfig } from "./domain/event-invoke.ts";
import type { FunctionId } from "./domain/function-ref.ts";
import { arnOf } from "./domain/function-ref.ts";
import type { FunctionUrl, UrlCors } from "./domain/function-url.ts";
import { timestampText } from "./to-wire.ts";
import { functionUrlOf, type ReachedAt } from "./domain/function-url.ts";
import type { RuntimeManagement } from "./domain/runtime-management.ts";
import type { ProvisionedConcurrency } from "./domain/provisioned.ts";
import type { ProvisioningState } from "./provisioning.ts";
import type { Output } from "./operation-types.ts";

export function eventInvokeToWire(
  id: FunctionId,
  qualifier: string,
  config: EventInvokeConfig,
): Output<"GetFunctionEventInvokeConfig"> {
  const { retriesMax, ageSecondsMax, onSuccessArn, onFailureArn } = config;
  return {
    LastModified: new Date(config.lastModifiedAtMs),
    FunctionArn: arnOf(id, qualifier),
    ...(retriesMax !== undefined && { MaximumRetryAttempts: retriesMax }),
    ...(ageSecondsMax !== undefined && { MaximumEventAgeInSeconds: ageSecondsMax }),
    DestinationConfig: {
      OnSuccess: onSuccessArn === undefined ? {} : { Destination: onSuccessArn },
      OnFailure: onFailureArn === undefined ? {} : { Destination: onFailureArn },
    },
  };
}

export function codeSigningToWire(
  config: CodeSigningConfig,
): NonNullable<Output<"GetCodeSigningConfig">["CodeSigningConfig"]> {
  return {
    CodeSigningConfigId: config.id.name,
    CodeSigningConfigArn: codeSigningArn(config.id),
    ...(config.description !== undefined && { Description: config.description }),
    AllowedPublishers: { SigningProfileVersionArns: [...config.profileArns] },
    CodeSigningPolicies: { UntrustedArtifactOnDeployment: config.policy },
    LastModified: isoText(config.lastModifiedAtMs),
  };
}

/** As Get and List show it; Create and Update leave members out. */
export function functionUrlToWire(
  named: { readonly id: FunctionId; readonly qualifier: string | undefined },
  url: FunctionUrl,
  reachedAt: ReachedAt,
): Output<"GetFunctionUrlConfig"> {
  return {
    FunctionUrl: functionUrlOf(url.urlId, named.id.region, reachedAt),
    FunctionArn: arnOf(named.id, named.qualifier),
    AuthType: url.authType,
    ...(url.cors && { Cors: corsToWire(url.cors) }),
    CreationTime: isoText(url.createdAtMs),
    LastModifiedTime: isoText(url.lastModifiedAtMs),
    InvokeMode: url.invokeMode ?? "BUFFERED",
  };
}

function corsToWire(cors: UrlCors): NonNullable<Output<"GetFunctionUrlConfig">["Cors"]> {
  const { allowCredentials, allowHeaders, allowMethods, allowOrigins, exposeHeaders, maxAgeSeconds } = cors;
  return {
    ...(allowCredentials !== undefined && { AllowCredentials: allowCredentials }),
    ...(allowHeaders && { AllowHeaders: [...allowHeaders] }),
    ...(allowMethods && { AllowMethods: [...allowMethods] }),
    ...(allowOrigins && { AllowOrigins: [...allowOrigins] }),
    ...(exposeHeaders && { ExposeHeaders: [...exposeHeaders] }),
    ...(maxAgeSeconds !== undefined && { MaxAge: maxAgeSeconds }),
  };
}

export function runtimeManagementToWire(
  functionArn: string,
  management: RuntimeManagement,
): Output<"PutRuntimeManagementConfig"> {
  return {
    UpdateRuntimeOn: management.updateRuntimeOn,
    FunctionArn: functionArn,
    ...(management.updateRuntimeOn === "Manual" && { RuntimeVersionArn: management.runtimeVersionArn }),
  };
}

export function provisionedToWire(
  { requested, lastModifiedAtMs }: ProvisionedConcurrency,
  { status, reason, allocated }: ProvisioningState,
): Output<"GetProvisionedConcurrencyConfig"> {
  return {
    RequestedProvisionedConcurrentExecutions: requested,
    AvailableProvisionedConcurrentExecutions: allocated,
    AllocatedProvisionedConcurrentExecutions: allocated,
    Status: status,
    ...(reason !== undefined && { StatusReason: reason }),
    LastModified: timestampText(lastModifiedAtMs).replace(/\.\d+/, ""), // documented: whole seconds
  };
}

/** "2021-11-01T12:00:00.123Z" */
function isoText(atMs: number): string {
  return new Date(atMs).toISOString();
}
