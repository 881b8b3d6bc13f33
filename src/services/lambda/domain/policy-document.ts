/**
 * Reads a whole resource policy, as PutResourcePolicy takes it. Pure. What `events/resource-policy.ts` would not decide upon
 * (another function's ARN, NotAction, unknown conditions) is refused here, so that a stored policy means what it says.
 *
 * inferred: all texts; the API's documentation says no more than "a policy document".
 */
import { invalidParameter } from "../errors.ts";
import type { Policy, Statement } from "../../../events/resource-policy.ts";
import { checkPolicySize } from "./policy.ts";
import { isConditionOperator } from "../../../events/policy-conditions.ts";
import { conditionKeys, listed } from "../../../events/resource-policy.ts";

type Members = Readonly<Record<string, unknown>>;

/** `resource`: ARN of what the policy is put on. Throws InvalidParameterValue, PolicyLengthExceeded. */
export function policyFrom(text: string, resource: string): Policy {
  const document = parsed(text);
  checkMembers(document, ["Version", "Id", "Statement"], "the policy");
  const { Version, Id, Statement: given } = document;
  if (Version !== "2012-10-17" && Version !== "2008-10-17") throw malformed("Version must be 2012-10-17");
  if (Id !== undefined && typeof Id !== "string") throw malformed("Id must be a string");
  const statements: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (statements.length === 0) throw malformed("it has no statement");
  const policy: Policy = {
    Version,
    ...(Id !== undefined && { Id }),
    Statement: statements.map((statement) => statementFrom(statement, resource)),
  };
  checkUnique(policy.Statement);
  checkPolicySize(policy);
  return policy;
}

function parsed(text: string): Members {
  try {
    const document: unknown = JSON.parse(text);
    if (isMembers(document)) return document;
  } catch (error) {
    throw malformed("it is not JSON", error);
  }
  throw malformed("it is not an object");
}

function statementFrom(given: unknown, resource: string): Statement {
  if (!isMembers(given)) throw malformed("a statement must be an object");
  checkMembers(given, ["Sid", "Effect", "Principal", "Action", "Resource", "Condition"], "a statement");
  const { Sid, Effect, Principal, Action, Resource, Condition } = given;
  if (Sid !== undefined && !(typeof Sid === "string" && /^[a-zA-Z0-9-_]{1,100}$/.test(Sid))) {
    throw malformed("Sid must be 1 to 100 letters, digits, - and _");
  }
  if (Effect !== "Allow" && Effect !== "Deny") throw malformed("Effect must be Allow or Deny");
  checkPrincipal(Principal);
  if (!isTexts(Action) || !listed(Action).every((action) => /^(\*|lambda:[a-zA-Z*?]+)$/.test(action))) {
    throw malformed("Action must name actions of Lambda");
  }
  if (!isTexts(Resource) || !listed(Resource).every((arn) => arn === resource)) {
    throw malformed(`Resource must be ${resource}`);
  }
  if (Condition !== undefined) checkCondition(Condition);
  return given as unknown as Statement;
}

function checkPrincipal(principal: unknown): void {
  if (principal === "*") return;
  if (!isMembers(principal) || Object.keys(principal).length === 0) throw malformed("Principal is missing");
  checkMembers(principal, ["AWS", "Service"], "Principal");
  for (const named of Object.values(principal)) {
    if (!isTexts(named)) throw malformed("Principal must be a string or a list of strings");
  }
}

function checkCondition(condition: unknown): void {
  if (!isMembers(condition)) throw malformed("Condition must be an object");
  for (const [operator, tests] of Object.entries(condition)) {
    if (!isConditionOperator(operator))
      throw malformed(`the condition operator ${operator} is not supported`);
    if (!isMembers(tests)) throw malformed(`${operator} must be an object`);
    for (const [key, values] of Object.entries(tests)) {
      if (!conditionKeys.has(key.toLowerCase())) throw malformed(`the condition key ${key} is not supported`);
      const all: readonly unknown[] = Array.isArray(values) ? values : [values];
      if (all.length === 0 || !all.every((value) => ["string", "number", "boolean"].includes(typeof value))) {
        throw malformed(`${key} must have values`);
      }
    }
  }
}

function checkUnique(statements: readonly Statement[]): void {
  const sids = statements.flatMap(({ Sid }) => Sid ?? []);
  if (new Set(sids).size < sids.length) throw malformed("statement ids must be unique");
}

function checkMembers(of: Members, known: readonly string[], what: string): void {
  const unknown = Object.keys(of).find((member) => !known.includes(member));
  if (unknown !== undefined) throw malformed(`${what} cannot have ${unknown}`);
}

function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is string | readonly string[] {
  const all: readonly unknown[] = Array.isArray(value) ? value : [value];
  return all.length > 0 && all.every((text) => typeof text === "string");
}

function malformed(why: string, cause?: unknown): Error {
  return invalidParameter(`The policy document is not valid: ${why}.`, cause);
}
