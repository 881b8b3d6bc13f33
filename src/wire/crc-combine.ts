/**
 * The CRC of bytes put one behind the other, from the CRCs of the pieces and their lengths, without the bytes: how an
 * object that came in parts gets a checksum of the whole. Polynomials over GF(2), in the reflected form, as zlib's
 * `crc32_combine` has it; for CRCs whose initial and final values are all ones.
 */
import { invariant } from "../base/invariant.ts";

export interface Piece {
  /** Big-endian. */
  readonly crc: Uint8Array;
  readonly sizeBytes: number;
}

/** `algorithm`: "crc32", "crc32c", "crc64nvme". */
export function combinedCrc(algorithm: string, pieces: readonly Piece[]): Uint8Array {
  const field = fields[algorithm];
  invariant(field !== undefined, `${algorithm} can be combined`);
  const shifts = new Map<number, bigint>(); // nearly all parts have one size
  let whole = 0n;
  for (const { crc, sizeBytes } of pieces) {
    const shift = shifts.get(sizeBytes) ?? field.power(BigInt(sizeBytes) * 8n);
    shifts.set(sizeBytes, shift);
    whole = field.times(shift, whole) ^ BigInt(`0x${Buffer.from(crc).toString("hex")}`);
  }
  return Buffer.from(whole.toString(16).padStart(field.bits / 4, "0"), "hex");
}

interface Field {
  readonly bits: number;
  times(a: bigint, b: bigint): bigint;
  /** x to the n-th, modulo the polynomial. */
  power(n: bigint): bigint;
}

function createField(bits: number, reflected: bigint): Field {
  const one = 1n << BigInt(bits - 1);
  /** x, x², x⁴, … */
  const squares = [one >> 1n];

  function times(a: bigint, b: bigint): bigint {
    let product = 0n;
    let shifted = b;
    for (let bit = one; bit > 0n; bit >>= 1n) {
      if (a & bit) product ^= shifted;
      shifted = shifted & 1n ? (shifted >> 1n) ^ reflected : shifted >> 1n;
    }
    return product;
  }

  return {
    bits,
    times,
    power(n) {
      let result = one;
      for (let index = 0, rest = n; rest > 0n; index += 1, rest >>= 1n) {
        const previous = squares[index - 1] ?? one;
        const square = (squares[index] ??= times(previous, previous));
        if (rest & 1n) result = times(square, result);
      }
      return result;
    },
  };
}

const fields: Readonly<Record<string, Field>> = {
  crc32: createField(32, 0xedb8_8320n),
  crc32c: createField(32, 0x82f6_3b78n),
  crc64nvme: createField(64, 0x9a6c_9329_ac4b_c9b5n),
};
