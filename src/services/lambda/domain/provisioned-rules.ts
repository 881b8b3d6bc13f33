/**
 * Who may have how much provisioned concurrency: published versions and aliases of them, each version once, within the
 * function's reservation or the account's unreserved pool. Pure. Source: lambda-map 2.3.
 */
import { own } from "../../../base/own.ts";
import { unreservedConcurrencyMin } from "../../../limits.ts";
import {
  functionNotFound,
  invalidParameter,
  provisionedConcurrencyNotFound,
  resourceConflict,
} from "../errors.ts";
import type { AccountRecord } from "./account.ts";
import { accountWith, unreservedConcurrency } from "./account.ts";
import type { FunctionRecord } from "./function.ts";
import { findAlias, findRevision } from "./function.ts";
import { arnOf, latest } from "./function-ref.ts";
import { requireServing } from "./lifecycle.ts";
import type { ProvisionedConcurrency } from "./provisioned.ts";
import { provisionedTotal, targetsOf } from "./provisioned.ts";
import { without } from "./settings.ts";

export function provisionedPut(
  fn: FunctionRecord,
  account: AccountRecord,
  wanted: ProvisionedConcurrency & { readonly qualifier: string },
): FunctionRecord {
  const { qualifier, requested, lastModifiedAtMs } = wanted;
  requireProvisionable(fn, qualifier);
  const provisioned = { ...fn.settings.provisioned, [qualifier]: { requested, lastModifiedAtMs } };
  const next = { ...fn, settings: { ...fn.settings, provisioned } };
  checkShare(fn, next, account);
  return next;
}

export function provisionedRemoved(fn: FunctionRecord, qualifier: string): FunctionRecord {
  requireNamed(fn, qualifier);
  // inferred: that deleting what is not there succeeds.
  if (!own(fn.settings.provisioned, qualifier)) return fn;
  return {
    ...fn,
    settings: { ...fn.settings, provisioned: without(fn.settings.provisioned, qualifier) },
  };
}

export function provisionedOf(fn: FunctionRecord, qualifier: string): ProvisionedConcurrency {
  requireNamed(fn, qualifier);
  const found = own(fn.settings.provisioned, qualifier);
  if (!found) throw provisionedConcurrencyNotFound();
  return found;
}

/** Get and Delete ask for an alias or a published version that is there. */
function requireNamed(fn: FunctionRecord, qualifier: string): void {
  if (qualifier === latest) {
    throw invalidParameter("The function resource provided must be an alias or a published version.");
  }
  if (!findRevision(fn, qualifier)) throw functionNotFound(arnOf(fn.id, qualifier));
}

function requireProvisionable(fn: FunctionRecord, qualifier: string): void {
  if (qualifier === latest) throw unpublished();
  const found = findRevision(fn, qualifier);
  if (!found) throw functionNotFound(arnOf(fn.id, qualifier));
  if (found.version === latest) throw unpublished();
  const { snapStart } = requireServing(found.revision);
  if (snapStart) {
    // documented: that they exclude each other; inferred: the text.
    throw invalidParameter("Provisioned Concurrency is not supported for SnapStart enabled functions.");
  }
  const alias = findAlias(fn, qualifier);
  const others = Object.keys(without(fn.settings.provisioned, qualifier));
  if (!alias && others.some((name) => sharesVersion(fn, name, qualifier))) {
    throw resourceConflict("Version is pointed by a Provisioned Concurrency alias");
  }
  if (alias && others.some((name) => sharesVersion(fn, name, qualifier))) {
    throw resourceConflict(
      "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
    );
  }
}

function unpublished(): Error {
  return invalidParameter(
    "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
  );
}

function sharesVersion(fn: FunctionRecord, one: string, other: string): boolean {
  const versions = new Set(targetsOf(fn, one, 1).map(({ version }) => version));
  return targetsOf(fn, other, 1).some(({ version }) => versions.has(version));
}

/** The function's reservation bounds all that is provisioned below it; without one, the account's unreserved pool does. */
function checkShare(before: FunctionRecord, next: FunctionRecord, account: AccountRecord): void {
  const { reservedConcurrency: reserved } = before;
  if (reserved !== undefined) {
    if (provisionedTotal(next) <= reserved) return;
    throw invalidParameter(
      "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function",
    );
  }
  // Without what this function has now.
  const free = unreservedConcurrency(accountWith(account, before.id.name, undefined));
  const total = provisionedTotal(next);
  if (total > free) {
    throw invalidParameter(
      `Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [${free}].`,
    );
  }
  if (free - total < unreservedConcurrencyMin) {
    throw invalidParameter(
      `Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [${unreservedConcurrencyMin}].`,
    );
  }
}

/** Of a change of an alias: it may not come to share a version with another provisioned alias. */
export function requireSeparate(fn: FunctionRecord, aliasName: string): void {
  if (!own(fn.settings.provisioned, aliasName)) return;
  const targets = targetsOf(fn, aliasName, 1);
  const isUnpublished = targets.some(({ version }) => version === latest);
  if (isUnpublished) throw unpublished();
  requireProvisionable(fn, aliasName);
}
