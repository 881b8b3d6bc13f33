import assert from "node:assert/strict";
import { test } from "node:test";
import { checksums } from "./checksum.ts";

// The check values of the catalogue of CRC algorithms, and NIST's for the SHAs.
const ofDigits: readonly (readonly [string, string])[] = [
  ["crc32", "cbf43926"],
  ["crc32c", "e3069283"],
  ["crc64nvme", "ae8b14860a799888"],
  ["sha1", "f7c3bc1d808e04732adf679965ccc34ca7ae3441"],
  ["sha256", "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"],
];

for (const [algorithm, expected] of ofDigits) {
  test(`${algorithm} of "123456789" is the catalogue's check value, in one piece and in two`, () => {
    for (const pieces of [["123456789"], ["1234", "56789"], ["", "123456789", ""]]) {
      const checksum = checksums[algorithm]?.();
      assert.ok(checksum);
      for (const piece of pieces) checksum.update(Buffer.from(piece));
      assert.equal(Buffer.from(checksum.digest()).toString("hex"), expected);
    }
  });
}

test("wherever in memory bytes lie, and however they are cut, a checksum is the same", () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, index) => (index * 37 + 11) & 0xff);
  for (const algorithm of Object.keys(checksums)) {
    const digestOf = (pieces: readonly Uint8Array[]) => {
      const checksum = checksums[algorithm]?.();
      assert.ok(checksum);
      for (const piece of pieces) checksum.update(piece);
      return Buffer.from(checksum.digest()).toString("hex");
    };
    for (let start = 0; start < 9; start += 1) {
      for (const length of [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 64, 91]) {
        const slice = bytes.subarray(start, start + length);
        const oneByOne = Array.from(slice, (byte) => Uint8Array.of(byte));
        assert.equal(digestOf([slice]), digestOf(oneByOne), `${algorithm} ${start} ${length}`);
      }
    }
  }
});
