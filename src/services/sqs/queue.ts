/**
 * One queue at work: `domain/queue-state.ts` decides, this writes it down and wakes who waits. Read `send`, `receive` and
 * `delete` first.
 *
 * What is durable: a message, before its sending is acknowledged; its removal, before a deletion is; a move between queues,
 * in one commit. A receive is written down a moment later, behind the receiver's back: a crash may forget the last ones, so
 * that the message is visible early and counts one receive less; none is ever lost (E2). Nothing polls: a long poll waits
 * for a message to come or to become visible.
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Random } from "../../base/random.ts";
import { AwsError } from "../../wire/aws-error.ts";
import { inFlightMessagesMax, queueWindowMessagesMax, visibilitySecondsMax } from "../../limits.ts";
import { Attempts } from "./domain/attempts.ts";
import type { QueueSettings } from "./domain/attributes.ts";
import { settingsOf } from "./domain/attributes.ts";
import type { Draft } from "./domain/draft.ts";
import type { Content, Message } from "./domain/message.ts";
import { queueArn } from "./domain/queue-name.ts";
import type { Counts } from "./domain/queue-state.ts";
import { QueueState } from "./domain/queue-state.ts";
import { readReceipt, receiptHandle } from "./domain/receipt.ts";
import { invalidValue, overLimit, queueDoesNotExist } from "./errors.ts";
import type { Sender, Sent } from "./intake.ts";
import { Intake } from "./intake.ts";
import { LongPolls } from "./long-polls.ts";
import { ReceiveNotes } from "./receive-notes.ts";
import type { Arrival, QueueRecord, SqsStore } from "./store.ts";

export interface QueueDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly store: SqsStore;
  readonly counters: Counters;
  /** Where this queue's dead messages go, if there is such a queue. */
  readonly deadLetterQueue: (record: QueueRecord) => Promise<Queue | undefined>;
}

export type Counters = ReturnType<typeof createCounters>;

export function createCounters(metrics: Metrics) {
  return {
    sent: metrics.counter("lambdad_sqs_messages_sent_total", "Messages accepted by queues"),
    received: metrics.counter("lambdad_sqs_messages_received_total", "Messages handed to receivers"),
    deleted: metrics.counter("lambdad_sqs_messages_deleted_total", "Messages deleted by receivers"),
    expired: metrics.counter("lambdad_sqs_messages_expired_total", "Messages past their retention"),
    buried: metrics.counter("lambdad_sqs_messages_dead_total", "Messages moved to dead-letter queues"),
    empty: metrics.counter("lambdad_sqs_empty_receives_total", "Receives that found nothing"),
    unnoted: metrics.counter("lambdad_sqs_receives_unnoted_total", "Receives that were not written down"),
  };
}

export interface ReceiveRequest {
  readonly max: number;
  readonly waitMs: number;
  /** Undefined: the queue's. */
  readonly visibilityMs: number | undefined;
  readonly attemptId: string | undefined;
  readonly signal: AbortSignal;
}

export interface Delivery {
  readonly message: Message;
  readonly content: Content;
  readonly receipt: string;
}

/** One for each receipt: what is wrong with it. */
export type Refusals = readonly (AwsError | undefined)[];

export class Queue {
  readonly #deps: QueueDeps;
  #record: QueueRecord;
  #settings: QueueSettings;
  #version: number;
  #state: QueueState;
  #intake: Intake;
  #attempts = new Attempts();
  #loading: Promise<void> | undefined;
  #refilling: Promise<void> | undefined;
  readonly #polls: LongPolls;
  readonly #notes: ReceiveNotes;
  #isClosed = false;
  #isEnding = false;
  #lastSeq = 0;

  constructor(deps: QueueDeps, record: QueueRecord, version: number) {
    this.#deps = deps;
    this.#record = record;
    this.#version = version;
    this.#settings = settingsOf(record.attributes);
    this.#state = this.#emptyState();
    this.#intake = this.#emptyIntake();
    this.#polls = new LongPolls(deps.clock, () => this.#state.nextVisibleAtMs);
    this.#notes = new ReceiveNotes(deps, () => ({ pile: this.#record.pile, arn: this.arn }));
  }

  get record(): QueueRecord {
    return this.#record;
  }

  get settings(): QueueSettings {
    return this.#settings;
  }

  get arn(): string {
    return queueArn(this.#record);
  }

  /** Changes what is kept of the queue itself. `change` may be called again, and what it throws goes to the caller. */
  async change(change: (before: QueueRecord) => QueueRecord): Promise<void> {
    for (;;) {
      this.#requireOpen();
      const before = this.#record;
      const after = change(before);
      const oldPile = after.pile === before.pile ? undefined : before.pile;
      const version = await this.#deps.store.putQueue(after, this.#version, oldPile);
      if (version === undefined) {
        // Another change came first; it is here in a moment.
        const stored = await this.#deps.store.queue(before);
        if (!stored || stored.value.id !== before.id) throw queueDoesNotExist();
        this.#become(stored.value, stored.version);
        continue;
      }
      this.#become(after, version);
      return;
    }
  }

  /** Resolves when all are durable. */
  async send(drafts: readonly Draft[], sender: Sender): Promise<readonly Sent[]> {
    await this.#loaded();
    const { clock, store, counters } = this.#deps;
    const { dedupScope: scope } = this.#settings;
    const batch = this.#intake.take(drafts, { sender, scope, nowMs: clock.now() });
    const { arrivals } = batch;
    if (arrivals.length > 0) {
      const { isThere } = this.#anchor();
      await batch.write((forgotten) => store.insert(this.#record.pile, arrivals, forgotten));
      counters.sent.add(arrivals.length);
      if (isThere()) this.#arrived(arrivals);
    }
    await batch.repeatedAreDurable();
    return batch.sent;
  }

  /** Up to `max` messages; waits for the first of them. */
  async receive(request: ReceiveRequest): Promise<readonly Delivery[]> {
    await this.#loaded();
    const { clock, counters } = this.#deps;
    const untilMs = clock.now() + request.waitMs;
    for (;;) {
      const { changeCount } = this.#polls;
      const deliveries = await this.#take(request);
      if (deliveries.length > 0) {
        counters.received.add(deliveries.length);
        return deliveries;
      }
      if (clock.now() >= untilMs || request.signal.aborted || this.#isEnding) break;
      if (changeCount === this.#polls.changeCount) await this.#polls.wait(untilMs, request.signal);
      this.#requireOpen();
      if (request.signal.aborted) break;
    }
    counters.empty.add();
    return [];
  }

  /** Resolves when all that may be deleted are durably so. */
  async delete(receipts: readonly string[]): Promise<Refusals> {
    await this.#loaded();
    const leaving: Message[] = [];
    const refusals = receipts.map((receipt) => this.#refusalOf(() => this.#leaveBy(receipt, leaving)));
    await this.#discard(leaving);
    this.#deps.counters.deleted.add(leaving.length);
    return refusals;
  }

  async changeVisibility(
    entries: readonly { readonly receipt: string; readonly visibilitySeconds: number }[],
  ): Promise<Refusals> {
    await this.#loaded();
    const changed: Message[] = [];
    const refusals = entries.map(({ receipt, visibilitySeconds }) =>
      this.#refusalOf(() => void changed.push(this.#changeBy(receipt, visibilitySeconds))),
    );
    this.#notes.add(changed);
    this.#polls.changed();
    return refusals;
  }

  async counts(): Promise<Counts> {
    await this.#loaded();
    await this.sweep();
    return this.#state.counts(this.#deps.clock.now());
  }

  /** Removes what is past its retention, as far as it is in memory. */
  async sweep(): Promise<void> {
    if (!this.#loading) return;
    await this.#loading;
    for (;;) {
      const expired = this.#state.expire(this.#deps.clock.now(), this.#settings.retentionMs, sweepMax);
      if (expired.length === 0) return;
      await this.#discard(expired);
      this.#deps.counters.expired.add(expired.length);
    }
  }

  /**
   * Moves up to `max` messages that could be received now, as new ones, to the queue that `targetOf` names. Answers how
   * many it has moved, and whether there was one that had nowhere to go: that one stays.
   */
  async redrive(
    max: number,
    targetOf: (message: Message) => Promise<Queue | undefined>,
    write: (move: Move) => Promise<void>,
  ): Promise<{ readonly movedCount: number; readonly isStuck: boolean }> {
    await this.#loaded();
    const { clock, random } = this.#deps;
    const found = this.#state.withdraw(max, clock.now());
    const byTarget = new Map<Queue | undefined, Message[]>();
    for (const message of found) {
      const target = await targetOf(message);
      byTarget.set(target, [...(byTarget.get(target) ?? []), message]);
    }
    const stuck = byTarget.get(undefined) ?? [];
    for (const { seq } of stuck) this.#state.stay(seq, clock.now());
    byTarget.delete(undefined);
    for (const [target, messages] of byTarget) {
      if (!target) continue;
      await this.#moveTo(target, messages, write, (message) => {
        const {
          firstReceivedAtMs: _first,
          receivedAtMs: _last,
          deadLetterSourceArn: _source,
          ...rest
        } = message;
        return { ...rest, id: random.uuid(), sentAtMs: clock.now(), receiveCount: 0 };
      });
    }
    return { movedCount: found.length - stuck.length, isStuck: stuck.length > 0 };
  }

  /** Takes all messages away, and what is remembered of them. The old pile is rubbish. */
  async purge(pile: string): Promise<void> {
    await this.#loaded();
    await this.change((before) => ({ ...before, pile }));
  }

  /** It is deleted: who waits for messages is told so. */
  close(): void {
    this.#isClosed = true;
    this.#notes.forgetAll();
    this.#polls.close();
  }

  /** Who waits for messages gets what there is: nothing. */
  endWaits(): void {
    this.#isEnding = true;
    this.#polls.wake();
  }

  /** Resolves when what is known of receives is durable, or cannot be made so. */
  settle(): Promise<void> {
    return this.#notes.settle();
  }

  // Sending.

  #arrived(arrivals: readonly Arrival[]): void {
    const nowMs = this.#deps.clock.now();
    for (const { message } of arrivals) this.#state.add(message, nowMs);
    this.#polls.changed();
  }

  /** Rises with the clock, so that no number comes again after a restart, whatever has been deleted. */
  #nextSeq(nowMs: number): number {
    this.#lastSeq = Math.max(this.#lastSeq + 1, this.#state.lastSeq + 1, nowMs * 1000);
    return this.#lastSeq;
  }

  // Receiving.

  async #take(request: ReceiveRequest): Promise<readonly Delivery[]> {
    const { clock } = this.#deps;
    const { retentionMs } = this.#settings;
    const visibilityMs = request.visibilityMs ?? this.#settings.visibilityMs;
    for (;;) {
      const target = this.#settings.redrive && (await this.#deps.deadLetterQueue(this.#record));
      const nowMs = clock.now();
      const repeated = this.#repeated(request, { nowMs, visibilityMs });
      if (repeated) return this.#deliveries(repeated);
      if (this.#state.counts(nowMs).inFlight >= inFlightMessagesMax) return this.#tooMany(request);
      const receivesMax = target && this.#settings.redrive?.receivesMax;
      const order = { max: request.max, visibilityMs, nowMs, retentionMs, receivesMax };
      const { received, dead, expired } = this.#state.receive(order);
      this.#notes.add(received);
      this.#refill();
      if (request.attemptId !== undefined && received.length > 0) {
        this.#attempts.remember(request.attemptId, received, nowMs);
      }
      if (expired.length > 0) await this.#discard(expired);
      if (dead.length > 0 && target) await this.#bury(dead, target);
      if (received.length > 0) {
        this.#polls.arm();
        return this.#deliveries(received);
      }
      if (this.#refilling) await this.#refilling;
      else if (dead.length + expired.length === 0) return [];
    }
  }

  #repeated(
    { attemptId }: ReceiveRequest,
    at: { readonly nowMs: number; readonly visibilityMs: number },
  ): readonly Message[] | undefined {
    if (attemptId === undefined || !this.#settings.isFifo) return undefined;
    const messages = this.#attempts.repeat(attemptId, this.#state, at);
    if (messages) this.#notes.add(messages);
    return messages;
  }

  /** FIFO queues say nothing, and long polls wait. */
  #tooMany({ waitMs }: ReceiveRequest): readonly Delivery[] {
    if (this.#settings.isFifo || waitMs > 0) return [];
    throw overLimit(`Too many messages in flight: the maximum is ${inFlightMessagesMax}.`); // inferred text
  }

  async #deliveries(messages: readonly Message[]): Promise<readonly Delivery[]> {
    const { store } = this.#deps;
    const contents = await Promise.all(messages.map((message) => store.content(message)));
    return messages.flatMap((message, at) => {
      const content = contents[at]; // undefined: a purge was faster
      return content ? [{ message, content, receipt: receiptHandle(this.#record.id, message) }] : [];
    });
  }

  /** Moves dead messages on. The receive count goes on counting. */
  async #bury(dead: readonly Message[], target: Queue): Promise<void> {
    const nowMs = this.#deps.clock.now();
    const { isFifo } = target.settings;
    await this.#moveTo(
      target,
      dead,
      ({ from, to }) => this.#deps.store.move(from, to),
      (message) => {
        const { receivedAtMs: _, ...rest } = message;
        const moved = { ...rest, deadLetterSourceArn: this.arn };
        return isFifo ? { ...moved, dedupId: message.id, sentAtMs: nowMs } : moved;
      },
    );
    this.#deps.counters.buried.add(dead.length);
  }

  async #moveTo(
    target: Queue,
    messages: readonly Message[],
    write: (move: Move) => Promise<void>,
    change: (message: Message) => Omit<Message, "seq" | "visibleAtMs">,
  ): Promise<void> {
    if (messages.length === 0) return;
    const { clock } = this.#deps;
    const { state, isThere } = this.#anchor();
    try {
      await target.#loaded();
      if (!isThere()) return;
      const nowMs = clock.now();
      const arrivals = messages.map((message) => ({
        message: { ...change(message), seq: target.#nextSeq(nowMs), visibleAtMs: nowMs },
      }));
      const there = target.#anchor();
      this.#notes.forget(messages);
      await write({
        from: { pile: this.#record.pile, messages },
        to: { pile: target.#record.pile, arrivals },
      });
      if (isThere()) for (const { seq } of messages) state.remove(seq);
      if (there.isThere()) target.#arrived(arrivals);
    } catch (error) {
      for (const { seq } of messages) state.stay(seq, clock.now());
      throw error;
    } finally {
      this.#polls.changed();
    }
  }

  /** The messages as they are now: a purge puts others in their place. */
  #anchor() {
    const state = this.#state;
    return { state, isThere: () => state === this.#state };
  }

  // Deleting and changing.

  #leaveBy(receipt: string, leaving: Message[]): void {
    const { seq, receiveCount } = readReceipt(this.#record.id, receipt);
    const standing = this.#state.standing(seq, receiveCount, this.#deps.clock.now());
    if (standing.kind === "gone") return;
    if (standing.kind !== "current" && this.#settings.isFifo) {
      throw invalidValue("ReceiptHandle", receipt, "The receipt handle has expired.");
    }
    if (standing.kind === "stale") return;
    this.#state.leave(seq);
    leaving.push(standing.message);
  }

  #changeBy(receipt: string, visibilitySeconds: number): Message {
    if (visibilitySeconds < 0 || visibilitySeconds > visibilitySecondsMax) {
      const reason = `Must be between 0 and ${visibilitySecondsMax}, if provided.`;
      throw invalidValue("VisibilityTimeout", visibilitySeconds, reason);
    }
    const { seq, receiveCount } = readReceipt(this.#record.id, receipt);
    const nowMs = this.#deps.clock.now();
    const standing = this.#state.standing(seq, receiveCount, nowMs);
    const isHeld = standing.kind === "current" || (standing.kind === "visible" && !this.#settings.isFifo);
    if (!isHeld) {
      const reason = "Message does not exist or is not available for visibility timeout change.";
      throw invalidValue("ReceiptHandle", receipt, reason);
    }
    const endMs = (standing.message.receivedAtMs ?? nowMs) + visibilitySecondsMax * 1000;
    if (nowMs + visibilitySeconds * 1000 > endMs) {
      const reason = `Total VisibilityTimeout for the message is beyond the limit [${visibilitySecondsMax} seconds]`;
      throw invalidValue("VisibilityTimeout", visibilitySeconds, reason);
    }
    return this.#state.changeVisibility(seq, visibilitySeconds * 1000, nowMs);
  }

  /** Removes messages that are leaving. */
  async #discard(messages: readonly Message[]): Promise<void> {
    if (messages.length === 0) return;
    const { state } = this.#anchor();
    this.#notes.forget(messages);
    try {
      await this.#deps.store.remove(this.#record.pile, messages);
      for (const { seq } of messages) state.remove(seq);
    } catch (error) {
      for (const { seq } of messages) state.stay(seq, this.#deps.clock.now());
      throw error;
    } finally {
      this.#polls.changed();
    }
  }

  #refusalOf(act: () => void): AwsError | undefined {
    try {
      act();
      return undefined;
    } catch (error) {
      if (error instanceof AwsError) return error;
      throw error;
    }
  }

  // Memory and waiting.

  #loaded(): Promise<void> {
    this.#requireOpen();
    this.#loading ??= this.#load().catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  async #load(): Promise<void> {
    const { clock, store } = this.#deps;
    const { pile } = this.#record;
    const state = this.#emptyState();
    let afterSeq: number | undefined;
    for (;;) {
      const { messages, isLast } = await store.messages(pile, afterSeq);
      for (const message of messages) state.add(message, clock.now());
      afterSeq = messages.at(-1)?.seq;
      if (isLast) break;
    }
    this.#intake.remember(await store.sent(pile));
    this.#state = state;
  }

  #refill(): void {
    if (this.#refilling) return;
    const { state, isThere } = this.#anchor();
    const from = state.beginRefill();
    if (!from) return;
    const { clock, store, logger } = this.#deps;
    this.#refilling = store
      .messages(this.#record.pile, from.afterSeq)
      .then(
        (page) => state.endRefill(page, clock.now()),
        (error: unknown) => {
          state.endRefill(undefined, clock.now());
          logger.error("messages could not be read", { queue: this.arn, error });
          throw error;
        },
      )
      .finally(() => {
        this.#refilling = undefined;
        if (isThere()) this.#polls.changed();
      });
    this.#refilling.catch(() => {}); // whoever waits for it is told
  }

  #emptyState(): QueueState {
    return new QueueState({ isFifo: this.#settings.isFifo, windowMax: queueWindowMessagesMax });
  }

  #emptyIntake(): Intake {
    return new Intake({ random: this.#deps.random, nextSeq: (nowMs) => this.#nextSeq(nowMs) });
  }

  #become(record: QueueRecord, version: number): void {
    const isPurged = record.pile !== this.#record.pile;
    this.#record = record;
    this.#version = version;
    this.#settings = settingsOf(record.attributes);
    if (!isPurged) return;
    this.#notes.forgetAll();
    this.#state = this.#emptyState();
    this.#intake = this.#emptyIntake();
    this.#attempts = new Attempts();
  }

  #requireOpen(): void {
    if (this.#isClosed) throw queueDoesNotExist();
  }
}

/** What `store.move` writes. */
export interface Move {
  readonly from: { readonly pile: string; readonly messages: readonly Message[] };
  readonly to: { readonly pile: string; readonly arrivals: readonly Arrival[] };
}

const sweepMax = 400;
