import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { documentDepthMax } from "../limits.ts";
import { AwsError } from "./aws-error.ts";
import { CborWriter } from "./cbor-writer.ts";
import { decodeCbor } from "./cbor.ts";

/** RFC 8949, appendix A, without tags that AWS does not use. */
const items: readonly (readonly [hex: string, value: unknown])[] = [
  ["00", 0],
  ["17", 23],
  ["1818", 24],
  ["1903e8", 1000],
  ["1a000f4240", 1_000_000],
  ["1b000000e8d4a51000", 1_000_000_000_000],
  ["20", -1],
  ["3903e7", -1000],
  ["3bffffffffffffffff", -18446744073709551616],
  ["f93c00", 1],
  ["f97bff", 65504],
  ["f90001", 5.960464477539063e-8],
  ["f9c400", -4],
  ["fa47c35000", 100_000],
  ["fbc010666666666666", -4.1],
  ["f97c00", Infinity],
  ["f97e00", Number.NaN],
  ["fbfff0000000000000", -Infinity],
  ["f4", false],
  ["f5", true],
  ["f6", null],
  ["f7", null],
  ["c249010000000000000000", 18446744073709551616],
  ["c349010000000000000000", -18446744073709551616],
  ["c11a514b67b0", new Date("2013-03-21T20:04:00Z")],
  ["c1fb41d452d9ec200000", new Date("2013-03-21T20:04:00.500Z")],
  ["d818456449455446", Buffer.from("6449455446", "hex")],
  ["40", Buffer.alloc(0)],
  ["4401020304", Buffer.of(1, 2, 3, 4)],
  ["60", ""],
  ["62c3bc", "ü"],
  ["80", []],
  ["8301820203820405", [1, [2, 3], [4, 5]]],
  ["a26161016162820203", { a: 1, b: [2, 3] }],
  ["5f42010243030405ff", Buffer.of(1, 2, 3, 4, 5)],
  ["7f657374726561646d696e67ff", "streaming"],
  ["9f018202039f0405ffff", [1, [2, 3], [4, 5]]],
  ["bf61610161629f0203ffff", { a: 1, b: [2, 3] }],
];

for (const [hex, value] of items) {
  test(`${hex} is ${JSON.stringify(value)}`, () => {
    assert.deepEqual(decodeCbor(Buffer.from(hex, "hex"), "seconds"), value);
  });
}

const malformed = [
  "",
  "18",
  "1b00000000",
  "1c",
  "44010203",
  "5bffffffffffffffff",
  "7bffffffffffffffff00",
  "62c3",
  "81",
  "9bffffffffffffffff",
  "bbffffffffffffffff",
  "9affffffff00",
  "a1",
  "a16161",
  "a10101",
  "ff",
  "9f",
  "82ff00",
  "bf6161ff",
  "5f6161ff",
  "5f5f4101ffff",
  "c1",
  "c16161",
  "c1fb7fefffffffffffff",
  "c2f5",
  "f800",
  "e0",
  "0000",
];

for (const hex of malformed) {
  test(`${hex || "nothing"} is refused`, () => {
    assert.throws(() => decodeCbor(Buffer.from(hex, "hex"), "seconds"), { code: "SerializationException" });
  });
}

test("timestamps are seconds or milliseconds, as the protocol says", () => {
  const bytes = Buffer.from("c119ea60", "hex");
  assert.equal((decodeCbor(bytes, "seconds") as Date).getTime(), 60_000_000);
  assert.equal((decodeCbor(bytes, "milliseconds") as Date).getTime(), 60_000);
});

test("byte strings are views of the input, not copies", () => {
  const bytes = Buffer.from("4401020304", "hex");
  const decoded = decodeCbor(bytes, "seconds");
  assert.ok(decoded instanceof Uint8Array);
  assert.equal(decoded.buffer, bytes.buffer);
});

test("nesting is bounded, for lists, maps and tags alike", () => {
  for (const head of ["81", "9f", "a16161", "c6"]) {
    const bytes = Buffer.from(head.repeat(documentDepthMax + 2), "hex");
    assert.throws(() => decodeCbor(bytes, "seconds"), /nested deeper/);
  }
});

test('a key "__proto__" is an entry like any other', () => {
  const decoded = decodeCbor(Buffer.from("a1695f5f70726f746f5f5fa1616101", "hex"), "seconds") as object;
  assert.deepEqual(Object.keys(decoded), ["__proto__"]);
  assert.equal(Object.getPrototypeOf(decoded), Object.prototype);
});

test("integers, doubles and texts survive writing and reading", () => {
  const number = fc.oneof(fc.maxSafeInteger(), fc.integer());
  fc.assert(
    fc.property(
      number,
      fc.double(),
      fc.string({ unit: "grapheme" }),
      fc.uint8Array(),
      (integer, double, text, bytes) => {
        const out = new CborWriter();
        out.list(4);
        out.integer(integer);
        out.double(double);
        out.text(text);
        out.bytes(bytes);
        assert.deepEqual(decodeCbor(out.finish(), "seconds"), [integer, double, text, Buffer.from(bytes)]);
      },
    ),
  );
});

test("arbitrary bytes throw nothing but an AwsError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        decodeCbor(bytes, "seconds");
      } catch (error) {
        assert.ok(error instanceof AwsError, String(error));
      }
    }),
    { numRuns: 5000 },
  );
});
