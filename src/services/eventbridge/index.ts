/**
 * Amazon EventBridge: buses, rules, targets, archives, replays, connections and API destinations. Read `intake.ts` (how an
 * event comes in), then `outbox.ts` (how it goes out).
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Random } from "../../base/random.ts";
import { Agenda } from "../../events/agenda.ts";
import type { Deliver, Target } from "../../events/ports.ts";
import type { Trail } from "../../events/trail.ts";
import { archiveSweepMs, busCallWidth, busDeliveryWidth } from "../../limits.ts";
import type { Store } from "../../store/store.ts";
import type { OperationsOf, Service, ServiceCall } from "../service.ts";
import { Archives } from "./archives.ts";
import { Buses } from "./buses.ts";
import { createCallOut } from "./call-out.ts";
import type { Pending } from "./domain/pending.ts";
import { HeldEvents } from "./held-events.ts";
import type { Http } from "./http-client.ts";
import { createIntake } from "./intake.ts";
import { apiDestinationOperations } from "./operations/api-destinations.ts";
import { archiveOperations } from "./operations/archives.ts";
import { busOperations } from "./operations/buses.ts";
import { connectionOperations } from "./operations/connections.ts";
import { eventOperations } from "./operations/events.ts";
import { refusedOperations } from "./operations/refused.ts";
import { replayOperations } from "./operations/replays.ts";
import { ruleOperations } from "./operations/rules.ts";
import { tagOperations } from "./operations/tagging.ts";
import { targetOperations } from "./operations/targets.ts";
import { createPerform } from "./outbox.ts";
import type { Client } from "./parts.ts";
import { Replays } from "./replays.ts";
import { RuleClock } from "./rule-clock.ts";
import { Rules } from "./rules.ts";
import { createSend } from "./send.ts";
import { EventBridgeStore } from "./store.ts";
import { createTarget } from "./target.ts";

export interface EventBridgeDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly deliver: Deliver;
  readonly trail: Pick<Trail, "delivery">;
  readonly call: ServiceCall;
  /** For API destinations. */
  readonly http: Http;
}

export interface EventBridgeService extends Service {
  readonly operations: OperationsOf<Client>;
  readonly target: Target;
}

export function createEventBridge(given: EventBridgeDeps): EventBridgeService {
  const { clock, logger } = given;
  const store = new EventBridgeStore(given.store);
  const deps = {
    ...given,
    store,
    buses: new Buses(store, clock),
    rules: new Rules(store),
    archives: new Archives(store, clock),
    held: new HeldEvents(),
  };
  const takeIn = createIntake({ ...deps, outbox: () => outbox, calls: () => calls });
  const send = createSend({ ...deps, takeIn, callOut: createCallOut(deps) });
  const perform = createPerform({ ...deps, send });
  const agenda = { clock, logger, store: given.store, perform };
  const outbox = new Agenda<Pending>({
    ...agenda,
    collection: "eventbridge/pending",
    concurrencyMax: busDeliveryWidth,
  });
  const calls = new Agenda<Pending>({
    ...agenda,
    collection: "eventbridge/call",
    concurrencyMax: busCallWidth,
  });
  const ruleClock = new RuleClock({ ...deps, store: given.store, takeIn });
  const replays = new Replays({ ...deps, takeIn, backlog: () => outbox.backlog + calls.backlog });
  const parts = { ...deps, takeIn, ruleClock, replays };

  const operations: OperationsOf<Client> = {
    ...eventOperations(parts),
    ...busOperations(parts),
    ...ruleOperations(parts),
    ...targetOperations(parts),
    ...archiveOperations(parts),
    ...replayOperations(parts),
    ...connectionOperations(parts),
    ...apiDestinationOperations(parts),
    ...tagOperations(parts),
    ...refusedOperations,
  };

  return {
    name: "eventbridge",
    operations,
    target: createTarget({ ...deps, takeIn }),
    async start() {
      const stops = [await outbox.start(), await calls.start(), await ruleClock.start()];
      await replays.resume();
      const stopping = new AbortController();
      const sweeping = (async () => {
        while (!stopping.signal.aborted) {
          await clock.sleep(archiveSweepMs, stopping.signal).catch(() => undefined);
          if (stopping.signal.aborted) return;
          await deps.archives
            .sweep()
            .catch((error: unknown) => logger.error("archived events stay", { error }));
        }
      })();
      return async () => {
        stopping.abort();
        await sweeping;
        await replays.stop();
        await Promise.all(stops.map((stop) => stop()));
      };
    },
  };
}
