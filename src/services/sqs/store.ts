/**
 * The only file of this service that touches the store: queues, messages and their contents, what FIFO queues remember,
 * move tasks.
 *
 * The messages of a queue lie in a *pile*, under their order of arrival. A purge gives the queue another pile, and so does
 * its deletion to nobody: the old one is remembered as rubbish in the same commit, and cleared behind the caller's back, also
 * after a crash. A message and its content come and go in one commit; between queues only the message moves.
 */
import { heldContentsBytesMax, queueScanMessagesMax, storeBatchWritesMax } from "../../limits.ts";
import type { Page, Records, Stored } from "../../store/records.ts";
import { records } from "../../store/records.ts";
import type { Store, Write } from "../../store/store.ts";
import { StoreError } from "../../store/store.ts";
import type { Attributes } from "./domain/attributes.ts";
import type { SentOnce } from "../../events/deduplication.ts";
import type { Content, Message } from "./domain/message.ts";
import type { MoveTask } from "./domain/move-task.ts";
import type { QueueName } from "./domain/queue-name.ts";

export interface QueueRecord extends QueueName {
  /** Hex. A queue that is made anew under the same name has another. */
  readonly id: string;
  /** Where its messages lie. */
  readonly pile: string;
  readonly attributes: Attributes;
  readonly tags: Readonly<Record<string, string>>;
  readonly createdAtMs: number;
  readonly modifiedAtMs: number;
}

export interface Arrival {
  readonly message: Message;
  /** Undefined: it is there already. */
  readonly content?: Content;
  readonly sentOnce?: SentOnce | undefined;
}

export class SqsStore {
  readonly #store: Store;
  readonly #queues: Records<QueueRecord>;
  readonly #messages: Records<Message>;
  readonly #contents: Records<Content>;
  readonly #sent: Records<SentOnce>;
  readonly #rubbish: Records<string>;
  readonly #tasks: Records<MoveTask>;
  /** Contents of messages that were sent since the start, as far as there is room. */
  readonly #held = new Map<string, Content>();
  #heldBytes = 0;

  constructor(store: Store) {
    this.#store = store;
    this.#queues = records(store, "sqs/queue");
    this.#messages = records(store, "sqs/message");
    this.#contents = records(store, "sqs/content");
    this.#sent = records(store, "sqs/sent");
    this.#rubbish = records(store, "sqs/rubbish");
    this.#tasks = records(store, "sqs/move-task");
  }

  // Queues.

  queue({ account, region, name }: QueueName): Promise<Stored<QueueRecord> | undefined> {
    return this.#queues.get([account, region, name]);
  }

  /** In the order of names. */
  queues(
    { account, region }: Pick<QueueName, "account" | "region">,
    page: { readonly startsWith?: string; readonly after?: string | undefined; readonly limit: number },
  ): Promise<Page<QueueRecord>> {
    const { startsWith = "", after, limit } = page;
    return this.#queues.page({
      parts: [account, region],
      startsWith,
      limit,
      ...(after !== undefined && { after: [account, region, after] }),
    });
  }

  /** Answers the new version; undefined: the record's version is another. 0: there must be none. */
  async putQueue(record: QueueRecord, ifVersion: number, oldPile?: string): Promise<number | undefined> {
    const { account, region, name } = record;
    const writes = [this.#queues.put([account, region, name], record, ifVersion)];
    if (oldPile !== undefined) writes.push(this.#rubbish.put([oldPile], oldPile));
    try {
      return (await this.#store.commit(writes)).versions[0];
    } catch (error) {
      if (error instanceof StoreError && error.code === "conflict") return undefined;
      throw error;
    }
  }

  async removeQueue({ account, region, name, pile }: QueueRecord): Promise<void> {
    await this.#store.commit([this.#queues.remove([account, region, name]), this.#rubbish.put([pile], pile)]);
  }

  // Messages.

  /** In the order of arrival, those behind `afterSeq`. */
  async messages(
    pile: string,
    afterSeq?: number,
  ): Promise<{ readonly messages: readonly Message[]; readonly isLast: boolean }> {
    const page = await this.#messages.page({
      parts: [pile],
      limit: queueScanMessagesMax,
      ...(afterSeq !== undefined && { after: [pile, place(afterSeq)] }),
    });
    return { messages: page.items.map(({ value }) => value), isLast: page.next === undefined };
  }

  /** Everything in one commit; `forgotten`: what is not remembered any longer. */
  async insert(pile: string, arrivals: readonly Arrival[], forgotten: readonly SentOnce[]): Promise<void> {
    await this.#store.commit([
      ...arrivals.flatMap((arrival) => this.#arrivalWrites(pile, arrival)),
      ...forgotten.map((sent) => this.#sent.remove([pile, place(sent.seq)])),
    ]);
    for (const { message, content } of arrivals) if (content) this.#hold(message.contentId, content);
  }

  /** What was received or has another visibility. Must not be called for what is being removed. */
  async note(pile: string, messages: readonly Message[]): Promise<void> {
    await this.#store.commit(
      messages.map((message) => this.#messages.put([pile, place(message.seq)], message)),
    );
  }

  async remove(pile: string, messages: readonly Message[]): Promise<void> {
    await this.#store.commit(
      messages.flatMap(({ seq, contentId }) => [
        this.#messages.remove([pile, place(seq)]),
        this.#contents.remove([contentId]),
      ]),
    );
    for (const { contentId } of messages) this.#release(contentId);
  }

  /** From one pile to another in one commit (E2), with the task that does it. */
  async move(
    from: Pile,
    to: { readonly pile: string; readonly arrivals: readonly Arrival[] },
    task?: MoveTask,
  ) {
    await this.#store.commit([
      ...from.messages.map(({ seq }) => this.#messages.remove([from.pile, place(seq)])),
      ...to.arrivals.flatMap((arrival) => this.#arrivalWrites(to.pile, arrival)),
      ...(task ? [this.#tasks.put(taskParts(task), task)] : []),
    ]);
  }

  /** Undefined: it is gone. */
  async content({ contentId }: Message): Promise<Content | undefined> {
    return this.#held.get(contentId) ?? (await this.#contents.get([contentId]))?.value;
  }

  async sent(pile: string): Promise<readonly SentOnce[]> {
    const found: SentOnce[] = [];
    for await (const { value } of all(this.#sent, [pile])) found.push(value);
    return found;
  }

  // Rubbish.

  async rubbish(): Promise<readonly string[]> {
    const found: string[] = [];
    for await (const { value } of all(this.#rubbish, [])) found.push(value);
    return found;
  }

  /** Removes all that lies in the pile. Nothing may be added to it any more, but commits may be under way. */
  async clear(pile: string): Promise<void> {
    await this.#store.commit([this.#rubbish.put([pile], pile)]); // whatever was called before is durable after this (K3)
    const perCommit = Math.floor(storeBatchWritesMax / 2);
    for (;;) {
      const { messages, isLast } = await this.messages(pile);
      for (let at = 0; at < messages.length; at += perCommit) {
        await this.remove(pile, messages.slice(at, at + perCommit));
      }
      if (isLast) break;
    }
    const sent = await this.sent(pile);
    for (let at = 0; at < sent.length; at += storeBatchWritesMax) {
      const some = sent.slice(at, at + storeBatchWritesMax);
      await this.#store.commit(some.map(({ seq }) => this.#sent.remove([pile, place(seq)])));
    }
    await this.#store.commit([this.#rubbish.remove([pile])]);
  }

  // Move tasks.

  async putTask(task: MoveTask, forgotten: readonly MoveTask[] = []): Promise<void> {
    await this.#store.commit([
      this.#tasks.put(taskParts(task), task),
      ...forgotten.map((other) => this.#tasks.remove(taskParts(other))),
    ]);
  }

  /** Of one source in the order of their start, or of all. */
  async tasks(sourceArn?: string): Promise<readonly MoveTask[]> {
    const found: MoveTask[] = [];
    for await (const { value } of all(this.#tasks, sourceArn === undefined ? [] : [sourceArn]))
      found.push(value);
    return found;
  }

  #arrivalWrites(pile: string, { message, content, sentOnce }: Arrival): Write[] {
    const writes = [this.#messages.put([pile, place(message.seq)], message)];
    if (content) writes.push(this.#contents.put([message.contentId], content));
    if (sentOnce) writes.push(this.#sent.put([pile, place(sentOnce.seq)], sentOnce));
    return writes;
  }

  #hold(contentId: string, content: Content): void {
    const bytes = heldBytes(content);
    if (this.#heldBytes + bytes > heldContentsBytesMax) return;
    this.#held.set(contentId, content);
    this.#heldBytes += bytes;
  }

  #release(contentId: string): void {
    const content = this.#held.get(contentId);
    if (!content) return;
    this.#held.delete(contentId);
    this.#heldBytes -= heldBytes(content);
  }
}

interface Pile {
  readonly pile: string;
  readonly messages: readonly Message[];
}

function heldBytes({ body, attributes }: Content): number {
  return 200 + body.length * 2 + (attributes ? JSON.stringify(attributes).length * 2 : 0);
}

/** So that places have the order of numbers. */
function place(seq: number): string {
  return String(seq).padStart(16, "0");
}

function taskParts({ sourceArn, startedAtMs, taskId }: MoveTask): string[] {
  return [sourceArn, place(startedAtMs), taskId];
}

async function* all<T>(collection: Records<T>, parts: readonly string[]): AsyncGenerator<Stored<T>> {
  let after: readonly string[] | undefined;
  do {
    const page = await collection.page({ parts, limit: queueScanMessagesMax, ...(after && { after }) });
    yield* page.items;
    after = page.next;
  } while (after);
}
