/**
 * One invocation in its environment, from `invoke` until runtime and extensions have asked for the next: its deadline,
 * its one answer (I1), and what the log says of it. The function's time is not the platform's: it begins with the event, or
 * where a runtime is started for it, with that.
 *
 * Three things are reached, in this order: the answer, the runtime's return, the return of all. Who reaches them is
 * `environment.ts`'s to say; what is written waits for them, so that no line comes before its time.
 */
import type { Clock, Timer } from "../base/clock.ts";
import { invariant } from "../base/invariant.ts";
import type { InvocationEvent, StreamBegin } from "./api/runtime-port.ts";
import type { VersionSpec } from "./contract.ts";
import type { Failure, FailureStatus } from "./failure.ts";
import type { InvocationRequest, InvocationResult, Outcome } from "./invocation.ts";
import { Settlement } from "./invocation.ts";
import type { EnvironmentOutput } from "./output.ts";
import type { RuntimeFinished } from "./platform-events.ts";
import * as events from "./platform-events.ts";
import { ResponseStream } from "./response-stream.ts";

export interface RunningDeps {
  readonly clock: Clock;
  readonly spec: VersionSpec;
  readonly log: Pick<EnvironmentOutput, "platform" | "drained" | "telemetry">;
  /** How fast streamed answers are passed on after their burst; left out: as fast as they are read. */
  readonly streamBytesPerSecond?: number | undefined;
}

/** What a report waits for besides the invocation itself; read when it is needed. */
export interface Surroundings {
  /** Of a runtime that fell, all that it printed is in the log; resolved while there is none. */
  readonly quiet: Promise<void>;
  readonly extensions: { readonly isEmpty: boolean };
}

interface Answer {
  readonly outcome: Outcome;
  readonly durationMs: number;
}

export class RunningInvocation {
  readonly request: InvocationRequest;
  readonly #deps: RunningDeps;
  readonly #onTimeout: () => void;
  #startedMs: number;
  #event: InvocationEvent | undefined;
  #timer: Timer | undefined;
  readonly #answer = new Settlement<Answer>();
  /** The runtime has asked for more, or is gone. With monotonic ms. */
  readonly #runtimeDone = new Settlement<number>();
  /** So have the extensions. With monotonic ms. */
  readonly #returned = new Settlement<number>();
  #stream: ResponseStream | undefined;
  /** The first byte of a streamed answer was there; monotonic ms. */
  #streamedMs: number | undefined;
  #isAnnounced = false;
  /** After the answer. */
  #failure: FailureStatus | undefined;
  /** The same, before the runtime has asked for more. */
  #runtimeFailure: FailureStatus | undefined;

  constructor(deps: RunningDeps, request: InvocationRequest, onTimeout: () => void) {
    this.request = request;
    this.#deps = deps;
    this.#onTimeout = onTimeout;
    this.#startedMs = deps.clock.monotonic();
  }

  /** The function's time begins. Only the first call counts. */
  begin(): void {
    if (this.#timer || this.#answer.settled) return;
    const { clock, spec } = this.#deps;
    this.#startedMs = clock.monotonic();
    const { requestId, invokedFunctionArn, traceHeader, clientContext, payload } = this.request;
    const deadlineMs = clock.now() + spec.timeoutMs;
    this.#event = { requestId, deadlineMs, invokedFunctionArn, traceHeader, clientContext, payload };
    this.#timer = clock.after(spec.timeoutMs, this.#onTimeout);
  }

  /** What the runtime gets. */
  get event(): InvocationEvent {
    invariant(this.#event, "nothing is delivered before the function's time begins");
    return this.#event;
  }

  get answer(): Promise<Answer> {
    return this.#answer.promise;
  }

  get isAnswered(): boolean {
    return this.#answer.settled;
  }

  /** START. Idempotent. */
  announce(): void {
    if (this.#isAnnounced) return;
    this.#isAnnounced = true;
    const { requestId, traceHeader } = this.request;
    this.#deps.log.platform(events.start(this.#deps.spec, requestId, traceHeader));
  }

  /** The answer, unless there has been one (I1). */
  finish(outcome: Outcome): void {
    if (this.#answer.settled) return;
    this.#stream?.end();
    this.#answer.settle({ outcome, durationMs: this.#deps.clock.monotonic() - this.#startedMs });
  }

  /** Where it had answered, this changes nothing for the caller. */
  fail(failure: Failure): void {
    if (this.#answer.settled) this.#failure = failure.status;
    else this.finish(failure.outcome(this.request.requestId));
  }

  /** The answer is passed on while it arrives, and whoever asked is told so. */
  openStream({ contentType, onRoom }: StreamBegin): ResponseStream {
    const { clock, streamBytesPerSecond: rate } = this.#deps;
    const pace = rate === undefined ? undefined : (bytes: number) => clock.sleep((bytes * 1000) / rate);
    this.#stream = new ResponseStream({ contentType, onRoom, pace });
    this.#streamedMs = clock.monotonic();
    this.request.onStream?.(this.#stream);
    return this.#stream;
  }

  /** The runtime has asked for more. Idempotent. */
  runtimeReturned(): void {
    if (!this.#runtimeDone.settled) this.#runtimeDone.settle(this.#deps.clock.monotonic());
  }

  /** Once: runtime and extensions have asked for more, or are gone. */
  returned(): void {
    this.#timer?.cancel();
    const nowMs = this.#deps.clock.monotonic();
    if (!this.#runtimeDone.settled) {
      this.#runtimeFailure = this.#failure;
      this.#runtimeDone.settle(nowMs);
    }
    this.#returned.settle(nowMs);
  }

  /** Writes what is to be said of it, when it is to be said. Never rejects. */
  async report(result: Promise<InvocationResult>, surroundings: Surroundings): Promise<void> {
    const { clock, spec, log } = this.#deps;
    const { requestId, traceHeader } = this.request;
    const answered = await result;
    // It never began: RESTORE_REPORT has said why.
    if (answered.outcome.kind === "crash" && answered.outcome.exception) return;
    const answeredMs = this.#startedMs + answered.durationMs;
    const runtimeDoneMs = await this.#runtimeDone.promise;
    await surroundings.quiet;
    await log.drained();
    this.announce();
    const facts: RuntimeFinished = {
      spec,
      requestId,
      traceHeader,
      result: answered,
      answeredAtMs: clock.now() - (clock.monotonic() - answeredMs),
      responseMs: answeredMs - (this.#streamedMs ?? answeredMs),
      streamedBytes: this.#stream?.producedBytes ?? 0,
      runtimeOverheadMs: runtimeDoneMs - answeredMs,
      failure: this.#runtimeFailure,
    };
    // In a text log it has no line.
    if (log.telemetry || spec.logFormat === "JSON") log.platform(events.runtimeDone(facts));
    const returnedMs = await this.#returned.promise;
    const extensionOverheadMs = surroundings.extensions.isEmpty ? 0 : returnedMs - runtimeDoneMs;
    await surroundings.quiet;
    log.platform(events.report({ ...facts, extensionOverheadMs, failure: this.#failure }));
  }
}
