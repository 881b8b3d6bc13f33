/** Tags, and the permissions in a queue's policy. */
import { tagsMax } from "../../../limits.ts";
import type { OperationsOf } from "../../service.ts";
import { withoutPermission, withPermission } from "../domain/policy.ts";
import { invalidParameter, missingParameter } from "../errors.ts";
import type { SqsParts } from "../parts.ts";
import type { QueueRecord } from "../store.ts";
import type { Client } from "../to-wire.ts";

type AccessOperations = Pick<
  OperationsOf<Client>,
  "TagQueue" | "UntagQueue" | "ListQueueTags" | "AddPermission" | "RemovePermission"
>;

export function accessOperations({ queues }: SqsParts): AccessOperations {
  return {
    async TagQueue({ QueueUrl, Tags }, ctx) {
      if (Object.keys(Tags).length === 0) throw missingParameter("Tags");
      const queue = await queues.named(QueueUrl, ctx, "TagQueue");
      await queue.change((before) => {
        const tags = { ...before.tags, ...Tags };
        if (Object.keys(tags).length > tagsMax) throw invalidParameter("Too many tags added for queue."); // inferred
        return { ...before, tags };
      });
      return {};
    },

    async UntagQueue({ QueueUrl, TagKeys }, ctx) {
      if (TagKeys.length === 0)
        throw invalidParameter("Tag keys must be between 1 and 128 characters in length."); // inferred
      const queue = await queues.named(QueueUrl, ctx, "UntagQueue");
      await queue.change((before) => ({
        ...before,
        tags: Object.fromEntries(Object.entries(before.tags).filter(([key]) => !TagKeys.includes(key))),
      }));
      return {};
    },

    async ListQueueTags({ QueueUrl }, ctx) {
      const { tags } = (await queues.named(QueueUrl, ctx, "ListQueueTags")).record;
      return Object.keys(tags).length === 0 ? {} : { Tags: tags };
    },

    async AddPermission({ QueueUrl, Label, AWSAccountIds, Actions }, ctx) {
      const queue = await queues.named(QueueUrl, ctx, "AddPermission");
      const grant = { label: Label, accounts: AWSAccountIds, actions: Actions };
      await queue.change((before) =>
        withPolicy(before, withPermission(before.attributes["Policy"], before, grant)),
      );
      return {};
    },

    async RemovePermission({ QueueUrl, Label }, ctx) {
      const queue = await queues.named(QueueUrl, ctx, "RemovePermission");
      await queue.change((before) =>
        withPolicy(before, withoutPermission(before.attributes["Policy"], Label)),
      );
      return {};
    },
  };
}

function withPolicy(before: QueueRecord, policy: string | undefined): QueueRecord {
  const { Policy: _, ...rest } = before.attributes;
  return { ...before, attributes: policy === undefined ? rest : { ...rest, Policy: policy } };
}
