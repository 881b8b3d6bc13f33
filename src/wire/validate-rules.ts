/**
 * The rules that one value must keep by its model, each with AWS's words for it: length, range, pattern, enumeration,
 * and for lists and maps the rules of what they hold. In the order in which AWS lists them (lambda-map 2.1): at most,
 * at least, pattern, set of values, not null.
 *
 * Rules are made once per member and asked for every request. They look only at the value, and never into structures.
 */
import { patternValueLengthMax } from "../limits.ts";
import { compilePattern } from "./java-pattern.ts";
import { numberText } from "./java-text.ts";
import type { Constraint, Member, Shape } from "./model.ts";

export interface Rule {
  /** "Member must have length less than or equal to 64". */
  readonly text: string;
  /** False for values of a type that is not the shape's. */
  readonly breaks: (value: unknown) => boolean;
}

export const notNull = "Member must not be null";

/** Of a value that is not null. */
export function rulesOf({ shape, constraint = shape.constraint ?? {} }: Member): readonly Rule[] {
  switch (shape.kind) {
    case "string":
      return [...lengthRules(constraint, textOf), ...patternRules(constraint), ...enumRules(constraint)];
    case "blob":
      return lengthRules(constraint, bytesOf);
    case "integer":
    case "long":
    case "float":
    case "double":
      return rangeRules(constraint, shape.kind);
    case "list":
      return [
        ...lengthRules(constraint, itemsOf),
        ...heldRules("Member must satisfy constraint", shape.element, itemsOf),
      ];
    case "map":
      return [
        ...lengthRules(constraint, keysOf),
        ...heldRules("Map keys must satisfy constraint", shape.key, keysOf),
        ...heldRules("Map value must satisfy constraint", shape.element, valuesOf),
      ];
    default:
      return [];
  }
}

type Countable = string | Uint8Array | readonly unknown[];

/** Takes a value for what the rule is about; undefined for any other. */
type View<T> = (value: unknown) => T | undefined;

const textOf: View<string> = (value) => (typeof value === "string" ? value : undefined);
const bytesOf: View<Uint8Array> = (value) => (value instanceof Uint8Array ? value : undefined);
const itemsOf: View<readonly unknown[]> = (value) => (Array.isArray(value) ? value : undefined);
const keysOf: View<readonly string[]> = (value) => (isObject(value) ? Object.keys(value) : undefined);
const valuesOf: View<readonly unknown[]> = (value) => (isObject(value) ? Object.values(value) : undefined);

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function rule<T>(text: string, view: View<T>, breaks: (seen: T) => boolean): Rule {
  return {
    text,
    breaks: (value) => {
      const seen = view(value);
      return seen !== undefined && breaks(seen);
    },
  };
}

function lengthRules({ min, max }: Constraint, view: View<Countable>): readonly Rule[] {
  const rules: Rule[] = [];
  if (max !== undefined)
    rules.push(
      rule(`Member must have length less than or equal to ${max}`, view, (seen) => isLonger(seen, max)),
    );
  if (min !== undefined)
    rules.push(
      rule(`Member must have length greater than or equal to ${min}`, view, (seen) => isShorter(seen, min)),
    );
  return rules;
}

// Smithy counts a string's code points. A code point takes one or two units, so only lengths near a limit are counted.
function isLonger(value: Countable, max: number): boolean {
  return value.length > max && (value.length > 2 * max || countOf(value) > max);
}

function isShorter(value: Countable, min: number): boolean {
  return value.length < min || (value.length < 2 * min && countOf(value) < min);
}

function countOf(value: Countable): number {
  return typeof value === "string" ? Array.from(value).length : value.length;
}

function rangeRules({ min, max }: Constraint, kind: Shape["kind"]): readonly Rule[] {
  const view: View<number> = (value) => (typeof value === "number" ? value : undefined);
  const rules: Rule[] = [];
  // inferred: a double's limits print like its values
  if (max !== undefined)
    rules.push(
      rule(
        `Member must have value less than or equal to ${numberText(kind, max)}`,
        view,
        (seen) => seen > max,
      ),
    );
  if (min !== undefined)
    rules.push(
      rule(
        `Member must have value greater than or equal to ${numberText(kind, min)}`,
        view,
        (seen) => seen < min,
      ),
    );
  return rules;
}

function patternRules({ pattern, max = Infinity }: Constraint): readonly Rule[] {
  if (pattern === undefined) return [];
  let compiled: RegExp | undefined;
  const breaks = (seen: string): boolean => {
    // Too long anyway: megabytes must not reach a pattern that backtracks.
    if (seen.length > patternValueLengthMax && isLonger(seen, max)) return false;
    compiled ??= compilePattern(pattern);
    return !compiled.test(seen);
  };
  return [rule(`Member must satisfy regular expression pattern: ${pattern}`, textOf, breaks)];
}

function enumRules({ enum: values }: Constraint): readonly Rule[] {
  if (values === undefined) return [];
  const known = new Set(values);
  const text = `Member must satisfy enum value set: [${values.join(", ")}]`;
  return [rule(text, textOf, (seen) => !known.has(seen))];
}

/** One rule for all that a list or map holds, which names every rule of an element, whichever is broken (recorded). */
function heldRules(
  claim: string,
  member: Member | undefined,
  view: View<readonly unknown[]>,
): readonly Rule[] {
  if (member === undefined) return [];
  const rules = rulesOf(member);
  const isWrong = (item: unknown): boolean =>
    item === null || item === undefined || rules.some(({ breaks }) => breaks(item));
  const text = `${claim}: [${[...rules.map(({ text: own }) => own), notNull].join(", ")}]`;
  return [rule(text, view, (seen) => seen.some(isWrong))];
}
