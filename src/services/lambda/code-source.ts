/**
 * Where a deployment package comes from: bytes in the request, or an object in S3. Answers a checked zip or throws
 * Lambda's error. Source of the texts: lambda-map 2.3.
 */
import { unzippedBytesMax, zipBytesMax } from "../../limits.ts";
import type { CodeMounts } from "../../runtime/contract.ts";
import { ZipError } from "../../runtime/contract.ts";
import { AwsError } from "../../wire/aws-error.ts";
import type { Context } from "../service.ts";
import type { CodeInput } from "./domain/configuration.ts";
import { invalidParameter, requestTooLarge } from "./errors.ts";

type Source = Pick<CodeInput, "ZipFile" | "S3Bucket" | "S3Key" | "S3ObjectVersion">;

export interface Zip {
  readonly bytes: Uint8Array;
  readonly unzippedBytes: number;
}

export async function zipFrom(
  source: Source,
  ctx: Pick<Context, "call">,
  codeMounts: Pick<CodeMounts, "inspect">,
): Promise<Zip> {
  const bytes = source.ZipFile ? inline(source.ZipFile) : await fromS3(source, ctx);
  // recalled: the text, also of a zip without entries.
  const empty = invalidParameter("Uploaded file must be a non-empty zip");
  if (bytes.length === 0) throw empty;
  try {
    const { unzippedBytes, entries } = await codeMounts.inspect(bytes);
    if (entries === 0) throw empty;
    return { bytes, unzippedBytes };
  } catch (error) {
    throw error instanceof ZipError ? zipRefused(error) : error;
  }
}

/** AWS's texts; what is unsafe, which AWS may well take, is named. */
export function zipRefused(error: ZipError): AwsError {
  const unreadable = "Could not unzip uploaded file. Please check your file, then try to upload again.";
  switch (error.code) {
    case "too-large":
      return invalidParameter(`Unzipped size must be smaller than ${unzippedBytesMax} bytes`, error);
    case "unsafe":
      return invalidParameter(`${unreadable} ${error.message}.`, error);
    case "unreadable":
      return invalidParameter(unreadable, error);
  }
}

function inline(zip: Uint8Array): Uint8Array {
  if (zip.length > zipBytesMax)
    throw requestTooLarge(`Zipped size must be smaller than ${zipBytesMax} bytes`);
  return zip;
}

async function fromS3({ S3Bucket, S3Key, S3ObjectVersion }: Source, ctx: Pick<Context, "call">) {
  const input = { Bucket: S3Bucket, Key: S3Key, ...(S3ObjectVersion && { VersionId: S3ObjectVersion }) };
  try {
    const { Body } = await ctx.call("s3", "GetObject", input);
    return await collect(Body);
  } catch (error) {
    if (!(error instanceof AwsError) || error.code === "InvalidParameterValueException") throw error;
    throw invalidParameter(
      `Error occurred while GetObject. S3 Error Code: ${error.code}. S3 Error Message: ${error.message}`,
      error,
    );
  }
}

/** A zip that is larger than what it may unpack to is not worth reading to its end. */
async function collect(body: unknown): Promise<Uint8Array> {
  if (body instanceof Uint8Array) return bounded(body);
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > unzippedBytesMax) break;
  }
  return bounded(Buffer.concat(chunks));
}

function bounded(zip: Uint8Array): Uint8Array {
  if (zip.length > unzippedBytesMax)
    throw zipRefused(new ZipError("too-large", "the zip itself is too large"));
  return zip;
}
