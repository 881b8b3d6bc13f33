/**
 * What of each version is to be initialised before anyone calls: as many environments as are provisioned, or, of SnapStart,
 * one that waits to be restored. Bookkeeping only; the pool starts and ends them, and tells this object.
 *
 * Provisioned environments are the version's from then on. A snapshot is so until it is handed out; then another takes its
 * place. It is a spare: given up for what is wanted now, and made again after the version's next cold start. So many
 * versions have one at most, those that were used last.
 */
import type { Environment } from "../runtime/contract.ts";
import type { PoolLimits, ProvisionState } from "./contract.ts";
import type { Group } from "./group.ts";
import { isSnapStart, provisionedReady } from "./group.ts";

type AheadLimits = Pick<PoolLimits, "environmentsMax" | "startingMax" | "snapshotsMax">;

export class Ahead {
  readonly #limits: AheadLimits;
  readonly #provisioning = new Set<Group>();
  /** Used longest ago first. */
  readonly #snapshots = new Set<Group>();
  /** Who waits for a version's first snapshot, to be told why there is none, or nothing. */
  readonly #awaiting = new Map<Group, ((failure?: string) => void)[]>();

  constructor(limits: AheadLimits) {
    this.#limits = limits;
  }

  /** Provisioned environments that have been initialised, idle or busy. */
  get provisionedSize(): number {
    let total = 0;
    for (const group of this.#provisioning) total += provisionedReady(group);
    return total;
  }

  /** Versions that want provisioned environments. */
  get provisioning(): Iterable<Group> {
    return this.#provisioning;
  }

  /** Versions that want a snapshot. */
  get snapshots(): Iterable<Group> {
    return this.#snapshots;
  }

  stateOf(group: Group | undefined): ProvisionState {
    if (!group) return { ready: 0, failure: undefined };
    return { ready: provisionedReady(group), failure: group.provisionFailure };
  }

  provision(group: Group, count: number): void {
    group.provisionedWanted = count;
    group.provisionFailure = undefined;
    if (count > 0) this.#provisioning.add(group);
    else this.#provisioning.delete(group);
    // Some room is left for what is not provisioned, or that would wait for ever.
    let total = 0;
    for (const { provisionedWanted } of this.#provisioning) total += provisionedWanted;
    const { environmentsMax, startingMax } = this.#limits;
    if (count > 0 && total > Math.max(environmentsMax - startingMax, 1)) {
      group.provisionFailure = `This machine has room for ${environmentsMax} execution environments.`;
    }
  }

  /** The version is in use, and wants a snapshot. Answers those that have to do without one from now on. */
  wantSnapshot(group: Group): readonly Group[] {
    if (group.isRetired) return [];
    this.#snapshots.delete(group);
    this.#snapshots.add(group);
    group.provisionedWanted = 1;
    const surplus = Math.max(0, this.#snapshots.size - this.#limits.snapshotsMax);
    const others = [...this.#snapshots].filter((one) => !this.#awaiting.has(one)).slice(0, surplus);
    return others.map((one) => this.#withoutSnapshot(one));
  }

  /** Of those that have a snapshot, the version that was used longest ago: it does without from now on. */
  giveUpSnapshot(): Group | undefined {
    const oldest = [...this.#snapshots].find(({ ready }) => ready.length > 0);
    return oldest && this.#withoutSnapshot(oldest);
  }

  /** Resolves when there is a snapshot, or with why there is none. */
  snapshotOf(group: Group): Promise<string | undefined> {
    if (group.isRetired) return Promise.resolve(isGone);
    group.provisionFailure = undefined;
    return new Promise((resolve) => {
      this.#awaiting.set(group, [...(this.#awaiting.get(group) ?? []), resolve]);
      if (group.ready.length > 0) this.#tell(group);
    });
  }

  isAwaited(group: Group): boolean {
    return this.#awaiting.has(group);
  }

  /** INIT has ended well. One that was started for a request, and finds nobody waiting, may be the snapshot. */
  initialised(group: Group, environment: Environment): void {
    if (!isSnapStart(group)) return;
    group.provisionFailure = undefined;
    if (group.provisioned.size < group.provisionedWanted) group.provisioned.add(environment);
    if (group.provisioned.has(environment)) this.#tell(group);
  }

  /** No more are started until somebody asks again. */
  failed(group: Group, failure: string): void {
    group.provisionFailure = failure;
    this.#tell(group, failure);
  }

  /** It serves from now on. */
  handedOut(group: Group, environment: Environment): void {
    if (isSnapStart(group)) group.provisioned.delete(environment);
  }

  /** The version is gone. */
  forget(group: Group): void {
    group.provisionedWanted = 0;
    this.#provisioning.delete(group);
    this.#snapshots.delete(group);
    this.#tell(group, isGone);
  }

  #withoutSnapshot(group: Group): Group {
    this.#snapshots.delete(group);
    group.provisionedWanted = 0;
    return group;
  }

  #tell(group: Group, failure?: string): void {
    for (const tell of this.#awaiting.get(group) ?? []) tell(failure);
    this.#awaiting.delete(group);
  }
}

const isGone = "The version is gone.";
