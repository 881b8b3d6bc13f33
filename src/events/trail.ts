/**
 * What flows between sources and targets: the newest deliveries, attempts and batches, for `lambdad events`. Kept in
 * memory only, as a ring; who reads too slowly is told how many have gone by. Must never hold payloads: an event may
 * be secret, that it went is not.
 */
import type { Clock } from "../base/clock.ts";
import { flowsKeptMax } from "../limits.ts";
import { AwsError } from "../wire/aws-error.ts";
import type { Deliver } from "./ports.ts";

export interface Flow {
  /** When it began, epoch ms. */
  readonly atMs: number;
  /** Handed to a target · a queued event's attempt at its function · records of a mapping to its function. */
  readonly kind: "delivery" | "attempt" | "batch";
  /** ARN of what sent it; undefined: a caller of the API. */
  readonly sourceArn: string | undefined;
  readonly targetArn: string;
  readonly records: number;
  /** How long the event had been waiting before this began. */
  readonly waitedMs?: number;
  readonly tookMs: number;
  readonly result: "ok" | "failed" | "throttled" | "refused";
  /** Why not "ok": an error's code or message. */
  readonly detail?: string;
}

/** Numbered from 1. */
export type NumberedFlow = Flow & { readonly number: number };

export interface FlowPage {
  readonly flows: readonly NumberedFlow[];
  /** Ask with it for what comes after. */
  readonly next: number;
  /** Of those after the asked-for number, how many are no longer kept. */
  readonly missed: number;
}

export class Trail {
  readonly #clock: Clock;
  /** Number n lies at n modulo the ring's length. */
  readonly #ring: NumberedFlow[] = [];
  readonly #waiting = new Set<() => void>();
  #count = 0;
  #isEnded = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  record(flow: Flow): void {
    this.#count += 1;
    this.#ring[this.#count % flowsKeptMax] = { number: this.#count, ...flow };
    this.#wake();
  }

  /** Does what delivers one event, and records how that went. */
  async delivery<T>(way: Pick<Flow, "sourceArn" | "targetArn">, work: () => Promise<T>): Promise<T> {
    const startedMs = this.#clock.monotonic();
    const begun = { atMs: this.#clock.now(), kind: "delivery", ...way, records: 1 } as const;
    const end = (result: Pick<Flow, "result" | "detail">) =>
      this.record({ ...begun, tookMs: this.#clock.monotonic() - startedMs, ...result });
    try {
      const done = await work();
      end({ result: "ok" });
      return done;
    } catch (error) {
      end(refusalOf(error));
      throw error;
    }
  }

  /** The newest `count` and what comes after them. */
  latest(count: number): FlowPage {
    return this.#after(Math.max(0, this.#count - Math.min(count, flowsKeptMax)));
  }

  /** Those after `number`; when there are none, waits for the first, up to `waitMs`. */
  async after(number: number, waitMs: number): Promise<FlowPage> {
    // A number of an earlier life of this process: what follows are all of this one.
    const from = number > this.#count ? 0 : number;
    if (from === this.#count && waitMs > 0 && !this.#isEnded) await this.#untilNext(waitMs);
    return this.#after(from);
  }

  /** Those who wait get their answer now, and no longer wait: the platform is about to stop. */
  endWaits(): void {
    this.#isEnded = true;
    this.#wake();
  }

  #after(number: number): FlowPage {
    const first = Math.max(number + 1, this.#count - flowsKeptMax + 1);
    const flows: NumberedFlow[] = [];
    for (let at = first; at <= this.#count; at += 1) {
      const flow = this.#ring[at % flowsKeptMax];
      if (flow) flows.push(flow);
    }
    return { flows, next: this.#count, missed: first - number - 1 };
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  #untilNext(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        timer.cancel();
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = this.#clock.after(waitMs, wake);
      this.#waiting.add(wake);
    });
  }
}

/** How a failure reads in one line: what AWS would call it, where it has a name. */
export function refusalOf(error: unknown): Pick<Flow, "result" | "detail"> {
  if (error instanceof AwsError) return { result: "refused", detail: `${error.code}: ${error.message}` };
  return { result: "failed", detail: error instanceof Error ? error.message : String(error) };
}

/** `deliver`, leaving its trail. */
export function trailed(deliver: Deliver, trail: Trail): Deliver {
  return (targetArn, event, ctx) =>
    trail.delivery({ sourceArn: ctx.sourceArn, targetArn }, () => deliver(targetArn, event, ctx));
}
