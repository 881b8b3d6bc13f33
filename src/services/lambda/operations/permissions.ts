/** AddPermission, RemovePermission, GetPolicy. */
import { functionNotFound, nothingRequestedExists, raise, resourceNotFound } from "../errors.ts";
import type { Caller, FunctionRef } from "../domain/function-ref.ts";
import { arnOfRef, parseFunctionRef } from "../domain/function-ref.ts";
import type { Input, LambdaOperations } from "../operation-types.ts";
import type { LambdaParts } from "../parts.ts";
import type { Permission } from "../domain/policy.ts";
import { policyText, statementAdded, statementOf, statementRemoved } from "../domain/policy.ts";
import { policyHolder, requireHolderRevision } from "../domain/policy-holder.ts";

type PermissionOperations = Pick<LambdaOperations, "AddPermission" | "RemovePermission" | "GetPolicy">;

export function createPermissionOperations({ functions, stamp }: LambdaParts): PermissionOperations {
  return {
    async AddPermission(input, ctx) {
      const ref = refOf(input, "AddPermission", ctx);
      const missing = (): Error => functionNotFound(arnOfRef(ref));
      const statement = statementOf(permissionOf(input), arnOfRef(ref));
      await functions.change(ref.id, missing, (fn) => {
        const holder = policyHolder(fn, ref.qualifier) ?? raise(missing());
        requireHolderRevision(holder, input.RevisionId);
        return { fn: holder.with(statementAdded(holder.policy, statement), stamp().uuid()) };
      });
      return { Statement: JSON.stringify(statement) };
    },

    async RemovePermission(input, ctx) {
      const ref = refOf(input, "RemovePermission", ctx);
      const missing = (): Error => resourceNotFound(`No policy found for: ${arnOfRef(ref)}`);
      await functions.change(ref.id, missing, (fn) => {
        const holder = policyHolder(fn, ref.qualifier) ?? raise(missing());
        const policy = statementRemoved(holder.policy, input.StatementId);
        requireHolderRevision(holder, input.RevisionId);
        return { fn: holder.with(policy, stamp().uuid()) };
      });
      return {};
    },

    async GetPolicy(input, ctx) {
      const ref = refOf(input, "GetPolicy", ctx);
      const fn = await functions.get(ref.id);
      const holder = fn && policyHolder(fn, ref.qualifier);
      if (!holder?.policy.Statement.length) throw nothingRequestedExists();
      return { Policy: policyText(holder.policy), RevisionId: holder.revisionId };
    },
  };
}

function refOf(
  input: { FunctionName: string; Qualifier?: string | undefined },
  action: string,
  caller: Caller,
): FunctionRef {
  return parseFunctionRef({ name: input.FunctionName, qualifier: input.Qualifier, action }, caller);
}

function permissionOf(input: Input<"AddPermission">): Permission {
  return {
    statementId: input.StatementId,
    action: input.Action,
    principal: input.Principal,
    sourceArn: input.SourceArn,
    sourceAccount: input.SourceAccount,
    organizationId: input.PrincipalOrgID,
    eventSourceToken: input.EventSourceToken,
    functionUrlAuthType: input.FunctionUrlAuthType,
    invokedViaFunctionUrl: input.InvokedViaFunctionUrl,
  };
}
