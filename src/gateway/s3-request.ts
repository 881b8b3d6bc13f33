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
import { parseTimestamp } from "../wire/timestamp.ts";

export function checkedRestXml(request: WireRequest, credential: Credential | undefined): WireRequest {
  const { body } = request;
  if (body instanceof Uint8Array && body.length > 0) checkDigests(request.headers, body);
  checkRetainUntil(request.headers["x-amz-object-lock-retain-until-date"]);
  const query = readable(request.query);
  const headers = withoutUnread(request.headers);
  if (credential?.carriedIn !== "query") return { ...request, query, headers };
  return { ...request, query, headers: { ...headersInQuery(request.query), ...headers } };
}

function checkRetainUntil(given: string | undefined): void {
  if (given === undefined || parseTimestamp(given)) return;
  const members = { ArgumentName: "x-amz-object-lock-retain-until-date", ArgumentValue: given };
  const text = "The retain until date must be provided in ISO 8601 format";
  throw new AwsError("InvalidArgument", text, { status: 400, members });
}

/** Numbers that are not given, and a date of which S3 keeps any text; whoever needs it reads it as it was sent. */
function readable(query: string): string {
  return query.includes("=") ? query.replace(unreadParameter, "") : query;
}

const unreadParameter =
  /(?:^|&)(?:(?:max-(?:keys|uploads|parts|buckets)|part-number-marker)=|response-expires=[^&]*)(?=&|$)/g;

/** Any text will do for `Expires`; dates of conditions that are none are no conditions (inferred). */
function withoutUnread(headers: WireRequest["headers"]): WireRequest["headers"] {
  const unread = Object.keys(headers).filter(
    (name) =>
      name === "expires" ||
      (name.endsWith("modified-since") && parseTimestamp(headers[name] ?? "") === undefined),
  );
  if (unread.length === 0) return headers;
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !unread.includes(name)));
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
