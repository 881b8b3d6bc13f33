/**
 * One start of a runtime: its sandbox, its Runtime API and its outputs, from creation to the last byte. An environment has
 * one at a time, and another after a crash or a timeout. External extensions are started with it and outlive the runtime:
 * a supervisor in the sandbox tells their ends from its.
 *
 * `kill` may be called at any time, also while the sandbox is still being made. Never rejects anywhere: what went wrong
 * is in `ended`.
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Driver, Exit, Sandbox, SandboxSpec } from "../isolation/driver.ts";
import { memoryReadingAgeMsMax } from "../limits.ts";
import type { RuntimeApi, RuntimeEndpoint } from "./api/server.ts";
import type { RuntimePort } from "./api/runtime-port.ts";
import { launchFailure } from "./extensions.ts";
import { LaunchError } from "./launch-error.ts";
import type { LaunchFacts } from "./launch.ts";
import { sandboxSpec } from "./launch.ts";
import type { EnvironmentOutput } from "./output.ts";
import { Supervisor } from "./supervisor.ts";
import type { SandboxAddress } from "./telemetry-sender.ts";
import type { WarmPool } from "./warm-pool.ts";

export interface IncarnationDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly driver: Driver;
  readonly api: RuntimeApi;
  readonly output: EnvironmentOutput;
  /** Left out: every runtime is started for itself. */
  readonly warm?: Pick<WarmPool, "take"> | undefined;
  /** The sandbox is there, and the program in it has been started. */
  readonly onLaunched: () => void;
  /** An external extension has ended. */
  readonly onExtensionExit: (name: string, exit: Exit) => void;
}

export type Ending =
  | { readonly kind: "exit"; readonly exit: Exit }
  /** The sandbox could not be made. */
  | { readonly kind: "not-started"; readonly error: unknown };

const MiB = 1024 * 1024;

export class Incarnation {
  /** Resolves when the runtime has ended, and everything that it printed and asked before has been dealt with. */
  readonly ended: Promise<Ending>;
  readonly #deps: IncarnationDeps;
  #endpoint: RuntimeEndpoint | undefined;
  #sandbox: Sandbox | undefined;
  #supervisor: Supervisor | undefined;
  /** The end of the sandbox, with everything that was printed in it. */
  #over: Promise<unknown> | undefined;
  #isFrozen = false;
  #isLeaving = false;
  #isKilled = false;
  #killed: Promise<void> | undefined;
  #peakMb = 1;
  #peakReadAtMs = -Infinity;

  constructor(deps: IncarnationDeps, facts: Omit<LaunchFacts, "endpoint">, port: RuntimePort) {
    this.#deps = deps;
    this.ended = this.#run(facts, port);
  }

  /** lambdad has told it to end, so that its end is no news. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** Of its Runtime API; undefined: it has none yet. */
  get authority(): string | undefined {
    return this.#endpoint?.authority;
  }

  /** Where its listeners can be reached from here; undefined: nowhere yet. */
  get address(): SandboxAddress | undefined {
    if (!this.#sandbox) return undefined;
    const { address } = this.#sandbox;
    if (address === undefined) return { host: "127.0.0.1", localAddress: undefined };
    return { host: address, localAddress: this.#deps.driver.hostAddress };
  }

  /** Where there are external extensions the runtime waits for this. Idempotent. */
  startRuntime(): void {
    this.#supervisor?.startRuntime();
  }

  /** SIGTERM to the runtime; called again, SIGKILL where there is a supervisor to outlive it. */
  terminate(): void {
    this.#isLeaving = true;
    this.#sandbox?.signal("SIGTERM");
  }

  /** Ends it, frozen or not; resolves when nothing of it is left and its output is complete. Idempotent. */
  kill(): Promise<void> {
    this.#killed ??= this.#kill();
    return this.#killed;
  }

  setCpus(cpus: number): void {
    this.#change("set the CPU share of", (sandbox) => sandbox.setCpus(cpus));
  }

  /** Nothing in it runs until `thaw`: what it is given meanwhile waits. */
  freeze(): void {
    this.#isFrozen = true;
    this.#change("freeze", (sandbox) => sandbox.freeze());
  }

  /** Idempotent. */
  thaw(): void {
    if (!this.#isFrozen) return;
    this.#isFrozen = false;
    this.#change("thaw", (sandbox) => sandbox.thaw());
  }

  /** Where it fails the sandbox is destroyed, and `ended` says so. */
  #change(what: string, call: (sandbox: Sandbox) => Promise<void>): void {
    const sandbox = this.#sandbox;
    if (!sandbox) return;
    call(sandbox).catch((error: unknown) => {
      // It was destroyed meanwhile.
      if (this.#isKilled) return;
      this.#deps.logger.warn(`could not ${what} a sandbox`, { sandbox: sandbox.id, error });
    });
  }

  /** Highest memory use, whole MB, at least 1. At once, if it was read a moment ago. */
  peakMb(): number | Promise<number> {
    const isFresh = this.#deps.clock.monotonic() - this.#peakReadAtMs < memoryReadingAgeMsMax;
    return isFresh || !this.#sandbox ? this.#peakMb : this.#readPeak(this.#sandbox);
  }

  async #run(facts: Omit<LaunchFacts, "endpoint">, port: RuntimePort): Promise<Ending> {
    const { output } = this.#deps;
    let sandbox: Sandbox;
    try {
      sandbox = await this.#start(facts, port);
    } catch (error) {
      return { kind: "not-started", error };
    }
    const supervisor = this.#supervisor;
    const printed = output.attach(sandbox, supervisor?.outputs);
    const gone = supervisor ? sandbox.exited.then(() => supervisor.close()) : sandbox.exited;
    this.#over = Promise.all([gone, printed]);
    // Killed while it was being made: `kill` had nothing to destroy yet.
    if (this.#isKilled) await this.#destroy(sandbox);
    const exit = await (supervisor ? this.#supervisedExit(supervisor, sandbox) : sandbox.exited);
    if (!supervisor) await printed;
    // What it wrote to the Runtime API's sockets before it ended may be read after its exit was seen.
    await output.drained();
    return { kind: "exit", exit };
  }

  /** The supervisor tells that the runtime was killed, and the kernel why. Never rejects. */
  async #supervisedExit(supervisor: Supervisor, sandbox: Sandbox): Promise<Exit> {
    const exit = await Promise.race([supervisor.runtimeExited, sandbox.exited]);
    if (exit.kind !== "signal" || exit.signal !== "SIGKILL") return exit;
    const oom = await sandbox.isOutOfMemory?.().catch(() => false);
    return { ...exit, oom: oom ?? exit.oom };
  }

  async #start(facts: Omit<LaunchFacts, "endpoint">, port: RuntimePort): Promise<Sandbox> {
    const { api, driver } = this.#deps;
    const waited = await this.#specialise(facts, port);
    if (waited) return waited;
    const endpoint = await api.open(facts.id, port);
    this.#endpoint = endpoint;
    if (this.#isKilled) throw new Error("shut down before it was started");
    const spec = sandboxSpec(driver, { ...facts, endpoint });
    this.#supervisor = await this.#supervise(facts, endpoint, spec);
    const argv = this.#supervisor?.argv(spec.argv) ?? spec.argv;
    const sandbox = await driver.create({ ...spec, argv });
    this.#sandbox = sandbox;
    this.#deps.onLaunched();
    if (sandbox.address !== undefined && !this.#isKilled) endpoint.admit(sandbox.address);
    return sandbox;
  }

  async #supervise(
    { prepared }: Omit<LaunchFacts, "endpoint">,
    { mount }: RuntimeEndpoint,
    { mounts }: SandboxSpec,
  ): Promise<Supervisor | undefined> {
    const { clock, driver } = this.#deps;
    if (prepared.extensions.length === 0) return undefined;
    if (prepared.extensionFault) {
      const { errorType, message } = launchFailure(prepared.extensionFault);
      throw new LaunchError(errorType, message);
    }
    return Supervisor.open({
      clock,
      directory: mount.source,
      insideDirectory: driver.resolve(mounts, mount.target),
      extensions: prepared.extensions.map((path) => driver.resolve(mounts, path)),
      onExtensionExit: (name, exit) => this.#deps.onExtensionExit(name, exit),
    });
  }

  /** A runtime that waits becomes this one. Undefined: there is none that fits and can, and one has to be started. */
  async #specialise(facts: Omit<LaunchFacts, "endpoint">, port: RuntimePort): Promise<Sandbox | undefined> {
    const { driver, logger, warm } = this.#deps;
    const waiting = warm?.take(facts.spec, facts.prepared);
    if (!waiting) return undefined;
    const { endpoint, sandbox } = waiting;
    this.#endpoint = endpoint;
    this.#sandbox = sandbox;
    try {
      await waiting.become(sandboxSpec(driver, { ...facts, endpoint }), port);
      return sandbox;
    } catch (error) {
      await waiting.destroy();
      if (this.#isKilled) throw error;
      logger.warn("a waiting runtime could not be used", { sandbox: sandbox.id, error });
      this.#endpoint = undefined;
      this.#sandbox = undefined;
      return undefined;
    }
  }

  async #kill(): Promise<void> {
    this.#isLeaving = true;
    this.#isKilled = true;
    // In this order and without a pause between: it shall neither speak again nor complain that nobody listens.
    const destroyed = this.#sandbox && this.#destroy(this.#sandbox);
    const cut = this.#endpoint?.close(Promise.all([destroyed, this.ended]));
    await Promise.all([destroyed, cut, this.ended]);
    await this.#over;
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
