/** Replays. Source: map-events-observability 1.9. */
import { replaysActiveMax } from "../../../limits.ts";
import type { Context } from "../../service.ts";
import { isActive, type ReplayRecord } from "../domain/archive.ts";
import { arnOf, busArn, busOf, nameInArn, ruleOfArn } from "../domain/names.ts";
import {
  alreadyExists,
  busNotFound,
  illegalStatus,
  invalidParameter,
  limitExceeded,
  replayNotFound,
  validation,
} from "../errors.ts";
import { pageOf, tokenOf } from "../paging.ts";
import type { EventBridgeParts, Some } from "../parts.ts";

type ReplayOperations = Some<"StartReplay" | "CancelReplay" | "DescribeReplay" | "ListReplays">;

export function replayOperations({
  clock,
  store,
  buses,
  archives,
  replays,
}: EventBridgeParts): ReplayOperations {
  async function named(name: string, ctx: Context) {
    const stored = await store.replays.get(ctx, name);
    if (!stored) throw replayNotFound(name);
    return stored;
  }

  return {
    async StartReplay(input, ctx) {
      const { ReplayName: name, EventSourceArn, EventStartTime, EventEndTime, Destination } = input;
      const archiveName = nameInArn("archive", EventSourceArn) ?? "";
      const archive = await archives.find(ctx, archiveName);
      const bus = busOf(Destination?.Arn, ctx);
      if (!bus) throw invalidParameter("Destination.Arn", "Provided Arn is not in correct format."); // inferred
      if (!(await buses.find(bus))) throw busNotFound(bus.name);
      if (!archive) throw invalidParameter("EventSourceArn", `Archive ${archiveName} does not exist.`);
      if (busArn({ ...archive, name: archive.bus }) !== busArn(bus)) {
        throw invalidParameter("Destination.Arn", "Cross event bus replay is not permitted.");
      }
      const fromMs = EventStartTime?.getTime() ?? 0;
      const toMs = EventEndTime?.getTime() ?? 0;
      if (toMs <= fromMs) {
        throw invalidParameter("EventEndTime", "EventStartTime must be before EventEndTime.");
      }
      const ruleArns = Destination?.FilterArns ?? [];
      for (const arn of ruleArns) {
        if (!ruleOfArn(arn))
          throw invalidParameter("Destination.FilterArns", "Provided Arn is not in correct format."); // inferred
      }
      if (await store.replays.get(ctx, name)) throw alreadyExists(`Replay ${name} already exists.`);
      if (replays.active >= replaysActiveMax) throw limitExceeded();
      const { account, region } = ctx;
      const replay: ReplayRecord = {
        account,
        region,
        name,
        state: "STARTING",
        ...(input.Description !== undefined && { description: input.Description }),
        archive: archive.name,
        archiveId: archive.id,
        bus,
        ruleArns,
        fromMs,
        toMs,
        startedAtMs: clock.now(),
      };
      if (!(await store.tryCommit([store.replays.put(replay, 0)]))) {
        throw alreadyExists(`Replay ${name} already exists.`);
      }
      replays.begin(replay);
      return {
        ReplayArn: arnOf("replay", replay, name),
        State: "STARTING",
        ReplayStartTime: new Date(replay.startedAtMs),
      };
    },

    async CancelReplay({ ReplayName: name }, ctx) {
      for (;;) {
        const { value, version } = await named(name, ctx);
        if (value.state !== "STARTING" && value.state !== "RUNNING") {
          throw illegalStatus(`Replay ${name} is not in a valid state for this operation.`);
        }
        const after: ReplayRecord = { ...value, state: "CANCELLING" };
        if (!(await store.tryCommit([store.replays.put(after, version)]))) continue;
        return { ReplayArn: arnOf("replay", value, name), State: "CANCELLING" };
      }
    },

    async DescribeReplay({ ReplayName: name }, ctx) {
      const { value: replay } = await named(name, ctx);
      const { description, stateReason, bus, ruleArns } = replay;
      return {
        ReplayArn: arnOf("replay", replay, name),
        ...summaryOf(replay),
        ...(description !== undefined && { Description: description }),
        ...(stateReason !== undefined && { StateReason: stateReason }),
        Destination: { Arn: busArn(bus), ...(ruleArns.length > 0 && { FilterArns: [...ruleArns] }) },
      };
    },

    async ListReplays(input, ctx) {
      const { NamePrefix, EventSourceArn, State } = input;
      if ([NamePrefix, EventSourceArn, State].filter((one) => one !== undefined).length > 1) {
        // inferred: the text
        throw validation(
          "At most one filter is allowed for ListReplays. Use either : State, EventSourceArn, or NamePrefix.",
        );
      }
      const page = await store.replays.page(ctx, { ...pageOf(input), startsWith: NamePrefix });
      const found = page.items
        .map(({ value }) => value)
        .filter(
          (replay) =>
            EventSourceArn === undefined || arnOf("archive", replay, replay.archive) === EventSourceArn,
        )
        .filter(({ state }) => State === undefined || state === State);
      return { Replays: found.map(summaryOf), ...tokenOf(page.next?.at(-1)) };
    },
  };
}

function summaryOf(replay: ReplayRecord) {
  const { name, state, fromMs, toMs, startedAtMs, endedAtMs, lastTimeMs } = replay;
  return {
    ReplayName: name,
    EventSourceArn: arnOf("archive", replay, replay.archive),
    State: state,
    EventStartTime: new Date(fromMs),
    EventEndTime: new Date(toMs),
    ...(lastTimeMs !== undefined && { EventLastReplayedTime: new Date(lastTimeMs) }),
    ReplayStartTime: new Date(startedAtMs),
    ...(!isActive(replay) && endedAtMs !== undefined && { ReplayEndTime: new Date(endedAtMs) }),
  };
}
