/**
 * A runtime that has been started before anyone knows for which function: in a sandbox of its own, its bootstrap loaded,
 * waiting for its orders. The orders come through a FIFO beside its Runtime API's socket, which the bootstrap opens, reads
 * to its end and leaves no trace of; that it has opened it says that it waits.
 *
 * Becomes one function version's, once, or is destroyed. Has never seen any function's code or variables (I3).
 */
import { closeSync, constants, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import type { Driver, Sandbox, SandboxSpec, WaitingSandbox } from "../isolation/driver.ts";
import { commandTimeoutMs, ordersBytesMax, waitingBootMsMax, waitingBootPollMs } from "../limits.ts";
import type { RuntimePort } from "./api/runtime-port.ts";
import type { RuntimeApi, RuntimeEndpoint } from "./api/server.ts";
import { waitingSpec } from "./launch.ts";
import { runProgram } from "./program.ts";
import { placeholders, type Shape } from "./warm-shape.ts";

export interface WaitingDeps {
  readonly clock: Clock;
  readonly driver: Pick<Driver, "createWaiting" | "hostAddress" | "resolve">;
  readonly api: RuntimeApi;
  readonly network: SandboxSpec["network"];
  /** PATH, for `mkfifo`. */
  readonly path: string;
}

const ordersName = "orders";

export interface WaitingRuntime {
  readonly endpoint: RuntimeEndpoint;
  readonly sandbox: Sandbox;
  /** `spec`: of a start with this runtime's endpoint. Rejects when it failed; then `destroy` is all that is left. */
  become(spec: SandboxSpec, port: RuntimePort): Promise<void>;
  /** Idempotent. */
  destroy(): Promise<void>;
}

/** Resolves when it waits. Rejects when it cannot; then nothing of it is left. `id`: as `RuntimeApi.open` wants it. */
export async function bootWaiting(deps: WaitingDeps, shape: Shape, id: string): Promise<WaitingRuntime> {
  const { api, driver, network } = deps;
  const endpoint = await api.open(id);
  let sandbox: WaitingSandbox | undefined;
  try {
    await makeFifo(join(endpoint.mount.source, ordersName), deps.path);
    const ordersPath = `${endpoint.mount.target}/${ordersName}`;
    const spec = waitingSpec(driver, { id, shape, endpoint, network, ordersPath });
    sandbox = await driver.createWaiting?.(spec, placeholders);
    if (!sandbox) throw new Error("this driver has no waiting sandboxes");
    return new FifoRuntime(endpoint, sandbox, await opened(deps.clock, endpoint, sandbox));
  } catch (error) {
    await Promise.all([sandbox?.destroy(), endpoint.close()]);
    throw error;
  }
}

class FifoRuntime implements WaitingRuntime {
  readonly endpoint: RuntimeEndpoint;
  readonly sandbox: WaitingSandbox;
  /** The FIFO's end for writing. */
  #orders: number | undefined;
  readonly #ordersPath: string;

  constructor(endpoint: RuntimeEndpoint, sandbox: WaitingSandbox, orders: number) {
    this.endpoint = endpoint;
    this.sandbox = sandbox;
    this.#orders = orders;
    this.#ordersPath = join(endpoint.mount.source, ordersName);
  }

  async become(spec: SandboxSpec, port: RuntimePort): Promise<void> {
    const { cwd, memoryMb, cpus, tmpName } = spec;
    // As a list: the order of variables is seen inside.
    const orders = Buffer.from(JSON.stringify({ variables: Object.entries(spec.env), cwd }));
    if (orders.length > ordersBytesMax) throw new Error("the orders are too large for their pipe");
    const mounts = spec.mounts.filter(({ target }) => placeholders.some((path) => path === target));
    this.endpoint.assign(port);
    if (this.sandbox.address !== undefined) this.endpoint.admit(this.sandbox.address);
    await this.sandbox.specialise({ mounts, memoryMb, cpus, tmpName });
    this.#order(orders);
  }

  async destroy(): Promise<void> {
    this.#closeOrders();
    await Promise.all([this.sandbox.destroy(), this.endpoint.close()]);
  }

  #order(orders: Buffer): void {
    if (this.#orders === undefined) throw new Error("it was destroyed");
    const written = writeSync(this.#orders, orders);
    this.#closeOrders();
    if (written !== orders.length) throw new Error("the orders were not taken");
  }

  #closeOrders(): void {
    if (this.#orders === undefined) return;
    closeSync(this.#orders);
    this.#orders = undefined;
    rmSync(this.#ordersPath, { force: true });
  }
}

async function makeFifo(path: string, searchPath: string): Promise<void> {
  const options = { env: { PATH: searchPath }, timeoutMs: commandTimeoutMs };
  const { isSuccess, stderr } = await runProgram("mkfifo", ["-m", "444", path], options);
  if (!isSuccess) throw new Error(`mkfifo failed: ${stderr}`);
}

/** A FIFO can be opened for writing without waiting as soon as somebody reads it. */
async function opened(clock: Clock, endpoint: RuntimeEndpoint, sandbox: WaitingSandbox): Promise<number> {
  const path = join(endpoint.mount.source, ordersName);
  let hasEnded = false;
  void sandbox.exited.then(() => (hasEnded = true));
  const deadlineMs = clock.monotonic() + waitingBootMsMax;
  for (;;) {
    try {
      return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENXIO") throw error;
    }
    if (hasEnded) throw new Error("the runtime ended before it waited");
    if (clock.monotonic() > deadlineMs) throw new Error("the runtime was not ready in time");
    await clock.sleep(waitingBootPollMs);
  }
}
