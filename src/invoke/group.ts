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
  /** Provisioned and idle; of SnapStart, a snapshot. */
  readonly ready: Environment[];
  /** Started for `provisionedWanted`; starting, idle or busy. Of SnapStart, until it is handed out. */
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

export function isSnapStart({ spec }: Pick<Group, "spec">): boolean {
  return spec.initialization === "snap-start";
}

/** What environments that are started ahead are made from. */
export function specAhead({ spec }: Group): VersionSpec {
  return { initialization: "provisioned-concurrency", ...spec };
}

/** How many are still to be started ahead; 0 after a failure. */
export function missingOf({ provisionFailure, provisioned, provisionedWanted }: Group): number {
  return provisionFailure === undefined ? Math.max(0, provisionedWanted - provisioned.size) : 0;
}

/** Takes out the one that was used longest ago. */
export function takeOldest(
  groups: Iterable<Group>,
  kind: "down" | "idle",
): { readonly group: Group; readonly environment: Environment } | undefined {
  let oldest: { readonly group: Group; readonly unused: Idle } | undefined;
  for (const group of groups) {
    const unused = group[kind][0];
    if (unused && (!oldest || unused.sinceMs < oldest.unused.sinceMs)) oldest = { group, unused };
  }
  if (!oldest) return undefined;
  oldest.group[kind].shift();
  return { group: oldest.group, environment: oldest.unused.environment };
}

/** Environments that are provisioned, have been initialised and have their runtime. */
export function provisionedReady({ provisioned }: Group): number {
  return [...provisioned].filter(({ status }) => status === "idle" || status === "busy").length;
}
