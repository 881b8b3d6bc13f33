/**
 * lambdad as a user starts it: `bin/lambdad.js up` in a process of its own, on a free port and a data directory of its
 * own, awaited until it is ready and stopped with SIGTERM.
 */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const launcher = resolve(import.meta.dirname, "../../bin/lambdad.js");

/** Not ended yet. A test that fails before it stops its server must not leave one. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export interface RunningServer {
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  readonly pid: number;
  /** Standard error so far. */
  readonly log: () => string;
  /** Variables that point an AWS client at it. */
  readonly env: Record<string, string>;
  readonly child: ChildProcess;
  /** SIGTERM; answers the exit code. Removes the data directory unless it was given. */
  stop(): Promise<number | null>;
}

export interface ServerOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly dataDir?: string;
  /** Which Node runs the launcher. */
  readonly node?: string;
  /** Of another lambdad than this checkout's. */
  readonly launcher?: string;
  /** Ctrl-C in a terminal is for whoever started it, not for it. */
  readonly isApart?: boolean;
}

export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "lambdad-test-"));
  const child = spawn(
    options.node ?? process.execPath,
    [options.launcher ?? launcher, "up", "--port", "0", "--data", dataDir, "--json", ...(options.args ?? [])],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...options.env },
      detached: options.isApart ?? false,
    },
  );
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  running.add(child);
  // Nor must it hang for one.
  const handles = [child, child.stdout, child.stderr] as unknown as { ref(): void; unref(): void }[];
  const exited = once(child, "exit").then(([code]) => {
    running.delete(child);
    return code as number | null;
  });
  for (const handle of handles) handle.ref();
  const ready = await Promise.race([firstLine(child), exited.then((code) => `exit ${code}`)]);
  for (const handle of handles) handle.unref();
  if (!ready.startsWith("{")) throw new Error(`lambdad did not start (${ready}):\n${log}`);
  const { url, pid } = JSON.parse(ready) as { url: string; pid: number };
  return {
    url,
    port: Number(new URL(url).port),
    dataDir,
    pid,
    log: () => log,
    env: clientEnv(url),
    child,
    async stop() {
      for (const handle of handles) handle.ref();
      child.kill("SIGTERM");
      const code = await exited;
      if (!options.dataDir) rmSync(dataDir, { recursive: true, force: true });
      return code;
    },
  };
}

/** What `lambdad env` prints, as an object. */
export function clientEnv(url: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: url,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_REGION: "us-east-1",
    AWS_DEFAULT_REGION: "us-east-1",
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_PAGER: "",
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
  };
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error("standard output is a pipe");
  for await (const line of createInterface({ input: child.stdout })) return line;
  return "no output";
}
