/**
 * A page of a listing: keys under a prefix, with those that share what comes before a delimiter folded into one. Walks
 * no further than it must; knows nothing of the store. Source: map-sqs-sns-s3 3.7.
 */

/** Keys in order, one by one. */
export interface Walk<T> {
  next(): Promise<T | undefined>;
  /** Goes on behind every key that begins with this. */
  skipPast(prefix: string): void;
}

export interface FoldRequest {
  readonly prefix: string;
  /** "": none. */
  readonly delimiter: string;
  readonly max: number;
}

export interface Folded<T> {
  readonly items: readonly T[];
  readonly prefixes: readonly string[];
  readonly isTruncated: boolean;
  /** Where the next page begins behind; only when there is one. */
  readonly last?:
    | { readonly kind: "item"; readonly item: T }
    | { readonly kind: "prefix"; readonly prefix: string };
}

export async function fold<T extends { readonly key: string }>(
  walk: Walk<T>,
  { prefix, delimiter, max }: FoldRequest,
): Promise<Folded<T>> {
  const items: T[] = [];
  const prefixes: string[] = [];
  let last: Folded<T>["last"];
  if (max === 0) return { items, prefixes, isTruncated: false };
  for (let item = await walk.next(); item; item = await walk.next()) {
    if (items.length + prefixes.length === max) return { items, prefixes, isTruncated: true, last };
    const common = commonPrefix(item.key, prefix, delimiter);
    if (common === undefined) {
      items.push(item);
      last = { kind: "item", item };
    } else {
      prefixes.push(common);
      last = { kind: "prefix", prefix: common };
      walk.skipPast(common);
    }
  }
  return { items, prefixes, isTruncated: false };
}

/** What `key` has up to the first delimiter behind the prefix. */
export function commonPrefix(key: string, prefix: string, delimiter: string): string | undefined {
  if (delimiter === "") return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at === -1 ? undefined : key.slice(0, at + delimiter.length);
}

/** Greater than every key that begins with `prefix`: no key has as many characters. */
export function beyond(prefix: string): string {
  return prefix + "\u{10FFFF}".repeat(257);
}

/** `encoding-type=url`. */
export function urlEncoded(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replace(/%2F/g, "/")
    .replace(/%20/g, "+")
    .replace(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
