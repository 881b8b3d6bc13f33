/** Making, showing, changing, listing and deleting topics. */
import {
  largeTopicSubscriptionsMax,
  publishedBytesDefault,
  tagsMax,
  topicsListedMax,
} from "../../../limits.ts";
import type { OperationsOf } from "../../service.ts";
import { checkCarriesLarge } from "../domain/endpoint.ts";
import { effectiveTopicPolicy } from "../domain/delivery-policy.ts";
import { topicArn, topicOfArn, namedTopic } from "../domain/names.ts";
import { settingsOf, withAttribute } from "../domain/topic-attributes.ts";
import { checkCaller, policyText } from "../domain/topic-policy.ts";
import { invalidParameter, tooManyTags, unsupported, tooManySubscriptions } from "../errors.ts";
import { nameIn, tokenOf } from "../paging.ts";
import type { Client, SnsParts } from "../parts.ts";
import type { Topic } from "../topic.ts";

type TopicOperations = Pick<
  OperationsOf<Client>,
  "CreateTopic" | "DeleteTopic" | "GetTopicAttributes" | "ListTopics" | "SetTopicAttributes"
>;

export function topicOperations({ store, topics }: SnsParts): TopicOperations {
  return {
    async CreateTopic({ Name, Attributes, Tags = [], DataProtectionPolicy }, ctx) {
      if (DataProtectionPolicy) throw unsupported("A data protection policy");
      const keys = new Set(Tags.map(({ Key }) => Key));
      if (keys.size < Tags.length) throw invalidParameter("Duplicated keys are not allowed.");
      if (keys.size > tagsMax) throw tooManyTags();
      const { account, region } = ctx;
      const name = { account, region, name: Name ?? "" };
      const tags = Object.fromEntries(Tags.map(({ Key = "", Value = "" }) => [Key, Value]));
      return { TopicArn: (await topics.create(name, { ...Attributes }, tags)).arn };
    },

    /** What is not there is deleted, too. */
    async DeleteTopic({ TopicArn }, ctx) {
      const topic = await topics.find(namedTopic("TopicArn", TopicArn, ctx.region));
      if (!topic) return {};
      checkCaller(topic.record, ctx.identity, "DeleteTopic");
      await topics.delete(topic);
      return {};
    },

    async GetTopicAttributes({ TopicArn }, ctx) {
      return { Attributes: await shownAttributes(await topics.named(TopicArn, ctx, "GetTopicAttributes")) };
    },

    async SetTopicAttributes({ TopicArn, AttributeName: name, AttributeValue: value = "" }, ctx) {
      const topic = await topics.named(TopicArn, ctx, "SetTopicAttributes");
      const subscriptions = await topic.subscriptions();
      await topic.change((before) => {
        const attributes = withAttribute(before.attributes, name, value);
        if (settingsOf(attributes).messageBytesMax > publishedBytesDefault) {
          for (const { protocol } of subscriptions) checkCarriesLarge(protocol);
          if (subscriptions.length > largeTopicSubscriptionsMax) throw tooManySubscriptions();
        }
        return { ...before, attributes };
      });
      return {};
    },

    async ListTopics({ NextToken }, ctx) {
      const after = NextToken === undefined ? undefined : topicOfArn(nameIn(NextToken))?.name;
      const { items, next } = await store.topics(ctx, { after, limit: topicsListedMax });
      const last = items.at(-1);
      return {
        Topics: items.map(({ value }) => ({ TopicArn: topicArn(value) })),
        ...(next && last && { NextToken: tokenOf(topicArn(last.value)) }),
      };
    },
  };
}

async function shownAttributes(topic: Topic): Promise<Record<string, string>> {
  const { record, arn } = topic;
  const subscriptions = await topic.subscriptions();
  const pending = subscriptions.filter(({ state }) => state.kind === "pending").length;
  return {
    ...record.attributes,
    DisplayName: record.attributes["DisplayName"] ?? "",
    EffectiveDeliveryPolicy: effectiveTopicPolicy(record.attributes["DeliveryPolicy"]),
    Owner: record.account,
    Policy: policyText(record),
    SubscriptionsConfirmed: String(subscriptions.length - pending),
    SubscriptionsDeleted: String(record.deletedCount),
    SubscriptionsPending: String(pending),
    TopicArn: arn,
  };
}
