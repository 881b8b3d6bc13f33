/** Putting, reading and describing objects. */
import type { Slice } from "../../../base/disk.ts";
import { objectHeldBytesMax } from "../../../limits.ts";
import { moreHeaders } from "../../../wire/protocol.ts";
import { queryValue } from "../../../wire/query-string.ts";
import type { Context, InputFor, OperationsOf, OutputFor } from "../../service.ts";
import type { Bucket } from "../buckets.ts";
import { checkRead, checkWriteForm } from "../domain/conditions.ts";
import { lockOfHeaders } from "../domain/object-lock.ts";
import { isArchived, type ObjectVersion } from "../domain/object.ts";
import { contentRange, rangeOf } from "../domain/range.ts";
import { headerTags } from "../domain/tagging.ts";
import {
  invalidArgument,
  invalidObjectState,
  invalidPartNumber,
  invalidRequest,
  noSuchKey,
} from "../errors.ts";
import type { S3Parts } from "../parts.ts";
import { expectationsOf, receive, sourceOf } from "../receiving.ts";
import {
  causeOf,
  descriptionOf,
  refuseEncryption,
  refuseReadingKey,
  requireLockDigest,
  requirePartNumber,
} from "../request.ts";
import { checksumToWire, type Client, expirationOf, objectToWire, quoted } from "../to-wire.ts";
import { checksumMember } from "../domain/checksum.ts";

type ObjectOperations = Pick<OperationsOf<Client>, "GetObject" | "HeadObject" | "PutObject">;
type ReadInput = InputFor<Client, "GetObject"> | InputFor<Client, "HeadObject">;

/** An object that may be read, and how much of it. */
interface Reading {
  readonly bucket: Bucket;
  readonly version: ObjectVersion;
  readonly slice: Slice;
  /** 206: not the whole, or a part by its number. */
  readonly isPartial: boolean;
  readonly partChecksum?: string;
  readonly partsCount?: number;
}

export function objectOperations({ buckets, clock, files, objects, store }: S3Parts): ObjectOperations {
  async function open(input: ReadInput, ctx: Context, method: string): Promise<Reading> {
    const bucket = await buckets.require(input, ctx);
    if (method === "GET") refuseBucketQueries(ctx);
    if (input.Range !== undefined && input.PartNumber !== undefined) {
      throw invalidRequest("Cannot specify both Range header and partNumber query parameter");
    }
    if (input.PartNumber !== undefined) requirePartNumber(input.PartNumber);
    const version = await objects.object(bucket, input.Key, input.VersionId, method);
    refuseEncryption(ctx);
    refuseReadingKey(input.SSECustomerAlgorithm);
    const nowMs = clock.now();
    checkRead(
      {
        ifMatch: input.IfMatch,
        ifNoneMatch: input.IfNoneMatch,
        ifModifiedSince: input.IfModifiedSince,
        ifUnmodifiedSince: input.IfUnmodifiedSince,
      },
      version,
      nowMs,
      { etag: quoted(version.etag), "last-modified": new Date(version.modifiedAtMs).toUTCString() },
    );
    if (method === "GET" && isArchived(version, nowMs)) throw invalidObjectState(version.storageClass);
    const whole = { start: 0, length: version.sizeBytes };
    if (input.PartNumber !== undefined) return { bucket, ...(await partOf(version, input.PartNumber)) };
    const slice = input.Range === undefined ? undefined : rangeOf(input.Range, version.sizeBytes);
    return { bucket, version, slice: slice ?? whole, isPartial: slice !== undefined };
  }

  async function partOf(version: ObjectVersion, partNumber: number): Promise<Omit<Reading, "bucket">> {
    const layout = await store.layout(version);
    if (!layout) {
      if (partNumber !== 1) throw invalidPartNumber(partNumber, 1);
      return { version, slice: { start: 0, length: version.sizeBytes }, isPartial: version.sizeBytes > 0 };
    }
    const partsCount = layout.parts.length;
    const part = layout.parts[partNumber - 1];
    if (!part) throw invalidPartNumber(partNumber, partsCount);
    const start = layout.parts.slice(0, partNumber - 1).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const slice = { start, length: part.sizeBytes };
    return {
      version,
      slice,
      isPartial: true,
      partsCount,
      ...(part.checksum !== undefined && { partChecksum: part.checksum }),
    };
  }

  function headersOf(input: ReadInput, reading: Reading, ctx: Context) {
    const { bucket, version, slice, isPartial, partChecksum, partsCount } = reading;
    const isWhole = slice.length === version.sizeBytes;
    const { algorithm } = version.checksum;
    const part = partChecksum === undefined ? undefined : checksumMember({ algorithm, value: partChecksum });
    const shown = partsCount === undefined ? isWhole && checksumToWire(version) : part;
    return {
      ...objectToWire(
        { key: input.Key, version, bucket: bucket.value },
        { isCurrent: input.VersionId === undefined },
      ),
      ...overrides(input, ctx),
      ContentLength: slice.length,
      ...(isPartial && slice.length > 0 && { ContentRange: contentRange(slice, version.sizeBytes) }),
      ...(partsCount !== undefined && { PartsCount: partsCount }),
      ...(input.ChecksumMode === "ENABLED" && shown),
    };
  }

  return {
    async PutObject(input, ctx) {
      refusePartNumber(ctx);
      const bucket = await buckets.require(input, ctx);
      const conditions = { ifMatch: input.IfMatch, ifNoneMatch: input.IfNoneMatch };
      checkWriteForm(conditions);
      const description = descriptionOf(input, bucket.value, ctx);
      const tags = headerTags(input.Tagging);
      const lock = lockOfHeaders(input, bucket.value, clock.now());
      if (lock.retention || lock.legalHold || bucket.value.settings.objectLock?.defaultRetention) {
        requireLockDigest(ctx);
      }
      const expected = expectationsOf(input, ctx);
      const { algorithm } = expected.claim;
      return receive(files, sourceOf(input.Body), expected, async ({ body, sizeBytes, etag, checksum }) => {
        const placed = await objects.place(
          bucket,
          input.Key,
          {
            ...description,
            body,
            sizeBytes,
            etag,
            checksum: { algorithm, value: checksum, type: "FULL_OBJECT" },
            tags,
            lock,
          },
          {
            conditions,
            event: "ObjectCreated:Put",
            by: causeOf(ctx, "PutObject"),
            writes: body.kind === "file" ? [store.files.put([body.file], 1)] : [],
          },
        );
        const { version, versionId } = placed;
        return {
          ETag: quoted(etag),
          ServerSideEncryption: "AES256",
          ...checksumToWire(version),
          VersionId: versionId,
          Expiration: expirationOf(placed.bucket.value, input.Key, version),
        };
      });
    },

    async GetObject(input, ctx) {
      const reading = await open(input, ctx, "GET");
      const body = await bodyOf(reading);
      if (body) return { ...headersOf(input, reading, ctx), Body: outgoing(body) };
      // Its bytes went while it was looked up: what there is now is read instead, or nothing.
      const again = await open(input, ctx, "GET");
      const bodyAgain = await bodyOf(again);
      if (!bodyAgain) throw noSuchKey(input.Key);
      return { ...headersOf(input, again, ctx), Body: outgoing(bodyAgain) };
    },

    async HeadObject(input, ctx) {
      return headersOf(input, await open(input, ctx, "HEAD"), ctx);
    },
  };

  /** Undefined: the file is gone. Small ones are read whole, of others the first chunk. */
  async function bodyOf({ version, slice }: Reading) {
    if (slice.length === 0) return new Uint8Array(0);
    const chunks = files.readBody(version.body, await store.layout(version), slice);
    try {
      const first = await chunks.next();
      if (first.done) return undefined;
      if (slice.length <= objectHeldBytesMax && first.value.length === slice.length) {
        await chunks.return(undefined);
        return first.value;
      }
      return checkedLength(prefixed(first.value, chunks), slice.length);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }
}

/** Bytes or an async iterable of them; callers inside take both. */
function outgoing(body: Uint8Array | AsyncIterable<Uint8Array>) {
  return body as unknown as OutputFor<Client, "GetObject">["Body"];
}

async function* prefixed(first: Uint8Array, rest: AsyncIterable<Uint8Array>) {
  yield first;
  yield* rest;
}

/** A file that is shorter than its record says must not look like the whole. */
async function* checkedLength(chunks: AsyncIterable<Uint8Array>, length: number) {
  let sent = 0;
  for await (const chunk of chunks) {
    sent += chunk.length;
    yield chunk;
  }
  if (sent !== length) throw new Error(`an object's file has ${sent} bytes where ${length} should be`);
}

function overrides(input: ReadInput, { http }: Context) {
  const wanted = {
    CacheControl: input.ResponseCacheControl,
    ContentDisposition: input.ResponseContentDisposition,
    ContentEncoding: input.ResponseContentEncoding,
    ContentLanguage: input.ResponseContentLanguage,
    ContentType: input.ResponseContentType,
  };
  const expires = http && http.query !== "" ? queryValue(http.query, "response-expires") : undefined;
  return {
    ...Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined)),
    ...(expires !== undefined && { [moreHeaders]: { expires } }),
  };
}

/** Sub-resources that a bucket has and a key has not: the router knows no operation for them. */
function refuseBucketQueries({ http }: Context): void {
  if (!http || http.query === "") return;
  if (queryValue(http.query, "uploads") !== undefined) {
    throw invalidRequest("Key is not expected for the GET method ?uploads subresource");
  }
  if (queryValue(http.query, "versions") !== undefined) {
    throw invalidRequest("There is no such thing as the ?versions sub-resource for a key");
  }
}

function refusePartNumber({ http }: Context): void {
  if (http && http.query !== "" && queryValue(http.query, "partNumber") !== undefined) {
    throw invalidArgument("This operation does not accept partNumber without uploadId", "partNumber");
  }
}
