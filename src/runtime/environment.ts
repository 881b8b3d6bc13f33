/**
 * An execution environment: one function version, one runtime at a time, one invocation at a time (I2, I3).
 *
 * `state.ts` says what may happen; this file makes it happen. Five things drive it: the invoker (`invoke`, `settled`,
 * `shutdown`), the runtime through the Runtime API (`poll`, `answer`, `failInit`), extensions through theirs
 * (`extensions.ts`), the end of the runtime or of an extension, and the clock. Whoever comes first settles the invocation
 * (I1); a runtime that crashed, timed out or could not initialise ends at once, extensions after their SHUTDOWN
 * (`farewell.ts`), and the next invocation starts others (suppressed init).
 */
import { posix } from "node:path";
import type { Clock, Timer } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Random } from "../base/random.ts";
import type { Driver, SandboxSpec } from "../isolation/driver.ts";
import { initTimeoutMs } from "../limits.ts";
import type {
  Poll,
  RuntimeAnswer,
  RuntimePort,
  StreamBegin,
  StreamEnd,
  StreamSink,
} from "./api/runtime-port.ts";
import type { RuntimeApi } from "./api/server.ts";
import type {
  Catalog,
  CodeMounts,
  Environment,
  EnvironmentStatus,
  LogSink,
  VersionSpec,
} from "./contract.ts";
import type { ErrorReport } from "./error-report.ts";
import { telemetryErrorType } from "./error-report.ts";
import type { ExtensionFailure, ShutdownReason } from "./extensions.ts";
import { Extensions } from "./extensions.ts";
import { farewell } from "./farewell.ts";
import type { Ending } from "./incarnation.ts";
import { Incarnation } from "./incarnation.ts";
import type { InvocationRequest, InvocationResult, Outcome } from "./invocation.ts";
import { Settlement } from "./invocation.ts";
import type { Credentials } from "./launch.ts";
import { cpusOf, initCpusOf, logStreamName } from "./launch.ts";
import * as outcomes from "./outcome-bodies.ts";
import { EnvironmentOutput } from "./output.ts";
import type { InitPhase, InitStatus, RuntimeFinished } from "./platform-events.ts";
import * as events from "./platform-events.ts";
import type { Prepared } from "./prepare.ts";
import { asLaunchError, prepare } from "./prepare.ts";
import { ResponseStream } from "./response-stream.ts";
import type { Refusal, State } from "./state.ts";
import { extensionsReady, fell, pollLost, reserve, rule, streamEnded } from "./state.ts";
import { Telemetry } from "./telemetry.ts";
import type { Subscription } from "./telemetry-subscription.ts";
import type { WarmPool } from "./warm-pool.ts";

export interface EnvironmentDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly driver: Driver;
  readonly catalog: Catalog;
  readonly codeMounts: CodeMounts;
  readonly api: RuntimeApi;
  /** Left out: every runtime is started for itself. */
  readonly warm?: Pick<WarmPool, "take"> | undefined;
  readonly logs: LogSink;
  /** Where functions reach lambdad: AWS_ENDPOINT_URL. */
  readonly endpointUrl: string;
  /** What else they reach. */
  readonly network: SandboxSpec["network"];
  /** How fast streamed answers are passed on after their burst; left out: as fast as they are read. */
  readonly streamBytesPerSecond?: number | undefined;
  /** What functions of this account sign with. */
  readonly credentials: (account: string) => Credentials;
}

/** Returns at once, with the INIT under way. */
export function startEnvironment(deps: EnvironmentDeps, spec: VersionSpec): Environment {
  return new RuntimeEnvironment(deps, spec);
}

/** The start of a runtime, until it and its extensions have asked for work, or something failed. */
interface Boot {
  readonly phase: InitPhase;
  /** When the sandbox was begun; what comes before is not INIT. */
  startedMs: number;
  timer: Timer | undefined;
  readonly ended: Settlement<void>;
}

type Failure = Exclude<InitStatus, { readonly status: "success" }>;
type BootFailure = Failure & { readonly outcome: (requestId: string) => Outcome };

/** An invocation, from `invoke` until runtime and extensions have asked for the next. */
interface Running {
  readonly request: InvocationRequest;
  readonly startedMs: number;
  readonly deadlineMs: number;
  readonly timer: Timer;
  readonly done: Settlement<Done>;
  /** The runtime has asked for more, or is gone. */
  readonly runtimeDone: Settlement<number>;
  /** So have the extensions. With monotonic ms, both. */
  readonly returned: Settlement<number>;
  /** The answer, while it is passed on. */
  stream: ResponseStream | undefined;
  /** START is written. */
  isAnnounced: boolean;
  /** After the answer. */
  failure: Failure | undefined;
}

interface Done {
  readonly outcome: Outcome;
  readonly durationMs: number;
}

class RuntimeEnvironment implements Environment, RuntimePort {
  readonly id: string;
  readonly spec: VersionSpec;
  readonly logStream: string;
  readonly log: EnvironmentOutput;
  readonly #deps: EnvironmentDeps;
  #state: State = { kind: "starting" };
  #boot: Boot | undefined;
  /** The last start of a runtime has ended. */
  #booted: Promise<void>;
  #incarnation: Incarnation | undefined;
  #incarnations = 0;
  #poll: Poll | undefined;
  #running: Running | undefined;
  #extensions: Extensions;
  /** Of a runtime that fell, all that it printed is in the log; resolved while there is none. */
  #quiet: Promise<void> = Promise.resolve();
  /** Nothing is left of it. */
  #gone: Promise<void> = Promise.resolve();
  /** The last invocation's REPORT is written. */
  #reported: Promise<void> = Promise.resolve();
  #initMs: number | undefined;
  #peakMb = 1;

  constructor(deps: EnvironmentDeps, spec: VersionSpec) {
    const { clock, random } = deps;
    this.#deps = deps;
    this.spec = spec;
    // Also the name of its socket's directory, so it must be hard to guess.
    this.id = random.hex(12);
    this.logStream = logStreamName({ spec, nowMs: clock.now(), environment: random.hex(16) });
    const { account, region, logGroup: group } = spec;
    const stream = { account, region, group, stream: this.logStream };
    this.log = new EnvironmentOutput({ clock, sink: deps.logs, stream, format: spec });
    this.#extensions = this.#newExtensions([]);
    this.#booted = this.#start("init");
  }

  get initialised(): Promise<void> {
    return this.#booted;
  }

  get status(): EnvironmentStatus {
    return this.#state.kind === "held" ? "starting" : this.#state.kind;
  }

  // The invoker's side.

  async invoke(request: InvocationRequest): Promise<InvocationResult> {
    const { clock } = this.#deps;
    const reserved = reserve(this.#state, request.requestId);
    this.#state = reserved;
    const running: Running = {
      request,
      startedMs: clock.monotonic(),
      deadlineMs: clock.now() + this.spec.timeoutMs,
      timer: clock.after(this.spec.timeoutMs, () => this.#timeOut(running)),
      done: new Settlement(),
      runtimeDone: new Settlement(),
      returned: new Settlement(),
      stream: undefined,
      isAnnounced: false,
      failure: undefined,
    };
    this.#running = running;
    const result = this.#resultOf(running);
    this.#reported = this.#report(running, result);
    if (reserved.step === "restarting") this.#booted = this.#start("invoke");
    else this.#begin(running, reserved.step === "delivered");
    return result;
  }

  async settled(): Promise<void> {
    await this.#reported;
    await this.#gone;
  }

  shutdown(): Promise<void> {
    if (this.#state.kind === "dead") return this.#gone;
    this.#state = { kind: "dead" };
    const running = this.#running;
    if (running) {
      const killed = { kind: "signal", signal: "SIGKILL", oom: false } as const;
      this.#finish(running, outcomes.exited(running.request.requestId, killed));
    }
    this.#fall("spindown");
    this.#gone = this.#gone.then(() => this.#removeTmp());
    return this.#gone;
  }

  async #removeTmp(): Promise<void> {
    const { driver, logger } = this.#deps;
    try {
      await driver.removeTmp?.(this.id);
    } catch (error) {
      logger.error("an environment's /tmp was not removed", { environment: this.id, error });
    }
  }

  // The runtime's side.

  get extensions(): Extensions {
    return this.#extensions;
  }

  get ownPorts(): readonly number[] {
    return [this.#deps.endpointUrl, `http://${this.#incarnation?.authority ?? ""}`].map(portOf);
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
    const ruling = rule(this.#state, { kind: "next" }, this.#extensions.areReady);
    if (ruling.kind !== "allowed") return ruling;
    this.#state = ruling.state;
    this.#poll = poll;
    poll.onLost = () => {
      this.#poll = undefined;
      this.#state = pollLost(this.#state);
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
    if (this.#running) this.#finish(this.#running, outcomes.answered(answer));
    return undefined;
  }

  wantsStream(requestId: string): boolean {
    const request = this.#running?.request;
    return request?.onStream !== undefined && request.requestId === requestId;
  }

  stream(requestId: string, { contentType, onRoom }: StreamBegin): Refusal | StreamSink {
    const ruling = rule(this.#state, { kind: "stream", requestId });
    if (ruling.kind !== "allowed") return ruling;
    this.#state = ruling.state;
    const { clock, streamBytesPerSecond: rate } = this.#deps;
    const pace = rate === undefined ? undefined : (bytes: number) => clock.sleep((bytes * 1000) / rate);
    const stream = new ResponseStream({ contentType, onRoom, pace });
    const running = this.#running;
    if (running) running.stream = stream;
    running?.request.onStream?.(stream);
    return {
      kind: "sink",
      push: (piece) => stream.push(piece),
      end: (end) => this.#endStream(requestId, end),
    };
  }

  failInit(report: ErrorReport): Refusal | undefined {
    const ruling = rule(this.#state, { kind: "init-error" });
    if (ruling.kind !== "allowed") return ruling;
    this.#state = ruling.state;
    const errorType = telemetryErrorType(report.errorType);
    const outcome = () => outcomes.initFailed(report);
    // After the runtime has got its answer: failing cuts its connection.
    queueMicrotask(() => this.#bootFailed({ status: "error", errorType, outcome }));
    return undefined;
  }

  // Starting a runtime. Resolves when that has ended, well or badly.

  async #start(phase: InitPhase): Promise<void> {
    const { clock, catalog, codeMounts } = this.#deps;
    const boot: Boot = { phase, startedMs: clock.monotonic(), timer: undefined, ended: new Settlement() };
    this.#boot = boot;
    try {
      const prepared = await prepare(catalog, codeMounts, this.spec);
      // Shut down or timed out meanwhile.
      if (this.#boot !== boot) return;
      this.#listen();
      this.log.platform(events.initStart(this.spec, prepared.plan, phase));
      if (phase === "init") boot.timer = clock.after(initTimeoutMs, () => this.#timeOutInit(boot));
      boot.startedMs = clock.monotonic();
      this.#incarnate(prepared, phase);
    } catch (error) {
      if (this.#boot === boot) this.#bootFailed(this.#notStarted(error));
    }
    await boot.ended.promise;
    await this.#gone;
    // What INIT printed comes before the first START.
    await this.log.drained();
  }

  /** Of everything from here on; whether anybody wants it is known when INIT is over. */
  #listen(): void {
    const { clock } = this.#deps;
    this.log.telemetry = new Telemetry({ clock, address: () => this.#incarnation?.address });
  }

  #newExtensions(paths: readonly string[]): Extensions {
    const extensions: Extensions = new Extensions(
      paths.map((path) => posix.basename(path)),
      this.#deps.random,
      {
        onProgress: () => {
          if (this.#extensions !== extensions) return;
          if (extensions.areRegistered) this.#incarnation?.startRuntime();
          if (extensions.areReady) this.#extensionsReady();
        },
        onFailure: (failure) => {
          if (this.#extensions === extensions) this.#extensionFailed(failure);
        },
      },
    );
    return extensions;
  }

  #incarnate(prepared: Prepared, phase: InitPhase): void {
    const { endpointUrl, network, credentials, warm } = this.#deps;
    const isFirst = phase === "init";
    this.#incarnations += 1;
    const extensions = this.#newExtensions(prepared.extensions);
    this.#extensions = extensions;
    const incarnation = new Incarnation(
      {
        ...this.#deps,
        warm: isFirst ? warm : undefined, // what waits has a /tmp of its own
        output: this.log,
        onExtensionExit: (name, exit) => extensions.ended(name, exit),
      },
      {
        id: `${this.id}-${this.#incarnations}`,
        spec: this.spec,
        prepared,
        // An INIT inside an invocation has what the invocation has.
        cpus: isFirst ? initCpusOf(this.spec) : cpusOf(this.spec),
        tmpName: this.id,
        logStream: this.logStream,
        credentials: credentials(this.spec.account),
        endpointUrl,
        network,
      },
      this,
    );
    this.#incarnation = incarnation;
    void incarnation.ended.then((ending) => this.#ended(incarnation, ending));
  }

  #runtimeInitialised({ phase }: Boot): void {
    this.#extensions.closeRegistration();
    this.log.platform(events.initRuntimeDone(this.spec, phase, { status: "success" }));
  }

  #extensionsReady(): void {
    const before = this.#state;
    this.#state = extensionsReady(before);
    if (this.#state !== before) this.#goOn();
  }

  #bootSucceeded(boot: Boot): void {
    const { spec } = this;
    boot.timer?.cancel();
    this.#boot = undefined;
    const durationMs = this.#deps.clock.monotonic() - boot.startedMs;
    // Of what was provisioned, INIT_REPORT says it, and no invocation.
    if (boot.phase === "init" && spec.initialization === undefined) this.#initMs = durationMs;
    this.#incarnation?.setCpus(cpusOf(spec));
    this.#initEnded(boot.phase, { status: "success", durationMs });
    if (!this.log.telemetry?.endInit()) this.log.telemetry = undefined;
    boot.ended.settle();
  }

  #bootFailed({ outcome, ...failure }: BootFailure): void {
    const boot = this.#boot;
    if (!boot) return;
    boot.timer?.cancel();
    const durationMs = this.#deps.clock.monotonic() - boot.startedMs;
    const running = this.#running;
    if (running) this.#finish(running, outcome(running.request.requestId));
    this.#fall(reasonOf(failure), () => this.#initEnded(boot.phase, { ...failure, durationMs }));
  }

  #initEnded(phase: InitPhase, status: InitStatus & { readonly durationMs: number }): void {
    if (status.status !== "success") {
      const { durationMs: _, ...failure } = status;
      this.log.platform(events.initRuntimeDone(this.spec, phase, failure));
    }
    for (const facts of this.#extensions.facts) this.log.platform(events.extension(facts));
    this.log.platform(events.initReport(this.spec, phase, status));
  }

  #timeOutInit(boot: Boot): void {
    // It never becomes an invocation's outcome: the first invocation tries again.
    const outcome = (requestId: string) => outcomes.timedOut(requestId, initTimeoutMs);
    if (this.#boot === boot) this.#bootFailed({ status: "timeout", outcome });
  }

  #notStarted(error: unknown): BootFailure {
    const { errorType, message } = asLaunchError(error);
    this.#deps.logger.error("a runtime could not be started", { function: this.spec.functionArn, error });
    return { status: "error", errorType, outcome: (id) => outcomes.crashed(id, errorType, message) };
  }

  // The invocation.

  /** Runtime and extensions are told; the runtime, if it waits for it. */
  #begin(running: Running, isPolling: boolean): void {
    const { request, deadlineMs } = running;
    this.#announce(running);
    this.#extensions.invoke({ ...request, deadlineMs });
    if (isPolling) this.#deliver(running);
  }

  /** START. */
  #announce(running: Running): void {
    if (running.isAnnounced) return;
    running.isAnnounced = true;
    const { requestId, traceHeader } = running.request;
    this.log.platform(events.start(this.spec, requestId, traceHeader));
  }

  #deliver(running: Running): void {
    const poll = this.#poll;
    this.#poll = undefined;
    const { requestId, invokedFunctionArn, traceHeader, clientContext, payload } = running.request;
    const { deadlineMs } = running;
    poll?.deliver({ requestId, deadlineMs, invokedFunctionArn, traceHeader, clientContext, payload });
  }

  #endStream(requestId: string, end: StreamEnd): void {
    const running = this.#running;
    if (running?.request.requestId !== requestId) return;
    const outcome = outcomes.streamed(end);
    this.#state = streamEnded(this.#state, outcome ? "answered" : "truncated");
    if (outcome) this.#finish(running, outcome);
  }

  /** Settles it, if nothing has before (I1). */
  #finish(running: Running, outcome: Outcome): void {
    if (running.done.settled) return;
    running.stream?.end();
    running.done.settle({ outcome, durationMs: this.#deps.clock.monotonic() - running.startedMs });
  }

  async #resultOf(running: Running): Promise<InvocationResult> {
    const { outcome, durationMs } = await running.done.promise;
    const initMs = this.#initMs;
    this.#initMs = undefined;
    const peakMb = this.#incarnation?.peakMb() ?? 1;
    this.#peakMb = Math.max(this.#peakMb, typeof peakMb === "number" ? peakMb : await peakMb);
    return { outcome, durationMs, initMs, memoryPeakMb: this.#peakMb };
  }

  /** The runtime has asked for its next invocation. */
  #runtimeReturned(): void {
    const running = this.#running;
    if (!running || (this.#state.kind === "busy" && this.#state.step === "delivered")) return;
    // It broke its streamed answer off and went on; every other answer has settled before.
    if (!running.done.settled) this.#finish(running, outcomes.truncated(running.request.requestId));
    if (!running.runtimeDone.settled) running.runtimeDone.settle(this.#deps.clock.monotonic());
  }

  /** Runtime and extensions have asked for more: what comes next depends on what has been reached. */
  #goOn(): void {
    const state = this.#state;
    const isDelivered = state.kind === "busy" && state.step === "delivered";
    if (state.kind !== "idle" && !isDelivered) return;
    const boot = this.#boot;
    if (boot) this.#bootSucceeded(boot);
    const running = this.#running;
    if (!isDelivered || !running) return this.#return();
    if (boot) void this.#beginAfterInit(running);
    else this.#deliver(running);
  }

  /** What the suppressed init printed comes before START. */
  async #beginAfterInit(running: Running): Promise<void> {
    await this.log.drained();
    if (this.#running === running) this.#begin(running, true);
  }

  /** The environment is free again, or down. */
  #return(): void {
    const running = this.#running;
    if (!running) return;
    this.#running = undefined;
    running.timer.cancel();
    const nowMs = this.#deps.clock.monotonic();
    if (!running.runtimeDone.settled) running.runtimeDone.settle(nowMs);
    running.returned.settle(nowMs);
  }

  /** Writes what is to be said of an invocation, when it is to be said. Never rejects. */
  async #report(running: Running, result: Promise<InvocationResult>): Promise<void> {
    const { clock } = this.#deps;
    const { requestId, traceHeader } = running.request;
    const answered = await result;
    const doneMs = running.startedMs + answered.durationMs;
    const runtimeDoneMs = await running.runtimeDone.promise;
    await this.#quiet;
    await this.log.drained();
    this.#announce(running);
    const facts: RuntimeFinished = {
      spec: this.spec,
      requestId,
      traceHeader,
      result: answered,
      answeredAtMs: clock.now() - (clock.monotonic() - doneMs),
      runtimeOverheadMs: runtimeDoneMs - doneMs,
    };
    // In a text log it has no line.
    if (this.log.telemetry || this.spec.logFormat === "JSON") this.log.platform(events.runtimeDone(facts));
    const returnedMs = await running.returned.promise;
    const extensionOverheadMs = this.#extensions.isEmpty ? 0 : returnedMs - runtimeDoneMs;
    await this.#quiet;
    this.log.platform(events.report({ ...facts, extensionOverheadMs, failure: running.failure }));
  }

  #timeOut(running: Running): void {
    const { timeoutMs } = this.spec;
    const outcome = (requestId: string) => outcomes.timedOut(requestId, timeoutMs);
    if (this.#boot) return this.#bootFailed({ status: "timeout", outcome });
    this.#fail(running, outcome(running.request.requestId), { status: "timeout" });
  }

  /** Where it had answered, this changes nothing for the caller. */
  #fail(running: Running | undefined, outcome: Outcome | undefined, failure: Failure): void {
    if (running?.done.settled) running.failure = failure;
    else if (running && outcome) this.#finish(running, outcome);
    this.#fall(reasonOf(failure));
  }

  // The end of a runtime, or of an extension.

  #extensionFailed({ errorType, message }: ExtensionFailure): void {
    if (this.#state.kind === "down" || this.#state.kind === "dead") return;
    const outcome = (requestId: string) => outcomes.crashed(requestId, errorType, message);
    if (this.#boot) return this.#bootFailed({ status: "error", errorType, outcome });
    const running = this.#running;
    this.#fail(running, running && outcome(running.request.requestId), { status: "error", errorType });
  }

  #ended(incarnation: Incarnation, ending: Ending): void {
    if (incarnation.isLeaving) return;
    if (ending.kind === "not-started") return this.#bootFailed(this.#notStarted(ending.error));
    if (this.#boot) {
      const errorType = outcomes.exitErrorType(ending.exit);
      return this.#bootFailed({
        status: "error",
        errorType,
        outcome: (id) => outcomes.exited(id, ending.exit),
      });
    }
    const running = this.#running;
    const errorType = outcomes.exitErrorType(ending.exit);
    const outcome = running && outcomes.exited(running.request.requestId, ending.exit);
    this.#fail(running, outcome, { status: "error", errorType });
  }

  /** Ends what is left of the runtime and its extensions. `say`: after everything that the runtime printed. */
  #fall(reason: ShutdownReason, say?: () => void): void {
    this.#state = fell(this.#state);
    this.#poll = undefined;
    const { telemetry } = this.log;
    const incarnation = this.#incarnation;
    // One that is being told already is not told again.
    if (incarnation && !incarnation.isLeaving) {
      const { clock } = this.#deps;
      const leaving = {
        clock,
        incarnation,
        extensions: this.#extensions,
        telemetry,
        reported: this.#reported,
      };
      const { quiet, gone } = farewell(leaving, reason);
      this.#quiet = quiet;
      this.#gone = gone;
    }
    if (say) this.#quiet = this.#quiet.then(say);
    this.#gone = Promise.all([this.#gone, this.#quiet]).then(() => undefined);
    const boot = this.#boot;
    this.#boot = undefined;
    boot?.timer?.cancel();
    boot?.ended.settle();
    this.#return();
  }
}

function reasonOf({ status }: Failure): ShutdownReason {
  return status === "timeout" ? "timeout" : "failure";
}

function portOf(url: string): number {
  return URL.canParse(url) ? Number(new URL(url).port || 80) : 0;
}
