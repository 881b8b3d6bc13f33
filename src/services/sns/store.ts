/**
 * The only file of this service that touches the store: topics, subscriptions, tokens, what was published and not delivered
 * everywhere yet, what FIFO topics remember, mails, the key that signs.
 *
 * Subscriptions lie under their topic's id, which a topic that is made anew under the same name does not have: a deletion
 * remembers the id as rubbish in the same commit, and clears it behind the caller's back. A publication (who is still to
 * get it: small) and its content (large, never changed) come and go in one commit (E2).
 */
import type { SentOnce } from "../../events/deduplication.ts";
import { storeBatchWritesMax } from "../../limits.ts";
import type { Page, Records, Stored } from "../../store/records.ts";
import { records } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import type { TopicName } from "./domain/names.ts";
import type { Content } from "./domain/publication.ts";
import type { Subscription } from "./domain/subscription.ts";
import type { Attributes } from "./domain/topic-attributes.ts";

export interface TopicRecord extends TopicName {
  /** Hex. A topic that is made anew under the same name has another. */
  readonly id: string;
  readonly attributes: Attributes;
  readonly tags: Readonly<Record<string, string>>;
  /** Subscriptions that there were and are no more. */
  readonly deletedCount: number;
}

/** Proves that who reads an endpoint's mail wants it, or wants it back. */
export interface TokenRecord {
  readonly topic: TopicName;
  readonly subscriptionUuid: string;
  readonly expiresAtMs: number;
  /** The subscription that comes back; undefined: it is there and waits to be confirmed. */
  readonly restored?: Subscription;
}

/** What some subscriptions are still to get. */
export interface Publication {
  /** Order of acceptance; strictly rising. */
  readonly seq: number;
  readonly messageId: string;
  readonly topic: TopicName;
  readonly kind: "Notification" | "SubscriptionConfirmation" | "UnsubscribeConfirmation";
  readonly atMs: number;
  /** Of FIFO topics: order is kept within it. */
  readonly orderedGroup?: string;
  readonly traceHeader?: string;
  readonly token?: string;
  /** A subscription that is no longer there and is told so. */
  readonly addressee?: Subscription;
  readonly remaining: readonly Remaining[];
}

export interface Remaining {
  readonly subscriptionUuid: string;
  readonly stage: "endpoint" | "dead-letter";
  /** Of this stage. */
  readonly failures: number;
  readonly dueAtMs: number;
}

export interface Accepted {
  readonly publication: Publication;
  readonly content: Content;
  readonly sentOnce: SentOnce | undefined;
}

/** A message to a person. */
export interface Mail {
  /** Strictly rising. */
  readonly seq: number;
  readonly atMs: number;
  readonly kind: "email" | "sms";
  readonly to: string;
  /** The topic; undefined: it was sent to this address alone. */
  readonly from?: string;
  readonly subject?: string;
  readonly body: string;
}

/** PEM. */
export interface SigningKey {
  readonly privateKey: string;
  readonly certificate: string;
}

export class SnsStore {
  readonly #store: Store;
  readonly #topics: Records<TopicRecord>;
  readonly #subscriptions: Records<Subscription>;
  readonly #tokens: Records<TokenRecord>;
  readonly #publications: Records<Publication>;
  readonly #contents: Records<Content>;
  readonly #sent: Records<SentOnce>;
  readonly #rubbish: Records<string>;
  readonly #mails: Records<Mail>;
  readonly #smsAttributes: Records<Attributes>;
  readonly #keys: Records<SigningKey>;

  constructor(store: Store) {
    this.#store = store;
    this.#topics = records(store, "sns/topic");
    this.#subscriptions = records(store, "sns/subscription");
    this.#tokens = records(store, "sns/token");
    this.#publications = records(store, "sns/publication");
    this.#contents = records(store, "sns/content");
    this.#sent = records(store, "sns/sent");
    this.#rubbish = records(store, "sns/rubbish");
    this.#mails = records(store, "sns/mail");
    this.#smsAttributes = records(store, "sns/sms-attributes");
    this.#keys = records(store, "sns/signing-key");
  }

  // Topics and subscriptions.

  topic({ account, region, name }: TopicName): Promise<Stored<TopicRecord> | undefined> {
    return this.#topics.get([account, region, name]);
  }

  /** In the order of names, those behind `after`. */
  topics(
    { account, region }: Pick<TopicName, "account" | "region">,
    { after, limit }: { readonly after: string | undefined; readonly limit: number },
  ): Promise<Page<TopicRecord>> {
    return this.#topics.page({
      parts: [account, region],
      limit,
      ...(after !== undefined && { after: [account, region, after] }),
    });
  }

  /** Answers the new version. Throws a conflict if the version is another; 0: there must be none. */
  async putTopic(record: TopicRecord, ifVersion: number): Promise<number> {
    const { account, region, name } = record;
    const put = this.#topics.put([account, region, name], record, ifVersion);
    return (await this.#store.commit([put])).versions[0] ?? 0;
  }

  async removeTopic({ account, region, name, id }: TopicRecord): Promise<void> {
    await this.#store.commit([this.#topics.remove([account, region, name]), this.#rubbish.put([id], id)]);
  }

  async subscriptions(topicId: string): Promise<readonly Subscription[]> {
    return (await all(this.#subscriptions, [topicId])).map(({ value }) => value);
  }

  /** With the token that confirms it, if it needs one. */
  async putSubscription(topicId: string, subscription: Subscription): Promise<void> {
    const { uuid, topic, state } = subscription;
    const writes = [this.#subscriptions.put([topicId, uuid], subscription)];
    if (state.kind === "pending") {
      const { token, expiresAtMs } = state;
      writes.push(this.#tokens.put([token], { topic, subscriptionUuid: uuid, expiresAtMs }));
    }
    await this.#store.commit(writes);
  }

  /** `restore`: the token that brings it back. Answers the topic's new version. */
  async removeSubscription(
    topic: TopicRecord,
    ifVersion: number,
    { uuid }: Subscription,
    restore: { readonly token: string; readonly record: TokenRecord } | undefined,
  ): Promise<number> {
    const { account, region, name } = topic;
    const writes = [
      this.#topics.put([account, region, name], topic, ifVersion),
      this.#subscriptions.remove([topic.id, uuid]),
    ];
    if (restore) writes.push(this.#tokens.put([restore.token], restore.record));
    return (await this.#store.commit(writes)).versions[0] ?? 0;
  }

  async token(token: string): Promise<TokenRecord | undefined> {
    return (await this.#tokens.get([token]))?.value;
  }

  /** Removes tokens that are past their time; answers them. */
  async expireTokens(nowMs: number): Promise<readonly TokenRecord[]> {
    const tokens = await all(this.#tokens, []);
    const gone = tokens.filter(({ value }) => value.expiresAtMs <= nowMs).slice(0, storeBatchWritesMax);
    if (gone.length > 0) await this.#store.commit(gone.map(({ parts }) => this.#tokens.remove(parts)));
    return gone.map(({ value }) => value);
  }

  /** Subscriptions and memories of topics that are gone; after a crash, too. */
  async clearRubbish(): Promise<void> {
    for await (const { value: id } of this.#rubbish.each({ parts: [] })) {
      await this.#clear(this.#subscriptions, id);
      await this.#clear(this.#sent, id);
      await this.#store.commit([this.#rubbish.remove([id])]);
    }
  }

  // Publications.

  /** Everything in one commit; `forgotten`: what the topic does not remember any longer. */
  async accept(
    topicId: string,
    accepted: readonly Accepted[],
    forgotten: readonly SentOnce[],
  ): Promise<void> {
    const writes = accepted.flatMap(({ publication, content, sentOnce }) => [
      ...(publication.remaining.length > 0
        ? [
            this.#publications.put([place(publication.seq)], publication),
            this.#contents.put([place(publication.seq)], content),
          ]
        : []),
      ...(sentOnce ? [this.#sent.put([topicId, place(sentOnce.seq)], sentOnce)] : []),
    ]);
    const forgets = forgotten.map(({ seq }) => this.#sent.remove([topicId, place(seq)]));
    if (writes.length + forgets.length > 0) await this.#store.commit([...writes, ...forgets]);
  }

  /** Who is still to get it. */
  async progress(publication: Publication): Promise<void> {
    await this.#store.commit([this.#publications.put([place(publication.seq)], publication)]);
  }

  async delivered({ seq }: Publication): Promise<void> {
    await this.#store.commit([this.#publications.remove([place(seq)]), this.#contents.remove([place(seq)])]);
  }

  /** In the order of acceptance. */
  async *publications(): AsyncGenerator<Publication> {
    for await (const { value } of this.#publications.each({ parts: [] })) yield value;
  }

  async content({ seq }: Publication): Promise<Content | undefined> {
    return (await this.#contents.get([place(seq)]))?.value;
  }

  async sent(topicId: string): Promise<readonly SentOnce[]> {
    return (await all(this.#sent, [topicId])).map(({ value }) => value);
  }

  // Mails.

  async putMail(mail: Mail, forgottenSeqs: readonly number[]): Promise<void> {
    await this.#store.commit([
      this.#mails.put([place(mail.seq)], mail),
      ...forgottenSeqs.map((seq) => this.#mails.remove([place(seq)])),
    ]);
  }

  /** Oldest first. */
  async *mails(): AsyncGenerator<Mail> {
    for await (const { value } of this.#mails.each({ parts: [] })) yield value;
  }

  // Settings of accounts, and the key.

  async smsAttributes({ account, region }: Pick<TopicName, "account" | "region">): Promise<Attributes> {
    return (await this.#smsAttributes.get([account, region]))?.value ?? {};
  }

  async putSmsAttributes(
    { account, region }: Pick<TopicName, "account" | "region">,
    attributes: Attributes,
  ): Promise<void> {
    await this.#store.commit([this.#smsAttributes.put([account, region], attributes)]);
  }

  async signingKey(): Promise<SigningKey | undefined> {
    return (await this.#keys.get(["current"]))?.value;
  }

  async putSigningKey(key: SigningKey): Promise<void> {
    await this.#store.commit([this.#keys.put(["current"], key)]);
  }

  async #clear(collection: Records<unknown>, topicId: string): Promise<void> {
    for (;;) {
      const { items, next } = await collection.page({ parts: [topicId], limit: storeBatchWritesMax });
      if (items.length > 0) await this.#store.commit(items.map(({ parts }) => collection.remove(parts)));
      if (!next) return;
    }
  }
}

async function all<T>(collection: Records<T>, parts: readonly string[]): Promise<Stored<T>[]> {
  const found: Stored<T>[] = [];
  for await (const stored of collection.each({ parts })) found.push(stored);
  return found;
}

/** So that places have the order of numbers. */
function place(seq: number): string {
  return String(seq).padStart(16, "0");
}
