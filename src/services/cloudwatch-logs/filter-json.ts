/**
 * The JSON form of filter patterns: `{ $.level = "ERROR" && ($.status >= 500 || $.error NOT EXISTS) }`.
 *
 * A recursive-descent parser that builds a test over the parsed message. A message that is not JSON does not match; a
 * selector that lands on an object or array matches nothing; a missing property neither equals nor differs.
 */
import type { Comparison, Scalar } from "./filter-value.ts";
import { FilterSyntaxError, compileComparison, numberOf, operandOf } from "./filter-value.ts";

type ValueTest = (root: unknown) => boolean;
type Step =
  | { readonly kind: "key"; readonly key: string }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "each" };

/** A number as the message spells it: 12.0 is not "12". */
class SpelledNumber {
  readonly text: string;
  readonly number: number;
  constructor(text: string, number: number) {
    this.text = text;
    this.number = number;
  }
}

export function compileJson(pattern: string): (message: string) => boolean {
  const tokens = new Tokens(pattern);
  tokens.expect("{");
  const test = disjunction(tokens);
  tokens.expect("}");
  tokens.expectEnd();
  return (message) => {
    if (!message.trimStart().startsWith("{")) return false;
    const root = parse(message);
    return root !== undefined && test(root);
  };
}

function parse(message: string): unknown {
  try {
    return JSON.parse(message, (_key, value: unknown, context?: { source?: string }) =>
      typeof value === "number" ? new SpelledNumber(context?.source ?? String(value), value) : value,
    );
  } catch {
    // Not JSON, so it does not match.
    return undefined;
  }
}

function disjunction(tokens: Tokens): ValueTest {
  const tests = [conjunction(tokens)];
  while (tokens.take("||")) tests.push(conjunction(tokens));
  return (root) => tests.some((test) => test(root));
}

function conjunction(tokens: Tokens): ValueTest {
  const tests = [unit(tokens)];
  while (tokens.take("&&")) tests.push(unit(tokens));
  return (root) => tests.every((test) => test(root));
}

function unit(tokens: Tokens): ValueTest {
  if (tokens.take("(")) {
    const test = disjunction(tokens);
    tokens.expect(")");
    return test;
  }
  return condition(tokens);
}

function condition(tokens: Tokens): ValueTest {
  const steps = tokens.selector();
  if (tokens.takeWord("NOT")) {
    tokens.expectWord("EXISTS");
    return (root) => select(root, steps).length === 0;
  }
  if (tokens.takeWord("IS")) {
    const wanted = { NULL: null, TRUE: true, FALSE: false }[tokens.word("NULL", "TRUE", "FALSE")];
    return (root) => select(root, steps).includes(wanted);
  }
  const compare = compileComparison(tokens.comparison(), operandOf(tokens.operand()));
  return (root) =>
    select(root, steps).some((value) => {
      const scalar = scalarOf(value);
      return scalar !== undefined && compare(scalar);
    });
}

function scalarOf(value: unknown): Scalar | undefined {
  if (value instanceof SpelledNumber) return value;
  if (typeof value === "string") return { text: value, number: undefined };
  if (typeof value === "boolean") return { text: String(value), number: undefined };
  return undefined;
}

/** What the steps lead to: nothing, one value, or with a wildcard any number. */
function select(root: unknown, steps: readonly Step[]): unknown[] {
  let found = [root];
  for (const step of steps) found = found.flatMap((value) => follow(value, step));
  return found;
}

function follow(value: unknown, step: Step): unknown[] {
  if (typeof value !== "object" || value === null || value instanceof SpelledNumber) return [];
  switch (step.kind) {
    case "each":
      return Object.values(value);
    case "index":
      return Array.isArray(value) && step.index < value.length ? [value[step.index]] : [];
    case "key":
      return !Array.isArray(value) && Object.hasOwn(value, step.key)
        ? [(value as Record<string, unknown>)[step.key]]
        : [];
  }
}

/** The pattern's text with a position in it. */
class Tokens {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  take(symbol: string): boolean {
    this.#skipBlanks();
    if (!this.#text.startsWith(symbol, this.#at)) return false;
    this.#at += symbol.length;
    return true;
  }

  expect(symbol: string): void {
    if (!this.take(symbol)) throw this.#unexpected();
  }

  expectEnd(): void {
    this.#skipBlanks();
    if (this.#at < this.#text.length) throw this.#unexpected();
  }

  takeWord(word: string): boolean {
    return this.#match(new RegExp(`${word}\\b`, "y")) !== undefined;
  }

  expectWord(word: string): void {
    if (!this.takeWord(word)) throw this.#unexpected();
  }

  word<const W extends string>(...words: readonly W[]): W {
    const found = words.find((word) => this.takeWord(word));
    if (!found) throw this.#unexpected();
    return found;
  }

  comparison(): Comparison {
    const found = this.#match(/!=|<=|>=|=|<|>/y);
    if (!found) throw this.#unexpected();
    return found as Comparison;
  }

  operand(): string {
    const found = this.#match(/"(?:[^"\\]|\\.)*"|%[^%]*%|[^\s"(){}&|]+/y);
    if (!found) throw this.#unexpected();
    if (!/^["%]/.test(found) && numberOf(found) === undefined && !/^[\w.*:/-]+$/.test(found))
      throw this.#unexpected();
    return found;
  }

  selector(): Step[] {
    this.expect("$");
    const steps: Step[] = [];
    for (let part = this.#step(); part; part = this.#step()) steps.push(part);
    if (steps.length === 0) throw this.#unexpected();
    return steps;
  }

  #step(): Step | undefined {
    const part = /\.(\*)|\.([\w@-]+)|\[(\*)\]|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]/y;
    part.lastIndex = this.#at;
    const match = part.exec(this.#text);
    if (!match) return undefined;
    this.#at = part.lastIndex;
    const [, dotStar, name, bracketStar, index, single, double] = match;
    if (dotStar ?? bracketStar) return { kind: "each" };
    if (index !== undefined) return { kind: "index", index: Number(index) };
    return { kind: "key", key: name ?? single ?? double ?? "" };
  }

  #match(pattern: RegExp): string | undefined {
    this.#skipBlanks();
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (!match) return undefined;
    this.#at = pattern.lastIndex;
    return match[0];
  }

  #skipBlanks(): void {
    while (/\s/.test(this.#text.charAt(this.#at))) this.#at += 1;
  }

  #unexpected(): FilterSyntaxError {
    return new FilterSyntaxError(`Invalid filter pattern at position ${this.#at}`);
  }
}
