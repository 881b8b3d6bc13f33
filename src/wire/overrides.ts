/**
 * Where AWS differs from its published models, by hand: service by service, applied when a model is loaded.
 *
 * A constrained type given here replaces botocore's whole entry; `{}` lifts every constraint. Each line says how it is
 * known. Members of operations, statuses and the like belong to the SDK's model and are not overridden here.
 */
import type { ConstraintTypeJson } from "./model-json.ts";
import type { Structure } from "./protocol.ts";

export interface ServiceOverride {
  readonly xmlNamespace?: string;
  /** Operations that need no signature, beside those that the model names. */
  readonly noAuth?: readonly string[];
  readonly types?: Readonly<Record<string, ConstraintTypeJson>>;
  /** Whether date-times are written with their milliseconds also where those are zero. */
  readonly hasMilliseconds?: boolean;
  /** Statuses that the model does not have, by operation; undefined: the model's. */
  readonly statuses?: Readonly<Record<string, (output: Structure) => number | undefined>>;
}

export const overrides: Readonly<Record<string, ServiceOverride>> = {
  lambda: {
    types: {
      // Not model-validated: the service words its own error (recorded).
      Runtime: {},
      // Enum sets in the order in which AWS prints them (recorded).
      Architecture: { enum: ["x86_64", "arm64"] },
      RecursiveLoop: { enum: ["Terminate", "Allow"] },
      InvokeMode: { enum: ["RESPONSE_STREAM", "BUFFERED"] },
      EventSourcePosition: { enum: ["LATEST", "AT_TIMESTAMP", "TRIM_HORIZON"] },
      SnapStartApplyOn: { enum: ["PublishedVersions", "None"] },
      FunctionVersion: { enum: ["ALL"] },
    },
  },
  cloudwatch: {
    types: {
      // In the order in which AWS prints it (recorded).
      Statistic: { enum: ["Maximum", "SampleCount", "Sum", "Minimum", "Average"] },
    },
  },
  s3: {
    hasMilliseconds: true, // recorded
    // S3 words its own errors, each in its own way (recorded).
    types: Object.fromEntries(
      [
        "BucketCannedACL",
        "BucketLocationConstraint",
        "BucketLogsPermission",
        "BucketVersioningStatus",
        "ChecksumAlgorithm",
        "ChecksumMode",
        "ChecksumType",
        "EncodingType",
        "Event",
        "ExpirationStatus",
        "FilterRuleName",
        "MetadataDirective",
        "ObjectAttributes",
        "ObjectCannedACL",
        "ObjectLockEnabled",
        "ObjectLockLegalHoldStatus",
        "ObjectLockMode",
        "ObjectLockRetentionMode",
        "ObjectOwnership",
        "OptionalObjectAttributes",
        "Payer",
        "Permission",
        "Protocol",
        "RequestPayer",
        "ServerSideEncryption",
        "StorageClass",
        "TaggingDirective",
        "Tier",
        "TransitionDefaultMinimumObjectSize",
        "TransitionStorageClass",
        "Type",
        "ObjectKey",
      ].map((name) => [name, {}]),
    ),
    statuses: {
      PutBucketPolicy: () => 204,
      PutBucketTagging: () => 204,
      RestoreObject: ({ wasRestored }) => (wasRestored === true ? 200 : 202),
      GetObject: ({ ContentRange }) => (ContentRange === undefined ? undefined : 206),
      HeadObject: ({ ContentRange }) => (ContentRange === undefined ? undefined : 206),
    },
  },
  sns: {
    // Links in messages that their readers follow.
    noAuth: ["ConfirmSubscription", "Unsubscribe"],
  },
  sqs: {
    // The SDK speaks JSON only and has forgotten it.
    xmlNamespace: "http://queue.amazonaws.com/doc/2012-11-05/",
    types: {
      // Not model-validated: unknown names get the service's own errors, or none (recorded).
      QueueAttributeName: {},
      MessageSystemAttributeName: {},
      MessageSystemAttributeNameForSends: {},
    },
  },
};
