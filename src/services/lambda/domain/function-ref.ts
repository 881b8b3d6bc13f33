/**
 * What a caller names: `thumb`, `thumb:live`, `123456789012:function:thumb`, a whole ARN, each with or without a
 * qualifier, and a qualifier beside it. Pure. Source: lambda-map 2.2.
 *
 * Whether such a function, version or alias exists is not decided here; that it is in this region and account is.
 */
import { formatArn } from "../../../base/arn.ts";
import type { Context } from "../../service.ts";
import { accessDenied, invalidParameter, resourceNotFound } from "../errors.ts";

export interface FunctionId {
  readonly account: string;
  readonly region: string;
  readonly name: string;
}

export interface FunctionRef {
  readonly id: FunctionId;
  /** "$LATEST", "7", "live"; undefined: none was named. */
  readonly qualifier: string | undefined;
}

/** The parts of a request that decide what a name means. */
export type Caller = Pick<Context, "account" | "region" | "identity">;

export interface Named {
  readonly name: string;
  readonly qualifier?: string | undefined;
  /** "GetFunction": for the error of those who may not. */
  readonly action: string;
}

export const latest = "$LATEST";

// Every part before the name is optional, as in AWS's own pattern: `function:thumb` names "thumb", `function` a function
// of that name.
const namePattern =
  /^(?:arn:aws[a-zA-Z-]*:lambda:)?(?:((?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?(?:(\d{12}):)?(?:function:)?([a-zA-Z0-9-_.]+)(?::(\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9-_]+))?$/;

/** Of the caller's own account: what is called another's is refused. */
export function parseFunctionRef(named: Named, caller: Caller): FunctionRef {
  const ref = parseAnyonesRef(named, caller);
  if (ref.id.account === caller.account) return ref;
  throw accessDenied({
    principalArn: caller.identity.principalArn,
    action: named.action,
    arn: arnOfRef(ref),
  });
}

/** Of any account: whether the caller may is to be asked. */
export function parseAnyonesRef(named: Omit<Named, "action">, caller: Caller): FunctionRef {
  const { account, region } = caller;
  if (!named.name.includes(":")) {
    return { id: { account, region, name: named.name }, qualifier: named.qualifier || undefined };
  }
  const match = namePattern.exec(named.name);
  if (!match?.[3]) {
    throw invalidParameter(`Value '${named.name}' at 'functionName' is not a function name or ARN`); // inferred
  }
  const qualifier = agreed(match[4], named.qualifier || undefined);
  const id = { account: match[2] ?? account, region: match[1] ?? region, name: match[3] };
  if (id.region !== region) {
    throw resourceNotFound(`Functions from '${id.region}' are not reachable in this region ('${region}')`);
  }
  return { id, qualifier };
}

/** `arn:aws:lambda:<region>:<account>:function:<name>`, with the qualifier if there is one. */
export function arnOf(id: FunctionId, qualifier?: string): string {
  const resource = qualifier === undefined ? `function:${id.name}` : `function:${id.name}:${qualifier}`;
  return formatArn({ service: "lambda", region: id.region, account: id.account, resource });
}

export function arnOfRef(ref: FunctionRef): string {
  return arnOf(ref.id, ref.qualifier);
}

function agreed(derived: string | undefined, given: string | undefined): string | undefined {
  if (derived !== undefined && given !== undefined && derived !== given) {
    throw invalidParameter(
      "The derived qualifier from the function name does not match the specified qualifier.",
    );
  }
  return derived ?? given;
}

/** For operations on the whole function, which take no version or alias. */
export function requireUnqualified(ref: FunctionRef): void {
  if (ref.qualifier === undefined) return;
  throw invalidParameter(
    "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.",
  );
}

/** For operations that change $LATEST: it may be named. */
export function requireLatest(ref: FunctionRef): void {
  if (ref.qualifier !== latest) requireUnqualified(ref);
}
