/**
 * Runs one bootstrap as lambdad does, against a Runtime API as small as it can be: for the tests of `guest/`.
 *
 * The function's files are written to a fresh directory; invocations are sent one by one and answered as they were
 * posted; log frames and plain output are collected apart. Knows nothing of a sandbox.
 */
import { spawn } from "node:child_process";
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { parseFrames, type Frame } from "./log-frames.ts";
import { createTinyApi, type TinyApi, type TinyApiOptions } from "./tiny-api.ts";

export interface GuestOptions extends TinyApiOptions {
  readonly argv: readonly string[];
  /** The function's code: relative path → content. */
  readonly files?: Readonly<Record<string, string>>;
  /** Or where it is. */
  readonly code?: string;
  readonly handler: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly transport?: "unix" | "tcp";
  /** Without it lines go to standard output. */
  readonly frames?: boolean;
}

export interface Guest extends TinyApi {
  readonly taskRoot: string;
  /** Resolves when the process has gone and everything it wrote was read. */
  readonly ended: Promise<Ended>;
  /** Kills it if it is still there. */
  stop(): Promise<Ended>;
}

export interface Ended {
  readonly exit: number | NodeJS.Signals | null;
  readonly frames: readonly Frame[];
  readonly stdout: string;
  readonly stderr: string;
}

export async function startGuest(options: GuestOptions): Promise<Guest> {
  const directory = await mkdtemp(join(tmpdir(), "lambdad-guest-"));
  const taskRoot = options.code ?? join(directory, "task");
  if (options.code === undefined) await mkdir(taskRoot);
  for (const [name, text] of Object.entries(options.files ?? {})) {
    await mkdir(dirname(join(taskRoot, name)), { recursive: true });
    await writeFile(join(taskRoot, name), text);
  }
  const api = createTinyApi(options);
  const socketPath = join(directory, "api.sock");
  const address = await api.listen(options.transport === "tcp" ? undefined : socketPath);

  const [program, ...rest] = options.argv;
  if (program === undefined) throw new Error("argv is empty");
  const child = spawn(program, rest, {
    cwd: taskRoot,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    env: {
      PATH: "/usr/local/bin:/usr/bin:/bin",
      TZ: ":UTC",
      LANG: "en_US.UTF-8",
      LAMBDA_TASK_ROOT: taskRoot,
      AWS_LAMBDA_FUNCTION_NAME: "probe",
      AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "128",
      AWS_LAMBDA_LOG_GROUP_NAME: "/aws/lambda/probe",
      AWS_LAMBDA_LOG_STREAM_NAME: "2026/11/21/[$LATEST]60ce",
      AWS_LAMBDA_RUNTIME_API: address,
      _HANDLER: options.handler,
      ...(options.transport === "tcp" ? {} : { _LAMBDAD_RUNTIME_SOCKET: socketPath }),
      ...(options.frames === false ? {} : { _LAMBDA_TELEMETRY_LOG_FD: "3" }),
      ...options.env,
    },
  });
  const output = Promise.all([collected(child.stdout), collected(child.stderr), collected(child.stdio[3])]);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      api.close({ kind: "exit", text: String(signal ?? code), body: signal ?? code, errorType: undefined });
      void output.then(async ([stdout, stderr, frames]) => {
        await rm(directory, { recursive: true, force: true });
        resolve({
          exit: signal ?? code,
          frames: parseFrames(frames),
          stdout: stdout.toString(),
          stderr: stderr.toString(),
        });
      });
    });
  });

  return {
    ...api,
    ended,
    taskRoot,
    stop() {
      child.kill("SIGKILL");
      return ended;
    },
  };
}

async function collected(stream: unknown): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stream as Readable) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}
