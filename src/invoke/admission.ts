/**
 * What this machine takes on: how many requests may wait for an environment, and whether another runtime may be started.
 * Beyond that a request is throttled (429), so that a machine with too much to do goes on doing it. Bookkeeping without
 * I/O; the pool asks before each step.
 *
 * While processors are saturated few runtimes start at once, since each has its function's time limit or INIT's to be
 * ready in; and where functions are what saturates them a version that has environments gets more only slowly, as more
 * would only share the same time. It still grows: its environments may all wait for the requests in line.
 *
 * An environment is expected to use what others of its version have used, or a little at first: its limit says what it may
 * grow to, and functions are given far more than they use. What starts now is not in the machine's reading yet, so that
 * it is counted here. Beside memory, each function may grow only so fast: AWS's scaling rate (lambda-map 6.2).
 */
import type { Saturation } from "../isolation/machine-time.ts";
import { growthPatienceMs } from "../limits.ts";
import type { VersionSpec } from "../runtime/contract.ts";
import { cpusOf, initCpusOf } from "../runtime/launch.ts";
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
  /**
   * Processors that starts may have between them while processors are saturated. A version's first start is not held up. One
   * that may use a small share of a processor only leaves the rest to others.
   */
  readonly saturatedStartsCpusMax: number;
  /** How fast each function may grow, in environments; undefined: as fast as the machine allows. */
  readonly scaling: Rate | undefined;
}

/** What is left of the machine at the moment. */
export interface Machine {
  freeMemoryMb(): number;
  saturation(): Saturation;
}

/** The next start of a version. */
export interface Demand {
  /** That the version has. */
  readonly environments: number;
  /** What its next start may use. */
  readonly cpus: number;
  /** One of those is to be started again. */
  readonly isRestart: boolean;
  /** How long the first in line has waited. */
  readonly waitedMs: number;
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

export function noMemory(): Overloaded {
  return new Overloaded("this machine has not enough free memory for another environment");
}

/** What a start may need, until it is over. */
export interface Start {
  readonly expectedMb: number;
  readonly cpus: number;
}

/** Versions whose use is remembered; the one that was learnt first goes. */
const versionsMax = 10_000;
/** Functions whose growth is counted, until those at rest are forgotten. */
const functionsMax = 1000;

export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #machine: Machine;
  readonly #peakMbByKey = new Map<string, number>();
  readonly #growth = new Map<string, TokenBucket>();
  /** Under way. */
  readonly #starts = new Set<Start>();
  #sweepAt = functionsMax;

  constructor(limits: AdmissionLimits, machine: Machine) {
    this.#limits = limits;
    this.#machine = machine;
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
    return (
      this.#machine.freeMemoryMb() - this.#promised("expectedMb") - this.#expectedMb(spec) >= memoryReserveMb
    );
  }

  /** Whether the machine has the time for one more start. A version's first environment is never held up. */
  hasTimeFor({ environments, cpus, isRestart, waitedMs }: Demand): boolean {
    if (environments === 0) return true;
    const saturation = this.#machine.saturation();
    if (saturation === "none") return true;
    if (this.#promised("cpus") + cpus > this.#limits.saturatedStartsCpusMax) return false;
    // Squared: in the minute that a request may wait a version grows to some twenty.
    return isRestart || saturation === "others" || waitedMs >= growthPatienceMs * environments ** 2;
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
  starting(spec: VersionSpec, isRestart: boolean): Start {
    const start = { expectedMb: this.#expectedMb(spec), cpus: startCpusOf(spec, isRestart) };
    this.#starts.add(start);
    return start;
  }

  started(start: Start): void {
    this.#starts.delete(start);
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

  #promised(what: keyof Start): number {
    let sum = 0;
    for (const { [what]: amount } of this.#starts) sum += amount;
    return sum;
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

/** What a start may use of the processors: one at most, as a runtime boots in one thread. */
export function startCpusOf(spec: VersionSpec, isRestart: boolean): number {
  return Math.min(1, isRestart ? cpusOf(spec) : initCpusOf(spec));
}
