/**
 * Concurrency permits: how many invocations may run at once, per version with provisioned concurrency, then per function
 * with a reservation and per account and region for all the others.
 *
 * Pure bookkeeping, no time and no waiting: `take` answers a permit or the reason for a throttle, `give` returns it.
 * Nothing may run an invocation without holding a permit (I4).
 */
import { invariant } from "../base/invariant.ts";
import type { ThrottleReason } from "./contract.ts";

export interface Permit {
  readonly scope: Scope;
}

export interface Claim {
  readonly account: string;
  readonly region: string;
  readonly functionArn: string;
  readonly version: string;
  /** Environments provisioned for the version: used first, what is beyond them spills over. */
  readonly provisioned: number;
  /** The function's reservation; undefined: it draws from the unreserved pool. */
  readonly reserved: number | undefined;
  /** Size of the account's unreserved pool in this region. */
  readonly unreserved: number;
}

export type Taken =
  | { readonly kind: "permit"; readonly permit: Permit }
  | { readonly kind: "throttled"; readonly reason: ThrottleReason };

interface Scope {
  readonly key: string;
  inUse: number;
}

export class Concurrency {
  readonly #scopes = new Map<string, Scope>();

  take(claim: Claim): Taken {
    if (claim.provisioned > 0) {
      const provisioned = this.#takeFrom(`${claim.functionArn}:${claim.version}`, claim.provisioned);
      if (provisioned) return { kind: "permit", permit: provisioned };
    }
    const isReserved = claim.reserved !== undefined;
    const key = isReserved ? claim.functionArn : `${claim.account}/${claim.region}`;
    const permit = this.#takeFrom(key, claim.reserved ?? claim.unreserved);
    if (permit) return { kind: "permit", permit };
    const reason = isReserved
      ? "ReservedFunctionConcurrentInvocationLimitExceeded"
      : "ConcurrentInvocationLimitExceeded";
    return { kind: "throttled", reason };
  }

  #takeFrom(key: string, limit: number): Permit | undefined {
    const scope = this.#scopes.get(key) ?? { key, inUse: 0 };
    if (scope.inUse >= limit) return undefined;
    scope.inUse += 1;
    this.#scopes.set(key, scope);
    return { scope };
  }

  give({ scope }: Permit): void {
    invariant(scope.inUse > 0, "I4: a permit is returned once");
    scope.inUse -= 1;
    if (scope.inUse === 0) this.#scopes.delete(scope.key);
  }

  /** Permits out, over all scopes. */
  get inUse(): number {
    let total = 0;
    for (const scope of this.#scopes.values()) total += scope.inUse;
    return total;
  }
}
