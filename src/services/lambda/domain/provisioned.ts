/**
 * Provisioned concurrency: environments that are kept initialised for a version or for what an alias points to. Pure.
 * Sources: lambda-map 2.3, 6.2.
 *
 * The record says what is wanted; what of it is there, only the pool knows (`provisioning.ts`).
 */
import { unreservedConcurrencyMin } from "../../../limits.ts";
import {
  functionNotFound,
  invalidParameter,
  provisionedConcurrencyNotFound,
  resourceConflict,
} from "../errors.ts";
import type { AccountRecord } from "./account.ts";
import { accountWith, unreservedConcurrency } from "./account.ts";
import { pointsTo } from "./alias.ts";
import type { FunctionRecord } from "./function.ts";
import { findAlias, findRevision } from "./function.ts";
import { arnOf, latest } from "./function-ref.ts";
import { requireServing } from "./lifecycle.ts";
import { without } from "./settings.ts";

export interface ProvisionedConcurrency {
  /** Environments. */
  readonly requested: number;
  readonly lastModifiedAtMs: number;
}

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
  if (!fn.settings.provisioned[qualifier]) return fn;
  return {
    ...fn,
    settings: { ...fn.settings, provisioned: without(fn.settings.provisioned, qualifier) },
  };
}

export function provisionedOf(fn: FunctionRecord, qualifier: string): ProvisionedConcurrency {
  requireNamed(fn, qualifier);
  const found = fn.settings.provisioned[qualifier];
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
  requireServing(found.revision);
  const alias = findAlias(fn, qualifier);
  const others = Object.keys(without(fn.settings.provisioned, qualifier));
  if (!alias && others.some((name) => isPointedToBy(fn, name, qualifier))) {
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

function isPointedToBy(fn: FunctionRecord, aliasName: string, version: string): boolean {
  const alias = findAlias(fn, aliasName);
  return alias !== undefined && pointsTo(alias, version);
}

function sharesVersion(fn: FunctionRecord, other: string, aliasName: string): boolean {
  const versions = targetsOf(fn, aliasName, 1).map(({ version }) => version);
  return targetsOf(fn, other, 1).some(({ version }) => versions.includes(version));
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

export function provisionedTotal({ settings }: Pick<FunctionRecord, "settings">): number {
  return Object.values(settings.provisioned).reduce((sum, { requested }) => sum + requested, 0);
}

/** So many environments of this version. */
export interface ProvisionedTarget {
  readonly version: string;
  readonly count: number;
}

/** An alias with weights has its environments shared out by them; inferred: rounded in favour of the additional version. */
export function targetsOf(fn: FunctionRecord, qualifier: string, requested: number): ProvisionedTarget[] {
  const alias = findAlias(fn, qualifier);
  if (!alias) return [{ version: qualifier, count: requested }];
  const { additional } = alias;
  if (!additional) return [{ version: alias.version, count: requested }];
  const share = Math.ceil(additional.weight * requested);
  return [
    { version: alias.version, count: requested - share },
    { version: additional.version, count: share },
  ];
}

/** All that the function wants, by version. */
export function provisionedByVersion(fn: FunctionRecord): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const [qualifier, { requested }] of Object.entries(fn.settings.provisioned)) {
    for (const { version, count } of targetsOf(fn, qualifier, requested)) {
      counts.set(version, (counts.get(version) ?? 0) + count);
    }
  }
  return counts;
}

/** Of a change of an alias: it may not come to share a version with another provisioned alias. */
export function requireSeparate(fn: FunctionRecord, aliasName: string): void {
  if (!fn.settings.provisioned[aliasName]) return;
  const targets = targetsOf(fn, aliasName, 1);
  const isUnpublished = targets.some(({ version }) => version === latest);
  if (isUnpublished) throw unpublished();
  requireProvisionable(fn, aliasName);
}
