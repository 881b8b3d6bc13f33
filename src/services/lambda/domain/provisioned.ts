/**
 * Provisioned concurrency: environments that are kept initialised for a version or for what an alias points to. Pure.
 * Source: lambda-map 6.2.
 *
 * The record says what is wanted; what of it is there, only the pool knows (`provisioning.ts`). Who may want how much is
 * in `provisioned-rules.ts`.
 */
import type { FunctionRecord } from "./function.ts";
import { findAlias } from "./function.ts";

export interface ProvisionedConcurrency {
  /** Environments. */
  readonly requested: number;
  readonly lastModifiedAtMs: number;
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
