/**
 * Frames of `application/vnd.amazon.eventstream`: length, headers, payload, two CRC-32.
 *
 * `encodeFrame` and `decodeFrames` know nothing of models; `event-stream-shape.ts` puts events into frames. The decoder
 * accepts bytes in any portions, holds at most one frame, and throws "SerializationException" at the first that is broken.
 */
import { bufferOf } from "../base/bytes.ts";
import { crc32 } from "node:zlib";
import { eventStreamHeadersBytesMax, eventStreamMessageBytesMax } from "../limits.ts";
import { serializationError } from "./serialization.ts";

/** Numbers are written as 32-bit integers, bigints as 64-bit ones. */
export type HeaderValue = boolean | number | bigint | string | Uint8Array | Date;

export interface Frame {
  readonly headers: Readonly<Record<string, HeaderValue>>;
  readonly payload: Uint8Array;
}

const preludeBytes = 12;
const overheadBytes = preludeBytes + 4;

export function encodeFrame({ headers, payload }: Frame): Uint8Array {
  const encodedHeaders = Buffer.concat(
    Object.entries(headers).map(([name, value]) => encodeHeader(name, value)),
  );
  const length = overheadBytes + encodedHeaders.length + payload.length;
  if (length > eventStreamMessageBytesMax || encodedHeaders.length > eventStreamHeadersBytesMax) {
    throw new RangeError(`an event of ${length} bytes does not fit a frame`);
  }
  const frame = Buffer.allocUnsafe(length);
  frame.writeUInt32BE(length, 0);
  frame.writeUInt32BE(encodedHeaders.length, 4);
  frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8);
  encodedHeaders.copy(frame, preludeBytes);
  frame.set(payload, preludeBytes + encodedHeaders.length);
  frame.writeUInt32BE(crc32(frame.subarray(0, length - 4)), length - 4);
  return frame;
}

/** Payloads are views of the portions where a frame lies within one. */
export async function* decodeFrames(portions: AsyncIterable<Uint8Array>): AsyncGenerator<Frame, void, void> {
  let held: Buffer[] = []; // joined only when a frame is complete: many small portions must not be copied each time
  let heldBytes = 0;
  let neededBytes = preludeBytes;
  for await (const portion of portions) {
    held.push(bufferOf(portion));
    heldBytes += portion.length;
    if (heldBytes < neededBytes) continue;
    let pending: Buffer = held.length === 1 && held[0] ? held[0] : Buffer.concat(held);
    let length = frameLength(pending);
    while (length !== undefined && length <= pending.length) {
      yield decodeFrame(pending.subarray(0, length));
      pending = pending.subarray(length);
      length = frameLength(pending);
    }
    held = [pending];
    heldBytes = pending.length;
    neededBytes = length ?? preludeBytes;
  }
  if (heldBytes > 0) throw malformed("it ends within a frame");
}

/** Length of the first frame, once its prelude is there and found right. */
function frameLength(bytes: Buffer): number | undefined {
  if (bytes.length < preludeBytes) return undefined;
  const length = bytes.readUInt32BE(0);
  const headersLength = bytes.readUInt32BE(4);
  if (crc32(bytes.subarray(0, 8)) !== bytes.readUInt32BE(8))
    throw malformed("the prelude's checksum is wrong");
  if (length > eventStreamMessageBytesMax) throw malformed("a frame is too long");
  if (headersLength > eventStreamHeadersBytesMax || headersLength + overheadBytes > length) {
    throw malformed("a frame's headers are too long");
  }
  return length;
}

/** One whole frame, as long as it says it is. */
function decodeFrame(frame: Buffer): Frame {
  const end = frame.length - 4;
  if (crc32(frame.subarray(0, end)) !== frame.readUInt32BE(end))
    throw malformed("a frame's checksum is wrong");
  const payloadStart = preludeBytes + frame.readUInt32BE(4);
  return {
    headers: decodeHeaders(frame.subarray(preludeBytes, payloadStart)),
    payload: frame.subarray(payloadStart, end),
  };
}

function malformed(why: string): Error {
  return serializationError(`The event stream is malformed: ${why}`); // inferred: AWS's words are not known
}

// Types of header values, by their numbers on the wire.
const type = {
  true: 0,
  false: 1,
  byte: 2,
  short: 3,
  integer: 4,
  long: 5,
  bytes: 6,
  text: 7,
  timestamp: 8,
  uuid: 9,
};

function encodeHeader(name: string, value: HeaderValue): Buffer {
  const encodedName = Buffer.from(name);
  return Buffer.concat([Buffer.of(encodedName.length), encodedName, encodeHeaderValue(value)]);
}

function encodeHeaderValue(value: HeaderValue): Buffer {
  if (typeof value === "boolean") return Buffer.of(value ? type.true : type.false);
  if (typeof value === "number") {
    const encoded = Buffer.of(type.integer, 0, 0, 0, 0);
    encoded.writeInt32BE(value, 1);
    return encoded;
  }
  if (typeof value === "bigint") return encodeLong(type.long, value);
  if (value instanceof Date) return encodeLong(type.timestamp, BigInt(value.getTime()));
  const bytes = typeof value === "string" ? Buffer.from(value) : value;
  const head = Buffer.of(typeof value === "string" ? type.text : type.bytes, 0, 0);
  head.writeUInt16BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

function encodeLong(tag: number, value: bigint): Buffer {
  const encoded = Buffer.alloc(9, tag);
  encoded.writeBigInt64BE(value, 1);
  return encoded;
}

function decodeHeaders(bytes: Buffer): Record<string, HeaderValue> {
  const headers: [string, HeaderValue][] = [];
  const reader = new HeaderBytes(bytes);
  while (!reader.isAtEnd) {
    const name = reader.take(reader.take(1).readUInt8()).toString("utf8");
    headers.push([name, decodeHeaderValue(reader)]);
  }
  return Object.fromEntries(headers); // defines own properties, "__proto__" too
}

function decodeHeaderValue(reader: HeaderBytes): HeaderValue {
  switch (reader.take(1).readUInt8()) {
    case type.true:
      return true;
    case type.false:
      return false;
    case type.byte:
      return reader.take(1).readInt8();
    case type.short:
      return reader.take(2).readInt16BE();
    case type.integer:
      return reader.take(4).readInt32BE();
    case type.long:
      return reader.take(8).readBigInt64BE();
    case type.bytes:
      return reader.take(reader.take(2).readUInt16BE());
    case type.text:
      return reader.take(reader.take(2).readUInt16BE()).toString("utf8");
    case type.timestamp:
      return new Date(Number(reader.take(8).readBigInt64BE()));
    case type.uuid:
      return reader.take(16).toString("hex");
    default:
      throw malformed("a header of unknown type");
  }
}

class HeaderBytes {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw malformed("a header does not end");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}
