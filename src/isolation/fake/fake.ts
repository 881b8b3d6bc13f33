/**
 * The driver for simulations: programs are functions of this process, chosen by `argv[0]`, and time is the clock's. No
 * processes, no files, no waiting: the same calls in the same order give the same result. A program cannot be stopped
 * from outside, so a killed one is cut off: what it writes afterwards goes nowhere, and its signal tells it to end; and
 * from a frozen one nothing is heard.
 */
import { PassThrough } from "node:stream";
import {
  type Driver,
  DriverError,
  type Exit,
  type Sandbox,
  type SandboxSpec,
  type Usage,
} from "../driver.ts";
import { checkSpec } from "../spec.ts";

export interface FakeProcess {
  readonly spec: SandboxSpec;
  readonly write: (stream: "stdout" | "stderr" | "frames", chunk: string | Uint8Array) => void;
  /** Aborted when it is killed or its sandbox destroyed. */
  readonly killed: AbortSignal;
  /** Aborted on SIGTERM; a program that does not look at it ignores the signal. */
  readonly terminated: AbortSignal;
  /** A program that works on then is not stopped, but what it prints and how it ends is heard after the thaw. */
  readonly isFrozen: boolean;
  /** What `usage` shall answer. */
  readonly use: (usage: Partial<Usage>) => void;
}

/** Resolves to its exit code, or to the whole ending; a throw is exit code 1. */
export type FakeProgram = (self: FakeProcess) => Promise<number | Exit>;

export interface FakeDriver extends Driver {
  /** Of sandboxes not yet destroyed. */
  readonly living: ReadonlyMap<string, Sandbox>;
}

export function createFakeDriver(programs: Readonly<Record<string, FakeProgram>>): FakeDriver {
  const living = new Map<string, Sandbox>();
  let count = 0;
  let isClosed = false;

  return {
    name: "fake",
    guarantees: { separated: true, limited: true, networked: true, freezes: true, missing: [] },
    hostAddress: "169.254.100.1",
    living,
    resolve: (_mounts, insidePath) => insidePath,
    async create(spec) {
      if (isClosed) throw new DriverError("closed", "the driver is closed");
      checkSpec(spec);
      if (living.has(spec.id)) throw new DriverError("spec", `a sandbox ${spec.id} is alive already`);
      const program = programs[spec.argv[0] ?? ""];
      if (!program) throw new DriverError("launch", `there is no program ${spec.argv[0]}`);
      const address = `169.254.${104 + ((count >> 8) & 7)}.${count++ & 255}`;
      const sandbox = startProgram(program, spec, { address, onGone: () => living.delete(spec.id) });
      living.set(spec.id, sandbox);
      return sandbox;
    },
    async sweep() {},
    async close() {
      isClosed = true;
      await Promise.all([...living.values()].map((sandbox) => sandbox.destroy()));
    },
  };
}

interface StartParts {
  readonly address: string;
  readonly onGone: () => void;
}

/** D5: resolves when its reader has seen the end. What nobody reads is dropped. */
function endOf(stream: PassThrough): Promise<void> {
  const isRead = stream.readableFlowing !== null || stream.listenerCount("readable") > 0;
  if (!isRead) stream.resume();
  return new Promise((resolve) => {
    stream.once("close", resolve);
    stream.end();
  });
}

function startProgram(program: FakeProgram, spec: SandboxSpec, { address, onGone }: StartParts): Sandbox {
  const streams = { stdout: new PassThrough(), stderr: new PassThrough(), frames: new PassThrough() };
  const killed = new AbortController();
  const terminated = new AbortController();
  let usage: Usage = { memoryPeakBytes: 0 };
  const { promise: exited, resolve } = Promise.withResolvers<Exit>();
  let isOver = false;
  /** What a frozen program has done. */
  let held: (() => void)[] | undefined;

  function hear(deed: () => void) {
    if (held) held.push(deed);
    else deed();
  }

  function finish(exit: Exit) {
    if (isOver) return; // D5: killed a moment ago
    isOver = true;
    const ends = Object.values(streams).map(endOf);
    void Promise.all(ends).then(() => resolve(exit));
  }

  killed.signal.addEventListener("abort", () => finish({ kind: "signal", signal: "SIGKILL", oom: false }));
  const self: FakeProcess = {
    spec,
    killed: killed.signal,
    terminated: terminated.signal,
    get isFrozen() {
      return held !== undefined;
    },
    write(stream, chunk) {
      hear(() => isOver || streams[stream].write(chunk));
    },
    use: (changed) => (usage = { ...usage, ...changed }),
  };
  async function runToEnd() {
    try {
      const end = await program(self);
      hear(() => finish(typeof end === "number" ? { kind: "code", code: end, oom: false } : end));
    } catch {
      hear(() => finish({ kind: "code", code: 1, oom: false }));
    }
  }

  setImmediate(() => void runToEnd()); // when the caller has the sandbox and listens, as with a real process

  return {
    id: spec.id,
    address,
    ...streams,
    exited,
    usage: async () => usage,
    async setCpus() {},
    async freeze() {
      held ??= [];
    },
    async thaw() {
      const deeds = held ?? [];
      held = undefined;
      for (const deed of deeds) deed();
    },
    signal: (name) => (name === "SIGKILL" ? killed : terminated).abort(),
    async destroy() {
      killed.abort();
      await exited;
      onGone();
    },
  };
}
