/**
 * Execution environments, grouped by function version: hands an idle one out, starts another when there is none, takes
 * them back, and lets the unused go. Provisioned ones are started ahead, handed out first, replaced when their runtime
 * falls, and never let go for being idle. Snapshots of SnapStart are, too, and are handed out last (`ahead.ts`).
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
import { noMemory, Overloaded, startCpusOf } from "./admission.ts";
import { Ahead } from "./ahead.ts";
import type { PoolLimits, Provision, ProvisionState } from "./contract.ts";
import type { Group } from "./group.ts";
import { createGroup, isSnapStart, missingOf, specAhead, takeOldest } from "./group.ts";
import { IdleSweep } from "./idle-sweep.ts";
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

export class Pool {
  readonly #deps: PoolDeps;
  readonly #groups = new Map<string, Group>();
  readonly #ahead: Ahead;
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
  readonly #idleSweep: IdleSweep;
  #isClosed = false;

  constructor(deps: PoolDeps) {
    this.#deps = deps;
    const { clock, limits } = deps;
    this.#ahead = new Ahead(limits);
    this.#idleSweep = new IdleSweep({
      clock,
      idleMs: limits.idleMs,
      groups: this.#groups,
      end: (group, { environment }) => void this.#end(group, environment),
    });
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
    return this.#ahead.provisionedSize;
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
    const ready = isSnapStart(group) ? undefined : this.#ready(group);
    if (ready) return ready;
    for (let next = group.idle.pop(); next; next = group.idle.pop()) {
      if (this.#isUp(group, next.environment)) return next.environment;
    }
    // Forgetting the last dead one has dropped the group.
    return isSnapStart(group) ? this.#restored(this.#group(spec)) : this.#wait(this.#group(spec));
  }

  #ready(group: Group): Environment | undefined {
    for (let next = group.ready.pop(); next; next = group.ready.pop()) {
      if (this.#isUp(group, next)) return next;
    }
    return undefined;
  }

  /** A cold start. The next snapshot is started a moment later, not beside it. */
  #restored(group: Group): Environment | Promise<Environment> {
    this.#wantSnapshot(group);
    this.#askAgain();
    const snapshot = this.#ready(group);
    if (!snapshot) return this.#wait(group);
    this.#ahead.handedOut(group, snapshot);
    return snapshot;
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
    // Of SnapStart, what comes next begins from the snapshot again.
    const isSpent = environment.status === "down" && isSnapStart(group);
    if (environment.status === "dead" || isSpent) void this.#end(group, environment);
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
      if (group.spec.functionArn !== functionArn || group.isRetired || isSnapStart(group)) continue;
      this.#ahead.provision(group, countByKey.get(group.spec.key) ?? 0);
      this.#endSurplus(group);
    }
    this.#startWanted();
  }

  provisioned(specKey: string): ProvisionState {
    return this.#ahead.stateOf(this.#groups.get(specKey));
  }

  snapshot(spec: VersionSpec): Promise<string | undefined> {
    const group = this.#group(spec);
    const made = this.#ahead.snapshotOf(group);
    this.#wantSnapshot(group);
    this.#startSnapshots();
    this.#dropIfEmpty(group);
    return made;
  }

  expectSnapshot(spec: VersionSpec): void {
    this.#wantSnapshot(this.#group(spec));
    this.#askAgain();
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
    this.#idleSweep.stop();
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
    for (const group of this.#ahead.provisioning) this.#startProvisioned(group);
  }

  /** Whether the machine has the time for what this version wants next. */
  #hasTimeFor({ spec, members, down, waiting }: Group): boolean {
    const { admission, clock } = this.#deps;
    const waitedMs = clock.monotonic() - (waiting[0]?.sinceMs ?? Infinity);
    const isRestart = down.length > 0;
    const isFree = admission.hasTimeFor({
      environments: members.size,
      cpus: startCpusOf(spec, isRestart),
      isRestart,
      waitedMs,
    });
    if (!isFree) this.#askAgain();
    return isFree;
  }

  #askAgain(): void {
    this.#machineRetry ??= this.#deps.clock.after(machineRetryMs, () => {
      this.#machineRetry = undefined;
      this.#startWanted();
      this.#startSnapshots();
    });
  }

  #wantSnapshot(group: Group): void {
    for (const other of this.#ahead.wantSnapshot(group)) this.#endSurplus(other);
  }

  /** Of what was started ahead. */
  #endSurplus(group: Group): void {
    while (group.provisioned.size > group.provisionedWanted) {
      const surplus = group.ready.pop();
      if (!surplus) break; // the others end when they are given back
      group.provisioned.delete(surplus);
      void this.#end(group, surplus);
    }
    this.#dropIfEmpty(group);
  }

  #startProvisioned(group: Group): void {
    for (let missing = missingOf(group); missing > 0; missing -= 1) {
      if (this.#starting >= this.#deps.limits.startingMax || !this.#makeRoom(group.spec, false)) return;
      this.#start(group, { isAhead: true });
    }
  }

  /** What cannot be started now is tried again. */
  #startSnapshots(): void {
    if (this.#isClosed) return;
    for (const group of this.#ahead.snapshots) {
      if (missingOf(group) === 0) continue;
      // One that is being started for a request may be left over.
      if (group.starting === 0 && this.#hasRoomForSnapshot(group)) this.#start(group, { isAhead: true });
      else this.#askAgain();
    }
  }

  /** Where nobody waits for it, nothing is ended or made to wait for it. */
  #hasRoomForSnapshot(group: Group): boolean {
    const { admission, limits } = this.#deps;
    if (this.#starting >= limits.startingMax) return false;
    if (this.#ahead.isAwaited(group)) return this.#makeRoom(group.spec, false);
    const isPlace = this.#lines.total === 0 && this.#alive < limits.environmentsMax - limits.startingMax;
    return isPlace && admission.hasMemoryFor(group.spec) && this.#hasTimeFor(group);
  }

  /** Room for one more runtime, if need be by ending what is used least. One that is started again has its place. */
  #makeRoom(spec: VersionSpec, isRestart: boolean): boolean {
    const isPlace = isRestart || this.#alive < this.#deps.limits.environmentsMax;
    if (this.#deps.admission.hasMemoryFor(spec)) return isPlace || this.#endUnneeded(["down", "idle"]);
    // Memory is there only when what had it is gone: one after the other.
    if (this.#ending === 0 && !this.#endSpares()) this.#endUnneeded(["idle"]);
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

  /** A snapshot, or else the oldest of the first of these kinds of which there is one. */
  #endUnneeded(kinds: readonly ("down" | "idle")[]): boolean {
    const given = this.#ahead.giveUpSnapshot();
    if (given) {
      this.#endSurplus(given);
      return true;
    }
    for (const kind of kinds) {
      const oldest = takeOldest(this.#groups.values(), kind);
      if (!oldest) continue;
      void this.#end(oldest.group, oldest.environment);
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
    this.#restarts.set(environment, this.#deps.admission.starting(group.spec, true));
    waiter.resolve(environment);
  }

  #start(group: Group, { isAhead = false } = {}): void {
    group.starting += 1;
    this.#starting += 1;
    this.#alive += 1;
    const spec = isAhead ? specAhead(group) : group.spec;
    const start = this.#deps.admission.starting(spec, false);
    const environment = this.#deps.startEnvironment(spec);
    group.members.add(environment);
    if (isAhead) group.provisioned.add(environment);
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
      this.#ahead.failed(group, "FUNCTION_ERROR_INIT_FAILURE");
      void this.#end(group, environment);
    } else if (environment.status === "dead") {
      const why = `no execution environment could be started for ${group.spec.functionArn}`;
      this.#lines.next(group)?.reject(new Error(why));
      this.#forget(group, environment);
    } else {
      if (isUsable) this.#ahead.initialised(group, environment);
      this.#offer(group, environment);
    }
    this.#startWanted();
  }

  #offer(group: Group, environment: Environment): void {
    if (group.worn.has(environment)) return void this.#end(group, environment);
    if (environment.status === "down") return this.#offerDown(group, environment);
    const waiter = this.#lines.next(group);
    if (waiter) {
      this.#ahead.handedOut(group, environment);
      return waiter.resolve(environment);
    }
    if (group.isRetired) return void this.#end(group, environment);
    if (group.provisioned.has(environment)) {
      if (group.provisioned.size <= group.provisionedWanted) return void group.ready.push(environment);
      group.provisioned.delete(environment);
      return void this.#end(group, environment);
    }
    this.#idleSweep.keep(group.idle, environment);
  }

  /** Nobody is given it before its runtime may be started again. */
  #offerDown(group: Group, environment: Environment): void {
    const isUnwanted = group.isRetired && group.waiting.length === 0;
    // inferred: one that was provisioned is made anew, so that no request pays for it.
    if (isUnwanted || group.provisioned.has(environment)) return void this.#end(group, environment);
    this.#idleSweep.keep(group.down, environment);
  }

  #retireGroup(group: Group): void {
    group.isRetired = true;
    this.#ahead.forget(group);
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
    if (!wasProvisioned || this.#isClosed) return;
    this.#startWanted();
    this.#askAgain();
  }

  #dropIfEmpty(group: Group): void {
    if (group.members.size > 0 || group.waiting.length > 0 || group.provisionedWanted > 0) return;
    this.#groups.delete(group.spec.key);
    group.gone.resolve();
  }
}
