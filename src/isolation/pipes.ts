/**
 * Real pipes between lambdad and a sandbox. Node gives children socket pairs, and `echo >/dev/stderr` fails on those, in
 * every shell script; so the pipes are made as FIFOs, opened at both ends, and unlinked when the other process has its
 * end. They are made in batches, because `mkfifo` is a process of its own.
 */
import { closeSync, constants, fchownSync, mkdirSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { run } from "./command.ts";
import { DriverError } from "./driver.ts";

interface OtherEnd {
  /** Within the source's directory, for a process that opens its end itself. */
  readonly name: string;
  /** The end for the child. */
  readonly fd: number;
  /** Once the child has it. Idempotent. */
  release(): void;
}

/** From a sandbox. */
export interface Outlet {
  readonly reader: Socket;
  readonly childs: OtherEnd;
}

/** Into a sandbox. */
export interface Inlet {
  readonly writer: Socket;
  readonly childs: OtherEnd;
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** The pipes of one sandbox, which go together. Whoever has opened one must call `destroy`, or release and end each. */
export interface Pipes {
  /** `owner`: who may open the write end again through /proc/self/fd. */
  outlet(owner?: Owner): Promise<Outlet>;
  inlet(): Promise<Inlet>;
  /** The child has its ends, or will never have them. */
  release(): void;
  /** It gets nothing more; what it has said can still be read. */
  hangUp(): void;
  destroy(): void;
}

/** Standard output, standard error and the framed log of one sandbox. */
export interface Outputs {
  readonly stdout: Outlet;
  readonly stderr: Outlet;
  readonly frames: Outlet;
}

export interface PipeSource {
  readonly directory: string;
  open(): Pipes;
  close(): void;
}

export async function openOutputs(pipes: Pipes, owner?: Owner): Promise<Outputs> {
  const [stdout, stderr] = [await pipes.outlet(owner), await pipes.outlet(owner)];
  return { stdout, stderr, frames: await pipes.outlet(owner) };
}

const batchSize = 140; // of twenty sandboxes

/** `directory` belongs to it alone: what a predecessor that was killed left there is removed. */
export function createPipeSource(directory: string): PipeSource {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  let made = 0;
  const stock: string[] = [];
  let refilling: Promise<void> | undefined;

  async function refill() {
    const names = Array.from({ length: batchSize }, () => `pipe-${made++}`);
    await run("launch", ["mkfifo", "-m", "600", ...names.map((name) => join(directory, name))]);
    stock.push(...names);
  }

  async function name(): Promise<string> {
    for (;;) {
      const next = stock.pop();
      if (next !== undefined) return next;
      refilling ??= refill().finally(() => (refilling = undefined));
      await refilling;
    }
  }

  function open(): Pipes {
    const outlets: Outlet[] = [];
    const inlets: Inlet[] = [];
    function release() {
      for (const { childs } of [...outlets, ...inlets]) childs.release();
    }
    function hangUp() {
      release();
      for (const { writer } of inlets) writer.destroy();
    }
    return {
      async outlet(owner) {
        const { readFd, writeFd, otherEnd } = openPipe(directory, await name(), owner);
        const outlet = { reader: openReader(readFd), childs: otherEnd(writeFd) };
        outlets.push(outlet);
        return outlet;
      },
      async inlet() {
        const { readFd, writeFd, otherEnd } = openPipe(directory, await name());
        const writer = new Socket({ fd: writeFd, readable: false, writable: true });
        // A process that has gone says so by its exit; writing to it is not a second failure.
        writer.on("error", () => {});
        const inlet = { writer, childs: otherEnd(readFd) };
        inlets.push(inlet);
        return inlet;
      },
      release,
      hangUp,
      destroy() {
        hangUp();
        for (const { reader } of outlets) reader.destroy();
      },
    };
  }

  return { directory, open, close: () => rmSync(directory, { recursive: true, force: true }) };
}

function openPipe(directory: string, name: string, owner?: Owner) {
  const path = join(directory, name);
  const open: number[] = [];
  try {
    // The reader first: a writer alone would wait for one.
    const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    open.push(readFd);
    const writeFd = openSync(path, constants.O_WRONLY);
    open.push(writeFd);
    if (owner) fchownSync(writeFd, owner.uid, owner.gid);
    const otherEnd = (fd: number): OtherEnd => {
      let isThere = true;
      function release() {
        if (!isThere) return;
        isThere = false;
        closeSync(fd);
        rmSync(path, { force: true });
      }
      return { name, fd, release };
    };
    return { readFd, writeFd, otherEnd };
  } catch (cause) {
    for (const fd of open) closeSync(fd);
    rmSync(path, { force: true });
    throw new DriverError("launch", "cannot make a pipe", { cause });
  }
}

/**
 * It must not read before somebody listens: a program that says nothing and ends early would end the stream unheard.
 * `manualStart` is Node's own option for that, older than its type definitions.
 */
export function openReader(fd: number): Socket {
  const options = { fd, readable: true, writable: false, manualStart: true };
  return new Socket(options);
}
