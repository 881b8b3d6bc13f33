import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { AwsError } from "../../../wire/aws-error.ts";
import { checksumOfParts, checksumTypeOf, claimOf, runningChecksum } from "./checksum.ts";
import { etagOfParts } from "./upload.ts";

const claims: readonly (readonly [input: object, trailer: string | undefined, found: string])[] = [
  [{}, undefined, "CRC64NVME by nobody"],
  [{ ChecksumAlgorithm: "SHA1" }, undefined, "CRC64NVME by nobody"],
  [{ ChecksumCRC32: "NhCmhg==" }, undefined, "CRC32 NhCmhg=="],
  [{}, "x-amz-checksum-sha256", "SHA256 as a trailer"],
  [{ ChecksumCRC32: "NhCmhg==", ChecksumSHA1: "x" }, undefined, "InvalidRequest: Expecting a single"],
  [{ ChecksumCRC32: "NhCmhg==" }, "x-amz-checksum-crc32c", "InvalidRequest: Expecting a single"],
  [{ ChecksumCRC32: "NhCm" }, undefined, "InvalidRequest: Value for x-amz-checksum-crc32 header is invalid."],
  [{ ChecksumCRC32: "!" }, undefined, "InvalidRequest: Value for x-amz-checksum-crc32 header is invalid."],
  [{ ChecksumXXHASH64: "x" }, undefined, "InvalidRequest: Checksum algorithm provided is unsupported."],
];

for (const [input, trailer, found] of claims) {
  test(`${JSON.stringify(input)} and ${trailer ?? "no trailer"}: ${found}`, () => {
    const text = outcome(() => {
      const { algorithm, isNamed, value } = claimOf(input, trailer);
      return `${algorithm} ${isNamed ? (value ?? "as a trailer") : "by nobody"}`;
    });
    assert(text.startsWith(found), text);
  });
}

const types: readonly (readonly [algorithm: string | undefined, type: string | undefined, found: string])[] =
  [
    [undefined, undefined, "none"],
    ["CRC32", undefined, "COMPOSITE"],
    ["CRC32", "FULL_OBJECT", "FULL_OBJECT"],
    ["SHA256", undefined, "COMPOSITE"],
    ["CRC64NVME", undefined, "FULL_OBJECT"],
    [
      "SHA1",
      "FULL_OBJECT",
      "InvalidRequest: The FULL_OBJECT checksum type cannot be used with the sha1 checksum algorithm.",
    ],
    [
      "CRC64NVME",
      "COMPOSITE",
      "InvalidRequest: The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm.",
    ],
    [undefined, "COMPOSITE", "InvalidRequest: The x-amz-checksum-type header can only be used with"],
  ];

for (const [algorithm, type, found] of types) {
  test(`an upload with ${algorithm ?? "no algorithm"} and ${type ?? "no type"}: ${found}`, () => {
    const text = outcome(() => checksumTypeOf(algorithm, type)?.type ?? "none");
    assert(text.startsWith(found), text);
  });
}

test("checksums of parts make one of the whole, and their MD5s an ETag", () => {
  const parts = [Buffer.from("hello "), Buffer.from("world")];
  const sumOf = (algorithm: "SHA256" | "CRC32C", bytes: Uint8Array) => {
    const running = runningChecksum(algorithm);
    running.update(bytes);
    return Buffer.from(running.digest()).toString("base64");
  };
  const summed = (algorithm: "SHA256" | "CRC32C") =>
    parts.map((part) => ({ sizeBytes: part.length, checksum: sumOf(algorithm, part) }));
  const full = checksumOfParts("CRC32C", "FULL_OBJECT", summed("CRC32C"));
  assert.equal(full.value, sumOf("CRC32C", Buffer.concat(parts)));
  const composite = checksumOfParts("SHA256", "COMPOSITE", summed("SHA256"));
  const digests = parts.map((part) => createHash("sha256").update(part).digest());
  const expected = createHash("sha256").update(Buffer.concat(digests)).digest("base64");
  assert.equal(composite.value, `${expected}-2`);
  const md5s = parts.map((part) => createHash("md5").update(part).digest());
  const etag = createHash("md5").update(Buffer.concat(md5s)).digest("hex");
  assert.equal(etagOfParts(md5s.map((md5) => md5.toString("hex"))), `${etag}-2`);
});

function outcome(run: () => string): string {
  try {
    return run();
  } catch (error) {
    assert(error instanceof AwsError);
    return `${error.code}: ${error.message}`;
  }
}
