/** Blobs in a map: the laws B1 and B2 without a disk. */
import { createHash } from "node:crypto";
import { checkSha256 } from "../bounds.ts";
import { blobCorrupt, blobNotFound } from "../errors.ts";
import type { Lifetime } from "../lifetime.ts";
import type { Blobs } from "../store.ts";

export function createMemoryBlobs(blobs: Map<string, Uint8Array>, lifetime: Lifetime): Blobs {
  async function read(sha256: string): Promise<Uint8Array> {
    checkSha256(sha256);
    const bytes = blobs.get(sha256);
    if (!bytes) throw blobNotFound(sha256);
    if (digestOf(bytes) !== sha256) throw blobCorrupt(sha256);
    return new Uint8Array(bytes);
  }

  return {
    put: (bytes) =>
      lifetime.run(async () => {
        const chunks: Uint8Array[] = [];
        for await (const chunk of bytes instanceof Uint8Array ? [bytes] : bytes) chunks.push(chunk);
        const whole = Buffer.concat(chunks);
        const sha256 = digestOf(whole);
        blobs.set(sha256, whole);
        return { sha256, sizeBytes: whole.length };
      }),
    read: (sha256) => lifetime.run(() => read(sha256)),
    async *stream(sha256) {
      lifetime.check();
      yield await read(sha256);
    },
    stat: (sha256) =>
      lifetime.run(async () => {
        checkSha256(sha256);
        const bytes = blobs.get(sha256);
        return bytes && { sha256, sizeBytes: bytes.length };
      }),
    remove: (sha256) =>
      lifetime.run(async () => {
        checkSha256(sha256);
        blobs.delete(sha256);
      }),
    async *list() {
      lifetime.check();
      yield* [...blobs.keys()].sort();
    },
  };
}

function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
