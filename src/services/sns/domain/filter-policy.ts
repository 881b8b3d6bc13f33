/**
 * Filter policies of subscriptions: which are valid, in AWS's words, and which messages pass them. Pure. Source:
 * "Amazon SNS subscription filter policies", map-sqs-sns-s3 2.6.
 *
 * SNS's language is EventBridge's older sister: numbers are equal by value, a key with dots names a path as well, and what
 * is refused is refused in other words; so it has a compiler of its own (`filter-operators.ts` has the leaves).
 */
import { jacksonComplaint } from "../../../wire/jackson.ts";
import {
  documentDepthMax,
  filterPolicyBytesMax,
  filterPolicyCombinationsMax,
  filterPolicyKeysMax,
  filterPatternDepthMax,
} from "../../../limits.ts";
import { compileCondition, FilterPolicyError, isObject } from "./filter-operators.ts";

export type FilterScope = "MessageAttributes" | "MessageBody";

/** `message`: an object; of attributes, their values by name. */
export type Matcher = (message: unknown) => boolean;

/** Undefined: the policy is empty, everything passes. Throws a `FilterPolicyError`. */
export function compileFilter(json: string, scope: FilterScope): Matcher | undefined {
  if (json === "") return undefined;
  if (Buffer.byteLength(json) > filterPolicyBytesMax) throw tooComplex();
  const policy = parsed(json);
  const keys = Object.keys(policy);
  if (keys.length === 0) return undefined;
  if (keys.length > filterPolicyKeysMax) {
    throw new FilterPolicyError(`Filter policy can not have more than ${filterPolicyKeysMax} keys`);
  }
  const matcher = compileObject(policy, { scope, depth: 1 });
  if (combinations(policy, { scope, depth: 1 }) > filterPolicyCombinationsMax) throw tooComplex();
  return matcher;
}

interface Place {
  readonly scope: FilterScope;
  /** 1: at the top. */
  readonly depth: number;
}

function parsed(json: string): Readonly<Record<string, unknown>> {
  let policy: unknown;
  try {
    policy = JSON.parse(json);
  } catch {
    throw new FilterPolicyError(`FilterPolicy: failed to parse JSON. ${jacksonComplaint(Buffer.from(json))}`);
  }
  // recalled: an array or a value is no policy
  if (!isObject(policy)) throw new FilterPolicyError("FilterPolicy: Filter is not an object");
  return policy;
}

function compileObject(policy: Readonly<Record<string, unknown>>, place: Place): Matcher {
  if (place.depth > filterPatternDepthMax) throw tooComplex();
  const tests = Object.entries(policy).map(([key, below]): Matcher => {
    if (isAlternatives(key, below)) {
      const matchers = below.map((one) => compileObject(one, place));
      return (message) => matchers.some((matcher) => matcher(message));
    }
    return compileField(key, below, place);
  });
  return (message) => tests.every((test) => test(message));
}

function isAlternatives(key: string, below: unknown): below is Readonly<Record<string, unknown>>[] {
  return key === "$or" && Array.isArray(below) && below.length >= 2 && below.every(isObject);
}

function compileField(key: string, below: unknown, place: Place): Matcher {
  if (Array.isArray(below)) {
    if (below.length === 0) throw new FilterPolicyError("FilterPolicy: Empty arrays are not allowed");
    const conditions = below.map((condition) => compileCondition(condition));
    return (message) => {
      const values = valuesAt(message, key).flatMap(leaves);
      return conditions.some((condition) => condition(values));
    };
  }
  if (!isObject(below)) throw new FilterPolicyError(`FilterPolicy: "${key}" must be an object or an array`);
  if (place.scope === "MessageAttributes") {
    throw new FilterPolicyError(
      "Filter policy scope MessageAttributes does not support nested filter policy",
    );
  }
  const matcher = compileObject(below, { ...place, depth: place.depth + 1 });
  return (message) => {
    const objects = valuesAt(message, key).flatMap(objectsIn);
    // What is not there may be what the policy wants: {"exists": false} below it.
    return objects.length === 0 ? matcher(undefined) : objects.some(matcher);
  };
}

/** Under the key, and under its parts where it has dots: "a.b" is what {"a":{"b":…}} holds, too. */
function valuesAt(message: unknown, key: string): readonly unknown[] {
  if (!isObject(message)) return [];
  const found: unknown[] = Object.hasOwn(message, key) ? [message[key]] : [];
  for (let dot = key.indexOf("."); dot > 0; dot = key.indexOf(".", dot + 1)) {
    const first = key.slice(0, dot);
    if (!Object.hasOwn(message, first)) continue;
    for (const object of objectsIn(message[first])) found.push(...valuesAt(object, key.slice(dot + 1)));
  }
  return found;
}

/** Arrays are flat, but for those nested to exhaust us. */
function objectsIn(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value.flat(documentDepthMax).filter(isObject);
  return isObject(value) ? [value] : [];
}

function leaves(value: unknown): readonly unknown[] {
  const values: readonly unknown[] = Array.isArray(value) ? value.flat(documentDepthMax) : [value];
  return values.filter((one) => !isObject(one));
}

/** A product over the keys, each times its depth where the body is looked at; alternatives add up. */
function combinations(policy: Readonly<Record<string, unknown>>, place: Place): number {
  let product = 1;
  for (const [key, below] of Object.entries(policy)) {
    if (isAlternatives(key, below)) {
      product *= below.reduce((sum, one) => sum + combinations(one, place), 0);
    } else if (Array.isArray(below)) {
      product *= below.length * (place.scope === "MessageBody" ? place.depth : 1);
    } else if (isObject(below)) {
      product *= combinations(below, { ...place, depth: place.depth + 1 });
    }
  }
  return product;
}

function tooComplex(): FilterPolicyError {
  return new FilterPolicyError("Filter policy is too complex");
}
