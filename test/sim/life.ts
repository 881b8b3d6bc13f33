/**
 * One life of lambdad in a simulation: Lambda's operations, the queue, invoker, pool and environments as they are, over
 * a clock that is driven, a store that fails, and runtimes that are scripts. When a life is over nothing of it moves any
 * more: its timers do not fire, its store does not answer. The next one begins on what the store has.
 */
import type { Clock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { createMetrics } from "../../src/base/metrics.ts";
import type { Random } from "../../src/base/random.ts";
import type { AsyncEvents } from "../../src/events/async/event.ts";
import { AsyncQueue } from "../../src/events/async/queue.ts";
import type { Decide } from "../../src/events/async/verdict.ts";
import { verdict } from "../../src/events/async/verdict.ts";
import { createDeliver } from "../../src/events/deliver.ts";
import type { Target } from "../../src/events/ports.ts";
import type { Invoker } from "../../src/invoke/contract.ts";
import { Admission } from "../../src/invoke/admission.ts";
import { createInvoker } from "../../src/invoke/invoker.ts";
import { Pool } from "../../src/invoke/pool.ts";
import { createFakeDriver } from "../../src/isolation/fake/fake.ts";
import type { FakeProgram } from "../../src/isolation/fake/fake.ts";
import type { Saturation } from "../../src/isolation/machine-time.ts";
import { asyncRetryDelaysMs, codeStorageBytesMax, settlePatienceMs } from "../../src/limits.ts";
import type { RuntimeApi } from "../../src/runtime/api/server.ts";
import type { RuntimePort } from "../../src/runtime/api/runtime-port.ts";
import type { Catalog, CodeMounts } from "../../src/runtime/contract.ts";
import { startEnvironment } from "../../src/runtime/environment.ts";
import { createLambda } from "../../src/services/lambda/index.ts";
import type { Store } from "../../src/store/store.ts";
import { startingMax } from "./functions.ts";

/** Mistakes made on purpose, to see whether the checks notice. */
export const variants = ["ack-before-write", "no-lease-check", "retry-counted-on-throttle"] as const;
export type Variant = (typeof variants)[number];

export interface LifeDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly variant: Variant | undefined;
  /** The program of every runtime. */
  readonly program: (port: () => RuntimePort | undefined) => FakeProgram;
  /** Stands for SQS: takes what goes to `arn:aws:sqs:…`. */
  readonly target: Target;
  readonly saturation: () => Saturation;
  /** How long an answer of the invoke engine is held up on its way to whoever asked, ms. */
  readonly holdUpMs: () => number;
}

export type Life = ReturnType<typeof createLife>;

export function createLife(deps: LifeDeps) {
  const { clock, random, store, variant } = deps;
  const logger = silentLogger;
  const metrics = createMetrics();
  const ports = new Map<string, RuntimePort>();
  const driver = createFakeDriver({
    sim: (self) => deps.program(() => ports.get(self.spec.env["AWS_LAMBDA_RUNTIME_API"] ?? ""))(self),
  });
  const admission = new Admission(
    {
      waitingPerVersionMax: 100,
      waitingMax: 200,
      memoryReserveMb: 0,
      memoryExpectedMb: 1,
      saturatedStartsCpusMax: 1,
      scaling: { capacity: 10, perSecond: 1 },
    },
    { freeMemoryMb: () => Infinity, saturation: deps.saturation },
  );
  const pool = new Pool({
    clock,
    logger,
    admission,
    startEnvironment: (spec) =>
      startEnvironment(
        {
          clock,
          random,
          logger,
          driver,
          catalog,
          codeMounts,
          api: directApi(ports),
          logs: { append: () => undefined },
          endpointUrl: "http://127.0.0.1:4566",
          network: "outside",
          credentials: () => ({ accessKeyId: "a", secretAccessKey: "b", sessionToken: "c" }),
        },
        spec,
      ),
    limits: {
      environmentsMax: 20,
      startingMax,
      snapshotsMax: 2,
      idleMs: 600_000,
      settlePatienceMs,
      waitMsMax: 60_000,
    },
  });
  const invoker = createInvoker({ clock, logger, metrics, pool, admission, requestsPerSecond: 10 });
  const services: { readonly name: string; readonly target?: Target }[] = [];
  const queue = new AsyncQueue({
    clock,
    random,
    logger,
    metrics,
    store: variant === "no-lease-check" ? withoutConditions(store) : store,
    deliver: createDeliver(() => services),
    retryDelaysMs: asyncRetryDelaysMs,
    verdict: variant === "retry-counted-on-throttle" ? countingThrottles : verdict,
  });
  const lambda = createLambda({
    clock,
    random,
    store,
    logger,
    metrics,
    codeMounts,
    catalog,
    codeStorageBytesMax,
    invoker: heldUp(invoker, clock, deps.holdUpMs),
    events: variant === "ack-before-write" ? hasty(queue) : queue,
  });
  services.push(lambda, { name: "sqs", target: deps.target });
  return { lambda, queue, metrics, pool, invoker };
}

const catalog: Catalog = {
  list: async () => [{ id: "nodejs24.x", status: "ready", description: "", hint: undefined }],
  plan: async () => ({
    argv: ["sim"],
    mounts: [],
    env: {},
    runtimeVersion: "nodejs:24.v1",
    runtimeVersionArn: "arn:aws:lambda:us-east-1::runtime:0123",
  }),
};

const codeMounts: CodeMounts = {
  inspect: async (zip) => ({ unzippedBytes: zip.length, entries: 1 }),
  mount: async (sha256) => ({ source: `/code/${sha256}`, target: "/var/task" }),
  mountLayers: async () => ({ source: "/code/layers", target: "/opt" }),
  remove: async () => undefined,
};

/** The Runtime API without HTTP: a program finds its environment by the address that it was given. */
function directApi(ports: Map<string, RuntimePort>): RuntimeApi {
  return {
    async open(id, port) {
      if (port) ports.set(id, port);
      return {
        authority: id,
        mount: { source: `/api/${id}`, target: "/run/lambdad" },
        socketPath: "/run/lambdad/s",
        assign: (later) => void ports.set(id, later),
        admit: () => undefined,
        close: async () => void ports.delete(id),
      };
    },
    close: async () => undefined,
  };
}

/** Answers that come late, as from a machine that was suspended. */
function heldUp(invoker: Invoker, clock: Clock, holdUpMs: () => number): Invoker {
  return {
    ...invoker,
    async invoke(order) {
      const answer = await invoker.invoke(order);
      const ms = holdUpMs();
      if (ms > 0) await clock.sleep(ms);
      return answer;
    },
  };
}

// The mistakes.

function hasty(queue: AsyncQueue): AsyncEvents {
  return {
    append: async (event) => void queue.append(event).catch(() => undefined),
    work: (functions) => queue.work(functions),
  };
}

function withoutConditions(store: Store): Store {
  return {
    ...store,
    commit: (batch) =>
      store.commit(
        batch.map((write) =>
          write.kind === "check" ? write : { ...write, ifVersion: undefined },
        ) as typeof batch,
      ),
  };
}

const countingThrottles: Decide = (event, attempt, situation) => {
  if (attempt.kind !== "throttled") return verdict(event, attempt, situation);
  if (event.failures >= situation.settings.retriesMax)
    return { kind: "give-up", condition: "RetriesExhausted" };
  return { kind: "retry", atMs: situation.nowMs + 1000 };
};
