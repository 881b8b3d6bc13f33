/**
 * The restore of a snapshot (SnapStart), inside the first invocation of its environment: from the word to the runtime until
 * that has run its hooks and asks for work. Its time limit, and what the log says of it; the counterpart of `boot.ts`.
 *
 * Starts and ends nothing itself: `environment.ts` does, and tells this object.
 */
import type { Timer } from "../base/clock.ts";
import { restoreTimeoutMs } from "../limits.ts";
import type { BootDeps } from "./boot.ts";
import type { LaunchPlan } from "./contract.ts";
import type { InitStatus } from "./platform-events.ts";
import * as events from "./platform-events.ts";

export class Restore {
  readonly #deps: BootDeps;
  readonly #startedMs: number;
  readonly #timer: Timer;

  constructor(deps: BootDeps, plan: LaunchPlan, onTimeout: () => void) {
    const { clock, spec, log } = deps;
    this.#deps = deps;
    this.#startedMs = clock.monotonic();
    this.#timer = clock.after(restoreTimeoutMs, onTimeout);
    log.platform(events.restoreStart(spec, plan));
  }

  get durationMs(): number {
    return this.#deps.clock.monotonic() - this.#startedMs;
  }

  /** For good or ill; it does not time out any more. */
  end(): void {
    this.#timer.cancel();
  }

  /** When everything that was printed meanwhile is in the log. */
  report(status: InitStatus & { readonly durationMs: number }): void {
    const { durationMs: _, ...done } = status;
    this.#deps.log.platform(events.restoreRuntimeDone(done));
    this.#deps.log.platform(events.restoreReport(status));
  }
}
