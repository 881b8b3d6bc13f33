/**
 * What the launch script and bubblewrap report about a start, one JSON document a line: that a slot waits, that
 * bubblewrap has made the sandbox's first process, and the program's exit code, the last only if the sandbox had been
 * set up completely.
 */
import type { ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import type { Readable } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import { DriverError } from "../driver.ts";

export interface LaunchStatus {
  /** The launch script waits for orders. Rejects when the process ends or `timeoutMs` pass first. */
  ready(clock: Clock, timeoutMs: number): Promise<void>;
  /** The program has been started in a complete sandbox. Rejects likewise. */
  started(clock: Clock, timeoutMs: number): Promise<void>;
  /** What comes later has been mounted. Rejects likewise, and when it could not be. */
  mounted(clock: Clock, timeoutMs: number): Promise<void>;
  /** Host's pid of the sandbox's first process, bubblewrap's reaper. */
  reaperPid(): number | undefined;
  /** Host's pid of the program, while it runs. */
  programPid(): number | undefined;
}

/** The kernel tells nobody of a fork: so it is looked for, the less often the longer it takes. */
const pollMsMin = 1;
const pollMsMax = 5;
const pollShare = 0.25;

export function createStatus(child: ChildProcess, stream: Readable): LaunchStatus {
  let text = "";
  let spawnError: Error | undefined;
  const waiters = new Set<() => void>();
  const wake = () => {
    for (const waiter of waiters) waiter();
  };
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    text += chunk;
    wake();
  });
  stream.on("error", () => {});
  stream.once("close", wake);
  child.once("exit", wake);
  child.once("error", (error) => {
    spawnError = error;
    wake();
  });

  /** Everything that will ever be in `text` is there. */
  function isOver(): boolean {
    return (
      spawnError !== undefined || (stream.destroyed && (child.exitCode !== null || child.signalCode !== null))
    );
  }

  function reaperPid(): number | undefined {
    const pid = /"child-pid":\s*(\d+)/.exec(text)?.[1];
    return pid === undefined ? undefined : Number(pid);
  }

  function programPid(): number | undefined {
    const reaper = reaperPid();
    return reaper === undefined ? undefined : childrenOf(reaper)[0];
  }

  async function until(
    condition: () => boolean,
    clock: Clock,
    timeoutMs: number,
    polls: boolean,
  ): Promise<void> {
    const beganMs = clock.monotonic();
    const deadlineMs = beganMs + timeoutMs;
    while (!condition()) {
      if (isOver())
        throw new DriverError("launch", "the process ended before the sandbox was complete", {
          cause: spawnError,
        });
      const nowMs = clock.monotonic();
      if (nowMs >= deadlineMs) throw new DriverError("launch", `no sandbox after ${timeoutMs} ms`);
      const pollMs = Math.min(Math.max(pollMsMin, (nowMs - beganMs) * pollShare), pollMsMax);
      await woken(clock, polls && reaperPid() !== undefined ? pollMs : deadlineMs - nowMs);
    }
  }

  async function woken(clock: Clock, delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    waiters.add(resolve);
    const timer = clock.after(delayMs, resolve);
    await promise;
    timer.cancel();
    waiters.delete(resolve);
  }

  return {
    reaperPid,
    programPid,
    ready: (clock, timeoutMs) => until(() => text.includes('"ready"'), clock, timeoutMs, false),
    async mounted(clock, timeoutMs) {
      await until(() => text.includes('"mounted"'), clock, timeoutMs, false);
      if (text.includes('"mounted":false')) throw new DriverError("launch", "a mount was refused");
    },
    // The reaper forks the program as its last step, when every mount and filter is in place.
    async started(clock, timeoutMs) {
      const forks = watchForks();
      try {
        const hasProgram = () => forks.haveHappened(reaperPid());
        await until(() => text.includes('"exit-code"') || hasProgram(), clock, timeoutMs, true);
      } finally {
        forks.close();
      }
    },
  };
}

/** Whether a process has children. The file is kept open, since that costs most of looking. */
function watchForks() {
  const firstByte = Buffer.alloc(1);
  let descriptor: number | undefined;
  return {
    haveHappened(pid: number | undefined): boolean {
      if (pid === undefined) return false;
      try {
        descriptor ??= openSync(childrenFile(pid), "r");
        return readSync(descriptor, firstByte, 0, 1, 0) > 0;
      } catch {
        return false; // it went
      }
    },
    close(): void {
      if (descriptor !== undefined) closeSync(descriptor);
    },
  };
}

function childrenFile(pid: number): string {
  return `/proc/${pid}/task/${pid}/children`;
}

function childrenOf(pid: number): readonly number[] {
  try {
    return readFileSync(childrenFile(pid), "utf8").split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
