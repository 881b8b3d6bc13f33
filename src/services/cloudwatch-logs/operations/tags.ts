/** Tags of log groups, by the old operations (by name) and the new ones (by ARN): one store for both. */
import { tagsMax } from "../../../limits.ts";
import type { OperationsOf } from "../../service.ts";
import type { Client, LogsDeps } from "../context.ts";
import { groupNamed, nameFromIdentifier } from "../context.ts";
import { groupNotFound, tooManyTags } from "../errors.ts";
import type { LogGroup } from "../store.ts";

type Operations = Pick<
  OperationsOf<Client>,
  | "TagLogGroup"
  | "UntagLogGroup"
  | "ListTagsLogGroup"
  | "TagResource"
  | "UntagResource"
  | "ListTagsForResource"
>;

export function tagOperations(deps: LogsDeps): Operations {
  async function tag(group: LogGroup, tags: Readonly<Record<string, string>>): Promise<void> {
    const isThere = await deps.store.updateGroup(group, (current) => {
      const merged = { ...current.tags, ...tags };
      if (Object.keys(merged).length > tagsMax) throw tooManyTags();
      return { ...current, tags: merged };
    });
    if (!isThere) throw groupNotFound();
  }

  async function untag(group: LogGroup, keys: readonly string[]): Promise<void> {
    const isThere = await deps.store.updateGroup(group, (current) => ({
      ...current,
      tags: Object.fromEntries(Object.entries(current.tags).filter(([key]) => !keys.includes(key))),
    }));
    if (!isThere) throw groupNotFound();
  }

  return {
    async TagLogGroup({ logGroupName, tags }, ctx) {
      await tag(await groupNamed(deps, logGroupName, ctx), tags);
      return {};
    },
    async UntagLogGroup({ logGroupName, tags }, ctx) {
      await untag(await groupNamed(deps, logGroupName, ctx), tags);
      return {};
    },
    async ListTagsLogGroup({ logGroupName }, ctx) {
      return { tags: (await groupNamed(deps, logGroupName, ctx)).tags };
    },
    async TagResource({ resourceArn, tags }, ctx) {
      await tag(await groupNamed(deps, nameFromIdentifier(resourceArn), ctx), tags);
      return {};
    },
    async UntagResource({ resourceArn, tagKeys }, ctx) {
      await untag(await groupNamed(deps, nameFromIdentifier(resourceArn), ctx), tagKeys);
      return {};
    },
    async ListTagsForResource({ resourceArn }, ctx) {
      return { tags: (await groupNamed(deps, nameFromIdentifier(resourceArn), ctx)).tags };
    },
  };
}
