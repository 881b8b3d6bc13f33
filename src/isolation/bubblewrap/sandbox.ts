/**
 * One running sandbox: a slot that was given its orders. Its processes are the truth: when the control group (or, without
 * one, the reaper) is gone, nothing can be left, since files, mounts and network belong to namespaces that only these
 * processes held, and to its place. `destroy` kills, waits for the kernel to finish, and only then gives the place up.
 */
import type { Clock } from "../../base/clock.ts";
import { sandboxDestroyTimeoutMs, sandboxStartTimeoutMs } from "../../limits.ts";
import { DriverError, type Exit, type Sandbox, type SandboxSpec, type Usage } from "../driver.ts";
import { drained, exitThroughReaper, isUnread, lastWords, settledWithin } from "../exit.ts";
import type { BubblewrapArguments } from "./arguments.ts";
import { argumentLines } from "./launch-scripts.ts";
import type { Slot } from "./slots.ts";

const MiB = 1024 * 1024;
/** bubblewrap itself and its reaper. */
const ownProcesses = 2;

export interface StartOptions {
  readonly args: BubblewrapArguments;
  readonly clock: Clock;
  /** It has been destroyed, and nothing of it is left. */
  readonly onGone: (sandbox: Sandbox) => void;
}

/** Turns a slot into a sandbox. Throws `DriverError`; then the slot is still the caller's to end. */
export async function startSandbox(
  slot: Slot,
  spec: SandboxSpec,
  { args, clock, onGone }: StartOptions,
): Promise<Sandbox> {
  limit(slot, spec);
  slot.orders.end(`n${spec.openFilesMax}\n${argumentLines(args.visible)}`);
  slot.hidden.end(args.hidden.map((argument) => `${argument}\0`).join(""));
  try {
    await slot.status.started(clock, sandboxStartTimeoutMs);
  } catch (cause) {
    const said = await lastWords(slot.outputs.stderr, clock);
    throw new DriverError("launch", `sandbox ${spec.id} did not start${said ? `: ${said}` : ""}`, { cause });
  }
  return createSandbox(slot, spec.id, { clock, onGone });
}

export function limit(
  { cgroup }: Slot,
  { memoryMb, cpus, processesMax }: Pick<SandboxSpec, "memoryMb" | "cpus" | "processesMax">,
): void {
  cgroup?.limit({ memoryBytes: memoryMb * MiB, cpus, processesMax: processesMax + ownProcesses });
}

function createSandbox(
  slot: Slot,
  id: string,
  { clock, onGone }: Pick<StartOptions, "clock" | "onGone">,
): Sandbox {
  let destroyed: Promise<void> | undefined;
  let finalUsage: Usage | undefined;
  let wasOutOfMemory = false;
  const exited = end();

  async function end(): Promise<Exit> {
    const code = await slot.status.exitCode;
    finalUsage = readUsage();
    wasOutOfMemory = isOutOfMemory();
    const exit = exitThroughReaper(code, code === null ? "SIGKILL" : null, wasOutOfMemory);
    await drained(outputs(slot), clock);
    return exit;
  }

  function readUsage(): Usage {
    return slot.cgroup?.usage() ?? { memoryPeakBytes: 0 };
  }

  function isOutOfMemory(): boolean {
    return (slot.cgroup?.oomKills() ?? 0) > 0;
  }

  async function destroy() {
    await endSlot(slot, clock);
    await exited;
    onGone(sandbox);
  }

  const sandbox: Sandbox = {
    id,
    address: slot.place.address,
    ...slot.outputs,
    exited,
    usage: async () => finalUsage ?? readUsage(),
    isOutOfMemory: async () => wasOutOfMemory || isOutOfMemory(),
    setCpus: async (cpus) => slot.cgroup?.setCpus(cpus),
    freeze: async () => slot.cgroup?.setFrozen(true),
    thaw: async () => slot.cgroup?.setFrozen(false),
    signal(name) {
      // bubblewrap would not pass it on. Read and used at once, so that the number can't have changed hands.
      const pid = slot.status.programPid();
      if (pid !== undefined) kill(pid, name);
    },
    destroy() {
      destroyed ??= destroy();
      return destroyed;
    },
  };
  return sandbox;
}

/** Ends a slot in whatever state it is; resolves when the kernel has taken all of it down, but for a place that is kept. */
export async function endSlot(slot: Slot, clock: Clock): Promise<void> {
  const { status } = slot;
  if (!status.isOver()) {
    // The reaper first: with it goes every process of the sandbox, while bubblewrap still waits for it.
    const pid = status.reaperPid() ?? status.pid();
    if (pid !== undefined) kill(pid, "SIGKILL");
  }
  slot.pipes.hangUp();
  await slot.cgroup?.destroy();
  if (!(await settledWithin(status.over, clock, sandboxDestroyTimeoutMs))) {
    throw new DriverError("launch", `the process ${status.pid()} does not end`);
  }
  await slot.place.leave();
  for (const stream of outputs(slot).filter(isUnread)) stream.destroy();
  await drained(outputs(slot), clock);
}

function outputs(slot: Slot) {
  return Object.values(slot.outputs);
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it went by itself
  }
}
