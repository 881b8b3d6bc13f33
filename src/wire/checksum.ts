/**
 * The checksums that S3 clients send in `x-amz-checksum-*` headers and trailers, incrementally. CRC32 and the SHAs come
 * from Node; CRC32C and CRC64NVME are table-driven here, for Node has neither.
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";

export interface Checksum {
  update(bytes: Uint8Array): void;
  /** Big-endian, as AWS writes them. Call once. */
  digest(): Uint8Array;
}

/** Keyed by what follows `x-amz-checksum-`. */
export const checksums: Readonly<Record<string, () => Checksum>> = {
  crc32: createCrc32,
  crc32c: createCrc32c,
  crc64nvme: createCrc64Nvme,
  sha1: () => createSha("sha1"),
  sha256: () => createSha("sha256"),
};

function createSha(algorithm: string): Checksum {
  const hash = createHash(algorithm);
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest() };
}

function createCrc32(): Checksum {
  let value = 0;
  return {
    update(bytes) {
      value = crc32(bytes, value);
    },
    digest: () => bigEndian(value),
  };
}

let crc32cTable: Uint32Array | undefined;

function createCrc32c(): Checksum {
  const table = (crc32cTable ??= makeCrc32cTable());
  let value = 0xffff_ffff;
  return {
    update(bytes) {
      for (const byte of bytes) value = (value >>> 8) ^ (table[(value ^ byte) & 0xff] ?? 0);
    },
    digest: () => bigEndian(~value),
  };
}

function makeCrc32cTable(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit += 1)
      value = (value & 1) === 1 ? (value >>> 1) ^ 0x82f6_3b78 : value >>> 1;
    return value;
  });
}

let crc64Tables: { readonly high: Uint32Array; readonly low: Uint32Array } | undefined;

// Two 32-bit halves: BigInt arithmetic per byte would be forty times slower.
function createCrc64Nvme(): Checksum {
  const tables = (crc64Tables ??= makeCrc64Tables());
  let high = 0xffff_ffff;
  let low = 0xffff_ffff;
  return {
    update(bytes) {
      for (const byte of bytes) {
        const index = (low ^ byte) & 0xff;
        low = ((low >>> 8) | (high << 24)) ^ (tables.low[index] ?? 0);
        high = (high >>> 8) ^ (tables.high[index] ?? 0);
      }
    },
    digest: () => Buffer.concat([bigEndian(~high), bigEndian(~low)]),
  };
}

function makeCrc64Tables() {
  const polynomial = 0x9a6c_9329_ac4b_c9b5n; // reflected
  const high = new Uint32Array(256);
  const low = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte += 1) {
    let value = BigInt(byte);
    for (let bit = 0; bit < 8; bit += 1) value = value & 1n ? (value >> 1n) ^ polynomial : value >> 1n;
    high[byte] = Number(value >> 32n);
    low[byte] = Number(value & 0xffff_ffffn);
  }
  return { high, low };
}

function bigEndian(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}
