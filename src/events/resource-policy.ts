/**
 * Does a resource policy let someone do something? IAM's rules: an explicit denial wins, one statement that allows is
 * enough, nothing said is no. Pure. For services that deliver events, for function URLs, for layers of other accounts.
 *
 * A condition about something that the request does not carry does not hold, unless it is a negated one: IAM's rule, too.
 * Source: IAM user guide, "Policy evaluation logic" and "Condition operators".
 */

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
  | { readonly AWS?: OneOrMore<string> | undefined; readonly Service?: OneOrMore<string> | undefined };
export type Scalar = string | number | boolean;
type OneOrMore<T> = T | readonly T[];

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
}

export type Requester =
  /** "s3.amazonaws.com" */
  | { readonly kind: "service"; readonly service: string }
  /** `arn`: of the user or role, where it is known. */
  | { readonly kind: "account"; readonly account: string; readonly arn?: string | undefined }
  /** Someone who has not signed: a public function URL's. */
  | { readonly kind: "anonymous" };

export function isAllowed(policy: Policy, request: AccessRequest): boolean {
  const applying = policy.Statement.filter((statement) => applies(statement, request));
  return applying.length > 0 && applying.every(({ Effect }) => Effect === "Allow");
}

/** For those who need no statement that allows: one that denies holds for them, too. */
export function isDenied(policy: Policy, request: AccessRequest): boolean {
  return policy.Statement.some((statement) => statement.Effect === "Deny" && applies(statement, request));
}

function applies(statement: Statement, request: AccessRequest): boolean {
  return (
    isPrincipal(statement.Principal, request.principal) &&
    listed(statement.Action).some((action) => isLike(request.action.toLowerCase(), action.toLowerCase())) &&
    listed(statement.Resource).some((resource) => isLike(request.resource, resource)) &&
    Object.entries(statement.Condition ?? {}).every(([operator, tests]) =>
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
  return listed(principal.AWS).some((named) => {
    if (named === "*") return true;
    if (requester.kind === "anonymous") return false;
    // The root of an account, or its number, stands for everyone in it.
    const account = /^(?:arn:aws[a-z-]*:iam::)?(\d{12})(?::root)?$/.exec(named)?.[1];
    return account === undefined ? named === requester.arn : account === requester.account;
  });
}

/** Undefined: the request does not say. */
function valueOf(key: string, request: AccessRequest): string | undefined {
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
      return undefined;
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

type Compare = (value: string, wanted: string) => boolean;

const comparisons: Readonly<Record<string, Compare>> = {
  StringEquals: (value, wanted) => value === wanted,
  StringEqualsIgnoreCase: (value, wanted) => value.toLowerCase() === wanted.toLowerCase(),
  StringLike: isLike,
  ArnEquals: isLikeArn,
  ArnLike: isLikeArn,
  Bool: (value, wanted) => value === wanted.toLowerCase(),
};

/** As `StringNotLike` is `StringLike`'s. */
const negations: Readonly<Record<string, string>> = {
  StringNotEquals: "StringEquals",
  StringNotEqualsIgnoreCase: "StringEqualsIgnoreCase",
  StringNotLike: "StringLike",
  ArnNotEquals: "ArnEquals",
  ArnNotLike: "ArnLike",
};

export function isConditionOperator(operator: string): boolean {
  const plain = operator.replace(/IfExists$/, "");
  return operator === "Null" || Object.hasOwn(comparisons, plain) || Object.hasOwn(negations, plain);
}

function holds(operator: string, wanted: readonly Scalar[], value: string | undefined): boolean {
  if (operator === "Null") return wanted.some((each) => String(each) === String(value === undefined));
  const plain = operator.replace(/IfExists$/, "");
  const compare = comparisons[negations[plain] ?? plain];
  if (!compare) return false; // `policy-document.ts` lets no other in
  const isNegated = Object.hasOwn(negations, plain);
  if (value === undefined) return isNegated || plain !== operator;
  return wanted.some((each) => compare(value, String(each))) !== isNegated;
}

/** `*` is any text, `?` any character. Linear but for backtracking to the last `*`: no pattern of a policy can stall us. */
function isLike(text: string, pattern: string): boolean {
  let at = 0;
  let inPattern = 0;
  let star = -1;
  let resumeAt = 0;
  while (at < text.length) {
    const wanted = pattern[inPattern];
    if (wanted === "*") {
      star = inPattern;
      inPattern += 1;
      resumeAt = at;
    } else if (wanted === "?" || wanted === text[at]) {
      at += 1;
      inPattern += 1;
    } else if (star >= 0) {
      inPattern = star + 1;
      resumeAt += 1;
      at = resumeAt;
    } else {
      return false;
    }
  }
  while (pattern[inPattern] === "*") inPattern += 1;
  return inPattern === pattern.length;
}

/** Part by part: a `*` reaches over a colon only in the last one. */
function isLikeArn(value: string, pattern: string): boolean {
  const parts = arnParts(value);
  const wanted = arnParts(pattern);
  return parts.length === wanted.length && parts.every((part, index) => isLike(part, wanted[index] ?? ""));
}

function arnParts(arn: string): readonly string[] {
  const parts = arn.split(":");
  return [...parts.slice(0, 5), parts.slice(5).join(":")];
}
