/** Which environments nobody has used for too long: looked at now and then, as long as there are unused ones. */
import type { Clock, Timer } from "../base/clock.ts";
import type { Environment } from "../runtime/contract.ts";
import type { Group, Idle } from "./group.ts";

export interface IdleSweepDeps {
  readonly clock: Clock;
  readonly idleMs: number;
  readonly groups: ReadonlyMap<string, Group>;
  /** It has been taken out. */
  readonly end: (group: Group, unused: Idle) => void;
}

export class IdleSweep {
  readonly #deps: IdleSweepDeps;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(deps: IdleSweepDeps) {
    this.#deps = deps;
  }

  /** `unused`: of its group, where it is the one that was used last. */
  keep(unused: Idle[], environment: Environment): void {
    const { clock, idleMs } = this.#deps;
    unused.push({ environment, sinceMs: clock.monotonic() });
    this.#timer ??= clock.after(idleMs / 4, () => this.#sweep());
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #sweep(): void {
    const { clock, idleMs, groups, end } = this.#deps;
    this.#timer = undefined;
    const idleSinceMax = clock.monotonic() - idleMs;
    let isAnyUnused = false;
    for (const group of groups.values()) {
      for (const unused of [group.idle, group.down]) {
        while (unused[0] && unused[0].sinceMs <= idleSinceMax) {
          const oldest = unused.shift();
          if (oldest) end(group, oldest);
        }
        isAnyUnused ||= unused.length > 0;
      }
    }
    if (isAnyUnused && !this.#isStopped) this.#timer = clock.after(idleMs / 4, () => this.#sweep());
  }
}
