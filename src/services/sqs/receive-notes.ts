/**
 * Receives of one queue, written down a moment later and behind the receiver's back, unless the message is deleted before:
 * most are. A crash may forget the last ones; they are visible early then and count one receive less. Must never write a
 * message down that is being removed, or it would come again.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Counter } from "../../base/metrics.ts";
import { receiveNoteMs, storeBatchWritesMax } from "../../limits.ts";
import type { Message } from "./domain/message.ts";
import type { SqsStore } from "./store.ts";

export interface NotesDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: SqsStore;
  readonly counters: { readonly unnoted: Counter };
}

export class ReceiveNotes {
  readonly #deps: NotesDeps;
  readonly #queue: () => { readonly pile: string; readonly arn: string };
  readonly #unnoted = new Map<number, Message>();
  #timer: Timer | undefined;

  constructor(deps: NotesDeps, queue: () => { readonly pile: string; readonly arn: string }) {
    this.#deps = deps;
    this.#queue = queue;
  }

  add(messages: readonly Message[]): void {
    for (const message of messages) this.#unnoted.set(message.seq, message);
    if (this.#unnoted.size > 0)
      this.#timer ??= this.#deps.clock.after(receiveNoteMs, () => void this.settle());
  }

  /** What is removed from the pile must not be written there again (K3: what was called before comes before). */
  forget(messages: readonly Message[]): void {
    for (const { seq } of messages) this.#unnoted.delete(seq);
  }

  forgetAll(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#unnoted.clear();
  }

  /** Resolves when what is known of receives is durable, or cannot be made so. */
  async settle(): Promise<void> {
    const messages = [...this.#unnoted.values()];
    this.forgetAll();
    // All are called now: what is deleted while the first is being written must not be written after its deletion.
    const writes: Promise<void>[] = [];
    for (let at = 0; at < messages.length; at += storeBatchWritesMax) {
      writes.push(this.#write(messages.slice(at, at + storeBatchWritesMax)));
    }
    await Promise.all(writes);
  }

  async #write(messages: readonly Message[]): Promise<void> {
    const { store, counters, logger } = this.#deps;
    const { pile, arn } = this.#queue();
    try {
      await store.note(pile, messages);
    } catch (error) {
      counters.unnoted.add(messages.length);
      logger.debug("a receive was not written down", { queue: arn, error });
    }
  }
}
