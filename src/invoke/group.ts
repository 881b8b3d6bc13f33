/** What the pool holds of one function version: its environments, and the requests that wait for one. */
import type { Timer } from "../base/clock.ts";
import type { Environment, VersionSpec } from "../runtime/contract.ts";

export interface Group {
  readonly spec: VersionSpec;
  /** Most recently used last. */
  readonly idle: Idle[];
  /** Their runtime is gone and has to be started again for the next request. Most recently used last. */
  readonly down: Idle[];
  readonly waiting: Waiter[];
  /** How many of those have patience. */
  patient: number;
  /** Provisioned and idle. */
  readonly ready: Environment[];
  /** Started for `provisionedWanted`; starting, idle or busy. */
  readonly provisioned: Set<Environment>;
  provisionedWanted: number;
  /** No more of those are started. */
  provisionFailure: string | undefined;
  readonly members: Set<Environment>;
  /** Members that serve nobody after what they do now. */
  readonly worn: Set<Environment>;
  starting: number;
  /** Environments that have answered and will be given back any moment. */
  settling: number;
  /** Being retired: those in line are still served, nothing is kept afterwards. */
  isRetired: boolean;
  /** Resolves when the group has no environments and nobody in line. */
  readonly gone: PromiseWithResolvers<void>;
}

export interface Idle {
  readonly environment: Environment;
  readonly sinceMs: number;
}

export interface Waiter {
  readonly resolve: (environment: Environment) => void;
  readonly reject: (error: Error) => void;
  readonly sinceMs: number;
  /** No start is made for it before this has passed. */
  patience: Timer | undefined;
  /** Then it is refused. */
  expiry: Timer | undefined;
}

export function createGroup(spec: VersionSpec, isRetired: boolean): Group {
  return {
    spec,
    idle: [],
    down: [],
    waiting: [],
    patient: 0,
    ready: [],
    provisioned: new Set(),
    provisionedWanted: 0,
    provisionFailure: undefined,
    members: new Set(),
    worn: new Set(),
    starting: 0,
    settling: 0,
    isRetired,
    gone: Promise.withResolvers(),
  };
}

/** Environments that are provisioned and have been initialised. */
export function provisionedReady({ provisioned }: Group): number {
  return [...provisioned].filter(({ status }) => status !== "starting" && status !== "dead").length;
}
