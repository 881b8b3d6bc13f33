/**
 * An execution environment: one function version, one runtime at a time, one invocation at a time (I2, I3).
 *
 * `state.ts` says what may happen; this file makes it happen. Four things drive it: the invoker (`invoke`, `settled`,
 * `shutdown`), the runtime through the Runtime API (`poll`, `answer`, `failInit`), the end of the runtime, and the
 * clock. Whoever comes first settles the invocation (I1); a runtime that crashed, timed out or could not initialise is
 * killed at once, and the next invocation starts another (suppressed init).
 */
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
import type { Ending } from "./incarnation.ts";
import { Incarnation } from "./incarnation.ts";
import type { InvocationRequest, InvocationResult, Outcome } from "./invocation.ts";
import { Settlement } from "./invocation.ts";
import type { Credentials } from "./launch.ts";
import { cpusOf, logStreamName } from "./launch.ts";
import * as outcomes from "./outcome-bodies.ts";
import { EnvironmentOutput } from "./output.ts";
import type { InitFailure, InitPhase } from "./platform-lines.ts";
import { initReportLine, initStartLine } from "./platform-lines.ts";
import type { LaunchError, Prepared } from "./prepare.ts";
import { asLaunchError, prepare } from "./prepare.ts";
import { ResponseStream } from "./response-stream.ts";
import type { Refusal, State } from "./state.ts";
import { fell, pollLost, reserve, rule, streamEnded } from "./state.ts";

export interface EnvironmentDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly driver: Driver;
  readonly catalog: Catalog;
  readonly codeMounts: CodeMounts;
  readonly api: RuntimeApi;
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

/** The start of a runtime, until it has asked for work or failed. */
interface Boot {
  readonly phase: InitPhase;
  /** When the sandbox was begun; what comes before is not INIT. */
  startedMs: number;
  timer: Timer | undefined;
  readonly ended: Settlement<void>;
}

type BootFailure = InitFailure & { readonly outcome: (requestId: string) => Outcome };

/** An invocation, from `invoke` until the runtime has asked for the next. */
interface Running {
  readonly request: InvocationRequest;
  readonly startedMs: number;
  readonly deadlineMs: number;
  readonly timer: Timer;
  readonly done: Settlement<Done>;
  readonly returned: Settlement<void>;
  /** The answer, while it is passed on. */
  stream: ResponseStream | undefined;
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
  readonly initialised: Promise<void>;
  readonly #deps: EnvironmentDeps;
  #state: State = { kind: "starting" };
  #boot: Boot | undefined;
  #incarnation: Incarnation | undefined;
  #incarnations = 0;
  #poll: Poll | undefined;
  #running: Running | undefined;
  /** The end of a runtime that fell; resolved while there is none. */
  #gone: Promise<void> = Promise.resolve();
  #initMs: number | undefined;
  #peakMb = 1;

  constructor(deps: EnvironmentDeps, spec: VersionSpec) {
    const { clock, random } = deps;
    this.#deps = deps;
    this.spec = spec;
    // Also the name of its socket's directory, so it must be hard to guess.
    this.id = random.hex(12);
    this.logStream = logStreamName({ spec, nowMs: clock.now(), environment: random.hex(16) });
    const { account, region, logGroup: group, logFormat: format } = spec;
    const stream = { account, region, group, stream: this.logStream };
    this.log = new EnvironmentOutput({ clock, sink: deps.logs, stream, format });
    this.initialised = this.#start("init");
  }

  get status(): EnvironmentStatus {
    return this.#state.kind;
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
      returned: new Settlement(),
      stream: undefined,
    };
    this.#running = running;
    if (reserved.step === "restarting") void this.#start("invoke");
    if (reserved.step === "delivered") this.#deliver(running);
    return this.#resultOf(running);
  }

  async settled(): Promise<void> {
    await this.#running?.returned.promise;
    await this.#gone;
    await this.log.drained();
  }

  /** AWS gives a runtime without extensions no time: SIGKILL. Source: lambda-map 4.1, "none registered 0 ms". */
  shutdown(): Promise<void> {
    if (this.#state.kind === "dead") return this.#gone;
    this.#state = { kind: "dead" };
    const running = this.#running;
    if (running) {
      const killed = { kind: "signal", signal: "SIGKILL", oom: false } as const;
      this.#finish(running, outcomes.exited(running.request.requestId, killed));
    }
    this.#fall();
    return this.#gone;
  }

  // The runtime's side.

  poll(poll: Poll): Refusal | undefined {
    const ruling = rule(this.#state, { kind: "next" });
    if (ruling.kind !== "allowed") return ruling;
    this.#state = ruling.state;
    this.#poll = poll;
    poll.onLost = () => {
      this.#poll = undefined;
      this.#state = pollLost(this.#state);
    };
    if (this.#boot) this.#bootSucceeded(this.#boot);
    if (ruling.state.kind === "idle") this.#goOn();
    else if (this.#running) this.#deliver(this.#running);
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
      if (phase === "init") {
        const line = initStartLine(this.spec, prepared.plan, clock.now());
        if (line !== undefined) this.log.platform(line);
        boot.timer = clock.after(initTimeoutMs, () => this.#timeOutInit(boot));
      }
      boot.startedMs = clock.monotonic();
      this.#incarnate(prepared);
    } catch (error) {
      if (this.#boot === boot) this.#bootFailed(this.#notStarted(error));
    }
    await boot.ended.promise;
    await this.#gone;
  }

  #incarnate(prepared: Prepared): void {
    const { endpointUrl, network, credentials } = this.#deps;
    this.#incarnations += 1;
    const incarnation = new Incarnation(
      { ...this.#deps, output: this.log },
      {
        id: `${this.id}-${this.#incarnations}`,
        spec: this.spec,
        prepared,
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

  #bootSucceeded(boot: Boot): void {
    boot.timer?.cancel();
    this.#boot = undefined;
    if (boot.phase === "init") this.#initMs = this.#deps.clock.monotonic() - boot.startedMs;
    this.#incarnation?.setCpus(cpusOf(this.spec));
    boot.ended.settle();
  }

  #bootFailed(failure: BootFailure): void {
    const { clock } = this.#deps;
    const boot = this.#boot;
    if (!boot) return;
    boot.timer?.cancel();
    const durationMs = clock.monotonic() - boot.startedMs;
    const { outcome, ...reported } = failure;
    const running = this.#running;
    if (running) this.#finish(running, outcome(running.request.requestId));
    this.#fall(() =>
      initReportLine({
        spec: this.spec,
        phase: boot.phase,
        durationMs,
        failure: reported,
        atMs: clock.now(),
      }),
    );
  }

  #timeOutInit(boot: Boot): void {
    // It never becomes an invocation's outcome: the first invocation tries again.
    const outcome = (requestId: string) => outcomes.timedOut(requestId, initTimeoutMs);
    if (this.#boot === boot) this.#bootFailed({ status: "timeout", outcome });
  }

  #notStarted(error: unknown): BootFailure {
    const { errorType, message }: LaunchError = asLaunchError(error);
    this.#deps.logger.error("a runtime could not be started", { function: this.spec.functionArn, error });
    return { status: "error", errorType, outcome: (id) => outcomes.crashed(id, errorType, message) };
  }

  // The invocation.

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
  #goOn(): void {
    const running = this.#running;
    if (running && !running.done.settled) {
      // It broke its streamed answer off and went on; every other answer has settled before.
      this.#finish(running, outcomes.truncated(running.request.requestId));
    }
    this.#return();
  }

  /** The runtime is free again, or gone. */
  #return(): void {
    const running = this.#running;
    this.#running = undefined;
    running?.timer.cancel();
    running?.returned.settle();
  }

  #timeOut(running: Running): void {
    const { timeoutMs } = this.spec;
    const outcome = (requestId: string) => outcomes.timedOut(requestId, timeoutMs);
    if (this.#boot) return this.#bootFailed({ status: "timeout", outcome });
    // Where it had answered and only never asked for more, this changes nothing for the caller.
    this.#finish(running, outcome(running.request.requestId));
    this.#fall();
  }

  // The end of a runtime.

  #ended(incarnation: Incarnation, ending: Ending): void {
    if (incarnation.isKilled) return;
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
    if (running) this.#finish(running, outcomes.exited(running.request.requestId, ending.exit));
    this.#fall();
  }

  /** Kills what is left of the runtime. `lastLine` is written after everything that it printed. */
  #fall(lastLine?: () => string): void {
    this.#state = fell(this.#state);
    this.#poll = undefined;
    const killed = this.#incarnation?.kill() ?? Promise.resolve();
    this.#gone = killed.then(() => {
      if (lastLine) this.log.platform(lastLine());
    });
    const boot = this.#boot;
    this.#boot = undefined;
    boot?.timer?.cancel();
    boot?.ended.settle();
    this.#return();
  }
}
