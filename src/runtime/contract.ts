/**
 * What `invoke/` knows of an execution environment, and what an environment needs to know of a function version.
 * The words are AWS's: an environment is one sandbox with one runtime in it that serves one version, one invocation at
 * a time, until it is shut down.
 */
import type { Mount } from "../isolation/driver.ts";
import type { InvocationRequest, InvocationResult } from "./invocation.ts";

/** One function version as it runs. Immutable: a change of code or configuration makes another spec with another key. */
export interface VersionSpec {
  /** Unique per account, region, function, version and revision of code and configuration (I3). */
  readonly key: string;
  readonly account: string;
  readonly region: string;
  readonly functionName: string;
  /** "$LATEST" or "1", "2", … */
  readonly version: string;
  /** `arn:aws:lambda:<region>:<account>:function:<name>`, unqualified. */
  readonly functionArn: string;
  /** "nodejs22.x", … */
  readonly runtime: string;
  readonly handler: string;
  /** The unpacked code: SHA-256 of the zip, hex. */
  readonly codeSha256: string;
  /** Layers in the order in which they lie over each other at /opt: SHA-256 of their zips, hex. */
  readonly layers: readonly string[];
  readonly memoryMb: number;
  readonly timeoutMs: number;
  /** Of INIT. Left out: AWS's. */
  readonly initTimeoutMs?: number;
  readonly ephemeralStorageMb: number;
  /** The function's own variables. */
  readonly variables: Readonly<Record<string, string>>;
  readonly logGroup: string;
  readonly logFormat: "Text" | "JSON";
  /** Of JSON logs; left out: INFO for both. What is below is not written. */
  readonly logLevels?: {
    readonly application: "TRACE" | "DEBUG" | "INFO" | "WARN" | "ERROR" | "FATAL";
    readonly system: SystemLogLevel;
  };
  /** Started ahead, before anyone has called; left out: on demand. "snap-start": it then waits to be restored. */
  readonly initialization?: "provisioned-concurrency" | "snap-start";
}

export type SystemLogLevel = "DEBUG" | "INFO" | "WARN";

/**
 * How to start a runtime: made by `catalog.ts` for a runtime id on this machine.
 *
 * What is started is not `argv` as it is: call `chooseEntrypoint(plan, mounts, spec)` of `entrypoint.ts` with all mounts
 * of the sandbox. It gives the real argv (paths as seen inside), or the `Runtime.InvalidEntrypoint` that each start of
 * this function ends in, without a sandbox.
 */
export interface LaunchPlan {
  /** Where there are `entrypoints`: the first of them. */
  readonly argv: readonly string[];
  /** Absolute paths inside; the first that is there is the program, without arguments. For `provided.*`. */
  readonly entrypoints?: readonly string[];
  /** The bootstrap can be started before its function is known (`waiting-runtime.ts`). */
  readonly canWait?: true;
  /** Flags behind the program that the function may replace by its own in this variable. */
  readonly flags?: {
    readonly variable: "NODE_OPTIONS" | "JAVA_TOOL_OPTIONS";
    readonly defaults: readonly Flag[];
  };
  /** The root file system that it lives in, instead of the machine's; see `SandboxSpec`. */
  readonly root?: string;
  /** It cannot hide our own variables (`_LAMBDAD_…`) from the function, and does without. */
  readonly withoutOurVariables?: boolean;
  /** Runtime, interpreter and bootstrap; code and layers are added by the environment. */
  readonly mounts: readonly Mount[];
  /** On top of what every environment gets; the function's own variables win over these. */
  readonly env: Readonly<Record<string, string>>;
  /** For INIT_START: "nodejs:22.v1". */
  readonly runtimeVersion: string;
  /** Its region is us-east-1: whoever shows it puts the function's there. */
  readonly runtimeVersionArn: string;
}

export interface Flag {
  /** Left out where the function's own flags match. */
  readonly unless: RegExp;
  text(memoryMb: number): string;
}

export type EnvironmentStatus = "starting" | "idle" | "busy" | "down" | "dead";

export interface Environment {
  readonly id: string;
  readonly spec: VersionSpec;
  /** Name of its CloudWatch log stream. */
  readonly logStream: string;
  /** "down": the runtime has to be started again, by a suppressed init in the next invocation. */
  readonly status: EnvironmentStatus;
  readonly log: EnvironmentLog;
  /**
   * Resolves when INIT has ended, well or badly; never rejects. Afterwards the status is idle, down or dead. Once the
   * runtime is being started again: when that has ended.
   */
  readonly initialised: Promise<void>;
  /** Only when idle or down (I2). Never rejects. The result is there as soon as the runtime has answered. */
  invoke(request: InvocationRequest): Promise<InvocationResult>;
  /**
   * Resolves when everything that the function printed up to now has reached `log`, runtime and extensions have asked for
   * their next event (or the runtime went down), and REPORT is written: from then on it may be reused.
   */
  settled(): Promise<void>;
  /** SIGTERM, SHUTDOWN, then SIGKILL by AWS's rules; then destroys the sandbox. Idempotent. */
  shutdown(): Promise<void>;
}

/** Where an environment's lines go, in order. */
export interface EnvironmentLog {
  /** Starts collecting the tail of the current invocation. */
  beginTail(): void;
  /** The last 4,096 bytes since `beginTail`. */
  endTail(): Uint8Array;
}

/** Where log lines end up: CloudWatch Logs, wired in `platform.ts`. Must be cheap and must not throw. */
export interface LogSink {
  append(stream: LogStreamRef, timestampMs: number, message: string): void;
  /**
   * Bytes of messages that were appended and are not stored yet; left out: none ever wait. Beyond
   * `limits.logPendingBytesMax` environments count what is printed instead of keeping it.
   */
  readonly pendingBytes?: number;
}

export interface LogStreamRef {
  readonly account: string;
  readonly region: string;
  readonly group: string;
  readonly stream: string;
}

/** Deployment packages and layers, from the stored zip to the directories mounted at /var/task and /opt. */
export interface CodeMounts {
  /** Reads a zip's directory and checks it, without unpacking. Throws `ZipError`. */
  inspect(zip: Uint8Array): Promise<ZipFacts>;
  /** Unpacks the blob once per content hash, atomically; the mount is at /var/task. Throws `ZipError`, `StoreError`. */
  mount(codeSha256: string): Promise<Mount>;
  /**
   * Layers as one directory at /opt, later over earlier: one alone as it was unpacked, several merged once per list.
   * At least one. Throws as `mount` does.
   */
  mountLayers(sha256s: readonly string[]): Promise<Mount>;
  /** Removes the unpacked directory, and those it was merged into. Only when no environment uses it. Idempotent. */
  remove(codeSha256: string): Promise<void>;
}

export interface ZipFacts {
  readonly unzippedBytes: number;
  readonly entries: number;
}

export type ZipErrorCode = "unreadable" | "too-large" | "unsafe";

export class ZipError extends Error {
  override name = "ZipError";
  readonly code: ZipErrorCode;
  constructor(code: ZipErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Which runtimes this machine can start. */
export interface Catalog {
  /** Every runtime identifier that AWS has, with what this machine has for it. */
  list(): Promise<readonly RuntimeEntry[]>;
  /** Brings the runtime if it has to be fetched. Throws `RuntimeUnavailable` with what to do about it. */
  plan(runtime: string): Promise<LaunchPlan>;
}

export interface RuntimeEntry {
  readonly id: string;
  /** `ready`: starts now. `fetchable`: brought on first use. `installable`: by a command, and else `missing`: see `hint`. */
  readonly status: "ready" | "fetchable" | "installable" | "missing";
  /** "Node.js 22.23.3", "Python 3.11.7 at …". */
  readonly description: string;
  /** How to get it: one sentence. */
  readonly hint: string | undefined;
}

export class RuntimeUnavailable extends Error {
  override name = "RuntimeUnavailable";
}
