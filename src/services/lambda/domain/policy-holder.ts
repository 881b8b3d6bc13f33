/**
 * What a resource policy hangs on: the function itself, a published version, or an alias, each with the revision id that
 * conditions refer to. Pure. A new statement changes the revision id of its holder and of nothing else.
 */
import { withAlias } from "./alias.ts";
import type { RevisionReader } from "../errors.ts";
import { invalidParameter, revisionMismatch } from "../errors.ts";
import type { FunctionRecord } from "./function.ts";
import { findAlias } from "./function.ts";
import { latest } from "./function-ref.ts";
import type { Policy } from "../../../events/resource-policy.ts";

export interface PolicyHolder {
  readonly policy: Policy;
  readonly revisionId: string;
  /** Which call shows its revision id, by AWS's text. */
  readonly readWith: RevisionReader;
  /** The function with another policy on this holder. */
  with(policy: Policy, revisionId: string): FunctionRecord;
}

/** Undefined: there is no such version or alias. */
export function policyHolder(fn: FunctionRecord, qualifier: string | undefined): PolicyHolder | undefined {
  if (qualifier === latest) {
    throw invalidParameter("We currently do not support adding policies for $LATEST.");
  }
  if (qualifier === undefined) {
    return {
      ...fn.latest,
      readWith: "GetFunction/GetAlias",
      with: (policy, revisionId) => ({ ...fn, latest: { ...fn.latest, policy, revisionId } }),
    };
  }
  const alias = findAlias(fn, qualifier);
  if (alias) {
    return {
      ...alias,
      readWith: "GetPolicy",
      with: (policy, revisionId) => withAlias(fn, { ...alias, policy, revisionId }),
    };
  }
  const version = fn.versions.find(({ number }) => String(number) === qualifier);
  return (
    version && {
      ...version,
      readWith: "GetFunction/GetAlias",
      with: (policy, revisionId) => ({
        ...fn,
        versions: fn.versions.map((other) =>
          other === version ? { ...version, policy, revisionId } : other,
        ),
      }),
    }
  );
}

export function requireHolderRevision(
  holder: Pick<PolicyHolder, "revisionId" | "readWith">,
  revisionId: string | undefined,
): void {
  if (revisionId !== undefined && revisionId !== holder.revisionId) throw revisionMismatch(holder.readWith);
}
