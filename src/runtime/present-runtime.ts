/**
 * The runtime that an environment has at present, with its extensions: one incarnation after another, each with
 * extensions of its own. Starts them, freezes them between invocations (`freezer.ts`), ends them by the rules of SHUTDOWN
 * (`farewell.ts`), and keeps what outlives them: /tmp, and the highest memory use.
 *
 * Knows nothing of invocations. What happens is told to its listener, and only of the present one: who was told to end
 * ends unheard.
 */
import { posix } from "node:path";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Random } from "../base/random.ts";
import type { Driver, SandboxSpec } from "../isolation/driver.ts";
import type { RuntimePort } from "./api/runtime-port.ts";
import type { RuntimeApi } from "./api/server.ts";
import type { VersionSpec } from "./contract.ts";
import type { ExtensionFailure, ShutdownReason } from "./extensions.ts";
import { Extensions } from "./extensions.ts";
import { farewell } from "./farewell.ts";
import { Freezer } from "./freezer.ts";
import type { Ending } from "./incarnation.ts";
import { Incarnation } from "./incarnation.ts";
import type { Credentials } from "./launch.ts";
import { cpusOf, initCpusOf } from "./launch.ts";
import type { EnvironmentOutput } from "./output.ts";
import type { InitPhase } from "./platform-events.ts";
import type { Prepared } from "./prepare.ts";
import type { SandboxAddress } from "./telemetry-sender.ts";
import type { WarmPool } from "./warm-pool.ts";

export interface PresentRuntimeDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly driver: Driver;
  readonly api: RuntimeApi;
  /** Left out: every runtime is started for itself. */
  readonly warm?: Pick<WarmPool, "take"> | undefined;
  /** Where functions reach lambdad: AWS_ENDPOINT_URL. */
  readonly endpointUrl: string;
  /** What else they reach. */
  readonly network: SandboxSpec["network"];
  /** What functions of this account sign with. */
  readonly credentials: (account: string) => Credentials;
}

/** Whose runtime it is. */
export interface Owner {
  readonly id: string;
  readonly spec: VersionSpec;
  readonly logStream: string;
  readonly log: EnvironmentOutput;
}

export interface RuntimeListener {
  /** Its sandbox is there, and the program in it has been started. */
  onLaunched(): void;
  /** No extension is at work any more. */
  onExtensionsReady(): void;
  onExtensionFailed(failure: ExtensionFailure): void;
  onEnded(ending: Ending): void;
}

export class PresentRuntime {
  readonly #deps: PresentRuntimeDeps;
  readonly #owner: Owner;
  readonly #listener: RuntimeListener;
  /** Undefined: this driver does not freeze. */
  readonly #freezer: Freezer | undefined;
  #incarnation: Incarnation | undefined;
  #incarnations = 0;
  #extensions: Extensions;
  #quiet: Promise<void> = Promise.resolve();
  #gone: Promise<void> = Promise.resolve();
  #peakMb = 1;

  constructor(deps: PresentRuntimeDeps, owner: Owner, listener: RuntimeListener) {
    this.#deps = deps;
    this.#owner = owner;
    this.#listener = listener;
    this.#extensions = this.#newExtensions([]);
    if (deps.driver.guarantees.freezes) this.#freezer = this.#newFreezer();
  }

  get extensions(): Extensions {
    return this.#extensions;
  }

  /** Of a runtime that was ended, all that it printed is in the log; resolved while there is none. */
  get quiet(): Promise<void> {
    return this.#quiet;
  }

  /** Nothing is left of it. */
  get gone(): Promise<void> {
    return this.#gone;
  }

  /** Of its Runtime API; undefined: it has none. */
  get authority(): string | undefined {
    return this.#incarnation?.authority;
  }

  /** Where its listeners can be reached from here; undefined: nowhere yet. */
  get address(): SandboxAddress | undefined {
    return this.#incarnation?.address;
  }

  start(prepared: Prepared, phase: InitPhase, port: RuntimePort): void {
    const { endpointUrl, network, credentials, warm } = this.#deps;
    const { id, spec, logStream, log } = this.#owner;
    const isFirst = phase === "init";
    this.#incarnations += 1;
    const extensions = this.#newExtensions(prepared.extensions);
    if (prepared.extensionFault) extensions.notStarted(prepared.extensionFault);
    this.#extensions = extensions;
    const incarnation: Incarnation = new Incarnation(
      {
        ...this.#deps,
        warm: isFirst ? warm : undefined, // what waits has a /tmp of its own
        output: log,
        onLaunched: () => {
          if (!incarnation.isLeaving) this.#listener.onLaunched();
        },
        onExtensionExit: (name, exit) => extensions.ended(name, exit),
      },
      {
        id: `${id}-${this.#incarnations}`,
        spec,
        prepared,
        // An INIT inside an invocation has what the invocation has.
        cpus: isFirst ? initCpusOf(spec) : cpusOf(spec),
        tmpName: id,
        logStream,
        credentials: credentials(spec.account),
        endpointUrl,
        network,
      },
      port,
    );
    this.#incarnation = incarnation;
    void incarnation.ended.then((ending) => {
      if (!incarnation.isLeaving) this.#listener.onEnded(ending);
    });
  }

  /** INIT is over: from now on it has the CPU that the function's memory entitles it to. */
  initialised(): void {
    this.#incarnation?.setCpus(cpusOf(this.#owner.spec));
  }

  /** Runtime and extensions wait for their next event: what else runs there is frozen soon. */
  rest(): void {
    this.#freezer?.rest();
  }

  /** They are to get one. */
  wake(): void {
    this.#freezer?.wake();
  }

  /** Highest memory use of all incarnations, whole MB. At once, if it was read a moment ago. */
  peakMb(): number | Promise<number> {
    const peakMb = this.#incarnation?.peakMb() ?? 1;
    return typeof peakMb === "number" ? this.#highest(peakMb) : peakMb.then((mb) => this.#highest(mb));
  }

  /**
   * Ends what is left of the runtime and its extensions. `reported`: what is to be said of the last invocation is in the
   * log. `say`: when everything that the runtime printed is there, too.
   */
  end(reason: ShutdownReason, reported: Promise<void>, say?: () => void): void {
    const { clock } = this.#deps;
    const incarnation = this.#incarnation;
    // SIGKILL needs no thaw.
    if (this.#extensions.shutdownMs > 0) this.#freezer?.wake();
    this.#freezer?.stop();
    // One that is being told already is not told again.
    if (incarnation && !incarnation.isLeaving) {
      const { telemetry } = this.#owner.log;
      const leaving = { clock, incarnation, extensions: this.#extensions, telemetry, reported };
      const { quiet, gone } = farewell(leaving, reason);
      this.#quiet = quiet;
      this.#gone = gone;
    }
    if (say) this.#quiet = this.#quiet.then(say);
    this.#gone = Promise.all([this.#gone, this.#quiet]).then(() => undefined);
  }

  /** After `end`, once: there will be no other, and /tmp goes too. */
  remove(): Promise<void> {
    this.#gone = this.#gone.then(() => this.#removeTmp());
    return this.#gone;
  }

  async #removeTmp(): Promise<void> {
    const { driver, logger } = this.#deps;
    const { id } = this.#owner;
    try {
      await driver.removeTmp?.(id);
    } catch (error) {
      logger.error("an environment's /tmp was not removed", { environment: id, error });
    }
  }

  #newExtensions(paths: readonly string[]): Extensions {
    const names = paths.map((path) => posix.basename(path));
    const extensions: Extensions = new Extensions(names, this.#deps.random, {
      onProgress: () => {
        if (this.#extensions !== extensions) return;
        if (extensions.areRegistered) this.#incarnation?.startRuntime();
        if (extensions.areReady) this.#listener.onExtensionsReady();
      },
      onFailure: (failure) => {
        if (this.#extensions === extensions) this.#listener.onExtensionFailed(failure);
      },
      // What has died while it was frozen says so when it is thawed.
      onLost: () => this.wake(),
    });
    return extensions;
  }

  #newFreezer(): Freezer {
    const { log } = this.#owner;
    return new Freezer(this.#deps.clock, {
      pause: async () => log.telemetry?.pause(),
      freeze: () => this.#incarnation?.freeze(),
      thaw: () => {
        this.#incarnation?.thaw();
        log.telemetry?.resume();
      },
    });
  }

  #highest(peakMb: number): number {
    this.#peakMb = Math.max(this.#peakMb, peakMb);
    return this.#peakMb;
  }
}
