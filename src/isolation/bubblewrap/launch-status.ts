/**
 * What a slot's process reports, one JSON document a line: that it has its pipes, that it waits, that bubblewrap has made
 * the sandbox's first process, and the program's exit code, the last only if the sandbox had been set up completely. The
 * end of the pipe says that the process has ended.
 */
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import type { Readable } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import { DriverError } from "../driver.ts";

export interface LaunchStatus {
  /** Resolves when the process has its pipes, or never will. */
  readonly opened: Promise<void>;
  /** bubblewrap's exit code, which it tells just before it ends; null: it was killed, or was never reached. */
  readonly exitCode: Promise<number | null>;
  /** Nobody who could report anything is left. */
  readonly over: Promise<void>;
  isOver(): boolean;
  /** Host's pid of the process that becomes bubblewrap. */
  pid(): number | undefined;
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
const exitCode = /"exit-code":\s*(\d+)/;

export function createStatus(stream: Readable): LaunchStatus {
  let text = "";
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
  const over = new Promise<void>((resolve) => stream.once("close", resolve));

  function isOver(): boolean {
    return stream.destroyed;
  }

  /** Resolves when it is over at the latest. */
  function told(pattern: RegExp): Promise<void> {
    return new Promise((resolve) => {
      function look() {
        if (!isOver() && !pattern.test(text)) return;
        waiters.delete(look);
        resolve();
      }
      waiters.add(look);
    });
  }

  function number(pattern: RegExp): number | undefined {
    const found = pattern.exec(text)?.[1];
    return found === undefined ? undefined : Number(found);
  }

  function reaperPid(): number | undefined {
    return number(/"child-pid":\s*(\d+)/);
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
      if (isOver()) throw new DriverError("launch", "the process ended before the sandbox was complete");
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
    opened: told(/"pid"/),
    exitCode: told(exitCode).then(() => number(exitCode) ?? null),
    over,
    isOver,
    pid: () => number(/"pid":(\d+)/),
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
