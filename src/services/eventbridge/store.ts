/**
 * The only file of this service that touches the store: buses, rules with their targets, events that are on their way,
 * archives with their events, replays, connections, API destinations.
 *
 *     eventbridge/event     <key>                           an event's text, as long as a delivery of it has not ended
 *     eventbridge/pending   <due> <key>                     such deliveries: an agenda; eventbridge/call those over HTTP
 *     eventbridge/archived  <archive id> <time> <event id>  what an archive has
 *
 * Writes are built here and committed by those who accept, deliver and replay, so that they change together.
 */
import { eventbridgePageMax } from "../../limits.ts";
import { type Page, type Records, records, type Stored } from "../../store/records.ts";
import { type Store, StoreError, type Write } from "../../store/store.ts";
import type { Archived, ArchiveRecord, ArchiveSize, ReplayRecord } from "./domain/archive.ts";
import type { BusRecord } from "./domain/bus.ts";
import type { ApiDestinationRecord, ConnectionRecord } from "./domain/connection.ts";
import type { BusName, Place, RuleName } from "./domain/names.ts";
import type { RuleRecord } from "./domain/rule.ts";

/** Of a kind of things that have a name in an account and region. */
export interface Named<T> {
  get(place: Place, name: string): Promise<Stored<T> | undefined>;
  /** In the order of names. */
  page(place: Place, request: PageRequest): Promise<Page<T>>;
  put(value: T, ifVersion?: number): Write;
  remove(place: Place, name: string): Write;
}

export interface PageRequest {
  readonly startsWith?: string | undefined;
  readonly after?: string | undefined;
  readonly limit: number;
}

export class EventBridgeStore {
  readonly buses: Named<BusRecord>;
  readonly archives: Named<ArchiveRecord>;
  readonly replays: Named<ReplayRecord>;
  readonly connections: Named<ConnectionRecord>;
  readonly apiDestinations: Named<ApiDestinationRecord>;
  readonly #store: Store;
  readonly #rules: Records<RuleRecord>;
  readonly #events: Records<string>;
  readonly #archived: Records<Archived>;
  readonly #sizes: Records<ArchiveSize>;
  readonly #replays: Records<ReplayRecord>;
  readonly #archives: Records<ArchiveRecord>;

  constructor(store: Store) {
    this.#store = store;
    this.#rules = records(store, "eventbridge/rule");
    this.#events = records(store, "eventbridge/event");
    this.#archived = records(store, "eventbridge/archived");
    this.#sizes = records(store, "eventbridge/archive-size");
    this.#archives = records(store, "eventbridge/archive");
    this.#replays = records(store, "eventbridge/replay");
    this.buses = named(records(store, "eventbridge/bus"));
    this.archives = named(this.#archives);
    this.replays = named(this.#replays);
    this.connections = named(records(store, "eventbridge/connection"));
    this.apiDestinations = named(records(store, "eventbridge/api-destination"));
  }

  async commit(writes: readonly Write[]): Promise<readonly number[]> {
    return (await this.#store.commit(writes)).versions;
  }

  /** Undefined: something was changed by somebody else, and nothing was written. */
  async tryCommit(writes: readonly Write[]): Promise<readonly number[] | undefined> {
    try {
      return await this.commit(writes);
    } catch (error) {
      if (error instanceof StoreError && error.code === "conflict") return undefined;
      throw error;
    }
  }

  // Rules.

  async *rules({ account, region, name: bus }: BusName): AsyncGenerator<Stored<RuleRecord>> {
    yield* this.#rules.each({ parts: [account, region, bus] });
  }

  putRule(rule: RuleRecord, ifVersion: number): Write {
    return this.#rules.put(ruleParts(rule), rule, ifVersion);
  }

  removeRule(rule: RuleName, ifVersion: number): Write {
    return this.#rules.remove(ruleParts(rule), ifVersion);
  }

  // Events on their way.

  putEvent(key: string, text: string): Write {
    return this.#events.put([key], text);
  }

  removeEvent(key: string): Write {
    return this.#events.remove([key]);
  }

  async event(key: string): Promise<string | undefined> {
    return (await this.#events.get([key]))?.value;
  }

  // Archives.

  putArchived(archiveId: string, event: Archived): Write {
    return this.#archived.put([archiveId, place(event.timeMs), event.id], event);
  }

  putSize(archiveId: string, size: ArchiveSize): Write {
    return this.#sizes.put([archiveId], size);
  }

  removeSize(archiveId: string): Write {
    return this.#sizes.remove([archiveId]);
  }

  async size(archiveId: string): Promise<ArchiveSize> {
    return (await this.#sizes.get([archiveId]))?.value ?? { count: 0, bytes: 0 };
  }

  /** In the order of their times, those from `fromMs` and behind `after`. */
  async archived(
    archiveId: string,
    from: { readonly fromMs: number; readonly afterId?: string | undefined },
  ): Promise<readonly Archived[]> {
    const after = [archiveId, place(from.fromMs), ...(from.afterId === undefined ? [] : [from.afterId])];
    const page = await this.#archived.page({ parts: [archiveId], after, limit: eventbridgePageMax });
    return page.items.map(({ value }) => value);
  }

  /** Removes the oldest events, those before `beforeMs`. Answers what went; less than a page: that was all. */
  async removeArchived(archiveId: string, beforeMs: number): Promise<readonly Archived[]> {
    const page = await this.archived(archiveId, { fromMs: 0 });
    const gone = page.filter(({ timeMs }) => timeMs < beforeMs);
    if (gone.length > 0) {
      await this.commit(gone.map(({ timeMs, id }) => this.#archived.remove([archiveId, place(timeMs), id])));
    }
    return gone;
  }

  async *everyArchive(): AsyncGenerator<ArchiveRecord> {
    for await (const { value } of this.#archives.each({ parts: [] })) yield value;
  }

  async *everyReplay(): AsyncGenerator<Stored<ReplayRecord>> {
    yield* this.#replays.each({ parts: [] });
  }
}

function named<T extends Place & { readonly name: string }>(collection: Records<T>): Named<T> {
  return {
    get: ({ account, region }, name) => collection.get([account, region, name]),
    page: ({ account, region }, { startsWith = "", after, limit }) =>
      collection.page({
        parts: [account, region],
        startsWith,
        limit,
        ...(after !== undefined && { after: [account, region, after] }),
      }),
    put: (value, ifVersion) => collection.put([value.account, value.region, value.name], value, ifVersion),
    remove: ({ account, region }, name) => collection.remove([account, region, name]),
  };
}

function ruleParts({ account, region, bus, name }: RuleName): string[] {
  return [account, region, bus, name];
}

/** So that places have the order of times. */
function place(ms: number): string {
  return String(Math.max(0, ms)).padStart(14, "0");
}
