/**
 * Runs a program to its end and says what it printed: interpreters that are asked for their version, and npm.
 *
 * An argument list and a whole environment, never a shell. Bounded in time and output.
 */
import { execFile } from "node:child_process";
import { createInterface } from "node:readline";
import { atUsualPriority } from "../base/priority.ts";
import { programOutputBytesMax } from "../limits.ts";

export interface ProgramResult {
  readonly isSuccess: boolean;
  readonly stdout: string;
  /** On failure with the reason if it printed nothing. */
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Beyond it the program is killed. */
  readonly timeoutMs: number;
  /** Of standard output, as they come. */
  readonly onLine?: (line: string) => void;
}

/** Never rejects: a program that is not there has failed like any other. */
export function runProgram(
  file: string,
  args: readonly string[],
  { env, timeoutMs, onLine }: ProgramOptions,
): Promise<ProgramResult> {
  const options = {
    env,
    timeout: timeoutMs,
    killSignal: "SIGKILL",
    maxBuffer: programOutputBytesMax,
  } as const;
  return new Promise((resolve) => {
    const child = atUsualPriority(() =>
      execFile(file, args, options, (error, stdout, stderr) => {
        resolve({ isSuccess: error === null, stdout, stderr: stderr || (error?.message ?? "") });
      }),
    );
    if (onLine && child.stdout) createInterface(child.stdout).on("line", onLine);
  });
}
