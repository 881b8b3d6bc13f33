/**
 * An execution environment: one function version, one runtime at a time, one invocation at a time (I2, I3).
 *
 * `state.ts` says what may happen; this file makes it happen, with a part for each thing that comes and goes: the start
 * of a runtime (`boot.ts`), that of a snapshot (`restore.ts`), an invocation (`running-invocation.ts`), the sandboxes (`present-runtime.ts`). Four parties
 * drive it: the invoker, the runtime through its API, extensions through theirs, and the clock. Whoever comes first settles
 * the invocation (I1). What cannot go on (`failure.ts`) is ended, and the next invocation starts another (suppressed init).
 */
import { invariant } from "../base/invariant.ts";
import { restoreTimeoutMs } from "../limits.ts";
import type {
  Poll,
  RestorePoll,
  RuntimeAnswer,
  RuntimePort,
  StreamBegin,
  StreamEnd,
  StreamSink,
} from "./api/runtime-port.ts";
import { Boot, initTimeoutMsOf } from "./boot.ts";
import type {
  Catalog,
  CodeMounts,
  Environment,
  EnvironmentStatus,
  LaunchPlan,
  LogSink,
  VersionSpec,
} from "./contract.ts";
import type { ErrorReport } from "./error-report.ts";
import type { ExtensionFailure, Extensions, ShutdownReason } from "./extensions.ts";
import type { Failure } from "./failure.ts";
import * as failures from "./failure.ts";
import type { Ending } from "./incarnation.ts";
import type { InvocationRequest, InvocationResult } from "./invocation.ts";
import { logStreamName } from "./launch.ts";
import * as outcomes from "./outcome-bodies.ts";
import { EnvironmentOutput } from "./output.ts";
import type { InitPhase } from "./platform-events.ts";
import { prepare } from "./prepare.ts";
import type { PresentRuntimeDeps } from "./present-runtime.ts";
import { PresentRuntime } from "./present-runtime.ts";
import { Restore } from "./restore.ts";
import type { RunningDeps } from "./running-invocation.ts";
import { RunningInvocation } from "./running-invocation.ts";
import type { Refusal, State } from "./state.ts";
import { extensionsReady, fell, pollLost, refused, reserve, rule, streamEnded } from "./state.ts";
import { Telemetry } from "./telemetry.ts";
import type { Subscription } from "./telemetry-subscription.ts";

export interface EnvironmentDeps extends PresentRuntimeDeps {
  readonly catalog: Catalog;
  readonly codeMounts: CodeMounts;
  readonly logs: LogSink;
  /** How fast streamed answers are passed on after their burst; left out: as fast as they are read. */
  readonly streamBytesPerSecond?: number | undefined;
}

/** Returns at once, with the INIT under way. */
export function startEnvironment(deps: EnvironmentDeps, spec: VersionSpec): Environment {
  return new RuntimeEnvironment(deps, spec);
}

class RuntimeEnvironment implements Environment, RuntimePort {
  readonly id: string;
  readonly spec: VersionSpec;
  readonly logStream: string;
  readonly log: EnvironmentOutput;
  readonly #deps: EnvironmentDeps;
  /** What its boots and invocations need. */
  readonly #runDeps: RunningDeps;
  readonly #runtime: PresentRuntime;
  #state: State = { kind: "starting" };
  #poll: Poll | undefined;
  #restorePoll: RestorePoll | undefined;
  #boot: Boot | undefined;
  /** Of the present runtime. */
  #plan: LaunchPlan | undefined;
  #restore: Restore | undefined;
  /** The last start of a runtime has ended. */
  #booted: Promise<void>;
  #running: RunningInvocation | undefined;
  /** The last invocation's REPORT is written. */
  #reported: Promise<void> = Promise.resolve();
  /** For the first invocation's REPORT. */
  #initMs: number | undefined;
  #restoreMs: number | undefined;

  constructor(deps: EnvironmentDeps, spec: VersionSpec) {
    const { clock, random, streamBytesPerSecond } = deps;
    this.#deps = deps;
    this.spec = spec;
    // Also the name of its socket's directory, so it must be hard to guess.
    this.id = random.hex(12);
    this.logStream = logStreamName({ spec, nowMs: clock.now(), environment: random.hex(16) });
    const { account, region, logGroup: group } = spec;
    const stream = { account, region, group, stream: this.logStream };
    this.log = new EnvironmentOutput({ clock, sink: deps.logs, stream, format: spec });
    this.#runDeps = { clock, spec, log: this.log, streamBytesPerSecond };
    this.#runtime = new PresentRuntime(deps, this, {
      onLaunched: () => this.#launched(),
      onExtensionsReady: () => this.#extensionsReady(),
      onExtensionFailed: (failure) => this.#extensionFailed(failure),
      onEnded: (ending) => this.#ended(ending),
    });
    this.#booted = this.#start("init");
  }

  get initialised(): Promise<void> {
    return this.#booted;
  }

  get status(): EnvironmentStatus {
    if (this.#state.kind === "held") return "starting";
    return this.#state.kind === "snapshot" ? "idle" : this.#state.kind;
  }

  // The invoker's side.

  async invoke(request: InvocationRequest): Promise<InvocationResult> {
    const reserved = reserve(this.#state, request.requestId);
    this.#state = reserved;
    const { timeoutMs } = this.spec;
    const running = new RunningInvocation(this.#runDeps, request, () =>
      this.#fail(failures.timedOut(timeoutMs)),
    );
    this.#running = running;
    if (reserved.step === "queued" || reserved.step === "delivered") running.begin();
    const result = this.#resultOf(running);
    this.#reported = running.report(result, this.#runtime);
    this.#runtime.wake();
    if (reserved.step === "restarting") this.#booted = this.#start("invoke");
    else if (reserved.step === "restoring") this.#beginRestore();
    else this.#begin(running, reserved.step === "delivered");
    return result;
  }

  async settled(): Promise<void> {
    await this.#reported;
    await this.#runtime.gone;
  }

  shutdown(): Promise<void> {
    if (this.#state.kind === "dead") return this.#runtime.gone;
    this.#state = { kind: "dead" };
    const killed = { kind: "signal", signal: "SIGKILL", oom: false } as const;
    const running = this.#running;
    running?.finish(outcomes.exited(running.request.requestId, killed));
    this.#fall("spindown");
    return this.#runtime.remove();
  }

  // The runtime's side.

  get extensions(): Extensions {
    return this.#runtime.extensions;
  }

  get ownPorts(): readonly number[] {
    return [this.#deps.endpointUrl, `http://${this.#runtime.authority ?? ""}`].map(portOf);
  }

  subscribe(extension: string, subscription: Subscription): boolean {
    const { telemetry } = this.log;
    if (!telemetry?.isOpen) return false;
    telemetry.subscribe(extension, subscription);
    const { api, types } = subscription;
    const type = api === "telemetry" ? "platform.telemetrySubscription" : "platform.logsSubscription";
    this.log.platform({ type, record: { name: extension, state: "Subscribed", types } });
    return true;
  }

  poll(poll: Poll): Refusal | undefined {
    const ruling = rule(this.#state, { kind: "next" }, this.extensions.areReady);
    if (ruling.kind !== "allowed") return ruling;
    this.#state = ruling.state;
    this.#poll = poll;
    poll.onLost = () => {
      this.#poll = undefined;
      this.#state = pollLost(this.#state);
      // What has died while it was frozen says so when it is thawed.
      this.#runtime.wake();
    };
    if (this.#boot) this.#runtimeInitialised(this.#boot);
    else this.#runtimeReturned();
    this.#goOn();
    return undefined;
  }

  answer(requestId: string, answer: RuntimeAnswer): Refusal | undefined {
    const ruling = rule(this.#state, { kind: answer.kind === "error" ? "error" : "response", requestId });
    if (ruling.kind !== "allowed") return ruling;
    this.#state = ruling.state;
    this.#running?.finish(outcomes.answered(answer));
    return undefined;
  }

  wantsStream(requestId: string): boolean {
    const request = this.#running?.request;
    return request?.onStream !== undefined && request.requestId === requestId;
  }

  stream(requestId: string, begin: StreamBegin): Refusal | StreamSink {
    const ruling = rule(this.#state, { kind: "stream", requestId });
    if (ruling.kind !== "allowed") return ruling;
    this.#state = ruling.state;
    const stream = this.#running?.openStream(begin);
    return {
      kind: "sink",
      push: (piece) => stream?.push(piece) ?? true,
      end: (end) => this.#endStream(requestId, end),
    };
  }

  pollRestore(poll: RestorePoll): Refusal | undefined {
    const call = { kind: "restore-next" } as const;
    if (this.spec.initialization !== "snap-start") return refused(this.#state, call);
    const ruling = rule(this.#state, call, this.extensions.areReady);
    if (ruling.kind !== "allowed") return ruling;
    this.#state = ruling.state;
    // Started inside an invocation it is no snapshot: its hooks are a part of that start.
    if (ruling.state.kind === "busy") poll.restore();
    else this.#awaitRestore(poll);
    return undefined;
  }

  failStart(call: "init-error" | "restore-error", report: ErrorReport): Refusal | undefined {
    const ruling = rule(this.#state, { kind: call });
    if (ruling.kind !== "allowed") return ruling;
    this.#state = ruling.state;
    const start = this.#boot ?? this.#restore;
    // After the runtime has got its answer: failing cuts its connection.
    queueMicrotask(() => this.#failStart(start, failures.initFailed(report)));
    return undefined;
  }

  // Starting a runtime. Resolves when that has ended, well or badly.

  async #start(phase: InitPhase): Promise<void> {
    const { clock, catalog, codeMounts } = this.#deps;
    const boot = new Boot(this.#runDeps, phase);
    this.#boot = boot;
    try {
      const prepared = await prepare(catalog, codeMounts, this.spec);
      // Shut down or timed out meanwhile.
      if (this.#boot !== boot) return;
      this.#plan = prepared.plan;
      // Of everything from here on; whether anybody wants it is known when INIT is over.
      this.log.telemetry = new Telemetry({ clock, address: () => this.#runtime.address });
      // It never becomes an invocation's outcome: the first invocation tries again.
      boot.begin(prepared.plan, () => this.#failStart(boot, failures.timedOut(initTimeoutMsOf(this.spec))));
      this.#runtime.start(prepared, phase, this);
    } catch (error) {
      if (this.#boot === boot) this.#notStarted(error);
    }
    await boot.ended;
    await this.#runtime.gone;
    // What INIT printed comes before the first START.
    await this.log.drained();
  }

  #launched(): void {
    this.#boot?.launched();
    this.#running?.begin();
  }

  #runtimeInitialised(boot: Boot): void {
    this.#running?.begin(); // it may be heard of before its sandbox is
    this.extensions.closeRegistration();
    boot.runtimeDone();
  }

  #extensionsReady(): void {
    const before = this.#state;
    this.#state = extensionsReady(before);
    if (this.#state !== before) this.#goOn();
  }

  #bootSucceeded(boot: Boot): void {
    const { durationMs } = boot;
    this.#boot = undefined;
    // Of what was started ahead, INIT_REPORT says it, and no invocation.
    if (boot.phase === "init" && this.spec.initialization === undefined) this.#initMs = durationMs;
    this.#runtime.initialised();
    boot.report({ status: "success", durationMs }, this.extensions.facts);
    if (!this.log.telemetry?.endInit()) this.log.telemetry = undefined;
    boot.end();
  }

  // A snapshot, and its restore.

  #awaitRestore(poll: RestorePoll): void {
    this.#restorePoll = poll;
    poll.onLost = () => {
      this.#restorePoll = undefined;
      this.#state = pollLost(this.#state);
      this.#runtime.wake();
    };
    if (this.#boot) this.#runtimeInitialised(this.#boot);
    this.#goOn();
  }

  #beginRestore(): void {
    const plan = this.#plan;
    invariant(plan, "what is restored was started");
    const onTimeout = () => this.#fail(failures.timedOut(restoreTimeoutMs));
    this.#restore = new Restore(this.#runDeps, plan, onTimeout);
    const poll = this.#restorePoll;
    this.#restorePoll = undefined;
    poll?.restore();
  }

  /** What the hooks printed comes before RESTORE_REPORT and START. */
  async #restored(restore: Restore, running: RunningInvocation): Promise<void> {
    restore.end();
    const { durationMs } = restore;
    await this.log.drained();
    if (this.#restore !== restore) return;
    this.#restore = undefined;
    this.#restoreMs = durationMs;
    restore.report({ status: "success", durationMs });
    running.begin();
    this.#begin(running, true);
  }

  // The invocation.

  /** Runtime and extensions are told; the runtime, if it waits for it. */
  #begin(running: RunningInvocation, isPolling: boolean): void {
    running.announce();
    this.extensions.invoke(running.event);
    if (isPolling) this.#deliver(running);
  }

  #deliver(running: RunningInvocation): void {
    const poll = this.#poll;
    this.#poll = undefined;
    poll?.deliver(running.event);
  }

  #endStream(requestId: string, end: StreamEnd): void {
    const running = this.#running;
    if (running?.request.requestId !== requestId) return;
    const outcome = outcomes.streamed(end);
    this.#state = streamEnded(this.#state, outcome ? "answered" : "truncated");
    if (outcome) running.finish(outcome);
  }

  async #resultOf(running: RunningInvocation): Promise<InvocationResult> {
    const { outcome, durationMs } = await running.answer;
    const [initMs, restoreMs] = [this.#initMs, this.#restoreMs];
    this.#initMs = undefined;
    this.#restoreMs = undefined;
    const peakMb = this.#runtime.peakMb();
    return {
      outcome,
      durationMs,
      initMs,
      restoreMs,
      memoryPeakMb: typeof peakMb === "number" ? peakMb : await peakMb,
    };
  }

  /** The runtime has asked for its next invocation. */
  #runtimeReturned(): void {
    const running = this.#running;
    if (!running || (this.#state.kind === "busy" && this.#state.step === "delivered")) return;
    // It broke its streamed answer off and went on; every other answer has settled before.
    if (!running.isAnswered) running.finish(outcomes.truncated(running.request.requestId));
    running.runtimeReturned();
  }

  /** Runtime and extensions have asked for more: what comes next depends on what has been reached. */
  #goOn(): void {
    const state = this.#state;
    const isDelivered = state.kind === "busy" && state.step === "delivered";
    if (state.kind !== "idle" && state.kind !== "snapshot" && !isDelivered) return;
    const boot = this.#boot;
    if (boot) this.#bootSucceeded(boot);
    const running = this.#running;
    if (!isDelivered || !running) {
      this.#return();
      this.#runtime.rest();
      return;
    }
    if (this.#restore) void this.#restored(this.#restore, running);
    else if (boot) void this.#beginAfterInit(running);
    else this.#deliver(running);
  }

  /** What the suppressed init printed comes before START. */
  async #beginAfterInit(running: RunningInvocation): Promise<void> {
    await this.log.drained();
    if (this.#running === running) this.#begin(running, true);
  }

  /** The environment is free again, or down. */
  #return(): void {
    const running = this.#running;
    this.#running = undefined;
    running?.returned();
  }

  // The end of a runtime, or of an extension.

  #extensionFailed(failure: ExtensionFailure): void {
    if (this.#state.kind === "down" || this.#state.kind === "dead") return;
    this.#fail(failures.extensionFailed(failure));
  }

  #ended(ending: Ending): void {
    if (ending.kind === "exit") this.#fail(failures.exited(ending.exit));
    else this.#notStarted(ending.error);
  }

  #notStarted(error: unknown): void {
    this.#deps.logger.error("a runtime could not be started", { function: this.spec.functionArn, error });
    this.#fail(failures.notStarted(error));
  }

  /** Unless that start or restore has ended meanwhile. */
  #failStart(start: Boot | Restore | undefined, failure: Failure): void {
    if (start && (this.#boot ?? this.#restore) === start) this.#fail(failure);
  }

  #fail(failure: Failure): void {
    const start = this.#boot ?? this.#restore;
    this.#running?.fail(this.#restore ? failures.inRestore(failure) : failure);
    const reason = failures.shutdownReason(failure);
    if (!start) return this.#fall(reason);
    const status = { ...failure.status, durationMs: start.durationMs };
    this.#fall(reason, () => start.report(status, this.extensions.facts));
  }

  /** Ends what is left of the runtime and its extensions. `say`: after everything that the runtime printed. */
  #fall(reason: ShutdownReason, say?: () => void): void {
    this.#state = fell(this.#state);
    this.#poll = undefined;
    this.#restorePoll = undefined;
    this.#runtime.end(reason, this.#reported, say);
    const boot = this.#boot;
    this.#boot = undefined;
    boot?.end();
    this.#restore?.end();
    this.#restore = undefined;
    this.#return();
  }
}

function portOf(url: string): number {
  return URL.canParse(url) ? Number(new URL(url).port || 80) : 0;
}
