/** Schedule groups and their tags. Source: map-events-observability 2. */
import type { Context } from "../../service.ts";
import { scheduleGroupsMax, schedulePageMax, tagsMax } from "../../../limits.ts";
import { defaultGroup, groupArn, type GroupRecord, groupOfArn } from "../domain/schedule-record.ts";
import { conflict, groupNotFound, quotaExceeded, validation } from "../errors.ts";
import { afterIn, tokenOf } from "../paging.ts";
import type { SchedulerParts, Some } from "../parts.ts";
import { groupToWire } from "../to-wire.ts";

type GroupOperations = Some<
  | "CreateScheduleGroup"
  | "DeleteScheduleGroup"
  | "GetScheduleGroup"
  | "ListScheduleGroups"
  | "TagResource"
  | "UntagResource"
  | "ListTagsForResource"
>;

type Tags = GroupRecord["tags"];

export function groupOperations({ clock, schedules, groups }: SchedulerParts): GroupOperations {
  return {
    async CreateScheduleGroup({ Name: name, Tags: given, ClientToken: token }, ctx) {
      const { account, region } = ctx;
      const nowMs = clock.now();
      const group: GroupRecord = {
        account,
        region,
        name,
        isDeleting: false,
        tags: withTags({}, given),
        createdAtMs: nowMs,
        modifiedAtMs: nowMs,
        token,
      };
      const existing = await schedules.group(ctx, name);
      const isAgain = existing?.value.token !== undefined && existing.value.token === token;
      if (isAgain) return { ScheduleGroupArn: groupArn(group) };
      const all = await schedules.groups(ctx, { limit: scheduleGroupsMax });
      if (all.items.length >= scheduleGroupsMax) {
        throw quotaExceeded("The maximum number of schedule groups has been reached."); // inferred
      }
      const isNew = name !== defaultGroup && (await schedules.tryCommit([schedules.putGroup(group, 0)]));
      if (!isNew) throw conflict(`Schedule group ${name} already exists.`);
      return { ScheduleGroupArn: groupArn(group) };
    },

    async DeleteScheduleGroup({ Name: name }, ctx) {
      if (name === defaultGroup) throw validation("The default schedule group cannot be deleted."); // inferred
      await groups.change(ctx, name, (before) => ({ ...before, isDeleting: true }));
      groups.clear(await groups.named(ctx, name));
      return {};
    },

    async GetScheduleGroup({ Name }, ctx) {
      return groupToWire(await groups.named(ctx, Name));
    },

    async ListScheduleGroups({ NamePrefix = "", NextToken, MaxResults }, ctx) {
      const { items } = await schedules.groups(ctx, { limit: scheduleGroupsMax });
      const stored = items.map(({ value }) => value);
      const hasDefault = stored.some(({ name }) => name === defaultGroup);
      const all = hasDefault ? stored : [...stored, await groups.named(ctx, defaultGroup)];
      const after = NextToken === undefined ? "" : (afterIn(NextToken).at(-1) ?? "");
      const rest = all
        .filter(({ name }) => name.startsWith(NamePrefix) && name > after)
        .toSorted((a, b) => (a.name < b.name ? -1 : 1));
      const page = rest.slice(0, MaxResults ?? schedulePageMax);
      const last = page.at(-1);
      return {
        ScheduleGroups: page.map(groupToWire),
        ...(rest.length > page.length && last && tokenOf([last.name])),
      };
    },

    async TagResource({ ResourceArn, Tags: given }, ctx) {
      const group = named(ResourceArn, ctx);
      await groups.change(group, group.name, (before) => ({ ...before, tags: withTags(before.tags, given) }));
      return {};
    },

    async UntagResource({ ResourceArn, TagKeys }, ctx) {
      const group = named(ResourceArn, ctx);
      await groups.change(group, group.name, (before) => ({
        ...before,
        tags: Object.fromEntries(Object.entries(before.tags).filter(([key]) => !TagKeys.includes(key))),
      }));
      return {};
    },

    async ListTagsForResource({ ResourceArn }, ctx) {
      const group = named(ResourceArn, ctx);
      const { tags } = await groups.named(group, group.name);
      return { Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) };
    },
  };
}

function named(arn: string, { account }: Context) {
  const group = groupOfArn(arn);
  if (group && group.account !== account) throw groupNotFound(group.name); // inferred: as if it was not there
  if (!group) throw validation(`${arn} is not the ARN of a schedule group.`); // the model's pattern lets no other through
  return group;
}

type GivenTags = readonly { readonly Key: string | undefined; readonly Value: string | undefined }[];

function withTags(before: Tags, given: GivenTags = []): Tags {
  const tags = { ...before, ...Object.fromEntries(given.map(({ Key = "", Value = "" }) => [Key, Value])) };
  if (Object.keys(tags).length > tagsMax) throw quotaExceeded("Too many tags."); // inferred
  return tags;
}
