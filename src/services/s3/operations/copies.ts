/** Copying objects, and parts of them. The bytes are read and written anew, with the checksum of the whole. */
import { objectUploadBytesMax } from "../../../limits.ts";
import type { Context, InputFor, OperationsOf } from "../../service.ts";
import type { Bucket } from "../buckets.ts";
import { checkCopySource, checkWriteForm } from "../domain/conditions.ts";
import { checksumMember, defaultAlgorithm, requireAlgorithm } from "../domain/checksum.ts";
import { type CopySource, copySourceOf } from "../domain/copy-source.ts";
import { lockOfHeaders } from "../domain/object-lock.ts";
import { type Description, isArchived, type ObjectVersion, standard } from "../domain/object.ts";
import { copyRangeOf } from "../domain/range.ts";
import { headerTags } from "../domain/tagging.ts";
import { invalidArgument, invalidRequest, s3Error } from "../errors.ts";
import type { S3Parts } from "../parts.ts";
import { receive } from "../receiving.ts";
import { causeOf, checkEncryption, descriptionOf, refuseReadingKey, requirePartNumber } from "../request.ts";
import { checksumToWire, type Client, expirationOf, quoted, wholeSeconds } from "../to-wire.ts";
import type { Uploads } from "../uploads.ts";

type CopyOperations = Pick<OperationsOf<Client>, "CopyObject" | "UploadPartCopy">;
type CopyInput = InputFor<Client, "CopyObject">;

interface Source {
  readonly bucket: Bucket;
  readonly version: ObjectVersion;
  readonly named: CopySource;
}

export function copyOperations(parts: S3Parts & { readonly uploads: Uploads }): CopyOperations {
  const { buckets, clock, files, objects, store, uploads } = parts;

  async function sourceOf(
    input: CopyInput | InputFor<Client, "UploadPartCopy">,
    ctx: Context,
  ): Promise<Source> {
    const named = copySourceOf(input.CopySource);
    const ref = { Bucket: named.bucket, ExpectedBucketOwner: input.ExpectedSourceBucketOwner };
    const bucket = await buckets.require(ref, ctx, "any-region");
    const version = await objects
      .object(bucket, named.key, named.versionId, "GET")
      .catch((error: unknown) => Promise.reject(named.versionId === undefined ? error : asCopyError(error)));
    refuseReadingKey(input.CopySourceSSECustomerAlgorithm);
    const nowMs = clock.now();
    checkCopySource(
      {
        ifMatch: input.CopySourceIfMatch,
        ifNoneMatch: input.CopySourceIfNoneMatch,
        ifModifiedSince: input.CopySourceIfModifiedSince,
        ifUnmodifiedSince: input.CopySourceIfUnmodifiedSince,
      },
      version,
      nowMs,
    );
    if (isArchived(version, nowMs)) {
      const text = "Operation is not valid for the source object's storage class";
      throw s3Error(403, "ObjectNotInActiveTierError", text);
    }
    return { bucket, version, named };
  }

  async function bytesOf({ version }: Source, slice = { start: 0, length: version.sizeBytes }) {
    if (slice.length > objectUploadBytesMax) {
      throw invalidRequest(
        `The specified copy source is larger than the maximum allowable size for a copy source: ${objectUploadBytesMax}`,
      );
    }
    return files.readBody(version.body, await store.layout(version), slice);
  }

  return {
    async CopyObject(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      const conditions = { ifMatch: input.IfMatch, ifNoneMatch: input.IfNoneMatch };
      checkWriteForm(conditions);
      const source = await sourceOf(input, ctx);
      checkSelfCopy(input, source);
      const description = copiedDescription(input, source, bucket, ctx);
      const tags = copiesTags(input) ? source.version.tags : headerTags(input.Tagging);
      const lock = lockOfHeaders(input, bucket.value, clock.now());
      const algorithm =
        input.ChecksumAlgorithm === undefined
          ? source.version.checksum.algorithm
          : requireAlgorithm(input.ChecksumAlgorithm);
      const expected = {
        claim: { algorithm, value: undefined, isNamed: false },
        md5: undefined,
        sizeBytes: source.version.sizeBytes,
      };
      return receive(files, await bytesOf(source), expected, async ({ body, sizeBytes, etag, checksum }) => {
        const object = { ...description, body, sizeBytes, etag, tags, lock };
        const placed = await objects.place(
          bucket,
          input.Key,
          { ...object, checksum: { algorithm, value: checksum, type: "FULL_OBJECT" } },
          {
            conditions,
            event: "ObjectCreated:Copy",
            by: causeOf(ctx, "CopyObject"),
            writes: body.kind === "file" ? [store.files.put([body.file], 1)] : [],
          },
        );
        const { version, versionId } = placed;
        return {
          CopyObjectResult: {
            ETag: quoted(etag),
            LastModified: wholeSeconds(version.modifiedAtMs),
            ...checksumToWire(version),
          },
          ServerSideEncryption: "AES256",
          VersionId: versionId,
          CopySourceVersionId: source.bucket.value.versioning === undefined ? undefined : source.version.id,
          Expiration: expirationOf(placed.bucket.value, input.Key, version),
        };
      });
    },

    async UploadPartCopy(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      checkEncryption(input);
      const upload = await uploads.require(bucket, input.Key, input.UploadId);
      requirePartNumber(input.PartNumber);
      const source = await sourceOf(input, ctx);
      const { CopySourceRange: range } = input;
      const slice = range === undefined ? undefined : copyRangeOf(range, source.version.sizeBytes);
      const algorithm = upload.value.checksum?.algorithm ?? defaultAlgorithm;
      const expected = {
        claim: { algorithm, value: undefined, isNamed: false },
        md5: undefined,
        sizeBytes: slice?.length ?? source.version.sizeBytes,
      };
      return receive(files, await bytesOf(source, slice), expected, async (received) => {
        const part = await uploads.putPart(bucket, input.Key, upload, input.PartNumber, received);
        return {
          CopyPartResult: {
            ETag: quoted(part.etag),
            LastModified: wholeSeconds(part.modifiedAtMs),
            ...(upload.value.checksum && checksumMember({ algorithm, value: part.checksum })),
          },
          ServerSideEncryption: "AES256",
          CopySourceVersionId: source.bucket.value.versioning === undefined ? undefined : source.version.id,
        };
      });
    },
  };
}

/** COPY takes the source's metadata; what is not copied (storage class, ACL) is the request's in both cases. */
function copiedDescription(input: CopyInput, source: Source, bucket: Bucket, ctx: Context): Description {
  const directive = input.MetadataDirective ?? "COPY";
  if (directive !== "COPY" && directive !== "REPLACE") {
    throw invalidArgument("Unknown metadata directive.", "x-amz-metadata-directive", directive);
  }
  const asked = descriptionOf(input, bucket.value, ctx);
  if (directive === "REPLACE") return asked;
  return { ...asked, headers: source.version.headers, metadata: source.version.metadata };
}

function copiesTags({ TaggingDirective: directive = "COPY" }: CopyInput): boolean {
  if (directive === "COPY") return true;
  if (directive === "REPLACE") return false;
  throw invalidArgument("Unknown tagging directive.", "x-amz-tagging-directive", directive);
}

function checkSelfCopy(input: CopyInput, { bucket, named, version }: Source): void {
  if (named.bucket !== input.Bucket || named.key !== input.Key || named.versionId !== undefined) return;
  const changes = [input.StorageClass, input.ServerSideEncryption, input.WebsiteRedirectLocation];
  const isChanged = changes.some((each) => each !== undefined) || input.MetadataDirective === "REPLACE";
  if (isChanged || bucket.value.settings.isEncryptionSet || version.storageClass !== standard) return;
  throw invalidRequest(
    "This copy request is illegal because it is trying to copy an object to itself without changing the object's " +
      "metadata, storage class, website redirect location or encryption attributes.",
  );
}

function asCopyError(error: unknown): unknown {
  const isMarker = error instanceof Error && "status" in error && error.status === 405;
  if (!isMarker) return error;
  return invalidRequest(
    "The source of a copy request may not specifically refer to a delete marker by version id.",
  );
}
