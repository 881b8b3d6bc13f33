/** Bucket policies: their form, whether they are public, what they let strangers do. Pure. Source: map-sqs-sns-s3 3.12. */
import type { Policy, Statement } from "../../../events/resource-policy.ts";
import { malformedPolicy } from "../errors.ts";
import { bucketArn, type BucketRecord } from "./bucket.ts";

/** Throws MalformedPolicy. */
export function checkedPolicy(text: string, bucket: Pick<BucketRecord, "name" | "region">): Policy {
  const document = parsed(text);
  const { Version = "2008-10-17", Statement: given } = document;
  if (Version !== "2008-10-17" && Version !== "2012-10-17") {
    throw malformedPolicy("The policy must contain a valid version string");
  }
  if (given === undefined) throw malformedPolicy("Missing required field Statement");
  const statements = (Array.isArray(given) ? given : [given]) as Partial<Statement>[];
  if (statements.length === 0) throw malformedPolicy("Could not parse the policy: Statement is empty!");
  for (const statement of statements) checkStatement(statement, bucketArn(bucket));
  return { Version, Statement: statements as Statement[] };
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

function checkStatement(statement: Partial<Statement>, arn: string): void {
  const { Action: action, Effect: effect, Principal: principal, Resource: resource } = statement;
  if (effect === undefined) throw malformedPolicy("Missing required field Effect");
  if (effect !== "Allow" && effect !== "Deny") throw malformedPolicy(`Invalid effect: ${String(effect)}`);
  if ("NotPrincipal" in statement || "NotAction" in statement || "NotResource" in statement) {
    throw malformedPolicy("NotPrincipal, NotAction and NotResource are not there in lambdad.");
  }
  if (principal === undefined) throw malformedPolicy("Missing required field Principal");
  if (typeof principal === "string" && principal !== "*")
    throw malformedPolicy("Invalid principal in policy");
  if (action === undefined) throw malformedPolicy("Missing required field Action");
  const actions = texts(action);
  if (actions.length === 0 || !actions.every((each) => each === "*" || /^s3:[\w*?]+$/i.test(each))) {
    throw malformedPolicy("Policy has invalid action");
  }
  if (resource === undefined) throw malformedPolicy("Missing required field Resource");
  const resources = texts(resource);
  const isOwn = resources.every((each) => each === arn || each.startsWith(`${arn}/`) || each === `${arn}*`);
  if (resources.length === 0 || !isOwn) throw malformedPolicy("Policy has invalid resource");
  const needsKeys = actions.every((each) => /^s3:(get|put|delete|restore|abort)object/i.test(each));
  if (needsKeys && resources.every((each) => each === arn)) {
    throw malformedPolicy("Action does not apply to any resource(s) in statement");
  }
}

/** Lets anybody in without a condition that names somebody. */
export function isPublicPolicy({ Statement: statements }: Policy): boolean {
  return statements.some(
    ({ Condition, Effect, Principal }) =>
      Effect === "Allow" && isAnybody(Principal) && Object.keys(Condition ?? {}).length === 0,
  );
}

function isAnybody(principal: Statement["Principal"]): boolean {
  if (principal === "*") return true;
  return texts(principal.AWS ?? []).includes("*");
}

function texts(values: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(values) ? values : [values];
  return list.filter((each) => typeof each === "string");
}
