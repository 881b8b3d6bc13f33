/**
 * Concurrency that an account has given away in a region: reserved for functions, provisioned for versions. Pure; kept in
 * one record, so that two functions cannot take the same share at once. Sources: lambda-map 2.3, 6.2.
 */
import { own } from "../../../base/own.ts";
import { accountConcurrencyMax } from "../../../limits.ts";
import type { FunctionRecord } from "./function.ts";
import { provisionedTotal } from "./provisioned.ts";

export interface AccountRecord {
  /** Reserved concurrency by function name. */
  readonly reserved: Readonly<Record<string, number>>;
  /** Provisioned concurrency of all its versions and aliases together, by function name. */
  readonly provisioned: Readonly<Record<string, number>>;
}

export const nothingGiven: AccountRecord = { reserved: {}, provisioned: {} };

/** The account after this function has changed (undefined: is gone); itself, when that took or gave nothing. */
export function accountWith(
  account: AccountRecord,
  name: string,
  fn: FunctionRecord | undefined,
): AccountRecord {
  const provisioned = fn ? provisionedTotal(fn) || undefined : undefined;
  const next = {
    reserved: withEntry(account.reserved, name, fn?.reservedConcurrency),
    provisioned: withEntry(account.provisioned, name, provisioned),
  };
  const isSame = next.reserved === account.reserved && next.provisioned === account.provisioned;
  return isSame ? account : next;
}

/** What all functions without a reservation share. A reservation covers what is provisioned below it. */
export function unreservedConcurrency({ reserved, provisioned }: AccountRecord): number {
  let unreserved = accountConcurrencyMax;
  for (const count of Object.values(reserved)) unreserved -= count;
  for (const [name, count] of Object.entries(provisioned)) {
    if (own(reserved, name) === undefined) unreserved -= count;
  }
  return unreserved;
}

type Counts = Readonly<Record<string, number>>;

function withEntry(counts: Counts, name: string, count: number | undefined): Counts {
  if (own(counts, name) === count) return counts;
  const { [name]: _before, ...others } = counts;
  return count === undefined ? others : { ...others, [name]: count };
}
