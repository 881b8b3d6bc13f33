/** All topics: found by name, made, deleted. A topic that was used once stays in memory. */
import type { Random } from "../../base/random.ts";
import type { Logger } from "../../base/logger.ts";
import type { Context } from "../service.ts";
import {
  checkNewTopicName,
  namedSubscription,
  namedTopic,
  topicArn,
  type TopicName,
} from "./domain/names.ts";
import type { Subscription } from "./domain/subscription.ts";
import { type Attributes, newAttributes, settingsOf, withAttribute } from "./domain/topic-attributes.ts";
import { checkCaller } from "./domain/topic-policy.ts";
import { invalidParameter, subscriptionNotFound, topicNotFound } from "./errors.ts";
import type { SnsStore, TopicRecord } from "./store.ts";
import { Topic, type TopicDeps } from "./topic.ts";

export interface TopicsDeps extends TopicDeps {
  readonly random: Random;
  readonly logger: Logger;
  readonly store: SnsStore;
}

type Caller = Pick<Context, "region" | "identity">;

export class Topics {
  readonly #deps: TopicsDeps;
  readonly #topics = new Map<string, Topic>();
  #clearing: Promise<void> = Promise.resolve();

  constructor(deps: TopicsDeps) {
    this.#deps = deps;
  }

  /** For this action of the caller's. Throws NotFound, AuthorizationError, InvalidParameter. */
  async named(
    arn: string | undefined,
    caller: Caller,
    action: string,
    parameter = "TopicArn",
  ): Promise<Topic> {
    const topic = await this.find(namedTopic(parameter, arn, caller.region));
    if (!topic) throw topicNotFound();
    checkCaller(topic.record, caller.identity, action);
    return topic;
  }

  /** Throws NotFound, InvalidParameter. */
  async subscribed(
    arn: string | undefined,
    { region }: Caller,
  ): Promise<{ readonly topic: Topic; readonly subscription: Subscription }> {
    const named = namedSubscription(arn, region);
    const topic = await this.find(named.topic);
    const subscription = await topic?.subscription(named.uuid);
    if (!topic || !subscription) throw subscriptionNotFound();
    return { topic, subscription };
  }

  async find(name: TopicName): Promise<Topic | undefined> {
    const arn = topicArn(name);
    const known = this.#topics.get(arn);
    if (known) return known;
    const stored = await this.#deps.store.topic(name);
    if (!stored) return undefined;
    // Somebody else may have asked at the same time: there is one object for each topic.
    return this.#topics.get(arn) ?? this.#keep(new Topic(this.#deps, stored.value, stored.version));
  }

  /** Making what is there already is no error, if it is the same. */
  async create(name: TopicName, given: Attributes, tags: TopicRecord["tags"]): Promise<Topic> {
    const attributes = newAttributes(given);
    checkNewTopicName(name.name, settingsOf(attributes).isFifo);
    const existing = await this.find(name);
    if (existing) return requireSame(existing, given, tags);
    const { random, store } = this.#deps;
    const record: TopicRecord = { ...name, id: random.hex(8), attributes, tags, deletedCount: 0 };
    try {
      const version = await store.putTopic(record, 0);
      return this.#topics.get(topicArn(name)) ?? this.#keep(new Topic(this.#deps, record, version));
    } catch (error) {
      const winner = await this.find(name);
      if (winner) return requireSame(winner, given, tags);
      throw error;
    }
  }

  async delete(topic: Topic): Promise<void> {
    await topic.delete();
    this.#topics.delete(topic.arn);
    this.clear();
  }

  /** Takes away what deleted topics have left. */
  clear(): void {
    const { store, logger } = this.#deps;
    this.#clearing = this.#clearing
      .then(() => store.clearRubbish())
      .catch((error: unknown) => logger.warn("a topic's rest is cleared after the next start", { error }));
  }

  async stop(): Promise<void> {
    await this.#clearing;
  }

  #keep(topic: Topic): Topic {
    this.#topics.set(topic.arn, topic);
    return topic;
  }
}

/** What is given must be what the topic has. */
function requireSame(topic: Topic, given: Attributes, tags: TopicRecord["tags"]): Topic {
  const { attributes, tags: has } = topic.record;
  const { FifoTopic: _, ...rest } = given;
  for (const [name, value] of Object.entries(rest)) {
    if (withAttribute(attributes, name, value)[name] !== attributes[name]) {
      throw invalidParameter("Attributes Reason: Topic already exists with different attributes");
    }
  }
  for (const [key, value] of Object.entries(tags)) {
    if (has[key] !== value) {
      throw invalidParameter("Tags Reason: Topic already exists with different tags");
    }
  }
  return topic;
}
