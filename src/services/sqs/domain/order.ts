/**
 * Which of the messages in memory are received next: any that is visible (standard queues), or the first ones of a group
 * up to the first that is hidden (FIFO queues, M2). Pure bookkeeping over places that `queue-state.ts` decides.
 */
import type { Message } from "./message.ts";

/** `leaving`: a commit that removes it from the queue is under way. */
export type Place = "waiting" | "hidden" | "leaving";

/** A message in memory. */
export interface Held {
  message: Message;
  place: Place;
}

export interface Order {
  enter(held: Held): void;
  /** Its place is another, or it has been received and is still visible. */
  changed(held: Held): void;
  exit(held: Held): void;
  /** At most `max` that may be received now, in their order. Changes nothing. */
  next(max: number): Held[];
}

/** Oldest first, as far as it is cheap; what was received goes behind. */
export class AnyOrder implements Order {
  readonly #waiting = new Set<Held>();

  enter(held: Held): void {
    this.changed(held);
  }

  changed(held: Held): void {
    this.#waiting.delete(held);
    if (held.place === "waiting") this.#waiting.add(held);
  }

  exit(held: Held): void {
    this.#waiting.delete(held);
  }

  next(max: number): Held[] {
    const found: Held[] = [];
    for (const held of this.#waiting) {
      if (found.push(held) === max) break;
    }
    return found;
  }
}

/**
 * Groups take turns: one is drained as far as it goes, then the next; one that was served goes behind the others. All that
 * a group holds in memory is in the order of arrival, so that whatever is hidden at its head blocks the rest.
 */
export class GroupOrder implements Order {
  readonly #groups = new Map<string, Held[]>();
  /** Those whose first message is visible. */
  readonly #available = new Set<string>();

  enter(held: Held): void {
    const group = groupOf(held);
    const list = this.#groups.get(group) ?? [];
    this.#groups.set(group, list);
    let at = list.length;
    while (at > 0 && (list[at - 1]?.message.seq ?? 0) > held.message.seq) at -= 1;
    list.splice(at, 0, held);
    this.#look(group, list);
  }

  changed(held: Held): void {
    const group = groupOf(held);
    if (held.place === "waiting") this.#available.delete(group);
    this.#look(group, this.#groups.get(group) ?? []);
  }

  exit(held: Held): void {
    const group = groupOf(held);
    const list = this.#groups.get(group) ?? [];
    const at = list.indexOf(held);
    if (at >= 0) list.splice(at, 1);
    if (list.length === 0) this.#groups.delete(group);
    this.#look(group, list);
  }

  next(max: number): Held[] {
    const found: Held[] = [];
    for (const group of this.#available) {
      for (const held of this.#groups.get(group) ?? []) {
        if (held.place !== "waiting") break;
        if (found.push(held) === max) return found;
      }
    }
    return found;
  }

  #look(group: string, list: readonly Held[]): void {
    if (list[0]?.place === "waiting") this.#available.add(group);
    else this.#available.delete(group);
  }
}

function groupOf({ message }: Held): string {
  return message.groupId ?? "";
}
