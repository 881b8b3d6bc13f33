/**
 * How many batches of one mapping may be under way. Pure bookkeeping. Source: map-sqs-sns-s3 1.13: it starts with five, grows
 * while there is a backlog, and falls back on errors and throttles; AWS adds 300 in a minute, we one for each batch.
 */
import { mappingConcurrencyMax, mappingConcurrencyMin } from "../../limits.ts";

export class ReaderPace {
  readonly #max: number;
  #width: number;

  /** `concurrencyMax`: the mapping's own. */
  constructor(concurrencyMax: number | undefined) {
    this.#max = concurrencyMax ?? mappingConcurrencyMax;
    this.#width = Math.min(mappingConcurrencyMin, this.#max);
  }

  get width(): number {
    return this.#width;
  }

  /** A batch went well while so many were under way, this one included. */
  succeeded(running: number): void {
    if (running >= this.#width) this.#width = Math.min(this.#max, this.#width + 1);
  }

  failed(): void {
    this.#width = Math.max(1, this.#width - 1);
  }

  throttled(): void {
    this.#width = Math.max(1, Math.floor(this.#width / 2));
  }
}
