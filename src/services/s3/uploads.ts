/** Multipart uploads: begun, filled part by part, completed in one commit or given up. Nothing of them is visible before. */
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { partBytesMin } from "../../limits.ts";
import type { Stored } from "../../store/records.ts";
import type { Bucket, Buckets } from "./buckets.ts";
import { checksumOfParts, defaultAlgorithm } from "./domain/checksum.ts";
import type { WriteConditions } from "./domain/conditions.ts";
import { isConditional } from "./domain/conditions.ts";
import type { Cause } from "./domain/notification-record.ts";
import type { Version } from "./domain/object.ts";
import { etagOfParts, type Part, partKey, type Upload } from "./domain/upload.ts";
import { sequencerOf, type VersionTokens } from "./domain/version-token.ts";
import { conditionalConflict, entityTooSmall, invalidPart, noSuchUpload } from "./errors.ts";
import type { ObjectFiles } from "./files.ts";
import type { Objects, Placed } from "./objects.ts";
import type { Received } from "./receiving.ts";
import type { RubbishClearer } from "./rubbish.ts";
import { Outdated, type S3Store } from "./store.ts";

export interface UploadsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: S3Store;
  readonly buckets: Buckets;
  readonly files: ObjectFiles;
  readonly objects: Objects;
  readonly tokens: VersionTokens;
  readonly rubbish: RubbishClearer;
}

export type StoredUpload = Stored<Upload>;

/** A part as the client lists it, found to be the one that was uploaded. */
export interface ListedPart {
  readonly PartNumber: number;
  readonly ETag: string;
  readonly checksum: string | undefined;
}

export class Uploads {
  readonly #deps: UploadsDeps;

  constructor(deps: UploadsDeps) {
    this.#deps = deps;
  }

  /** Answers the upload's id. Those of one key are ordered by their beginning. */
  async begin(bucket: Bucket, key: string, upload: Omit<Upload, "startedAtMs">): Promise<string> {
    const { clock, random, store, tokens } = this.#deps;
    const uploadId = `${sequencerOf(tokens.next())}${random.hex(24)}`;
    const record = { ...upload, startedAtMs: clock.now() };
    await this.#whileBucketIs(bucket, (now) => [
      store.buckets.check([now.value.name], now.version),
      store.uploads.put([now.value.id, key, uploadId], record, 0),
    ]);
    return uploadId;
  }

  async require({ value: bucket }: Bucket, key: string, uploadId: string): Promise<StoredUpload> {
    const upload = await this.#deps.store.uploads.get([bucket.id, key, uploadId]);
    if (!upload) throw noSuchUpload(uploadId);
    return upload;
  }

  /** Takes the place of an earlier part of the same number. */
  async putPart(
    { value: bucket }: Bucket,
    key: string,
    upload: StoredUpload,
    partNumber: number,
    { body, sizeBytes, etag, checksum }: Received,
  ): Promise<Part> {
    const { clock, files, store } = this.#deps;
    const uploadId = uploadIdOf(upload);
    const file = body.kind === "file" ? { file: body.file } : {};
    const part: Part = { partNumber, ...file, sizeBytes, etag, checksum, modifiedAtMs: clock.now() };
    const place = [uploadId, partKey(partNumber)];
    for (;;) {
      const earlier = await store.parts.get(place);
      const old = earlier?.value.file;
      try {
        await store.commit([
          store.uploads.check([bucket.id, key, uploadId], upload.version),
          store.parts.put(place, part, earlier?.version ?? 0),
          ...(part.file === undefined ? [] : [store.files.put([part.file], 1)]),
          ...(old === undefined ? [] : [store.files.remove([old])]),
        ]);
        if (old !== undefined) void files.remove([old]);
        return part;
      } catch (error) {
        if (!(error instanceof Outdated)) throw error;
        const now = await store.uploads.get([bucket.id, key, uploadId]);
        if (now?.version !== upload.version) throw noSuchUpload(uploadId);
      }
    }
  }

  /** Throws for a list that is not what was uploaded. */
  async complete(
    bucket: Bucket,
    key: string,
    upload: StoredUpload,
    listed: readonly ListedPart[],
    {
      conditions,
      by,
      check,
    }: {
      readonly conditions: WriteConditions;
      readonly by: Cause;
      /** Throws when the checksum of the whole, or its size, is not what the client says. */
      readonly check: (checksum: string, sizeBytes: number) => void;
    },
  ): Promise<Placed> {
    const { random, rubbish, store } = this.#deps;
    const uploadId = uploadIdOf(upload);
    const parts = await this.#partsOf(uploadId, listed);
    const { algorithm, type } = upload.value.checksum ?? {
      algorithm: defaultAlgorithm,
      type: "FULL_OBJECT" as const,
    };
    const checksum = checksumOfParts(algorithm, type, parts);
    const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
    check(checksum.value, sizeBytes);
    const layout = random.hex(12);
    const { startedAtMs, account: _, checksum: __, ...description } = upload.value;
    const laid = parts.map((part) => ({
      partNumber: part.partNumber,
      ...(part.file !== undefined && { file: part.file }),
      sizeBytes: part.sizeBytes,
      ...(upload.value.checksum && { checksum: part.checksum }),
    }));
    const placed = await this.#deps.objects.place(
      bucket,
      key,
      {
        ...description,
        body: { kind: "parts", layout, partsCount: parts.length },
        sizeBytes,
        etag: etagOfParts(parts.map(({ etag }) => etag)),
        checksum,
        uploadId,
      },
      {
        conditions,
        by,
        event: "ObjectCreated:CompleteMultipartUpload",
        writes: [
          store.layouts.put([layout], { parts: laid }),
          store.uploads.remove([bucket.value.id, key, uploadId], upload.version),
          store.rubbish.put([uploadId], { kind: "upload", uploadId, layout }),
        ],
        check: async (current) => {
          const now = await this.require(bucket, key, uploadId);
          if (now.version !== upload.version) throw noSuchUpload(uploadId);
          checkUntouched(conditions, key, current, startedAtMs);
        },
      },
    );
    rubbish.wake();
    return placed;
  }

  async abort({ value: bucket }: Bucket, key: string, upload: StoredUpload): Promise<void> {
    const { rubbish, store } = this.#deps;
    const uploadId = uploadIdOf(upload);
    try {
      await store.commit([
        store.uploads.remove([bucket.id, key, uploadId], upload.version),
        store.rubbish.put([uploadId], { kind: "upload", uploadId }),
      ]);
    } catch (error) {
      throw error instanceof Outdated ? noSuchUpload(uploadId) : error;
    }
    rubbish.wake();
  }

  async abortAll(bucket: Bucket): Promise<void> {
    const walk = this.#deps.store.walkUploads(bucket.value.id, { prefix: "" });
    for (let each = await walk.next(); each; each = await walk.next()) {
      await this.abort(bucket, each.key, await this.require(bucket, each.key, each.uploadId));
    }
  }

  async #partsOf(uploadId: string, listed: readonly ListedPart[]): Promise<readonly Part[]> {
    const stored = new Map(
      (await this.#deps.store.partsOf(uploadId)).map(({ value }) => [value.partNumber, value]),
    );
    const parts: Part[] = [];
    for (const [index, { PartNumber, ETag, checksum }] of listed.entries()) {
      const part = stored.get(PartNumber);
      const isSame = part?.etag === ETag && (checksum === undefined || checksum === part.checksum);
      if (!part || !isSame) throw invalidPart(uploadId, PartNumber, ETag);
      if (part.sizeBytes < partBytesMin && index < listed.length - 1) {
        throw entityTooSmall({
          ETag: part.etag,
          MinSizeAllowed: partBytesMin,
          PartNumber,
          ProposedSize: part.sizeBytes,
        });
      }
      parts.push(part);
    }
    return parts;
  }

  async #whileBucketIs(
    bucket: Bucket,
    writes: (now: Bucket) => Parameters<S3Store["commit"]>[0],
  ): Promise<void> {
    for (let now = bucket; ; now = await this.#deps.buckets.again(bucket)) {
      try {
        await this.#deps.store.commit(writes(now));
        return;
      } catch (error) {
        if (!(error instanceof Outdated)) throw error;
      }
    }
  }
}

export function uploadIdOf({ parts }: StoredUpload): string {
  return parts[2] ?? "";
}

/** A condition that holds again after somebody has written in between would mislead whoever set it (recorded). */
function checkUntouched(
  conditions: WriteConditions,
  key: string,
  current: Version | undefined,
  startedAtMs: number,
): void {
  if (!isConditional(conditions) || !current || current.modifiedAtMs <= startedAtMs) return;
  throw conditionalConflict(conditions.ifMatch === undefined ? "If-None-Match" : "If-Match", key);
}
