/**
 * The driver for real sandboxes: bubblewrap, control groups, seccomp and, as root, a network of their own. How a start
 * goes: take a prepared slot (`slots.ts`), limit its control group, hand it bubblewrap's arguments (`arguments.ts`), and
 * wait until the program has been started. What a sandbox may see is decided in `arguments.ts` alone.
 */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import { findTool } from "../command.ts";
import {
  type Driver,
  DriverError,
  type Guarantees,
  type Listener,
  type Sandbox,
  type SandboxSpec,
  type Specialisation,
  type WaitingSandbox,
} from "../driver.ts";
import { createPipeSource } from "../pipes.ts";
import { seccompFilter } from "../seccomp.ts";
import { checkSpec } from "../spec.ts";
import { bubblewrapArguments, type SystemView } from "./arguments.ts";
import { type Machine, openMachine } from "./machine.ts";
import { type Guardian, startGuardian } from "./guardian.ts";
import { createLauncher, type Launcher } from "./launcher.ts";
import { type LaterMounts, laterMounts, specialise } from "./later-mounts.ts";
import { endSlot, startSandbox } from "./sandbox.ts";
import { withOwnName } from "./own-name.ts";
import type { Place } from "./place.ts";
import { createSlots, runName, type Slot, type Slots } from "./slots.ts";
import { buildSystemView, systemViewIn } from "./system-view.ts";

export interface BubblewrapOptions {
  /** Tells the data directories of a machine apart: `[a-z0-9]{1,32}`. */
  readonly instance: string;
  /** For what the driver keeps while it lives. Its own, below /run where we are root; emptied at the start. */
  readonly stageDir: string;
  /** For what sandboxes write to /tmp. Its own, on a file system with room; emptied at the start. */
  readonly diskDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Throws `DriverError` "unavailable", with the reason, when no sandbox can be started on this machine. */
export async function createBubblewrapDriver(options: BubblewrapOptions): Promise<Driver> {
  const bubblewrap = findTool("bwrap");
  if (!bubblewrap)
    throw new DriverError("unavailable", "bubblewrap is not installed: apt-get install bubblewrap");
  const filter = seccompFilter(process.arch);
  if (!filter) throw new DriverError("unavailable", `there is no system call filter for ${process.arch}`);
  const machine = await openMachine(options);
  try {
    const { stageDir, clock, logger } = options;
    const { number, network, cgroups, disks, ground } = machine;
    const seccompFile = join(stageDir, "seccomp.bpf");
    writeFileSync(seccompFile, filter, { mode: 0o600 });
    const pipes = createPipeSource(join(stageDir, "pipes"));
    const launcher = createLauncher(pipes.directory, seccompFile);
    const slotDeps = {
      clock,
      logger,
      pipes,
      cgroups,
      network,
      disks,
      ground,
      number,
      launcher,
      bubblewrap,
    };
    const slots = createSlots(slotDeps, (slot) => endSlot(slot, clock));
    const system = buildSystemView({
      etc: join(stageDir, "etc"),
      tmp: disks?.mountPoint,
      resolvers: network?.resolvers ?? [],
      sharesNetwork: network === undefined,
      canDisableUserNamespaces: knowsOption(bubblewrap, "disable-userns"),
    });
    chmodSync(stageDir, 0o711); // whatever the umask made of it: sandboxes pass through
    const guardian = cgroups && startGuardian(cgroups.directory, runName);
    const laterDir = join(stageDir, "later");
    mkdirSync(laterDir, { mode: 0o755 });
    return new BubblewrapDriver({
      machine,
      slots,
      launcher,
      system,
      guardian,
      clock,
      laterDir,
      hostsDir: join(stageDir, "hosts"),
    });
  } catch (error) {
    await machine.close();
    throw error;
  }
}

/** Since when it has the option differs by distribution. Asking it would be a process of its own, before all others. */
function knowsOption(program: string, option: string): boolean {
  try {
    return readFileSync(program).includes(option);
  } catch {
    return false; // not readable: without the option it works as well
  }
}

interface Parts {
  readonly machine: Machine;
  readonly slots: Slots;
  readonly launcher: Launcher;
  readonly system: SystemView;
  /** Without control groups there is none: it would not know whom to kill. */
  readonly guardian: Guardian | undefined;
  readonly clock: Clock;
  /** Where slots with placeholders have them, each in its own mount namespace. */
  readonly laterDir: string;
  readonly hostsDir: string;
}

class BubblewrapDriver implements Driver {
  readonly name = "bubblewrap";
  readonly guarantees: Guarantees;
  readonly hostAddress: string;
  readonly #parts: Parts;
  /** Mounts into what runs take root. */
  readonly createWaiting: Driver["createWaiting"];
  readonly #living = new Set<Sandbox>();
  /** By the name of the /tmp in it: those that outlive their sandboxes. */
  readonly #kept = new Map<string, Place>();
  /** Of the last start: all starts of one lambdad have the same. */
  #mode: SandboxSpec["network"] = "outside";
  #isWarm = false;
  #closed: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { network, cgroups, missing } = parts.machine;
    if (parts.machine.number !== undefined) this.createWaiting = this.#createWaiting.bind(this);
    this.hostAddress = network?.plan.hostAddress ?? "127.0.0.1";
    this.guarantees = {
      separated: true,
      limited: cgroups !== undefined,
      networked: network?.isFiltered === true,
      freezes: cgroups?.canFreeze === true,
      missing,
    };
  }

  resolve(_mounts: SandboxSpec["mounts"], insidePath: string): string {
    return insidePath;
  }

  async create(spec: SandboxSpec): Promise<Sandbox> {
    this.#refuseIfClosed();
    checkSpec(spec);
    const sourceOf = await this.#places(spec);
    this.#mode = spec.network;
    const slot = await this.#take(spec);
    if (this.#isWarm) this.#parts.slots.refillSoon(spec.network);
    return this.#start(slot, spec, sourceOf);
  }

  async #createWaiting(spec: SandboxSpec, placeholders: readonly string[]): Promise<WaitingSandbox> {
    this.#refuseIfClosed();
    checkSpec(spec);
    const { machine, clock, laterDir } = this.#parts;
    const sourceOf = await this.#places(spec);
    const later = laterMounts(laterDir, placeholders);
    const slot = await this.#take(spec, later);
    const sandbox = await this.#start(slot, { ...spec, mounts: [...spec.mounts, ...later.mounts] }, sourceOf);
    slot.cgroup?.setCpus(spec.cpus); // it is in no hurry before somebody needs it
    return Object.assign(sandbox, {
      specialise: (change: Specialisation) => {
        this.#name(slot, change.tmpName);
        return specialise(slot, { ...spec, ...change }, { stage: machine.stage, clock });
      },
    });
  }

  async #take(
    { network: mode, tmpBytesMax, tmpName }: SandboxSpec,
    laterMounts?: LaterMounts,
  ): Promise<Slot> {
    const place = tmpName === undefined ? undefined : this.#kept.get(tmpName);
    await place?.take();
    const slot = await this.#parts.slots.take({ mode, tmpBytesMax, place, laterMounts });
    this.#name(slot, tmpName);
    return slot;
  }

  #name({ place }: Slot, tmpName: string | undefined): void {
    if (!place.disk || tmpName === undefined) return;
    place.keep();
    this.#kept.set(tmpName, place);
  }

  async removeTmp(tmpName: string): Promise<void> {
    const place = this.#kept.get(tmpName);
    this.#kept.delete(tmpName);
    await place?.remove();
  }

  async #places({ mounts, root }: SandboxSpec): Promise<(source: string) => string> {
    const places = new Map<string, string>();
    if (root !== undefined) places.set(root, await this.#parts.machine.stage.place(root));
    for (const { source } of mounts) places.set(source, await this.#parts.machine.stage.place(source));
    return (source) => places.get(source) ?? source;
  }

  async #start(slot: Slot, spec: SandboxSpec, sourceOf: (source: string) => string): Promise<Sandbox> {
    const { system: machine, clock, hostsDir } = this.#parts;
    const view = spec.root === undefined ? machine : systemViewIn(sourceOf(spec.root), machine);
    const system = withOwnName(view, slot.place.address, hostsDir);
    const args = bubblewrapArguments(spec, system, sourceOf);
    try {
      const sandbox = await startSandbox(slot, spec, {
        args,
        clock,
        onGone: (gone) => this.#living.delete(gone),
      });
      this.#living.add(sandbox);
      this.#refuseIfClosed(); // `close` may not have seen it
      return sandbox;
    } catch (error) {
      await endSlot(slot, clock);
      throw error;
    }
  }

  cpuUsec(): number | undefined {
    return this.#parts.machine.cgroups?.cpuUsec();
  }

  async sweep(): Promise<void> {
    await this.#parts.machine.cgroups?.sweep();
  }

  warm(listener: Listener): void {
    this.#isWarm = true;
    this.#parts.slots.leadTo(listener);
    this.#parts.slots.refill("outside");
  }

  expect(starts: number): void {
    this.#parts.slots.expect(starts);
    if (this.#isWarm) this.#parts.slots.refill(this.#mode);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#parts.slots.close();
    await Promise.all([...this.#living].map((sandbox) => sandbox.destroy()));
    await Promise.all([...this.#kept.keys()].map((tmpName) => this.removeTmp(tmpName)));
    await this.#parts.launcher.close();
    await this.#parts.guardian?.close();
    await this.#parts.machine.close();
  }

  #refuseIfClosed(): void {
    if (this.#closed) throw new DriverError("closed", "the driver is closed");
  }
}
