/**
 * The start of a runtime, until it and its extensions have asked for work, or something failed: its time limit, and what
 * the log says of it. As INIT it has INIT's time; inside an invocation (suppressed init) it has what the invocation has.
 *
 * Starts and ends nothing itself: `environment.ts` does, and tells this object.
 */
import type { Clock, Timer } from "../base/clock.ts";
import { initAheadTimeoutMsMin, initTimeoutMs } from "../limits.ts";
import type { LaunchPlan, VersionSpec } from "./contract.ts";
import { Settlement } from "./invocation.ts";
import type { EnvironmentOutput } from "./output.ts";
import type { ExtensionFacts, InitPhase, InitStatus } from "./platform-events.ts";
import * as events from "./platform-events.ts";

export interface BootDeps {
  readonly clock: Clock;
  readonly spec: VersionSpec;
  readonly log: Pick<EnvironmentOutput, "platform">;
}

/** Ahead of traffic there is more time. */
export function initTimeoutMsOf({ initialization, initTimeoutMs: own, timeoutMs }: VersionSpec): number {
  if (own !== undefined) return own;
  return initialization === undefined ? initTimeoutMs : Math.max(initAheadTimeoutMsMin, timeoutMs);
}

export class Boot {
  readonly phase: InitPhase;
  readonly #deps: BootDeps;
  readonly #ended = new Settlement<void>();
  #startedMs: number;
  #timer: Timer | undefined;

  constructor(deps: BootDeps, phase: InitPhase) {
    this.phase = phase;
    this.#deps = deps;
    this.#startedMs = deps.clock.monotonic();
  }

  /** Resolves with `end`. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  get durationMs(): number {
    return this.#deps.clock.monotonic() - this.#startedMs;
  }

  /** Everything is there, the sandbox is begun: what came before is not INIT. */
  begin(plan: LaunchPlan, onTimeout: () => void): void {
    const { clock, spec, log } = this.#deps;
    log.platform(events.initStart(spec, plan, this.phase));
    if (this.phase === "init") this.#timer = clock.after(initTimeoutMsOf(spec), onTimeout);
    this.#startedMs = clock.monotonic();
  }

  /** The sandbox is there. Making it is not the time of the invocation that it is made for. */
  launched(): void {
    if (this.phase === "invoke") this.#startedMs = this.#deps.clock.monotonic();
  }

  /** The runtime has asked for work. */
  runtimeDone(): void {
    const { spec, log } = this.#deps;
    log.platform(events.initRuntimeDone(spec, this.phase, { status: "success" }));
  }

  /** Once, for good or ill; nothing times out any more. */
  end(): void {
    this.#timer?.cancel();
    this.#ended.settle();
  }

  /** When everything that was printed meanwhile is in the log. */
  report(status: InitStatus & { readonly durationMs: number }, extensions: readonly ExtensionFacts[]): void {
    const { spec, log } = this.#deps;
    if (status.status !== "success") {
      const { durationMs: _, ...failure } = status;
      log.platform(events.initRuntimeDone(spec, this.phase, failure));
    }
    for (const facts of extensions) log.platform(events.extension(facts));
    log.platform(events.initReport(spec, this.phase, status));
  }
}
