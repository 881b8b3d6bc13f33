/** Schedule groups. The default one is always there; one that is deleted goes when its schedules have gone, also after a crash. */
import type { Clock } from "../../base/clock.ts";
import { describeError, type Logger } from "../../base/logger.ts";
import { schedulePageMax } from "../../limits.ts";
import { defaultGroup, type GroupRecord, type Place } from "./domain/schedule-record.ts";
import { groupNotFound } from "./errors.ts";
import type { ScheduleClock } from "./schedule-clock.ts";
import type { SchedulerStore } from "./store.ts";

export interface GroupsDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly schedules: SchedulerStore;
  readonly scheduleClock: ScheduleClock;
}

export class Groups {
  readonly #deps: GroupsDeps;
  readonly #clearing = new Set<Promise<void>>();

  constructor(deps: GroupsDeps) {
    this.#deps = deps;
  }

  /** Throws when there is none. */
  async named(place: Place, name: string): Promise<GroupRecord> {
    const stored = await this.#deps.schedules.group(place, name);
    if (stored) return stored.value;
    if (name === defaultGroup) return untouched(place);
    throw groupNotFound(name);
  }

  /** `decide` may run again, when somebody else was faster. Throws when there is no such group. */
  async change(place: Place, name: string, decide: (before: GroupRecord) => GroupRecord): Promise<void> {
    const { schedules, clock } = this.#deps;
    for (;;) {
      const stored = await schedules.group(place, name);
      const before = stored?.value ?? (await this.named(place, name));
      const after = { ...decide(before), modifiedAtMs: clock.now() };
      if (await schedules.tryCommit([schedules.putGroup(after, stored?.version ?? 0)])) return;
    }
  }

  /** Its schedules, then itself, behind the caller's back. The group is marked as being deleted. */
  clear(group: GroupRecord): void {
    const clearing = this.#clear(group)
      .catch((error: unknown) => {
        this.#deps.logger.warn("a schedule group will be cleared after the next start", {
          group: group.name,
          error: describeError(error),
        });
      })
      .finally(() => this.#clearing.delete(clearing));
    this.#clearing.add(clearing);
  }

  /** What a crash has left to clear. */
  async resume(): Promise<void> {
    for await (const group of this.#deps.schedules.everyGroup()) if (group.isDeleting) this.clear(group);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#clearing);
  }

  async #clear(group: GroupRecord): Promise<void> {
    const { schedules, scheduleClock } = this.#deps;
    for (;;) {
      const page = await schedules.schedules(group, group.name, { limit: schedulePageMax });
      if (page.items.length === 0) break;
      for (const { value, version } of page.items) {
        const { writes, committed } = scheduleClock.changes(value, undefined);
        if (await schedules.tryCommit([schedules.removeSchedule(value, version), ...writes])) committed();
      }
    }
    await schedules.tryCommit([schedules.removeGroup(group, group.name)]);
  }
}

function untouched({ account, region }: Place): GroupRecord {
  return {
    account,
    region,
    name: defaultGroup,
    isDeleting: false,
    tags: {},
    createdAtMs: 0,
    modifiedAtMs: 0,
    token: undefined,
  };
}
