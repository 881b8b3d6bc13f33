/**
 * What AWS's published model says since the botocore release that `derive-constraints.ts` reads, in botocore's own form,
 * laid over it. A shape here replaces botocore's; members are added to its structures, or given another shape.
 *
 * Only AWS's published facts belong here; where AWS behaves unlike its model, see `src/wire/overrides.ts`. Whoever
 * installs a newer botocore deletes what it has by then.
 */
import type { BotocoreModel, BotocoreShape } from "./derive-constraints.ts";

export interface NewerShapes {
  readonly shapes: BotocoreModel["shapes"];
  /** By structure, then by member: the member's shape. */
  readonly members: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly operations: BotocoreModel["operations"];
}

const region = String.raw`(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}`;
const lambdaArn = `arn:(aws[a-zA-Z-]*)?:lambda:${region}`;
const functionPrefix = String.raw`(arn:(aws[a-zA-Z-]*)?:lambda:)?(${region}:)?(\d{12}:)?(function:)?`;
const capacityProviderArn = String.raw`arn:aws[a-zA-Z-]*:lambda:${region}:\d{12}:capacity-provider:[a-zA-Z0-9-_]+`;

function text(min: number, max: number, pattern?: string): BotocoreShape {
  return { type: "string", min, max, ...(pattern === undefined ? {} : { pattern }) };
}

function integer(min: number, max: number): BotocoreShape {
  return { type: "integer", min, max };
}

function oneOf(...values: readonly string[]): BotocoreShape {
  return { type: "string", enum: values };
}

function structure(members: Readonly<Record<string, string>>): BotocoreShape {
  const entries = Object.entries(members).map(([name, shape]) => [name, { shape }] as const);
  return { type: "structure", members: Object.fromEntries(entries) };
}

function errors(...names: readonly string[]): readonly { readonly shape: string }[] {
  return names.map((shape) => ({ shape: `${shape}Exception` }));
}

// Lambda's model of August 2026.
const lambda: NewerShapes = {
  shapes: {
    Action: text(0, 10_000, "(lambda:[*]|lambda:[a-zA-Z]+|[*])"),
    Arn: text(0, 10_000, String.raw`arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:(${region})?:(\d{12})?:(.*)`),
    CallbackOptionsHeartbeatTimeoutSecondsInteger: integer(0, 99_999_999),
    CallbackOptionsTimeoutSecondsInteger: integer(0, 99_999_999),
    CapacityProviderArn: text(1, 140, capacityProviderArn),
    CapacityProviderName: text(1, 140, `(${capacityProviderArn})|[a-zA-Z0-9-_]+`),
    CapacityProviderLoggingConfig: structure({ SystemLogLevel: "SystemLogLevel", LogGroup: "LogGroup" }),
    CapacityProviderTelemetryConfig: structure({ LoggingConfig: "CapacityProviderLoggingConfig" }),
    CodeSigningConfigArn: text(0, 200, String.raw`${lambdaArn}:\d{12}:code-signing-config:csc-[a-z0-9]{17}`),
    ConsumptionMode: oneOf("Stream", "Queue"),
    DestinationArn: text(
      0,
      350,
      String.raw`$|kafka://([^.]([a-zA-Z0-9\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:(${region})?:(\d{12})?:(.*)`,
    ),
    DirectS3Read: oneOf("ENABLED", "DISABLED", "AUTO"),
    EphemeralStorageSize: integer(512, 32_768),
    FileSystemArn: text(
      0,
      256,
      String.raw`arn:aws[a-zA-Z-]*:elasticfilesystem:${region}:\d{12}:access-point/fsap-[a-f0-9]{17}$|^arn:aws[-a-z]*:s3files:[0-9a-z-:]+:file-system/fs-[0-9a-f]{17,40}/access-point/fsap-[0-9a-f]{17,40}`,
    ),
    FunctionName: text(1, 140, String.raw`${functionPrefix}([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?`),
    FunctionUrlFunctionName: text(
      1,
      140,
      String.raw`${functionPrefix}([a-zA-Z0-9-_]{1,64})(:((?!\d+$)[0-9a-zA-Z-_]+))?`,
    ),
    Header: text(0, 1024),
    InstanceType: text(1, 30, String.raw`[a-zA-Z0-9\.\*\-]+`),
    KMSKeyArn: text(0, 10_000, "(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()"),
    LayerName: text(1, 140, String.raw`(${lambdaArn}:\d{12}:layer:[a-zA-Z0-9-_]+)|[a-zA-Z0-9-_]+`),
    LayerPermissionAllowedPrincipal: text(
      0,
      10_000,
      String.raw`\d{12}|\*|arn:(aws[a-zA-Z-]*):iam::\d{12}:root`,
    ),
    LayerVersionArn: text(
      1,
      2048,
      String.raw`((${lambdaArn}:\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+))`,
    ),
    MasterRegion: text(1, 50, `ALL|${region}`),
    MaximumNumberOfPollers: integer(1, 10_000),
    Method: text(0, 6),
    NamespacedFunctionName: text(
      1,
      256,
      String.raw`${functionPrefix}([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?`,
    ),
    Origin: text(1, 253),
    Pattern: text(0, 4096),
    PolicyResourceArn: text(
      0,
      256,
      String.raw`${lambdaArn}:\d{12}:function:[a-zA-Z0-9-_]+(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_])+)?`,
    ),
    Principal: text(0, 2048, String.raw`[^\s]+`),
    PropagateTags: structure({ Mode: "PropagateTagsMode", ExplicitTags: "PropagateTagsExplicitTagsMap" }),
    PropagateTagsExplicitTagsMap: {
      type: "map",
      min: 0,
      max: 40,
      key: { shape: "TagKey" },
      value: { shape: "TagValue" },
    },
    PropagateTagsMode: oneOf("None", "Explicit"),
    Queue: text(1, 1000),
    ResourceArn: text(0, 10_000, "(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()"),
    ResourcePolicy: text(1, 20_480, String.raw`[\s\S]+`),
    RevisionId: text(36, 36, "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    RoleArn: text(0, 10_000, String.raw`arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`),
    RuntimeVersionArn: text(26, 2048, `arn:(aws[a-zA-Z-]*):lambda:${region}::runtime:.+`),
    S3FilesConfig: structure({ DirectS3Read: "DirectS3Read" }),
    S3ObjectStorageMode: oneOf("COPY", "REFERENCE"),
    SecurityGroupId: text(0, 1024, "sg-[0-9a-zA-Z]*"),
    SourceAccessConfigurations: {
      type: "list",
      min: 0,
      max: 23,
      member: { shape: "SourceAccessConfiguration" },
    },
    SubnetId: text(0, 1024, "subnet-[0-9a-z]*"),
    TagKey: text(1, 128, String.raw`([\p{L}\p{Z}\p{N}_.:/=+\-@]*)`),
    TagValue: text(0, 256, String.raw`([\p{L}\p{Z}\p{N}_.:/=+\-@]*)`),
    TaggableResource: text(
      1,
      10_000,
      String.raw`arn:(aws[a-zA-Z-]*):lambda:${region}:\d{12}:(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|(capacity-provider|network-connector):[a-zA-Z0-9-_]{1,64})`,
    ),
    Timeout: integer(1, 5400),
    UnqualifiedFunctionName: text(1, 140, `${functionPrefix}([a-zA-Z0-9-_]+)`),
    URI: text(1, 200, String.raw`[ a-zA-Z0-9-\/*:_+=.@-]*`),
    XAmznTraceId: text(0, 8192),
    DeleteResourcePolicyRequest: structure({ ResourceArn: "PolicyResourceArn", RevisionId: "RevisionId" }),
    GetResourcePolicyRequest: structure({ ResourceArn: "PolicyResourceArn" }),
    PutResourcePolicyRequest: structure({
      ResourceArn: "PolicyResourceArn",
      Policy: "ResourcePolicy",
      RevisionId: "RevisionId",
    }),
  },
  members: {
    CallbackOptions: {
      TimeoutSeconds: "CallbackOptionsTimeoutSecondsInteger",
      HeartbeatTimeoutSeconds: "CallbackOptionsHeartbeatTimeoutSecondsInteger",
    },
    ChainedInvokeOptions: { XAmznTraceId: "XAmznTraceId" },
    CreateCapacityProviderRequest: {
      PropagateTags: "PropagateTags",
      TelemetryConfig: "CapacityProviderTelemetryConfig",
    },
    // inferred: the model's table of shapes has the name, and these are the operations that it fits
    CreateFunctionUrlConfigRequest: { FunctionName: "FunctionUrlFunctionName" },
    DeleteFunctionUrlConfigRequest: { FunctionName: "FunctionUrlFunctionName" },
    GetFunctionUrlConfigRequest: { FunctionName: "FunctionUrlFunctionName" },
    UpdateFunctionUrlConfigRequest: { FunctionName: "FunctionUrlFunctionName" },
    DurableConfig: { KMSKeyArn: "KMSKeyArn" }, // inferred, likewise
    FileSystemConfig: { S3FilesConfig: "S3FilesConfig" },
    FunctionCode: { S3ObjectStorageMode: "S3ObjectStorageMode" },
    LayerVersionContentInput: { S3ObjectStorageMode: "S3ObjectStorageMode" },
    SelfManagedKafkaEventSourceConfig: { ConsumptionMode: "ConsumptionMode" },
    UpdateCapacityProviderRequest: {
      PropagateTags: "PropagateTags",
      TelemetryConfig: "CapacityProviderTelemetryConfig",
    },
    UpdateFunctionCodeRequest: { S3ObjectStorageMode: "S3ObjectStorageMode" },
  },
  operations: {
    PutResourcePolicy: {
      input: { shape: "PutResourcePolicyRequest" },
      errors: errors(
        "InvalidParameterValue",
        "ResourceConflict",
        "PublicPolicy",
        "Service",
        "TooManyRequests",
        "PolicyLengthExceeded",
        "ResourceNotFound",
        "PreconditionFailed",
      ),
    },
    GetResourcePolicy: {
      input: { shape: "GetResourcePolicyRequest" },
      errors: errors("InvalidParameterValue", "Service", "TooManyRequests", "ResourceNotFound"),
    },
    DeleteResourcePolicy: {
      input: { shape: "DeleteResourcePolicyRequest" },
      errors: errors(
        "InvalidParameterValue",
        "ResourceConflict",
        "Service",
        "TooManyRequests",
        "ResourceNotFound",
        "PreconditionFailed",
      ),
    },
  },
};

export const newerShapes: Readonly<Record<string, NewerShapes>> = { lambda };

/** botocore's model with the newer entries laid over it. */
export function withNewerShapes(model: BotocoreModel, newer: NewerShapes | undefined): BotocoreModel {
  if (newer === undefined) return model;
  const shapes: Record<string, BotocoreShape> = { ...model.shapes, ...newer.shapes };
  for (const [name, members] of Object.entries(newer.members)) {
    const known = shapes[name];
    if (known?.type !== "structure") throw new Error(`botocore has no structure ${name}`);
    shapes[name] = { ...known, members: { ...known.members, ...structure(members).members } };
  }
  return { shapes, operations: { ...model.operations, ...newer.operations } };
}
