/**
 * Everything that was published and is not delivered everywhere yet. Read `accept` and `#run` first.
 *
 *     accept ─► durable ─► in its lane ─► attempt ─┬─ delivered ─► removed, with the last one of its publication
 *                             ▲                    ├─ failed ─► waits ─┐
 *                             └────────────────────┼───────────────────┘
 *                                                  └─ refused, given up ─► dead-letter queue ─► likewise
 *
 * E1: nothing is acknowledged before it is durable. E2: a publication is removed when everybody has it. Who has it already
 * is written down a moment later: a crash may forget that, and they get it once more. Within a group of a FIFO topic a
 * subscription gets one after the other: what waits for another attempt blocks what is behind it.
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { SentOnce } from "../../events/deduplication.ts";
import {
  deliveriesPendingMax,
  deliveriesRunningMax,
  deliveryProgressMs,
  heldPublicationsBytesMax,
  subscriptionDeliveriesMax,
} from "../../limits.ts";
import { type AttemptResult, nextStep } from "./domain/next-step.ts";
import { subscriptionArn } from "./domain/names.ts";
import type { Content } from "./domain/publication.ts";
import { serviceRetryPolicy } from "./domain/retry.ts";
import { throttled } from "./errors.ts";
import { Lanes } from "./lanes.ts";
import type { Accepted, Publication, Remaining, SnsStore } from "./store.ts";

/** One attempt. Never rejects for what the endpoint does. */
export type Attempt = (order: {
  readonly publication: Publication;
  readonly content: Content;
  readonly to: Remaining;
  readonly signal: AbortSignal;
}) => Promise<AttemptResult>;

export interface DeliveriesDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly store: SnsStore;
  readonly attempt: Attempt;
  /** Whether what cannot be delivered goes to a queue. */
  readonly hasDeadLetterQueue: (publication: Publication, subscriptionUuid: string) => Promise<boolean>;
}

/** A publication under way. */
interface Flight {
  readonly publication: Publication;
  /** Undefined: in the store only. */
  held: Content | undefined;
  readonly deliveries: Set<Delivery>;
  /** Until what has changed is written down. */
  progress: { cancel(): void } | undefined;
}

interface Delivery {
  readonly flight: Flight;
  readonly lane: string;
  readonly laneWidth: number;
  remaining: Remaining;
}

export class Deliveries {
  readonly #deps: DeliveriesDeps;
  readonly #counters: ReturnType<typeof createCounters>;
  readonly #lanes = new Lanes<Delivery>(deliveriesRunningMax);
  readonly #flights = new Set<Flight>();
  readonly #running = new Set<Promise<void>>();
  readonly #timers = new Set<{ cancel(): void }>();
  readonly #stopping = new AbortController();
  #pending = 0;
  #heldBytes = 0;
  #lastSeq = 0;
  #isOpen = false;

  constructor(deps: DeliveriesDeps) {
    this.#deps = deps;
    this.#counters = createCounters(deps.metrics);
    deps.metrics.gauge("lambdad_sns_deliveries_pending", "Deliveries not made yet", () => this.#pending);
  }

  /** Rises with the clock, so that no number comes again after a restart. */
  nextSeq(): number {
    this.#lastSeq = Math.max(this.#lastSeq + 1, this.#deps.clock.now() * 1000);
    return this.#lastSeq;
  }

  /** Resolves when all are durable. Throws Throttled when too much waits. */
  async accept(
    topicId: string,
    accepted: readonly Accepted[],
    forgotten: readonly SentOnce[] = [],
  ): Promise<void> {
    const count = accepted.reduce((sum, { publication }) => sum + publication.remaining.length, 0);
    if (this.#pending + count > deliveriesPendingMax) throw throttled();
    this.#pending += count;
    try {
      await this.#deps.store.accept(topicId, accepted, forgotten);
    } catch (error) {
      this.#pending -= count;
      throw error;
    }
    this.#counters.published.add(accepted.length);
    for (const { publication, content } of accepted) this.#launch(publication, content);
    this.#pump();
  }

  /** What a crash or a stop has left. Before anything is accepted. */
  async resume(): Promise<void> {
    for await (const publication of this.#deps.store.publications()) {
      this.#lastSeq = Math.max(this.#lastSeq, publication.seq);
      this.#pending += publication.remaining.length;
      this.#launch(publication, undefined);
    }
  }

  /** Attempts begin now: who is to get messages is there. */
  open(): void {
    this.#isOpen = true;
    this.#pump();
  }

  /** What runs ends, soon; what waits is written down. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const timer of this.#timers) timer.cancel();
    while (this.#running.size > 0) await Promise.all(this.#running);
    await Promise.all([...this.#flights].map((flight) => this.#writeProgress(flight)));
  }

  #launch(publication: Publication, content: Content | undefined): void {
    if (publication.remaining.length === 0) return;
    const flight: Flight = { publication, held: undefined, deliveries: new Set(), progress: undefined };
    if (content) this.#hold(flight, content);
    this.#flights.add(flight);
    for (const remaining of publication.remaining) {
      const delivery = { flight, remaining, ...laneOf(publication, remaining) };
      flight.deliveries.add(delivery);
      this.#queue(delivery);
    }
  }

  /** To the end of its lane: at once if order is kept there, else when its time has come. */
  #queue(delivery: Delivery): void {
    if (delivery.laneWidth > 1 && delivery.remaining.dueAtMs > this.#deps.clock.now()) {
      return this.#later(delivery, () => this.#enter(delivery));
    }
    this.#enter(delivery);
  }

  #enter(delivery: Delivery): void {
    if (this.#lanes.enter(delivery)) this.#whenDue(delivery);
  }

  /** It has its place in the lane. */
  #whenDue(delivery: Delivery): void {
    if (delivery.remaining.dueAtMs > this.#deps.clock.now()) {
      return this.#later(delivery, () => this.#lanes.ready(delivery));
    }
    this.#lanes.ready(delivery);
  }

  #later({ remaining }: Delivery, act: () => void): void {
    const { clock } = this.#deps;
    const timer = clock.after(remaining.dueAtMs - clock.now(), () => {
      this.#timers.delete(timer);
      act();
      this.#pump();
    });
    this.#timers.add(timer);
  }

  #pump(): void {
    while (this.#isOpen && !this.#stopping.signal.aborted) {
      const delivery = this.#lanes.begin();
      if (!delivery) return;
      const run = this.#run(delivery)
        .catch((error: unknown) => this.#deps.logger.error("a delivery was left behind", { error }))
        .finally(() => {
          this.#running.delete(run);
          this.#lanes.ended();
          this.#pump();
        });
      this.#running.add(run);
    }
  }

  async #run(delivery: Delivery): Promise<void> {
    const result = await this.#attempt(delivery);
    if (this.#stopping.signal.aborted && result.kind !== "delivered") return; // again after the next start
    const { flight, remaining } = delivery;
    const { publication } = flight;
    const canBury =
      (result.kind === "failed" || result.kind === "refused") &&
      (await this.#deps.hasDeadLetterQueue(publication, remaining.subscriptionUuid));
    const step = nextStep(result, remaining, canBury);
    const nowMs = this.#deps.clock.now();
    switch (step.kind) {
      case "end":
        if (result.kind === "delivered") this.#counters.delivered.add();
        return this.#leave(delivery);
      case "wait":
        delivery.remaining = { ...remaining, dueAtMs: nowMs + step.delayMs };
        return this.#whenDue(delivery);
      case "retry":
        this.#counters.retried.add();
        delivery.remaining = {
          ...remaining,
          failures: remaining.failures + 1,
          dueAtMs: nowMs + step.delayMs,
        };
        return this.#again(delivery);
      case "bury":
        this.#complain(delivery, result, "goes to its dead-letter queue");
        this.#counters.buried.add();
        delivery.remaining = { ...remaining, stage: "dead-letter", failures: 0, dueAtMs: nowMs };
        return this.#again(delivery);
      case "lose":
        this.#complain(delivery, result, "is lost");
        this.#counters.lost.add();
        return this.#leave(delivery);
    }
  }

  async #attempt({ flight, remaining }: Delivery): Promise<AttemptResult> {
    const { publication } = flight;
    const { attempt, logger, store } = this.#deps;
    try {
      const content = flight.held ?? (await store.content(publication));
      if (!content) return { kind: "moot" };
      return await attempt({ publication, content, to: remaining, signal: this.#stopping.signal });
    } catch (error) {
      logger.warn("a delivery could not be tried", { topic: publication.topic.name, error });
      return { kind: "failed", error, retry: serviceRetryPolicy };
    }
  }

  /** It is not at its end. Where order is kept, it keeps its place; elsewhere others may pass. */
  #again(delivery: Delivery): void {
    this.#release(delivery.flight);
    this.#changed(delivery.flight);
    if (delivery.laneWidth === 1) return this.#whenDue(delivery);
    this.#handOver(delivery);
    this.#queue(delivery);
  }

  #leave(delivery: Delivery): void {
    const { flight } = delivery;
    flight.deliveries.delete(delivery);
    this.#pending -= 1;
    this.#handOver(delivery);
    this.#changed(flight);
  }

  #handOver(delivery: Delivery): void {
    const next = this.#lanes.leave(delivery);
    if (next) this.#whenDue(next);
  }

  #changed(flight: Flight): void {
    const { clock } = this.#deps;
    if (flight.deliveries.size > 0) {
      // A long list is not written as often as a short one.
      const delayMs = deliveryProgressMs * Math.ceil(flight.deliveries.size / 1000);
      flight.progress ??= clock.after(delayMs, () => void this.#writeProgress(flight));
      return;
    }
    flight.progress?.cancel();
    this.#release(flight);
    this.#flights.delete(flight);
    this.#finish(flight.publication);
  }

  async #writeProgress(flight: Flight): Promise<void> {
    if (!flight.progress) return;
    flight.progress.cancel();
    flight.progress = undefined;
    const remaining = [...flight.deliveries].map((delivery) => delivery.remaining);
    const { publication } = flight;
    await this.#deps.store.progress({ ...publication, remaining }).catch((error: unknown) => {
      // Then it is delivered once more after a crash.
      this.#deps.logger.debug("a delivery's progress was not written down", { error });
    });
  }

  #finish(publication: Publication): void {
    const { store, logger } = this.#deps;
    const finished = store
      .delivered(publication)
      .catch((error: unknown) =>
        logger.warn("what was delivered will be delivered again after the next start", { error }),
      )
      .finally(() => this.#running.delete(finished));
    this.#running.add(finished);
  }

  #complain({ flight, remaining }: Delivery, result: AttemptResult, what: string): void {
    const error = result.kind === "refused" || result.kind === "failed" ? result.error : undefined;
    this.#deps.logger.warn(`a message could not be delivered and ${what}`, {
      subscription: subscriptionArn(flight.publication.topic, remaining.subscriptionUuid),
      messageId: flight.publication.messageId,
      stage: remaining.stage,
      failures: remaining.failures + 1,
      error,
    });
  }

  #hold(flight: Flight, content: Content): void {
    const bytes = heldBytes(content);
    if (this.#heldBytes + bytes > heldPublicationsBytesMax) return;
    this.#heldBytes += bytes;
    flight.held = content;
  }

  #release(flight: Flight): void {
    if (!flight.held) return;
    this.#heldBytes -= heldBytes(flight.held);
    flight.held = undefined;
  }
}

function createCounters(metrics: Metrics) {
  return {
    published: metrics.counter("lambdad_sns_messages_published_total", "Messages that topics accepted"),
    delivered: metrics.counter("lambdad_sns_deliveries_total", "Messages that subscriptions have got"),
    retried: metrics.counter("lambdad_sns_retries_total", "Attempts that failed and are repeated"),
    buried: metrics.counter("lambdad_sns_dead_letters_total", "Messages sent on to dead-letter queues"),
    lost: metrics.counter(
      "lambdad_sns_lost_total",
      "Messages given up, without a dead-letter queue that takes them",
    ),
  };
}

function laneOf({ orderedGroup }: Publication, { subscriptionUuid }: Remaining) {
  if (orderedGroup === undefined) return { lane: subscriptionUuid, laneWidth: subscriptionDeliveriesMax };
  return { lane: `${subscriptionUuid} ${orderedGroup}`, laneWidth: 1 };
}

function heldBytes({ message, messageFor, attributes }: Content): number {
  const others = messageFor || attributes ? JSON.stringify([messageFor, attributes]).length : 0;
  return 200 + (message.length + others) * 2;
}
