/**
 * Execution environments, grouped by function version: hands an idle one out, starts another when there is none, takes
 * them back, and lets the unused go. Provisioned ones are started ahead, handed out first, replaced when their runtime
 * falls, and never let go for being idle.
 *
 * A request that finds none idle waits in its version's line while an environment is started for it, or the runtime of
 * one that is down, and takes whichever comes first: that or one that was given back. Both kinds of start take one of
 * `startingMax` places, so that no function's time runs while it would wait for one. An environment serves one version
 * and dies (I3).
 * The pool never holds more than `environmentsMax`, nor more than the machine has memory and time for (`admission.ts`);
 * before it makes a request wait for room it ends runtimes that wait for no function, then the idle environment that was
 * used longest ago. Versions take turns; who cannot be served in time is refused.
 */
import type { Clock, Timer } from "../base/clock.ts";
import { invariant } from "../base/invariant.ts";
import type { Logger } from "../base/logger.ts";
import { machineRetryMs, retiredKeysMax } from "../limits.ts";
import type { Environment, VersionSpec } from "../runtime/contract.ts";
import type { Admission, Start } from "./admission.ts";
import { Overloaded } from "./admission.ts";
import type { Provision, ProvisionState } from "./contract.ts";
import type { Group, Idle } from "./group.ts";
import { createGroup, provisionedReady } from "./group.ts";
import { Lines } from "./lines.ts";

export interface PoolDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly startEnvironment: (spec: VersionSpec) => Environment;
  /** Whom the machine takes on. */
  readonly admission: Admission;
  /** Ends what holds memory and works for no function; undefined: there is nothing. Left out: there never is. */
  readonly endSpares?: (() => Promise<void> | undefined) | undefined;
  readonly limits: PoolLimits;
}

export interface PoolLimits {
  /** Environments alive at once, all versions together. */
  readonly environmentsMax: number;
  /** Runtimes that start at once: in INIT, or again. */
  readonly startingMax: number;
  /** How long an environment may be idle before it is shut down, ms. */
  readonly idleMs: number;
  /** How long a request waits for an environment that has answered but not yet settled, before another is started, ms. */
  readonly settlePatienceMs: number;
  /** How long a request waits in line for an environment at most, ms. */
  readonly waitMsMax: number;
}

export class Pool {
  readonly #deps: PoolDeps;
  readonly #groups = new Map<string, Group>();
  /** Groups that want provisioned environments. */
  readonly #provisioning = new Set<Group>();
  /** Of specs that will not come again, oldest first. */
  readonly #retiredKeys = new Set<string>();
  readonly #lines: Lines;
  #alive = 0;
  #starting = 0;
  /** Handed out to be started again: what was promised for that. */
  readonly #restarts = new Map<Environment, Start>();
  /** Being shut down: they have their memory still. */
  #ending = 0;
  /** Until the machine is asked for memory or time again. */
  #machineRetry: Timer | undefined;
  #sweep: Timer | undefined;
  #isClosed = false;

  constructor(deps: PoolDeps) {
    this.#deps = deps;
    const { clock, limits } = deps;
    this.#lines = new Lines({
      clock,
      waitMsMax: limits.waitMsMax,
      patienceMs: limits.settlePatienceMs,
      onEmpty: (group) => this.#lineEnded(group),
      onImpatient: () => this.#startWanted(),
    });
  }

  /** Environments alive: starting, idle, busy. */
  get size(): number {
    return this.#alive;
  }

  /** Provisioned environments that have been initialised, idle or busy. */
  get provisionedSize(): number {
    let total = 0;
    for (const group of this.#provisioning) total += provisionedReady(group);
    return total;
  }

  /** Requests in line. */
  get waiting(): number {
    return this.#lines.total;
  }

  /** Runtimes that are being started. */
  get starting(): number {
    return this.#starting;
  }

  /** An idle environment for this version, now if there is one. Rejects when none could be started. */
  acquire(spec: VersionSpec): Environment | Promise<Environment> {
    const group = this.#group(spec);
    for (let next = group.ready.pop(); next; next = group.ready.pop()) {
      if (this.#isUp(group, next)) return next;
    }
    for (let next = group.idle.pop(); next; next = group.idle.pop()) {
      if (this.#isUp(group, next.environment)) return next.environment;
    }
    // Forgetting the last dead one has dropped the group.
    return this.#wait(this.#group(spec));
  }

  /** Announces that its invocation has begun. Where that starts its runtime again, its place is taken until it is over. */
  begun(environment: Environment): void {
    const start = this.#restarts.get(environment);
    if (!start) return;
    this.#restarts.delete(environment);
    void environment.initialised.then(() => {
      this.#deps.admission.started(start);
      this.#starting -= 1;
      this.#startWanted();
    });
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
    this.#lines.environmentReturned(group);
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
    return { ready: provisionedReady(group), failure: group.provisionFailure };
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
      this.#endUnused(group);
    }
    return count;
  }

  /** Refuses new requests; idle environments end now, busy ones when they are released. Resolves when all are gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#sweep?.cancel();
    this.#machineRetry?.cancel();
    const groups = [...this.#groups.values()];
    for (const group of groups) {
      this.#lines.refuseAll(group, new Error("the platform is shutting down"));
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
    const group = createGroup(spec, this.#retiredKeys.has(spec.key));
    this.#groups.set(spec.key, group);
    return group;
  }

  /** Not dead, and with its runtime; else it goes where it belongs. */
  #isUp(group: Group, environment: Environment): boolean {
    if (environment.status === "dead") this.#forget(group, environment);
    else if (environment.status === "down") this.#offer(group, environment);
    else return true;
    return false;
  }

  #wait(group: Group): Promise<Environment> {
    if (this.#isClosed) return Promise.reject(new Error("the platform is shutting down"));
    const line = { ofVersion: group.waiting.length, ofAll: this.#lines.total };
    const refusal = this.#deps.admission.refusal(group.spec, line);
    if (refusal) return Promise.reject(refusal);
    const answer = this.#lines.join(group);
    this.#startWanted();
    return answer;
  }

  /** Nobody of this version is in line any more. */
  #lineEnded(group: Group): void {
    if (group.isRetired) this.#endUnused(group);
    this.#dropIfEmpty(group);
  }

  /** Starts runtimes for those in line, as far as the limits allow. */
  #startWanted(): void {
    if (this.#isClosed) return;
    for (const group of this.#lines.groups) {
      if (this.#starting >= this.#deps.limits.startingMax) break;
      const wanted = group.waiting.length - group.patient - group.starting;
      if (wanted <= 0 || !this.#hasTimeFor(group)) continue;
      const isRestart = group.down.length > 0;
      if (!this.#makeRoom(group.spec, isRestart)) {
        // Nobody will give one back, and nothing is on its way out.
        const isLost = group.members.size === group.down.length && this.#ending === 0;
        if (isLost) this.#lines.refuseAll(group, noMemory());
        continue;
      }
      if (isRestart) {
        this.#restart(group);
      } else if (this.#deps.admission.mayGrow(group.spec, this.#deps.clock.monotonic())) {
        this.#start(group);
      } else {
        const tooFast = new Overloaded(`${group.spec.functionArn} grows as fast as it may`);
        for (let left = wanted; left > 0; left -= 1) this.#lines.last(group)?.reject(tooFast);
        continue;
      }
      // Again at the end of the line: one for each version in turn.
      this.#lines.endTurn(group);
    }
    for (const group of this.#provisioning) this.#startProvisioned(group);
  }

  /** Whether the machine has the time for what this version wants next. */
  #hasTimeFor({ members, down, waiting }: Group): boolean {
    const { admission, clock } = this.#deps;
    const waitedMs = clock.monotonic() - (waiting[0]?.sinceMs ?? Infinity);
    const isFree = admission.hasTimeFor({
      environments: members.size,
      isRestart: down.length > 0,
      starting: this.#starting,
      waitedMs,
    });
    if (!isFree) this.#askAgain();
    return isFree;
  }

  #askAgain(): void {
    this.#machineRetry ??= this.#deps.clock.after(machineRetryMs, () => {
      this.#machineRetry = undefined;
      this.#startWanted();
    });
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
      if (this.#starting >= this.#deps.limits.startingMax || !this.#makeRoom(group.spec, false)) return;
      this.#start(group, "provisioned-concurrency");
      missing -= 1;
    }
  }

  /** Room for one more runtime, if need be by ending what is used least. One that is started again has its place. */
  #makeRoom(spec: VersionSpec, isRestart: boolean): boolean {
    const isPlace = isRestart || this.#alive < this.#deps.limits.environmentsMax;
    if (this.#deps.admission.hasMemoryFor(spec)) return isPlace || this.#endOldest(["down", "idle"]);
    // Memory is there only when what had it is gone: one after the other.
    if (this.#ending === 0 && !this.#endSpares()) this.#endOldest(["idle"]);
    this.#askAgain();
    return false;
  }

  #endSpares(): boolean {
    const ended = this.#deps.endSpares?.();
    if (!ended) return false;
    this.#ending += 1;
    void ended.then(() => {
      this.#ending -= 1;
      this.#startWanted();
    });
    return true;
  }

  /** Of the first of these kinds of which there is one. */
  #endOldest(kinds: readonly ("down" | "idle")[]): boolean {
    for (const kind of kinds) {
      let oldest: { group: Group; unused: Idle } | undefined;
      for (const group of this.#groups.values()) {
        const unused = group[kind][0];
        if (unused && (!oldest || unused.sinceMs < oldest.unused.sinceMs)) oldest = { group, unused };
      }
      if (!oldest) continue;
      oldest.group[kind].shift();
      void this.#end(oldest.group, oldest.unused.environment);
      return true;
    }
    return false;
  }

  /** Hands the one that went down last to the next in line, whose invocation starts its runtime again. */
  #restart(group: Group): void {
    const environment = group.down.pop()?.environment;
    const waiter = environment && this.#lines.next(group);
    invariant(waiter, "a runtime is started again for somebody");
    this.#starting += 1;
    this.#restarts.set(environment, this.#deps.admission.starting(group.spec));
    waiter.resolve(environment);
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
      this.#lines.next(group)?.reject(new Error(why));
      this.#forget(group, environment);
    } else {
      this.#offer(group, environment);
    }
    this.#startWanted();
  }

  #offer(group: Group, environment: Environment): void {
    if (group.worn.has(environment)) return void this.#end(group, environment);
    if (environment.status === "down") return this.#offerDown(group, environment);
    const waiter = this.#lines.next(group);
    if (waiter) return waiter.resolve(environment);
    if (group.isRetired) return void this.#end(group, environment);
    if (group.provisioned.has(environment)) {
      if (group.provisioned.size <= group.provisionedWanted) return void group.ready.push(environment);
      group.provisioned.delete(environment);
      return void this.#end(group, environment);
    }
    this.#keep(group.idle, environment);
  }

  /** Nobody is given it before its runtime may be started again. */
  #offerDown(group: Group, environment: Environment): void {
    const isUnwanted = group.isRetired && group.waiting.length === 0;
    // inferred: one that was provisioned is made anew, so that no request pays for it.
    if (isUnwanted || group.provisioned.has(environment)) return void this.#end(group, environment);
    this.#keep(group.down, environment);
  }

  #keep(unused: Idle[], environment: Environment): void {
    unused.push({ environment, sinceMs: this.#deps.clock.monotonic() });
    this.#sweep ??= this.#deps.clock.after(this.#deps.limits.idleMs / 4, () => this.#sweepIdle());
  }

  #sweepIdle(): void {
    this.#sweep = undefined;
    const idleSinceMax = this.#deps.clock.monotonic() - this.#deps.limits.idleMs;
    let isAnyIdle = false;
    for (const group of this.#groups.values()) {
      for (const unused of [group.idle, group.down]) {
        while (unused[0] && unused[0].sinceMs <= idleSinceMax) {
          const idle = unused.shift();
          if (idle) void this.#end(group, idle.environment);
        }
        isAnyIdle ||= unused.length > 0;
      }
    }
    if (isAnyIdle && !this.#isClosed) {
      this.#sweep = this.#deps.clock.after(this.#deps.limits.idleMs / 4, () => this.#sweepIdle());
    }
  }

  #retireGroup(group: Group): void {
    group.isRetired = true;
    group.provisionedWanted = 0;
    this.#provisioning.delete(group);
    this.#endUnused(group);
    this.#dropIfEmpty(group);
  }

  #endUnused(group: Group): void {
    for (const { environment } of group.idle.splice(0)) void this.#end(group, environment);
    for (const { environment } of group.down.splice(0)) void this.#end(group, environment);
    for (const environment of group.ready.splice(0)) void this.#end(group, environment);
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
    if (this.#lines.total > 0) this.#startWanted();
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
