/** Event buses and their policies. Source: map-events-observability 1.1. */
import type { Policy, Statement } from "../../../events/resource-policy.ts";
import { busesMax, busPolicyBytesMax } from "../../../limits.ts";
import type { OutputFor } from "../../service.ts";
import { policyOf, statementOf } from "../domain/bus-policy.ts";
import type { BusRecord } from "../domain/bus.ts";
import { busArn, defaultBus, type BusName } from "../domain/names.ts";
import {
  alreadyExists,
  invalidParameter,
  limitExceeded,
  notFound,
  unsupported,
  validation,
} from "../errors.ts";
import { pageIn } from "../paging.ts";
import type { Client, EventBridgeParts, Some } from "../parts.ts";
import { tagsOf } from "../tags.ts";

type BusOperations = Some<
  | "CreateEventBus"
  | "DeleteEventBus"
  | "DescribeEventBus"
  | "ListEventBuses"
  | "UpdateEventBus"
  | "PutPermission"
  | "RemovePermission"
>;

export function busOperations({ clock, store, buses, rules }: EventBridgeParts): BusOperations {
  async function allOf(place: { readonly account: string; readonly region: string }): Promise<BusRecord[]> {
    const { items } = await store.buses.page(place, { limit: busesMax });
    const found = items.map(({ value }) => value);
    const isThere = found.some(({ name }) => name === defaultBus);
    const all = isThere ? found : [...found, await buses.named(undefined, place)];
    return all.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  return {
    async CreateEventBus(input, ctx) {
      const { Name: name, Description, DeadLetterConfig, Tags, LogConfig } = input;
      refuseUnsupported(input);
      if (name.startsWith("aws.") || input.EventSourceName !== undefined) {
        throw unsupported("Partner event buses are");
      }
      if (name.includes("/")) throw invalidParameter("Name", "Event bus name cannot contain '/'."); // inferred text
      const { account, region } = ctx;
      const bus: BusName = { account, region, name };
      if (await buses.find(bus)) throw alreadyExists(`Event bus ${name} already exists.`);
      if ((await allOf(ctx)).length >= busesMax) throw limitExceeded();
      const nowMs = clock.now();
      const record: BusRecord = {
        ...bus,
        ...(Description !== undefined && { description: Description }),
        ...(DeadLetterConfig?.Arn !== undefined && { deadLetterArn: DeadLetterConfig.Arn }),
        tags: tagsOf(Tags),
        createdAtMs: nowMs,
        modifiedAtMs: nowMs,
      };
      if (!(await store.tryCommit([store.buses.put(record, 0)]))) {
        throw alreadyExists(`Event bus ${name} already exists.`);
      }
      return {
        EventBusArn: busArn(record),
        ...(Description !== undefined && { Description }),
        ...(DeadLetterConfig && { DeadLetterConfig }),
        ...(LogConfig && { LogConfig }),
      };
    },

    async DeleteEventBus({ Name: name }, ctx) {
      if (name === defaultBus) throw validation("Cannot delete event bus default.");
      const { account, region } = ctx;
      const bus = await buses.find({ account, region, name });
      if (!bus) return {};
      // inferred: the text
      if ((await rules.count(bus)) > 0)
        throw validation(`Event bus ${name} can't be deleted since it has rules.`);
      await store.commit([store.buses.remove(bus, name)]);
      return {};
    },

    async DescribeEventBus({ Name }, ctx) {
      const bus = await buses.named(Name, ctx);
      return {
        ...busToWire(bus),
        ...(bus.deadLetterArn !== undefined && { DeadLetterConfig: { Arn: bus.deadLetterArn } }),
      };
    },

    async ListEventBuses(input, ctx) {
      const { NamePrefix = "" } = input;
      const all = (await allOf(ctx)).filter(({ name }) => name.startsWith(NamePrefix));
      const { items, token } = pageIn(all, input, ({ name }) => name);
      return { EventBuses: items.map(busToWire), ...token };
    },

    async UpdateEventBus(input, ctx) {
      refuseUnsupported(input);
      const { Name, Description, DeadLetterConfig } = input;
      const before = await buses.named(Name, ctx);
      const bus = await buses.change(before, ({ description, deadLetterArn, ...rest }) => ({
        ...rest,
        ...((Description ?? description) !== undefined && { description: Description ?? description }),
        ...((DeadLetterConfig?.Arn ?? deadLetterArn) !== undefined && {
          deadLetterArn: DeadLetterConfig?.Arn ?? deadLetterArn,
        }),
      }));
      return {
        Arn: busArn(bus),
        Name: bus.name,
        ...(bus.description !== undefined && { Description: bus.description }),
        ...(bus.deadLetterArn !== undefined && { DeadLetterConfig: { Arn: bus.deadLetterArn } }),
      };
    },

    async PutPermission(input, ctx) {
      const named = await buses.named(input.EventBusName, ctx);
      if (input.Policy !== undefined) {
        const policy = policyOf(input.Policy);
        await buses.change(named, (before) => withPolicy(before, policy.Statement, policy));
        return {};
      }
      const { StatementId: sid, Action: action, Principal: principal, Condition } = input;
      if (sid === undefined) throw validation("Parameter StatementId is required.");
      if (action === undefined) throw validation("Parameter Action is required."); // inferred
      if (principal === undefined) throw validation("Parameter Principal is required."); // inferred
      if (action !== "events:PutEvents") {
        throw validation("Provided value in parameter 'action' is not supported.");
      }
      const statement = statementOf({ sid, principal, condition: Condition, bus: named });
      await buses.change(named, (before) =>
        withPolicy(before, [...(before.policy?.Statement ?? []).filter(({ Sid }) => Sid !== sid), statement]),
      );
      return {};
    },

    async RemovePermission({ StatementId, RemoveAllPermissions = false, EventBusName }, ctx) {
      const named = await buses.named(EventBusName, ctx);
      if (RemoveAllPermissions) {
        await buses.change(named, (before) => withPolicy(before, []));
        return {};
      }
      if (StatementId === undefined) throw validation("Parameter StatementId is required.");
      await buses.change(named, (before) => {
        const statements = before.policy?.Statement ?? [];
        const rest = statements.filter(({ Sid }) => Sid !== StatementId);
        if (rest.length === statements.length) {
          throw notFound("Statement with the provided id does not exist.");
        }
        return withPolicy(before, rest, before.policy);
      });
      return {};
    },
  };
}

function withPolicy(before: BusRecord, statements: readonly Statement[], like?: Policy): BusRecord {
  const { policy: _, ...rest } = before;
  if (statements.length === 0) return rest;
  const policy: Policy = { Version: "2012-10-17", ...like, Statement: statements };
  if (Buffer.byteLength(JSON.stringify(policy)) > busPolicyBytesMax) {
    throw validation("Total size of the policy is over the limit."); // inferred
  }
  return { ...rest, policy };
}

function busToWire(bus: BusRecord) {
  const { name, description, policy, createdAtMs, modifiedAtMs } = bus;
  return {
    Arn: busArn(bus),
    Name: name,
    ...(description !== undefined && { Description: description }),
    ...(policy && { Policy: JSON.stringify(policy) }),
    // The default bus has been there for ever, until it is first changed.
    ...(createdAtMs > 0 && { CreationTime: new Date(createdAtMs) }),
    ...(modifiedAtMs > 0 && { LastModifiedTime: new Date(modifiedAtMs) }),
  } satisfies OutputFor<Client, "DescribeEventBus">;
}

function refuseUnsupported(input: {
  readonly KmsKeyIdentifier?: string | undefined;
  readonly LogConfig?: { readonly Level?: string | undefined } | undefined;
}): void {
  if (input.KmsKeyIdentifier !== undefined && input.KmsKeyIdentifier !== "") {
    throw unsupported("Customer managed keys are");
  }
  if (input.LogConfig?.Level !== undefined && input.LogConfig.Level !== "OFF") {
    throw unsupported("Logs of event buses are");
  }
}
