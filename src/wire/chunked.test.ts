import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";
import * as fc from "fast-check";
import { AwsError } from "./aws-error.ts";
import { checksums } from "./checksum.ts";
import { ChunkedDecoder, chunkedFraming, decodeChunked, withoutAwsChunked } from "./chunked.ts";
import type { ChunkSeed } from "./sigv4.ts";

/** S3's documented example: 66,560 letters "a" in chunks of 64 KiB. */
const documentedSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const scope = "20130524/us-east-1/s3/aws4_request";
const signingKey = ["20130524", "us-east-1", "s3", "aws4_request"].reduce<Buffer>(
  (key, part) => createHmac("sha256", key).update(part).digest(),
  Buffer.from(`AWS4${documentedSecret}`),
);

function seedOf(signature: string): ChunkSeed {
  return { signature, signingKey, timestamp: "20130524T000000Z", scope, family: "s3" };
}

const plainSeed = seedOf("4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
const plainBody =
  `10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n${"a".repeat(65536)}\r\n` +
  `400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n${"a".repeat(1024)}\r\n` +
  `0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n`;

const trailerSeed = seedOf("106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");
const trailerBody =
  `10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n${"a".repeat(65536)}\r\n` +
  `400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n${"a".repeat(1024)}\r\n` +
  `0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n` +
  `x-amz-checksum-crc32c:sOO8/Q==\r\n` +
  `x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n`;

const signedFraming = { isSigned: true, hasTrailer: false, decodedBytes: 66_560, trailerNames: [] };
const signedTrailerFraming = {
  isSigned: true,
  hasTrailer: true,
  decodedBytes: 66_560,
  trailerNames: ["x-amz-checksum-crc32c"],
};

function decode(decoder: ChunkedDecoder, body: string, pieceBytes = body.length): string {
  const bytes = Buffer.from(body, "latin1");
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    parts.push(...decoder.push(bytes.subarray(at, at + pieceBytes)));
  }
  decoder.end();
  return Buffer.concat(parts).toString("latin1");
}

function codeOf(attempt: () => unknown): string {
  try {
    attempt();
  } catch (error) {
    assert.ok(error instanceof AwsError, String(error));
    return error.code;
  }
  return "accepted";
}

for (const pieceBytes of [100_000, 4096, 7, 1]) {
  test(`S3's documented signed chunks are accepted in pieces of ${pieceBytes} bytes`, () => {
    assert.equal(
      decode(new ChunkedDecoder(signedFraming, plainSeed), plainBody, pieceBytes),
      "a".repeat(66_560),
    );
  });

  test(`S3's documented signed chunks with a trailer are accepted in pieces of ${pieceBytes} bytes`, () => {
    const decoder = new ChunkedDecoder(signedTrailerFraming, trailerSeed);
    assert.equal(decode(decoder, trailerBody, pieceBytes), "a".repeat(66_560));
  });
}

test("property: signed chunks of which any byte has changed are refused", () => {
  fc.assert(
    fc.property(fc.nat(trailerBody.length - 5), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const bytes = Buffer.from(trailerBody, "latin1");
      const before = bytes[at] ?? 0;
      bytes[at] = before ^ flip;
      const changed = bytes.toString("latin1");
      // Names of trailers, and hexadecimal sizes, may be written in either case.
      fc.pre(changed.toLowerCase() !== trailerBody.toLowerCase());
      const decoder = new ChunkedDecoder(signedTrailerFraming, trailerSeed);
      // A line may end in "\n" alone, so its "\r" may become a space that is trimmed.
      fc.pre(before !== 13 || !/\s/.test(String.fromCharCode(bytes[at] ?? 0)));
      assert.notEqual(
        codeOf(() => decode(decoder, changed)),
        "accepted",
      );
    }),
    { numRuns: 500 },
  );
});

for (const algorithm of Object.keys(checksums)) {
  test(`an unsigned body with a ${algorithm} trailer is accepted, and refused when the trailer is another's`, () => {
    const framing = {
      isSigned: false,
      hasTrailer: true,
      decodedBytes: 5,
      trailerNames: [`x-amz-checksum-${algorithm}`],
    };
    const checksum = checksums[algorithm]?.();
    assert.ok(checksum);
    checksum.update(Buffer.from("hello"));
    const digest = Buffer.from(checksum.digest()).toString("base64");
    const body = (text: string) =>
      `2\r\n${text.slice(0, 2)}\r\n3\r\n${text.slice(2)}\r\n0\r\nx-amz-checksum-${algorithm}:${digest}\r\n\r\n`;
    assert.equal(decode(new ChunkedDecoder(framing, undefined), body("hello")), "hello");
    assert.equal(
      codeOf(() => decode(new ChunkedDecoder(framing, undefined), body("hallo"))),
      "BadDigest",
    );
  });
}

const crcOfHello = "x-amz-checksum-crc32:NhCmhg==";
const unsigned = {
  isSigned: false,
  hasTrailer: true,
  decodedBytes: 5,
  trailerNames: ["x-amz-checksum-crc32"],
};

const bodies: readonly (readonly [what: string, body: string, code: string])[] = [
  ["is whole", `5\r\nhello\r\n0\r\n${crcOfHello}\r\n\r\n`, "accepted"],
  ["lacks the last empty line", `5\r\nhello\r\n0\r\n${crcOfHello}\r\n`, "accepted"],
  ["lacks the last line end", `5\r\nhello\r\n0\r\n${crcOfHello}`, "accepted"],
  ["ends within a chunk", "5\r\nhel", "IncompleteBody"],
  ["ends before the last chunk", "5\r\nhello\r\n", "IncompleteBody"],
  ["is empty", "", "IncompleteBody"],
  ["is shorter than declared", `4\r\nhell\r\n0\r\n${crcOfHello}\r\n\r\n`, "IncompleteBody"],
  ["is longer than declared", `6\r\nhello!\r\n0\r\n${crcOfHello}\r\n\r\n`, "IncompleteBody"],
  ["lacks its checksum", "5\r\nhello\r\n0\r\n\r\n", "MalformedTrailerError"],
  ["has a trailer without a colon", "5\r\nhello\r\n0\r\nnonsense\r\n\r\n", "MalformedTrailerError"],
  ["has a size that is no number", "five\r\nhello\r\n0\r\n\r\n", "IncompleteBody"],
  ["has a negative size", "-5\r\nhello\r\n0\r\n\r\n", "IncompleteBody"],
  ["has a size beyond reason", `${"f".repeat(40)}\r\nhello`, "IncompleteBody"],
  ["has a chunk longer than its size", `4\r\nhello\r\n0\r\n${crcOfHello}\r\n\r\n`, "IncompleteBody"],
  ["has a header line without end", "5".repeat(5000), "IncompleteBody"],
  ["goes on after its end", `5\r\nhello\r\n0\r\n${crcOfHello}\r\n\r\nmore`, "IncompleteBody"],
  ["has endless trailers", `5\r\nhello\r\n0\r\n${"a:b\r\n".repeat(5000)}`, "MalformedTrailerError"],
];

for (const [what, body, code] of bodies) {
  test(`an aws-chunked body that ${what} is ${code}, however it is cut`, () => {
    for (const pieceBytes of [100_000, 3, 1]) {
      assert.equal(
        codeOf(() => decode(new ChunkedDecoder(unsigned, undefined), body, pieceBytes)),
        code,
      );
    }
  });
}

test("a checksum that nobody knows, or two at once, are refused", () => {
  for (const trailerNames of [
    ["x-amz-checksum-md9"],
    ["other"],
    ["x-amz-checksum-crc32", "x-amz-checksum-sha1"],
  ]) {
    assert.equal(
      codeOf(() => new ChunkedDecoder({ ...unsigned, trailerNames }, undefined)),
      "InvalidRequest",
    );
  }
});

test("a stream is decoded piece by piece and fails at its end, not before", async () => {
  const seen: string[] = [];
  async function* source() {
    yield Buffer.from("5\r\nhel");
    yield Buffer.from("lo\r\n0\r\n");
    yield Buffer.from("x-amz-checksum-crc32:AAAAAA==\r\n\r\n");
  }
  await assert.rejects(
    async () => {
      for await (const part of decodeChunked(source(), new ChunkedDecoder(unsigned, undefined))) {
        seen.push(Buffer.from(part).toString());
      }
    },
    { code: "BadDigest" },
  );
  assert.deepEqual(seen, ["hel", "lo"]);
});

const framings: readonly (readonly [string, string])[] = [
  ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "signed"],
  ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "signed trailer"],
  ["STREAMING-UNSIGNED-PAYLOAD-TRAILER", "trailer"],
  ["STREAMING-AWS4-HMAC-SHA256-EVENTS", "none"],
  ["UNSIGNED-PAYLOAD", "none"],
  [createHash("sha256").digest("hex"), "none"],
];

for (const [payload, expected] of framings) {
  test(`x-amz-content-sha256 ${payload} says: ${expected}`, () => {
    const headers = { "x-amz-content-sha256": payload, "x-amz-decoded-content-length": "7" };
    const framing = chunkedFraming({ method: "PUT", path: "/", query: "", headers });
    const text = framing
      ? [framing.isSigned ? "signed" : "", framing.hasTrailer ? "trailer" : ""].join(" ").trim()
      : "none";
    assert.equal(text, expected);
    if (framing) assert.equal(framing.decodedBytes, 7);
  });
}

test("aws-chunked is taken out of content-encoding, what else is there stays", () => {
  assert.equal(withoutAwsChunked("aws-chunked"), undefined);
  assert.equal(withoutAwsChunked("aws-chunked,gzip"), "gzip");
  assert.equal(withoutAwsChunked("gzip, aws-chunked"), "gzip");
});
