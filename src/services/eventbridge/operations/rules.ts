/** Rules. Source: map-events-observability 1.3, 1.4. */
import { parseSchedule } from "../../../events/schedule.ts";
import { rulesPerBusMax } from "../../../limits.ts";
import type { Context, OutputFor } from "../../service.ts";
import { defaultBus, ruleArn, type RuleName, ruleOf } from "../domain/names.ts";
import type { RuleRecord, RuleState } from "../domain/rule.ts";
import { invalidParameter, limitExceeded, managedRule, ruleNotFound, validation } from "../errors.ts";
import { pageIn } from "../paging.ts";
import type { Client, EventBridgeParts, Some } from "../parts.ts";
import { tagsOf } from "../tags.ts";
import { patternOf } from "./events.ts";

type RuleOperations = Some<
  | "PutRule"
  | "DeleteRule"
  | "DescribeRule"
  | "EnableRule"
  | "DisableRule"
  | "ListRules"
  | "ListRuleNamesByTarget"
>;

export function ruleOperations({ buses, rules, ruleClock }: EventBridgeParts): RuleOperations {
  async function named(name: string, bus: string | undefined, ctx: Context): Promise<RuleName> {
    return ruleOf(await buses.named(bus, ctx), name);
  }

  /** Enables or disables; both again and again. */
  async function setState(rule: RuleName, state: RuleState): Promise<void> {
    await rules.change(rule, (before) => {
      if (!before) throw ruleNotFound(rule.name, rule.bus);
      if (before.managedBy !== undefined) throw managedRule(rule.name);
      if (before.state === state) return { after: before };
      const { schedule } = before;
      const after: RuleRecord = {
        ...before,
        state,
        ...(schedule && { schedule: ruleClock.begun(schedule.expression) }),
      };
      return { after, ...ruleClock.changes(before, after) };
    });
  }

  return {
    async PutRule(input, ctx) {
      const { Name, EventPattern, ScheduleExpression, State, Description, RoleArn, Tags } = input;
      const rule = await named(Name ?? "", input.EventBusName, ctx);
      if (!EventPattern && !ScheduleExpression) {
        throw validation("Parameter(s) EventPattern or ScheduleExpression must be specified.");
      }
      if (ScheduleExpression) {
        if (rule.bus !== defaultBus) {
          throw validation("ScheduleExpression is supported only on the default event bus.");
        }
        if (!parseSchedule(ScheduleExpression, "rules")) throw invalidParameter("ScheduleExpression");
      }
      if (EventPattern) patternOf(EventPattern);
      const tags = tagsOf(Tags);
      const count = await rules.count({ ...rule, name: rule.bus });
      await rules.change(rule, (before) => {
        if (before?.managedBy !== undefined) throw managedRule(rule.name);
        if (!before && count >= rulesPerBusMax) throw limitExceeded();
        const after: RuleRecord = {
          ...rule,
          state: State ?? "ENABLED",
          ...(EventPattern && { pattern: EventPattern }),
          ...(ScheduleExpression && { schedule: ruleClock.begun(ScheduleExpression) }),
          ...(Description !== undefined && { description: Description }),
          ...(RoleArn !== undefined && { roleArn: RoleArn }),
          tags: before ? before.tags : tags,
          targets: before?.targets ?? [],
        };
        return { after, ...ruleClock.changes(before, after) };
      });
      return { RuleArn: ruleArn(rule) };
    },

    async DeleteRule({ Name, EventBusName, Force = false }, ctx) {
      const rule = await named(Name, EventBusName, ctx);
      await rules.change(rule, (before) => {
        if (before?.managedBy !== undefined && !Force) throw managedRule(Name);
        if (before && before.targets.length > 0)
          throw validation("Rule can't be deleted since it has targets.");
        return { after: undefined, ...ruleClock.changes(before, undefined) };
      });
      return {};
    },

    async DescribeRule({ Name, EventBusName }, ctx) {
      const rule = await rules.find(await named(Name, EventBusName, ctx));
      if (!rule) throw ruleNotFound(Name, EventBusName ?? defaultBus);
      return { ...ruleToWire(rule), CreatedBy: rule.account };
    },

    async EnableRule({ Name, EventBusName }, ctx) {
      await setState(await named(Name, EventBusName, ctx), "ENABLED");
      return {};
    },

    async DisableRule({ Name, EventBusName }, ctx) {
      await setState(await named(Name, EventBusName, ctx), "DISABLED");
      return {};
    },

    async ListRules(input, ctx) {
      const { NamePrefix = "", EventBusName } = input;
      const bus = await buses.named(EventBusName, ctx);
      const all = (await rules.all(bus)).filter(({ name }) => name.startsWith(NamePrefix));
      const { items, token } = pageIn(all, input, ({ name }) => name);
      return { Rules: items.map(ruleToWire), ...token };
    },

    async ListRuleNamesByTarget(input, ctx) {
      const { TargetArn, EventBusName } = input;
      const bus = await buses.named(EventBusName, ctx);
      const all = (await rules.all(bus)).filter(({ targets }) =>
        targets.some(({ arn }) => arn === TargetArn),
      );
      const { items, token } = pageIn(all, input, ({ name }) => name);
      return { RuleNames: items.map(({ name }) => name), ...token };
    },
  };
}

function ruleToWire(rule: RuleRecord) {
  const { name, bus, pattern, schedule, state, description, roleArn, managedBy } = rule;
  return {
    Name: name,
    Arn: ruleArn(rule),
    ...(pattern !== undefined && { EventPattern: pattern }),
    ...(schedule && { ScheduleExpression: schedule.expression }),
    State: state,
    ...(description !== undefined && { Description: description }),
    ...(roleArn !== undefined && { RoleArn: roleArn }),
    ...(managedBy !== undefined && { ManagedBy: managedBy }),
    EventBusName: bus,
  } satisfies OutputFor<Client, "DescribeRule">;
}
