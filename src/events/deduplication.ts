/**
 * What FIFO queues and topics remember of what was sent in the last five minutes, whatever became of it. Pure. Source:
 * map-sqs-sns-s3 1.9, 2.7.
 */
import { createHash } from "node:crypto";
import { deduplicationMs } from "../limits.ts";

export type DedupScope = "queue" | "messageGroup";

/** One send that was accepted. Survives JSON. */
export interface SentOnce {
  readonly dedupId: string;
  readonly groupId: string;
  /** The queue's or topic's scope at that time: what was seen in a wider scope stays seen. */
  readonly scope: DedupScope;
  readonly messageId: string;
  readonly seq: number;
  readonly atMs: number;
}

export class SentLog {
  readonly #byId = new Map<string, SentOnce[]>();
  /** In the order of their time. */
  readonly #all = new Set<SentOnce>();

  /** The send that another one with these ids repeats. */
  find(
    { dedupId, groupId, scope }: Pick<SentOnce, "dedupId" | "groupId" | "scope">,
    nowMs: number,
  ): SentOnce | undefined {
    return this.#byId
      .get(dedupId)
      ?.find(
        (sent) =>
          sent.atMs + deduplicationMs > nowMs &&
          (scope === "queue" || sent.scope === "queue" || sent.groupId === groupId),
      );
  }

  add(sent: SentOnce): void {
    this.#all.add(sent);
    const known = this.#byId.get(sent.dedupId);
    if (known) known.push(sent);
    else this.#byId.set(sent.dedupId, [sent]);
  }

  /** It was not accepted after all. */
  withdraw(sent: SentOnce): void {
    this.#all.delete(sent);
    const rest = this.#byId.get(sent.dedupId)?.filter((other) => other !== sent) ?? [];
    if (rest.length > 0) this.#byId.set(sent.dedupId, rest);
    else this.#byId.delete(sent.dedupId);
  }

  /** Forgets up to `max` whose time has passed, and answers them. */
  forget(nowMs: number, max: number): readonly SentOnce[] {
    const gone: SentOnce[] = [];
    for (const sent of this.#all) {
      if (gone.length >= max || sent.atMs + deduplicationMs > nowMs) break;
      gone.push(sent);
    }
    for (const sent of gone) this.withdraw(sent);
    return gone;
  }
}

/** Of the body alone; attributes do not count. */
export function contentDedupId(body: string): string {
  return createHash("sha256").update(body).digest("hex");
}
