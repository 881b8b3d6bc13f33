/** The policy of a browser's upload: its form, and whether a form's fields keep it. Pure. Source: map-sqs-sns-s3 3.15. */
import { accessDenied, invalidPolicyDocument } from "../errors.ts";

export interface PostPolicy {
  readonly expiresAtMs: number;
  readonly conditions: readonly Condition[];
}

type Condition =
  | {
      readonly kind: "eq" | "starts-with";
      readonly field: string;
      readonly value: string;
      readonly shown: string;
    }
  | { readonly kind: "size"; readonly min: number; readonly max: number };

export function readPolicy(base64: string): PostPolicy {
  const document = parsed(base64);
  const { expiration, conditions } = document;
  if (expiration === undefined) throw invalidPolicyDocument("Policy missing expiration.");
  const expiresAtMs = typeof expiration === "string" ? Date.parse(expiration) : Number.NaN;
  if (Number.isNaN(expiresAtMs)) {
    throw invalidPolicyDocument(
      `Invalid 'expiration' value: '${typeof expiration === "string" ? expiration : JSON.stringify(expiration)}'`,
    );
  }
  if (conditions === undefined) throw invalidPolicyDocument("Policy missing conditions.");
  if (!Array.isArray(conditions)) {
    throw invalidPolicyDocument("Invalid 'conditions' value: must be a List.");
  }
  return { expiresAtMs, conditions: conditions.map(readCondition) };
}

function parsed(base64: string): { readonly expiration?: unknown; readonly conditions?: unknown } {
  const text = Buffer.from(base64, "base64").toString("utf8");
  if (base64 === "" || text === "") throw invalidPolicyDocument("invalid Base64 encoding.");
  try {
    const document = JSON.parse(text) as unknown;
    if (typeof document === "object" && document !== null) return document;
  } catch {
    // said below
  }
  throw invalidPolicyDocument("Invalid JSON.");
}

function readCondition(given: unknown): Condition {
  if (Array.isArray(given)) return readList(given);
  if (typeof given !== "object" || given === null) {
    throw invalidPolicyDocument("Invalid condition test: must be a List or Object.");
  }
  const [entry, ...more] = Object.entries(given);
  if (!entry || more.length > 0) {
    throw invalidPolicyDocument(
      "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.",
    );
  }
  const [name, value] = entry as [string, unknown];
  if (typeof value !== "string") {
    throw invalidPolicyDocument("Invalid Simple-Condition: value must be a string.");
  }
  return { kind: "eq", field: name.toLowerCase(), value, shown: shownAs("eq", `$${name}`, value) };
}

function readList(given: readonly unknown[]): Condition {
  const [operator, first, second] = given;
  if (typeof operator !== "string") {
    throw invalidPolicyDocument("Invalid Condition: missing operation identifier.");
  }
  const kind = operator.toLowerCase();
  if (kind !== "eq" && kind !== "starts-with" && kind !== "content-length-range") {
    throw invalidPolicyDocument(`Invalid Condition: unknown operation '${operator}'.`);
  }
  if (given.length !== 3) throw invalidPolicyDocument(`Invalid ${operator}: wrong number of arguments.`);
  if (kind === "content-length-range") {
    const [min, max] = [first, second].map((bound) =>
      /^\d+$/.test(String(bound)) ? Number(bound) : Number.NaN,
    );
    if (min === undefined || max === undefined || Number.isNaN(min) || Number.isNaN(max)) {
      throw invalidPolicyDocument("Invalid content-length-range: a bound is not a number."); // inferred
    }
    return { kind: "size", min, max };
  }
  if (typeof first !== "string" || !first.startsWith("$") || typeof second !== "string") {
    throw invalidPolicyDocument(`Unexpected: "${String(first)}"`);
  }
  const field = first.slice(1).toLowerCase();
  return { kind, field, value: second, shown: shownAs(kind, first, second) };
}

/** Throws AccessDenied. `fields`: of the form, without its file; the bucket is one of them. */
export function checkPolicy(
  { conditions, expiresAtMs }: PostPolicy,
  fields: Readonly<Record<string, string>>,
  nowMs: number,
): void {
  const refuse = (why: string) => accessDenied(`Invalid according to Policy: ${why}`);
  if (expiresAtMs <= nowMs) throw refuse("Policy expired.");
  const covered = new Set(uncovered);
  for (const condition of conditions) {
    if (condition.kind === "size") continue;
    const { field, kind, value, shown } = condition;
    covered.add(field);
    const given = fields[field] ?? "";
    // A list of types is one value for each.
    const holds =
      kind === "eq" ? given === value : given.split(",").every((each) => each.trim().startsWith(value));
    if (!holds) throw refuse(`Policy Condition failed: ${shown}`);
  }
  const extra = Object.keys(fields).find((name) => !covered.has(name) && !name.startsWith("x-ignore-"));
  if (extra !== undefined) throw refuse(`Extra input fields: ${extra}`);
}

export function sizeRange({
  conditions,
}: PostPolicy): { readonly min: number; readonly max: number } | undefined {
  return conditions.find((condition) => condition.kind === "size");
}

function shownAs(operator: string, field: string, value: string): string {
  return `["${operator}", "${field}", "${value}"]`;
}

/** Fields that no policy has to name. */
const uncovered = ["policy", "x-amz-signature", "awsaccesskeyid", "signature", "file"];
