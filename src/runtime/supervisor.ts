/**
 * lambdad's side of the supervisor that runs in a sandbox with external extensions: the pipes between them.
 *
 * They are FIFOs in the directory that every sandbox has mounted for its Runtime API, so that no driver needs to know of
 * them. lambdad keeps a writing end of each open until the sandbox is gone, for else they would end between two writers.
 * What comes through them is the function's to forge, and concerns its own environment only.
 */
import { chmodSync, closeSync, constants, openSync, writeSync } from "node:fs";
import type { Readable } from "node:stream";
import { join, posix } from "node:path";
import type { Clock } from "../base/clock.ts";
import { run } from "../isolation/command.ts";
import type { Exit } from "../isolation/driver.ts";
import { drained, exitThroughReaper } from "../isolation/exit.ts";
import { openReader } from "../isolation/pipes.ts";
import { LineReader } from "./log-lines.ts";
import { supervisorScript } from "./supervisor-script.ts";

export interface SupervisorOptions {
  readonly clock: Clock;
  /** Where the pipes are made, on the host. */
  readonly directory: string;
  /** The same directory as seen inside. */
  readonly insideDirectory: string;
  /** The extensions' paths as seen inside. */
  readonly extensions: readonly string[];
  readonly onExtensionExit: (name: string, exit: Exit) => void;
}

export class Supervisor {
  /** What the extensions print, in their order. Someone must read each. */
  readonly outputs: readonly Readable[];
  /** Never, if the sandbox goes first. */
  readonly runtimeExited: Promise<Exit>;
  readonly #options: SupervisorOptions;
  readonly #report: Readable;
  /** Kept until the sandbox is gone. */
  readonly #writers: readonly number[];
  readonly #orders: number;
  readonly #runtime = Promise.withResolvers<Exit>();
  #isStarted = false;

  /** Throws `DriverError`. */
  static async open(options: SupervisorOptions): Promise<Supervisor> {
    const names = ["orders", "report", ...options.extensions.keys()];
    const paths = names.map((name) => join(options.directory, String(name)));
    // For the sandbox's user; nobody else finds the way to this directory.
    await run("launch", ["mkfifo", "-m", "666", ...paths]);
    return new Supervisor(options);
  }

  private constructor(options: SupervisorOptions) {
    const { directory, extensions } = options;
    this.#options = options;
    this.runtimeExited = this.#runtime.promise;
    const pipe = (name: string) => {
      const path = join(directory, name);
      const reader = openReader(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
      return { reader, writer: openSync(path, constants.O_WRONLY | constants.O_NONBLOCK) };
    };
    const report = pipe("report");
    const outputs = extensions.map((_, index) => pipe(String(index)));
    this.#report = report.reader;
    this.outputs = outputs.map(({ reader }) => reader);
    // For reading too: without a reader it could not be opened yet.
    this.#orders = openSync(join(directory, "orders"), constants.O_RDWR | constants.O_NONBLOCK);
    // From now on only we write to it: a function that filled it would leave no room for our order.
    chmodSync(join(directory, "orders"), 0o444);
    this.#writers = [this.#orders, report.writer, ...outputs.map(({ writer }) => writer)];
    const lines = new LineReader();
    this.#report.on("error", () => undefined);
    this.#report.on("data", (chunk: Buffer) => {
      for (const { bytes } of lines.push(chunk)) this.#hear(bytes.toString());
    });
  }

  /** What the sandbox has to start for `runtime` to be started. */
  argv(runtime: readonly string[]): readonly string[] {
    const { insideDirectory, extensions } = this.#options;
    const own = ["/bin/sh", "-c", supervisorScript, "supervisor", insideDirectory];
    return [...own, String(extensions.length), ...extensions, ...runtime];
  }

  /** Idempotent. */
  startRuntime(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    writeSync(this.#orders, "start\n");
  }

  /** The sandbox is gone. Resolves when everything in the pipes has been read. Never rejects. */
  async close(): Promise<void> {
    for (const writer of this.#writers) closeSync(writer);
    await drained([this.#report, ...this.outputs], this.#options.clock);
  }

  #hear(line: string): void {
    const [, who, code] = /^(runtime|\d) (\d{1,3})\n$/.exec(line) ?? [];
    if (who === undefined) return;
    const exit = exitThroughReaper(Number(code), null, false);
    if (who === "runtime") return this.#runtime.resolve(exit);
    const path = this.#options.extensions[Number(who)];
    if (path !== undefined) this.#options.onExtensionExit(posix.basename(path), exit);
  }
}
