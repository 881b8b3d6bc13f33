/**
 * An event of a bucket, and the two documents that are made of it: the record that queues, topics and functions get, and
 * the detail for event buses. Pure. Source: map-sqs-sns-s3 3.19; members in the recorded order.
 */
import { bucketArn, canonicalId } from "./bucket.ts";
import { sequencerOf } from "./version-token.ts";

/** Production sends this number on every record since July 2026. */
export const eventVersion = "2.5";

/** What has happened to an object, as the outbox keeps it until everybody has been told. */
export interface ObjectEvent {
  /** "ObjectCreated:Put" */
  readonly name: string;
  readonly atMs: number;
  readonly bucket: { readonly name: string; readonly account: string; readonly region: string };
  readonly key: string;
  readonly sizeBytes?: number;
  readonly etag?: string;
  /** Of versioned buckets. */
  readonly versionId?: string;
  /** For the sequencer. */
  readonly token?: string;
  /** The one that it got by a lifecycle rule. */
  readonly storageClass?: string;
  readonly by: Cause;
}

/** Who made it happen, and how. */
export interface Cause {
  /** An account, or a service: "s3.amazonaws.com". */
  readonly requester: string;
  readonly requestId: string;
  readonly sourceIp?: string;
  /** `X-Amzn-Trace-Id` as received. */
  readonly trace?: string;
  /** "PutObject": for event buses. */
  readonly reason: string;
}

/** One event for one destination. */
export interface Outgoing {
  readonly event: ObjectEvent;
  /** Undefined: the default event bus of the bucket's account and region. */
  readonly to: { readonly arn: string; readonly configurationId: string } | undefined;
}

export function notificationBody(event: ObjectEvent, configurationId: string, hostId: string): string {
  const { bucket, by, etag, name, sizeBytes, storageClass, token, versionId } = event;
  const isService = by.requester.includes(".");
  const record = {
    eventVersion,
    eventSource: "aws:s3",
    awsRegion: bucket.region,
    eventTime: new Date(event.atMs).toISOString(),
    eventName: name,
    userIdentity: { principalId: isService ? by.requester : `AWS:${by.requester}` },
    requestParameters: { sourceIPAddress: by.sourceIp ?? "127.0.0.1" },
    responseElements: { "x-amz-request-id": by.requestId, "x-amz-id-2": hostId },
    s3: {
      s3SchemaVersion: "1.0",
      configurationId,
      bucket: {
        name: bucket.name,
        ownerIdentity: { principalId: canonicalId(bucket.account) },
        arn: bucketArn(bucket),
      },
      object: {
        key: formEncoded(event.key),
        ...(sizeBytes !== undefined && { size: sizeBytes }),
        ...(etag !== undefined && { eTag: etag }),
        ...(versionId !== undefined && { versionId }),
        ...(token !== undefined && { sequencer: sequencerOf(token) }),
      },
    },
    ...(storageClass !== undefined && {
      lifecycleEventData: { transitionEventData: { destinationStorageClass: storageClass } },
    }),
  };
  return JSON.stringify({ Records: [record] });
}

/** Detail type and detail; undefined: event buses are not told of such things. */
export function busEvent(
  event: ObjectEvent,
): { readonly detailType: string; readonly detail: string } | undefined {
  const detailType = detailTypeOf(event.name);
  if (detailType === undefined) return undefined;
  const { bucket, by, etag, sizeBytes, storageClass, token, versionId } = event;
  const isDeletion = detailType === "Object Deleted";
  const hasReason = isDeletion || detailType === "Object Created";
  const detail = {
    version: "0",
    bucket: { name: bucket.name },
    object: {
      key: event.key,
      ...(sizeBytes !== undefined && { size: sizeBytes }),
      ...(etag !== undefined && { etag }),
      ...(versionId !== undefined && { "version-id": versionId }),
      ...(token !== undefined && { sequencer: sequencerOf(token) }),
    },
    "request-id": by.requestId,
    requester: by.requester,
    ...(by.sourceIp !== undefined && { "source-ip-address": by.sourceIp }),
    ...(hasReason && { reason: by.reason }),
    ...(storageClass !== undefined && { "destination-storage-class": storageClass }),
    ...(isDeletion && {
      "deletion-type": event.name.endsWith("DeleteMarkerCreated")
        ? "Delete Marker Created"
        : "Permanently Deleted",
    }),
  };
  return { detailType, detail: JSON.stringify(detail) };
}

function detailTypeOf(name: string): string | undefined {
  const [family = "", kind = ""] = name.split(":");
  if (family === "ObjectCreated") return "Object Created";
  if (family === "ObjectRemoved" || family === "LifecycleExpiration") return "Object Deleted";
  if (family === "LifecycleTransition") return "Object Storage Class Changed";
  if (family === "ObjectRestore")
    return kind === "Post" ? "Object Restore Initiated" : "Object Restore Completed";
  if (family === "ObjectTagging") return kind === "Put" ? "Object Tags Added" : "Object Tags Deleted";
  return family === "ObjectAcl" ? "Object ACL Updated" : undefined;
}

export function testMessage(bucket: string, requestId: string, hostId: string, atMs: number): string {
  return JSON.stringify({
    Service: "Amazon S3",
    Event: "s3:TestEvent",
    Time: new Date(atMs).toISOString(),
    Bucket: bucket,
    RequestId: requestId,
    HostId: hostId,
  });
}

/** `a@b c/d` → `a%40b+c/d` */
function formEncoded(key: string): string {
  return encodeURIComponent(key)
    .replace(/%20/g, "+")
    .replace(/%2F/g, "/")
    .replace(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
