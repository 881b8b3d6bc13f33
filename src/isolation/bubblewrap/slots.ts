/**
 * Slots: sandboxes prepared as far as that goes without knowing what will run in them. A slot is one process that has
 * joined its control groups, holds its own network namespace with the link to lambdad, has become its unprivileged user,
 * and waits to be told which bubblewrap to become. So the slow steps (namespaces, links, a grace period of the kernel for
 * each change of control group) happen ahead of the start that needs them. A slot serves one sandbox and is gone with it.
 */
import type { Readable, Writable } from "node:stream";
import type { Clock, Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import {
  environmentProcessesMax,
  sandboxesMax,
  sandboxSlotsIdleMin,
  sandboxSlotsPreparingMax,
  sandboxSlotsRefillDelayMs,
  sandboxSlotsSurplusMs,
  sandboxStartTimeoutMs,
  tmpBytesDefault,
} from "../../limits.ts";
import type { Cgroup, Cgroups } from "../cgroup.ts";
import { DriverError, type Listener } from "../driver.ts";
import { lastWords } from "../exit.ts";
import type { Network } from "../network.ts";
import {
  linkBatches,
  loopbackRules,
  type NetworkMode,
  sandboxAddress,
  sandboxLink,
  sandboxUser,
} from "../network-plan.ts";
import {
  type Inlet,
  openOutputs,
  type Outlet,
  type Outputs,
  type Owner,
  type Pipes,
  type PipeSource,
} from "../pipes.ts";
import { type Disks, ownMounts } from "./disks.ts";
import type { Ground } from "./ground.ts";
import { argumentLines, launchScript, prepareScript } from "./launch-scripts.ts";
import { type LaterMounts, laterMountsCommand } from "./later-mounts.ts";
import { createStatus, type LaunchStatus } from "./launch-status.ts";
import type { Launcher } from "./launcher.ts";
import { Place } from "./place.ts";

/** Control groups of this run begin with it: a successor tells its own from ours. */
export const runName = `${process.pid}-`;

export interface Slot {
  readonly pipes: Pipes;
  readonly outputs: Readonly<Record<"stdout" | "stderr" | "frames", Readable>>;
  readonly cgroup: Cgroup | undefined;
  readonly place: Place;
  /** The launch script's input. */
  readonly orders: Writable;
  /** bubblewrap's hidden arguments. */
  readonly hidden: Writable;
  readonly status: LaunchStatus;
  /** Of a slot with placeholders: what to mount there (`later-mounts.ts`). */
  readonly mounts: Writable | undefined;
}

export interface SlotDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly pipes: PipeSource;
  readonly cgroups: Cgroups | undefined;
  readonly network: Network | undefined;
  /** Undefined: /tmp is memory. */
  readonly disks: Disks | undefined;
  /** Where slots begin. */
  readonly ground: Ground | undefined;
  /** lambdad's number on this machine; undefined: no privileges, sandboxes run as lambdad's user. */
  readonly number: number | undefined;
  readonly launcher: Launcher;
  readonly bubblewrap: string;
}

export interface SlotWish {
  readonly mode: NetworkMode;
  readonly tmpBytesMax: number;
  /** One that another slot has left. */
  readonly place?: Place | undefined;
  /** With the beginning of `later-mounts.ts` before the change of user. */
  readonly laterMounts?: LaterMounts | undefined;
}

export interface Slots {
  /** A ready slot: at once if one is waiting that will do. */
  take(wish: SlotWish): Promise<Slot>;
  /** Slots that are made from now on have it at 127.0.0.1. */
  leadTo(listener: Listener): void;
  /** Prepares slots until as many wait as shall. */
  refill(mode: NetworkMode): void;
  /** The same, out of the way of a start that has just taken one. */
  refillSoon(mode: NetworkMode): void;
  /** From now on as many shall wait, but `sandboxSlotsIdleMin` at least; those beyond are ended after a while. */
  expect(starts: number): void;
  /** Ends the waiting ones; `end` takes a slot down. */
  close(): Promise<void>;
}

export function createSlots(deps: SlotDeps, end: (slot: Slot) => Promise<void>): Slots {
  const idle: Record<NetworkMode, Slot[]> = { endpoints: [], outside: [] };
  const preparing: Record<NetworkMode, Set<Promise<void>>> = { endpoints: new Set(), outside: new Set() };
  const ending = new Set<Promise<void>>();
  const used = new Set<number>();
  let lastNumber = 0;
  let listener: Listener | undefined;
  let slotsWanted = sandboxSlotsIdleMin;
  let refilling: Timer | undefined;
  let trimming: Timer | undefined;
  let isClosed = false;

  /** Round robin, so that an address rests for as long as possible before another sandbox gets it. */
  function nextNumber(): number {
    if (used.size >= sandboxesMax)
      throw new DriverError("limits", `${sandboxesMax} sandboxes are alive already`);
    do lastNumber = (lastNumber % sandboxesMax) + 1;
    while (used.has(lastNumber));
    used.add(lastNumber);
    return lastNumber;
  }

  async function make(wish: SlotWish): Promise<Slot> {
    if (isClosed) {
      await wish.place?.leave();
      throw new DriverError("closed", "the driver is closed");
    }
    const place = wish.place ?? (await newPlace(wish));
    return prepareSlot(deps, { ...wish, place, listener }, end);
  }

  async function newPlace({ mode, tmpBytesMax }: SlotWish): Promise<Place> {
    const disk = await deps.disks?.create(tmpBytesMax);
    const number = nextNumber();
    const plan = deps.network?.plan;
    return new Place({
      number,
      address: plan && sandboxAddress(plan, number),
      link: plan && sandboxLink(plan, linkMode(deps, mode), number),
      disk,
      clock: deps.clock,
      onGone: () => used.delete(number),
    });
  }

  async function makeIdle(mode: NetworkMode): Promise<void> {
    const slot = await make({ mode, tmpBytesMax: tmpBytesDefault });
    // Whoever dies while waiting is replaced by the next `take`.
    if (isClosed) await end(slot);
    else idle[mode].push(slot);
  }

  function refill(mode: NetworkMode): void {
    const busy = preparing[mode];
    while (!isClosed && busy.size < sandboxSlotsPreparingMax && idle[mode].length + busy.size < slotsWanted) {
      const task = makeIdle(mode).then(
        () => {
          busy.delete(task);
          refill(mode);
        },
        (error: unknown) => {
          busy.delete(task);
          deps.logger.warn("a sandbox could not be prepared ahead of its use", { error });
        },
      );
      busy.add(task);
    }
  }

  function refillSoon(mode: NetworkMode): void {
    refilling ??= deps.clock.after(sandboxSlotsRefillDelayMs, () => {
      refilling = undefined;
      refill(mode);
    });
  }

  function expect(starts: number): void {
    slotsWanted = Math.max(sandboxSlotsIdleMin, starts);
    // Not at once: a start is expected no more just before it takes its slot.
    trimming?.cancel();
    trimming = deps.clock.after(sandboxSlotsSurplusMs, endSurplus);
  }

  function endSurplus(): void {
    for (const slot of [...idle.outside.splice(slotsWanted), ...idle.endpoints.splice(slotsWanted)]) {
      const task = end(slot)
        .catch((error: unknown) => deps.logger.error("a waiting sandbox was not ended", { error }))
        .finally(() => ending.delete(task));
      ending.add(task);
    }
  }

  function isPlain({ tmpBytesMax, place, laterMounts }: SlotWish): boolean {
    // Where /tmp is memory, it gets its size from bubblewrap.
    const isUsualSize = deps.disks === undefined || tmpBytesMax === tmpBytesDefault;
    return isUsualSize && place === undefined && laterMounts === undefined;
  }

  async function take(wish: SlotWish): Promise<Slot> {
    const slot = isPlain(wish) && !isClosed ? idle[wish.mode].shift() : undefined;
    if (!slot) return make(wish);
    if (!slot.status.isOver()) return slot;
    await end(slot);
    return take(wish);
  }

  return {
    leadTo(given) {
      listener = given;
    },
    refill,
    refillSoon,
    expect,
    take,
    async close() {
      isClosed = true;
      refilling?.cancel();
      trimming?.cancel();
      await Promise.all([...preparing.endpoints, ...preparing.outside, ...ending]);
      const waiting = [...idle.endpoints.splice(0), ...idle.outside.splice(0)];
      await Promise.all(waiting.map(end));
    },
  };
}

interface SlotOrder extends SlotWish {
  readonly place: Place;
  readonly listener: Listener | undefined;
}

async function prepareSlot(
  deps: SlotDeps,
  order: SlotOrder,
  end: (slot: Slot) => Promise<void>,
): Promise<Slot> {
  const { place, mode } = order;
  const owner = deps.number === undefined ? undefined : sandboxUser(deps.number, place.number);
  const pipes = deps.pipes.open();
  let cgroup: Cgroup | undefined;
  let slot: Slot;
  try {
    cgroup = await deps.cgroups?.create(`${runName}${place.number}`);
    slot = launchSlot(deps, order, { cgroup, pipes, ends: await openEnds(pipes, order, owner) });
  } catch (cause) {
    pipes.destroy();
    await cgroup?.destroy();
    await place.leave();
    throw cause instanceof DriverError
      ? cause
      : new DriverError("launch", "no process can be started", { cause });
  }
  try {
    await slot.status.ready(deps.clock, sandboxStartTimeoutMs);
    const pid = slot.status.pid();
    if (pid !== undefined) place.made(pid, deps.disks?.mountPoint ?? "");
    if (place.link) await deps.network?.admit(place.link, linkMode(deps, mode) === "outside");
    return slot;
  } catch (error) {
    const said = await lastWords(slot.outputs.stderr, deps.clock);
    await end(slot);
    throw new DriverError("launch", `a sandbox could not be prepared${said ? `: ${said}` : ""}`, {
      cause: error,
    });
  }
}

interface SlotEnds extends Outputs {
  readonly status: Outlet;
  readonly orders: Inlet;
  readonly hidden: Inlet;
  readonly mounts: Inlet | undefined;
}

async function openEnds(
  pipes: Pipes,
  { laterMounts }: SlotWish,
  owner: Owner | undefined,
): Promise<SlotEnds> {
  const outputs = await openOutputs(pipes, owner);
  const [orders, hidden] = [await pipes.inlet(), await pipes.inlet()];
  const mounts = laterMounts && (await pipes.inlet());
  return { ...outputs, orders, hidden, mounts, status: await pipes.outlet() };
}

interface SlotParts {
  readonly cgroup: Cgroup | undefined;
  readonly pipes: Pipes;
  readonly ends: SlotEnds;
}

function launchSlot(deps: SlotDeps, order: SlotOrder, { cgroup, pipes, ends }: SlotParts): Slot {
  const { orders, stdout, stderr, frames, hidden, mounts } = ends;
  const argv = slotCommand(deps, order, cgroup);
  // In the order that the launcher wants.
  const wanted = [orders, stdout, stderr, frames, hidden, ends.status, ...(mounts ? [mounts] : [])];
  const names = wanted.map(({ childs }) => childs.name);
  const status = createStatus(ends.status.reader);
  const started = deps.launcher.start(names, () => pipes.release());
  void status.opened.then(() => {
    started.opened();
    pipes.release();
  });
  orders.writer.write(argumentLines(argv));
  return {
    pipes,
    outputs: { stdout: stdout.reader, stderr: stderr.reader, frames: frames.reader },
    cgroup,
    place: order.place,
    orders: orders.writer,
    hidden: hidden.writer,
    status,
    mounts: mounts?.writer,
  };
}

/** What becomes of a slot's process, up to its waiting for orders. */
function slotCommand(
  deps: SlotDeps,
  { place, mode, laterMounts, listener }: SlotOrder,
  cgroup: Cgroup | undefined,
): readonly string[] {
  const plan = deps.network?.plan;
  const lambdadPid = process.pid;
  const isNew = !place.isMade;
  const link =
    isNew && plan
      ? linkBatches({ plan, mode: linkMode(deps, mode), slot: place.number, lambdadPid })
      : undefined;
  // They are counted by user: a limit for those sandboxes that have a user of their own.
  const processes = deps.number === undefined ? "" : String(environmentProcessesMax);
  const parent = String(deps.launcher.pid());
  const join = cgroup?.joinFiles.map((file) => deps.ground?.placeOf(file) ?? file) ?? [];
  return [
    ...(isNew ? newNamespaces(deps, place) : ["nsenter", ...place.entrance, "--"]),
    ...["sh", "-c", prepareScript, "prepare", String(lambdadPid)],
    ...[link?.inside ?? "", link?.outside ?? ""],
    link && listener && plan && deps.network?.isFiltered ? loopbackRules(plan, listener) : "",
    ...((isNew && place.disk?.arguments) || ["", "", ""]),
    ...join,
    "--",
    ...(laterMounts && deps.number !== undefined
      ? laterMountsCommand(laterMounts, sandboxUser(deps.number, place.number))
      : []),
    ...becomeUser(deps.number, place.number),
    ...["sh", "-c", launchScript, "launch", parent, deps.bubblewrap, processes],
  ];
}

/** "outside" is for those that can have it. */
function linkMode({ network }: SlotDeps, mode: NetworkMode): NetworkMode {
  return mode === "outside" && network?.hasOutside ? "outside" : "endpoints";
}

function newNamespaces({ ground }: SlotDeps, { link, disk }: Place): readonly string[] {
  const own = [...(link ? ["--net"] : []), ...(disk ? ownMounts : [])];
  return [
    ...(ground ? ["nsenter", `--mount=${ground.namespaceFile}`, "--"] : []),
    ...(own.length > 0 ? ["unshare", ...own, "--"] : []),
  ];
}

/** The death signal is armed after the change of user, which would disarm it. */
function becomeUser(number: number | undefined, slotNumber: number): readonly string[] {
  const bound = ["setpriv", "--pdeathsig", "KILL"];
  if (number === undefined) return [...bound, "--"];
  const { uid, gid } = sandboxUser(number, slotNumber);
  const user = ["--reuid", String(uid), "--regid", String(gid), "--clear-groups"];
  return [...bound, ...user, "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"];
}
