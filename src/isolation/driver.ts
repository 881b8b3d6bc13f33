/**
 * A driver starts programs in sandboxes. The words: a *sandbox* is one isolated place with one program started in it;
 * its *host address* is how that program reaches lambdad; *destroy* ends everything in it and frees what it held.
 *
 * Laws (each driver passes `driver.suite.ts`, as far as `guarantees` says):
 * - D1 a sandbox cannot see another's files, processes, memory or Runtime API.
 * - D2 limits hold: memory, CPU share, processes, open files, /tmp.
 * - D3 `destroy` is idempotent, may be called at any time, and leaves nothing: processes, mounts, cgroups, namespaces,
 *      links, files.
 * - D4 a crash of lambdad leaves nothing running, and `sweep` at the next start removes what else is left.
 * - D5 `exited` resolves exactly once, also after `destroy`; `stdout`, `stderr` and `frames` end before or with it.
 * - D6 between `freeze` and `thaw` nothing runs, and nothing is lost: what is sent there waits, signals too, and an end is
 *      told at the thaw. Frozen or not, D3 and D4 hold.
 *
 * The program finds standard input at /dev/null, pipes at 1, 2 and 3, and no other open file. Its environment is the
 * spec's; a driver may set PWD to `cwd`.
 *
 * Lifecycle: `create` → running → exited (by itself or by `destroy`) → destroyed. After `destroy` reads still work,
 * `signal` does nothing, and changes (`setCpus`, `freeze`, `thaw`) reject with `DriverError` "closed". Wrap a driver in `safe()` to have these rules for free.
 */
import type { Readable } from "node:stream";

export type DriverName = "fake" | "process" | "bubblewrap";

export interface Guarantees {
  /** Own view of files, processes and IPC (D1). */
  readonly separated: boolean;
  /** Memory, CPU and process limits are enforced by the kernel (D2). */
  readonly limited: boolean;
  /** Own network namespace and address, and a packet filter that keeps sandboxes from each other and from this machine. */
  readonly networked: boolean;
  /** What runs can be stopped as a whole, and go on (D6). */
  readonly freezes: boolean;
  /** Why something above is missing and how to get it: one sentence each, shown by `lambdad doctor`. */
  readonly missing: readonly string[];
}

export interface Mount {
  /** Absolute path on the host. */
  readonly source: string;
  /** Absolute path inside. The *process* driver, which has no mounts, exposes it through `resolve`. */
  readonly target: string;
}

export interface SandboxSpec {
  /** `[a-z0-9-]{1,40}`, unique among the living. */
  readonly id: string;
  /** Program and arguments; paths as seen inside. */
  readonly argv: readonly string[];
  /** The whole environment: nothing of lambdad's own is added. */
  readonly env: Readonly<Record<string, string>>;
  /** Working directory as seen inside. */
  readonly cwd: string;
  /** Read-only, nosuid, nodev. */
  readonly mounts: readonly Mount[];
  /**
   * Absolute path on the host of a root file system whose programs, libraries and /etc the sandbox sees instead of the
   * machine's; left out: the machine's. The *process* driver refuses one.
   */
  readonly root?: string;
  readonly memoryMb: number;
  /** In vCPUs, fractional; 1 is one whole core. */
  readonly cpus: number;
  readonly processesMax: number;
  readonly openFilesMax: number;
  readonly tmpBytesMax: number;
  /**
   * Names a /tmp that outlives the sandbox: the next one with the same name finds it as it was, until `removeTmp`; so do
   * the sandbox's address, and the namespaces that hold both. For one environment's starts, one after another, with the
   * same size and network. `[a-z0-9-]{1,40}`. Left out: its own, gone with it.
   */
  readonly tmpName?: string | undefined;
  /** `endpoints`: lambdad only. `outside`: also the world, never other sandboxes or this machine's own services. */
  readonly network: "endpoints" | "outside";
}

/** How the program ended. `oom`: the kernel killed it for memory. */
export type Exit =
  | { readonly kind: "code"; readonly code: number; readonly oom: boolean }
  | { readonly kind: "signal"; readonly signal: NodeJS.Signals; readonly oom: boolean };

export interface Usage {
  /** Highest memory use so far, bytes. */
  readonly memoryPeakBytes: number;
}

export interface Sandbox {
  readonly id: string;
  /** The source address of its connections, where it has one of its own; undefined: it shares the host's loopback. */
  readonly address: string | undefined;
  /** Output, unparsed. Someone must read both. */
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** What the program writes to its file descriptor 3: log frames, unparsed. Someone must read it; ends as the others. */
  readonly frames: Readable;
  /** See D5. */
  readonly exited: Promise<Exit>;
  usage(): Promise<Usage>;
  /** Whether the kernel has killed in it for memory, also while the program runs. Left out: nobody knows before its end. */
  isOutOfMemory?(): Promise<boolean>;
  /** Changes the CPU share while it runs; a no-op where `guarantees.limited` is false. */
  setCpus(cpus: number): Promise<void>;
  /** See D6; what runs stops within the moment. Both are idempotent, and no-ops where `guarantees.freezes` is false. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  signal(signal: "SIGTERM" | "SIGKILL"): void;
  destroy(): Promise<void>;
}

/** What a waiting sandbox becomes. */
export interface Specialisation {
  /** At placeholders, none within another. Read-only, nosuid, nodev, as all mounts. */
  readonly mounts: readonly Mount[];
  readonly memoryMb: number;
  readonly cpus: number;
  /** As in the spec. */
  readonly tmpName?: string | undefined;
}

/** A sandbox whose program has been started before anyone knew whose files it will work on. */
export interface WaitingSandbox extends Sandbox {
  /** Once. Placeholders of which none is used and that lie in another are gone afterwards. Throws `DriverError`. */
  specialise(change: Specialisation): Promise<void>;
}

export interface Listener {
  /** On 127.0.0.1 of this machine. */
  readonly port: number;
  /** At `hostAddress`. */
  readonly hostPort: number;
}

export interface Driver {
  readonly name: DriverName;
  readonly guarantees: Guarantees;
  /**
   * Where a sandbox reaches lambdad's listeners: "127.0.0.1", or an address of ours on the sandboxes' network. Listeners
   * must be bound to exactly this address: what is bound to every address (0.0.0.0) is the machine's, and out of reach.
   */
  readonly hostAddress: string;
  /** What a path of `mounts` or of the system looks like from inside: the target itself, or (process) the source. */
  resolve(mounts: readonly Mount[], insidePath: string): string;
  /** Processor time that all its sandboxes have used so far, microseconds. Undefined, or left out: nobody counts it. */
  cpuUsec?(): number | undefined;
  /** Throws `DriverError`; then nothing is left behind. */
  create(spec: SandboxSpec): Promise<Sandbox>;
  /**
   * As `create`. `placeholders`: absolute paths inside, outermost first, of directories that are empty until `specialise`
   * mounts something there. Left out where a driver cannot mount into what runs.
   */
  createWaiting?(spec: SandboxSpec, placeholders: readonly string[]): Promise<WaitingSandbox>;
  /** Removes what a crashed predecessor with the same data directory left. Called once, before the first create. */
  sweep(): Promise<void>;
  /**
   * Removes a named /tmp and all else of that name, once the last sandbox that had it is destroyed. Idempotent. Left out
   * where none are kept.
   */
  removeTmp?(tmpName: string): Promise<void>;
  /**
   * lambdad listens: from now on prepares, in the background, what the next starts need. Where sandboxes have a network of
   * their own, 127.0.0.1 leads to the listener there, too, so that addresses hold inside which lambdad gave to somebody
   * outside. Left out where there is nothing to do.
   */
  warm?(listener: Listener): void;
  /** So many starts may come at once: prepares for them too, once it is warm. Left out where there is nothing to do. */
  expect?(starts: number): void;
  /** Destroys all sandboxes and frees what the driver itself holds. */
  close(): Promise<void>;
}

export type DriverErrorCode = "unavailable" | "spec" | "launch" | "limits" | "network" | "closed";

export class DriverError extends Error {
  override name = "DriverError";
  readonly code: DriverErrorCode;
  constructor(code: DriverErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
