/**
 * Does a resource policy let someone do something? IAM's rules: an explicit denial wins, one statement that allows is
 * enough, nothing said is no. Pure. For services that deliver events, for function URLs, for layers of other accounts.
 *
 * What conditions mean is in `policy-conditions.ts`. Source: IAM user guide, "Policy evaluation logic".
 */
import { type Carried, holds, isLike, type Scalar } from "./policy-conditions.ts";

/** Members in AWS's order: the JSON that clients get is made from it as it is. */
export interface Policy {
  readonly Version: string;
  readonly Id?: string;
  /** In the order in which they were added. Empty: there is no policy. */
  readonly Statement: readonly Statement[];
}

export interface Statement {
  readonly Sid?: string;
  readonly Effect: "Allow" | "Deny";
  readonly Principal: Principal;
  readonly Action: OneOrMore<string>;
  readonly Resource: OneOrMore<string>;
  /** By operator, then by key. */
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, OneOrMore<Scalar>>>>>;
}

export type Principal =
  | "*"
  | {
      readonly AWS?: OneOrMore<string> | undefined;
      readonly Service?: OneOrMore<string> | undefined;
      /** S3's ids of accounts. */
      readonly CanonicalUser?: OneOrMore<string> | undefined;
    };
type OneOrMore<T> = T | readonly T[];

/** Also those that name everything but something; each has one of each pair. */
export type AnyStatement = Omit<Statement, "Principal" | "Action" | "Resource"> &
  Partial<Pick<Statement, "Principal" | "Action" | "Resource">> & {
    readonly NotPrincipal?: Principal;
    readonly NotAction?: OneOrMore<string>;
    readonly NotResource?: OneOrMore<string>;
  };

export type AnyPolicy = Omit<Policy, "Statement"> & { readonly Statement: readonly AnyStatement[] };

/** AWS writes a list of one without its brackets. */
export function listed<T extends Scalar>(values: OneOrMore<T> | undefined): readonly T[] {
  if (values === undefined) return [];
  return Array.isArray(values) ? values : [values as T];
}

export interface AccessRequest {
  readonly principal: Requester;
  /** "lambda:InvokeFunction" */
  readonly action: string;
  /** ARN of the function, version, alias or layer version that the policy hangs on. */
  readonly resource: string;
  /** What a service acts for: the bucket, topic, rule, … and its account. */
  readonly sourceArn?: string | undefined;
  readonly sourceAccount?: string | undefined;
  readonly organizationId?: string | undefined;
  readonly eventSourceToken?: string | undefined;
  readonly functionUrlAuthType?: "NONE" | "AWS_IAM" | undefined;
  readonly invokedViaFunctionUrl?: boolean | undefined;
  /** What else it carries, by condition key in lower case: "aws:sourceip", "s3:prefix". */
  readonly context?: Readonly<Record<string, Carried>> | undefined;
}

export type Requester =
  /** "s3.amazonaws.com" */
  | { readonly kind: "service"; readonly service: string }
  /** `arn`: of the user or role, where it is known; `canonicalId`: what S3 calls the account. */
  | {
      readonly kind: "account";
      readonly account: string;
      readonly arn?: string | undefined;
      readonly canonicalId?: string | undefined;
    }
  /** Someone who has not signed: a public function URL's. */
  | { readonly kind: "anonymous" };

export function isAllowed(policy: AnyPolicy, request: AccessRequest): boolean {
  const applying = policy.Statement.filter((statement) => applies(statement, request));
  return applying.length > 0 && applying.every(({ Effect }) => Effect === "Allow");
}

/** For those who need no statement that allows: one that denies holds for them, too. */
export function isDenied(policy: AnyPolicy, request: AccessRequest): boolean {
  return policy.Statement.some((statement) => statement.Effect === "Deny" && applies(statement, request));
}

function applies(statement: AnyStatement, request: AccessRequest): boolean {
  const { Action, Condition = {}, NotAction, NotPrincipal, NotResource, Principal, Resource } = statement;
  const isAction = (each: string) => isLike(request.action.toLowerCase(), each.toLowerCase());
  const isResource = (each: string) => isLike(request.resource, each);
  const isWho = (each: Principal) => isPrincipal(each, request.principal);
  return (
    (NotPrincipal ? !isWho(NotPrincipal) : Principal !== undefined && isWho(Principal)) &&
    (NotAction ? !listed(NotAction).some(isAction) : listed(Action).some(isAction)) &&
    (NotResource ? !listed(NotResource).some(isResource) : listed(Resource).some(isResource)) &&
    Object.entries(Condition).every(([operator, tests]) =>
      Object.entries(tests).every(([key, values]) => holds(operator, listed(values), valueOf(key, request))),
    )
  );
}

function isPrincipal(principal: Principal, requester: Requester): boolean {
  if (principal === "*") return true;
  if (requester.kind === "service") {
    // Everybody, as old policies of queues have it, is every service, too.
    return listed(principal.Service).includes(requester.service) || listed(principal.AWS).includes("*");
  }
  if (requester.kind === "account" && requester.canonicalId !== undefined) {
    if (listed(principal.CanonicalUser).includes(requester.canonicalId)) return true;
  }
  return listed(principal.AWS).some((named) => {
    if (named === "*") return true;
    if (requester.kind === "anonymous") return false;
    // The root of an account, or its number, stands for everyone in it.
    const account = /^(?:arn:aws[a-z-]*:iam::)?(\d{12})(?::root)?$/.exec(named)?.[1];
    if (account !== undefined) return account === requester.account;
    return named === requester.arn || (requester.arn !== undefined && isRoleOf(named, requester.arn));
  });
}

/** Whether who has assumed a role is somebody who acts in it. A session does not say the path of its role. */
function isRoleOf(role: string, sessionArn: string): boolean {
  const session = sessionPattern.exec(sessionArn);
  const named = rolePattern.exec(role);
  return session !== null && named !== null && session[1] === named[1] && session[2] === named[2];
}

const sessionPattern = /^arn:aws[a-z-]*:sts::(\d{12}):assumed-role\/([^/]+)\/[^/]+$/;
const rolePattern = /^arn:aws[a-z-]*:iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/;

/** Undefined: the request does not say. */
function valueOf(key: string, request: AccessRequest): Carried {
  const { principal } = request;
  switch (key.toLowerCase()) {
    case "aws:sourcearn":
      return request.sourceArn;
    case "aws:sourceaccount":
      return request.sourceAccount;
    case "aws:principalorgid":
      return request.organizationId;
    case "aws:principalaccount":
      return principal.kind === "account" ? principal.account : undefined;
    case "aws:principalarn":
      return principal.kind === "account" ? principal.arn : undefined;
    case "aws:principalservicename":
      return principal.kind === "service" ? principal.service : undefined;
    case "lambda:functionurlauthtype":
      return request.functionUrlAuthType;
    case "lambda:invokedviafunctionurl":
      return String(request.invokedViaFunctionUrl ?? false);
    case "lambda:eventsourcetoken":
      return request.eventSourceToken;
    default:
      return request.context?.[key.toLowerCase()];
  }
}

export const conditionKeys: ReadonlySet<string> = new Set([
  "aws:sourcearn",
  "aws:sourceaccount",
  "aws:principalorgid",
  "aws:principalaccount",
  "aws:principalarn",
  "aws:principalservicename",
  "lambda:functionurlauthtype",
  "lambda:invokedviafunctionurl",
  "lambda:eventsourcetoken",
]);
