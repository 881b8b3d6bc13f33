/**
 * What this machine takes on: how many requests may wait for an environment, and whether another environment may be
 * started. Beyond that a request is throttled (429), so that a machine with too much to do goes on doing it. Bookkeeping
 * without I/O; the pool asks before each step.
 *
 * An environment is expected to use what others of its version have used, or a little at first: its limit says what it may
 * grow to, and functions are given far more than they use. What starts now is not in the machine's reading yet, so that
 * it is counted here. Beside memory, each function may grow only so fast: AWS's scaling rate (lambda-map 6.2).
 */
import type { VersionSpec } from "../runtime/contract.ts";
import type { ThrottleReason } from "./contract.ts";
import type { Rate } from "./token-bucket.ts";
import { TokenBucket } from "./token-bucket.ts";

export interface AdmissionLimits {
  /** Requests in line for environments of one version, and of all together. */
  readonly waitingPerVersionMax: number;
  readonly waitingMax: number;
  /** MB that stay free for whatever else the machine does. */
  readonly memoryReserveMb: number;
  /** MB that an environment of a version is taken to use before one has been seen. */
  readonly memoryExpectedMb: number;
  /** How fast each function may grow, in environments; undefined: as fast as the machine allows. */
  readonly scaling: Rate | undefined;
}

/** A request was not taken on. The message says why in lambdad's words, the reason in AWS's. */
export class Overloaded extends Error {
  override name = "Overloaded";
  readonly reason: ThrottleReason;

  constructor(why: string, reason: ThrottleReason = "ConcurrentInvocationLimitExceeded") {
    super(why);
    this.reason = reason;
  }
}

/** The memory that a start may need, until it is over. */
export interface Start {
  readonly expectedMb: number;
}

/** Versions whose use is remembered; the one that was learnt first goes. */
const versionsMax = 10_000;
/** Functions whose growth is counted, until those at rest are forgotten. */
const functionsMax = 1000;

export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #freeMemoryMb: () => number;
  readonly #peakMbByKey = new Map<string, number>();
  readonly #growth = new Map<string, TokenBucket>();
  #startingMb = 0;
  #sweepAt = functionsMax;

  /** `freeMemoryMb`: what the machine has left at the moment. */
  constructor(limits: AdmissionLimits, freeMemoryMb: () => number) {
    this.#limits = limits;
    this.#freeMemoryMb = freeMemoryMb;
  }

  /** Undefined: one more may wait. */
  refusal(
    { functionArn }: VersionSpec,
    line: { readonly ofVersion: number; readonly ofAll: number },
  ): Overloaded | undefined {
    const { waitingPerVersionMax, waitingMax } = this.#limits;
    if (line.ofVersion >= waitingPerVersionMax) {
      return new Overloaded(`too many requests wait for environments of ${functionArn}`);
    }
    if (line.ofAll >= waitingMax) return new Overloaded("too many requests wait for environments");
    return undefined;
  }

  /** Whether the machine has the memory for one more environment. */
  hasMemoryFor(spec: VersionSpec): boolean {
    const { memoryReserveMb } = this.#limits;
    return this.#freeMemoryMb() - this.#startingMb - this.#expectedMb(spec) >= memoryReserveMb;
  }

  /** False: the function has grown as fast as it may. Counts what is to be started for a request. */
  mayGrow({ functionArn }: VersionSpec, nowMs: number): boolean {
    const { scaling } = this.#limits;
    if (!scaling) return true;
    let bucket = this.#growth.get(functionArn);
    if (!bucket) {
      if (this.#growth.size >= this.#sweepAt) this.#sweep(scaling, nowMs);
      bucket = new TokenBucket(scaling, nowMs);
      this.#growth.set(functionArn, bucket);
    }
    return bucket.take(scaling, nowMs);
  }

  /** An environment is being started: until `started` its memory is promised, not used. */
  starting(spec: VersionSpec): Start {
    const expectedMb = this.#expectedMb(spec);
    this.#startingMb += expectedMb;
    return { expectedMb };
  }

  started({ expectedMb }: Start): void {
    this.#startingMb -= expectedMb;
  }

  /** What an environment has used at most. */
  observed({ key }: VersionSpec, peakMb: number): void {
    const before = this.#peakMbByKey.get(key) ?? 0;
    if (peakMb <= before) return;
    this.#peakMbByKey.set(key, peakMb);
    if (this.#peakMbByKey.size <= versionsMax) return;
    const [oldest] = this.#peakMbByKey.keys();
    if (oldest !== undefined) this.#peakMbByKey.delete(oldest);
  }

  #expectedMb({ key, memoryMb }: VersionSpec): number {
    return Math.min(memoryMb, this.#peakMbByKey.get(key) ?? this.#limits.memoryExpectedMb);
  }

  #sweep(scaling: Rate, nowMs: number): void {
    for (const [functionArn, bucket] of this.#growth) {
      if (bucket.isFull(scaling, nowMs)) this.#growth.delete(functionArn);
    }
    this.#sweepAt = Math.max(functionsMax, this.#growth.size * 2);
  }
}
