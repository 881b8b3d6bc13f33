/** What the rest of the platform asks of the invoke engine: run this version with this request, within these limits. */
import type { VersionSpec } from "../runtime/contract.ts";
import type { InvocationRequest, Outcome } from "../runtime/invocation.ts";

export interface InvokeOrder {
  readonly spec: VersionSpec;
  readonly request: InvocationRequest;
  /** Collect the last 4 KB of this invocation's log. Costs the caller the wait for the log to settle. */
  readonly wantTail: boolean;
  /** The function's reserved concurrency; undefined: it shares the account's unreserved pool. */
  readonly reservedConcurrency: number | undefined;
  /** What the account has left in this region after all reservations. */
  readonly unreservedConcurrency: number;
  /** Environments that are provisioned for this version, used before the two above; 0 when left out. */
  readonly provisionedConcurrency?: number;
  /** An asynchronous event: AWS bounds how many requests come in a second, but not those. */
  readonly isEvent?: boolean;
}

export interface PoolLimits {
  /** Environments alive at once, all versions together. */
  readonly environmentsMax: number;
  /** Runtimes that start at once: in INIT, or again. */
  readonly startingMax: number;
  /** Versions of SnapStart that have a snapshot. */
  readonly snapshotsMax: number;
  /** How long an environment may be idle before it is shut down, ms. */
  readonly idleMs: number;
  /** How long a request waits for an environment that has answered but not yet settled, before another is started, ms. */
  readonly settlePatienceMs: number;
  /** How long a request waits in line for an environment at most, ms. */
  readonly waitMsMax: number;
}

export interface Provision {
  readonly spec: VersionSpec;
  /** Environments. */
  readonly count: number;
}

export interface ProvisionState {
  /** Environments that have been initialised and are alive, idle or busy. */
  readonly ready: number;
  /** Why no more are being started: AWS's StatusReason; undefined: nothing has failed. */
  readonly failure: string | undefined;
}

/** AWS's words. */
export type ThrottleReason =
  | "ConcurrentInvocationLimitExceeded"
  | "FunctionInvocationRateLimitExceeded"
  | "ReservedFunctionConcurrentInvocationLimitExceeded"
  | "ReservedFunctionInvocationRateLimitExceeded";

export type InvokeAnswer =
  | {
      readonly kind: "done";
      readonly outcome: Outcome;
      readonly logTail: Uint8Array | undefined;
      /** How long the function itself took, without any wait for an environment; left out: not measured. */
      readonly durationMs?: number;
    }
  | { readonly kind: "throttled"; readonly reason: ThrottleReason };

export interface Invoker {
  invoke(order: InvokeOrder): Promise<InvokeAnswer>;
  /**
   * Environments of this function whose spec key is not among `keepKeys` take no further invocation: idle ones are
   * shut down now, busy ones when they are done. Resolves when all are gone. `goneKeys` never come again: should an
   * invocation that was resolved earlier still start an environment for one, it serves that invocation and ends.
   */
  retire(functionArn: string, keepKeys: readonly string[], goneKeys?: readonly string[]): Promise<void>;
  /**
   * Ends environments of these functions, busy ones when they are done, so that what comes next starts others. Answers
   * how many.
   */
  recycle(isWanted: (functionArn: string) => boolean): number;
  /**
   * From now on so many environments of each of these versions are kept initialised, and of the function's other
   * versions none. They are started behind the caller's back; asking again after a failure tries again.
   */
  provision(functionArn: string, wanted: readonly Provision[]): void;
  /** How far that has come for a version; what was never asked for has none ready. */
  provisioned(specKey: string): ProvisionState;
  /**
   * Of SnapStart: one environment of this version is initialised ahead and waits to be restored, as long as the version
   * is in use and the machine has room. Resolves when there is one, or with why there is none. Never rejects.
   */
  snapshot(spec: VersionSpec): Promise<string | undefined>;
  /** Such a version that had one: another is made when the machine has room. */
  expectSnapshot(spec: VersionSpec): void;
  /** Calls `wake` each time when an invocation of this version has given its permit back. */
  onPermitFree(wake: (freed: VersionSpec) => void): void;
  /** Waits for running invocations up to `graceMs`, then shuts every environment down. */
  stop(graceMs: number): Promise<void>;
}
