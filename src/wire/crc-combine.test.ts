import assert from "node:assert/strict";
import { test } from "node:test";
import { checksums } from "./checksum.ts";
import { combinedCrc } from "./crc-combine.ts";

for (const algorithm of ["crc32", "crc32c", "crc64nvme"]) {
  test(`the ${algorithm} of pieces, combined, is that of the whole`, () => {
    const bytes = Uint8Array.from({ length: 5000 }, (_, index) => (index * 31 + (index >> 3)) & 0xff);
    const crcOf = (part: Uint8Array) => {
      const checksum = checksums[algorithm]?.();
      assert.ok(checksum);
      checksum.update(part);
      return checksum.digest();
    };
    for (const cuts of [[], [1], [0, 5000], [1000, 2000, 3000], [4999], [17, 17, 2500]]) {
      const edges = [0, ...cuts, bytes.length];
      const pieces = edges.slice(1).map((end, index) => {
        const part = bytes.subarray(edges[index], end);
        return { crc: crcOf(part), sizeBytes: part.length };
      });
      assert.deepEqual(Buffer.from(combinedCrc(algorithm, pieces)), Buffer.from(crcOf(bytes)), String(cuts));
    }
  });
}
