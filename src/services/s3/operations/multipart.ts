/** Multipart uploads as clients drive them. */
import { listedKeysMax, partsMax } from "../../../limits.ts";
import type { Context, InputFor, OperationsOf } from "../../service.ts";
import type { Bucket } from "../buckets.ts";
import {
  type Checksum,
  checksumMember,
  checksumTypeOf,
  defaultAlgorithm,
  missingPartChecksum,
  otherChecksum,
  partChecksum,
} from "../domain/checksum.ts";
import { canonicalId } from "../domain/bucket.ts";
import { checkWriteForm } from "../domain/conditions.ts";
import { abortionOf } from "../domain/lifecycle.ts";
import { fold } from "../domain/listing.ts";
import { lockOfHeaders } from "../domain/object-lock.ts";
import { headerTags } from "../domain/tagging.ts";
import { partKey, type Upload } from "../domain/upload.ts";
import {
  badChecksum,
  invalidArgument,
  invalidPart,
  invalidPartOrder,
  invalidRequest,
  malformedXml,
} from "../errors.ts";
import type { S3Parts } from "../parts.ts";
import { expectationsOf, receive, sourceOf } from "../receiving.ts";
import { causeOf, checkEncryption, descriptionOf, requirePartNumber } from "../request.ts";
import { checksumToWire, type Client, quoted, wholeSeconds } from "../to-wire.ts";
import { type ListedPart, uploadIdOf, type Uploads } from "../uploads.ts";
import { behind, encoderOf, keysMax } from "./lists.ts";

type MultipartOperations = Pick<
  OperationsOf<Client>,
  | "AbortMultipartUpload"
  | "CompleteMultipartUpload"
  | "CreateMultipartUpload"
  | "ListMultipartUploads"
  | "ListParts"
  | "UploadPart"
>;
type CompleteInput = InputFor<Client, "CompleteMultipartUpload">;

export function multipartOperations(deps: S3Parts & { readonly uploads: Uploads }): MultipartOperations {
  const { buckets, clock, files, objects, store, uploads } = deps;

  /** The answer to a completion that was answered already; undefined: it is none. */
  async function completedBefore(bucket: Bucket, input: CompleteInput, ctx: Context) {
    if (await store.uploads.get([bucket.value.id, input.Key, input.UploadId])) return undefined;
    const version = (await objects.find(bucket, input.Key))?.value.latest;
    if (version?.kind !== "object" || version.uploadId !== input.UploadId) return undefined;
    return completed(bucket, input.Key, version, ctx);
  }

  return {
    async CreateMultipartUpload(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      const checksum = checksumTypeOf(input.ChecksumAlgorithm, input.ChecksumType);
      const uploadId = await uploads.begin(bucket, input.Key, {
        ...descriptionOf(input, bucket.value, ctx),
        tags: headerTags(input.Tagging),
        lock: lockOfHeaders(input, bucket.value, clock.now()),
        account: ctx.account,
        ...(checksum && { checksum }),
      });
      const { lifecycle } = bucket.value.settings;
      const abortion = lifecycle && abortionOf(lifecycle, input.Key, clock.now());
      return {
        Bucket: input.Bucket,
        Key: input.Key,
        UploadId: uploadId,
        ServerSideEncryption: "AES256",
        ...(checksum && { ChecksumAlgorithm: checksum.algorithm, ChecksumType: checksum.type }),
        ...(abortion && { AbortDate: new Date(abortion.atMs), AbortRuleId: abortion.ruleId }),
      };
    },

    async UploadPart(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      requirePartNumber(input.PartNumber);
      checkEncryption(input);
      const upload = await uploads.require(bucket, input.Key, input.UploadId);
      const expected = expectationsOf(input, ctx);
      const wanted = upload.value.checksum?.algorithm;
      if (wanted !== undefined && expected.claim.isNamed && expected.claim.algorithm !== wanted) {
        throw otherChecksum(wanted, expected.claim.algorithm);
      }
      const stored = wanted ?? defaultAlgorithm;
      const both = { ...expected, kept: stored };
      return receive(files, sourceOf(input.Body), both, async (received) => {
        const part = await uploads.putPart(bucket, input.Key, upload, input.PartNumber, received);
        const { algorithm, isNamed, value = received.claimed } = expected.claim;
        return {
          ETag: quoted(part.etag),
          ServerSideEncryption: "AES256",
          ...(isNamed && checksumMember({ algorithm, value })),
          ...(!isNamed && wanted && checksumMember({ algorithm: wanted, value: part.checksum })),
        };
      });
    },

    async CompleteMultipartUpload(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      const conditions = { ifMatch: input.IfMatch, ifNoneMatch: input.IfNoneMatch };
      checkWriteForm(conditions);
      const before = await completedBefore(bucket, input, ctx);
      if (before) return before;
      const upload = await uploads.require(bucket, input.Key, input.UploadId);
      const listed = listedParts(input, upload.value);
      const placed = await uploads.complete(bucket, input.Key, upload, listed, {
        conditions,
        by: causeOf(ctx, "CompleteMultipartUpload"),
        check: (checksum, sizeBytes) => checkWhole(input, upload.value, checksum, sizeBytes),
      });
      return { ...completed(placed.bucket, input.Key, placed.version, ctx), VersionId: placed.versionId };
    },

    async AbortMultipartUpload(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      await uploads.abort(bucket, input.Key, await uploads.require(bucket, input.Key, input.UploadId));
      return {};
    },

    async ListParts(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      const upload = await uploads.require(bucket, input.Key, input.UploadId);
      const max = keysMax(input.MaxParts, "max-parts");
      const marker = markerOf(input.PartNumberMarker);
      const uploadId = uploadIdOf(upload);
      const page = await store.parts.page({
        parts: [uploadId],
        after: [uploadId, partKey(marker)],
        limit: Math.max(1, max),
      });
      const { checksum, startedAtMs: _, account, storageClass } = upload.value;
      const owner = { ID: canonicalId(account) };
      const items = max === 0 ? [] : page.items;
      return {
        Bucket: input.Bucket,
        Key: input.Key,
        UploadId: uploadId,
        PartNumberMarker: String(marker),
        NextPartNumberMarker: String(items.at(-1)?.value.partNumber ?? 0),
        MaxParts: max,
        IsTruncated: max > 0 && page.next !== undefined,
        Parts: items.map(({ value: part }) => ({
          PartNumber: part.partNumber,
          LastModified: wholeSeconds(part.modifiedAtMs),
          ETag: quoted(part.etag),
          Size: part.sizeBytes,
          ...(checksum && checksumMember({ algorithm: checksum.algorithm, value: part.checksum })),
        })),
        Initiator: owner,
        Owner: owner,
        StorageClass: storageClass as "STANDARD",
        ...(checksum && { ChecksumAlgorithm: checksum.algorithm, ChecksumType: checksum.type }),
      };
    },

    async ListMultipartUploads(input, ctx) {
      const { value: bucket } = await buckets.require(input, ctx);
      const { Prefix = "", Delimiter = "", KeyMarker = "", UploadIdMarker = "" } = input;
      const max = keysMax(input.MaxUploads, "max-uploads");
      const encode = encoderOf(input.EncodingType);
      const afterId = KeyMarker !== "" && UploadIdMarker !== "" ? UploadIdMarker : undefined;
      if (afterId !== undefined && !/^[0-9A-F]{16}[0-9a-f]{48}$/.test(afterId)) {
        throw invalidArgument("Invalid uploadId marker", "upload-id-marker", afterId);
      }
      // A marker without an id means all uploads of that key.
      const after = afterId === undefined ? behind(KeyMarker, Delimiter) : KeyMarker;
      const from = after === undefined ? {} : { after, afterId: afterId ?? "~" };
      const walk = store.walkUploads(bucket.id, { prefix: Prefix, ...from });
      const page = await fold(walk, {
        prefix: Prefix,
        delimiter: Delimiter,
        max: Math.min(max, listedKeysMax),
      });
      const last = page.last ?? lastItem(page.items);
      return {
        Bucket: bucket.name,
        KeyMarker: encode(KeyMarker),
        UploadIdMarker,
        NextKeyMarker: last?.kind === "item" ? encode(last.item.key) : "",
        NextUploadIdMarker: last?.kind === "item" ? last.item.uploadId : "",
        Prefix: encode(Prefix),
        ...(Delimiter !== "" && { Delimiter: encode(Delimiter) }),
        MaxUploads: max,
        EncodingType: input.EncodingType,
        IsTruncated: page.isTruncated,
        Uploads: page.items.map(({ key, upload, uploadId }) => ({
          UploadId: uploadId,
          Key: encode(key),
          Initiated: wholeSeconds(upload.startedAtMs),
          StorageClass: upload.storageClass as "STANDARD",
          Owner: { ID: canonicalId(upload.account) },
          Initiator: { ID: canonicalId(upload.account) },
          ...(upload.checksum && {
            ChecksumAlgorithm: upload.checksum.algorithm,
            ChecksumType: upload.checksum.type,
          }),
        })),
        CommonPrefixes: page.prefixes.map((prefix) => ({ Prefix: encode(prefix) })),
      };
    },
  };
}

function completed(
  { value: bucket }: Bucket,
  key: string,
  version: { readonly id: string; readonly etag: string; readonly checksum: Checksum },
  ctx: Context,
) {
  return {
    Location: `${ctx.endpoint}/${bucket.name}/${encodeURIComponent(key).replaceAll("%2F", "/")}`,
    Bucket: bucket.name,
    Key: key,
    ETag: quoted(version.etag),
    ServerSideEncryption: "AES256" as const,
    ...checksumToWire(version),
    ...(bucket.versioning === "Enabled" && { VersionId: version.id }),
  };
}

/** In order, each with the checksum that the upload demands. */
function listedParts(input: CompleteInput, { checksum }: Upload): readonly ListedPart[] {
  const given = input.MultipartUpload?.Parts ?? [];
  if (given.length === 0) throw invalidRequest("You must specify at least one part");
  if (given.length > partsMax) throw malformedXml();
  let previous = 0;
  return given.map((part) => {
    const { PartNumber, ETag } = part;
    if (PartNumber === undefined || ETag === undefined) throw malformedXml();
    if (PartNumber < 1) throw invalidArgument("PartNumber must be >= 1", "partNumber", PartNumber);
    if (PartNumber <= previous) throw invalidPartOrder(input.UploadId);
    previous = PartNumber;
    const { value, other } = partChecksum(part, checksum?.algorithm);
    if (checksum && other !== undefined) throw otherChecksum(checksum.algorithm, other);
    if (checksum?.type === "COMPOSITE" && value === undefined) {
      throw missingPartChecksum(checksum.algorithm, PartNumber);
    }
    // Without an algorithm from the beginning no part has a checksum that a listed one could be: InvalidPart.
    if (!checksum && other !== undefined) throw invalidPart(input.UploadId, PartNumber, ETag);
    return { PartNumber, ETag: ETag.replaceAll('"', "").trim(), checksum: value };
  });
}

function checkWhole(input: CompleteInput, { checksum }: Upload, calculated: string, sizeBytes: number): void {
  const { ChecksumType: type, MpuObjectSize: size } = input;
  if (type !== undefined && type !== checksum?.type) {
    throw invalidRequest(
      `The upload was created using the ${checksum?.type ?? "null"} checksum mode. The complete request must use the ` +
        "same checksum mode.",
    );
  }
  if (size !== undefined && size !== sizeBytes) {
    throw invalidRequest(
      `The provided 'x-amz-mp-object-size' header value ${size} does not match what was computed: ${sizeBytes}`,
    );
  }
  const { value, other } = partChecksum(input, checksum?.algorithm ?? defaultAlgorithm);
  if (other !== undefined && checksum) throw otherChecksum(checksum.algorithm, other);
  if (value !== undefined && value !== calculated) {
    throw badChecksum((checksum?.algorithm ?? defaultAlgorithm).toLowerCase());
  }
}

function lastItem<T>(items: readonly T[]) {
  const item = items.at(-1);
  return item && ({ kind: "item", item } as const);
}

function markerOf(text: string | undefined): number {
  const marker = Number(text ?? 0);
  if (marker >= 0) return Math.min(marker, partsMax);
  const name = "part-number-marker";
  throw invalidArgument(`Argument ${name} must be an integer between 0 and 2147483647`, name, text);
}
