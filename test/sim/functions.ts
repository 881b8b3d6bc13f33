/**
 * The functions of a simulation: one script plays every runtime. What an invocation does is drawn when it is delivered;
 * what was delivered and answered is written down for the checks. Watches I2, I3 and D6 from inside.
 */
import type { Clock } from "../../src/base/clock.ts";
import type { Random } from "../../src/base/random.ts";
import type { FakeProcess, FakeProgram } from "../../src/isolation/fake/fake.ts";
import type { ErrorReport } from "../../src/runtime/error-report.ts";
import type { InvocationEvent, RuntimePort } from "../../src/runtime/api/runtime-port.ts";
import { forever } from "./faults.ts";

export interface Seen {
  /** Deliveries to a runtime, by request. */
  readonly started: Map<string, number>;
  /** Answers that a runtime gave and the platform took, by request. */
  readonly succeeded: Map<string, number>;
  /** Requests that have come to their end: none of them may be delivered again. */
  readonly finished: Set<string>;
  /** Running now and at most, by function. */
  readonly busy: Map<string, number>;
  readonly busyMax: Map<string, number>;
  /** Runtimes that have been started and have not asked for work. */
  booting: number;
}

export interface FunctionsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly seen: Seen;
  readonly isAlive: () => boolean;
  /** Share of starts and invocations that go wrong; 0: all succeed. */
  readonly trouble: () => number;
  readonly note: (line: string) => void;
  readonly violation: (text: string) => void;
}

/** Of one life. */
export const startingMax = 4;

const failure: ErrorReport = { payload: Buffer.from('{"errorMessage":"no"}'), errorType: "Error" };

export function createProgram(deps: FunctionsDeps) {
  const { seen, random } = deps;
  const strikes = (share: number) => random.float() < deps.trouble() * share;

  return (portOf: () => RuntimePort | undefined): FakeProgram =>
    async (self) => {
      const port = portOf();
      await boot(self);
      if (!port || strikes(0.1)) return 1;
      const served = new Set<string>();
      for (;;) {
        const event = await next(port);
        const name = self.spec.env["AWS_LAMBDA_FUNCTION_NAME"] ?? "";
        if (self.isFrozen) deps.violation(`D6 ${event.requestId} was given to a runtime that is frozen`);
        served.add(`${name}:${self.spec.env["AWS_LAMBDA_FUNCTION_VERSION"] ?? ""}`);
        if (served.size > 1) deps.violation(`I3 an environment served ${[...served].join(" and ")}`);
        const isMine = event.invokedFunctionArn.split(":")[6] === name;
        if (!isMine) deps.violation(`I3 ${name} got an event for ${event.invokedFunctionArn}`);
        if (!(await run(self, port, event, name))) return 1;
      }
    };

  /** Takes its time, in an invocation as in INIT: too many at once would keep each other from being ready in time. */
  async function boot(self: FakeProcess): Promise<void> {
    if (self.killed.aborted || !deps.isAlive()) return forever();
    seen.booting += 1;
    if (seen.booting > startingMax)
      deps.violation(`${seen.booting} runtimes start at once, not ${startingMax}`);
    let isBooting = true;
    const end = () => {
      if (isBooting && deps.isAlive()) seen.booting -= 1;
      isBooting = false;
    };
    self.killed.addEventListener("abort", end);
    await deps.clock.sleep(Math.floor(random.float() * 400));
    if (self.killed.aborted) return forever();
    end();
  }

  /** False: the program is to end. */
  async function run(
    self: FakeProcess,
    port: RuntimePort,
    event: InvocationEvent,
    name: string,
  ): Promise<boolean> {
    if (!deps.isAlive()) return forever();
    const { requestId } = event;
    if (seen.finished.has(requestId)) deps.violation(`E3 ${requestId} was attempted after its end`);
    seen.started.set(requestId, (seen.started.get(requestId) ?? 0) + 1);
    const busy = (seen.busy.get(name) ?? 0) + 1;
    seen.busy.set(name, busy);
    seen.busyMax.set(name, Math.max(busy, seen.busyMax.get(name) ?? 0));
    let isBusy = true;
    const end = () => {
      if (isBusy) seen.busy.set(name, (seen.busy.get(name) ?? 0) - 1);
      isBusy = false;
    };
    self.killed.addEventListener("abort", end);
    deps.note(`start ${name} ${requestId}`);
    if (random.float() < 0.5) await deps.clock.sleep(Math.floor(random.float() * 400));
    if (self.killed.aborted || !deps.isAlive()) return forever();
    if (strikes(0.05)) return forever(); // it hangs until its timeout
    end();
    if (strikes(0.1)) return false; // it crashes
    if (strikes(0.4)) {
      const refusal = port.answer(requestId, { kind: "error", report: failure });
      return refusal === undefined;
    }
    const refusal = port.answer(requestId, { kind: "payload", payload: Buffer.from('"ok"') });
    if (refusal === undefined) seen.succeeded.set(requestId, (seen.succeeded.get(requestId) ?? 0) + 1);
    return refusal === undefined;
  }

  function next(port: RuntimePort): Promise<InvocationEvent> {
    return new Promise((resolve) => {
      let isDelivered = false;
      // Where the poll is refused, the runtime is being killed: nothing comes any more.
      port.poll({
        deliver(event) {
          if (isDelivered) deps.violation("I2 a poll was answered twice");
          isDelivered = true;
          resolve(event);
        },
        onLost: undefined,
      });
    });
  }
}
