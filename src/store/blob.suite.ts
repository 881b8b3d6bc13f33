/** The laws B1 and B2 as tests, for any implementation; part of `storeSuite`. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { blobChunkBytesMax } from "../limits.ts";
import { bytes, failsWith, withStore } from "./under-test.suite.ts";
import type { MakeStore } from "./under-test.suite.ts";
import type { Blobs } from "./store.ts";

const sizes = [0, 1, 4096, blobChunkBytesMax, blobChunkBytesMax + 1, 3 * blobChunkBytesMax + 17];

export function blobSuite(name: string, make: MakeStore): void {
  test(`${name}: B1 a blob reads back whole, by its SHA-256, also after a reopen`, () =>
    withStore(make, async (store, made) => {
      const stored: string[] = [];
      for (const sizeBytes of sizes) {
        const content = contentOf(sizeBytes);
        const ref = await store.blobs.put(content);
        assert.deepEqual(ref, { sha256: sha256Of(content), sizeBytes });
        stored.push(ref.sha256);
      }
      const { blobs } = await made.reopen();
      for (const [index, sha256] of stored.entries()) {
        const content = contentOf(sizes[index] ?? 0);
        assert.equal(Buffer.compare(await blobs.read(sha256), content), 0);
        assert.equal(Buffer.compare(await streamed(blobs, sha256), content), 0);
        assert.deepEqual(await blobs.stat(sha256), { sha256, sizeBytes: content.length });
      }
      assert.deepEqual(await listed(blobs), stored.toSorted());
    }));

  test(`${name}: B1 a stream is stored like bytes, and the same bytes are one blob`, () =>
    withStore(make, async ({ blobs }) => {
      const content = contentOf(300_000);
      async function* pieces() {
        for (let at = 0; at < content.length; at += 7001) yield content.subarray(at, at + 7001);
      }
      const refs = await Promise.all([blobs.put(pieces()), blobs.put(content), blobs.put(pieces())]);
      for (const ref of refs) assert.deepEqual(ref, { sha256: sha256Of(content), sizeBytes: content.length });
      assert.deepEqual(await listed(blobs), [sha256Of(content)]);
    }));

  test(`${name}: B1 a source that fails passes its error on and leaves no blob`, () =>
    withStore(make, async ({ blobs }, made) => {
      const failure = new Error("the client went away");
      async function* pieces() {
        yield bytes("half of it");
        throw failure;
      }
      await assert.rejects(blobs.put(pieces()), (error) => error === failure);
      assert.deepEqual(await listed(blobs), []);
      assert.deepEqual(await listed((await made.reopen()).blobs), []);
    }));

  test(`${name}: B1 a removed blob is gone, removing is idempotent, and it may come back`, () =>
    withStore(make, async ({ blobs }) => {
      const { sha256 } = await blobs.put(bytes("x"));
      await blobs.remove(sha256);
      await blobs.remove(sha256);
      assert.equal(await blobs.stat(sha256), undefined);
      await assert.rejects(blobs.read(sha256), failsWith("not-found"));
      await assert.rejects(streamed(blobs, sha256), failsWith("not-found"));
      assert.deepEqual(await listed(blobs), []);
      await blobs.put(bytes("x"));
      assert.deepEqual(await blobs.read(sha256), bytes("x"));
    }));

  test(`${name}: B2 a damaged blob is refused on read, and mended by another put of its bytes`, () =>
    withStore(make, async ({ blobs }, made) => {
      const content = contentOf(2 * blobChunkBytesMax);
      const { sha256 } = await blobs.put(content);
      await made.damageBlob(sha256);
      await assert.rejects(blobs.read(sha256), failsWith("corrupt"));
      await assert.rejects(streamed(blobs, sha256), failsWith("corrupt"));
      await blobs.put(content);
      assert.equal(Buffer.compare(await blobs.read(sha256), content), 0);
    }));
}

function contentOf(sizeBytes: number): Uint8Array {
  return new Uint8Array(sizeBytes).map((_, index) => (index * 31 + sizeBytes) % 253);
}

function sha256Of(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

async function streamed(blobs: Blobs, sha256: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of blobs.stream(sha256)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function listed(blobs: Blobs): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const name of blobs.list()) names.push(name);
  return names;
}
