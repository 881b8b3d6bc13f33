/**
 * Where e-mails and texts go, for nobody here carries them: kept, the newest so many, for `lambdad outbox` and tests to read.
 */
import type { Clock } from "../../base/clock.ts";
import { outboxMessagesMax } from "../../limits.ts";
import type { Mail, SnsStore } from "./store.ts";

export interface OutboxDeps {
  readonly clock: Clock;
  readonly store: SnsStore;
}

export class Outbox {
  readonly #deps: OutboxDeps;
  /** Numbers of those that are kept, in their order; undefined: nobody has asked yet. */
  #kept: Promise<number[]> | undefined;

  constructor(deps: OutboxDeps) {
    this.#deps = deps;
  }

  async put(mail: Omit<Mail, "seq" | "atMs">): Promise<void> {
    const { clock, store } = this.#deps;
    const kept = await this.#seqs();
    const atMs = clock.now();
    const seq = Math.max((kept.at(-1) ?? 0) + 1, atMs * 1000);
    kept.push(seq);
    const forgotten = kept.splice(0, Math.max(0, kept.length - outboxMessagesMax));
    await store.putMail({ ...mail, seq, atMs }, forgotten);
  }

  /** Oldest first. */
  list(): AsyncIterable<Mail> {
    return this.#deps.store.mails();
  }

  #seqs(): Promise<number[]> {
    this.#kept ??= this.#load().catch((error: unknown) => {
      this.#kept = undefined;
      throw error;
    });
    return this.#kept;
  }

  async #load(): Promise<number[]> {
    const seqs: number[] = [];
    for await (const { seq } of this.list()) seqs.push(seq);
    return seqs;
  }
}
