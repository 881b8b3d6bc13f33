/**
 * Reads a resource policy that is kept as the text in which it was given: of a queue, a topic, a bus. Pure. What
 * `resource-policy.ts` could not decide upon (NotPrincipal, unknown operators) is refused when it is set, so that a policy
 * that is kept means what it says. Conditions on what no request here carries are let in: they do not hold.
 */
import { isConditionOperator } from "./policy-conditions.ts";
import type { Policy, Statement } from "./resource-policy.ts";

/** Its message is a clause without a full stop: "NotPrincipal is not evaluated". */
export class PolicyError extends Error {
  override name = "PolicyError";
}

type Members = Readonly<Record<string, unknown>>;

/** Throws a `PolicyError`. */
export function policyIn(text: string): Policy {
  const document = parsed(text);
  const { Version = "2008-10-17", Id, Statement: given = [] } = document;
  if (typeof Version !== "string") throw new PolicyError("Version must be a text");
  const statements: readonly unknown[] = Array.isArray(given) ? given : [given];
  return {
    Version,
    ...(typeof Id === "string" && { Id }),
    Statement: statements.map(statementFrom),
  };
}

function parsed(text: string): Members {
  try {
    const document: unknown = JSON.parse(text);
    if (isMembers(document)) return document;
  } catch (cause) {
    throw new PolicyError("it is not JSON", { cause });
  }
  throw new PolicyError("it is not an object");
}

function statementFrom(given: unknown): Statement {
  if (!isMembers(given)) throw new PolicyError("a statement must be an object");
  const unknown = Object.keys(given).find((name) => !statementMembers.has(name));
  if (unknown !== undefined) throw new PolicyError(`${unknown.slice(0, 100)} is not evaluated`);
  const { Effect, Principal, Action, Resource, Condition } = given;
  if (Effect !== "Allow" && Effect !== "Deny") throw new PolicyError("Effect must be Allow or Deny");
  const isNamed = isMembers(Principal) && Object.values(Principal).every(isTexts);
  if (Principal !== "*" && !isNamed) throw new PolicyError("a statement needs a Principal");
  if (!isTexts(Action)) throw new PolicyError("a statement needs an Action");
  if (!isTexts(Resource)) throw new PolicyError("a statement needs a Resource");
  if (Condition !== undefined) checkCondition(Condition);
  return given as unknown as Statement;
}

const statementMembers: ReadonlySet<string> = new Set([
  "Sid",
  "Effect",
  "Principal",
  "Action",
  "Resource",
  "Condition",
]);

function checkCondition(condition: unknown): void {
  if (!isMembers(condition)) throw new PolicyError("Condition must be an object");
  for (const [operator, tests] of Object.entries(condition)) {
    if (!isConditionOperator(operator)) {
      throw new PolicyError(`the condition operator ${operator.slice(0, 100)} is not evaluated`);
    }
    if (!isMembers(tests)) throw new PolicyError(`${operator} must be an object`);
    for (const values of Object.values(tests)) {
      const all: readonly unknown[] = Array.isArray(values) ? values : [values];
      const isScalar = (value: unknown) => ["string", "number", "boolean"].includes(typeof value);
      if (all.length === 0 || !all.every(isScalar)) throw new PolicyError(`${operator} must compare values`);
    }
  }
}

function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is string | readonly string[] {
  const all: readonly unknown[] = Array.isArray(value) ? value : [value];
  return all.length > 0 && all.every((text) => typeof text === "string");
}
