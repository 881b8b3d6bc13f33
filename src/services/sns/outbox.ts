/**
 * Where e-mails and texts go, for nobody here carries them: kept, the newest so many, for `lambdad outbox` and tests to read.
 */
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { outboxMessagesMax } from "../../limits.ts";
import type { Mail, MailKey, SnsStore } from "./store.ts";

export interface OutboxDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: SnsStore;
}

export class Outbox {
  readonly #deps: OutboxDeps;
  /** Those that are kept, oldest first; undefined: nobody has asked yet. */
  #kept: Promise<MailKey[]> | undefined;

  constructor(deps: OutboxDeps) {
    this.#deps = deps;
  }

  async put(mail: Omit<Mail, "id" | "atMs">): Promise<void> {
    const { clock, random, store } = this.#deps;
    const kept = await this.#keys();
    const key = { id: random.uuid(), atMs: clock.now() };
    kept.push(key);
    const tooOld = kept.splice(0, Math.max(0, kept.length - outboxMessagesMax));
    await store.putMail({ ...mail, ...key }, tooOld);
  }

  /** Oldest first. */
  list(): AsyncIterable<Mail> {
    return this.#deps.store.mails();
  }

  #keys(): Promise<MailKey[]> {
    this.#kept ??= this.#load().catch((error: unknown) => {
      this.#kept = undefined;
      throw error;
    });
    return this.#kept;
  }

  async #load(): Promise<MailKey[]> {
    const keys: MailKey[] = [];
    for await (const { id, atMs } of this.list()) keys.push({ id, atMs });
    return keys;
  }
}
