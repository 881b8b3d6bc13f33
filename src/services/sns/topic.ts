/**
 * One topic at work: its record, its subscriptions in memory with their filters ready, what it remembers of what was
 * published. Read `publish` first. Changes take turns; what they write is durable before they answer.
 */
import { SentLog, type SentOnce } from "../../events/deduplication.ts";
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { Deliveries } from "./deliveries.ts";
import type { Matcher } from "./domain/filter-policy.ts";
import { filteredValues } from "./domain/message-attributes.ts";
import { topicArn } from "./domain/names.ts";
import { type Content, messageFor } from "./domain/publication.ts";
import { matcherOf, scopeOf, type Subscription } from "./domain/subscription.ts";
import { settingsOf, type TopicSettings } from "./domain/topic-attributes.ts";
import { topicNotFound } from "./errors.ts";
import type { Accepted, SnsStore, TokenRecord, TopicRecord } from "./store.ts";

export interface TopicDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: SnsStore;
  readonly deliveries: Deliveries;
}

interface Subscribed {
  readonly subscription: Subscription;
  /** Undefined: everything passes. */
  readonly matcher: Matcher | undefined;
}

export interface Published {
  readonly messageId: string;
  readonly seq: number;
}

export class Topic {
  readonly #deps: TopicDeps;
  #record: TopicRecord;
  #version: number;
  #settings: TopicSettings;
  #subscribed = new Map<string, Subscribed>();
  readonly #sent = new SentLog();
  /** Accepted, and not durable yet: who repeats it waits with it. */
  readonly #accepting = new Map<SentOnce, Promise<void>>();
  #loading: Promise<void> | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #isDeleted = false;

  constructor(deps: TopicDeps, record: TopicRecord, version: number) {
    this.#deps = deps;
    this.#record = record;
    this.#version = version;
    this.#settings = settingsOf(record.attributes);
  }

  get record(): TopicRecord {
    return this.#record;
  }

  get settings(): TopicSettings {
    return this.#settings;
  }

  get arn(): string {
    return topicArn(this.#record);
  }

  /** Runs `work` when all that came before is done. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(() => {
      if (this.#isDeleted) throw topicNotFound();
      return work();
    });
    this.#turn = turn.catch(() => {});
    return turn;
  }

  change(change: (before: TopicRecord) => TopicRecord): Promise<void> {
    return this.inTurn(async () => {
      const after = change(this.#record);
      this.#become(after, await this.#deps.store.putTopic(after, this.#version));
    });
  }

  delete(): Promise<void> {
    return this.inTurn(async () => {
      await this.#deps.store.removeTopic(this.#record);
      this.#isDeleted = true;
    });
  }

  // Subscriptions. In the order of their ids.

  async subscriptions(): Promise<readonly Subscription[]> {
    await this.#loaded();
    return [...this.#subscribed.values()].map(({ subscription }) => subscription);
  }

  async subscription(uuid: string): Promise<Subscription | undefined> {
    await this.#loaded();
    return this.#subscribed.get(uuid)?.subscription;
  }

  /** Only `inTurn`. */
  async keep(subscription: Subscription): Promise<void> {
    await this.#loaded();
    await this.#deps.store.putSubscription(this.#record.id, subscription);
    this.#subscribe(subscription);
  }

  /** Only `inTurn`. `restore`: how it comes back. */
  async drop(
    subscription: Subscription,
    restore?: { readonly token: string; readonly record: TokenRecord },
  ): Promise<void> {
    const after = { ...this.#record, deletedCount: this.#record.deletedCount + 1 };
    const version = await this.#deps.store.removeSubscription(after, this.#version, subscription, restore);
    this.#become(after, version);
    this.#subscribed.delete(subscription.uuid);
  }

  // Publishing.

  /** Resolves when all are durable. A message that was published within five minutes is accepted and not sent again. */
  async publish(
    contents: readonly Content[],
    traceHeader: string | undefined,
  ): Promise<readonly Published[]> {
    await this.#loaded();
    if (this.#isDeleted) throw topicNotFound();
    const nowMs = this.#deps.clock.now();
    const durable = Promise.withResolvers<void>();
    durable.promise.catch(() => {}); // who repeats a message awaits it, if anyone does
    const accepted: Accepted[] = [];
    const repeats: Promise<void>[] = [];
    const published = contents.map((content): Published => {
      const known = this.#known(content, nowMs);
      if (known) {
        const accepting = this.#accepting.get(known);
        if (accepting) repeats.push(accepting);
        return { messageId: known.messageId, seq: known.seq };
      }
      const one = this.#accept(content, traceHeader, nowMs);
      if (one.sentOnce) {
        this.#sent.add(one.sentOnce);
        this.#accepting.set(one.sentOnce, durable.promise);
      }
      accepted.push(one);
      return one.publication;
    });
    await this.#settle(accepted, nowMs, durable);
    await Promise.all(repeats);
    return published;
  }

  async #settle(
    accepted: readonly Accepted[],
    nowMs: number,
    durable: PromiseWithResolvers<void>,
  ): Promise<void> {
    const sent = accepted.flatMap(({ sentOnce }) => sentOnce ?? []);
    try {
      const forgotten = this.#sent.forget(nowMs, accepted.length);
      await this.#deps.deliveries.accept(this.#record.id, accepted, forgotten);
      durable.resolve();
    } catch (error) {
      for (const each of sent) this.#sent.withdraw(each);
      durable.reject(error);
      throw error;
    } finally {
      for (const each of sent) this.#accepting.delete(each);
    }
  }

  #known({ dedupId, groupId = "" }: Content, nowMs: number): SentOnce | undefined {
    if (dedupId === undefined) return undefined;
    return this.#sent.find({ dedupId, groupId, scope: this.#settings.dedupScope }, nowMs);
  }

  #accept(content: Content, traceHeader: string | undefined, nowMs: number): Accepted {
    const seq = this.#deps.deliveries.nextSeq();
    const messageId = this.#deps.random.uuid();
    const { dedupId, groupId = "" } = content;
    const { isFifo, dedupScope: scope } = this.#settings;
    return {
      content,
      publication: {
        seq,
        messageId,
        topic: { account: this.#record.account, region: this.#record.region, name: this.#record.name },
        kind: "Notification",
        atMs: nowMs,
        ...(isFifo && { orderedGroup: groupId }),
        ...(traceHeader !== undefined && { traceHeader }),
        remaining: this.#audience(content).map((subscriptionUuid) => ({
          subscriptionUuid,
          stage: "endpoint",
          failures: 0,
          dueAtMs: nowMs,
        })),
      },
      sentOnce: dedupId === undefined ? undefined : { dedupId, groupId, scope, messageId, seq, atMs: nowMs },
    };
  }

  /** Those whose filters let it pass. */
  #audience(content: Content): readonly string[] {
    let attributes: object | undefined | "unread" = "unread";
    const bodies = new Map<string, unknown>();
    const passes = ({ subscription, matcher }: Subscribed): boolean => {
      if (subscription.state.kind !== "confirmed") return false;
      if (!matcher) return true;
      if (scopeOf(subscription.attributes) === "MessageAttributes") {
        if (attributes === "unread") attributes = filteredValues(content.attributes);
        return attributes !== undefined && matcher(attributes);
      }
      const text = messageFor(content, subscription.protocol);
      if (!bodies.has(text)) bodies.set(text, objectIn(text));
      const body = bodies.get(text);
      return body !== undefined && matcher(body);
    };
    return [...this.#subscribed].filter(([, one]) => passes(one)).map(([uuid]) => uuid);
  }

  // Memory.

  #become(record: TopicRecord, version: number): void {
    this.#record = record;
    this.#version = version;
    this.#settings = settingsOf(record.attributes);
  }

  #subscribe(subscription: Subscription): void {
    this.#subscribed.set(subscription.uuid, { subscription, matcher: matcherOf(subscription) });
  }

  #loaded(): Promise<void> {
    this.#loading ??= this.#load().catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  async #load(): Promise<void> {
    const { store } = this.#deps;
    const { id } = this.#record;
    const [subscriptions, sent] = await Promise.all([store.subscriptions(id), store.sent(id)]);
    for (const subscription of subscriptions) this.#subscribe(subscription);
    for (const each of sent.toSorted((one, other) => one.atMs - other.atMs)) this.#sent.add(each);
  }
}

/** Undefined: it is none, and no filter on the body lets it pass. */
function objectIn(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
