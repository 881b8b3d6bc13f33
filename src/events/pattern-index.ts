/**
 * Many patterns at once: which of them match an event? Each clause stands in the index under one of its fields that must
 * have an exact value or prefix, where these have the fewest clauses so far; failing that, under a field that must be
 * there; failing that, it is tried on every event. Then an event meets only clauses that share a value with it.
 */
import { type Fields, fieldsOf, valueKey } from "./event-value.ts";
import { clauseHolds } from "./pattern.ts";
import { type Clause, parsePattern, type Test } from "./pattern-parse.ts";

interface Entry<T> {
  readonly clause: Clause;
  readonly owner: T;
}

/** `T` is compared by identity. */
export class PatternIndex<T> {
  /** By path and value or prefix: `keyOf`. */
  readonly #byValue = new Map<string, Set<Entry<T>>>();
  readonly #byPath = new Map<string, Set<Entry<T>>>();
  readonly #always = new Set<Entry<T>>();
  /** How long prefixes at a path are that clauses stand under. Only grows, until the index is made anew. */
  readonly #prefixLengths = new Map<string, Set<number>>();
  readonly #removals = new Map<T, () => void>();
  /** How many clauses look at a path. */
  readonly #paths = new Map<string, number>();

  /** Throws a `PatternError`. */
  add(owner: T, pattern: string): void {
    const clauses = parsePattern(pattern);
    this.remove(owner);
    const removals = clauses.map((clause) => this.#insert({ clause, owner }));
    this.#removals.set(owner, () => removals.forEach((remove) => remove()));
  }

  remove(owner: T): void {
    this.#removals.get(owner)?.();
    this.#removals.delete(owner);
  }

  /** In no particular order, each once. `event`: from `parseExact`. */
  matching(event: unknown): readonly T[] {
    const fields = fieldsOf(event, (path) => this.#paths.has(path));
    const found = new Set<T>();
    const tried = (entries: Iterable<Entry<T>>) => {
      for (const { clause, owner } of entries) {
        if (!found.has(owner) && clauseHolds(clause, fields)) found.add(owner);
      }
    };
    for (const entries of this.#candidates(fields)) tried(entries);
    return [...found];
  }

  *#candidates(fields: Fields): Generator<Iterable<Entry<T>>> {
    yield this.#always;
    for (const [path, values] of fields) {
      const present = this.#byPath.get(path);
      if (present) yield present;
      const lengths = this.#prefixLengths.get(path) ?? [];
      for (const { value } of values) {
        const exact = this.#byValue.get(`${path}\0${valueKey(value)}`);
        if (exact) yield exact;
        if (typeof value !== "string") continue;
        for (const length of lengths) {
          const begun = length <= value.length && this.#byValue.get(prefixKey(path, value.slice(0, length)));
          if (begun) yield begun;
        }
      }
    }
  }

  #insert(entry: Entry<T>): () => void {
    const { clause } = entry;
    for (const path of clause.keys()) this.#paths.set(path, (this.#paths.get(path) ?? 0) + 1);
    const places = this.#placesFor(clause);
    for (const { buckets, key, path, prefix } of places) {
      bucketOf(buckets, key).add(entry);
      if (prefix !== undefined) bucketOf(this.#prefixLengths, path).add(prefix.length);
    }
    if (places.length === 0) this.#always.add(entry);
    return () => {
      this.#always.delete(entry);
      for (const { buckets, key } of places) {
        const bucket = buckets.get(key);
        bucket?.delete(entry);
        if (bucket?.size === 0) buckets.delete(key);
      }
      for (const path of clause.keys()) {
        const users = (this.#paths.get(path) ?? 1) - 1;
        if (users === 0) this.#paths.delete(path);
        else this.#paths.set(path, users);
      }
    };
  }

  /** Where an entry is to stand, so that no event that it matches misses it. Empty: nowhere in particular. */
  #placesFor(clause: Clause): readonly Place<T>[] {
    let best: { readonly places: readonly Place<T>[]; readonly load: number } | undefined;
    let presentPath: string | undefined;
    for (const [path, tests] of clause) {
      if (tests.some(({ kind }) => kind === "absent")) continue;
      presentPath ??= path;
      const places = tests.flatMap((test) => this.#placeOf(path, test));
      if (places.length < tests.length) continue;
      const load = places.reduce((sum, { key }) => sum + 1 + (this.#byValue.get(key)?.size ?? 0), 0);
      if (!best || load < best.load) best = { places, load };
    }
    if (best) return best.places;
    return presentPath === undefined ? [] : [{ buckets: this.#byPath, key: presentPath, path: presentPath }];
  }

  #placeOf(path: string, test: Test): readonly Place<T>[] {
    const buckets = this.#byValue;
    if (test.kind === "value") return [{ buckets, key: `${path}\0${test.key}`, path }];
    const prefix = test.kind === "passes" ? test.prefix : undefined;
    return prefix === undefined ? [] : [{ buckets, key: prefixKey(path, prefix), path, prefix }];
  }
}

interface Place<T> {
  readonly buckets: Map<string, Set<Entry<T>>>;
  readonly key: string;
  readonly path: string;
  readonly prefix?: string;
}

/** No `valueKey` begins like this. */
function prefixKey(path: string, prefix: string): string {
  return `${path}\0^${prefix}`;
}

function bucketOf<T>(buckets: Map<string, Set<T>>, key: string): Set<T> {
  const known = buckets.get(key);
  if (known) return known;
  const made = new Set<T>();
  buckets.set(key, made);
  return made;
}
