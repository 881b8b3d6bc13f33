/**
 * Concurrency permits: how many invocations may run at once and begin in a second, per version with provisioned
 * concurrency, then per function with a reservation and per account and region for all the others.
 *
 * Pure bookkeeping, no waiting: `take` answers a permit or the reason for a throttle, `give` returns it. Nothing may run
 * an invocation without holding a permit (I4). Sources: lambda-map 6.2; that a second's worth of requests may come at
 * once is inferred.
 */
import { invariant } from "../base/invariant.ts";
import type { ThrottleReason } from "./contract.ts";
import type { Rate } from "./token-bucket.ts";
import { TokenBucket } from "./token-bucket.ts";

export interface Permit {
  readonly pool: PermitPool;
  readonly scope: Scope;
  /** Its invocation has been answered. */
  isSettling: boolean;
}

/** Where a permit came from. */
export type PermitPool = "provisioned" | "reserved" | "unreserved";

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
  /** An asynchronous event: those come as fast as they can be run. */
  readonly isEvent: boolean;
}

export type Taken =
  | { readonly kind: "permit"; readonly permit: Permit }
  | { readonly kind: "throttled"; readonly reason: ThrottleReason };

export interface Scope {
  readonly key: string;
  inUse: number;
  /** Of those in use: they come back any moment. */
  settling: number;
  readonly bucket: TokenBucket;
  /** Of the last request. */
  rate: Rate;
}

export class Concurrency {
  /** Requests a second for each unit of concurrency; `Infinity`: as many as there are. */
  readonly #requestsPerSecond: number;
  readonly #scopes = new Map<string, Scope>();
  readonly #inUse: Record<PermitPool, number> = { provisioned: 0, reserved: 0, unreserved: 0 };
  #sweepAt = 1000;

  constructor(requestsPerSecond: number) {
    this.#requestsPerSecond = requestsPerSecond;
  }

  take(claim: Claim, nowMs: number): Taken {
    const request = { isRated: !claim.isEvent, nowMs };
    if (claim.provisioned > 0) {
      const taken = this.#takeFrom(provisionedShare(claim), request);
      if (typeof taken === "object") return { kind: "permit", permit: taken };
    }
    const from = commonShare(claim);
    const taken = this.#takeFrom(from, request);
    if (typeof taken === "object") return { kind: "permit", permit: taken };
    return { kind: "throttled", reason: reasons[from.pool][taken] };
  }

  /** Where this claim finds nothing left, and all will be well when one of those that settle has done so. */
  soonFree(claim: Claim): Scope | undefined {
    const shares = [...(claim.provisioned > 0 ? [provisionedShare(claim)] : []), commonShare(claim)];
    for (const { key, limit } of shares) {
      const scope = this.#scopes.get(key);
      if (scope && scope.settling > 0 && scope.inUse === limit) return scope;
    }
    return undefined;
  }

  /** Announces that the permit's invocation has been answered; `give` follows when its environment is free. */
  settling(permit: Permit): void {
    permit.isSettling = true;
    permit.scope.settling += 1;
  }

  give({ pool, scope, isSettling }: Permit): void {
    invariant(scope.inUse > 0, "I4: a permit is returned once");
    scope.inUse -= 1;
    if (isSettling) scope.settling -= 1;
    this.#inUse[pool] -= 1;
  }

  /** Permits out, over all scopes. */
  get inUse(): number {
    const { provisioned, reserved, unreserved } = this.#inUse;
    return provisioned + reserved + unreserved;
  }

  /** Within provisioned concurrency. */
  get provisionedInUse(): number {
    return this.#inUse.provisioned;
  }

  /** Of functions without a reservation, in all accounts. */
  get unreservedInUse(): number {
    return this.#inUse.unreserved;
  }

  #takeFrom(
    { pool, key, limit }: Share,
    { isRated, nowMs }: { readonly isRated: boolean; readonly nowMs: number },
  ): Permit | "at-once" | "per-second" {
    const perSecond = limit * this.#requestsPerSecond;
    const rate = { capacity: perSecond, perSecond };
    const scope = this.#scopes.get(key) ?? this.#newScope(key, rate, nowMs);
    if (scope.inUse >= limit) return "at-once";
    scope.rate = rate;
    const isBounded = isRated && this.#requestsPerSecond < Infinity;
    if (isBounded && !scope.bucket.take(rate, nowMs)) return "per-second";
    scope.inUse += 1;
    this.#inUse[pool] += 1;
    return { pool, scope, isSettling: false };
  }

  #newScope(key: string, rate: Rate, nowMs: number): Scope {
    if (this.#scopes.size >= this.#sweepAt) this.#sweep(nowMs);
    const scope = { key, inUse: 0, settling: 0, bucket: new TokenBucket(rate, nowMs), rate };
    this.#scopes.set(key, scope);
    return scope;
  }

  /** Forgets what nobody uses, each time when there are twice as many. */
  #sweep(nowMs: number): void {
    for (const [key, { inUse, bucket, rate }] of this.#scopes) {
      const isRested = this.#requestsPerSecond === Infinity || bucket.isFull(rate, nowMs);
      if (inUse === 0 && isRested) this.#scopes.delete(key);
    }
    this.#sweepAt = Math.max(1000, this.#scopes.size * 2);
  }
}

/** Of a pool. */
interface Share {
  readonly pool: PermitPool;
  readonly key: string;
  readonly limit: number;
}

function provisionedShare({ functionArn, version, provisioned }: Claim): Share {
  return { pool: "provisioned", key: `${functionArn}:${version}`, limit: provisioned };
}

/** With the function's other versions, or with the account's other functions. */
function commonShare({ account, region, functionArn, reserved, unreserved }: Claim) {
  if (reserved !== undefined) return { pool: "reserved", key: functionArn, limit: reserved } as const;
  return { pool: "unreserved", key: `${account}/${region}`, limit: unreserved } as const;
}

const reasons = {
  provisioned: {
    "at-once": "ReservedFunctionConcurrentInvocationLimitExceeded",
    "per-second": "ReservedFunctionInvocationRateLimitExceeded",
  },
  reserved: {
    "at-once": "ReservedFunctionConcurrentInvocationLimitExceeded",
    "per-second": "ReservedFunctionInvocationRateLimitExceeded",
  },
  unreserved: {
    "at-once": "ConcurrentInvocationLimitExceeded",
    "per-second": "FunctionInvocationRateLimitExceeded",
  },
} as const satisfies Record<PermitPool, Record<string, ThrottleReason>>;
