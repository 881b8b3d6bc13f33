/**
 * What the bubblewrap driver holds of the machine while it lives: its number, its network, its control groups, its
 * staged mounts and disks. Each that cannot be had becomes a sentence for `Guarantees.missing`. Opening takes over what a crashed
 * predecessor of the same instance left; closing leaves nothing.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { describeError } from "../../base/logger.ts";
import { type Cgroups, openCgroups } from "../cgroup.ts";
import { type DiskOptions, type Disks, openDisks } from "./disks.ts";
import { type Ground, openGround, planGround } from "./ground.ts";
import { type Network, openNetwork, takeInstanceNumber } from "../network.ts";
import { sandboxGroup } from "../network-plan.ts";
import { noStage, openStage, type Stage, unstage } from "./stage.ts";

export interface Machine {
  /** lambdad's number on this machine; undefined: no privileges, sandboxes run as lambdad's own user. */
  readonly number: number | undefined;
  readonly network: Network | undefined;
  readonly cgroups: Cgroups | undefined;
  readonly stage: Stage;
  /** Undefined: /tmp is memory. */
  readonly disks: Disks | undefined;
  /** Undefined: slots are made among all mounts of the machine. */
  readonly ground: Ground | undefined;
  readonly missing: readonly string[];
  /** Destroy every sandbox first. */
  close(): Promise<void>;
}

export interface MachineOptions {
  readonly instance: string;
  readonly stageDir: string;
  readonly diskDir: string;
  readonly clock: Clock;
}

export async function openMachine({ instance, stageDir, diskDir, clock }: MachineOptions): Promise<Machine> {
  const missing: string[] = [];
  const closers: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).toReversed()) await closer();
  };
  try {
    const isRoot = process.getuid?.() === 0;
    const taken = isRoot ? await takeInstanceNumber(formerNumber(stageDir)) : undefined;
    if (taken) closers.push(() => taken.release());
    const number = taken?.number;
    await unstage(stageDir);
    mkdirSync(stageDir, { recursive: true, mode: 0o711 });
    closers.push(() => unstage(stageDir));
    if (number !== undefined) writeFileSync(numberFile(stageDir), String(number));
    const cgroups = tryCgroups(instance, clock, missing);
    if (cgroups) closers.push(() => cgroups.close());
    if (cgroups?.canFreeze === false) missing.push(withoutFreezer);
    if (!isRoot) missing.push(withoutRoot);
    const plan = planGround([stageDir, diskDir]);
    // Commands that wait for the kernel: side by side, and each undone if another fails.
    const held = <T extends { close(): Promise<void> } | undefined>(part: T) => {
      if (part) closers.push(() => part.close());
      return part;
    };
    const staged = (
      number === undefined
        ? Promise.resolve(noStage)
        : openStage(join(stageDir, "mounts"), sandboxGroup(number), plan.awayMountOf)
    ).then(held);
    const groups = cgroups?.directories ?? [];
    const parts = [
      (number === undefined ? Promise.resolve(undefined) : tryNetwork(number, missing)).then(held),
      staged,
      // After the stage, so that this reaches it.
      staged
        .then(() => (isRoot ? openGround({ directory: join(stageDir, "groups"), groups, plan }) : undefined))
        .then(held),
      (number === undefined
        ? Promise.resolve(undefined)
        : tryDisks({ directory: diskDir, mountPoint: join(stageDir, "tmp") }, missing)
      ).then(held),
    ] as const;
    await Promise.allSettled(parts);
    const [network, stage, ground, disks] = await Promise.all(parts);
    return { number, network, cgroups, stage, disks, ground, missing, close };
  } catch (error) {
    await close();
    throw error;
  }
}

const withoutFreezer =
  "What functions leave running goes on between invocations, because only control groups of version 2, which may be " +
  "mounted beside those of version 1, can stop it safely, since Linux 5.2.";

const withoutRoot =
  "Functions share this machine's network, also its loopback and its abstract sockets, and have their /tmp in memory, " +
  "because only root can give them their own: start lambdad as root.";

function tryCgroups(instance: string, clock: Clock, missing: string[]): Cgroups | undefined {
  try {
    return openCgroups(instance, clock);
  } catch (error) {
    missing.push(
      `Memory, CPU and process limits are not enforced, and what functions leave running goes on between invocations ` +
        `(${describeError(error)}): start lambdad as root, or by systemd-run --user --scope -p Delegate=yes.`,
    );
    return undefined;
  }
}

async function tryNetwork(number: number, missing: string[]): Promise<Network | undefined> {
  try {
    const network = await openNetwork(number);
    missing.push(...network.missing);
    return network;
  } catch (error) {
    missing.push(
      `Functions share this machine's network (${describeError(error)}): apt-get install iproute2.`,
    );
    return undefined;
  }
}

async function tryDisks(options: DiskOptions, missing: string[]): Promise<Disks | undefined> {
  try {
    return await openDisks(options);
  } catch (error) {
    missing.push(
      `Functions have their /tmp in memory, where it counts as theirs and ends with a runtime that is started again ` +
        `(${describeError(error)}): loop devices and e2fsprogs put it on disk.`,
    );
    return undefined;
  }
}

function numberFile(stageDir: string): string {
  return join(stageDir, "number");
}

/** The number of a predecessor that crashed: with it, this run takes over its address and rules. */
function formerNumber(stageDir: string): number | undefined {
  try {
    return Number(readFileSync(numberFile(stageDir), "utf8"));
  } catch {
    return undefined;
  }
}
