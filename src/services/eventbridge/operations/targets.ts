/** Targets of rules. Source: map-events-observability 1.6, 1.7. */
import { targetsPerCallMax, targetsPerRuleMax } from "../../../limits.ts";
import type { Context } from "../../service.ts";
import { targetOf, targetToWire } from "../domain/target.ts";
import { defaultBus, type RuleName, ruleOf } from "../domain/names.ts";
import type { RuleRecord } from "../domain/rule.ts";
import { limitExceeded, managedRule, ruleNotFound, validation } from "../errors.ts";
import { pageIn } from "../paging.ts";
import type { EventBridgeParts, Some } from "../parts.ts";

type TargetOperations = Some<"PutTargets" | "RemoveTargets" | "ListTargetsByRule">;

export function targetOperations({ buses, rules }: EventBridgeParts): TargetOperations {
  async function named(name: string, bus: string | undefined, ctx: Context): Promise<RuleName> {
    return ruleOf(await buses.named(bus, ctx), name);
  }

  /** Of a rule that may be changed. */
  async function change(
    rule: RuleName,
    isForced: boolean,
    next: (before: RuleRecord) => RuleRecord["targets"],
  ) {
    await rules.change(rule, (before) => {
      if (!before) throw ruleNotFound(rule.name, rule.bus);
      if (before.managedBy !== undefined && !isForced) throw managedRule(rule.name);
      const targets = next(before).toSorted((a, b) => (a.id < b.id ? -1 : 1));
      return { after: { ...before, targets } };
    });
  }

  return {
    async PutTargets({ Rule, EventBusName, Targets }, ctx) {
      const rule = await named(Rule, EventBusName, ctx);
      if (!(await rules.find(rule))) throw ruleNotFound(Rule, rule.bus);
      if (Targets.length > targetsPerCallMax) {
        // inferred: the text
        throw validation(
          `1 validation error detected: Value at 'targets' failed to satisfy constraint: Member must have length less than or equal to ${targetsPerCallMax}`,
        );
      }
      const given = Targets.map((target) => targetOf(target, rule.account));
      await change(rule, false, (before) => {
        const byId = new Map([...before.targets, ...given].map((target) => [target.id, target]));
        if (byId.size > targetsPerRuleMax) throw limitExceeded();
        return [...byId.values()];
      });
      return { FailedEntryCount: 0, FailedEntries: [] };
    },

    async RemoveTargets({ Rule, EventBusName, Ids, Force = false }, ctx) {
      const rule = await named(Rule, EventBusName, ctx);
      const before = await rules.find(rule);
      if (!before) throw ruleNotFound(Rule, rule.bus);
      const missing = Ids.filter((id) => !before.targets.some((target) => target.id === id));
      await change(rule, Force, ({ targets }) => targets.filter(({ id }) => !Ids.includes(id)));
      return {
        FailedEntryCount: missing.length,
        FailedEntries: missing.map((id) => ({
          TargetId: id,
          ErrorCode: "ResourceNotFoundException",
          ErrorMessage: `Rule ${Rule} does not have a target with the Id ${id}.`, // inferred
        })),
      };
    },

    async ListTargetsByRule(input, ctx) {
      const { Rule, EventBusName } = input;
      const rule = await rules.find(await named(Rule, EventBusName, ctx));
      if (!rule) throw ruleNotFound(Rule, EventBusName ?? defaultBus);
      const { items, token } = pageIn(rule.targets, input, ({ id }) => id);
      return { Targets: items.map(targetToWire), ...token };
    },
  };
}
