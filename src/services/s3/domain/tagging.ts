/** Tags of objects and buckets: what is allowed, and their two forms on the wire. Pure. Source: map-sqs-sns-s3 3.12. */
import { bucketTagsMax, objectTagsMax } from "../../../limits.ts";
import { badRequest, invalidArgument, invalidTag } from "../errors.ts";
import type { Tags } from "./object.ts";

interface WireTag {
  readonly Key: string | undefined;
  readonly Value: string | undefined;
}

export function objectTags(given: readonly WireTag[]): Tags {
  if (given.length > objectTagsMax) throw badRequest(`Object tags cannot be greater than ${objectTagsMax}`);
  return checkedTags(given, "Your TagKey cannot be prefixed with aws:");
}

export function bucketTags(given: readonly WireTag[]): Tags {
  if (given.length > bucketTagsMax)
    throw badRequest(`Bucket tag count cannot be greater than ${bucketTagsMax}`); // inferred
  return checkedTags(given, "System tags cannot be added/updated by requester");
}

/** The header `x-amz-tagging`: `a=b&c=d`, as a query string. */
export function headerTags(header: string | undefined): Tags {
  if (header === undefined || header === "") return {};
  const tags: WireTag[] = [];
  for (const [Key, Value] of new URLSearchParams(header)) {
    if (tags.some((tag) => tag.Key === Key)) throw malformedHeader(header);
    tags.push({ Key, Value });
  }
  if (header.split("&").some((part) => part === "" || part.startsWith("="))) throw malformedHeader(header);
  return objectTags(tags);
}

export function tagsToWire(tags: Tags): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

function checkedTags(given: readonly WireTag[], systemText: string): Tags {
  const tags = new Map<string, string>();
  for (const { Key = "", Value = "" } of given) {
    if (tags.has(Key)) throw invalidTag("Cannot provide multiple Tags with the same key", { TagKey: Key });
    if (!isKey.test(Key)) throw invalidTag("The TagKey you have provided is invalid", { TagKey: Key });
    if (Key.startsWith("aws:")) throw invalidTag(systemText, { TagKey: Key });
    if (!isValue.test(Value)) {
      throw invalidTag("The TagValue you have provided is invalid", { TagKey: Key, TagValue: Value });
    }
    tags.set(Key, Value);
  }
  return Object.fromEntries(tags);
}

function malformedHeader(header: string) {
  const text =
    "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.";
  return invalidArgument(text, "x-amz-tagging", header);
}

const isKey = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u;
const isValue = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u;
