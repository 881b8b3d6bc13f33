/**
 * Asynchronous events in the store: each step is one commit, on the condition that the event is still as it was taken.
 *
 *     async/event    <account> <region> <function> <due, 14 digits> <id>   in the order in which they are due
 *     async/payload  <id>                                                  what the function is sent, JSON text
 *     async/payload  <id> answered                                         what it answered, until all are told
 *     async/failed   <at, 14 digits> <id>                                  given up, kept for inspection
 *
 * A *receipt* is the version of an event's record (K5). Whoever takes an event away from somebody writes the record anew, so that the
 * late answer of the other fails its condition (E3). Nothing that removes an event is a commit of its own (E2).
 */
import type { Records } from "../../store/records.ts";
import { records } from "../../store/records.ts";
import type { Store, Write } from "../../store/store.ts";
import { StoreError } from "../../store/store.ts";
import type { AsyncEvent, LaneName } from "./event.ts";

/** An event as it was read or written. */
export interface Queued {
  readonly event: AsyncEvent;
  /** See above. */
  readonly receipt: number;
}

export interface Failed {
  readonly event: AsyncEvent;
  readonly reason: string;
  readonly atMs: number;
}

export interface FailedEntry {
  readonly failed: Failed;
  readonly receipt: number;
}

/** Somebody else has settled the event, or taken it over. Nothing was changed. */
export class StaleReceipt extends Error {
  override name = "StaleReceipt";
}

export class EventStore {
  readonly #store: Store;
  readonly #events: Records<AsyncEvent>;
  readonly #payloads: Records<string>;
  readonly #failed: Records<Failed>;

  constructor(store: Store) {
    this.#store = store;
    this.#events = records(store, "async/event");
    this.#payloads = records(store, "async/payload");
    this.#failed = records(store, "async/failed");
  }

  async append(event: AsyncEvent, payload: Uint8Array): Promise<Queued> {
    const { versions } = await this.#store.commit([
      this.#events.put(partsOf(event), event, 0),
      this.#payloads.put([event.id], Buffer.from(payload).toString(), 0),
    ]);
    return { event, receipt: versions[0] ?? 0 };
  }

  async payload({ id }: AsyncEvent): Promise<Uint8Array> {
    const found = await this.#payloads.get([id]);
    // Only if somebody else has settled it.
    if (!found) throw new StaleReceipt(`event ${id} has no payload any more`);
    return Buffer.from(found.value);
  }

  /** What the function answered, while somebody is still to be told. */
  async response({ id }: AsyncEvent): Promise<string> {
    return (await this.#payloads.get([id, answered]))?.value ?? "";
  }

  /** The next step of the same event takes the place of this one. */
  replace(queued: Queued, next: AsyncEvent, response?: string): Promise<Queued> {
    const from = partsOf(queued.event);
    const to = partsOf(next);
    const writes =
      this.#events.key(...from) === this.#events.key(...to)
        ? [this.#events.put(to, next, queued.receipt)]
        : [this.#events.put(to, next, 0), this.#events.remove(from, queued.receipt)];
    if (response !== undefined) writes.push(this.#payloads.put([next.id, answered], response));
    return this.#settle(writes, next);
  }

  async remove({ event, receipt }: Queued): Promise<void> {
    await this.#conditional([this.#events.remove(partsOf(event), receipt), ...this.#payloadRemovals(event)]);
  }

  /** Keeps it for inspection; the oldest of those that are kept makes room, if need be. */
  async fail(queued: Queued, failed: Failed, makeRoom: boolean): Promise<FailedEntry | undefined> {
    const [oldest] = makeRoom ? await this.failed(1) : [];
    await this.#conditional([
      this.#events.remove(partsOf(queued.event), queued.receipt),
      this.#failed.put(failedParts(failed), failed),
      ...(oldest ? this.#removalOf(oldest) : []),
    ]);
    return oldest;
  }

  /** A failed event waits again, as a new one with the same payload. */
  redrive({ failed, receipt }: FailedEntry, next: AsyncEvent): Promise<Queued> {
    return this.#settle(
      [
        this.#events.put(partsOf(next), next, 0),
        this.#failed.remove(failedParts(failed), receipt),
        this.#payloads.remove([next.id, answered]),
      ],
      next,
    );
  }

  async removeFailed(failed: FailedEntry): Promise<void> {
    await this.#conditional(this.#removalOf(failed));
  }

  /** In the order in which they are due, those behind `after`; `isLast`: there are no more. */
  async page(
    lane: LaneName | undefined,
    after: AsyncEvent | undefined,
    limit: number,
  ): Promise<{ readonly items: readonly Queued[]; readonly isLast: boolean }> {
    const page = await this.#events.page({
      parts: lane ? laneParts(lane) : [],
      limit,
      ...(after && { after: partsOf(after) }),
    });
    return {
      items: page.items.map(({ value, version }) => ({ event: value, receipt: version })),
      isLast: page.next === undefined,
    };
  }

  /** Oldest first. */
  async failed(limit: number, after?: Failed): Promise<readonly FailedEntry[]> {
    const page = await this.#failed.page({ parts: [], limit, ...(after && { after: failedParts(after) }) });
    return page.items.map(({ value, version }) => ({ failed: value, receipt: version }));
  }

  #removalOf({ failed, receipt }: FailedEntry): Write[] {
    return [this.#failed.remove(failedParts(failed), receipt), ...this.#payloadRemovals(failed.event)];
  }

  #payloadRemovals({ id, stage }: AsyncEvent): Write[] {
    const payload = this.#payloads.remove([id]);
    return stage.kind === "invoke" ? [payload] : [payload, this.#payloads.remove([id, answered])];
  }

  async #settle(writes: readonly Write[], event: AsyncEvent): Promise<Queued> {
    const [receipt = 0] = await this.#conditional(writes);
    return { event, receipt };
  }

  async #conditional(writes: readonly Write[]): Promise<readonly number[]> {
    try {
      return (await this.#store.commit(writes)).versions;
    } catch (error) {
      if (!(error instanceof StoreError && error.code === "conflict")) throw error;
      throw new StaleReceipt("the event has been settled or taken over", { cause: error });
    }
  }
}

const answered = "answered";

/** Where an event stands in its lane: compares as keys do. */
export function placeOf({ dueAtMs, id }: AsyncEvent): string {
  return `${timePart(dueAtMs)} ${id}`;
}

function partsOf(event: AsyncEvent): string[] {
  return [...laneParts(event), timePart(event.dueAtMs), event.id];
}

function laneParts({ account, region, functionName }: LaneName): string[] {
  return [account, region, functionName];
}

function failedParts({ atMs, event }: Failed): string[] {
  return [timePart(atMs), event.id];
}

function timePart(ms: number): string {
  return String(Math.max(0, ms)).padStart(14, "0");
}
