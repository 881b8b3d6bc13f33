/**
 * Execution environments, grouped by function version: hands an idle one out, starts another when there is none, takes
 * them back, and lets the unused go. Provisioned ones are started ahead, handed out first, replaced when they die, and
 * never let go for being idle.
 *
 * A request that finds none idle waits in its version's line while an environment is started for it, and takes
 * whichever comes first: the new one or one that was given back. An environment serves one version and dies (I3).
 * The pool never holds more than `environmentsMax`, nor more than the machine has memory for (`admission.ts`); before it
 * makes a request wait for room it retires the idle environment that was used longest ago. Versions take turns; who
 * cannot be served in time is refused.
 */
import type { Clock, Timer } from "../base/clock.ts";
import { invariant } from "../base/invariant.ts";
import type { Logger } from "../base/logger.ts";
import { memoryRetryMs, retiredKeysMax } from "../limits.ts";
import type { Environment, VersionSpec } from "../runtime/contract.ts";
import type { Admission } from "./admission.ts";
import { Overloaded } from "./admission.ts";
import type { Provision, ProvisionState } from "./contract.ts";

export interface PoolDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly startEnvironment: (spec: VersionSpec) => Environment;
  /** Whom the machine takes on. */
  readonly admission: Admission;
  readonly limits: PoolLimits;
}

export interface PoolLimits {
  /** Environments alive at once, all versions together. */
  readonly environmentsMax: number;
  /** Environments in INIT at once. */
  readonly startingMax: number;
  /** How long an environment may be idle before it is shut down, ms. */
  readonly idleMs: number;
  /** How long a request waits for an environment that has answered but not yet settled, before another is started, ms. */
  readonly settlePatienceMs: number;
  /** How long a request waits in line for an environment at most, ms. */
  readonly waitMsMax: number;
}

interface Group {
  readonly spec: VersionSpec;
  /** Most recently used last. */
  readonly idle: Idle[];
  readonly waiting: Waiter[];
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
  /** Resolved when the group has no environments and nobody in line. */
  readonly gone: PromiseWithResolvers<void>;
}

interface Idle {
  readonly environment: Environment;
  readonly sinceMs: number;
}

interface Waiter {
  readonly resolve: (environment: Environment) => void;
  readonly reject: (error: Error) => void;
  /** No start is made for it before this has passed. */
  patience: Timer | undefined;
  /** Then it is refused. */
  expiry: Timer | undefined;
}

export class Pool {
  readonly #deps: PoolDeps;
  readonly #groups = new Map<string, Group>();
  /** Groups that want provisioned environments. */
  readonly #provisioning = new Set<Group>();
  /** Of specs that will not come again, oldest first. */
  readonly #retiredKeys = new Set<string>();
  /** Groups with requests in line; they take turns. */
  readonly #inLine = new Set<Group>();
  #waiting = 0;
  #alive = 0;
  #starting = 0;
  /** Being shut down: they have their memory still. */
  #ending = 0;
  /** Until the machine is asked for memory again. */
  #memoryRetry: Timer | undefined;
  #sweep: Timer | undefined;
  #isClosed = false;

  constructor(deps: PoolDeps) {
    this.#deps = deps;
  }

  /** Environments alive: starting, idle, busy. */
  get size(): number {
    return this.#alive;
  }

  /** Environments in INIT. */
  get starting(): number {
    return this.#starting;
  }

  /** An idle environment for this version, now if there is one. Rejects when none could be started. */
  acquire(spec: VersionSpec): Environment | Promise<Environment> {
    const group = this.#group(spec);
    for (let ready = group.ready.pop(); ready; ready = group.ready.pop()) {
      if (ready.status !== "dead") return ready;
      this.#forget(group, ready);
    }
    for (let idle = group.idle.pop(); idle; idle = group.idle.pop()) {
      if (idle.environment.status !== "dead") return idle.environment;
      this.#forget(group, idle.environment);
    }
    // Forgetting the last dead one has dropped the group.
    return this.#wait(this.#group(spec));
  }

  /** Announces that the environment has answered; `release` follows when it has settled. */
  settling(environment: Environment): void {
    const group = this.#groups.get(environment.spec.key);
    if (group) group.settling += 1;
  }

  /** Gives a settled environment back: to the next in line, to the idle, or to its end. */
  release(environment: Environment): void {
    const group = this.#groups.get(environment.spec.key);
    invariant(group && group.members.has(environment), "I3: an environment is given back to its own version");
    group.settling -= 1;
    if (environment.status === "dead") void this.#end(group, environment);
    else this.#offer(group, environment);
    this.#startWanted();
  }

  /** Shuts down what serves this function under other keys than `keepKeys`; resolves when it is gone. */
  async retire(
    functionArn: string,
    keepKeys: readonly string[],
    goneKeys: readonly string[] = [],
  ): Promise<void> {
    for (const key of goneKeys) this.#retiredKeys.add(key);
    for (const key of this.#retiredKeys) {
      if (this.#retiredKeys.size <= retiredKeysMax) break;
      this.#retiredKeys.delete(key);
    }
    const groups = [...this.#groups.values()].filter(
      ({ spec }) => spec.functionArn === functionArn && !keepKeys.includes(spec.key),
    );
    for (const group of groups) this.#retireGroup(group);
    await Promise.all(groups.map(({ gone }) => gone.promise));
  }

  provision(functionArn: string, wanted: readonly Provision[]): void {
    const countByKey = new Map(wanted.map(({ spec, count }) => [spec.key, count]));
    for (const { spec } of wanted) this.#group(spec);
    for (const group of [...this.#groups.values()]) {
      if (group.spec.functionArn !== functionArn || group.isRetired) continue;
      this.#provisionGroup(group, countByKey.get(group.spec.key) ?? 0);
    }
    this.#startWanted();
  }

  provisioned(specKey: string): ProvisionState {
    const group = this.#groups.get(specKey);
    if (!group) return { ready: 0, failure: undefined };
    const alive = [...group.provisioned].filter(({ status }) => status !== "starting" && status !== "dead");
    return { ready: alive.length, failure: group.provisionFailure };
  }

  /**
   * Ends environments of these functions: idle ones now, busy ones when they are given back. What comes next starts others;
   * what is provisioned is started again. Answers how many.
   */
  recycle(isWanted: (functionArn: string) => boolean): number {
    let count = 0;
    for (const group of this.#groups.values()) {
      if (!isWanted(group.spec.functionArn)) continue;
      count += group.members.size;
      for (const environment of group.members) group.worn.add(environment);
      for (const { environment } of group.idle.splice(0)) void this.#end(group, environment);
      for (const environment of group.ready.splice(0)) void this.#end(group, environment);
    }
    return count;
  }

  /** Refuses new requests; idle environments end now, busy ones when they are released. Resolves when all are gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#sweep?.cancel();
    this.#memoryRetry?.cancel();
    const groups = [...this.#groups.values()];
    for (const group of groups) {
      this.#refuseAll(group, new Error("the platform is shutting down"));
      this.#retireGroup(group);
    }
    await Promise.all(groups.map(({ gone }) => gone.promise));
  }

  /** Ends every environment, busy or not. */
  async kill(): Promise<void> {
    const environments = [...this.#groups.values()].flatMap((group) =>
      [...group.members].map((member) => ({ group, member })),
    );
    await Promise.all(environments.map(({ group, member }) => this.#end(group, member)));
  }

  #group(spec: VersionSpec): Group {
    const known = this.#groups.get(spec.key);
    // A request that was resolved just before an update may still come for the version that is being retired.
    if (known) return known;
    const group: Group = {
      spec,
      idle: [],
      waiting: [],
      ready: [],
      provisioned: new Set(),
      provisionedWanted: 0,
      provisionFailure: undefined,
      members: new Set(),
      worn: new Set(),
      starting: 0,
      settling: 0,
      isRetired: this.#retiredKeys.has(spec.key),
      gone: Promise.withResolvers(),
    };
    this.#groups.set(spec.key, group);
    return group;
  }

  #wait(group: Group): Promise<Environment> {
    if (this.#isClosed) return Promise.reject(new Error("the platform is shutting down"));
    const { admission, clock, limits } = this.#deps;
    const refusal = admission.refusal(group.spec, { ofVersion: group.waiting.length, ofAll: this.#waiting });
    if (refusal) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { resolve, reject, patience: undefined, expiry: undefined };
      waiter.expiry = clock.after(limits.waitMsMax, () => this.#expire(group, waiter));
      // One that has answered is nearly always back before another could have started.
      if (group.settling > group.waiting.length) {
        waiter.patience = clock.after(limits.settlePatienceMs, () => {
          waiter.patience = undefined;
          this.#startWanted();
        });
      }
      group.waiting.push(waiter);
      this.#waiting += 1;
      this.#inLine.add(group);
      this.#startWanted();
    });
  }

  #nextInLine(group: Group): Waiter | undefined {
    return this.#leftLine(group, group.waiting.shift());
  }

  #lastInLine(group: Group): Waiter | undefined {
    return this.#leftLine(group, group.waiting.pop());
  }

  #leftLine(group: Group, waiter: Waiter | undefined): Waiter | undefined {
    if (!waiter) return undefined;
    waiter.patience?.cancel();
    waiter.expiry?.cancel();
    this.#waiting -= 1;
    if (group.waiting.length === 0) this.#inLine.delete(group);
    return waiter;
  }

  #refuseAll(group: Group, why: Error): void {
    for (let waiter = this.#nextInLine(group); waiter; waiter = this.#nextInLine(group)) waiter.reject(why);
    this.#dropIfEmpty(group);
  }

  /** It has waited too long. All waiters wait equally long, so that it is the first of its line. */
  #expire(group: Group, waiter: Waiter): void {
    invariant(this.#nextInLine(group) === waiter, "requests in line are refused in their order");
    waiter.reject(new Overloaded("no environment was free in time"));
    this.#dropIfEmpty(group);
  }

  /** Starts environments for those in line, as far as the limits allow. */
  #startWanted(): void {
    if (this.#isClosed) return;
    for (const group of this.#inLine) {
      if (this.#starting >= this.#deps.limits.startingMax) break;
      const wanted = group.waiting.filter((waiter) => !waiter.patience).length - group.starting;
      if (wanted <= 0) continue;
      if (!this.#makeRoom(group.spec)) {
        // Nobody will give one back, and nothing is on its way out.
        if (group.members.size === 0 && this.#ending === 0) this.#refuseAll(group, noMemory());
        continue;
      }
      if (!this.#deps.admission.mayGrow(group.spec, this.#deps.clock.monotonic())) {
        const tooFast = new Overloaded(`${group.spec.functionArn} grows as fast as it may`);
        for (let left = wanted; left > 0; left -= 1) this.#lastInLine(group)?.reject(tooFast);
        continue;
      }
      this.#start(group);
      // Again at the end of the line: one for each version in turn.
      if (this.#inLine.delete(group)) this.#inLine.add(group);
    }
    for (const group of this.#provisioning) this.#startProvisioned(group);
  }

  #provisionGroup(group: Group, count: number): void {
    group.provisionedWanted = count;
    group.provisionFailure = undefined;
    if (count > 0) this.#provisioning.add(group);
    else this.#provisioning.delete(group);
    // Some room is left for what is not provisioned, or that would wait for ever.
    let total = 0;
    for (const { provisionedWanted } of this.#provisioning) total += provisionedWanted;
    const { environmentsMax, startingMax } = this.#deps.limits;
    if (count > 0 && total > Math.max(environmentsMax - startingMax, 1)) {
      group.provisionFailure = `This machine has room for ${environmentsMax} execution environments.`;
    }
    while (group.provisioned.size > count) {
      const surplus = group.ready.pop();
      if (!surplus) break; // the others end when they are given back
      group.provisioned.delete(surplus);
      void this.#end(group, surplus);
    }
    this.#dropIfEmpty(group);
  }

  #startProvisioned(group: Group): void {
    let missing = group.provisionedWanted - group.provisioned.size;
    while (missing > 0 && group.provisionFailure === undefined) {
      if (this.#starting >= this.#deps.limits.startingMax || !this.#makeRoom(group.spec)) return;
      this.#start(group, "provisioned-concurrency");
      missing -= 1;
    }
  }

  /** Room for one more environment, if need be by ending the idle one that was used longest ago. */
  #makeRoom(spec: VersionSpec): boolean {
    const isPlace = this.#alive < this.#deps.limits.environmentsMax;
    if (this.#deps.admission.hasMemoryFor(spec)) return isPlace || this.#endOldest();
    // Memory is there only when what had it is gone: one after the other.
    if (this.#ending === 0) this.#endOldest();
    this.#memoryRetry ??= this.#deps.clock.after(memoryRetryMs, () => {
      this.#memoryRetry = undefined;
      this.#startWanted();
    });
    return false;
  }

  #endOldest(): boolean {
    let oldest: { group: Group; idle: Idle } | undefined;
    for (const group of this.#groups.values()) {
      const idle = group.idle[0];
      if (idle && (!oldest || idle.sinceMs < oldest.idle.sinceMs)) oldest = { group, idle };
    }
    if (!oldest) return false;
    oldest.group.idle.shift();
    void this.#end(oldest.group, oldest.idle.environment);
    return true;
  }

  #start(group: Group, initialization?: "provisioned-concurrency"): void {
    group.starting += 1;
    this.#starting += 1;
    this.#alive += 1;
    const spec = initialization ? { ...group.spec, initialization } : group.spec;
    const start = this.#deps.admission.starting(spec);
    const environment = this.#deps.startEnvironment(spec);
    group.members.add(environment);
    if (initialization) group.provisioned.add(environment);
    void environment.initialised.then(() => {
      this.#deps.admission.started(start);
      group.starting -= 1;
      this.#starting -= 1;
      this.#afterInit(group, environment);
    });
  }

  #afterInit(group: Group, environment: Environment): void {
    if (!group.members.has(environment)) return;
    const isUsable = environment.status !== "dead" && environment.status !== "down";
    if (!isUsable && group.provisioned.delete(environment)) {
      group.provisionFailure = "FUNCTION_ERROR_INIT_FAILURE";
      void this.#end(group, environment);
    } else if (environment.status === "dead") {
      const why = `no execution environment could be started for ${group.spec.functionArn}`;
      this.#nextInLine(group)?.reject(new Error(why));
      this.#forget(group, environment);
    } else {
      this.#offer(group, environment);
    }
    this.#startWanted();
  }

  #offer(group: Group, environment: Environment): void {
    if (group.worn.has(environment)) return void this.#end(group, environment);
    const waiter = this.#nextInLine(group);
    if (waiter) return waiter.resolve(environment);
    if (group.isRetired) return void this.#end(group, environment);
    if (group.provisioned.has(environment)) {
      if (group.provisioned.size <= group.provisionedWanted) return void group.ready.push(environment);
      group.provisioned.delete(environment);
      return void this.#end(group, environment);
    }
    group.idle.push({ environment, sinceMs: this.#deps.clock.monotonic() });
    this.#sweep ??= this.#deps.clock.after(this.#deps.limits.idleMs / 4, () => this.#sweepIdle());
  }

  #sweepIdle(): void {
    this.#sweep = undefined;
    const idleSinceMax = this.#deps.clock.monotonic() - this.#deps.limits.idleMs;
    let isAnyIdle = false;
    for (const group of this.#groups.values()) {
      while (group.idle[0] && group.idle[0].sinceMs <= idleSinceMax) {
        const idle = group.idle.shift();
        if (idle) void this.#end(group, idle.environment);
      }
      isAnyIdle ||= group.idle.length > 0;
    }
    if (isAnyIdle && !this.#isClosed) {
      this.#sweep = this.#deps.clock.after(this.#deps.limits.idleMs / 4, () => this.#sweepIdle());
    }
  }

  #retireGroup(group: Group): void {
    group.isRetired = true;
    group.provisionedWanted = 0;
    this.#provisioning.delete(group);
    for (const environment of group.ready.splice(0)) void this.#end(group, environment);
    for (const idle of group.idle.splice(0)) void this.#end(group, idle.environment);
    this.#dropIfEmpty(group);
  }

  /** Never rejects. */
  async #end(group: Group, environment: Environment): Promise<void> {
    this.#ending += 1;
    try {
      await environment.shutdown();
    } catch (error) {
      this.#deps.logger.error("an execution environment did not shut down", {
        environment: environment.id,
        error,
      });
    }
    this.#ending -= 1;
    this.#forget(group, environment);
    if (this.#inLine.size > 0) this.#startWanted();
  }

  #forget(group: Group, environment: Environment): void {
    if (!group.members.delete(environment)) return;
    group.worn.delete(environment);
    this.#alive -= 1;
    const wasProvisioned = group.provisioned.delete(environment);
    this.#dropIfEmpty(group);
    if (wasProvisioned) this.#startWanted();
  }

  #dropIfEmpty(group: Group): void {
    if (group.members.size > 0 || group.waiting.length > 0 || group.provisionedWanted > 0) return;
    this.#groups.delete(group.spec.key);
    group.gone.resolve();
  }
}

function noMemory(): Overloaded {
  return new Overloaded("this machine has not enough free memory for another environment");
}
