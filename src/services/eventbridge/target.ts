/** Events of other services, for event buses: S3's notifications, destinations of functions. */
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { newTraceHeader } from "../../base/trace.ts";
import type { Target } from "../../events/ports.ts";
import type { Buses } from "./buses.ts";
import { maySend } from "./domain/bus.ts";
import { compactDetail, eventText } from "./domain/event.ts";
import { busOf } from "./domain/names.ts";
import { busAccessDenied, busNotFound, validation } from "./errors.ts";
import type { TakeIn } from "./intake.ts";
import type { EventBridgeStore } from "./store.ts";

export interface TargetDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: EventBridgeStore;
  readonly buses: Buses;
  readonly takeIn: TakeIn;
}

export function createTarget({ clock, random, store, buses, takeIn }: TargetDeps): Target {
  return {
    async deliver(arn, { body, envelope }, { account, region, traceHeader }) {
      const bus = busOf(arn, { account, region });
      const found = bus && (await buses.find(bus));
      if (!bus || !found) throw busNotFound(bus?.name ?? arn);
      if (!maySend(found, account)) throw busAccessDenied(bus, account);
      const detail = compactDetail(Buffer.from(body).toString());
      if (!envelope || detail === undefined) throw validation("Detail is malformed.");
      const id = random.uuid();
      const timeMs = clock.now();
      const text = eventText({ ...envelope, id, account, region, timeMs, detail });
      const trace = traceHeader || newTraceHeader(clock, random);
      const { writes, committed } = await takeIn({ bus, text, id, timeMs, traceHeader: trace, hops: 0 });
      if (writes.length > 0) await store.commit(writes);
      committed();
    },
  };
}
