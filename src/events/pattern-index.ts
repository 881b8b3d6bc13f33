/**
 * Many patterns at once: which of them match an event? Each clause stands in the index under one of its fields that must
 * have an exact value, where that field and value have the fewest clauses so far; failing that, under a field that must be
 * there; failing that, it is tried on every event. Then an event meets only clauses that share a value with it.
 */
import { type Fields, fieldsOf, valueKey } from "./event-value.ts";
import { clauseHolds } from "./pattern.ts";
import { type Clause, parsePattern } from "./pattern-parse.ts";

interface Entry<T> {
  readonly clause: Clause;
  readonly owner: T;
}

/** `T` is compared by identity. */
export class PatternIndex<T> {
  /** By path and value: `path` NUL `valueKey`. */
  readonly #byValue = new Map<string, Set<Entry<T>>>();
  readonly #byPath = new Map<string, Set<Entry<T>>>();
  readonly #always = new Set<Entry<T>>();
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
      for (const { value } of values) {
        const exact = this.#byValue.get(`${path}\0${valueKey(value)}`);
        if (exact) yield exact;
      }
    }
  }

  #insert(entry: Entry<T>): () => void {
    const { clause } = entry;
    for (const path of clause.keys()) this.#paths.set(path, (this.#paths.get(path) ?? 0) + 1);
    const places = this.#placesFor(clause);
    for (const [buckets, key] of places) bucketOf(buckets, key).add(entry);
    if (places.length === 0) this.#always.add(entry);
    return () => {
      this.#always.delete(entry);
      for (const [buckets, key] of places) {
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
  #placesFor(clause: Clause): [buckets: Map<string, Set<Entry<T>>>, key: string][] {
    let best: { readonly keys: readonly string[]; readonly load: number } | undefined;
    let presentPath: string | undefined;
    for (const [path, tests] of clause) {
      if (tests.some(({ kind }) => kind === "absent")) continue;
      presentPath ??= path;
      const keys = tests.flatMap((test) => (test.kind === "value" ? [`${path}\0${test.key}`] : []));
      if (keys.length < tests.length) continue;
      const load = keys.reduce((sum, key) => sum + 1 + (this.#byValue.get(key)?.size ?? 0), 0);
      if (!best || load < best.load) best = { keys, load };
    }
    if (best) return [...new Set(best.keys)].map((key) => [this.#byValue, key]);
    return presentPath === undefined ? [] : [[this.#byPath, presentPath]];
  }
}

function bucketOf<T>(buckets: Map<string, Set<T>>, key: string): Set<T> {
  const known = buckets.get(key);
  if (known) return known;
  const made = new Set<T>();
  buckets.set(key, made);
  return made;
}
