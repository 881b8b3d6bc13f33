/**
 * Real pipes between a sandbox and lambdad. Node gives children socket pairs, and `echo >/dev/stderr` fails on those, in
 * every shell script; so the pipes are made as FIFOs, opened at both ends, and unlinked at once. They are made in
 * batches, because `mkfifo` is a process of its own.
 */
import { closeSync, constants, fchownSync, mkdirSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { run } from "./command.ts";
import { DriverError } from "./driver.ts";

export interface Pipe {
  readonly reader: Socket;
  /** The end for the child, to be closed here once the child has it. */
  readonly writeFd: number;
}

/** Standard output, standard error and the framed log of one sandbox. */
export interface OutputPipes {
  readonly stdout: Pipe;
  readonly stderr: Pipe;
  readonly frames: Pipe;
  closeWriters(): void;
  destroy(): void;
}

export interface PipeSource {
  /** `owner`: who may open the write ends again through /proc/self/fd. */
  take(owner?: { readonly uid: number; readonly gid: number }): Promise<OutputPipes>;
  close(): void;
}

const batchSize = 60; // of twenty sandboxes

/** `directory` belongs to it alone: what a predecessor that was killed left there is removed. */
export function createPipeSource(directory: string): PipeSource {
  rmSync(directory, { recursive: true, force: true });
  let made = 0;
  const stock: string[] = [];
  let refilling: Promise<void> | undefined;

  async function refill() {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const paths = Array.from({ length: batchSize }, () => join(directory, `pipe-${made++}`));
    await run("launch", ["mkfifo", "-m", "600", ...paths]);
    stock.push(...paths);
  }

  async function path(): Promise<string> {
    for (;;) {
      const next = stock.pop();
      if (next !== undefined) return next;
      refilling ??= refill().finally(() => (refilling = undefined));
      await refilling;
    }
  }

  return {
    async take(owner) {
      const pipes: Pipe[] = [];
      try {
        for (let index = 0; index < 3; index += 1) pipes.push(openPipe(await path(), owner));
      } catch (cause) {
        for (const pipe of pipes) close(pipe);
        throw new DriverError("launch", "cannot make a pipe", { cause });
      }
      const [stdout, stderr, frames] = pipes as [Pipe, Pipe, Pipe];
      let hasWriters = true;
      function closeWriters() {
        if (hasWriters) for (const { writeFd } of pipes) closeSync(writeFd);
        hasWriters = false;
      }
      return {
        stdout,
        stderr,
        frames,
        closeWriters,
        destroy() {
          closeWriters();
          for (const { reader } of pipes) reader.destroy();
        },
      };
    },
    close: () => rmSync(directory, { recursive: true, force: true }),
  };
}

function openPipe(path: string, owner: { readonly uid: number; readonly gid: number } | undefined): Pipe {
  // The reader first: a writer alone would wait for one.
  const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  let writeFd: number | undefined;
  try {
    writeFd = openSync(path, constants.O_WRONLY);
    if (owner) fchownSync(writeFd, owner.uid, owner.gid);
    return { reader: openReader(readFd), writeFd };
  } catch (error) {
    closeSync(readFd);
    if (writeFd !== undefined) closeSync(writeFd);
    throw error;
  } finally {
    rmSync(path, { force: true });
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

function close(pipe: Pipe): void {
  closeSync(pipe.writeFd);
  pipe.reader.destroy();
}
