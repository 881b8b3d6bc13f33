import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { AwsError } from "./aws-error.ts";
import { decodeFrames, encodeFrame, type Frame, type HeaderValue } from "./event-stream.ts";

const headerValue: fc.Arbitrary<HeaderValue> = fc.oneof(
  fc.boolean(),
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.string({ unit: "grapheme" }),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  fc.date({ noInvalidDate: true }),
);
const frame: fc.Arbitrary<Frame> = fc
  .tuple(
    fc.dictionary(fc.string({ minLength: 1, maxLength: 20 }), headerValue, { noNullPrototype: true }),
    fc.uint8Array({ maxLength: 100 }),
  )
  .map(([headers, bytes]) => ({ headers, payload: Buffer.from(bytes) }));

async function decode(bytes: Uint8Array, portionBytes: number): Promise<Frame[]> {
  return collect(decodeFrames(portionsOf(bytes, portionBytes)));
}

async function* portionsOf(bytes: Uint8Array, portionBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += portionBytes) yield bytes.subarray(at, at + portionBytes);
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

test("frames survive encoding and decoding, however the bytes are cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(frame, { maxLength: 4 }),
      fc.integer({ min: 1, max: 300 }),
      async (frames, cut) => {
        const decoded = await decode(Buffer.concat(frames.map((f) => encodeFrame(f))), cut);
        assert.deepEqual(decoded, frames);
      },
    ),
  );
});

test("a frame of the AWS SDKs' own test suite is reproduced byte for byte", () => {
  // "payload_one_str_header" there.
  const expected =
    "0000003d00000020" +
    "07fd8396" +
    "0c636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e" +
    "7b27666f6f273a27626172277d" +
    "8d9c08b1";
  const encoded = encodeFrame({
    headers: { "content-type": "application/json" },
    payload: Buffer.from("{'foo':'bar'}"),
  });
  assert.equal(Buffer.from(encoded).toString("hex"), expected);
});

test("one flipped bit anywhere is found", async () => {
  const bytes = encodeFrame({ headers: { a: "b", n: 7 }, payload: Buffer.from("payload") });
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const broken = Buffer.from(bytes);
    broken[bit >> 3] = (broken[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    await assert.rejects(decode(broken, 1000), { code: "SerializationException" });
  }
});

test("a stream that ends within a frame is refused", async () => {
  const bytes = encodeFrame({ headers: {}, payload: Buffer.from("payload") });
  for (let length = 1; length < bytes.length; length++) {
    await assert.rejects(decode(bytes.subarray(0, length), 7), { code: "SerializationException" });
  }
});

test("arbitrary bytes throw nothing but an AwsError", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 60 }), async (bytes) => {
      await assert.rejects(decode(bytes, 16), (error) => error instanceof AwsError);
    }),
  );
});
