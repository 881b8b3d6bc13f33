/**
 * The pattern language of EventBridge, which filters of event source mappings share: a pattern is compiled once, then tried
 * on events. Pure. Source: EventBridge's "Comparison operators", lambda-map 7.7.
 *
 * A field matches if any of its list does; an object if all its fields do; an array in the event if any of its elements
 * does. Numbers are equal if they are written alike (300, 300.0 and 3.0e2 differ), so events and patterns are to be parsed with
 * `parseExact`. What is no pattern throws `PatternError`.
 */
import { BlockList, isIP } from "node:net";
import { filterPatternDepthMax } from "../limits.ts";

export type Matcher = (event: unknown) => boolean;

export class PatternError extends Error {
  override name = "PatternError";
}

/** A number with the text that it had. */
export class ExactNumber {
  readonly value: number;
  readonly text: string;
  constructor(value: number, text: string) {
    this.value = value;
    this.text = text;
  }
}

/** JSON with its numbers as they were written. Throws a SyntaxError. */
export function parseExact(json: string): unknown {
  return JSON.parse(json, (_key, value: unknown, context?: { readonly source?: string }) =>
    typeof value === "number" ? new ExactNumber(value, context?.source ?? String(value)) : value,
  );
}

export function compilePattern(json: string): Matcher {
  let pattern: unknown;
  try {
    pattern = parseExact(json);
  } catch (cause) {
    throw new PatternError("A pattern is JSON.", { cause });
  }
  return compileObject(pattern, 0);
}

/** `undefined` is a field that is not there. */
type Test = (value: unknown) => boolean;

function compileObject(pattern: unknown, depth: number): Matcher {
  if (!isObject(pattern)) throw new PatternError("A pattern is an object.");
  if (depth > filterPatternDepthMax) throw new PatternError("A pattern is not that deep.");
  const tests = Object.entries(pattern).map(([key, below]) => {
    if (key === "$or" && Array.isArray(below) && below.every(isObject)) return compileOr(below, depth);
    const test = Array.isArray(below) ? compileLeaf(below) : compileBelow(below, depth);
    return (event: unknown) => test(fieldOf(event, key));
  });
  if (tests.length === 0) throw new PatternError("A pattern is not empty.");
  return (event) => tests.every((test) => test(event));
}

function compileOr(patterns: readonly unknown[], depth: number): Matcher {
  if (patterns.length === 0) throw new PatternError("$or needs patterns.");
  const matchers = patterns.map((one) => compileObject(one, depth + 1));
  return (event) => matchers.some((matcher) => matcher(event));
}

function compileBelow(pattern: unknown, depth: number): Test {
  const matcher = compileObject(pattern, depth + 1);
  return (value) => {
    if (Array.isArray(value)) return value.some((element) => isObject(element) && matcher(element));
    // What is not there may be what the pattern wants: {"exists": false} below it.
    return value === undefined || isObject(value) ? matcher(value) : false;
  };
}

/** A list of which one must match. */
function compileLeaf(list: readonly unknown[]): Test {
  if (list.length === 0) throw new PatternError("A list of values is not empty.");
  const tests = list.map(compileValue);
  return (value) => tests.some((test) => test(value));
}

function compileValue(wanted: unknown): Test {
  if (!isObject(wanted)) return ofElements(equals(wanted));
  const [entry, ...more] = Object.entries(wanted);
  if (!entry || more.length > 0) throw new PatternError("A comparison has one operator.");
  const [operator, operand] = entry;
  if (operator === "exists") {
    if (typeof operand !== "boolean") throw new PatternError("exists is true or false.");
    return (value) => (value !== undefined && !isObject(value)) === operand;
  }
  if (operator === "anything-but") {
    const excluded = compileExcluded(operand);
    return (value) => {
      const isOpen = value !== undefined && !isObject(value);
      return isOpen && (Array.isArray(value) ? value.some((one) => !excluded(one)) : !excluded(value));
    };
  }
  return ofElements(compileOperator(operator, operand));
}

function compileOperator(operator: string, operand: unknown): Test {
  switch (operator) {
    case "prefix":
      return compileEnd(operand, (text, end) => text.startsWith(end));
    case "suffix":
      return compileEnd(operand, (text, end) => text.endsWith(end));
    case "equals-ignore-case": {
      const wanted = textOf(operand).toLowerCase();
      return (value) => typeof value === "string" && value.toLowerCase() === wanted;
    }
    case "wildcard":
      return compileWildcard(textOf(operand));
    case "numeric":
      return compileNumeric(operand);
    case "cidr":
      return compileCidr(textOf(operand));
    default:
      throw new PatternError(`There is no operator ${operator.slice(0, 100)}.`);
  }
}

/** `"x"` or `{"equals-ignore-case": "x"}`. */
function compileEnd(operand: unknown, ends: (text: string, end: string) => boolean): Test {
  const ignoresCase = isObject(operand);
  const end = textOf(ignoresCase ? operand["equals-ignore-case"] : operand);
  if (!ignoresCase) return (value) => typeof value === "string" && ends(value, end);
  const lower = end.toLowerCase();
  return (value) => typeof value === "string" && ends(value.toLowerCase(), lower);
}

/** A value, a list of values, or an operator with a text or a list of texts. */
function compileExcluded(operand: unknown): Test {
  if (isObject(operand)) {
    const [entry, ...more] = Object.entries(operand);
    const operator = entry?.[0] ?? "";
    if (more.length > 0 || !["prefix", "suffix", "equals-ignore-case", "wildcard"].includes(operator)) {
      throw new PatternError(
        "anything-but takes values or one of prefix, suffix, equals-ignore-case, wildcard.",
      );
    }
    const operands: unknown[] = Array.isArray(entry?.[1]) ? entry[1] : [entry?.[1]];
    const tests = operands.map((one) => compileOperator(operator, one));
    return (value) => tests.some((test) => test(value));
  }
  const values: unknown[] = Array.isArray(operand) ? operand : [operand];
  if (values.length === 0) throw new PatternError("anything-but needs values.");
  const tests = values.map(equals);
  return (value) => tests.some((test) => test(value));
}

/** `*` is any text; `\*` and `\\` are themselves. Linear in the text, whatever the pattern: no regular expression. */
function compileWildcard(pattern: string): Test {
  const parts: string[] = [""];
  for (let at = 0; at < pattern.length; at += 1) {
    const char = pattern.charAt(at);
    if (char === "*") {
      if (pattern.charAt(at + 1) === "*") throw new PatternError("A wildcard does not follow another.");
      parts.push("");
      continue;
    }
    const isEscape = char === "\\" && "*\\".includes(pattern.charAt(at + 1)) && at + 1 < pattern.length;
    parts.push(`${parts.pop() ?? ""}${isEscape ? pattern.charAt((at += 1)) : char}`);
  }
  const [first = "", ...rest] = parts;
  const last = rest.pop();
  return (value) => {
    if (typeof value !== "string") return false;
    if (last === undefined) return value === first;
    if (value.length < first.length + last.length) return false;
    if (!value.startsWith(first) || !value.endsWith(last)) return false;
    const end = value.length - last.length;
    let at = first.length;
    for (const part of rest) {
      const found = value.indexOf(part, at);
      if (found < 0 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}

/** `["=", 5]` or `[">", 1, "<=", 9]`. */
function compileNumeric(operand: unknown): Test {
  if (!Array.isArray(operand) || (operand.length !== 2 && operand.length !== 4)) {
    throw new PatternError("numeric has one or two comparisons.");
  }
  const tests: ((value: number) => boolean)[] = [];
  for (let at = 0; at < operand.length; at += 2) {
    const compare = comparisons[String(operand[at])];
    const bound = numberOf(operand[at + 1]);
    if (!compare || bound === undefined) throw new PatternError("numeric compares with numbers.");
    tests.push((value) => compare(value, bound));
  }
  return (value) => {
    const number = numberOf(value);
    return number !== undefined && tests.every((test) => test(number));
  };
}

const comparisons: Readonly<Record<string, (value: number, bound: number) => boolean>> = {
  "=": (value, bound) => value === bound,
  "<": (value, bound) => value < bound,
  "<=": (value, bound) => value <= bound,
  ">": (value, bound) => value > bound,
  ">=": (value, bound) => value >= bound,
};

function compileCidr(range: string): Test {
  const [address = "", bits = ""] = range.split("/");
  const version = isIP(address);
  const prefix = /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  if (version === 0 || !(prefix <= (version === 4 ? 32 : 128)))
    throw new PatternError("cidr is an address range.");
  const family = version === 4 ? "ipv4" : "ipv6";
  const block = new BlockList();
  block.addSubnet(address, prefix, family);
  return (value) => typeof value === "string" && isIP(value) === version && block.check(value, family);
}

function equals(wanted: unknown): Test {
  if (wanted === null || typeof wanted === "string" || typeof wanted === "boolean") {
    return (value) => value === wanted;
  }
  const text = numberText(wanted);
  if (text === undefined) throw new PatternError("A value is a string, a number, true, false or null.");
  return (value) => numberText(value) === text;
}

function ofElements(test: Test): Test {
  return (value) => (Array.isArray(value) ? value.some(test) : value !== undefined && test(value));
}

function numberText(value: unknown): string | undefined {
  if (value instanceof ExactNumber) return value.text;
  return typeof value === "number" ? String(value) : undefined;
}

function numberOf(value: unknown): number | undefined {
  if (value instanceof ExactNumber) return value.value;
  return typeof value === "number" ? value : undefined;
}

function textOf(operand: unknown): string {
  if (typeof operand !== "string") throw new PatternError("This operator takes a text.");
  return operand;
}

function fieldOf(event: unknown, key: string): unknown {
  return isObject(event) && Object.hasOwn(event, key) ? event[key] : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber)
  );
}
