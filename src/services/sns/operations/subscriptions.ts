/** Subscribing, confirming, unsubscribing, and what subscriptions say of themselves. */
import {
  confirmationLifeMs,
  fifoTopicSubscriptionsMax,
  largeTopicSubscriptionsMax,
  publishedBytesDefault,
  topicSubscriptionsMax,
} from "../../../limits.ts";
import type { Context, OperationsOf } from "../../service.ts";
import { effectiveSubscriptionPolicy } from "../domain/delivery-policy.ts";
import {
  checkCarriesLarge,
  checkedProtocol,
  checkEndpoint,
  needsConfirmation,
  type Protocol,
} from "../domain/endpoint.ts";
import { confirmationMessage } from "../domain/envelope.ts";
import { namedSubscription, subscriptionArn, topicOfArn } from "../domain/names.ts";
import { newAttributes, type Subscription, withAttribute } from "../domain/subscription.ts";
import type { Attributes } from "../domain/topic-attributes.ts";
import { checkCaller } from "../domain/topic-policy.ts";
import {
  invalidParameter,
  invalidToken,
  notAuthorized,
  subscriptionNotFound,
  tooManySubscriptions,
  topicNotFound,
} from "../errors.ts";
import { pageOf } from "../paging.ts";
import type { Client, SnsParts } from "../parts.ts";
import type { Publication } from "../store.ts";
import type { Topic } from "../topic.ts";

type SubscriptionOperations = Pick<
  OperationsOf<Client>,
  | "Subscribe"
  | "ConfirmSubscription"
  | "Unsubscribe"
  | "GetSubscriptionAttributes"
  | "SetSubscriptionAttributes"
  | "ListSubscriptions"
  | "ListSubscriptionsByTopic"
>;

export function subscriptionOperations(parts: SnsParts): SubscriptionOperations {
  const { clock, random, store, topics } = parts;

  return {
    async Subscribe({ TopicArn, Protocol, Endpoint = "", Attributes: given, ReturnSubscriptionArn }, ctx) {
      const topic = await topics.named(TopicArn, ctx, "Subscribe");
      const protocol = checkedProtocol(Protocol);
      checkEndpoint(protocol, Endpoint, topic.settings.isFifo);
      const { record: name } = topic;
      const attributes = newAttributes({ ...given }, { protocol, topic: name });
      const subscription = await topic.inTurn(async () => {
        const all = await topic.subscriptions();
        const existing = all.find((one) => one.protocol === protocol && one.endpoint === Endpoint);
        if (existing) return again(existing, attributes);
        checkRoom(topic, protocol, all.length);
        const added: Subscription = {
          uuid: random.uuid(),
          topic: { account: name.account, region: name.region, name: name.name },
          protocol,
          endpoint: Endpoint,
          owner: ctx.account,
          principalArn: ctx.identity.principalArn,
          attributes,
          state: stateOf(needsConfirmation(protocol, Endpoint, ctx.account)),
        };
        await topic.keep(added);
        return added;
      });
      if (subscription.state.kind === "pending")
        await askToConfirm(topic, subscription, subscription.state.token);
      const isShown = subscription.state.kind === "confirmed" || ReturnSubscriptionArn === true;
      return { SubscriptionArn: isShown ? subscriptionArn(name, subscription.uuid) : "pending confirmation" };
    },

    async ConfirmSubscription({ TopicArn, Token, AuthenticateOnUnsubscribe }, ctx) {
      // A wrong name in the right region confirms, too (recorded).
      if (topicOfArn(TopicArn ?? "")?.region !== ctx.region) throw invalidParameter("Topic");
      if (!/^[0-9a-f]+$/.test(Token)) throw invalidToken();
      const token = await store.token(Token);
      if (!token || token.expiresAtMs <= clock.now()) throw invalidParameter("Token");
      const topic = await topics.find(token.topic);
      if (!topic) throw topicNotFound();
      const isAuthenticated = ctx.identity.signed !== "none" && AuthenticateOnUnsubscribe === "true";
      const arn = subscriptionArn(token.topic, token.subscriptionUuid);
      return topic.inTurn(async () => {
        const subscription = (await topic.subscription(token.subscriptionUuid)) ?? token.restored;
        if (!subscription) throw subscriptionNotFound();
        const isThere = subscription.state.kind === "confirmed" && subscription !== token.restored;
        if (!isThere) await topic.keep({ ...subscription, state: { kind: "confirmed", isAuthenticated } });
        return { SubscriptionArn: arn };
      });
    },

    /** What is not there is ended, too. */
    async Unsubscribe({ SubscriptionArn }, ctx) {
      const named = namedSubscription(SubscriptionArn, ctx.region);
      const topic = await topics.find(named.topic);
      await topic?.inTurn(async () => {
        const subscription = await topic.subscription(named.uuid);
        if (!subscription) return;
        checkMayEnd(subscription, ctx, SubscriptionArn ?? "");
        if (subscription.state.kind === "pending")
          throw invalidParameter("This subscription is pending confirmation"); // inferred
        await end(topic, subscription);
      });
      return {};
    },

    async GetSubscriptionAttributes({ SubscriptionArn }, ctx) {
      const { topic, subscription } = await topics.subscribed(SubscriptionArn, ctx);
      checkOwner(subscription, ctx, "GetSubscriptionAttributes");
      return { Attributes: shownAttributes(topic, subscription) };
    },

    async SetSubscriptionAttributes(
      { SubscriptionArn, AttributeName: name, AttributeValue: value = "" },
      ctx,
    ) {
      const { topic, subscription: found } = await topics.subscribed(SubscriptionArn, ctx);
      checkOwner(found, ctx, "SetSubscriptionAttributes");
      await topic.inTurn(async () => {
        const subscription = await topic.subscription(found.uuid);
        if (!subscription) throw subscriptionNotFound();
        const attributes = withAttribute(subscription.attributes, { name, value }, subscription);
        await topic.keep({ ...subscription, attributes });
      });
      return {};
    },

    /** Of the topics of the caller's account. */
    async ListSubscriptions({ NextToken }, ctx) {
      const all: Subscription[] = [];
      for (let after: string | undefined; ;) {
        const page = await store.topics(ctx, { after, limit: 1000 });
        for (const { value } of page.items)
          all.push(...((await (await topics.find(value))?.subscriptions()) ?? []));
        after = page.next?.at(-1);
        if (after === undefined) break;
      }
      return shownPage(all, NextToken);
    },

    async ListSubscriptionsByTopic({ TopicArn, NextToken }, ctx) {
      const topic = await topics.named(TopicArn, ctx, "ListSubscriptionsByTopic");
      return shownPage(await topic.subscriptions(), NextToken);
    },
  };

  function stateOf(isPending: boolean): Subscription["state"] {
    if (!isPending) return { kind: "confirmed", isAuthenticated: true };
    return { kind: "pending", token: random.hex(tokenBytes), expiresAtMs: clock.now() + confirmationLifeMs };
  }

  /** To the endpoint itself, whoever that is; the answer is a request of its own. */
  function askToConfirm(topic: Topic, { uuid }: Subscription, token: string): Promise<void> {
    return tell(topic, uuid, { kind: "SubscriptionConfirmation", token });
  }

  /** HTTP endpoints are told, and may want it back. */
  async function end(topic: Topic, subscription: Subscription): Promise<void> {
    const isWeb = subscription.protocol === "http" || subscription.protocol === "https";
    if (!isWeb) return topic.drop(subscription);
    const token = random.hex(tokenBytes);
    const record = {
      topic: subscription.topic,
      subscriptionUuid: subscription.uuid,
      expiresAtMs: clock.now() + confirmationLifeMs,
      restored: subscription,
    };
    await topic.drop(subscription, { token, record });
    await tell(topic, subscription.uuid, { kind: "UnsubscribeConfirmation", token, addressee: subscription });
  }

  function tell(
    topic: Topic,
    subscriptionUuid: string,
    about: Pick<Publication, "addressee" | "token"> & {
      readonly kind: "SubscriptionConfirmation" | "UnsubscribeConfirmation";
    },
  ): Promise<void> {
    const nowMs = clock.now();
    const { account, region, name } = topic.record;
    const publication: Publication = {
      ...about,
      seq: parts.deliveries.nextSeq(),
      messageId: random.uuid(),
      topic: { account, region, name },
      atMs: nowMs,
      remaining: [{ subscriptionUuid, stage: "endpoint", failures: 0, dueAtMs: nowMs }],
    };
    const names = { topicArn: topic.arn, subscriptionArn: subscriptionArn(topic.record, subscriptionUuid) };
    const content = { message: confirmationMessage(about.kind, names) };
    return parts.deliveries.accept(topic.record.id, [{ publication, content, sentOnce: undefined }]);
  }
}

/** AWS's are as long. */
const tokenBytes = 112;

/** The same endpoint once more: the same subscription, if nothing else is wanted. */
function again(existing: Subscription, wanted: Attributes): Subscription {
  const isSame = Object.entries(wanted).every(([name, value]) => existing.attributes[name] === value);
  if (isSame) return existing;
  throw invalidParameter("Attributes Reason: Subscription already exists with different attributes");
}

function checkRoom({ settings }: Topic, protocol: Protocol, count: number): void {
  if (count >= (settings.isFifo ? fifoTopicSubscriptionsMax : topicSubscriptionsMax))
    throw tooManySubscriptions();
  if (settings.messageBytesMax <= publishedBytesDefault) return;
  checkCarriesLarge(protocol);
  if (count >= largeTopicSubscriptionsMax) throw tooManySubscriptions();
}

/** Who has the link may end it, unless its owner has reserved that. */
function checkMayEnd(subscription: Subscription, { identity }: Context, arn: string): void {
  const { state, owner, topic, protocol, endpoint } = subscription;
  const isOwner = identity.account === owner || identity.account === topic.account;
  const isSigned = identity.signed !== "none";
  const isReserved =
    state.kind === "confirmed" && state.isAuthenticated && needsConfirmation(protocol, endpoint, owner);
  if (isSigned ? isOwner : !isReserved) return;
  throw notAuthorized(identity.principalArn, "Unsubscribe", arn);
}

function checkOwner(subscription: Subscription, { identity }: Context, action: string): void {
  if (identity.account === subscription.owner) return;
  checkCaller({ ...subscription.topic, attributes: {} }, identity, action);
}

function shownAttributes(topic: Topic, subscription: Subscription): Record<string, string> {
  const { attributes, state, protocol, endpoint, owner, principalArn, uuid } = subscription;
  const { FilterPolicy, FilterPolicyScope = "MessageAttributes", ...rest } = attributes;
  const isWeb = protocol === "http" || protocol === "https";
  const topicPolicy = topic.record.attributes["DeliveryPolicy"];
  return {
    ...rest,
    ...(FilterPolicy !== undefined && { FilterPolicy, FilterPolicyScope }),
    ...(isWeb && {
      EffectiveDeliveryPolicy: effectiveSubscriptionPolicy(topicPolicy, attributes["DeliveryPolicy"]),
    }),
    ConfirmationWasAuthenticated: String(state.kind === "confirmed" && state.isAuthenticated),
    Endpoint: endpoint,
    Owner: owner,
    PendingConfirmation: String(state.kind === "pending"),
    Protocol: protocol,
    RawMessageDelivery: attributes["RawMessageDelivery"] ?? "false",
    SubscriptionArn: subscriptionArn(topic.record, uuid),
    SubscriptionPrincipal: principalArn,
    TopicArn: topic.arn,
  };
}

function shownPage(all: readonly Subscription[], token: string | undefined) {
  const arnOf = ({ topic, uuid }: Subscription) => subscriptionArn(topic, uuid);
  const { items, ...rest } = pageOf(all, arnOf, token);
  const Subscriptions = items.map((subscription) => ({
    SubscriptionArn: subscription.state.kind === "pending" ? "PendingConfirmation" : arnOf(subscription),
    Owner: subscription.owner,
    Protocol: subscription.protocol,
    Endpoint: subscription.endpoint,
    TopicArn: arnOf(subscription).slice(0, -subscription.uuid.length - 1),
  }));
  return { Subscriptions, ...rest };
}
