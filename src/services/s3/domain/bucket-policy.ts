/** Bucket policies: their form, whether they are public, what they let strangers do. Pure. Source: map-sqs-sns-s3 3.12. */
import { isConditionOperator, networkOf } from "../../../events/policy-conditions.ts";
import type { AnyPolicy, AnyStatement } from "../../../events/resource-policy.ts";
import { malformedPolicy } from "../errors.ts";
import { isConditionKey } from "./request-context.ts";
import { bucketArn, type BucketRecord } from "./bucket.ts";

/** Throws MalformedPolicy. */
export function checkedPolicy(text: string, bucket: Pick<BucketRecord, "name" | "region">): AnyPolicy {
  const { Statement: given, Version = "2008-10-17" } = parsed(text);
  if (Version !== "2008-10-17" && Version !== "2012-10-17") {
    throw malformedPolicy("The policy must contain a valid version string");
  }
  if (given === undefined) throw malformedPolicy("Missing required field Statement");
  const policy = keptPolicy(text);
  if (policy.Statement.length === 0) throw malformedPolicy("Could not parse the policy: Statement is empty!");
  for (const statement of policy.Statement) checkStatement(statement, bucketArn(bucket));
  return policy;
}

/** One that was checked when it was put. */
export function keptPolicy(text: string): AnyPolicy {
  const { Statement: given = [], Version = "2008-10-17" } = parsed(text);
  const statements: readonly unknown[] = Array.isArray(given) ? given : [given];
  return { Version: Version as string, Statement: statements as readonly AnyStatement[] };
}

function parsed(text: string): { readonly Version?: unknown; readonly Statement?: unknown } {
  const refuse = () => malformedPolicy("Policies must be valid JSON and the first byte must be '{'");
  if (!text.startsWith("{")) throw refuse();
  try {
    return JSON.parse(text) as object;
  } catch {
    throw refuse();
  }
}

function checkStatement(statement: AnyStatement, arn: string): void {
  if (!isObject(statement)) throw malformedPolicy("Invalid policy syntax."); // inferred
  const { Condition, Effect: effect, NotPrincipal, Principal: principal = NotPrincipal } = statement;
  if (effect === undefined) throw malformedPolicy("Missing required field Effect");
  if (effect !== "Allow" && effect !== "Deny") throw malformedPolicy(`Invalid effect: ${String(effect)}`);
  if (principal === undefined) throw malformedPolicy("Missing required field Principal");
  if (!isPrincipal(principal) || (NotPrincipal && effect === "Allow")) {
    throw malformedPolicy("Invalid principal in policy");
  }
  const { Action, NotAction, NotResource, Resource } = statement;
  const pairs = [
    [statement.Principal, NotPrincipal],
    [Action, NotAction],
    [Resource, NotResource],
  ];
  if (pairs.some(([one, other]) => one !== undefined && other !== undefined)) {
    throw malformedPolicy("Invalid policy syntax."); // inferred
  }
  if (Action === undefined && NotAction === undefined) throw malformedPolicy("Missing required field Action");
  const actions = texts(Action ?? NotAction);
  if (actions.length === 0 || !actions.every((each) => each === "*" || /^s3:[\w*?]+$/i.test(each))) {
    throw malformedPolicy("Policy has invalid action");
  }
  if (Resource === undefined && NotResource === undefined) {
    throw malformedPolicy("Missing required field Resource");
  }
  const resources = texts(Resource ?? NotResource);
  const isOwn = resources.every((each) => each === arn || each.startsWith(`${arn}/`) || each === `${arn}*`);
  if (resources.length === 0 || !isOwn) throw malformedPolicy("Policy has invalid resource");
  if (Action !== undefined && Resource !== undefined && !actions.every((each) => applies(each, resources))) {
    throw malformedPolicy("Action does not apply to any resource(s) in statement");
  }
  checkConditions(Condition ?? {});
}

/** "*", accounts, users and roles by ARN, services, S3's own ids of accounts. */
function isPrincipal(principal: unknown): boolean {
  if (principal === "*") return true;
  if (typeof principal !== "object" || principal === null) return false;
  const kinds = Object.entries(principal);
  return (
    kinds.length > 0 &&
    kinds.every(([kind, named]) => {
      const names = texts(named);
      const form = Object.hasOwn(principalForms, kind) ? principalForms[kind] : undefined;
      return names.length > 0 && form !== undefined && names.every((name) => form.test(name));
    })
  );
}

const principalForms: Readonly<Record<string, RegExp>> = {
  AWS: /^(\*|\d{12}|arn:aws[a-z-]*:(iam|sts)::\d{12}:.+|A[A-Z0-9]{15,})$/,
  CanonicalUser: /^[0-9a-f]{64}$/,
  Federated: /./,
  Service: /^[\w.-]+$/,
};

/** Patterns are not looked at: some action that they mean will do. */
function applies(action: string, resources: readonly string[]): boolean {
  if (/[*?]/.test(action)) return true;
  const isOfKeys = keyAction.test(action);
  return resources.some((each) =>
    each.endsWith("*") && !each.includes("/") ? true : each.includes("/") === isOfKeys,
  );
}

const keyAction =
  /^s3:((get|put|delete|restore|replicate|update)object|abortmultipartupload|bypassgovernance|listmultipartuploadparts|initiatereplication|objectowner|replicate)/i;

function checkConditions(conditions: NonNullable<AnyStatement["Condition"]>): void {
  if (!isObject(conditions) || !Object.values(conditions).every(isObject)) {
    throw malformedPolicy("Invalid policy syntax."); // inferred
  }
  for (const [operator, tests] of Object.entries(conditions)) {
    if (!isConditionOperator(operator, "all")) throw malformedPolicy(`Invalid Condition type : ${operator}`);
    for (const [key, values] of Object.entries(tests)) {
      if (!isConditionKey(key)) throw malformedPolicy("Policy has an invalid condition key");
      const isOfAddresses = /(^|:)(Not)?IpAddress(IfExists)?$/.test(operator);
      if (isOfAddresses && !texts(values).every(networkOf)) {
        throw malformedPolicy("Conditions do not apply to combination of actions and resources in statement"); // inferred
      }
    }
  }
}

/** Lets anybody in without a condition that names somebody. Source: "The meaning of public". */
export function isPublicPolicy({ Statement: statements }: AnyPolicy): boolean {
  return statements.some(
    ({ Condition = {}, Effect, NotPrincipal, Principal }) =>
      Effect === "Allow" &&
      (NotPrincipal !== undefined || isAnybody(Principal)) &&
      !Object.entries(Condition).some(([operator, tests]) => namesSomebody(operator, tests)),
  );
}

function isAnybody(principal: AnyStatement["Principal"]): boolean {
  if (principal === undefined || principal === "*") return principal === "*";
  return texts(principal.AWS ?? []).includes("*");
}

/** By values that are fixed: without wildcards, and no network that is most of the world. */
function namesSomebody(operator: string, tests: Readonly<Record<string, unknown>>): boolean {
  if (!/^(ForAnyValue:)?(StringEquals|StringLike|ArnEquals|ArnLike|IpAddress)$/.test(operator)) return false;
  return Object.entries(tests).some(([key, values]) => {
    const all = texts(values);
    const name = key.toLowerCase();
    if (name === "aws:sourceip") return all.length > 0 && all.every(isNarrow);
    return namingKeys.has(name) && all.length > 0 && all.every((each) => !/[*?]|\$\{/.test(each));
  });
}

/** documented: wider than /8, or /32 of IPv6, is the world. */
function isNarrow(text: string): boolean {
  const network = networkOf(text);
  return network !== undefined && network.prefixBits >= (network.family === "ipv4" ? 8 : 32);
}

const namingKeys: ReadonlySet<string> = new Set([
  "aws:principalaccount",
  "aws:principalarn",
  "aws:principalorgid",
  "aws:principalorgpaths",
  "aws:sourceaccount",
  "aws:sourcearn",
  "aws:sourceowner",
  "aws:sourcevpc",
  "aws:sourcevpce",
  "aws:userid",
  "s3:dataaccesspointaccount",
  "s3:dataaccesspointarn",
]);

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function texts(values: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(values) ? values : [values];
  return list.filter((each) => typeof each === "string");
}
