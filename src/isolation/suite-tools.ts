/** What the tests of all drivers share: specs with sensible values, output collected to its end, waiting without sleeping. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { TestContext } from "node:test";
import { systemClock } from "../base/clock.ts";
import { silentLogger } from "../base/logger.ts";
import { systemRandom } from "../base/random.ts";
import { createBubblewrapDriver } from "./bubblewrap/bubblewrap.ts";
import { findTool } from "./command.ts";
import { tmpBytesDefault } from "../limits.ts";
import type { Driver, Exit, Sandbox, SandboxSpec } from "./driver.ts";
import { safe } from "./safe.ts";

let made = 0;

export function specOf(argv: readonly string[], over: Partial<SandboxSpec> = {}): SandboxSpec {
  return {
    id: `test-${made++}`,
    argv,
    env: { PATH: "/usr/bin:/bin" },
    cwd: "/tmp",
    mounts: [],
    memoryMb: 256,
    cpus: 1,
    processesMax: 64,
    openFilesMax: 256,
    tmpBytesMax: tmpBytesDefault,
    network: "outside",
    ...over,
  };
}

export function text(stream: Readable): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.once("close", () => resolve(Buffer.concat(chunks).toString("utf8")));
  });
}

export interface Ending {
  readonly exit: Exit;
  readonly stdout: string;
  readonly stderr: string;
  readonly frames: string;
}

/** Reads everything, waits for the end, destroys. */
export async function ending(sandbox: Sandbox): Promise<Ending> {
  const [exit, stdout, stderr, frames] = await Promise.all([
    sandbox.exited,
    text(sandbox.stdout),
    text(sandbox.stderr),
    text(sandbox.frames),
  ]);
  await sandbox.destroy();
  return { exit, stdout, stderr, frames };
}

/** A sandbox that runs on; `line` resolves with what it prints first. */
export async function background(
  driver: Driver,
  spec: SandboxSpec,
): Promise<{ sandbox: Sandbox; line: string }> {
  const sandbox = await driver.create(spec);
  sandbox.stderr.resume();
  sandbox.frames.resume();
  const line = await new Promise<string>((resolve, reject) => {
    let seen = "";
    sandbox.stdout.on("data", (chunk: Buffer) => {
      seen += chunk.toString("utf8");
      if (seen.includes("\n")) resolve(seen.slice(0, seen.indexOf("\n")));
    });
    sandbox.stdout.once("close", () =>
      reject(new Error(`it ended having printed only ${JSON.stringify(seen)}`)),
    );
  });
  return { sandbox, line };
}

const waitMsMax = 10_000;

/** Polls until `condition` holds; fails with `claim` when it never does. */
export async function eventually(claim: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = systemClock.monotonic() + waitMsMax;
  while (!(await condition())) {
    assert.ok(systemClock.monotonic() < deadlineMs, claim);
    await systemClock.sleep(5);
  }
}

export function temporaryDirectory(t: Pick<TestContext, "after">): string {
  const directory = mkdtempSync(join(tmpdir(), "lambdad-isolation-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Why the full sandbox cannot be tested here; undefined: it can. */
export function sandboxesUntestable(): string | undefined {
  if (process.platform !== "linux") return "sandboxes need Linux";
  if (process.getuid?.() !== 0) return "the full sandbox needs root";
  const missing = ["bwrap", "nft", "ip", "setpriv", "python3"].filter((tool) => !findTool(tool));
  return missing.length > 0 ? `not installed: ${missing.join(", ")}` : undefined;
}

export interface TestDriver {
  readonly driver: Driver;
  readonly instance: string;
  readonly stageDir: string;
  readonly diskDir: string;
  /** lambdad's number on this machine while this driver lives. */
  readonly number: number;
}

/** Where the instance's driver keeps things. */
export function testDirectories(instance: string): Pick<TestDriver, "stageDir" | "diskDir"> {
  return { stageDir: `/run/lambdad/${instance}`, diskDir: join(tmpdir(), `lambdad-disks-${instance}`) };
}

export async function bubblewrapForTest(
  instance = `t${systemRandom.hex(6)}`,
  directories = testDirectories(instance),
): Promise<TestDriver> {
  const options = { instance, ...directories, clock: systemClock, logger: silentLogger };
  const driver = safe(await createBubblewrapDriver(options), silentLogger);
  await driver.sweep();
  driver.warm?.({ port: 4566, hostPort: 4566 });
  const number = Number(readFileSync(join(directories.stageDir, "number"), "utf8"));
  return { driver, instance, ...directories, number };
}
