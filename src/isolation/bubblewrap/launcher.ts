/**
 * Starts slots' processes in lambdad's stead: a shell of a megabyte, started early. A process that lambdad starts itself
 * costs it a copy of its page tables, 7 ms with 200 MB and 15 with 300, and meanwhile it answers nobody.
 *
 * A slot's process opens its pipes itself, by their names. It is the launcher's child and dies with it, which ends when
 * lambdad does.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Writable } from "node:stream";
import { toolEnv } from "../command.ts";
import { DriverError } from "../driver.ts";
import { withSealedStdio } from "../inherited.ts";
import { launcherScript } from "./launch-scripts.ts";

export interface Launcher {
  /** The parent of the processes that are started from now on. Throws `DriverError` "launch". */
  pid(): number;
  /**
   * `pipes`: names in the order of `launcherScript`; the first brings the arguments. `lost` is called when the launcher ends before
   * `opened`, which is what the caller calls when it knows that the process has its pipes.
   */
  start(pipes: readonly string[], lost: () => void): { opened(): void };
  /** Resolves when it has gone. Everything that it has started must have ended before. */
  close(): Promise<void>;
}

/** `directory`: of the pipes. */
export function createLauncher(directory: string, seccompFile: string): Launcher {
  let running: { readonly child: ChildProcess; readonly pid: number; readonly orders: Writable } | undefined;
  const starting = new Set<() => void>();

  function launcher() {
    if (running) return running;
    const child = withSealedStdio(["pipe", "ignore", "ignore"], (stdio) =>
      // A group of its own: a Ctrl-C at the terminal is meant for lambdad.
      spawn("sh", ["-c", launcherScript, "launcher", seccompFile], {
        stdio,
        env: toolEnv,
        cwd: directory,
        detached: true,
      }),
    );
    child.on("error", () => {}); // told by the missing pid
    const { pid, stdin: orders } = child;
    if (pid === undefined || !orders) throw new DriverError("launch", "no process can be started");
    orders.on("error", () => {}); // told by its end
    child.once("exit", () => {
      running = undefined;
      for (const lost of starting) lost();
      starting.clear();
    });
    child.unref();
    running = { child, pid, orders };
    return running;
  }

  return {
    pid: () => launcher().pid,
    start(pipes, lost) {
      launcher().orders.write(`${pipes.join(" ")}\n`);
      starting.add(lost);
      return { opened: () => void starting.delete(lost) };
    },
    async close() {
      if (!running) return;
      const { child, orders } = running;
      child.ref();
      const gone = once(child, "exit");
      orders.end();
      await gone;
    },
  };
}
