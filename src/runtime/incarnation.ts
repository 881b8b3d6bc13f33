/**
 * One start of a runtime: its sandbox, its Runtime API and its outputs, from creation to the last byte. An environment has
 * one at a time, and another after a crash or a timeout.
 *
 * `kill` may be called at any time, also while the sandbox is still being made. Never rejects anywhere: what went wrong
 * is in `ended`.
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Driver, Exit, Sandbox } from "../isolation/driver.ts";
import { memoryReadingAgeMsMax } from "../limits.ts";
import type { RuntimeApi, RuntimeEndpoint } from "./api/server.ts";
import type { RuntimePort } from "./api/runtime-port.ts";
import type { LaunchFacts } from "./launch.ts";
import { sandboxSpec } from "./launch.ts";
import type { EnvironmentOutput } from "./output.ts";

export interface IncarnationDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly driver: Driver;
  readonly api: RuntimeApi;
  readonly output: EnvironmentOutput;
}

export type Ending =
  | { readonly kind: "exit"; readonly exit: Exit }
  /** The sandbox could not be made. */
  | { readonly kind: "not-started"; readonly error: unknown };

const MiB = 1024 * 1024;

export class Incarnation {
  /** Resolves when the program has ended, and everything that it printed and asked before has been dealt with. */
  readonly ended: Promise<Ending>;
  readonly #deps: IncarnationDeps;
  #endpoint: RuntimeEndpoint | undefined;
  #sandbox: Sandbox | undefined;
  #isKilled = false;
  #killed: Promise<void> | undefined;
  #peakMb = 1;
  #peakReadAtMs = -Infinity;

  constructor(deps: IncarnationDeps, facts: Omit<LaunchFacts, "endpoint">, port: RuntimePort) {
    this.#deps = deps;
    this.ended = this.#run(facts, port);
  }

  get isKilled(): boolean {
    return this.#isKilled;
  }

  /** Ends it; resolves when nothing of it is left and its output is complete. Idempotent. */
  kill(): Promise<void> {
    this.#killed ??= this.#kill();
    return this.#killed;
  }

  setCpus(cpus: number): void {
    this.#sandbox
      ?.setCpus(cpus)
      .catch((error: unknown) => this.#deps.logger.warn("a sandbox's CPU share was not changed", { error }));
  }

  /** Highest memory use, whole MB, at least 1. At once, if it was read a moment ago. */
  peakMb(): number | Promise<number> {
    const isFresh = this.#deps.clock.monotonic() - this.#peakReadAtMs < memoryReadingAgeMsMax;
    return isFresh || !this.#sandbox ? this.#peakMb : this.#readPeak(this.#sandbox);
  }

  async #run(facts: Omit<LaunchFacts, "endpoint">, port: RuntimePort): Promise<Ending> {
    let sandbox: Sandbox;
    try {
      sandbox = await this.#start(facts, port);
    } catch (error) {
      return { kind: "not-started", error };
    }
    const printed = this.#deps.output.attach(sandbox);
    // Killed while it was being made: `kill` had nothing to destroy yet.
    if (this.#isKilled) await this.#destroy(sandbox);
    const exit = await sandbox.exited;
    await printed;
    // What it wrote to the Runtime API's sockets before it ended may be read after its exit was seen.
    await this.#deps.output.drained();
    return { kind: "exit", exit };
  }

  async #start(facts: Omit<LaunchFacts, "endpoint">, port: RuntimePort): Promise<Sandbox> {
    const { api, driver } = this.#deps;
    const endpoint = await api.open(facts.id, port);
    this.#endpoint = endpoint;
    if (this.#isKilled) throw new Error("shut down before it was started");
    const sandbox = await driver.create(sandboxSpec(driver, { ...facts, endpoint }));
    this.#sandbox = sandbox;
    if (sandbox.address !== undefined && !this.#isKilled) endpoint.admit(sandbox.address);
    return sandbox;
  }

  async #kill(): Promise<void> {
    this.#isKilled = true;
    // In this order and without a pause between: it shall neither speak again nor complain that nobody listens.
    const destroyed = this.#sandbox && this.#destroy(this.#sandbox);
    const cut = this.#endpoint?.close();
    await Promise.all([destroyed, cut, this.ended]);
    // Where it was still being made, there was nothing to close at the first look.
    await this.#endpoint?.close();
  }

  async #destroy(sandbox: Sandbox): Promise<void> {
    try {
      await sandbox.destroy();
    } catch (error) {
      this.#deps.logger.error("a sandbox was not destroyed", { sandbox: sandbox.id, error });
    }
  }

  async #readPeak(sandbox: Sandbox): Promise<number> {
    try {
      const { memoryPeakBytes } = await sandbox.usage();
      this.#peakReadAtMs = this.#deps.clock.monotonic();
      this.#peakMb = Math.max(this.#peakMb, Math.ceil(memoryPeakBytes / MiB));
    } catch (error) {
      this.#deps.logger.warn("a sandbox's memory use could not be read", { sandbox: sandbox.id, error });
    }
    return this.#peakMb;
  }
}
