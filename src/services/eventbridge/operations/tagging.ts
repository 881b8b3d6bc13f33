/** Tags of rules and buses. Source: map-events-observability 1.3, 1.10. */
import type { Context } from "../../service.ts";
import { busOfRule, type RuleName, ruleOfArn } from "../domain/names.ts";
import { foreignBus, invalidParameter, ruleNotFound } from "../errors.ts";
import type { EventBridgeParts, Some } from "../parts.ts";
import { tagsToWire, type Tags, withoutTags, withTags } from "../tags.ts";

export function tagOperations({
  buses,
  rules,
}: EventBridgeParts): Some<"TagResource" | "UntagResource" | "ListTagsForResource"> {
  /** Answers the tags afterwards. */
  async function change(arn: string, ctx: Context, next: (before: Tags) => Tags): Promise<Tags> {
    const rule = ownRule(arn, ctx);
    if (rule) {
      const after = await rules.change(rule, (before) => {
        if (!before) throw ruleNotFound(rule.name, rule.bus);
        return { after: { ...before, tags: next(before.tags) } };
      });
      return after?.tags ?? {};
    }
    const bus = await buses.named(arn, ctx);
    return (await buses.change(bus, (before) => ({ ...before, tags: next(before.tags) }))).tags;
  }

  async function tagsAt(arn: string, ctx: Context): Promise<Tags> {
    const rule = ownRule(arn, ctx);
    if (rule) {
      const found = await rules.find(rule);
      if (!found) throw ruleNotFound(rule.name, rule.bus);
      return found.tags;
    }
    return (await buses.named(arn, ctx)).tags;
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

/** Undefined: it is no rule's. Throws for another account's. */
function ownRule(arn: string, { account }: Context): RuleName | undefined {
  if (!arn.startsWith("arn:"))
    throw invalidParameter("ResourceARN", "Provided Arn is not in correct format."); // inferred
  const rule = ruleOfArn(arn);
  if (rule && rule.account !== account) throw foreignBus(busOfRule(rule), account);
  return rule;
}
