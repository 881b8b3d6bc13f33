/**
 * Reads one queue for one function.
 *
 *     receive ─► filter (what does not pass is acknowledged) ─► gather, until size, window or 6 MB ─► invoke ─► result
 *
 * Laws: M1 nothing is acknowledged that the function did not accept or a filter drop · M2 the order of a FIFO group: the queue
 * hands out no message of a group that has one in flight, and a batch is not begun that could outlast its visibility.
 * What is not acknowledged comes again when its visibility ends; nothing is made visible sooner.
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Metrics } from "../../base/metrics.ts";
import {
  batchEntriesMax,
  invokePayloadBytesMax,
  mappingBackoffMsMax,
  mappingBackoffMsMin,
  mappingThrottleMsMax,
  mappingThrottleMsMin,
  mappingWaitMs,
} from "../../limits.ts";
import type { Received, Source } from "../ports.ts";
import type { Trail } from "../trail.ts";
import { batchOutcome } from "./batch-flow.ts";
import { batchResult } from "./batch-result.ts";
import type { MappingCounts } from "./event-counts.ts";
import type { MappedAnswer, MappedFunctions, PolledMapping } from "./port.ts";
import { ReaderPace } from "./reader-pace.ts";
import { recordFilter, type RecordFilter } from "./record-filter.ts";

export interface PollerDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counters: PollerCounters;
  readonly functions: Pick<MappedFunctions, "invoke">;
  readonly trail: Pick<Trail, "record">;
  /** Undefined: nobody here reads such a source. */
  readonly sourceOf: (arn: string) => Source | undefined;
}

export type PollerCounters = ReturnType<typeof createPollerCounters>;

export function createPollerCounters(metrics: Metrics) {
  return {
    records: metrics.counter("lambdad_mapping_records_total", "Records received for event source mappings"),
    filtered: metrics.counter("lambdad_mapping_records_filtered_total", "Records dropped by filters"),
    accepted: metrics.counter("lambdad_mapping_records_accepted_total", "Records that functions accepted"),
    batches: metrics.counter("lambdad_mapping_batches_total", "Batches that were run"),
    failed: metrics.counter("lambdad_mapping_batches_failed_total", "Batches that failed as a whole"),
    throttled: metrics.counter(
      "lambdad_mapping_throttles_total",
      "Attempts to run a batch that were throttled",
    ),
  };
}

export class QueuePoller {
  readonly #deps: PollerDeps;
  readonly #mapping: PolledMapping;
  readonly #counts: MappingCounts | undefined;
  readonly #passes: RecordFilter;
  readonly #pace: ReaderPace;
  readonly #isFifo: boolean;
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #ended: (() => void) | undefined;
  /** Received, and too large for the batch before. */
  #carried: readonly Received[] = [];
  /** One after the other: the source could not be read, the function could not be run. */
  #unread = 0;
  #unrun = 0;
  readonly #polling: Promise<void>;

  /** `counts`: the mapping's own, where it asks for them. */
  constructor(deps: PollerDeps, mapping: PolledMapping, counts?: MappingCounts) {
    this.#deps = deps;
    this.#mapping = mapping;
    this.#counts = counts;
    this.#passes = recordFilter(mapping.filters);
    this.#pace = new ReaderPace(mapping);
    this.#isFifo = mapping.sourceArn.endsWith(".fifo");
    this.#polling = this.#poll();
  }

  /** Nothing is received any more; what has been begun goes on. Resolves when that has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#ended?.();
    await this.#polling;
    await Promise.all(this.#running);
  }

  async #poll(): Promise<void> {
    const { clock, logger } = this.#deps;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const setbacks = Math.max(this.#unread, this.#unrun);
      if (setbacks > 0) await clock.sleep(backoffMs(setbacks), signal).catch(() => {});
      while (this.#running.size >= this.#pace.width && !signal.aborted) await this.#untilOneEnds();
      if (signal.aborted) return;
      try {
        const batch = await this.#gather(signal);
        if (batch.length > 0 && !signal.aborted) this.#begin(batch);
      } catch (error) {
        this.#unread += 1;
        logger.debug("a mapping's source could not be read", { mapping: this.#mapping.uuid, error });
      }
    }
  }

  async #gather(signal: AbortSignal): Promise<readonly Received[]> {
    const { clock } = this.#deps;
    const { batchSize, windowMs } = this.#mapping;
    const batch: Received[] = [];
    let bytes = 0;
    let endMs: number | undefined;
    // What was carried for too long is somebody else's by now.
    let arrived: readonly Received[] = this.#carried.filter(({ heldUntilMs }) => heldUntilMs > clock.now());
    this.#carried = [];
    for (;;) {
      for (const [at, one] of arrived.entries()) {
        bytes += recordBytes(one);
        if (batch.length > 0 && bytes > invokePayloadBytesMax - envelopeBytes) {
          this.#carried = arrived.slice(at);
          return batch;
        }
        batch.push(one);
      }
      if (batch.length > 0) endMs ??= clock.now() + windowMs;
      const isComplete = batch.length >= batchSize || (endMs !== undefined && clock.now() >= endMs);
      if (isComplete || signal.aborted) return batch;
      const waitMs = endMs === undefined ? mappingWaitMs : Math.min(mappingWaitMs, endMs - clock.now());
      const passing = await this.#receive(Math.min(batchEntriesMax, batchSize - batch.length), waitMs);
      if (!passing) return batch;
      arrived = passing;
    }
  }

  /** Those that pass the filters; undefined: the source has not waited, and is to be left alone for a moment. */
  async #receive(max: number, waitMs: number): Promise<readonly Received[] | undefined> {
    const { clock, counters } = this.#deps;
    const untilMs = clock.now() + waitMs;
    const { sourceArn } = this.#mapping;
    const source = this.#source();
    const received = await source.receive(sourceArn, { max, waitMs, signal: this.#stopping.signal });
    if (received.length === 0 && clock.now() < untilMs) {
      this.#unread += 1;
      return undefined;
    }
    this.#unread = 0;
    counters.records.add(received.length);
    this.#counts?.polled.add(received.length);
    const passing = received.filter(({ record }) => this.#passes(record));
    if (passing.length < received.length) {
      const dropped = received.filter((one) => !passing.includes(one)).map(({ receipt }) => receipt);
      await source.ack(sourceArn, dropped);
      counters.filtered.add(dropped.length);
      this.#counts?.filtered.add(dropped.length);
    }
    return passing;
  }

  #begin(batch: readonly Received[]): void {
    const { logger } = this.#deps;
    const run = this.#run(batch)
      .catch((error: unknown) => {
        // The batch may have been accepted and not acknowledged: it comes again, as it may from any queue.
        logger.warn("a batch was not settled", { mapping: this.#mapping.uuid, error });
      })
      .finally(() => {
        this.#running.delete(run);
        this.#ended?.();
      });
    this.#running.add(run);
  }

  async #run(batch: readonly Received[]): Promise<void> {
    const { clock, counters, logger, trail } = this.#deps;
    const { functionArn, reportsBatchItemFailures, sourceArn } = this.#mapping;
    const atMs = clock.now();
    const startedMs = clock.monotonic();
    const answer = await this.#invoked(batch);
    const ids = batch.map(({ record }) => String(record["messageId"]));
    const result = answer && batchResult(answer, ids, reportsBatchItemFailures);
    trail.record({
      atMs,
      kind: "batch",
      sourceArn,
      targetArn: functionArn,
      records: batch.length,
      tookMs: clock.monotonic() - startedMs,
      ...batchOutcome(answer, result, batch.length),
    });
    if (!answer || !result) return;
    counters.batches.add();
    this.#unrun = answer.kind === "failed" ? this.#unrun + 1 : 0;
    if (answer.kind === "failed") {
      logger.debug("a mapping's function could not be run", {
        mapping: this.#mapping.uuid,
        error: answer.error,
      });
    }
    const { accepted, kind } = result;
    this.#counts?.failed.add(batch.length - accepted.length);
    if (kind === "failure") {
      counters.failed.add();
      if (!reportsBatchItemFailures) this.#pace.failed();
    } else {
      this.#pace.succeeded(this.#running.size);
    }
    if (accepted.length === 0) return;
    await this.#source().ack(
      sourceArn,
      accepted.map((at) => batch[at]?.receipt ?? ""),
    );
    counters.accepted.add(accepted.length);
    this.#counts?.deleted.add(accepted.length);
  }

  /** Tries again while it is throttled and the messages are held; undefined: that time is over. */
  async #invoked(batch: readonly Received[]): Promise<MappedAnswer | undefined> {
    const { clock, counters, functions } = this.#deps;
    const { signal } = this.#stopping;
    const { functionArn } = this.#mapping;
    const heldUntilMs = Math.min(...batch.map((one) => one.heldUntilMs));
    const payload = Buffer.from(JSON.stringify({ Records: batch.map(({ record }) => record) }));
    const traceHeader = batch.map(traceOf).find((header) => header !== undefined);
    for (let delayMs = mappingThrottleMsMin; ; delayMs = Math.min(mappingThrottleMsMax, delayMs * 2)) {
      this.#counts?.invoked.add(batch.length);
      const answer = await functions.invoke({ functionArn, payload, traceHeader });
      if (answer.kind !== "throttled") return answer;
      counters.throttled.add();
      this.#counts?.failed.add(batch.length);
      this.#pace.throttled();
      const lastBeginMs = heldUntilMs - (this.#isFifo ? answer.timeoutMs : 0);
      if (clock.now() + delayMs >= lastBeginMs || signal.aborted) return undefined;
      await clock.sleep(delayMs, signal).catch(() => {});
    }
  }

  #source(): Source {
    const source = this.#deps.sourceOf(this.#mapping.sourceArn);
    if (!source) throw new Error(`nothing in lambdad reads ${this.#mapping.sourceArn}`);
    return source;
  }

  #untilOneEnds(): Promise<void> {
    return new Promise((resolve) => {
      this.#ended = resolve;
    });
  }
}

/** `{"Records":[]}` and a comma for each. */
const envelopeBytes = 16 * 1024;

function recordBytes({ record }: Received): number {
  return Buffer.byteLength(JSON.stringify(record));
}

function traceOf({ record }: Received): string | undefined {
  const { attributes } = record as { readonly attributes?: { readonly AWSTraceHeader?: string } };
  return attributes?.AWSTraceHeader;
}

function backoffMs(setbacks: number): number {
  return Math.min(mappingBackoffMsMax, mappingBackoffMsMin * 2 ** Math.min(setbacks - 1, 10));
}
