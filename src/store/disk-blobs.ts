/**
 * Blobs as files `<dir>/ab/cdef…`, named by the SHA-256 of their bytes. A blob is written to `<dir>/tmp`, made durable,
 * then renamed, so a crash leaves a whole blob or none (B1); what it left in `tmp` is removed at the next open. A put of
 * bytes that are there already writes them again, which mends a damaged file. Needs the data directory to itself.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Disk, DiskFile } from "../base/disk.ts";
import { blobChunkBytesMax } from "../limits.ts";
import { checkSha256 } from "./bounds.ts";
import { blobCorrupt, blobNotFound } from "./errors.ts";
import type { Lifetime } from "./lifetime.ts";
import { StoreError } from "./store.ts";
import type { BlobRef, Blobs } from "./store.ts";

type Source = Uint8Array | AsyncIterable<Uint8Array>;

const shards = Array.from({ length: 256 }, (_, index) => index.toString(16).padStart(2, "0"));

export interface DiskBlobsDeps {
  readonly disk: Disk;
  readonly dir: string;
  readonly lifetime: Lifetime;
}

export async function openDiskBlobs({ disk, dir, lifetime }: DiskBlobsDeps): Promise<Blobs> {
  const tempDir = join(dir, "tmp");
  await orStoreError(disk.makeDirs(dir, ["tmp", ...shards]));
  for (const name of await orStoreError(disk.list(tempDir))) {
    await orStoreError(disk.remove(join(tempDir, name)));
  }
  let made = 0;

  async function put(bytes: Source): Promise<BlobRef> {
    const temp = join(tempDir, String(made++));
    const file = await orStoreError(disk.create(temp));
    try {
      const ref = await write(file, bytes).finally(() => orStoreError(file.close()));
      const path = pathOf(dir, ref.sha256);
      await orStoreError(disk.rename(temp, path.file));
      await orStoreError(disk.syncDir(path.shard));
      return ref;
    } catch (error) {
      // The first error is the one to tell; the file goes at the next open if not now.
      await disk.remove(temp).catch(() => undefined);
      throw error;
    }
  }

  async function* stream(sha256: string): AsyncIterable<Uint8Array> {
    const path = pathOf(dir, sha256);
    const hash = createHash("sha256");
    try {
      for await (const chunk of disk.read(path.file, blobChunkBytesMax)) {
        hash.update(chunk);
        yield chunk;
      }
    } catch (error) {
      throw isMissing(error) ? blobNotFound(sha256) : diskError(error);
    }
    if (hash.digest("hex") !== sha256) throw blobCorrupt(sha256);
  }

  return {
    put: (bytes) => lifetime.run(() => put(bytes)),
    read: (sha256) => lifetime.run(async () => whole(stream(sha256))),
    async *stream(sha256) {
      lifetime.check();
      yield* stream(sha256);
    },
    stat: (sha256) =>
      lifetime.run(async () => {
        const sizeBytes = await orStoreError(disk.sizeOf(pathOf(dir, sha256).file));
        return sizeBytes === undefined ? undefined : { sha256, sizeBytes };
      }),
    remove: (sha256) =>
      lifetime.run(async () => {
        const path = pathOf(dir, sha256);
        await orStoreError(disk.remove(path.file));
        await orStoreError(disk.syncDir(path.shard));
      }),
    async *list() {
      for (const shard of shards) {
        lifetime.check();
        for (const rest of (await orStoreError(disk.list(join(dir, shard)))).toSorted()) yield shard + rest;
      }
    },
  };
}

async function whole(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return new Uint8Array(Buffer.concat(all));
}

async function write(file: DiskFile, bytes: Source): Promise<BlobRef> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  // An error of the source is the caller's own and passes as it is.
  for await (const chunk of bytes instanceof Uint8Array ? chunksOf(bytes) : bytes) {
    hash.update(chunk);
    sizeBytes += chunk.length;
    await orStoreError(file.write(chunk));
  }
  await orStoreError(file.sync());
  return { sha256: hash.digest("hex"), sizeBytes };
}

function* chunksOf(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += blobChunkBytesMax) {
    yield bytes.subarray(at, at + blobChunkBytesMax);
  }
}

function pathOf(dir: string, sha256: string): { readonly shard: string; readonly file: string } {
  checkSha256(sha256);
  const shard = join(dir, sha256.slice(0, 2));
  return { shard, file: join(shard, sha256.slice(2)) };
}

async function orStoreError<T>(operation: Promise<T>): Promise<T> {
  try {
    return await operation;
  } catch (error) {
    throw diskError(error);
  }
}

function diskError(error: unknown): StoreError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new StoreError("full", "the disk is full: the blob was not stored", { cause: error });
  }
  return new StoreError("io", "a blob's file could not be read or written", { cause: error });
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}
