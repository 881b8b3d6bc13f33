/**
 * The only file of this service that touches the store: schedules, groups, what runs are to do. When they are due is in
 * agendas: `scheduler/due`, `scheduler/run`. Writes are built here, so that what belongs together is one commit.
 */
import { type Page, type Records, records, type Stored } from "../../store/records.ts";
import { type Store, StoreError, type Write } from "../../store/store.ts";
import type {
  Execution,
  GroupRecord,
  Place,
  ScheduleName,
  ScheduleRecord,
} from "./domain/schedule-record.ts";

export interface PageRequest {
  readonly startsWith?: string | undefined;
  readonly after?: readonly string[] | undefined;
  readonly limit: number;
}

export class SchedulerStore {
  readonly #store: Store;
  readonly #schedules: Records<ScheduleRecord>;
  readonly #groups: Records<GroupRecord>;
  readonly #executions: Records<Execution>;

  constructor(store: Store) {
    this.#store = store;
    this.#schedules = records(store, "scheduler/schedule");
    this.#groups = records(store, "scheduler/group");
    this.#executions = records(store, "scheduler/execution");
  }

  /** False: something was changed by somebody else, and nothing was written. */
  async tryCommit(writes: readonly Write[]): Promise<boolean> {
    try {
      await this.#store.commit(writes);
      return true;
    } catch (error) {
      if (error instanceof StoreError && error.code === "conflict") return false;
      throw error;
    }
  }

  schedule(name: ScheduleName): Promise<Stored<ScheduleRecord> | undefined> {
    return this.#schedules.get(scheduleParts(name));
  }

  /** Of one group in the order of names, or of all: in the order of groups. */
  schedules(
    { account, region }: Place,
    group: string | undefined,
    page: PageRequest,
  ): Promise<Page<ScheduleRecord>> {
    const { startsWith = "", after, limit } = page;
    return this.#schedules.page({
      parts: group === undefined ? [account, region] : [account, region, group],
      // Names begin with it, and those of all groups are not together.
      startsWith: group === undefined ? "" : startsWith,
      limit,
      ...(after && { after }),
    });
  }

  putSchedule(schedule: ScheduleRecord, ifVersion?: number): Write {
    return this.#schedules.put(scheduleParts(schedule), schedule, ifVersion);
  }

  removeSchedule(name: ScheduleName, ifVersion?: number): Write {
    return this.#schedules.remove(scheduleParts(name), ifVersion);
  }

  group({ account, region }: Place, name: string): Promise<Stored<GroupRecord> | undefined> {
    return this.#groups.get([account, region, name]);
  }

  groups({ account, region }: Place, page: PageRequest): Promise<Page<GroupRecord>> {
    const { startsWith = "", after, limit } = page;
    return this.#groups.page({ parts: [account, region], startsWith, limit, ...(after && { after }) });
  }

  async *everyGroup(): AsyncGenerator<GroupRecord> {
    for await (const { value } of this.#groups.each({ parts: [] })) yield value;
  }

  putGroup(group: GroupRecord, ifVersion?: number): Write {
    return this.#groups.put([group.account, group.region, group.name], group, ifVersion);
  }

  removeGroup({ account, region }: Place, name: string): Write {
    return this.#groups.remove([account, region, name]);
  }

  putExecution(id: string, execution: Execution): Write {
    return this.#executions.put([id], execution);
  }

  removeExecution(id: string): Write {
    return this.#executions.remove([id]);
  }

  async execution(id: string): Promise<Execution | undefined> {
    return (await this.#executions.get([id]))?.value;
  }
}

function scheduleParts({ account, region, group, name }: ScheduleName): string[] {
  return [account, region, group, name];
}
