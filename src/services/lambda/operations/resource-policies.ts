/** PutResourcePolicy, GetResourcePolicy, DeleteResourcePolicy: the policy that AddPermission adds to, as a whole. */
import type { Caller, FunctionRef } from "../domain/function-ref.ts";
import { arnOfRef, parseFunctionRef } from "../domain/function-ref.ts";
import { noPolicy, policyText, requirePolicy } from "../domain/policy.ts";
import { policyFrom } from "../domain/policy-document.ts";
import type { PolicyHolder } from "../domain/policy-holder.ts";
import { policyHolder, requireHolderRevision } from "../domain/policy-holder.ts";
import { functionNotFound, nothingRequestedExists, raise } from "../errors.ts";
import type { LambdaOperations } from "../operation-types.ts";
import type { LambdaParts } from "../parts.ts";

type ResourcePolicyOperations = Pick<
  LambdaOperations,
  "PutResourcePolicy" | "GetResourcePolicy" | "DeleteResourcePolicy"
>;

export function createResourcePolicyOperations({ functions, stamp }: LambdaParts): ResourcePolicyOperations {
  return {
    async PutResourcePolicy(input, ctx) {
      const ref = refOf(input.ResourceArn, "PutResourcePolicy", ctx);
      const missing = (): Error => functionNotFound(input.ResourceArn);
      const policy = policyFrom(input.Policy, arnOfRef(ref));
      const { revisionId } = await functions.change(ref.id, missing, (fn) => {
        const holder = policyHolder(fn, ref.qualifier) ?? raise(missing());
        requireRevision(holder, input.RevisionId);
        const next = stamp().uuid();
        return { fn: holder.with(policy, next), revisionId: next };
      });
      return { Policy: policyText(policy), RevisionId: revisionId };
    },

    async GetResourcePolicy(input, ctx) {
      const ref = refOf(input.ResourceArn, "GetResourcePolicy", ctx);
      const fn = await functions.get(ref.id);
      const holder = fn && policyHolder(fn, ref.qualifier);
      if (!holder?.policy.Statement.length) throw nothingRequestedExists();
      return { Policy: policyText(holder.policy), RevisionId: holder.revisionId };
    },

    async DeleteResourcePolicy(input, ctx) {
      const ref = refOf(input.ResourceArn, "DeleteResourcePolicy", ctx);
      const missing = (): Error => functionNotFound(input.ResourceArn);
      await functions.change(ref.id, missing, (fn) => {
        const holder = policyHolder(fn, ref.qualifier) ?? raise(missing());
        requirePolicy(holder.policy);
        requireRevision(holder, input.RevisionId);
        return { fn: holder.with(noPolicy, stamp().uuid()) };
      });
      return {};
    },
  };
}

/** The documentation names the call of this API, not those of the older one. */
function requireRevision({ revisionId }: PolicyHolder, wanted: string | undefined): void {
  requireHolderRevision({ revisionId, readWith: "GetResourcePolicy" }, wanted);
}

function refOf(arn: string, action: string, caller: Caller): FunctionRef {
  return parseFunctionRef({ name: arn, action }, caller);
}
