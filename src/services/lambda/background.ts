/**
 * Work behind the caller's back that must come to its end: what fails is tried again until it succeeds, what it is about is
 * gone, or lambdad is stopped.
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import { lambdaActivationRetryMs } from "../../limits.ts";
import { AwsError } from "../../wire/aws-error.ts";

export class Background {
  readonly #deps: { readonly clock: Clock; readonly logger: Logger };
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(deps: { readonly clock: Clock; readonly logger: Logger }) {
    this.#deps = deps;
  }

  /** lambdad is being stopped: what is under way is given up. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  run(what: string, task: () => Promise<void>): void {
    const running = this.#untilDone(what, task).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#running);
  }

  async #untilDone(what: string, task: () => Promise<void>): Promise<void> {
    const { clock, logger } = this.#deps;
    while (!this.stopping.aborted) {
      try {
        return await task();
      } catch (error) {
        if (error instanceof AwsError) return; // the function is gone
        logger.warn(`${what} will be tried again`, { error });
        await clock.sleep(lambdaActivationRetryMs, this.stopping).catch(() => {});
      }
    }
  }
}
