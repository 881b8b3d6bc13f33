/**
 * Headers that an object keeps: Content-Type and its like, and `x-amz-meta-…`. Names of user metadata are lower-case;
 * what is not ASCII goes out as RFC 2047 has it, as AWS does. Pure. Source: map-sqs-sns-s3 3.3.
 */
import { userMetadataBytesMax } from "../../../limits.ts";
import { metadataTooLarge } from "../errors.ts";

/** As a client that sends none gets it. */
export const defaultContentType = "binary/octet-stream";

const kept = [
  "content-type",
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "expires",
] as const;

type Headers = Readonly<Record<string, string | undefined>>;

/** From a request's headers, where Node has decoded one byte to one character. */
export function systemHeaders(headers: Headers): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of kept) {
    const value = headers[name];
    const given = name === "content-encoding" && value !== undefined ? withoutAwsChunked(value) : value;
    if (given !== undefined && given !== "") found[name] = given;
  }
  return { ...found, "content-type": found["content-type"] ?? defaultContentType };
}

/** Throws MetadataTooLarge. */
export function userMetadata(given: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const metadata: Record<string, string> = {};
  let sizeBytes = 0;
  for (const [name, value] of Object.entries(given ?? {})) {
    const text = decodedText(value);
    sizeBytes += Buffer.byteLength(name) + Buffer.byteLength(text);
    metadata[name.toLowerCase()] = text;
  }
  if (sizeBytes > userMetadataBytesMax) throw metadataTooLarge(sizeBytes, userMetadataBytesMax);
  return metadata;
}

export function metadataToWire(metadata: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, encodedText(value)]));
}

function withoutAwsChunked(encoding: string): string {
  const parts = encoding.split(",").map((part) => part.trim());
  return parts.filter((part) => part.toLowerCase() !== "aws-chunked").join(",");
}

/** Headers are UTF-8 that looks like Latin-1, or RFC 2047 that means plain ASCII. */
function decodedText(value: string): string {
  const bytes = Buffer.from(value, "latin1");
  const text = bytes.toString("utf8");
  const plain = Buffer.from(text, "utf8").equals(bytes) ? text : value;
  const [, charset, base64] = /^=\?([\w-]+)\?B\?([A-Za-z0-9+/=]*)\?=$/i.exec(plain) ?? [];
  if (charset?.toLowerCase() === "utf-8" && base64 !== undefined) {
    return Buffer.from(base64, "base64").toString("utf8");
  }
  return plain;
}

function encodedText(value: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what this is about
  if (/^[\x20-\x7e]*$/.test(value)) return value;
  const escaped = [...Buffer.from(value, "utf8")].map((byte) =>
    byte > 0x20 && byte < 0x7f && byte !== 0x3d && byte !== 0x3f && byte !== 0x5f
      ? String.fromCharCode(byte)
      : `=${byte.toString(16).toUpperCase().padStart(2, "0")}`,
  );
  return `=?UTF-8?Q?${escaped.join("")}?=`;
}
