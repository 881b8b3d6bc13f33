/**
 * What only restXml requests need between decoding and parsing: S3 takes `x-amz-…` parameters of presigned URLs for
 * headers, and checks bodies against the digests that are sent with them. Streamed bodies are checked by whoever reads
 * them to their end. Pure.
 */
import { createHash } from "node:crypto";
import { AwsError } from "../wire/aws-error.ts";
import { checksums } from "../wire/checksum.ts";
import type { Credential } from "../wire/credential.ts";
import { forEachParameter } from "../wire/form.ts";
import type { WireRequest } from "../wire/protocol.ts";

export function checkedRestXml(request: WireRequest, credential: Credential | undefined): WireRequest {
  const { body } = request;
  if (body instanceof Uint8Array && body.length > 0) checkDigests(request.headers, body);
  // Any text will do for S3; whoever keeps it reads it as it was sent.
  const { expires, ...others } = request.headers;
  const headers = expires === undefined ? request.headers : others;
  if (credential?.carriedIn !== "query") return { ...request, headers };
  return { ...request, headers: { ...headersInQuery(request.query), ...headers } };
}

/**
 * Checksums are left out: SDKs presign the one of an empty body, whatever is sent later.
 * inferred: that S3 ignores them there.
 */
function headersInQuery(query: string): Record<string, string> {
  const headers: Record<string, string> = {};
  forEachParameter(query, (name, value) => {
    const lower = name.toLowerCase();
    if (!lower.startsWith("x-amz-") || notHeaders.has(lower)) return;
    if (lower.startsWith("x-amz-checksum-") && lower !== "x-amz-checksum-mode") return;
    headers[lower] = value;
  });
  return headers;
}

const notHeaders = new Set([
  "x-amz-algorithm",
  "x-amz-content-sha256",
  "x-amz-credential",
  "x-amz-date",
  "x-amz-expires",
  "x-amz-sdk-checksum-algorithm",
  "x-amz-security-token",
  "x-amz-signature",
  "x-amz-signedheaders",
]);

function checkDigests(headers: WireRequest["headers"], body: Uint8Array): void {
  const md5 = headers["content-md5"];
  if (md5 !== undefined) checkMd5(md5, createHash("md5").update(body).digest("base64"));
  for (const [name, create] of Object.entries(checksums)) {
    const given = headers[`x-amz-checksum-${name}`];
    if (given === undefined) continue;
    const checksum = create();
    checksum.update(body);
    if (Buffer.from(checksum.digest()).toString("base64") !== given) {
      const text = `The ${name.toUpperCase()} you specified did not match the calculated checksum.`;
      throw new AwsError("BadDigest", text, { status: 400 });
    }
  }
}

function checkMd5(given: string, calculated: string): void {
  if (given === calculated) return;
  if (Buffer.from(given, "base64").length !== 16) {
    const members = { "Content-MD5": given };
    throw new AwsError("InvalidDigest", "The Content-MD5 you specified was invalid.", {
      status: 400,
      members,
    });
  }
  const text = "The Content-MD5 you specified did not match what we received.";
  const members = { ExpectedDigest: given, CalculatedDigest: calculated };
  throw new AwsError("BadDigest", text, { status: 400, members });
}
