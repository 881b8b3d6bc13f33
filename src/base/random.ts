/**
 * Chance as an argument. `systemRandom` is cryptographically strong; `seededRandom` repeats itself for one seed and is
 * for tests and the simulation only: never for ids or secrets of a running platform.
 */
import { randomBytes, randomFillSync, randomUUID } from "node:crypto";

export interface Random {
  /** A version 4 UUID, lower case. */
  uuid(): string;
  bytes(count: number): Uint8Array;
  /** `bytes(count)` as lower-case hex: 2 × `count` characters. */
  hex(count: number): string;
  /** In [0, 1). */
  float(): number;
}

export const systemRandom: Random = {
  uuid: () => randomUUID(),
  bytes: (count) => Uint8Array.from(fresh(count)),
  hex: (count) => fresh(count).toString("hex"),
  float: () => Math.random(),
};

// Asking the system costs ten times what it takes to use the answer, so it is asked for many bytes at once.
const reserve = Buffer.alloc(4096);
let reserveUsed = reserve.length;

/** Bytes that were never handed out; only until the next call, for they are a view of the reserve. */
function fresh(count: number): Buffer {
  if (count > reserve.length) return randomBytes(count);
  if (reserveUsed + count > reserve.length) {
    randomFillSync(reserve);
    reserveUsed = 0;
  }
  reserveUsed += count;
  return reserve.subarray(reserveUsed - count, reserveUsed);
}

/** mulberry32: small, fast, good enough to explore states; see the head of this file for what it is not for. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  function word(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }
  function bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => word() & 0xff);
  }
  const hex = (count: number) => Buffer.from(bytes(count)).toString("hex");
  return {
    bytes,
    hex,
    float: () => word() / 2 ** 32,
    uuid() {
      const digits = hex(16);
      const variant = ((Number.parseInt(digits.charAt(16), 16) & 3) | 8).toString(16);
      return [
        digits.slice(0, 8),
        digits.slice(8, 12),
        `4${digits.slice(13, 16)}`,
        `${variant}${digits.slice(17, 20)}`,
        digits.slice(20),
      ].join("-");
    },
  };
}
