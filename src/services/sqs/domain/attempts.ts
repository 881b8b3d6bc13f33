/**
 * ReceiveRequestAttemptId of FIFO queues: a receive that is asked for again, because its answer was lost, gets the same
 * messages and handles, unless one of them has been deleted, changed or become visible meanwhile. Pure.
 */
import { deduplicationMs } from "../../../limits.ts";
import type { Message } from "./message.ts";
import type { QueueState } from "./queue-state.ts";

interface Attempt {
  readonly atMs: number;
  readonly messages: readonly Message[];
}

export class Attempts {
  readonly #byId = new Map<string, Attempt>();

  remember(id: string, messages: readonly Message[], nowMs: number): void {
    this.#byId.delete(id);
    this.#byId.set(id, { atMs: nowMs, messages });
    for (const [known, { atMs }] of this.#byId) {
      if (atMs + deduplicationMs > nowMs) break;
      this.#byId.delete(known);
    }
  }

  /** What the same attempt has received, hidden anew; undefined: it is a new one. */
  repeat(
    id: string,
    state: QueueState,
    { nowMs, visibilityMs }: { readonly nowMs: number; readonly visibilityMs: number },
  ): readonly Message[] | undefined {
    const attempt = this.#byId.get(id);
    if (!attempt || attempt.atMs + deduplicationMs <= nowMs) return undefined;
    const isAsItWas = attempt.messages.every(({ seq, receiveCount, visibleAtMs }) => {
      const standing = state.standing(seq, receiveCount, nowMs);
      return standing.kind === "current" && standing.message.visibleAtMs === visibleAtMs;
    });
    if (!isAsItWas) return undefined;
    const messages = attempt.messages.map(({ seq }) => state.changeVisibility(seq, visibilityMs, nowMs));
    this.#byId.set(id, { ...attempt, messages });
    return messages;
  }
}
