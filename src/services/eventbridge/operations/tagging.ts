/** Tags of rules and buses. Source: map-events-observability 1.3, 1.10. */
import type { Context } from "../../service.ts";
import { busOf, ruleOfArn } from "../domain/names.ts";
import { busNotFound, invalidParameter, ruleNotFound } from "../errors.ts";
import type { EventBridgeParts, Some } from "../parts.ts";
import { tagsToWire, type Tags, withoutTags, withTags } from "../tags.ts";

export function tagOperations({
  buses,
  rules,
}: EventBridgeParts): Some<"TagResource" | "UntagResource" | "ListTagsForResource"> {
  /** Answers the tags afterwards. */
  async function change(arn: string, ctx: Context, next: (before: Tags) => Tags): Promise<Tags> {
    const rule = ruleOfArn(arn);
    if (rule) {
      const after = await rules.change(rule, (before) => {
        if (!before) throw ruleNotFound(rule.name, rule.bus);
        return { after: { ...before, tags: next(before.tags) } };
      });
      return after?.tags ?? {};
    }
    const bus = arn.startsWith("arn:") ? busOf(arn, ctx) : undefined;
    if (!bus) throw invalidParameter("ResourceARN", "Provided Arn is not in correct format."); // inferred
    return (await buses.change(bus, (before) => ({ ...before, tags: next(before.tags) }))).tags;
  }

  async function tagsAt(arn: string, ctx: Context): Promise<Tags> {
    const rule = ruleOfArn(arn);
    if (rule) {
      const found = await rules.find(rule);
      if (!found) throw ruleNotFound(rule.name, rule.bus);
      return found.tags;
    }
    const bus = arn.startsWith("arn:") ? busOf(arn, ctx) : undefined;
    if (!bus) throw invalidParameter("ResourceARN", "Provided Arn is not in correct format."); // inferred
    const found = await buses.find(bus);
    if (!found) throw busNotFound(bus.name);
    return found.tags;
  }

  return {
    async TagResource({ ResourceARN, Tags: given }, ctx) {
      await change(ResourceARN, ctx, (before) => withTags(before, given));
      return {};
    },
    async UntagResource({ ResourceARN, TagKeys }, ctx) {
      await change(ResourceARN, ctx, (before) => withoutTags(before, TagKeys));
      return {};
    },
    async ListTagsForResource({ ResourceARN }, ctx) {
      return { Tags: tagsToWire(await tagsAt(ResourceARN, ctx)) };
    },
  };
}
