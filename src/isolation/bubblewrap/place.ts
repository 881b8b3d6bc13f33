/**
 * A place: what a slot has beside its processes. Its number, and with it its user, address and link; a network namespace
 * that holds the link, a mount namespace that holds the disk of `/tmp`. Usually it goes with its slot. One that is kept
 * waits for the next slot of the same environment, which so is spared the making of all that: nobody else ever has it.
 *
 * The namespaces are held by descriptors of lambdad's, so that they end with lambdad; what is in them ends with them.
 */
import { close, existsSync, openSync } from "node:fs";
import { promisify } from "node:util";
import type { Clock } from "../../base/clock.ts";
import { sandboxDestroyTimeoutMs } from "../../limits.ts";
import { DriverError } from "../driver.ts";
import { settledWithin } from "../exit.ts";
import { type Disk, loopDevice } from "./disks.ts";

export interface PlaceOptions {
  /** From 1. */
  readonly number: number;
  readonly address: string | undefined;
  /** On lambdad's side. */
  readonly link: string | undefined;
  /** Undefined: /tmp is memory. */
  readonly disk: Disk | undefined;
  readonly clock: Clock;
  /** Its number may be used again. */
  readonly onGone: () => void;
}

export class Place {
  readonly number: number;
  readonly address: string | undefined;
  readonly link: string | undefined;
  readonly disk: Disk | undefined;
  readonly #clock: Clock;
  readonly #onGone: () => void;
  /** "net", "mnt" → descriptor. */
  readonly #namespaces = new Map<string, number>();
  #loop: string | undefined;
  #isKept = false;
  #free = Promise.withResolvers<void>();
  #removed: Promise<void> | undefined;

  constructor(options: PlaceOptions) {
    this.number = options.number;
    this.address = options.address;
    this.link = options.link;
    this.disk = options.disk;
    this.#clock = options.clock;
    this.#onGone = options.onGone;
  }

  /** A slot has made it already. */
  get isMade(): boolean {
    return this.#namespaces.size > 0;
  }

  /** For `nsenter`. */
  get entrance(): readonly string[] {
    return [...this.#namespaces].map(([kind, fd]) => `--${optionOf[kind]}=/proc/${process.pid}/fd/${fd}`);
  }

  /** `pid`: a process that is in it, and has made it. `mountPoint`: of its disk. */
  made(pid: number, mountPoint: string): void {
    if (this.isMade) return;
    if (this.link !== undefined) this.#hold("net", pid);
    if (!this.disk) return;
    this.#hold("mnt", pid);
    this.#loop = loopDevice(pid, mountPoint);
  }

  /** From now on it survives its slot. */
  keep(): void {
    this.#isKept = true;
  }

  /** Resolves when no slot has it; then it is the caller's. Throws `DriverError` "spec" when it stays in use. */
  async take(): Promise<void> {
    if (!(await settledWithin(this.#free.promise, this.#clock, sandboxDestroyTimeoutMs))) {
      throw new DriverError("spec", "another sandbox still has this /tmp");
    }
    this.#free = Promise.withResolvers();
  }

  /** The slot's processes have gone. Resolves when all of it has gone too, unless it is kept. */
  async leave(): Promise<void> {
    if (!this.#isKept) await this.remove();
    this.#free.resolve();
  }

  /** Call when no slot has it. Idempotent. */
  remove(): Promise<void> {
    this.#removed ??= this.#remove();
    return this.#removed;
  }

  async #remove(): Promise<void> {
    const held = [...this.#namespaces.values()];
    this.#namespaces.clear();
    // Not synchronously: with the last one the kernel unmounts the disk.
    await Promise.all(held.map((fd) => closed(fd)));
    const { link, disk } = this;
    const loop = this.#loop;
    // The kernel removes a namespace and its links in the background, some ten milliseconds after the last process.
    if (link) await this.#gone(`the link ${link}`, () => existsSync(`/proc/sys/net/ipv4/conf/${link}`));
    if (disk && loop) await this.#gone(`the device ${loop}`, () => disk.isOn(loop));
    await disk?.remove();
    this.#onGone();
  }

  #hold(kind: string, pid: number): void {
    this.#namespaces.set(kind, openSync(`/proc/${pid}/ns/${kind}`, "r"));
  }

  async #gone(what: string, isThere: () => boolean): Promise<void> {
    const deadlineMs = this.#clock.monotonic() + sandboxDestroyTimeoutMs;
    for (let pauseMs = 4; isThere(); pauseMs = Math.min(pauseMs * 2, 50)) {
      if (this.#clock.monotonic() > deadlineMs) throw new DriverError("network", `${what} stays`);
      await this.#clock.sleep(pauseMs);
    }
  }
}

const closed = promisify(close);

const optionOf: Record<string, string> = { net: "net", mnt: "mount" };
