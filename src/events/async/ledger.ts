/**
 * What has come, what has gone and what is still there (E4), as counters for lambdad's metrics. The drift between them
 * must be zero whenever it is read.
 */
import type { Counter, Metrics } from "../../base/metrics.ts";
import { asyncFailedEventsMax } from "../../limits.ts";
import type { AsyncEvent } from "./event.ts";
import type { Settled } from "./steps.ts";

/** What is still there, counted by those who hold it. */
export interface Present {
  readonly waiting: number;
  readonly leased: number;
}

export class Ledger {
  readonly #came: Counter;
  readonly #succeeded: Counter;
  readonly #givenUp: Counter;
  readonly #dropped: Counter;
  readonly #stale: Counter;
  readonly #present: () => Present;
  /** Events of an earlier life, and failed ones that were sent again. */
  #returned = 0;
  #lostElsewhere = 0;
  #bytes = 0;
  #failed = 0;

  constructor(metrics: Metrics, present: () => Present) {
    this.#present = present;
    this.#came = metrics.counter("lambdad_async_events_received_total", "Asynchronous events accepted");
    this.#succeeded = metrics.counter(
      "lambdad_async_events_succeeded_total",
      "Events whose function succeeded",
    );
    this.#givenUp = metrics.counter(
      "lambdad_async_events_given_up_total",
      "Events that went to the failure side",
    );
    this.#dropped = metrics.counter(
      "lambdad_async_events_dropped_total",
      "Events whose function is gone, or that were purged",
    );
    this.#stale = metrics.counter(
      "lambdad_async_stale_settles_total",
      "Answers that came when the event had been taken over (E3)",
    );
    metrics.gauge("lambdad_async_events_waiting", "Events that wait", () => present().waiting);
    metrics.gauge("lambdad_async_events_running", "Events under way", () => present().leased);
    metrics.gauge("lambdad_async_events_failed", "Events kept for inspection", () => this.#failed);
    metrics.gauge("lambdad_async_queue_bytes", "Payloads on disk", () => this.#bytes);
    metrics.gauge("lambdad_async_conservation_drift", "Must be zero (E4)", () => this.drift);
  }

  /** Payloads of all that waits, runs or is kept. */
  get bytes(): number {
    return this.#bytes;
  }

  get isFailedFull(): boolean {
    return this.#failed >= asyncFailedEventsMax;
  }

  /** E4: what came, less what went and what is there. */
  get drift(): number {
    const { waiting, leased } = this.#present();
    const went = this.#succeeded.value + this.#givenUp.value + this.#dropped.value + this.#lostElsewhere;
    return this.#came.value + this.#returned - went - waiting - leased;
  }

  accepted(event: AsyncEvent): void {
    this.#came.add();
    this.#bytes += event.payloadBytes;
  }

  restored(event: AsyncEvent): void {
    this.#returned += 1;
    this.#bytes += event.payloadBytes;
  }

  settled(event: AsyncEvent, next: Settled): void {
    switch (next.kind) {
      case "again":
        return;
      case "done":
        (next.isSuccess ? this.#succeeded : this.#givenUp).add();
        this.#bytes -= event.payloadBytes;
        return;
      case "dropped":
        this.#dropped.add();
        this.#bytes -= event.payloadBytes;
        return;
      case "failed":
        this.#givenUp.add();
        this.#failed += 1;
    }
  }

  /** E3. */
  refused(): void {
    this.#stale.add();
  }

  /** What we had is somebody else's now. */
  lostElsewhere(event: AsyncEvent): void {
    this.#lostElsewhere += 1;
    this.#bytes -= event.payloadBytes;
  }

  /** A failed event of an earlier life. */
  kept(event: AsyncEvent): void {
    this.#failed += 1;
    this.#bytes += event.payloadBytes;
  }

  /** A failed event waits again. */
  redriven(): void {
    this.#failed -= 1;
    this.#returned += 1;
  }

  /** A failed event is not kept any more. */
  forgotten(event: AsyncEvent): void {
    this.#failed -= 1;
    this.#bytes -= event.payloadBytes;
  }
}
