/**
 * The driver without a sandbox: a plain child process with its own environment, working directory and process group, for
 * machines on which nothing better is possible. It keeps the laws about lifetime (D3 for what stays in the process group,
 * D4 through `setpriv`, D5) and none about separation or limits; `guarantees` says so.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { sandboxDestroyTimeoutMs } from "../../limits.ts";
import { findTool } from "../command.ts";
import {
  type Driver,
  DriverError,
  type Exit,
  type Mount,
  type Sandbox,
  type SandboxSpec,
  type Usage,
} from "../driver.ts";
import { drained, exitOf, isUnread, reaped, settledWithin } from "../exit.ts";
import { withSealedStdio } from "../inherited.ts";
import { createPipeSource, openOutputs, type Outputs, type PipeSource } from "../pipes.ts";
import { checkSpec } from "../spec.ts";

export interface ProcessOptions {
  /** For the pipes' names; lambdad's own, emptied at the end. */
  readonly stageDir: string;
  readonly clock: Clock;
}

export function createProcessDriver({ stageDir, clock }: ProcessOptions): Driver {
  const setpriv = findTool("setpriv");
  const pipes = createPipeSource(join(stageDir, "pipes"));
  const living = new Set<Sandbox>();
  let isClosed = false;

  return {
    name: "process",
    guarantees: {
      separated: false,
      limited: false,
      networked: false,
      freezes: false,
      missing: missing(setpriv),
    },
    hostAddress: "127.0.0.1",
    resolve: resolveOnHost,
    async create(spec) {
      if (isClosed) throw new DriverError("closed", "the driver is closed");
      checkSpec(spec);
      if (spec.root !== undefined)
        throw new DriverError("spec", "a root file system of its own takes bubblewrap: lambdad doctor");
      const sandbox = await start(spec, { pipes, clock, setpriv, onGone: (gone) => living.delete(gone) });
      living.add(sandbox);
      return sandbox;
    },
    async sweep() {}, // setpriv has ended what a predecessor started
    async close() {
      isClosed = true;
      await Promise.all([...living].map((sandbox) => sandbox.destroy()));
      pipes.close();
    },
  };
}

function missing(setpriv: string | undefined): readonly string[] {
  return [
    "Functions run as plain processes of lambdad's user: they see its files and each other, nothing limits their memory, " +
      "CPU or processes, and what they leave running goes on between invocations. For sandboxes: apt-get install bubblewrap.",
    ...(setpriv ? [] : ["Functions outlive a crash of lambdad: apt-get install util-linux."]),
  ];
}

/** The source behind the longest target that leads to the path; the path itself where no mount does. */
function resolveOnHost(mounts: readonly Mount[], insidePath: string): string {
  const [nearest] = mounts
    .filter(({ target }) => insidePath === target || insidePath.startsWith(`${target}/`))
    .sort((a, b) => b.target.length - a.target.length);
  return nearest ? nearest.source + insidePath.slice(nearest.target.length) : insidePath;
}

interface StartParts {
  readonly pipes: PipeSource;
  readonly clock: Clock;
  readonly setpriv: string | undefined;
  readonly onGone: (sandbox: Sandbox) => void;
}

async function start(spec: SandboxSpec, { pipes, clock, setpriv, onGone }: StartParts): Promise<Sandbox> {
  const own = pipes.open();
  let output: Outputs;
  let child: ChildProcess;
  try {
    output = await openOutputs(own);
    child = spawnProgram(spec, output, setpriv);
    own.release();
    await spawned(child);
  } catch (cause) {
    own.destroy();
    throw new DriverError("launch", `${spec.argv[0]} cannot be started`, { cause });
  }
  return createSandbox(spec.id, child, { output, clock, onGone });
}

/** Without `setpriv` (macOS) the program itself; nothing ties it to lambdad's life then. */
function spawnProgram(spec: SandboxSpec, output: Outputs, setpriv: string | undefined): ChildProcess {
  const [program = "", ...args] = spec.argv;
  const argv = [resolveOnHost(spec.mounts, program), ...args];
  const [file, ...rest] = setpriv ? [setpriv, "--pdeathsig", "KILL", "--", ...argv] : argv;
  const writers = [output.stdout, output.stderr, output.frames].map(({ childs }) => childs.fd);
  return withSealedStdio(["ignore", ...writers], (stdio) =>
    spawn(file ?? "", rest, {
      stdio,
      env: spec.env,
      cwd: resolveOnHost(spec.mounts, spec.cwd),
      detached: true, // its own process group, which `destroy` kills as a whole
    }),
  );
}

function spawned(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
}

interface RunningParts {
  readonly output: Outputs;
  readonly clock: Clock;
  readonly onGone: (sandbox: Sandbox) => void;
}

function createSandbox(id: string, child: ChildProcess, { output, clock, onGone }: RunningParts): Sandbox {
  const streams = [output.stdout.reader, output.stderr.reader, output.frames.reader];
  let usage: Usage = { memoryPeakBytes: 0 };
  let destroyed: Promise<void> | undefined;
  const exited = end();

  async function end(): Promise<Exit> {
    const { code, signal } = await reaped(child);
    signalGroup("SIGKILL"); // children that stayed behind hold the pipes, and must not outlive it
    await drained(streams, clock);
    return exitOf(code, signal, false);
  }

  function signalGroup(signal: NodeJS.Signals): void {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // nobody is left in it
    }
  }

  async function destroy(): Promise<void> {
    if (child.exitCode === null && child.signalCode === null) signalGroup("SIGKILL");
    for (const stream of streams.filter(isUnread)) stream.destroy();
    if (!(await settledWithin(exited, clock, sandboxDestroyTimeoutMs))) {
      throw new DriverError("launch", `the process ${child.pid} does not end`);
    }
    onGone(sandbox);
  }

  const sandbox: Sandbox = {
    id,
    address: undefined,
    stdout: output.stdout.reader,
    stderr: output.stderr.reader,
    frames: output.frames.reader,
    exited,
    async usage() {
      if (child.pid !== undefined) usage = readUsage(child.pid) ?? usage;
      return usage;
    },
    async setCpus() {},
    // SIGSTOP would do, but for D4: of a group that is stopped, a crash of lambdad ends the leader alone.
    async freeze() {},
    async thaw() {},
    signal(name) {
      child.kill(name);
    },
    destroy() {
      destroyed ??= destroy();
      return destroyed;
    },
  };
  return sandbox;
}

/** Of the program alone, without its children; undefined once it has gone, or where there is no /proc. */
function readUsage(pid: number): Usage | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const peakKiB = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]);
    return Number.isNaN(peakKiB) ? undefined : { memoryPeakBytes: peakKiB * 1024 }; // a zombie has none
  } catch {
    return undefined;
  }
}
