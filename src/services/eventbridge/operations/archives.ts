/** Archives: each has a rule of its own, by which it is filled. Source: map-events-observability 1.9. */
import { archivesMax } from "../../../limits.ts";
import type { Context } from "../../service.ts";
import { archivePattern, archiveRuleName, type ArchiveRecord } from "../domain/archive.ts";
import { arnOf, busArn, type BusName, busOf, ruleOf } from "../domain/names.ts";
import type { RuleRecord } from "../domain/rule.ts";
import {
  alreadyExists,
  archiveNotFound,
  invalidParameter,
  limitExceeded,
  unsupported,
  validation,
} from "../errors.ts";
import { pageOf, tokenOf } from "../paging.ts";
import type { EventBridgeParts, Some } from "../parts.ts";
import { patternOf } from "./events.ts";

type ArchiveOperations = Some<
  "CreateArchive" | "DeleteArchive" | "DescribeArchive" | "ListArchives" | "UpdateArchive"
>;

const managedBy = "prod.vhs.events.aws.internal";

export function archiveOperations(parts: EventBridgeParts): ArchiveOperations {
  const { clock, random, store, buses, rules, archives } = parts;

  async function named(name: string, ctx: Context): Promise<ArchiveRecord> {
    const archive = await archives.find(ctx, name);
    if (!archive) throw archiveNotFound(name);
    return archive;
  }

  return {
    async CreateArchive(input, ctx) {
      const { ArchiveName: name, EventSourceArn, Description, EventPattern, RetentionDays } = input;
      refuseKey(input.KmsKeyIdentifier);
      if (EventPattern) patternOf(EventPattern);
      const bus = ownBus(EventSourceArn, ctx);
      await buses.named(busArn(bus), ctx);
      const { account, region } = ctx;
      if (await archives.find(ctx, name)) throw alreadyExists(`Archive ${name} already exists.`);
      if ((await store.archives.page(ctx, { limit: archivesMax })).items.length >= archivesMax) {
        throw limitExceeded();
      }
      const archive: ArchiveRecord = {
        account,
        region,
        name,
        id: random.hex(8),
        bus: bus.name,
        ...(Description !== undefined && { description: Description }),
        ...(EventPattern && { pattern: EventPattern }),
        ...(RetentionDays && { retentionDays: RetentionDays }),
        createdAtMs: clock.now(),
      };
      await rules.change(ruleOf(bus, archiveRuleName(name)), () => ({
        after: ruleFor(archive, bus),
        writes: [store.archives.put(archive, 0)],
      }));
      return {
        ArchiveArn: arnOf("archive", archive, name),
        State: "ENABLED",
        CreationTime: new Date(archive.createdAtMs),
      };
    },

    async UpdateArchive(input, ctx) {
      const { ArchiveName: name, Description, EventPattern, RetentionDays } = input;
      refuseKey(input.KmsKeyIdentifier);
      if (EventPattern === undefined && RetentionDays === undefined && Description === undefined) {
        throw validation("At least one of EventPattern, RetentionDays or Description must be provided.");
      }
      const before = await named(name, ctx);
      if (EventPattern) patternOf(EventPattern);
      const { retentionDays, ...rest } = before;
      const days = RetentionDays ?? retentionDays;
      const archive: ArchiveRecord = {
        ...rest,
        ...(Description !== undefined && { description: Description }),
        ...(EventPattern && { pattern: EventPattern }),
        ...(days && { retentionDays: days }),
      };
      const bus: BusName = { ...archive, name: archive.bus };
      await rules.change(ruleOf(bus, archiveRuleName(name)), () => ({
        after: ruleFor(archive, bus),
        writes: [store.archives.put(archive)],
      }));
      return {
        ArchiveArn: arnOf("archive", archive, name),
        State: "ENABLED",
        CreationTime: new Date(archive.createdAtMs),
      };
    },

    async DeleteArchive({ ArchiveName: name }, ctx) {
      const archive = await named(name, ctx);
      const bus: BusName = { ...archive, name: archive.bus };
      await rules.change(ruleOf(bus, archiveRuleName(name)), () => ({
        after: undefined,
        writes: [store.archives.remove(archive, name)],
      }));
      await archives.clear(archive);
      return {};
    },

    async DescribeArchive({ ArchiveName: name }, ctx) {
      const archive = await named(name, ctx);
      const { description, pattern } = archive;
      return {
        ArchiveArn: arnOf("archive", archive, name),
        ...(await summaryOf(archive)),
        ...(description !== undefined && { Description: description }),
        ...(pattern !== undefined && { EventPattern: pattern }),
      };
    },

    async ListArchives(input, ctx) {
      const { NamePrefix, EventSourceArn, State } = input;
      if ([NamePrefix, EventSourceArn, State].filter((one) => one !== undefined).length > 1) {
        // inferred: the text
        throw validation(
          "At most one filter is allowed for ListArchives. Use either : State, EventSourceArn, or NamePrefix.",
        );
      }
      const page = await store.archives.page(ctx, { ...pageOf(input), startsWith: NamePrefix });
      const found = page.items
        .map(({ value }) => value)
        .filter((archive) => EventSourceArn === undefined || sourceArn(archive) === EventSourceArn)
        .filter(() => State === undefined || State === "ENABLED");
      return { Archives: await Promise.all(found.map(summaryOf)), ...tokenOf(page.next?.at(-1)) };
    },
  };

  async function summaryOf(archive: ArchiveRecord) {
    const { count, bytes } = await archives.sizeOf(archive);
    return {
      ArchiveName: archive.name,
      EventSourceArn: sourceArn(archive),
      State: "ENABLED" as const,
      RetentionDays: archive.retentionDays ?? 0,
      SizeBytes: bytes,
      EventCount: count,
      CreationTime: new Date(archive.createdAtMs),
    };
  }
}

function sourceArn({ account, region, bus }: ArchiveRecord): string {
  return busArn({ account, region, name: bus });
}

function ownBus(arn: string, ctx: Context): BusName {
  const bus = arn.startsWith("arn:") ? busOf(arn, ctx) : undefined;
  if (!bus || bus.account !== ctx.account || bus.region !== ctx.region) {
    throw invalidParameter("EventSourceArn", "Provided Arn is not in correct format."); // inferred
  }
  return bus;
}

/** As AWS makes it; that the target is AWS's own store is said by `archive`. */
function ruleFor(archive: ArchiveRecord, bus: BusName): RuleRecord {
  const archiveArn = `${arnOf("archive", archive, archive.name)}:${archive.id}`;
  return {
    ...ruleOf(bus, archiveRuleName(archive.name)),
    state: "ENABLED",
    pattern: archivePattern(archive.pattern),
    managedBy,
    archive: archive.name,
    tags: {},
    targets: [
      {
        id: archiveRuleName(archive.name),
        arn: `arn:aws:events:${archive.region}:::`,
        shape: {
          kind: "template",
          paths: {},
          template: `{"archive-arn":"${archiveArn}","event":<aws.events.event.json>,"ingestion-time":<aws.events.event.ingestion-time>}`,
        },
      },
    ],
  };
}

function refuseKey(key: string | undefined): void {
  if (key !== undefined && key !== "") throw unsupported("Customer managed keys are");
}
