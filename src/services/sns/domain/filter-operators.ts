/**
 * The conditions of filter policies: values and operators, in AWS's words where they are refused. Pure. A condition is
 * asked about all values of a key; none: the key is not there.
 */
import { own } from "../../../base/own.ts";
import { BlockList, isIP } from "node:net";
import { wildcardTest } from "../../../events/pattern-wildcard.ts";

/** Its message follows "Invalid parameter: ". */
export class FilterPolicyError extends Error {
  override name = "FilterPolicyError";
}

export type Condition = (values: readonly unknown[]) => boolean;
type Test = (value: unknown) => boolean;

export function compileCondition(condition: unknown): Condition {
  if (!isObject(condition)) return someOf(equals(condition));
  const [entry, ...more] = Object.entries(condition);
  if (!entry || more.length > 0) throw refuse("Only one key allowed in match expression");
  const [operator, operand] = entry;
  if (operator === "exists") {
    if (typeof operand !== "boolean") throw refuse("exists match pattern must be either true or false.");
    return (values) => values.length > 0 === operand;
  }
  return someOf(compileOperator(operator, operand));
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function compileOperator(operator: string, operand: unknown): Test {
  switch (operator) {
    case "prefix": {
      const start = textOf(operator, operand);
      return (value) => typeof value === "string" && value.startsWith(start);
    }
    case "suffix": {
      const end = textOf(operator, operand);
      return (value) => typeof value === "string" && value.endsWith(end);
    }
    case "equals-ignore-case": {
      const wanted = textOf(operator, operand).toLowerCase();
      return (value) => typeof value === "string" && value.toLowerCase() === wanted;
    }
    case "wildcard":
      return compileWildcard(textOf(operator, operand));
    case "anything-but":
      return compileAnythingBut(operand);
    case "numeric":
      return compileNumeric(operand);
    case "cidr":
      return compileCidr(operand);
    default:
      throw refuse(`Unrecognized match type ${operator.slice(0, 100)}`);
  }
}

/** Numbers are equal by their value. */
function equals(wanted: unknown): Test {
  if (wanted === null || ["string", "number", "boolean"].includes(typeof wanted)) {
    return (value) => value === wanted;
  }
  throw refuse("Match value must be String, number, true, false, or null");
}

function compileAnythingBut(operand: unknown): Test {
  if (isObject(operand)) {
    const [operator = "", ...more] = Object.keys(operand);
    if (more.length > 0) throw refuse("Only one key allowed in match expression");
    if (operator !== "prefix") throw refuse(`Unsupported anything-but pattern: ${operator.slice(0, 100)}`);
    const start = textOf("prefix", operand["prefix"]);
    return (value) => !(typeof value === "string" && value.startsWith(start));
  }
  const excluded: readonly unknown[] = Array.isArray(operand) ? operand : [operand];
  if (excluded.length === 0) throw refuse("Empty arrays are not allowed");
  const tests = excluded.map(equals);
  return (value) => !tests.some((test) => test(value));
}

/** `*` is any text. */
function compileWildcard(pattern: string): Test {
  if (pattern.includes("**")) throw refuse("Consecutive wildcard characters are not allowed"); // inferred text
  const test = wildcardTest({ parts: pattern.split("*") });
  return (value) => typeof value === "string" && test(value);
}

type Compare = (value: number, bound: number) => boolean;
const lower: Readonly<Record<string, Compare>> = {
  ">": (value, bound) => value > bound,
  ">=": (value, bound) => value >= bound,
};
const upper: Readonly<Record<string, Compare>> = {
  "<": (value, bound) => value < bound,
  "<=": (value, bound) => value <= bound,
};

/** `["=", 5]`, `["<", 5]` or a range: `[">", 1, "<=", 9]`. */
function compileNumeric(operand: unknown): Test {
  if (!Array.isArray(operand) || typeof operand[0] !== "string") {
    const member: unknown = Array.isArray(operand) ? (operand[0] ?? "]") : operand;
    throw refuse(`Invalid member in numeric match: ${shown(member)}`);
  }
  const [operator, first, ...rest] = operand as unknown as readonly [string, unknown, ...unknown[]];
  if (operator === "=") {
    if (typeof first !== "number") throw refuse("Value of equals must be numeric");
    if (rest.length > 0) throw refuse("Too many elements in numeric expression");
    return (value) => value === first;
  }
  const compare = own(lower, operator) ?? own(upper, operator);
  if (!compare) throw refuse(`Unrecognized numeric range operator: ${operator.slice(0, 100)}`);
  if (typeof first !== "number") throw refuse(`Value of ${operator} must be numeric`);
  const holds: Test = (value) => typeof value === "number" && compare(value, first);
  if (rest.length === 0) return holds;
  if (!own(lower, operator)) throw refuse("Too many elements in numeric expression");
  return compileRange(holds, first, rest);
}

function compileRange(isAbove: Test, bottom: number, rest: readonly unknown[]): Test {
  const [operator, top, ...more] = rest;
  if (typeof operator !== "string") throw refuse(`Bad value in numeric range: ${shown(operator)}`);
  const compare = own(upper, operator);
  if (!compare) throw refuse(`Bad numeric range operator: ${operator.slice(0, 100)}`);
  if (typeof top !== "number") throw refuse(`Value of ${operator} must be numeric`);
  if (more.length > 0) throw refuse("Too many terms in numeric range expression");
  if (bottom >= top) throw refuse("Bottom must be less than top");
  return (value) => isAbove(value) && typeof value === "number" && compare(value, top);
}

function compileCidr(operand: unknown): Test {
  if (typeof operand !== "string") throw refuse("prefix match pattern must be a string"); // recorded: prefix
  const [address = "", bits, ...more] = operand.split("/");
  if (bits === undefined || more.length > 0) throw refuse("Malformed CIDR, one '/' required");
  if (!/^\d{1,3}$/.test(bits)) throw refuse("Malformed CIDR, mask bits must be an integer");
  const version = isIP(address);
  if (version === 0) throw refuse(`Nonstandard IP address: ${address.slice(0, 100)}`);
  if (Number(bits) > (version === 4 ? 32 : 128)) throw refuse("Malformed CIDR, mask bits must be an integer"); // inferred
  const family = version === 4 ? "ipv4" : "ipv6";
  const block = new BlockList();
  block.addSubnet(address, Number(bits), family);
  return (value) => typeof value === "string" && isIP(value) === version && block.check(value, family);
}

function someOf(test: Test): Condition {
  return (values) => values.some(test);
}

function textOf(operator: string, operand: unknown): string {
  if (typeof operand !== "string") throw refuse(`${operator} match pattern must be a string`);
  return operand;
}

function shown(value: unknown): string {
  return typeof value === "string" ? value.slice(0, 100) : (JSON.stringify(value) ?? "]").slice(0, 100);
}

function refuse(text: string): FilterPolicyError {
  return new FilterPolicyError(`FilterPolicy: ${text}`);
}
