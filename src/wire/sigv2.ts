/**
 * Signature Version 2 in presigned URLs and in browsers' forms, which older clients of S3 still make by default (boto3, AWS
 * CLI 1). Only there: signed headers of that version are refused. Pure but for the clock's time that it is given.
 *
 * Source: "Signing and authenticating REST requests" in the S3 API reference; texts: map-sqs-sns-s3 3.14.
 */
import { createHmac } from "node:crypto";
import { AwsError } from "./aws-error.ts";
import { forEachParameter } from "./form.ts";
import { queryValue } from "./query-string.ts";
import type { RequestHead } from "./sigv4-canonical.ts";
import { signatureError } from "./sigv4-errors.ts";
import { equalText } from "./sigv4.ts";

/** Whether a URL was presigned in this version. */
export function isPresignedV2({ headers, query }: RequestHead): boolean {
  return headers["authorization"] === undefined && queryValue(query, "AWSAccessKeyId") !== undefined;
}

/** `bucketPath`: the path with the bucket before it, wherever it stood. Throws for a signature that is wrong or expired. */
export function verifyPresignedV2(
  head: RequestHead,
  bucketPath: string,
  secretOf: (accessKey: string) => string | undefined,
  nowMs: number,
): void {
  const { query } = head;
  const accessKey = queryValue(query, "AWSAccessKeyId");
  const expires = queryValue(query, "Expires");
  const signature = queryValue(query, "Signature");
  if (!accessKey || !expires || !signature) {
    throw denied("Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters");
  }
  const secret = requireSecret(accessKey, secretOf);
  const text = `${head.method}\n${header(head, "content-md5")}\n${header(head, "content-type")}\n${expires}\n${amzHeaders(head)}`;
  // boto3 signs a bucket with a slash behind it that it does not send.
  const paths = /^\/[^/]+$/.test(bucketPath) ? [bucketPath, `${bucketPath}/`] : [bucketPath];
  const texts = paths.map((path) => text + resource(path, query));
  if (!texts.some((each) => equalText(signed(each, secret), signature))) {
    throw mismatch(accessKey, signature, texts[0] ?? "");
  }
  if (!(Number(expires) * 1000 >= nowMs)) {
    throw denied("Request has expired", {
      Expires: new Date(Number(expires) * 1000 || 0).toISOString(),
      ServerTime: new Date(nowMs).toISOString(),
    });
  }
}

/** Of a form's policy. Throws unless this key has signed it. */
export function verifyTextV2(
  text: string,
  { accessKey, signature }: { readonly accessKey: string; readonly signature: string },
  secretOf: (accessKey: string) => string | undefined,
): void {
  const secret = requireSecret(accessKey, secretOf);
  if (!equalText(signed(text, secret), signature)) throw mismatch(accessKey, signature, text);
}

function requireSecret(accessKey: string, secretOf: (accessKey: string) => string | undefined): string {
  const secret = secretOf(accessKey);
  if (secret !== undefined) return secret;
  throw signatureError("unknown-key", "s3", undefined, { AWSAccessKeyId: accessKey });
}

function signed(text: string, secret: string): string {
  return createHmac("sha1", secret).update(text).digest("base64");
}

function mismatch(accessKey: string, signature: string, text: string): AwsError {
  return signatureError("mismatch", "s3", undefined, {
    AWSAccessKeyId: accessKey,
    StringToSign: text,
    SignatureProvided: signature,
    StringToSignBytes: Buffer.from(text)
      .toString("hex")
      .replace(/(..)(?=.)/g, "$1 "),
  });
}

function header({ headers, query }: RequestHead, name: string): string {
  return headers[name] ?? queryValue(query, name) ?? "";
}

/** Those sent as headers or, by SDKs, in the query. */
function amzHeaders({ headers, query }: RequestHead): string {
  const found = new Map<string, string>();
  for (const [name, value] of Object.entries(headers))
    if (name.startsWith("x-amz-")) found.set(name, value.trim());
  forEachParameter(query, (name, value) => {
    const lower = name.toLowerCase();
    if (lower.startsWith("x-amz-")) found.set(lower, value);
  });
  const lines = [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `${name}:${value}\n`);
  return lines.join("");
}

/** The path, and those parameters that name another thing than the object itself. */
function resource(bucketPath: string, query: string): string {
  const named: string[] = [];
  forEachParameter(query, (name, value) => {
    if (subresources.has(name)) named.push(value === "" ? name : `${name}=${value}`);
  });
  return named.length === 0 ? bucketPath : `${bucketPath}?${named.sort().join("&")}`;
}

function denied(text: string, members: Readonly<Record<string, string>> = {}): AwsError {
  return new AwsError("AccessDenied", text, { status: 403, members });
}

const subresources = new Set([
  "accelerate",
  "acl",
  "cors",
  "defaultObjectAcl",
  "delete",
  "lifecycle",
  "location",
  "logging",
  "notification",
  "partNumber",
  "policy",
  "requestPayment",
  "response-cache-control",
  "response-content-disposition",
  "response-content-encoding",
  "response-content-language",
  "response-content-type",
  "response-expires",
  "restore",
  "tagging",
  "torrent",
  "uploadId",
  "uploads",
  "versionId",
  "versioning",
  "versions",
  "website",
]);
