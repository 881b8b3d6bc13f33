/**
 * One queue's messages: which can be received, which are hidden and until when, how many there are. Pure: no I/O, no clock;
 * `queue.ts` drives it and writes down what it decides.
 *
 *     add ─► waiting ─ receive ─► hidden ─ its time, or change ─► waiting
 *              └────────── leave ────┴──► leaving ─ remove ─► gone   (stay: the commit failed, back to where it was)
 *
 * Memory holds the messages that arrived first, and all that were received from this queue: with more than `windowMax`
 * waiting, later ones stay in the store (*beyond*, only counted) until `beginRefill` asks for them. `boundary` parts the two.
 */
import { invariant } from "../../../base/invariant.ts";
import type { Message } from "./message.ts";
import type { Held, Order, Place } from "./order.ts";
import { AnyOrder, GroupOrder } from "./order.ts";
import { Timeline } from "./timeline.ts";

export interface ReceiveOrder {
  readonly max: number;
  readonly visibilityMs: number;
  readonly nowMs: number;
  readonly retentionMs: number;
  /** Received as often as this, a message is dead; undefined: none ever is. */
  readonly receivesMax: number | undefined;
}

export interface ReceiveResult {
  /** As they are now, with this receive counted. */
  readonly received: readonly Message[];
  /** They are leaving: the caller moves them to the dead-letter queue. */
  readonly dead: readonly Message[];
  /** They are leaving: the caller removes them. */
  readonly expired: readonly Message[];
}

/** What a receipt is worth. */
export type Standing =
  /** Deleted, expired or purged. */
  | { readonly kind: "gone" }
  /** It has been received again since. */
  | { readonly kind: "stale" }
  /** Its visibility timeout has ended. */
  | { readonly kind: "visible"; readonly message: Message }
  | { readonly kind: "current"; readonly message: Message };

export interface Counts {
  readonly visible: number;
  readonly inFlight: number;
  readonly delayed: number;
}

/** What happened behind the boundary while the store was being read there. */
interface Scan {
  readonly came: number[];
  readonly gone: Set<number>;
}

export class QueueState {
  readonly #order: Order;
  readonly #isFifo: boolean;
  readonly #windowMax: number;
  readonly #held = new Map<number, Held>();
  readonly #timeline = new Timeline<Held>();
  #counts = { visible: 0, inFlight: 0, delayed: 0 };
  #lastSeq = 0;
  #beyond = 0;
  /** All that arrived up to here is in memory or gone; behind it only what was received. */
  #boundary = 0;
  #scan: Scan | undefined;

  constructor({ isFifo, windowMax }: { readonly isFifo: boolean; readonly windowMax: number }) {
    this.#isFifo = isFifo;
    this.#windowMax = windowMax;
    this.#order = isFifo ? new GroupOrder() : new AnyOrder();
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Exact, but that messages beyond the window count as visible whatever they are. */
  counts(nowMs: number): Counts {
    this.#advance(nowMs);
    return { ...this.#counts, visible: this.#counts.visible + this.#beyond };
  }

  /** A message that the store has: sent, moved here, or found at the start. In the order of arrival. */
  add(message: Message, nowMs: number): void {
    const before = this.#lastSeq;
    this.#lastSeq = Math.max(before, message.seq);
    if (this.#held.has(message.seq)) return;
    const wasReceived = message.receivedAtMs !== undefined;
    const isFull = this.#beyond > 0 || this.#counts.visible + this.#counts.delayed >= this.#windowMax;
    if (wasReceived || !isFull) return this.#enter(message, nowMs);
    if (this.#beyond === 0) this.#boundary = before;
    this.#beyond += 1;
    this.#scan?.came.push(message.seq);
  }

  receive({ max, visibilityMs, nowMs, retentionMs, receivesMax }: ReceiveOrder): ReceiveResult {
    this.#advance(nowMs);
    const received: Message[] = [];
    const dead: Message[] = [];
    const expired: Message[] = [];
    const blocked = new Set<string | undefined>();
    for (const held of this.#order.next(max)) {
      const { message } = held;
      // What stands behind one that is leaving waits until it has left.
      if (this.#isFifo && blocked.has(message.groupId)) continue;
      const isExpired = message.sentAtMs + retentionMs <= nowMs;
      if (isExpired || (receivesMax !== undefined && message.receiveCount >= receivesMax)) {
        this.#put(held, "leaving");
        blocked.add(message.groupId);
        (isExpired ? expired : dead).push(message);
        continue;
      }
      received.push(this.#hide(held, visibilityMs, nowMs, receivedOnce(message, nowMs)));
    }
    return { received, dead, expired };
  }

  standing(seq: number, receiveCount: number, nowMs: number): Standing {
    this.#advance(nowMs);
    const held = this.#held.get(seq);
    if (!held || held.place === "leaving") return { kind: "gone" };
    const { message } = held;
    if (message.receiveCount !== receiveCount) return { kind: "stale" };
    return { kind: held.place === "hidden" ? "current" : "visible", message };
  }

  /** Hides it for so long from now; 0: it is visible. */
  changeVisibility(seq: number, visibilityMs: number, nowMs: number): Message {
    const held = this.#held.get(seq);
    invariant(held && held.place !== "leaving", "only a message that is there changes its visibility");
    return this.#hide(held, visibilityMs, nowMs, held.message);
  }

  /** A commit that removes it begins. */
  leave(seq: number): void {
    const held = this.#held.get(seq);
    invariant(held, "only a message that is there leaves");
    this.#put(held, "leaving");
  }

  /** That commit has failed. */
  stay(seq: number, nowMs: number): void {
    const held = this.#held.get(seq);
    if (held?.place !== "leaving") return;
    this.#hide(held, held.message.visibleAtMs - nowMs, nowMs, held.message);
  }

  /** That commit is durable. */
  remove(seq: number): void {
    const held = this.#held.get(seq);
    if (!held) return;
    invariant(held.place === "leaving", "a message leaves before it is gone");
    this.#held.delete(seq);
    this.#scan?.gone.add(seq);
    this.#order.exit(held);
  }

  /** Up to `max` in memory that are older than the retention period; they are leaving. */
  expire(nowMs: number, retentionMs: number, max: number): readonly Message[] {
    const expired: Message[] = [];
    for (const held of this.#held.values()) {
      if (held.place === "leaving" || held.message.sentAtMs + retentionMs > nowMs) continue;
      this.#put(held, "leaving");
      if (expired.push(held.message) === max) break;
    }
    return expired;
  }

  /** Up to `max` that could be received now, without receiving them; they are leaving. */
  withdraw(max: number, nowMs: number): readonly Message[] {
    this.#advance(nowMs);
    const found = this.#order.next(max);
    for (const held of found) this.#put(held, "leaving");
    return found.map(({ message }) => message);
  }

  /** When something hidden becomes visible, at the earliest. */
  get nextVisibleAtMs(): number | undefined {
    return this.#timeline.next?.atMs;
  }

  /** Whether to read on from the store, and after which message. */
  beginRefill(): { readonly afterSeq: number } | undefined {
    if (this.#beyond === 0 || this.#scan || this.#counts.visible > this.#windowMax / 2) return undefined;
    this.#scan = { came: [], gone: new Set() };
    return { afterSeq: this.#boundary };
  }

  /** What was read, in the order of arrival; undefined: reading failed. */
  endRefill(
    page: { readonly messages: readonly Message[]; readonly isLast: boolean } | undefined,
    nowMs: number,
  ): void {
    const scan = this.#scan;
    invariant(scan, "a refill ends after it has begun");
    this.#scan = undefined;
    if (!page) return;
    for (const message of page.messages) {
      // What was committed and not added yet comes by itself.
      if (message.seq > this.#lastSeq) break;
      this.#boundary = message.seq;
      if (this.#held.has(message.seq) || scan.gone.has(message.seq)) continue;
      this.#enter(message, nowMs);
      this.#beyond -= 1;
    }
    const later = scan.came.filter((seq) => seq > this.#boundary).length;
    this.#beyond = page.isLast ? later : Math.max(1, this.#beyond);
  }

  #enter(message: Message, nowMs: number): void {
    const held: Held = { message, place: message.visibleAtMs > nowMs ? "hidden" : "waiting" };
    this.#held.set(message.seq, held);
    this.#tally(held, 1);
    if (held.place === "hidden") this.#awaitVisible(held);
    this.#order.enter(held);
  }

  #hide(held: Held, visibilityMs: number, nowMs: number, message: Message): Message {
    const isVisible = visibilityMs <= 0;
    this.#tally(held, -1);
    held.message = { ...message, visibleAtMs: isVisible ? nowMs : nowMs + visibilityMs };
    held.place = isVisible ? "waiting" : "hidden";
    this.#tally(held, 1);
    if (!isVisible) this.#awaitVisible(held);
    this.#order.changed(held);
    return held.message;
  }

  /** Entries of what was hidden anew or deleted meanwhile stay behind; they must not pile up. */
  #awaitVisible(held: Held): void {
    this.#timeline.push({ atMs: held.message.visibleAtMs, item: held });
    if (this.#timeline.size < 1024 + 2 * this.#held.size) return;
    this.#timeline.keep(({ atMs, item: { message, place } }) => {
      const isThere = this.#held.get(message.seq)?.message === message;
      return isThere && place === "hidden" && message.visibleAtMs === atMs;
    });
  }

  #put(held: Held, place: Place): void {
    this.#tally(held, -1);
    held.place = place;
    this.#tally(held, 1);
    this.#order.changed(held);
  }

  #advance(nowMs: number): void {
    for (let held = this.#timeline.popDue(nowMs); held; held = this.#timeline.popDue(nowMs)) {
      // An entry for a time that was changed meanwhile says nothing.
      const isDue = held.place === "hidden" && held.message.visibleAtMs <= nowMs;
      if (isDue && this.#held.get(held.message.seq) === held) this.#put(held, "waiting");
    }
  }

  #tally({ message, place }: Held, by: number): void {
    if (place === "waiting") this.#counts.visible += by;
    else if (place === "hidden")
      this.#counts[message.receivedAtMs === undefined ? "delayed" : "inFlight"] += by;
  }
}

function receivedOnce(message: Message, nowMs: number): Message {
  return {
    ...message,
    receiveCount: message.receiveCount + 1,
    firstReceivedAtMs: message.firstReceivedAtMs ?? nowMs,
    receivedAtMs: nowMs,
  };
}
