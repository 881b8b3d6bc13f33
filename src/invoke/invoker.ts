/**
 * Read this first: one invocation from its order to its answer.
 *
 *     permit ── none left, nor any moment ──► throttled
 *       │
 *     environment (idle, or started for it)
 *       │
 *     run, answer the caller
 *       │
 *     wait until its output has arrived and its REPORT is written, environment back to the pool, permit back
 *
 * The caller is answered as soon as the runtime has answered; what follows runs behind its back, unless it asked for
 * the log's tail. The permit is held until the environment is free again (I4).
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Counter, Metrics } from "../base/metrics.ts";
import type { Environment, VersionSpec } from "../runtime/contract.ts";
import type { InvocationResult } from "../runtime/invocation.ts";
import type { Admission } from "./admission.ts";
import { Overloaded } from "./admission.ts";
import { createComplaints } from "./complaints.ts";
import type { Claim, Permit, Taken } from "./concurrency.ts";
import { Concurrency } from "./concurrency.ts";
import type { InvokeAnswer, InvokeOrder, Invoker } from "./contract.ts";
import { Permits } from "./permits.ts";
import type { Pool } from "./pool.ts";

export interface InvokerDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly pool: Pool;
  readonly admission: Pick<Admission, "observed">;
  /** For each unit of concurrency; `Infinity`: no bound. */
  readonly requestsPerSecond: number;
}

export function createInvoker(deps: InvokerDeps): Invoker {
  const { pool, metrics } = deps;
  const concurrency = new Concurrency(deps.requestsPerSecond);
  const permits = new Permits(concurrency, deps.clock);
  const complain = createComplaints(deps);
  const permitWatchers: ((freed: VersionSpec) => void)[] = [];
  const counters: Counters = {
    invocations: metrics.counter("lambdad_invocations_total", "Invocations that were run"),
    errors: metrics.counter("lambdad_invocation_errors_total", "Invocations that ended in a function error"),
    throttles: metrics.counter(
      "lambdad_throttles_total",
      "Invocations that were refused for lack of concurrency",
    ),
    provisioned: metrics.counter(
      "lambdad_provisioned_invocations_total",
      "Invocations within provisioned concurrency",
    ),
    spilledOver: metrics.counter(
      "lambdad_provisioned_spillover_total",
      "Invocations beyond the provisioned concurrency of their version",
    ),
  };
  showGauges(metrics, pool, concurrency);

  async function invoke(order: InvokeOrder): Promise<InvokeAnswer> {
    const asked = permits.take(claimOf(order));
    const taken: Taken = asked instanceof Promise ? await asked : asked;
    if (taken.kind === "throttled") {
      counters.throttles.add();
      return taken;
    }
    const environment = await acquire(order, taken.permit);
    if (environment instanceof Overloaded) {
      counters.throttles.add();
      complain(environment);
      return { kind: "throttled", reason: environment.reason };
    }
    countPlace(counters, order, environment);
    if (order.wantTail) environment.log.beginTail();
    const answered = environment.invoke(order.request);
    pool.begun(environment);
    const result = await answered;
    count(counters, result);
    const finished = finish(order, environment, result, taken.permit);
    return {
      kind: "done",
      outcome: result.outcome,
      durationMs: result.durationMs,
      logTail: order.wantTail ? await finished : undefined,
    };
  }

  async function acquire(order: InvokeOrder, permit: Permit): Promise<Environment | Overloaded> {
    try {
      return await pool.acquire(order.spec);
    } catch (error) {
      give(permit, order.spec);
      if (error instanceof Overloaded) return error;
      throw error;
    }
  }

  function give(permit: Permit, spec: VersionSpec): void {
    permits.give(permit);
    for (const wake of permitWatchers) wake(spec);
  }

  /** Answers the log's tail, empty if none was asked for. Never rejects. */
  async function finish(
    order: InvokeOrder,
    environment: Environment,
    result: InvocationResult,
    permit: Permit,
  ): Promise<Uint8Array> {
    pool.settling(environment);
    concurrency.settling(permit);
    deps.admission.observed(order.spec, result.memoryPeakMb);
    await environment.settled();
    const tail = order.wantTail ? environment.log.endTail() : new Uint8Array();
    // First the environment: whoever waits for the permit finds it idle.
    pool.release(environment);
    give(permit, order.spec);
    return tail;
  }

  async function stop(graceMs: number): Promise<void> {
    const { promise: graceIsOver, resolve } = Promise.withResolvers<void>();
    const timer = deps.clock.after(graceMs, resolve);
    await Promise.race([pool.close(), graceIsOver]);
    timer.cancel();
    await pool.kill();
  }

  return {
    invoke,
    stop,
    retire: (functionArn, keepKeys, goneKeys) => pool.retire(functionArn, keepKeys, goneKeys),
    recycle: (isWanted) => pool.recycle(isWanted),
    provision: (functionArn, wanted) => pool.provision(functionArn, wanted),
    provisioned: (specKey) => pool.provisioned(specKey),
    snapshot: (spec) => pool.snapshot(spec),
    expectSnapshot: (spec) => pool.expectSnapshot(spec),
    onPermitFree: (wake) => void permitWatchers.push(wake),
  };
}

function showGauges(metrics: Metrics, pool: Pool, concurrency: Concurrency): void {
  const gauges: readonly (readonly [string, string, () => number])[] = [
    ["environments", "Execution environments alive", () => pool.size],
    ["starting_runtimes", "Runtimes being started", () => pool.starting],
    ["waiting_requests", "Requests in line for an environment", () => pool.waiting],
    ["concurrency", "Invocations running", () => concurrency.inUse],
    [
      "unreserved_concurrency",
      "Invocations running of functions without a reservation",
      () => concurrency.unreservedInUse,
    ],
    [
      "provisioned_concurrency",
      "Invocations running within provisioned concurrency",
      () => concurrency.provisionedInUse,
    ],
    ["provisioned_environments", "Provisioned environments that are initialised", () => pool.provisionedSize],
  ];
  for (const [name, help, read] of gauges) metrics.gauge(`lambdad_${name}`, help, read);
}

interface Counters {
  readonly invocations: Counter;
  readonly errors: Counter;
  readonly throttles: Counter;
  readonly provisioned: Counter;
  readonly spilledOver: Counter;
}

/** By where it runs: who comes a moment before its provisioned environment is free again has that one, and has not spilled over. */
function countPlace(
  counters: Counters,
  { provisionedConcurrency = 0 }: InvokeOrder,
  { spec }: Environment,
): void {
  if (spec.initialization === "provisioned-concurrency") counters.provisioned.add();
  else if (provisionedConcurrency > 0) counters.spilledOver.add();
}

function count(counters: Counters, { outcome }: InvocationResult): void {
  counters.invocations.add();
  if (outcome.kind !== "success") counters.errors.add();
}

function claimOf(order: InvokeOrder): Claim {
  const { spec, reservedConcurrency, unreservedConcurrency } = order;
  const { provisionedConcurrency = 0, isEvent = false } = order;
  return {
    account: spec.account,
    region: spec.region,
    functionArn: spec.functionArn,
    version: spec.version,
    provisioned: provisionedConcurrency,
    reserved: reservedConcurrency,
    unreserved: unreservedConcurrency,
    isEvent,
  };
}
