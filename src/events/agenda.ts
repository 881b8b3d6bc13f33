/**
 * Durable work that waits for its time: deliveries to try, schedules that fall due. An item is one record under its due
 * time; when that has come it is *performed*, and what comes of it (another item in its place, other records) is written
 * in the same commit that removes it (E2). A crash before that commit performs it again: at least once.
 *
 *     commit [agenda.put(item), …]  ──►  planned(item)  ──► due ──►  perform(item)  ──►  commit [removal, what comes next]
 *
 * Of the items the first ones are in memory, the rest only in the store, however many there are. Whoever changes what an
 * item is about puts a `check` among the writes of `perform`: on a conflict the item is performed again.
 */
import type { Clock, Timer } from "../base/clock.ts";
import { describeError, type Logger } from "../base/logger.ts";
import { agendaRetryMs, agendaWindowItemsMax } from "../limits.ts";
import { type Records, records } from "../store/records.ts";
import { type Store, StoreError, type Write } from "../store/store.ts";

export interface Item<T> {
  readonly dueAtMs: number;
  /** Different for all items of an agenda that are due at the same time. */
  readonly id: string;
  /** JSON; small, for it is kept in memory. */
  readonly value: T;
}

export interface Settled<T> {
  /** In the place of what was performed. */
  readonly next?: Item<T>;
  readonly writes?: readonly Write[];
  /** After the commit. */
  readonly committed?: () => void;
}

export interface AgendaDeps<T> {
  readonly clock: Clock;
  readonly store: Store;
  readonly logger: Logger;
  /** Where the store has the items: "eventbridge/pending". */
  readonly collection: string;
  readonly concurrencyMax: number;
  /** May run again for the same item. What it throws is logged, and the item tried again after `agendaRetryMs`. */
  perform(item: Item<T>): Promise<Settled<T>>;
}

export class Agenda<T> {
  readonly #deps: AgendaDeps<T>;
  readonly #records: Records<T>;
  /** In the order of their places. */
  readonly #window: Item<T>[] = [];
  /** Behind this place items are in the store only; undefined: there are none. */
  #boundary: string | undefined = "";
  #scan: { readonly came: Map<string, Item<T>>; readonly gone: Set<string> } | undefined;
  #running = 0;
  #timer: Timer | undefined;
  #isStarted = false;

  constructor(deps: AgendaDeps<T>) {
    this.#deps = deps;
    this.#records = records(deps.store, deps.collection);
  }

  /** To be committed with what it comes from; then tell it to `planned`. */
  put(item: Item<T>): Write {
    return this.#records.put(partsOf(item), item.value);
  }

  /** To be committed with the reason; then tell it to `forget`. */
  removal(item: Pick<Item<T>, "dueAtMs" | "id">): Write {
    return this.#records.remove(partsOf(item));
  }

  planned(item: Item<T>): void {
    this.#add(item);
    this.#look();
  }

  forget(item: Pick<Item<T>, "dueAtMs" | "id">): void {
    const place = placeOf(item);
    const at = this.#indexOf(place);
    const found = this.#window[at];
    if (found && placeOf(found) === place) this.#window.splice(at, 1);
    this.#scan?.came.delete(place);
    this.#scan?.gone.add(place);
  }

  /** What is in memory and under way; Infinity while there is more in the store. */
  get backlog(): number {
    return this.#boundary === undefined ? this.#window.length + this.#running : Number.POSITIVE_INFINITY;
  }

  /** Takes up what an earlier life has left. What runs when it is stopped ends before the store is closed, or runs again. */
  async start(): Promise<() => Promise<void>> {
    await this.#refill();
    this.#isStarted = true;
    this.#look();
    return async () => {
      this.#isStarted = false;
      this.#timer?.cancel();
    };
  }

  /** Begins what is due, as far as there is room, and waits for what is not. */
  #look(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (!this.#isStarted) return;
    const nowMs = this.#deps.clock.now();
    while (this.#running < this.#deps.concurrencyMax) {
      const head = this.#window[0];
      if (!head) break;
      if (head.dueAtMs > nowMs) {
        this.#timer = this.#deps.clock.after(head.dueAtMs - nowMs, () => this.#look());
        break;
      }
      this.#window.shift();
      this.#running += 1;
      void this.#run(head);
    }
    const isLow = this.#window.length <= agendaWindowItemsMax / 4;
    if (isLow && this.#boundary !== undefined && !this.#scan) void this.#refillAndLook();
  }

  async #run(item: Item<T>): Promise<void> {
    const { clock, logger, store } = this.#deps;
    for (;;) {
      try {
        const { next, writes = [], committed } = await this.#deps.perform(item);
        await store.commit([
          ...(next && placeOf(next) === placeOf(item) ? [] : [this.removal(item)]),
          ...(next ? [this.put(next)] : []),
          ...writes,
        ]);
        this.#running -= 1;
        this.#scan?.gone.add(placeOf(item));
        if (next) this.#add(next);
        committed?.();
        this.#look();
        return;
      } catch (error) {
        const code = error instanceof StoreError ? error.code : undefined;
        if (code === "closed") return;
        if (code === "conflict") continue;
        logger.error("what is due could not be settled, and is tried again", {
          collection: this.#deps.collection,
          error: describeError(error),
        });
        await clock.sleep(agendaRetryMs);
        if (!this.#isStarted) return;
      }
    }
  }

  #add(item: Item<T>): void {
    const place = placeOf(item);
    if (this.#boundary !== undefined && place > this.#boundary) {
      this.#scan?.gone.delete(place);
      this.#scan?.came.set(place, item);
      return;
    }
    this.#window.splice(this.#indexOf(place), 0, item);
    // While the store is read from the boundary on, the boundary stays where it is.
    if (this.#window.length <= agendaWindowItemsMax || this.#scan) return;
    this.#window.pop();
    const last = this.#window.at(-1);
    if (last) this.#boundary = placeOf(last);
  }

  async #refillAndLook(): Promise<void> {
    const { clock, logger, collection } = this.#deps;
    try {
      await this.#refill();
    } catch (error) {
      this.#scan = undefined;
      if (error instanceof StoreError && error.code === "closed") return;
      logger.error("what is due could not be read", { collection, error: describeError(error) });
      this.#timer ??= clock.after(agendaRetryMs, () => this.#look());
      return;
    }
    this.#look();
  }

  async #refill(): Promise<void> {
    const scan = { came: new Map<string, Item<T>>(), gone: new Set<string>() };
    this.#scan = scan;
    const boundary = this.#boundary ?? "";
    const page = await this.#records.page({
      parts: [],
      limit: Math.ceil(agendaWindowItemsMax / 2),
      ...(boundary !== "" && { after: boundary.split(" ") }),
    });
    this.#scan = undefined;
    const read = page.items.map(({ parts, value }) => itemFrom(parts, value));
    const last = read.at(-1);
    this.#boundary = page.next && last ? placeOf(last) : undefined;
    const found = new Map(read.map((item) => [placeOf(item), item]));
    for (const place of scan.gone) found.delete(place);
    for (const [place, item] of scan.came) {
      if (this.#boundary === undefined || place <= this.#boundary) found.set(place, item);
    }
    for (const [place, item] of found) this.#window.splice(this.#indexOf(place), 0, item);
  }

  /** Where an item with this place is, or belongs. */
  #indexOf(place: string): number {
    let low = 0;
    let high = this.#window.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const item = this.#window[middle];
      if (item && placeOf(item) < place) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function partsOf({ dueAtMs, id }: Pick<Item<unknown>, "dueAtMs" | "id">): string[] {
  return [String(Math.max(0, dueAtMs)).padStart(14, "0"), id];
}

/** Compares as keys do: ids have no characters below the space, and no space. */
function placeOf(item: Pick<Item<unknown>, "dueAtMs" | "id">): string {
  return partsOf(item).join(" ");
}

function itemFrom<T>([due = "", id = ""]: readonly string[], value: T): Item<T> {
  return { dueAtMs: Number(due), id, value };
}
