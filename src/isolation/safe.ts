/**
 * The rules of a sandbox's life, for every driver: calls on one sandbox run one after another, `destroy` happens once and
 * does not wait for calls that hang behind it, a failed change (limits, frozen or not) destroys what can no longer be trusted, and
 * calls on a destroyed sandbox get one and the same error. Ids of the living are unique. Drivers need none of this
 * themselves.
 */
import type { Logger } from "../base/logger.ts";
import {
  type Driver,
  DriverError,
  type Sandbox,
  type SandboxSpec,
  type Specialisation,
  type Usage,
  type WaitingSandbox,
} from "./driver.ts";

export function safe(driver: Driver, logger: Logger): Driver {
  const ids = new Set<string>();
  const creating = new Set<Promise<unknown>>();
  let closed: Promise<void> | undefined;

  async function create<S extends Sandbox>(
    { id }: SandboxSpec,
    make: () => Promise<S>,
    wrap: (made: S, parts: SafeParts) => S,
  ): Promise<S> {
    if (closed) throw new DriverError("closed", "the driver is closed");
    if (ids.has(id)) throw new DriverError("spec", `a sandbox ${id} is alive already`);
    ids.add(id);
    const made = make();
    creating.add(made);
    try {
      return wrap(await made, { logger, onDestroyed: () => ids.delete(id) });
    } catch (error) {
      ids.delete(id);
      throw asDriverError(error);
    } finally {
      creating.delete(made);
    }
  }

  /** Only called where the driver has it. */
  async function createWaiting(spec: SandboxSpec, placeholders: readonly string[]): Promise<WaitingSandbox> {
    if (!driver.createWaiting)
      throw new DriverError("unavailable", `${driver.name} has no waiting sandboxes`);
    return driver.createWaiting(spec, placeholders);
  }

  async function close(): Promise<void> {
    await Promise.allSettled(creating);
    await driver.close();
  }

  return {
    name: driver.name,
    guarantees: driver.guarantees,
    hostAddress: driver.hostAddress,
    resolve: (mounts, insidePath) => driver.resolve(mounts, insidePath),
    sweep: () => driver.sweep(),
    cpuUsec: () => driver.cpuUsec?.(),
    warm: (listener) => driver.warm?.(listener),
    expect: (starts) => driver.expect?.(starts),
    removeTmp: async (tmpName) => driver.removeTmp?.(tmpName),
    create: (spec) =>
      create<Sandbox>(
        spec,
        () => driver.create(spec),
        (made, parts) => new SafeSandbox(made, parts),
      ),
    ...(driver.createWaiting && {
      createWaiting: (spec: SandboxSpec, placeholders: readonly string[]) =>
        create(
          spec,
          () => createWaiting(spec, placeholders),
          (made, parts) => new SafeWaitingSandbox(made, parts),
        ),
    }),
    close() {
      closed ??= close();
      return closed;
    },
  };
}

interface SafeParts {
  readonly logger: Logger;
  onDestroyed(): void;
}

class SafeSandbox implements Sandbox {
  readonly id: string;
  readonly address: string | undefined;
  readonly stdout: Sandbox["stdout"];
  readonly stderr: Sandbox["stderr"];
  readonly frames: Sandbox["frames"];
  readonly exited: Sandbox["exited"];
  readonly #inner: Sandbox;
  readonly #parts: SafeParts;
  #turn: Promise<unknown> = Promise.resolve();
  #destroyed: Promise<void> | undefined;

  constructor(inner: Sandbox, parts: SafeParts) {
    this.id = inner.id;
    this.address = inner.address;
    this.stdout = inner.stdout;
    this.stderr = inner.stderr;
    this.frames = inner.frames;
    this.exited = inner.exited;
    this.#inner = inner;
    this.#parts = parts;
  }

  /** A reading, so it works also afterwards. */
  usage(): Promise<Usage> {
    return this.#inTurn(() => this.#inner.usage());
  }

  isOutOfMemory(): Promise<boolean> {
    return this.#inTurn(async () => (await this.#inner.isOutOfMemory?.()) ?? false);
  }

  setCpus(cpus: number): Promise<void> {
    return this.change(() => this.#inner.setCpus(cpus));
  }

  freeze(): Promise<void> {
    return this.change(() => this.#inner.freeze());
  }

  thaw(): Promise<void> {
    return this.change(() => this.#inner.thaw());
  }

  /** What cannot be trusted after it failed. */
  protected change(call: () => Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#destroyed) throw new DriverError("closed", `sandbox ${this.id} is destroyed`);
      try {
        await call();
      } catch (error) {
        await this.destroy();
        throw asDriverError(error);
      }
    });
  }

  signal(signal: "SIGTERM" | "SIGKILL"): void {
    if (!this.#destroyed) this.#inner.signal(signal);
  }

  destroy(): Promise<void> {
    this.#destroyed ??= this.#destroy();
    return this.#destroyed;
  }

  async #destroy(): Promise<void> {
    try {
      await this.#inner.destroy();
      this.#parts.onDestroyed();
    } catch (error) {
      // Its id stays taken: something of it may still be there.
      this.#parts.logger.error("a sandbox could not be taken down completely", { sandbox: this.id, error });
      throw asDriverError(error);
    }
  }

  #inTurn<T>(call: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(call);
    this.#turn = result.catch(() => {});
    return result;
  }
}

class SafeWaitingSandbox extends SafeSandbox implements WaitingSandbox {
  readonly #waiting: WaitingSandbox;

  constructor(waiting: WaitingSandbox, parts: SafeParts) {
    super(waiting, parts);
    this.#waiting = waiting;
  }

  specialise(change: Specialisation): Promise<void> {
    return this.change(() => this.#waiting.specialise(change));
  }
}

function asDriverError(error: unknown): DriverError {
  if (error instanceof DriverError) return error;
  return new DriverError("launch", error instanceof Error ? error.message : String(error), { cause: error });
}
