/** What the operations read off a request in the same way: keys, causes, descriptions, refused settings. */
import { objectKeyBytesMax, partsMax } from "../../limits.ts";
import type { Context } from "../service.ts";
import { newOwner } from "./domain/access.ts";
import { type AclHeaders, aclOfHeaders, allowedAcl } from "./domain/acl.ts";
import type { BucketRecord } from "./domain/bucket.ts";
import { systemHeaders, userMetadata } from "./domain/metadata.ts";
import type { Cause } from "./domain/notification-record.ts";
import { type Description, standard, storageClasses } from "./domain/object.ts";
import {
  accessDenied,
  invalidArgument,
  invalidRequest,
  invalidStorageClass,
  keyTooLong,
  missingDigest,
  notImplemented,
  s3Error,
} from "./errors.ts";

export function checkKey(key: string): void {
  const sizeBytes = Buffer.byteLength(key);
  if (sizeBytes > objectKeyBytesMax) throw keyTooLong(sizeBytes, objectKeyBytesMax);
}

export function requirePartNumber(partNumber: number): void {
  if (Number.isInteger(partNumber) && partNumber >= 1 && partNumber <= partsMax) return;
  const text = `Part number must be an integer between 1 and ${partsMax}, inclusive`;
  throw invalidArgument(text, "partNumber", partNumber);
}

/** `reason`: the operation, for event buses. */
export function causeOf(ctx: Context, reason: string): Cause {
  return {
    requester: ctx.identity.service ?? ctx.account,
    requestId: ctx.requestId,
    ...(ctx.http && { sourceIp: ctx.http.remoteAddress }),
    ...(ctx.trace !== undefined && { trace: ctx.trace }),
    reason,
  };
}

/** Members of inputs that describe a new object. */
export interface DescribingInput extends EncryptionInput, AclHeaders {
  readonly CacheControl?: string | undefined;
  readonly ContentDisposition?: string | undefined;
  readonly ContentEncoding?: string | undefined;
  readonly ContentLanguage?: string | undefined;
  readonly ContentType?: string | undefined;
  readonly Expires?: Date | undefined;
  readonly Metadata?: Record<string, string> | undefined;
  readonly StorageClass?: string | undefined;
  readonly WebsiteRedirectLocation?: string | undefined;
}

/** Throws for what S3 would refuse, and for what lambdad has nothing to do with. */
export function descriptionOf(
  input: DescribingInput,
  bucket: BucketRecord,
  { account, http }: Pick<Context, "account" | "http">,
): Description {
  checkEncryption(input);
  const storageClass = input.StorageClass ?? standard;
  if (!storageClasses.has(storageClass)) throw invalidStorageClass(storageClass);
  const redirect = input.WebsiteRedirectLocation;
  if (redirect !== undefined && !/^(https?:\/\/|\/)/.test(redirect)) {
    const text = "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.";
    throw s3Error(400, "InvalidRedirectLocation", text);
  }
  const asked = aclOfHeaders(input);
  const acl = allowedAcl(asked, bucket);
  const owner = newOwner(bucket, asked, account);
  return {
    headers: systemHeaders({
      "content-type": input.ContentType,
      "cache-control": input.CacheControl,
      "content-disposition": input.ContentDisposition,
      "content-encoding": input.ContentEncoding,
      "content-language": input.ContentLanguage,
      // As it was sent: S3 keeps any text.
      expires: http?.headers["expires"] ?? input.Expires?.toUTCString(),
    }),
    metadata: userMetadata(input.Metadata),
    storageClass,
    ...(redirect !== undefined && { redirect }),
    ...(acl !== undefined && { acl }),
    ...(owner !== undefined && { owner }),
  };
}

export interface EncryptionInput {
  readonly ServerSideEncryption?: string | undefined;
  readonly SSECustomerAlgorithm?: string | undefined;
  readonly SSECustomerKey?: string | undefined;
  readonly SSEKMSKeyId?: string | undefined;
}

/** SSE-S3 only. SSE-C is answered as AWS answers it on new buckets since April 2026: blocked. */
export function checkEncryption(input: EncryptionInput): void {
  if (input.SSECustomerAlgorithm !== undefined || input.SSECustomerKey !== undefined) throw accessDenied();
  const { ServerSideEncryption: algorithm } = input;
  if (algorithm === "AES256" && input.SSEKMSKeyId !== undefined) {
    const text =
      "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms";
    throw invalidArgument(text, "x-amz-server-side-encryption", algorithm);
  }
  if (algorithm?.startsWith("aws:kms") || input.SSEKMSKeyId !== undefined) {
    throw notImplemented("x-amz-server-side-encryption", "lambdad has no KMS: only AES256 is there");
  }
  if (algorithm === undefined || algorithm === "AES256") return;
  throw s3Error(
    400,
    "InvalidEncryptionAlgorithmError",
    "The Encryption request you specified is not valid. Supported value: AES256.",
    { ArgumentName: "x-amz-server-side-encryption", ArgumentValue: algorithm },
  );
}

/** Of a read: no object here is encrypted with a key that the reader would have to bring. */
export function refuseReadingKey(algorithm: string | undefined): void {
  if (algorithm === undefined) return;
  throw invalidRequest("The encryption parameters are not applicable to this object.");
}

/** Who reads has no say in how an object is encrypted. */
export function refuseEncryption({ http }: Context): void {
  const name = "x-amz-server-side-encryption";
  const given = http?.headers[name];
  if (given === undefined) return;
  throw invalidArgument(`${name} header is not supported for this operation.`, name, given);
}

/** Where S3 demands that the body's digest is sent. */
export function requireDigest(ctx: Context): void {
  if (!hasDigest(ctx)) throw missingDigest();
}

/** An object that cannot be taken back must be what the client meant. */
export function requireLockDigest(ctx: Context): void {
  if (hasDigest(ctx)) return;
  throw invalidRequest(
    "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters",
  );
}

function hasDigest({ http }: Context): boolean {
  if (!http || http.headers["x-amz-trailer"] !== undefined) return true;
  return Object.keys(http.headers).some(
    (name) =>
      name === "content-md5" || (name.startsWith("x-amz-checksum-") && name !== "x-amz-checksum-algorithm"),
  );
}
