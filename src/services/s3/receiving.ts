/** Takes a body in: to the disk, hashed on the way, compared with everything that the request says of it. */
import { createHash } from "node:crypto";
import { objectUploadBytesMax } from "../../limits.ts";
import type { Context } from "../service.ts";
import {
  type Algorithm,
  type ChecksumClaim,
  claimOf,
  requireMatch,
  runningChecksum,
} from "./domain/checksum.ts";
import type { Body } from "./domain/object.ts";
import { badMd5, entityTooLarge, incompleteBody, invalidMd5, missingContentLength } from "./errors.ts";
import type { ObjectFiles, Source } from "./files.ts";
import { bodyOf } from "./objects.ts";

export interface Expectations {
  readonly claim: ChecksumClaim;
  /** The algorithm to keep a checksum of, where it is not the claimed one: an upload's parts all have the same. */
  readonly kept?: Algorithm;
  /** Base64. */
  readonly md5: string | undefined;
  /** Of the decoded body; undefined: unknown. */
  readonly sizeBytes: number | undefined;
}

export interface Received {
  readonly body: Body;
  readonly sizeBytes: number;
  /** Hex MD5. */
  readonly etag: string;
  /** Base64, of the algorithm to keep. */
  readonly checksum: string;
  /** Base64, of the algorithm that was claimed. */
  readonly claimed: string;
}

/** `name` commits the record that names the bytes; when it throws they go again. */
export function receive<T>(
  files: ObjectFiles,
  source: Source,
  expected: Expectations,
  name: (received: Received) => Promise<T>,
): Promise<T> {
  const md5 = createHash("md5");
  const { claim, kept = claim.algorithm } = expected;
  const claimed = runningChecksum(claim.algorithm);
  const checksum = kept === claim.algorithm ? undefined : runningChecksum(kept);
  let sizeBytes = 0;
  const each = (bytes: Uint8Array) => {
    sizeBytes += bytes.length;
    if (sizeBytes > objectUploadBytesMax) throw entityTooLarge(sizeBytes, objectUploadBytesMax);
    md5.update(bytes);
    claimed.update(bytes);
    checksum?.update(bytes);
  };
  return files.keep(source, each, async (file) => {
    if (expected.sizeBytes !== undefined && expected.sizeBytes !== sizeBytes) throw incompleteBody();
    const digest = md5.digest();
    checkMd5(expected.md5, digest.toString("base64"));
    const value = base64(claimed.digest());
    requireMatch(claim, value);
    return name({
      body: bodyOf(file),
      sizeBytes,
      etag: digest.toString("hex"),
      checksum: checksum ? base64(checksum.digest()) : value,
      claimed: value,
    });
  });
}

/** What a request's headers say of its body. Throws before a byte of it is read. */
export function expectationsOf(
  input: { readonly ContentMD5?: string | undefined; readonly ContentLength?: number | undefined },
  { http }: Context,
): Expectations {
  const headers = http?.headers ?? {};
  const md5 = input.ContentMD5;
  if (md5 !== undefined && Buffer.from(md5, "base64").length !== 16) throw invalidMd5(md5);
  const decoded = headers["x-amz-decoded-content-length"];
  const declared = decoded ?? headers["content-length"];
  if (declared === undefined && http) throw missingContentLength();
  const sizeBytes = declared === undefined ? undefined : Number(declared);
  if (sizeBytes !== undefined && sizeBytes > objectUploadBytesMax) {
    throw entityTooLarge(sizeBytes, objectUploadBytesMax);
  }
  return { claim: claimOf(input, headers["x-amz-trailer"]), md5, sizeBytes };
}

/** The body of an input, whoever calls. */
export function sourceOf(body: unknown): Source {
  if (body === undefined || body === null) return [];
  if (typeof body === "string") return [Buffer.from(body)];
  if (body instanceof Uint8Array) return [body];
  return body as AsyncIterable<Uint8Array>;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

function checkMd5(given: string | undefined, calculated: string): void {
  if (given !== undefined && given !== calculated) throw badMd5(given, calculated);
}
