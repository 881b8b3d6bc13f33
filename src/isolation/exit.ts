/** How the end of a child process becomes an `Exit`, and how long its last output is waited for. For all real drivers. */
import type { ChildProcess } from "node:child_process";
import { constants } from "node:os";
import type { Readable } from "node:stream";
import type { Clock } from "../base/clock.ts";
import { sandboxDrainMs } from "../limits.ts";
import type { Exit } from "./driver.ts";

/** Resolves when `child` has been reaped (also if it has been before), or could not be started at all. */
export function reaped(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      return resolve({ code: child.exitCode, signal: child.signalCode });
    }
    child.once("exit", (code, signal) => resolve({ code, signal }));
    child.once("error", () => child.pid === undefined && resolve({ code: 127, signal: null }));
  });
}

export function exitOf(code: number | null, signal: NodeJS.Signals | null, oom: boolean): Exit {
  return signal === null ? { kind: "code", code: code ?? 0, oom } : { kind: "signal", signal, oom };
}

/**
 * bubblewrap reports its program's death by a signal as 128 + the signal's number. A program that exits with such a code
 * itself looks the same; that is the price of a reaper between it and us.
 */
export function exitThroughReaper(
  code: number | null,
  signal: NodeJS.Signals | null,
  hasOomKills: boolean,
): Exit {
  const number = (code ?? 0) - 128;
  const name = Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
  const ending = signal ?? (name as NodeJS.Signals | undefined) ?? null;
  // Where the kernel killed a child only, the program may have ended for any reason.
  return exitOf(code, ending, ending === "SIGKILL" && hasOomKills);
}

/** What a program that did not get far said about it. Never rejects. */
export async function lastWords(stream: Readable, clock: Clock): Promise<string> {
  let said = "";
  stream.on("data", (chunk: Buffer) => {
    if (said.length < lastWordsMax) said += chunk.toString("utf8");
  });
  await drained([stream], clock);
  return said.trim().slice(0, lastWordsMax);
}

const lastWordsMax = 500;

/** Nobody has begun to read it. */
export function isUnread(stream: Readable): boolean {
  return stream.readableFlowing === null && stream.listenerCount("readable") === 0;
}

/** Waits until every stream has been read to its end; what nobody reads in time is dropped. Never rejects. */
export async function drained(streams: readonly Readable[], clock: Clock): Promise<void> {
  const ended = streams.map((stream) => {
    if (stream.readableEnded || stream.destroyed) return Promise.resolve();
    return new Promise<void>((resolve) => {
      stream.once("end", resolve);
      stream.once("close", resolve);
      stream.once("error", () => resolve());
    });
  });
  await settledWithin(Promise.all(ended), clock, sandboxDrainMs);
  for (const stream of streams) stream.destroy();
}

/** Whether `settling` settled in time. */
export async function settledWithin(
  settling: Promise<unknown>,
  clock: Clock,
  timeoutMs: number,
): Promise<boolean> {
  const waiting = new AbortController();
  // A sleep, not a timer: what nobody reads any more may be all that is left to wait for.
  const late = clock.sleep(timeoutMs, waiting.signal).then(
    () => false,
    () => false,
  );
  const isSettled = await Promise.race([settling.then(() => true), late]);
  waiting.abort();
  return isSettled;
}
