/**
 * Typed JSON records in a `Store`: a collection is a prefix, a record's place in it a list of parts.
 *
 *     const functions = records<FunctionRecord>(store, "lambda/fn");
 *     const found = await functions.get([account, region, name]);
 *     await store.commit([functions.put([account, region, name], changed, found.version), names.remove([name])]);
 *
 * Writes are built here and committed by the caller, so that several collections change in one commit. Keys keep the
 * order of their parts: records are listed by first part, then second, each in the order of its UTF-8 bytes; and no
 * part, whatever it holds, can reach into another record's key.
 */
import { invariant } from "../base/invariant.ts";
import { mayExist } from "./bounds.ts";
import type { Key, Store, Write } from "./store.ts";

export type Parts = readonly string[];

export interface Stored<T> {
  readonly parts: Parts;
  readonly value: T;
  /** For `ifVersion`; see K5. */
  readonly version: number;
}

export interface Selection {
  /** Only records whose first parts are these; all of the collection when empty. */
  readonly parts: Parts;
  /** Only those whose next part starts with this. */
  readonly startsWith?: string;
  /** Only those behind this one. Any parts will do, there need not be such a record: the `next` of a page, for instance. */
  readonly after?: Parts;
  readonly reverse?: boolean;
}

export interface PageRequest extends Selection {
  /** 1 to 9,999. */
  readonly limit: number;
}

export interface Page<T> {
  readonly items: readonly Stored<T>[];
  /** The parts of the last item, when there are more behind it. */
  readonly next?: Parts;
}

export interface Records<T> {
  /** Starts every key of the collection, and no other key: for `store.watch`. */
  readonly prefix: string;
  key(...parts: string[]): Key;
  /** Any text may be asked for: of what is too long for a key, or no text at all, there is none. */
  get(parts: Parts): Promise<Stored<T> | undefined>;
  page(request: PageRequest): Promise<Page<T>>;
  /** One by one, read in pages as they are asked for: what changes meanwhile may or may not be seen. */
  each(selection: Selection): AsyncGenerator<Stored<T>>;
  /** `ifVersion` 0: only if there is none yet. */
  put(parts: Parts, value: T, ifVersion?: number): Write;
  remove(parts: Parts, ifVersion?: number): Write;
  /** Fails the batch unless the record has this version; 0: unless there is none. */
  check(parts: Parts, ifVersion: number): Write;
}

/** How many records `each` reads at a time. */
const eachPageMax = 500;

/** `collection`: "<concern>/<noun>", lower case. `T` must survive JSON. */
export function records<T>(store: Store, collection: string): Records<T> {
  invariant(/^[a-z][a-z0-9/-]*$/.test(collection), "a collection is named in lower case, with / and - only");
  const prefix = `${collection} `;

  function key(...parts: string[]): Key {
    invariant(parts.length > 0, "a record has at least one part");
    return prefix + parts.map(escape).join(" ");
  }
  function prefixOf({ parts, startsWith = "" }: Selection): string {
    return prefix + [...parts, startsWith].map(escape).join(" ");
  }
  function recordFrom(key: Key, value: Uint8Array, version: number): Stored<T> {
    const parts = key.slice(prefix.length).split(" ").map(unescape);
    return { parts, value: JSON.parse(decoder.decode(value)) as T, version };
  }

  async function page(request: PageRequest): Promise<Page<T>> {
    const { after, limit, reverse } = request;
    const selected = prefixOf(request);
    if (!mayExist(selected)) return { items: [] };
    const found = await store.scan({
      prefix: selected,
      after: after && key(...after).toWellFormed(),
      limit: limit + 1, // one more tells whether there is a next page
      reverse,
    });
    const items = found.slice(0, limit).map((entry) => recordFrom(entry.key, entry.value, entry.version));
    return found.length > limit ? { items, next: items.at(-1)?.parts } : { items };
  }

  return {
    prefix,
    key,
    async get(parts) {
      const wanted = key(...parts);
      if (!mayExist(wanted)) return undefined;
      const entry = await store.get(wanted);
      return entry && recordFrom(entry.key, entry.value, entry.version);
    },
    page,
    async *each(selection) {
      let after = selection.after;
      do {
        const { items, next } = await page({ ...selection, after, limit: eachPageMax });
        yield* items;
        after = next;
      } while (after);
    },
    put: (parts, value, ifVersion) => ({ kind: "put", key: key(...parts), value: encode(value), ifVersion }),
    remove: (parts, ifVersion) => ({ kind: "remove", key: key(...parts), ifVersion }),
    check: (parts, ifVersion) => ({ kind: "check", key: key(...parts), ifVersion }),
  };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function encode(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

// Parts are joined by a space, the least character that a key shows. What is not greater than "!" becomes "!" and the
// character 64 places up: least of what is left, so escaped parts have the order of the parts, and all stay readable.
function escape(part: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what it is about
  return part.replace(/[\0-!]/g, (character) => `!${String.fromCharCode(character.charCodeAt(0) + 64)}`);
}

function unescape(part: string): string {
  return part.replace(/!(.)/g, (_, character: string) => String.fromCharCode(character.charCodeAt(0) - 64));
}
