/** Tags, the permissions in a topic's policy, and data protection, of which there is none. */
import { tagsMax } from "../../../limits.ts";
import { type Context, notImplemented, type OperationsOf } from "../../service.ts";
import { topicOfArn } from "../domain/names.ts";
import { checkCaller, withoutPermission, withPermission } from "../domain/topic-policy.ts";
import { invalidParameter, resourceNotFound, tooManyTags } from "../errors.ts";
import type { Client, SnsParts } from "../parts.ts";
import type { Topic } from "../topic.ts";

type AccessOperations = Pick<
  OperationsOf<Client>,
  | "AddPermission"
  | "RemovePermission"
  | "TagResource"
  | "UntagResource"
  | "ListTagsForResource"
  | "GetDataProtectionPolicy"
  | "PutDataProtectionPolicy"
>;

export function accessOperations({ topics }: SnsParts): AccessOperations {
  async function tagged(arn: string | undefined, { identity }: Context, action: string): Promise<Topic> {
    const name = topicOfArn(arn ?? "");
    const topic = name && (await topics.find(name));
    if (!topic) throw resourceNotFound();
    checkCaller(topic.record, identity, action);
    return topic;
  }

  return {
    async AddPermission({ TopicArn, Label, AWSAccountId: accounts, ActionName: actions }, ctx) {
      const topic = await topics.named(TopicArn, ctx, "AddPermission");
      await topic.change((before) => {
        const Policy = withPermission(before, { label: Label, accounts, actions });
        return { ...before, attributes: { ...before.attributes, Policy } };
      });
      return {};
    },

    async RemovePermission({ TopicArn, Label }, ctx) {
      const topic = await topics.named(TopicArn, ctx, "RemovePermission");
      await topic.change((before) => {
        const Policy = withoutPermission(before, Label);
        return { ...before, attributes: { ...before.attributes, Policy } };
      });
      return {};
    },

    async TagResource({ ResourceArn, Tags }, ctx) {
      const topic = await tagged(ResourceArn, ctx, "TagResource");
      const added = Object.fromEntries(Tags.map(({ Key = "", Value = "" }) => [Key, Value]));
      if (Object.keys(added).length < Tags.length) {
        throw invalidParameter("Duplicated keys are not allowed.");
      }
      await topic.change((before) => {
        const tags = { ...before.tags, ...added };
        if (Object.keys(tags).length > tagsMax) throw tooManyTags();
        return { ...before, tags };
      });
      return {};
    },

    async UntagResource({ ResourceArn, TagKeys }, ctx) {
      const topic = await tagged(ResourceArn, ctx, "UntagResource");
      await topic.change((before) => ({
        ...before,
        tags: Object.fromEntries(Object.entries(before.tags).filter(([key]) => !TagKeys.includes(key))),
      }));
      return {};
    },

    async ListTagsForResource({ ResourceArn }, ctx) {
      const { tags } = (await tagged(ResourceArn, ctx, "ListTagsForResource")).record;
      return { Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) };
    },

    async GetDataProtectionPolicy({ ResourceArn }, ctx) {
      await topics.named(ResourceArn, ctx, "GetDataProtectionPolicy", "ResourceArn");
      return { DataProtectionPolicy: "" };
    },

    PutDataProtectionPolicy: notImplemented("messages are not searched for sensitive data"),
  };
}
