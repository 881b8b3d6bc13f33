/**
 * Drafts become messages of one queue, each once: in a FIFO queue a draft that repeats one of the last five minutes is
 * answered with that one, and not before that one is durable. Remembers what is being written, so that repetitions
 * in between are noticed; forgets it when writing fails.
 */
import type { Random } from "../../base/random.ts";
import type { DedupScope, SentOnce } from "../../events/deduplication.ts";
import { SentLog } from "../../events/deduplication.ts";
import type { Draft } from "./domain/draft.ts";
import type { Message } from "./domain/message.ts";
import type { Arrival } from "./store.ts";

export interface Sender {
  readonly senderId: string;
  readonly traceHeader: string | undefined;
}

export interface Sent {
  readonly messageId: string;
  readonly seq: number;
}

export interface IntakeDeps {
  readonly random: Random;
  readonly nextSeq: (nowMs: number) => number;
}

interface Circumstances {
  readonly sender: Sender;
  readonly scope: DedupScope;
  readonly nowMs: number;
}

/** Drafts that came together. */
export interface Batch {
  /** What is new. */
  readonly arrivals: readonly Arrival[];
  /** For each draft, in their order. */
  readonly sent: readonly Sent[];
  /** Has the arrivals written; `forgotten` is to be removed with it. What `write` throws, the repetitions are told too. */
  write(write: (forgotten: readonly SentOnce[]) => Promise<void>): Promise<void>;
  /** Resolves when all that the others repeat is durable. */
  repeatedAreDurable(): Promise<void>;
}

export class Intake {
  readonly #deps: IntakeDeps;
  readonly #sent = new SentLog();
  readonly #accepting = new Map<SentOnce, Promise<void>>();

  constructor(deps: IntakeDeps) {
    this.#deps = deps;
  }

  /** What an earlier life has accepted. */
  remember(sent: readonly SentOnce[]): void {
    for (const each of sent.toSorted((one, other) => one.atMs - other.atMs)) this.#sent.add(each);
  }

  take(drafts: readonly Draft[], circumstances: Circumstances): Batch {
    const accepted = Promise.withResolvers<void>();
    accepted.promise.catch(() => {}); // who repeats a message awaits it, if anyone does
    const arrivals: Arrival[] = [];
    const repeated: Promise<void>[] = [];
    const sent = drafts.map((draft): Sent => {
      const known = this.#repeatedBy(draft, circumstances);
      if (known) {
        const durable = this.#accepting.get(known);
        if (durable) repeated.push(durable);
        return { messageId: known.messageId, seq: known.seq };
      }
      const arrival = this.#arrivalOf(draft, circumstances);
      arrivals.push(arrival);
      if (arrival.sentOnce) {
        this.#sent.add(arrival.sentOnce);
        this.#accepting.set(arrival.sentOnce, accepted.promise);
      }
      return { messageId: arrival.message.id, seq: arrival.message.seq };
    });
    const news = arrivals.flatMap(({ sentOnce }) => (sentOnce ? [sentOnce] : []));
    return {
      arrivals,
      sent,
      write: async (write) => {
        try {
          await write(this.#sent.forget(circumstances.nowMs, drafts.length));
          accepted.resolve();
        } catch (error) {
          for (const sentOnce of news) this.#sent.withdraw(sentOnce);
          accepted.reject(error);
          throw error;
        } finally {
          for (const sentOnce of news) this.#accepting.delete(sentOnce);
        }
      },
      async repeatedAreDurable() {
        for (const durable of repeated) await durable;
      },
    };
  }

  #repeatedBy({ dedupId, groupId = "" }: Draft, { scope, nowMs }: Circumstances): SentOnce | undefined {
    return dedupId === undefined ? undefined : this.#sent.find({ dedupId, groupId, scope }, nowMs);
  }

  #arrivalOf(draft: Draft, { sender, scope, nowMs }: Circumstances): Arrival {
    const { dedupId, groupId, delayMs, content } = draft;
    const { random, nextSeq } = this.#deps;
    const message: Message = {
      seq: nextSeq(nowMs),
      id: random.uuid(),
      contentId: newContentId(nowMs, random),
      sentAtMs: nowMs,
      senderId: sender.senderId,
      ...(groupId !== undefined && { groupId }),
      ...(dedupId !== undefined && { dedupId }),
      ...traceOf(draft, sender),
      visibleAtMs: nowMs + delayMs,
      receiveCount: 0,
    };
    if (dedupId === undefined) return { message, content };
    const { id: messageId, seq } = message;
    return {
      message,
      content,
      sentOnce: { dedupId, groupId: groupId ?? "", scope, messageId, seq, atMs: nowMs },
    };
  }
}

function traceOf({ systemAttributes }: Draft, { traceHeader }: Sender): Pick<Message, "traceHeader"> {
  const header = systemAttributes?.["AWSTraceHeader"]?.text ?? traceHeader;
  return header === undefined ? {} : { traceHeader: header };
}

/** Ascending, so that contents that are sent together lie together: a commit touches few pages of the disk. */
function newContentId(nowMs: number, random: Random): string {
  return `${nowMs.toString(16).padStart(12, "0")}${random.hex(6)}`;
}
