/**
 * Decodes CBOR (RFC 8949): the part of it that AWS's protocols use.
 *
 * Gives plain values: objects, arrays, strings, numbers, booleans, null, `Uint8Array` (a view of the input) and `Date`
 * for tag 1. Never allocates by a length that the input only claims, and throws nothing but "SerializationException".
 */
import { bufferOf } from "../base/bytes.ts";
import { documentDepthMax, documentNodesMax } from "../limits.ts";
import { serializationError } from "./serialization.ts";
import { dateOf } from "./timestamp.ts";
import { setEntry, tooDeep } from "./value-reader.ts";

/** What the number in a timestamp counts: rpcv2Cbor has seconds, amzCbor milliseconds. */
export type TimestampUnit = "seconds" | "milliseconds";

/** One item that fills the whole input. */
export function decodeCbor(bytes: Uint8Array, unit: TimestampUnit): unknown {
  const decoder = new Decoder(bufferOf(bytes), unit);
  const value = decoder.item(0);
  decoder.end();
  return value;
}

const breakItem = Symbol("break");
const indefinite = -1;

class Decoder {
  readonly #bytes: Buffer;
  readonly #unit: TimestampUnit;
  #at = 0;
  #nodes = 0;

  constructor(bytes: Buffer, unit: TimestampUnit) {
    this.#bytes = bytes;
    this.#unit = unit;
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw malformed("trailing bytes");
  }

  item(depth: number): unknown {
    const value = this.#itemOrBreak(depth);
    if (value === breakItem) throw malformed("unexpected break");
    return value;
  }

  #itemOrBreak(depth: number): unknown {
    if (depth > documentDepthMax) throw tooDeep();
    if (++this.#nodes > documentNodesMax) throw malformed("too many items");
    const initial = this.#take(1);
    const head = this.#bytes[initial] ?? 0;
    const major = head >> 5;
    const minor = head & 31;
    switch (major) {
      case 0:
        return this.#argument(minor);
      case 1:
        return -1 - this.#argument(minor);
      case 2:
        return this.#byteString(minor);
      case 3:
        return this.#text(minor);
      case 4:
        return this.#list(minor, depth);
      case 5:
        return this.#map(minor, depth);
      case 6:
        return this.#tagged(this.#argument(minor), depth);
      default:
        return this.#simple(minor);
    }
  }

  /** Claims `length` bytes that must be there; returns where they begin. */
  #take(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) throw malformed("unexpected end");
    this.#at = start + length;
    return start;
  }

  #argument(minor: number): number {
    if (minor < 24) return minor;
    switch (minor) {
      case 24:
        return this.#bytes.readUInt8(this.#take(1));
      case 25:
        return this.#bytes.readUInt16BE(this.#take(2));
      case 26:
        return this.#bytes.readUInt32BE(this.#take(4));
      case 27:
        return Number(this.#bytes.readBigUInt64BE(this.#take(8))); // beyond 2^53 as near as a number gets
      default:
        throw malformed("reserved length");
    }
  }

  #length(minor: number): number {
    return minor === 31 ? indefinite : this.#argument(minor);
  }

  #byteString(minor: number): Uint8Array {
    const length = this.#length(minor);
    if (length !== indefinite) {
      const start = this.#take(length);
      return this.#bytes.subarray(start, start + length);
    }
    return Buffer.concat(this.#chunks(2, (chunk) => this.#byteString(chunk)));
  }

  #text(minor: number): string {
    const length = this.#length(minor);
    if (length !== indefinite) {
      const start = this.#take(length);
      return this.#bytes.toString("utf8", start, start + length);
    }
    return this.#chunks(3, (chunk) => this.#text(chunk)).join("");
  }

  /** An indefinite string is a row of definite ones of its own major type. */
  #chunks<T>(major: number, read: (minor: number) => T): T[] {
    const chunks: T[] = [];
    for (;;) {
      if (++this.#nodes > documentNodesMax) throw malformed("too many items");
      const head = this.#bytes[this.#take(1)] ?? 0;
      if (head === 0xff) return chunks;
      if (head >> 5 !== major || (head & 31) === 31) throw malformed("bad chunk of a string");
      chunks.push(read(head & 31));
    }
  }

  #list(minor: number, depth: number): unknown[] {
    const length = this.#length(minor);
    const list: unknown[] = [];
    while (length === indefinite || list.length < length) {
      const value = this.#itemOrBreak(depth + 1);
      if (value === breakItem) {
        if (length === indefinite) break;
        throw malformed("unexpected break");
      }
      list.push(value);
    }
    return list;
  }

  #map(minor: number, depth: number): Record<string, unknown> {
    const length = this.#length(minor);
    const map: Record<string, unknown> = {};
    for (let i = 0; length === indefinite || i < length; i++) {
      const key = this.#itemOrBreak(depth + 1);
      if (key === breakItem && length === indefinite) break;
      if (typeof key !== "string") throw malformed("a key that is no text");
      setEntry(map, key, this.item(depth + 1));
    }
    return map;
  }

  /** Tags other than times and big integers are transparent. */
  #tagged(tag: number, depth: number): unknown {
    const value = this.item(depth + 1);
    if (tag === 1) {
      if (typeof value !== "number") throw malformed("a time that is no number");
      const date = dateOf(this.#unit === "seconds" ? value * 1000 : value);
      if (!date) throw malformed("a time outside the calendar");
      return date;
    }
    if (tag === 2 || tag === 3) return bigIntegerOf(value, tag === 3);
    return value;
  }

  #simple(minor: number): unknown {
    switch (minor) {
      case 20:
        return false;
      case 21:
        return true;
      case 22:
      case 23:
        return null;
      case 25:
        return halfFloat(this.#bytes.readUInt16BE(this.#take(2)));
      case 26:
        return this.#bytes.readFloatBE(this.#take(4));
      case 27:
        return this.#bytes.readDoubleBE(this.#take(8));
      case 31:
        return breakItem;
      default:
        throw malformed("unknown simple value");
    }
  }
}

function malformed(why: string): Error {
  return serializationError(`The CBOR body is malformed: ${why}`); // inferred: AWS's words are not known
}

function bigIntegerOf(value: unknown, isNegative: boolean): number {
  // 128 bytes exceed any double already.
  if (!(value instanceof Uint8Array) || value.length > 128) throw malformed("a big integer that is no bytes");
  const magnitude = Number(BigInt(`0x0${bufferOf(value).toString("hex")}`));
  return isNegative ? -1 - magnitude : magnitude;
}

function halfFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
