/** What the fuzzer does to requests: other methods, headers, bodies, and bytes and texts with pieces lost, doubled, put in. */
import { gzipSync } from "node:zlib";
import type { Random } from "../../src/base/random.ts";
import type { Seed } from "./gateway-corpus.ts";
import { pick } from "./plausible.ts";

export function mutate(seed: Seed, corpus: readonly Seed[], random: Random): Seed {
  let { method, path, query, body } = seed;
  const headers: Record<string, string> = { ...seed.headers };
  const rounds = 1 + Math.floor(random.float() * 3);
  for (let round = 0; round < rounds; round += 1) {
    switch (Math.floor(random.float() * 9)) {
      case 0:
        method = pick(random, ["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "TRACE", ""]);
        break;
      case 1:
        path = `/${mutateText(path.slice(1), random)}`;
        break;
      case 2:
        query = mutateText(query, random);
        break;
      case 3:
        ({ body } = pick(random, corpus));
        break;
      case 4: {
        const name = pick(random, Object.keys(headers));
        headers[name] = mutateText(headers[name] ?? "", random);
        break;
      }
      case 5:
        Object.assign(headers, pick(random, oddHeaders));
        break;
      case 6:
        if (random.float() < 0.1) body = gzipSync(body);
        break;
      default:
        body = mutateBytes(body, random, 1 + Math.floor(random.float() * 4));
    }
  }
  return { method, path, query, headers, body };
}

const oddHeaders: readonly Record<string, string>[] = [
  { "content-encoding": "gzip" },
  { "content-encoding": "aws-chunked,gzip" },
  { "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x-amz-trailer": "x-amz-checksum-crc32" },
  { "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "x-amz-decoded-content-length": "3" },
  { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" },
  { "x-amz-date": "20260101T000000Z" },
  { "content-type": "application/x-www-form-urlencoded" },
  { "content-type": "multipart/form-data; boundary=x" },
  { "x-amz-target": "DynamoDB_20120810.PutItem" },
  { "x-amz-target": "." },
  { "smithy-protocol": "rpc-v2-cbor" },
  { host: "bucket.s3.localhost" },
  { host: "\u00ff" },
  { origin: "http://localhost" },
  { expect: "100-continue" },
];

const oddTexts = [
  "%",
  "%00",
  "%ff",
  "..",
  "//",
  "\u00e9",
  "{",
  "}",
  "+",
  "&",
  "=",
  "a".repeat(3000),
  "__proto__",
  "%ed%a0%80",
  "&#xd800;",
];
const oddBytes = [
  "{",
  "[",
  '"',
  "\\u0000",
  "\\ud800",
  "null",
  "1e999",
  "__proto__",
  "<",
  "&#0;",
  "]]>",
  "\xff",
  "-1",
  "%",
];

function mutateText(text: string, random: Random): string {
  const at = Math.floor(random.float() * (text.length + 1));
  switch (Math.floor(random.float() * 4)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + pick(random, oddTexts) + text.slice(at);
    case 2:
      return text.slice(0, at) + text.slice(at + 1);
    default:
      return (
        text.slice(0, at) + String.fromCharCode(33 + Math.floor(random.float() * 94)) + text.slice(at + 1)
      );
  }
}

export function mutateBytes(bytes: Buffer, random: Random, times: number): Buffer {
  let result = Buffer.from(bytes);
  for (let time = 0; time < times; time += 1) {
    const at = Math.floor(random.float() * (result.length + 1));
    switch (Math.floor(random.float() * 5)) {
      case 0:
        result = result.subarray(0, at);
        break;
      case 1:
        result = Buffer.concat([
          result.subarray(0, at),
          Buffer.from(pick(random, oddBytes), "latin1"),
          result.subarray(at),
        ]);
        break;
      case 2:
        result = Buffer.concat([
          result.subarray(0, at),
          result.subarray(at + 1 + Math.floor(random.float() * 8)),
        ]);
        break;
      case 3:
        result = Buffer.concat([result, result.subarray(at, at + 200)]);
        break;
      default:
        if (at < result.length) result[at] = Math.floor(random.float() * 256);
    }
  }
  return result;
}
