/** Resource policies of event buses, as they are given. Pure. Source: map-events-observability 1.1. */
import { isConditionOperator } from "../../../events/policy-conditions.ts";
import { conditionKeys, type Policy, type Statement } from "../../../events/resource-policy.ts";
import { invalidParameter } from "../errors.ts";
import { busArn, type BusName } from "./names.ts";

export interface Grant {
  readonly sid: string;
  /** An account, or `*`. */
  readonly principal: string;
  readonly condition?:
    | {
        readonly Type?: string | undefined;
        readonly Key?: string | undefined;
        readonly Value?: string | undefined;
      }
    | undefined;
  readonly bus: BusName;
}

export function statementOf({ sid, principal, condition, bus }: Grant): Statement {
  const { Type: type = "", Key: key = "", Value: value = "" } = condition ?? {};
  return {
    Sid: sid,
    Effect: "Allow",
    Principal: principal === "*" ? "*" : { AWS: `arn:aws:iam::${principal}:root` },
    Action: "events:PutEvents",
    Resource: busArn(bus),
    ...(condition && { Condition: { [type]: { [key]: value } } }),
  };
}

/** A whole document. What could not be decided on is refused. */
export function policyOf(text: string): Policy {
  let policy: unknown;
  try {
    policy = JSON.parse(text);
  } catch (cause) {
    throw invalidParameter("Policy", `Malformed policy document: ${(cause as Error).name}`); // inferred text
  }
  const { Version, Statement } = isObject(policy) ? policy : {};
  const statements: readonly unknown[] = Array.isArray(Statement) ? Statement : [Statement];
  const isGood = (Version === undefined || typeof Version === "string") && statements.every(isStatement);
  if (!isGood) throw invalidParameter("Policy", "Malformed policy document."); // inferred text
  return { Version: "2012-10-17", ...(policy as object), Statement: statements };
}

function isStatement(value: unknown): value is Statement {
  if (!isObject(value)) return false;
  const { Sid, Effect, Principal, Action, Resource, Condition } = value;
  const isPrincipal = Principal === "*" || (isObject(Principal) && Object.values(Principal).every(isTexts));
  return (
    (Sid === undefined || typeof Sid === "string") &&
    (Effect === "Allow" || Effect === "Deny") &&
    isPrincipal &&
    isTexts(Action) &&
    isTexts(Resource) &&
    (Condition === undefined || isCondition(Condition))
  );
}

function isCondition(value: unknown): boolean {
  if (!isObject(value)) return false;
  return Object.entries(value).every(
    ([operator, tests]) =>
      isConditionOperator(operator) &&
      isObject(tests) &&
      Object.entries(tests).every(([key, texts]) => conditionKeys.has(key.toLowerCase()) && isTexts(texts)),
  );
}

function isTexts(value: unknown): boolean {
  return typeof value === "string" || (Array.isArray(value) && value.every((one) => typeof one === "string"));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
