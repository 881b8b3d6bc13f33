/**
 * Takes off what was put around a body for transport: aws-chunked framing, gzip. Signatures have been verified before,
 * over the bytes as received; what can only be checked while reading (chunk signatures, the hash of a streamed body)
 * makes the stream fail at its end.
 */
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { inflatedBodyBytesMax } from "../limits.ts";
import { AwsError } from "../wire/aws-error.ts";
import { ChunkedDecoder, chunkedFraming, decodeChunked, withoutAwsChunked } from "../wire/chunked.ts";
import type { WireRequest } from "../wire/protocol.ts";
import { isSha256, payloadOf } from "../wire/credential.ts";
import type { ChunkSeed } from "../wire/sigv4.ts";
import type { RequestHead } from "../wire/sigv4-canonical.ts";
import { signatureError } from "../wire/sigv4-errors.ts";

/** Whether `decodeBody` has something to do: false for nearly all requests. */
export function isWrapped(head: RequestHead, seed: ChunkSeed | undefined): boolean {
  const { headers } = head;
  return seed !== undefined || headers["content-encoding"] !== undefined || isChunked(headers);
}

export async function decodeBody(
  head: RequestHead,
  body: WireRequest["body"],
  seed: ChunkSeed | undefined,
): Promise<WireRequest> {
  const { method, path, query } = head;
  const framing = chunkedFraming(head);
  const encoding = framing ? withoutAwsChunked(head.headers["content-encoding"] ?? "") : undefined;
  const headers = framing ? withEncoding(head.headers, encoding) : head.headers;
  if (!(body instanceof Uint8Array)) {
    const decoded = framing
      ? decodeChunked(body, new ChunkedDecoder(framing, seed))
      : hashChecked(body, head, seed);
    return { method, path, query, headers, body: decoded };
  }
  const unframed = framing ? unchunk(body, new ChunkedDecoder(framing, seed)) : body;
  const isGzip = headers["content-encoding"]?.trim().toLowerCase() === "gzip";
  return { method, path, query, headers, body: isGzip ? await inflate(unframed) : unframed };
}

function isChunked(headers: RequestHead["headers"]): boolean {
  return headers["x-amz-content-sha256"]?.startsWith("STREAMING-") === true;
}

function withEncoding(headers: RequestHead["headers"], encoding: string | undefined): Record<string, string> {
  const { "content-encoding": _, ...rest } = headers;
  return encoding ? { ...rest, "content-encoding": encoding } : rest;
}

function unchunk(body: Uint8Array, decoder: ChunkedDecoder): Uint8Array {
  const payload = Buffer.concat(decoder.push(body));
  decoder.end();
  return payload;
}

/** A streamed body must be the one that was signed; whoever consumes it learns so only at its end. */
function hashChecked(
  body: AsyncIterable<Uint8Array>,
  head: RequestHead,
  seed: ChunkSeed | undefined,
): AsyncIterable<Uint8Array> {
  const sha256 = payloadOf(head);
  if (!seed || sha256 === undefined || !isSha256(sha256)) return body;
  return withHash(body, sha256, seed);
}

async function* withHash(body: AsyncIterable<Uint8Array>, sha256: string, seed: ChunkSeed) {
  const hash = createHash("sha256");
  for await (const bytes of body) {
    hash.update(bytes);
    yield bytes;
  }
  if (hash.digest("hex") !== sha256) throw signatureError("payload-mismatch", seed.family);
}

const gunzipBytes = promisify(gunzip);

async function inflate(body: Uint8Array): Promise<Uint8Array> {
  try {
    return await gunzipBytes(body, { maxOutputLength: inflatedBodyBytesMax });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") {
      const text = `The decompressed request must be smaller than ${inflatedBodyBytesMax} bytes`;
      throw new AwsError("RequestEntityTooLargeException", text, { status: 413, cause });
    }
    // inferred: a body that cannot be read is a SerializationException wherever else it happens.
    throw new AwsError("SerializationException", "The request's gzip body cannot be read.", { cause });
  }
}
