/**
 * Comparing one value with one operand of a filter pattern: numbers as numbers, quoted ones as text, `*` at either end as a
 * wildcard, `%…%` as a regular expression. Pure.
 */
import { setFlagsFromString } from "node:v8";

export class FilterSyntaxError extends Error {
  override name = "FilterSyntaxError";
}

export const comparisons = ["!=", "<=", ">=", "=", "<", ">"] as const;
export type Comparison = (typeof comparisons)[number];

/** A scalar of a message: its text as written, and its number if it is one. */
export interface Scalar {
  readonly text: string;
  readonly number: number | undefined;
}

export type Operand =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "number"; readonly text: string; readonly number: number }
  | { readonly kind: "regex"; readonly test: (text: string) => boolean };

/** `token` as written: `"quoted"`, `%regex%`, `123`, `bare*`. */
export function operandOf(token: string): Operand {
  if (token.startsWith('"')) return { kind: "text", text: token.slice(1, -1).replaceAll(/\\(.)/g, "$1") };
  if (token.startsWith("%")) return { kind: "regex", test: compileRegex(token.slice(1, -1)) };
  const number = numberOf(token);
  return number === undefined ? { kind: "text", text: token } : { kind: "number", text: token, number };
}

export function numberOf(text: string): number | undefined {
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined;
}

/** Throws `FilterSyntaxError` for an ordering of what has no order. */
export function compileComparison(comparison: Comparison, operand: Operand): (value: Scalar) => boolean {
  switch (comparison) {
    case "=":
      return equality(operand);
    case "!=": {
      const isEqual = equality(operand);
      return (value) => !isEqual(value);
    }
    case "<":
    case "<=":
    case ">":
    case ">=":
      return ordering(comparison, operand);
  }
}

function equality(operand: Operand): (value: Scalar) => boolean {
  switch (operand.kind) {
    case "regex":
      return ({ text }) => operand.test(text);
    case "number":
      return ({ number, text }) => (number === undefined ? text === operand.text : number === operand.number);
    case "text":
      return wildcard(operand.text);
  }
}

/** `*` counts at the start and at the end only; elsewhere it is itself. */
function wildcard(pattern: string): (value: Scalar) => boolean {
  const isOpenStart = pattern.startsWith("*");
  const isOpenEnd = pattern.length > 1 && pattern.endsWith("*");
  const core = pattern.slice(isOpenStart ? 1 : 0, isOpenEnd ? -1 : undefined);
  if (isOpenStart && isOpenEnd) return ({ text }) => text.includes(core);
  if (isOpenStart) return ({ text }) => text.endsWith(core);
  if (isOpenEnd) return ({ text }) => text.startsWith(core);
  return ({ text }) => text === core;
}

function ordering(comparison: "<" | "<=" | ">" | ">=", operand: Operand): (value: Scalar) => boolean {
  if (operand.kind !== "number") {
    const written = operand.kind === "text" ? operand.text : "%";
    throw new FilterSyntaxError(`Invalid character(s) in term '"${written}"'`);
  }
  const { number: limit } = operand;
  return ({ number }) => {
    if (number === undefined) return false;
    switch (comparison) {
      case "<":
        return number < limit;
      case "<=":
        return number <= limit;
      case ">":
        return number > limit;
      case ">=":
        return number >= limit;
    }
  };
}

/**
 * AWS's subset: no look-around, no back references. By V8's engine that takes linear time for any expression, since
 * whoever reads logs brings these, and functions the text; V8 has it behind a flag that says "experimental".
 */
export function compileRegex(source: string): (text: string) => boolean {
  setFlagsFromString("--enable-experimental-regexp-engine");
  if (/\(\?|\\[1-9k]/.test(source)) throw new FilterSyntaxError(`Invalid regular expression '${source}'`);
  try {
    const linear = "l"; // a flag that only V8 knows
    const regex = new RegExp(source, linear);
    return (text) => regex.test(text);
  } catch (error) {
    throw new FilterSyntaxError(`Invalid regular expression '${source}'`, { cause: error });
  }
}
