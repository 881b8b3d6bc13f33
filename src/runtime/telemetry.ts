/**
 * Telemetry of one incarnation: its events, on their way to the extensions that have subscribed.
 *
 * Who subscribes late in INIT gets what happened before, so events are kept until INIT ends; an environment without
 * subscribers then drops this object, and pays nothing. Each subscriber has a buffer of its own, which is bounded: what
 * comes while it is full is counted, and the count is delivered (`platform.logsDropped`). A subscriber that hangs slows
 * nobody.
 */
import type { Clock, Timer } from "../base/clock.ts";
import {
  telemetryBacklogBytesMax,
  telemetryRetryMsMax,
  telemetryRetryMsMin,
  telemetryWaitingBytesMax,
} from "../limits.ts";
import type { TelemetryEvent } from "./telemetry-records.ts";
import { recordsOf } from "./telemetry-records.ts";
import type { SandboxAddress, Sender } from "./telemetry-sender.ts";
import { createSender } from "./telemetry-sender.ts";
import type { Subscription } from "./telemetry-subscription.ts";

export interface TelemetryDeps {
  readonly clock: Clock;
  /** Undefined while the sandbox is being made. */
  readonly address: () => SandboxAddress | undefined;
}

export class Telemetry {
  readonly #deps: TelemetryDeps;
  /** By extension and API: subscribing again replaces. */
  readonly #subscribers = new Map<string, Subscriber>();
  /** Undefined: INIT is over. */
  #backlog: TelemetryEvent[] | undefined = [];
  #backlogBytes = 0;

  constructor(deps: TelemetryDeps) {
    this.#deps = deps;
  }

  /** Subscriptions are taken. */
  get isOpen(): boolean {
    return this.#backlog !== undefined;
  }

  emit(event: TelemetryEvent): void {
    this.#keep(event);
    for (const subscriber of this.#subscribers.values()) subscriber.push(event);
  }

  subscribe(extension: string, subscription: Subscription): void {
    const key = `${subscription.api} ${extension}`;
    this.#subscribers.get(key)?.close();
    const subscriber = new Subscriber(this.#deps, subscription);
    this.#subscribers.set(key, subscriber);
    for (const event of this.#backlog ?? []) subscriber.push(event);
  }

  /** INIT is over. Answers whether anybody listens. */
  endInit(): boolean {
    this.#backlog = undefined;
    return this.#subscribers.size > 0;
  }

  /** From now on nothing is sent; what was due is sent on `resume`. Resolves when nothing is under way. Never rejects. */
  async pause(): Promise<void> {
    await Promise.all([...this.#subscribers.values()].map((subscriber) => subscriber.pause()));
  }

  resume(): void {
    for (const subscriber of this.#subscribers.values()) subscriber.resume();
  }

  /** The environment ends: from now on nothing waits for more. */
  hurry(): void {
    for (const subscriber of this.#subscribers.values()) subscriber.hurry();
  }

  /** Cuts every delivery, at once: before the sandbox's address can be another's. Idempotent. */
  close(): void {
    for (const subscriber of this.#subscribers.values()) subscriber.close();
  }

  #keep(event: TelemetryEvent): void {
    if (!this.#backlog) return;
    this.#backlogBytes += typeof event.record === "string" ? event.record.length : platformEventBytes;
    if (this.#backlogBytes <= telemetryBacklogBytesMax) this.#backlog.push(event);
  }
}

/** About what one takes. */
const platformEventBytes = 256;

class Subscriber {
  readonly #deps: TelemetryDeps;
  readonly #subscription: Subscription;
  readonly #sender: Sender;
  /** JSON texts, and their bytes together. */
  #waiting: string[] = [];
  #waitingBytes = 0;
  #dropped = { records: 0, bytes: 0 };
  #timer: Timer | undefined;
  #isSending = false;
  #isHurrying = false;
  /** Undefined: things are sent. */
  #paused: PromiseWithResolvers<void> | undefined;
  /** What was to leave meanwhile leaves then. */
  #isDue = false;
  /** The attempt under way; never rejects. */
  #attempt: Promise<unknown> = Promise.resolve();
  readonly #closing = new AbortController();

  constructor(deps: TelemetryDeps, subscription: Subscription) {
    this.#deps = deps;
    this.#subscription = subscription;
    this.#sender = createSender(subscription.destination, deps.clock);
  }

  push(event: TelemetryEvent): void {
    for (const record of recordsOf(event, this.#subscription)) this.#add(record);
  }

  async pause(): Promise<void> {
    this.#paused ??= Promise.withResolvers();
    await this.#attempt;
  }

  resume(): void {
    this.#paused?.resolve();
    this.#paused = undefined;
    if (this.#isDue) this.#leave();
  }

  hurry(): void {
    this.#isHurrying = true;
    this.resume();
    this.#leave();
  }

  close(): void {
    this.#closing.abort();
    this.#paused?.resolve();
    this.#timer?.cancel();
    this.#sender.close();
    this.#waiting = [];
  }

  #add(record: string): void {
    if (this.#closing.signal.aborted) return;
    const bytes = Buffer.byteLength(record);
    if (this.#waitingBytes + bytes > telemetryWaitingBytesMax) {
      this.#dropped.records += 1;
      this.#dropped.bytes += bytes;
      return;
    }
    this.#waiting.push(record);
    this.#waitingBytes += bytes;
    this.#schedule();
  }

  /** What waits leaves now or when its time has come. */
  #schedule(): void {
    const { maxItems, maxBytes, timeoutMs } = this.#subscription.buffering;
    const isFull = this.#waiting.length >= maxItems || this.#waitingBytes >= maxBytes;
    if (this.#isHurrying || isFull) this.#leave();
    else this.#timer ??= this.#deps.clock.after(timeoutMs, () => this.#leave());
  }

  /** A batch leaves, unless one is under way: the next follows it. */
  #leave(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#isDue = this.#paused !== undefined;
    if (this.#isDue || this.#isSending || this.#closing.signal.aborted || this.#waiting.length === 0) return;
    void this.#deliver(this.#takeBatch());
  }

  #takeBatch(): readonly string[] {
    const { maxItems, maxBytes } = this.#subscription.buffering;
    let bytes = 0;
    let count = 0;
    for (const record of this.#waiting) {
      const size = Buffer.byteLength(record);
      if (count === maxItems || (count > 0 && bytes + size > maxBytes)) break;
      bytes += size;
      count += 1;
    }
    this.#waitingBytes -= bytes;
    return this.#waiting.splice(0, count);
  }

  /** Until it has arrived or all is over. Never rejects. */
  async #deliver(batch: readonly string[]): Promise<void> {
    this.#isSending = true;
    for (let pauseMs = telemetryRetryMsMin; !this.#closing.signal.aborted; pauseMs *= 2) {
      if (await this.#try(batch)) break;
      const { clock } = this.#deps;
      await clock.sleep(Math.min(pauseMs, telemetryRetryMsMax), this.#closing.signal).catch(() => undefined);
      await this.#paused?.promise;
    }
    this.#isSending = false;
    this.#reportDropped();
    if (this.#waiting.length > 0 && !this.#closing.signal.aborted) this.#schedule();
  }

  /** Whether it has arrived. */
  #try(batch: readonly string[]): Promise<boolean> {
    const address = this.#deps.address();
    if (!address) return Promise.resolve(false);
    const attempt = this.#sender.send(address, batch).then(
      () => true,
      () => false, // the function's own listener has failed; it is tried again
    );
    this.#attempt = attempt;
    return attempt;
  }

  #reportDropped(): void {
    const { records: droppedRecords, bytes: droppedBytes } = this.#dropped;
    if (droppedRecords === 0) return;
    this.#dropped = { records: 0, bytes: 0 };
    // AWS's sentence.
    const reason = "Consumer seems to have fallen behind as it has not acknowledged receipt of logs.";
    this.push({
      atMs: this.#deps.clock.now(),
      type: "platform.logsDropped",
      record: { droppedRecords, droppedBytes, reason },
    });
  }
}
