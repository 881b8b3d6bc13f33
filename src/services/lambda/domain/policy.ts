/**
 * Resource policies: documents of statements, and the statement that AddPermission writes, as AWS stores them. Pure.
 * Sources: lambda-map 2.3, 3.4.
 *
 * A function, each version and each alias have separate policies, and so has each version of a layer. `events/resource-policy.ts`
 * decides by them, `policy-document.ts` reads whole ones.
 */
import { partitionOf } from "../../../base/arn.ts";
import type { Policy, Principal, Statement } from "../../../events/resource-policy.ts";
import { resourcePolicyBytesMax } from "../../../limits.ts";
import { invalidParameter, policyTooLong, resourceConflict, resourceNotFound } from "../errors.ts";

export interface Permission {
  readonly statementId: string;
  readonly action: string;
  readonly principal: string;
  readonly sourceArn?: string | undefined;
  readonly sourceAccount?: string | undefined;
  readonly organizationId?: string | undefined;
  readonly eventSourceToken?: string | undefined;
  readonly functionUrlAuthType?: string | undefined;
  readonly invokedViaFunctionUrl?: boolean | undefined;
}

export const noPolicy: Policy = { Version: "2012-10-17", Id: "default", Statement: [] };

export function statementOf(permission: Permission, resource: string): Statement {
  checkFunctionUrl(permission);
  const condition = conditionOf(permission);
  return {
    Sid: permission.statementId,
    Effect: "Allow",
    Principal: principalOf(permission.principal, partitionOf(resource.split(":")[3] ?? "")),
    Action: permission.action,
    Resource: resource,
    ...(condition && { Condition: condition }),
  };
}

export function statementAdded(policy: Policy, statement: Statement): Policy {
  if (policy.Statement.some(({ Sid }) => Sid === statement.Sid)) {
    throw resourceConflict(
      `The statement id (${statement.Sid}) provided already exists. Please provide a new statement id, or remove the existing statement.`,
    );
  }
  const next = { ...policy, Statement: [...policy.Statement, statement] };
  checkPolicySize(next);
  return next;
}

export function checkPolicySize(policy: Policy): void {
  const sizeBytes = Buffer.byteLength(policyText(policy));
  if (sizeBytes > resourcePolicyBytesMax) throw policyTooLong(sizeBytes, resourcePolicyBytesMax);
}

export function statementRemoved(policy: Policy, statementId: string): Policy {
  requirePolicy(policy);
  const kept = policy.Statement.filter(({ Sid }) => Sid !== statementId);
  if (kept.length === policy.Statement.length) {
    throw resourceNotFound(`Statement ${statementId} is not found in resource policy.`);
  }
  // With its last statement a policy is gone, whatever document it came in.
  return kept.length === 0 ? noPolicy : { ...policy, Statement: kept };
}

export function requirePolicy({ Statement }: Policy): void {
  if (Statement.length === 0) throw resourceNotFound("No policy is associated with the given resource.");
}

/** The document that GetPolicy answers. */
export function policyText(policy: Policy): string {
  return JSON.stringify(policy);
}

const servicePattern = /^[a-z0-9-]+(\.[a-z0-9-]+)*\.(amazonaws\.com(\.cn)?|amazon\.com)$/;
const iamArnPattern =
  /^arn:(aws[a-zA-Z-]*):(iam|sts)::\d{12}:(root|(user|role|assumed-role|federated-user)\/.+)$/;

function principalOf(principal: string, partition: string): Principal {
  if (principal === "*") return "*";
  if (/^\d{12}$/.test(principal)) return { AWS: `arn:${partition}:iam::${principal}:root` };
  if (iamArnPattern.test(principal)) return { AWS: principal };
  if (servicePattern.test(principal)) return { Service: principal };
  throw invalidParameter("The provided principal was invalid. Please check the principal and try again.");
}

// inferred: both texts.
function checkFunctionUrl({ action, functionUrlAuthType, invokedViaFunctionUrl }: Permission): void {
  if (functionUrlAuthType !== undefined && action !== "lambda:InvokeFunctionUrl") {
    throw invalidParameter("FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action");
  }
  if (invokedViaFunctionUrl && action !== "lambda:InvokeFunction") {
    throw invalidParameter("InvokedViaFunctionUrl is only supported for lambda:InvokeFunction action");
  }
}

function conditionOf(permission: Permission): Statement["Condition"] {
  const equals = present({
    "AWS:SourceAccount": permission.sourceAccount,
    "aws:PrincipalOrgID": permission.organizationId,
    "lambda:FunctionUrlAuthType": permission.functionUrlAuthType,
    "lambda:EventSourceToken": permission.eventSourceToken,
  });
  const bool = present({
    "lambda:InvokedViaFunctionUrl": permission.invokedViaFunctionUrl ? "true" : undefined,
  });
  const like = present({ "AWS:SourceArn": permission.sourceArn });
  // inferred: the order where there are several operators.
  const condition = {
    ...(equals && { StringEquals: equals }),
    ...(bool && { Bool: bool }),
    ...(like && { ArnLike: like }),
  };
  return Object.keys(condition).length === 0 ? undefined : condition;
}

/** The members that have a value; undefined when none has. */
function present(members: Record<string, string | undefined>): Record<string, string> | undefined {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(members)) if (value !== undefined) kept[name] = value;
  return Object.keys(kept).length === 0 ? undefined : kept;
}
