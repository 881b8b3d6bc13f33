/**
 * Who may invoke a function, by its resource policy: that of the version or alias which was named, else the function's
 * own. Pure. Callers of the function's own account need no statement, but one that denies holds for them, too; services
 * that act by a role of the account neither. Source: lambda-map 3.4, 8.
 */
import { admits } from "../../events/admission.ts";
import type { DeliveryContext } from "../../events/ports.ts";
import type { AccessRequest, Policy } from "../../events/resource-policy.ts";
import { isAllowed, isDenied } from "../../events/resource-policy.ts";
import type { Identity } from "../../wire/identity.ts";
import type { FunctionUrl } from "./domain/function-url.ts";
import type { FunctionRecord } from "./domain/function.ts";
import { findAlias } from "./domain/function.ts";
import type { FunctionRef } from "./domain/function-ref.ts";
import { arnOfRef, latest } from "./domain/function-ref.ts";
import { noPolicy } from "./domain/policy.ts";

const invokeAction = "lambda:InvokeFunction";

/** A service that delivers an event. */
export function admitsSender(fn: FunctionRecord, ref: FunctionRef, sender: DeliveryContext): boolean {
  const wanted = { action: invokeAction, resource: resourceOf(ref), owner: ref.id.account };
  return admits(policyOf(fn, ref), wanted, sender);
}

/** Someone who calls the API. */
export function admitsCaller(fn: FunctionRecord, ref: FunctionRef, caller: Caller): boolean {
  return isLetIn(fn, ref, { principal: requester(caller), action: invokeAction });
}

/** Someone who calls the function's URL; `caller` undefined: nobody has signed. Both permissions are needed. */
export function admitsVisitor(
  fn: FunctionRecord,
  ref: FunctionRef,
  visit: { readonly caller: Caller | undefined; readonly authType: FunctionUrl["authType"] },
): boolean {
  const context = {
    principal: visit.caller ? requester(visit.caller) : ({ kind: "anonymous" } as const),
    functionUrlAuthType: visit.authType,
  };
  return (
    isLetIn(fn, ref, { ...context, action: "lambda:InvokeFunctionUrl" }) &&
    isLetIn(fn, ref, { ...context, action: invokeAction, invokedViaFunctionUrl: true })
  );
}

type Caller = Pick<Identity, "account" | "principalArn">;

function requester({ account, principalArn: arn }: Caller): AccessRequest["principal"] {
  return { kind: "account", account, arn };
}

function isLetIn(fn: FunctionRecord, ref: FunctionRef, wanted: Omit<AccessRequest, "resource">): boolean {
  const policy = policyOf(fn, ref);
  const request = { ...wanted, resource: resourceOf(ref) };
  const { principal } = wanted;
  const isOwn = principal.kind === "account" && principal.account === ref.id.account;
  return isOwn ? !isDenied(policy, request) : isAllowed(policy, request);
}

/** inferred: `$LATEST` has no policy of its own, so that the function's holds for it under the function's name. */
function resourceOf({ id, qualifier }: FunctionRef): string {
  return arnOfRef({ id, qualifier: qualifier === latest ? undefined : qualifier });
}

function policyOf(fn: FunctionRecord, { qualifier = latest }: FunctionRef): Policy {
  if (qualifier === latest) return fn.latest.policy;
  const holder = findAlias(fn, qualifier) ?? fn.versions.find(({ number }) => String(number) === qualifier);
  return holder?.policy ?? noPolicy;
}
