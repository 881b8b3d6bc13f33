/**
 * aws-chunked: the framing that SDKs put around streamed bodies. `ChunkedDecoder` is a push parser without I/O: bytes
 * in, payload out; `decodeChunked` drives it over a stream.
 *
 * It checks each chunk's signature (with a seed from `sigv4.ts`), the trailers' signature, trailing checksums, and the
 * decoded length. Payload is handed out before the chunk that it belongs to is verified, so that memory stays flat:
 * whoever consumes it must commit nothing before the end, and drop everything on an error.
 *
 * Source: "Signature calculations: multiple chunks" in the S3 API reference; error codes from S3's list, the choice
 * among them inferred.
 */
import { createHash, createHmac, hash, type Hash } from "node:crypto";
import { chunkLineBytesMax, chunkTrailerBytesMax } from "../limits.ts";
import { AwsError } from "./aws-error.ts";
import { checksums, type Checksum } from "./checksum.ts";
import { payloadOf } from "./credential.ts";
import { type ChunkSeed, emptySha256, equalText } from "./sigv4.ts";
import type { RequestHead } from "./sigv4-canonical.ts";
import { signatureError } from "./sigv4-errors.ts";

/** How a request's body is framed; undefined: not aws-chunked. */
export interface ChunkedFraming {
  readonly isSigned: boolean;
  readonly hasTrailer: boolean;
  /** `x-amz-decoded-content-length`. */
  readonly decodedBytes: number | undefined;
  /** `x-amz-trailer`: lower-case names. */
  readonly trailerNames: readonly string[];
}

export function chunkedFraming(head: RequestHead): ChunkedFraming | undefined {
  const payload = payloadOf(head);
  if (payload === undefined || !payload.startsWith("STREAMING-")) return undefined;
  const isSigned = payload.startsWith("STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
  if (!isSigned && payload !== "STREAMING-UNSIGNED-PAYLOAD-TRAILER") return undefined;
  const declared = head.headers["x-amz-decoded-content-length"];
  const trailers = head.headers["x-amz-trailer"];
  return {
    isSigned,
    hasTrailer: payload.endsWith("-TRAILER"),
    decodedBytes: declared === undefined ? undefined : decimal(declared),
    trailerNames: trailers === undefined ? [] : trailers.split(",").map((name) => name.trim().toLowerCase()),
  };
}

/** Removes "aws-chunked" from a `content-encoding`; undefined when nothing else is left. */
export function withoutAwsChunked(encoding: string): string | undefined {
  const rest = encoding.split(",").filter((part) => part.trim().toLowerCase() !== "aws-chunked");
  return rest.length === 0 ? undefined : rest.join(",").trim();
}

export async function* decodeChunked(
  source: AsyncIterable<Uint8Array>,
  decoder: ChunkedDecoder,
): AsyncGenerator<Uint8Array> {
  for await (const bytes of source) yield* decoder.push(bytes);
  decoder.end();
}

type State = "size-line" | "payload" | "payload-end" | "trailers" | "done";

export class ChunkedDecoder {
  readonly #framing: ChunkedFraming;
  readonly #seed: ChunkSeed | undefined;
  readonly #checksums: readonly { readonly name: string; readonly checksum: Checksum }[];
  #state: State = "size-line";
  /** Bytes of a line that is not whole yet. */
  #line = "";
  #chunkLeft = 0;
  #chunkHash: Hash | undefined;
  #chunkSignature = "";
  #previousSignature: string;
  #decoded = 0;
  #trailerBytes = 0;
  readonly #trailers = new Map<string, string>();

  /** `seed`: verify signatures; undefined where they are not enforced. Throws for a checksum that we do not know. */
  constructor(framing: ChunkedFraming, seed: ChunkSeed | undefined) {
    this.#framing = framing;
    this.#seed = framing.isSigned ? seed : undefined;
    this.#previousSignature = seed?.signature ?? "";
    if (framing.trailerNames.length > 1) throw new AwsError("InvalidRequest", severalChecksums);
    this.#checksums = framing.hasTrailer ? framing.trailerNames.map(checksumOf) : [];
  }

  /** Payload that `bytes` completes: views of it. */
  push(bytes: Uint8Array): Uint8Array[] {
    const payload: Uint8Array[] = [];
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === "done") throw malformed();
      at = this.#state === "payload" ? this.#takePayload(bytes, at, payload) : this.#takeLine(bytes, at);
    }
    return payload;
  }

  /** Call once, after the last byte. Throws when something is missing or does not match. */
  end(): void {
    // Some clients leave out the empty line after the trailers.
    if (this.#state === "trailers" && this.#line !== "") this.#readTrailer(this.#line);
    if (this.#state === "trailers") this.#finish();
    if (this.#state !== "done") throw malformed();
  }

  #takePayload(bytes: Uint8Array, at: number, payload: Uint8Array[]): number {
    const part = bytes.subarray(at, at + this.#chunkLeft);
    this.#chunkLeft -= part.length;
    this.#decoded += part.length;
    this.#chunkHash?.update(part);
    for (const { checksum } of this.#checksums) checksum.update(part);
    if (this.#decoded > (this.#framing.decodedBytes ?? Number.MAX_SAFE_INTEGER)) throw wrongLength();
    payload.push(part);
    if (this.#chunkLeft === 0) this.#state = "payload-end";
    return at + part.length;
  }

  #takeLine(bytes: Uint8Array, at: number): number {
    const newline = bytes.indexOf(10, at);
    const end = newline === -1 ? bytes.length : newline;
    if (this.#line.length + end - at > chunkLineBytesMax) throw malformed();
    this.#line += Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).toString("latin1");
    if (newline === -1) return end;
    const line = this.#line.endsWith("\r") ? this.#line.slice(0, -1) : this.#line;
    this.#line = "";
    this.#readLine(line);
    return newline + 1;
  }

  #readLine(line: string): void {
    if (this.#state === "size-line") return this.#beginChunk(line);
    if (this.#state === "trailers") return line === "" ? this.#finish() : this.#readTrailer(line);
    if (line !== "") throw malformed();
    this.#endChunk();
    this.#state = "size-line";
  }

  #beginChunk(line: string): void {
    const match = /^([0-9a-fA-F]{1,13})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line);
    if (!match) throw malformed();
    this.#chunkLeft = Number.parseInt(match[1] ?? "", 16);
    this.#chunkSignature = match[2] ?? "";
    if (this.#seed) this.#chunkHash = createHash("sha256");
    if (this.#chunkLeft > 0) {
      this.#state = "payload";
      return;
    }
    this.#endChunk();
    this.#state = "trailers";
  }

  #endChunk(): void {
    if (!this.#seed || !this.#chunkHash) return;
    const { timestamp, scope, signingKey, family } = this.#seed;
    const expected = createHmac("sha256", signingKey)
      .update(
        `AWS4-HMAC-SHA256-PAYLOAD\n${timestamp}\n${scope}\n${this.#previousSignature}\n${emptySha256}\n` +
          this.#chunkHash.digest("hex"),
      )
      .digest("hex");
    if (!equalText(expected, this.#chunkSignature)) throw signatureError("mismatch", family);
    this.#previousSignature = expected;
    this.#chunkHash = undefined;
  }

  #readTrailer(line: string): void {
    this.#trailerBytes += line.length;
    const colon = line.indexOf(":");
    if (colon <= 0 || this.#trailerBytes > chunkTrailerBytesMax) throw malformedTrailer();
    const name = line.slice(0, colon).toLowerCase();
    if (name !== signatureTrailer && !this.#framing.trailerNames.includes(name)) throw malformedTrailer();
    this.#trailers.set(name, line.slice(colon + 1).trim());
  }

  #finish(): void {
    if (this.#decoded !== (this.#framing.decodedBytes ?? this.#decoded)) throw wrongLength();
    this.#checkTrailerSignature();
    for (const { name, checksum } of this.#checksums) {
      const given = this.#trailers.get(name);
      if (given === undefined) throw malformedTrailer();
      const calculated = Buffer.from(checksum.digest());
      if (Buffer.from(given, "base64").length !== calculated.length) throw invalidTrailer(name);
      if (calculated.toString("base64") !== given) throw badDigest(name);
    }
    this.#state = "done";
  }

  #checkTrailerSignature(): void {
    if (!this.#seed || !this.#framing.hasTrailer) return;
    const { timestamp, scope, signingKey, family } = this.#seed;
    const given = this.#trailers.get(signatureTrailer) ?? "";
    const lines = [...this.#trailers]
      .filter(([name]) => name !== signatureTrailer)
      .map(([name, value]) => `${name}:${value}\n`);
    const expected = createHmac("sha256", signingKey)
      .update(
        `AWS4-HMAC-SHA256-TRAILER\n${timestamp}\n${scope}\n${this.#previousSignature}\n` +
          hash("sha256", lines.sort().join(""), "hex"),
      )
      .digest("hex");
    if (!equalText(expected, given)) throw signatureError("mismatch", family);
  }
}

const severalChecksums =
  "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.";
const signatureTrailer = "x-amz-trailer-signature";
const checksumPrefix = "x-amz-checksum-";

function checksumOf(name: string) {
  const algorithm = name.startsWith(checksumPrefix) ? name.slice(checksumPrefix.length) : "";
  const make = Object.hasOwn(checksums, algorithm) ? checksums[algorithm] : undefined;
  if (!make) {
    throw new AwsError("InvalidRequest", "The value specified in the x-amz-trailer header is not supported");
  }
  return { name, checksum: make() };
}

function decimal(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new AwsError("InvalidArgument", "x-amz-decoded-content-length must be a whole number.");
}

/** Framing that is broken, in whatever way (map-sqs-sns-s3 3.9). */
function malformed(): AwsError {
  return incomplete("The request body terminated unexpectedly");
}

function malformedTrailer(): AwsError {
  const text =
    "The request contained trailing data that was not well-formed or did not conform to our published schema.";
  return new AwsError("MalformedTrailerError", text, { status: 400 });
}

function invalidTrailer(name: string): AwsError {
  return new AwsError("InvalidRequest", `Value for ${name} trailing header is invalid.`, { status: 400 });
}

function incomplete(text: string): AwsError {
  return new AwsError("IncompleteBody", text, { status: 400 });
}

function wrongLength(): AwsError {
  return incomplete(
    "You did not provide the number of bytes specified by the x-amz-decoded-content-length HTTP header",
  );
}

function badDigest(name: string): AwsError {
  const algorithm = name.slice(checksumPrefix.length).toUpperCase();
  return new AwsError("BadDigest", `The ${algorithm} you specified did not match the calculated checksum.`, {
    status: 400,
  });
}
