/**
 * Runs one of the system's tools (`ip`, `nft`, `mount`, …) to its end, with an argument list, a fixed search path and
 * nothing of lambdad's environment. Never give it a shell or a string that someone else composed.
 */
import { type ExecFileException, execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { atUsualPriority } from "../base/priority.ts";
import { commandOutputBytesMax, commandTimeoutMs } from "../limits.ts";
import { DriverError, type DriverErrorCode } from "./driver.ts";

const toolDirectories = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

export const toolEnv = { PATH: toolDirectories.join(":"), LC_ALL: "C" } as const;

/** Absolute path of a tool, undefined where it is not installed. */
export function findTool(name: string): string | undefined {
  return toolDirectories.map((directory) => join(directory, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Resolves with standard output; rejects with `DriverError` and what the tool said. */
export function run(
  code: DriverErrorCode,
  [tool, ...args]: readonly [string, ...string[]],
  input = "",
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      env: toolEnv,
      timeout: commandTimeoutMs,
      maxBuffer: commandOutputBytesMax,
      killSignal: "SIGKILL",
    } as const;
    const child = atUsualPriority(() => execFile(tool, args, options, ended));
    function ended(error: ExecFileException | null, stdout: string, stderr: string): void {
      if (!error) return resolve(stdout);
      const said = stderr.trim().slice(0, 500) || error.message;
      reject(
        new DriverError(code, `${tool} ${args.join(" ").slice(0, 200)} failed: ${said}`, { cause: error }),
      );
    }
    child.stdin?.on("error", () => {}); // the tool went before it had read everything: its exit status says why
    child.stdin?.end(input);
  });
}
