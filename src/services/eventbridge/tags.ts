/** Tags as lists on the wire and as maps inside. */
import { tagsMax } from "../../limits.ts";
import { limitExceeded, validation } from "./errors.ts";

export type Tags = Readonly<Record<string, string>>;
type TagList = readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[];

export function tagsOf(list: TagList = []): Tags {
  const tags = new Map(list.map(({ Key = "", Value = "" }) => [Key, Value]));
  if (tags.size < list.length) throw validation("Invalid parameter: Duplicated keys are not allowed.");
  if (tags.size > tagsMax) throw limitExceeded();
  return Object.fromEntries(tags);
}

export function withTags(before: Tags, list: TagList): Tags {
  const tags = { ...before, ...tagsOf(list) };
  if (Object.keys(tags).length > tagsMax) throw limitExceeded();
  return tags;
}

export function withoutTags(before: Tags, keys: readonly string[]): Tags {
  return Object.fromEntries(Object.entries(before).filter(([key]) => !keys.includes(key)));
}

export function tagsToWire(tags: Tags): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}
