/**
 * How many batches of one mapping may be under way. Pure bookkeeping. Source: map-sqs-sns-s3 1.13: it starts with five, grows
 * while there is a backlog, and falls back on errors and throttles; AWS adds 300 in a minute, we one for each batch.
 * Provisioned pollers are a floor and a ceiling: each of them has one batch under way.
 */
import { mappingConcurrencyMax, mappingConcurrencyMin } from "../../limits.ts";
import type { PolledMapping } from "./port.ts";

export class ReaderPace {
  readonly #min: number;
  readonly #max: number;
  #width: number;

  constructor({ concurrencyMax, pollers }: Pick<PolledMapping, "concurrencyMax" | "pollers">) {
    this.#min = pollers?.min ?? 1;
    this.#max = concurrencyMax ?? Math.min(pollers?.max ?? mappingConcurrencyMax, mappingConcurrencyMax);
    this.#width = Math.max(this.#min, Math.min(mappingConcurrencyMin, this.#max));
  }

  get width(): number {
    return this.#width;
  }

  /** A batch went well while so many were under way, this one included. */
  succeeded(running: number): void {
    if (running >= this.#width) this.#width = Math.min(this.#max, this.#width + 1);
  }

  failed(): void {
    this.#width = Math.max(this.#min, this.#width - 1);
  }

  throttled(): void {
    this.#width = Math.max(this.#min, Math.floor(this.#width / 2));
  }
}
