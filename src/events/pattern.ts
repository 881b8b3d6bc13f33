/**
 * The pattern language of EventBridge, which rules, archives, pipes and the filters of event source mappings share: a
 * pattern is parsed once (`pattern-parse.ts`), then tried on events (`event-value.ts`). Pure. Many patterns at once:
 * `pattern-index.ts`. Source: map-events-observability 1.5.
 *
 * A clause holds if each of its fields has a value that passes, all of them from the same elements of the event's arrays.
 */
import { parseExact, type Field, type Fields, fieldsOf, valueKey, type Within } from "./event-value.ts";
import { type Clause, parsePattern, type Test } from "./pattern-parse.ts";

export { PatternError } from "./pattern-tokens.ts";
export { parseExact };

export type Matcher = (event: unknown) => boolean;

/** For events parsed with `parseExact`. Throws a `PatternError`. */
export function compilePattern(json: string): Matcher {
  const clauses = parsePattern(json);
  const paths = new Set(clauses.flatMap((clause) => [...clause.keys()]));
  return (event) => {
    const fields = fieldsOf(event, (path) => paths.has(path));
    return clauses.some((clause) => clauseHolds(clause, fields));
  };
}

export function clauseHolds(clause: Clause, fields: Fields): boolean {
  let isAnyInArray = false;
  for (const [path, tests] of clause) {
    const found = fields.get(path);
    if (!found) {
      if (!tests.some(({ kind }) => kind === "absent")) return false;
      continue;
    }
    let hasPassed = false;
    for (const field of found) {
      isAnyInArray ||= field.within !== undefined;
      hasPassed ||= passesOne(tests, field);
    }
    if (!hasPassed) return false;
  }
  return !isAnyInArray || clause.size === 1 || agrees(clause, fields);
}

function passesOne(tests: readonly Test[], { value }: Field): boolean {
  return tests.some((test) => {
    switch (test.kind) {
      case "value":
        return valueKey(value) === test.key;
      case "present":
        return true;
      case "absent":
        return false;
      case "passes":
        return test.passes(value);
    }
  });
}

/** Index by array. */
type Places = ReadonlyMap<number, number>;

/**
 * Whether there is one passing field for each path such that no two are from different elements of the same array. Arrays
 * that only one path reaches into do not matter and are left out first: what remains is small.
 */
function agrees(clause: Clause, fields: Fields): boolean {
  const choices: Places[][] = [];
  const reachedBy = new Map<number, number>();
  for (const [path, tests] of clause) {
    const passing = (fields.get(path) ?? []).filter((field) => passesOne(tests, field));
    if (passing.length === 0) continue; // it is absent, and may be
    const places = passing.map(({ within }) => placesOf(within));
    for (const array of new Set(places.flatMap((one) => [...one.keys()]))) {
      reachedBy.set(array, (reachedBy.get(array) ?? 0) + 1);
    }
    choices.push(places);
  }
  const shared = choices.map((places) => distinct(places, (array) => (reachedBy.get(array) ?? 0) > 1));
  // The paths with the fewest choices first: most contradictions show at once.
  return agreesFrom(
    shared.toSorted((a, b) => a.length - b.length),
    0,
    new Map(),
  );
}

function agreesFrom(choices: readonly (readonly Places[])[], at: number, taken: Places): boolean {
  const here = choices[at];
  if (!here) return true;
  return here.some((places) => {
    for (const [array, index] of places) if ((taken.get(array) ?? index) !== index) return false;
    return agreesFrom(choices, at + 1, places.size === 0 ? taken : new Map([...taken, ...places]));
  });
}

function placesOf(within: Within | undefined): Places {
  const places = new Map<number, number>();
  for (let at = within; at; at = at.outer) places.set(at.array, at.index);
  return places;
}

function distinct(places: readonly Places[], matters: (array: number) => boolean): Places[] {
  const found = new Map<string, Places>();
  for (const one of places) {
    const kept = [...one].filter(([array]) => matters(array));
    found.set(kept.join(";"), new Map(kept));
  }
  return [...found.values()];
}
