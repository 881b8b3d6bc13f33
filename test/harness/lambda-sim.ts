/**
 * Lambda with everything around it played: memory store, simulated clock, seeded chance, an invoker that answers at once
 * and remembers, code mounts and a catalog that wait or fail when told to. For tests of this folder only.
 */
import assert from "node:assert/strict";
import { createSimClock } from "../../src/base/clock-sim.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { createMetrics } from "../../src/base/metrics.ts";
import { seededRandom } from "../../src/base/random.ts";
import { AsyncQueue } from "../../src/events/async/queue.ts";
import { verdict } from "../../src/events/async/verdict.ts";
import { NoSuchTarget } from "../../src/events/deliver.ts";
import type { Deliver } from "../../src/events/ports.ts";
import type { InvokeAnswer, InvokeOrder } from "../../src/invoke/contract.ts";
import { asyncRetryDelaysMs, codeStorageBytesMax } from "../../src/limits.ts";
import type { LaunchPlan, RuntimeEntry, VersionSpec } from "../../src/runtime/contract.ts";
import { RuntimeUnavailable, ZipError } from "../../src/runtime/contract.ts";
import { createMemoryState, createMemoryStore } from "../../src/store/memory/memory-store.ts";
import { AwsError } from "../../src/wire/aws-error.ts";
import type { Context, Stop } from "../../src/services/service.ts";
import type { LambdaDeps } from "../../src/services/lambda/index.ts";
import { createLambda } from "../../src/services/lambda/index.ts";
import type { Input, LambdaOperations, Output } from "../../src/services/lambda/operation-types.ts";

export type OperationName = keyof LambdaOperations;
export type SimLambda = ReturnType<typeof simLambda>;

export const account = "000000000000";
export const region = "eu-west-1";
export const role = `arn:aws:iam::${account}:role/any`;
export const arnPrefix = `arn:aws:lambda:${region}:${account}`;

/** What the platform around Lambda does; tests change it. */
interface World {
  /** Held: mounting waits until it is called. */
  release: (() => void) | undefined;
  mountError: Error | undefined;
  /** Of every package; undefined: as many as the zip has. */
  unzippedBytes: number | undefined;
  answer: (order: InvokeOrder) => Promise<InvokeAnswer>;
  /** Other services' operations: nothing is there unless a test says so. */
  call: (service: string, input: object) => Promise<Record<string, unknown>>;
  readonly orders: InvokeOrder[];
  readonly retired: { readonly functionArn: string; readonly keepKeys: readonly string[] }[];
  readonly unmounted: string[];
  readonly provisions: {
    readonly functionArn: string;
    readonly wanted: [version: string, count: number][];
  }[];
  provisionFailure: string | undefined;
  readonly snapshots: VersionSpec[];
  /** Of which a snapshot is to be made anew. */
  readonly expected: VersionSpec[];
  /** Makes one, or answers why not. */
  snapshot: (spec: VersionSpec) => Promise<string | undefined>;
  readonly layersMounted: (readonly string[])[];
  /** Takes what goes to destinations. */
  deliver: Deliver;
}

/** `state`: of an earlier one, to play a restart. */
export function simLambda(state = createMemoryState(), seed = 1, limits = { codeStorageBytesMax }) {
  const clock = createSimClock();
  const store = createMemoryStore(state);
  const metrics = createMetrics();
  const world: World = {
    release: undefined,
    mountError: undefined,
    unzippedBytes: undefined,
    answer: async () => ({
      kind: "done",
      outcome: { kind: "success", payload: bytes('"ok"') },
      logTail: undefined,
    }),
    call: async () => {
      throw new AwsError("NoSuchBucket", "The specified bucket does not exist");
    },
    orders: [],
    retired: [],
    unmounted: [],
    provisions: [],
    provisionFailure: undefined,
    snapshots: [],
    expected: [],
    snapshot: async () => undefined,
    layersMounted: [],
    deliver: async () => {
      throw new NoSuchTarget("nobody is there");
    },
  };
  const provisioned = new Map<string, number>();
  let gate: Promise<void> | undefined;
  const deps: LambdaDeps = {
    ...limits,
    clock,
    store,
    random: seededRandom(seed),
    logger: silentLogger,
    invoker: {
      async invoke(order) {
        world.orders.push(order);
        return world.answer(order);
      },
      async retire(functionArn, keepKeys) {
        world.retired.push({ functionArn, keepKeys });
      },
      provision(functionArn, wanted) {
        world.provisions.push({
          functionArn,
          wanted: wanted.map(({ spec, count }) => [spec.version, count]),
        });
        for (const { spec, count } of wanted) provisioned.set(spec.key, count);
      },
      provisioned: (specKey) => ({
        ready: world.provisionFailure ? 0 : (provisioned.get(specKey) ?? 0),
        failure: world.provisionFailure,
      }),
      snapshot: async (spec) => {
        world.snapshots.push(spec);
        return world.snapshot(spec);
      },
      expectSnapshot: (spec) => void world.expected.push(spec),
      recycle: () => 0,
      onPermitFree() {},
      async stop() {},
    },
    metrics,
    // Begins to work with `start`.
    events: new AsyncQueue({
      clock,
      store,
      metrics,
      verdict,
      random: seededRandom(seed + 1),
      logger: silentLogger,
      deliver: (arn, event, ctx) => world.deliver(arn, event, ctx),
      retryDelaysMs: asyncRetryDelaysMs,
    }),
    codeMounts: {
      async inspect(zip) {
        if (Buffer.from(zip).toString().startsWith("bad")) throw new ZipError("unreadable", "no zip");
        if (Buffer.from(zip).toString().startsWith("huge")) throw new ZipError("too-large", "too large");
        const isBare = Buffer.from(zip).toString() === "no entries";
        return { unzippedBytes: world.unzippedBytes ?? zip.length, entries: isBare ? 0 : 1 };
      },
      async mount(sha256) {
        await gate;
        if (world.mountError) throw world.mountError;
        assert.ok(await store.blobs.stat(sha256), "L2: code that is mounted is stored");
        return { source: `/code/${sha256}`, target: "/var/task" };
      },
      async mountLayers(sha256s) {
        await gate;
        for (const sha256 of sha256s) {
          assert.ok(await store.blobs.stat(sha256), "L2: a layer that is mounted is stored");
        }
        world.layersMounted.push(sha256s);
        return { source: `/code/${sha256s.join("-")}`, target: "/opt" };
      },
      async remove(sha256) {
        world.unmounted.push(sha256);
      },
    },
    catalog: {
      list: async () => runtimes,
      async plan(runtime) {
        await gate;
        if (runtime === "provided.al2") throw new RuntimeUnavailable("It could not be fetched.");
        return { runtimeVersionArn: `arn:aws:lambda:us-east-1::runtime:${runtime}` } as LaunchPlan;
      },
    },
  };
  const lambda = createLambda(deps);
  const context: Context = {
    account,
    region,
    identity: { account, accessKey: undefined, principalArn: `arn:aws:iam::${account}:root`, signed: "none" },
    requestId: "11111111-2222-4333-8444-555555555555",
    signal: new AbortController().signal,
    trace: undefined,
    endpoint: "http://127.0.0.1:4566",
    call: (service, _operation, input) => world.call(service, input),
  };

  async function call<N extends OperationName>(
    name: N,
    input: Input<N>,
    ctx: Partial<Context> = {},
  ): Promise<Output<N>> {
    const operation = lambda.operations[name];
    assert.ok(typeof operation === "function", `${name} is implemented`);
    const run = operation as unknown as (input: Input<N>, ctx: Context) => Promise<Output<N>>;
    return run(input, { ...context, ...ctx });
  }

  /** Until everything in the background has ended that needs no time. */
  const settle = (): Promise<void> => clock.advance(0);

  return {
    lambda,
    metrics,
    clock,
    store,
    state,
    world,
    call,
    settle,
    /** From now on activation waits for `world.release()`. */
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      world.release = resolve;
    },
    async create(name: string, more: Partial<Input<"CreateFunction">> = {}) {
      const made = await call("CreateFunction", newFunction(name, more));
      await settle();
      return made;
    },
    async start(): Promise<Stop> {
      return (await lambda.start?.()) ?? (async () => {});
    },
  };
}

export function newFunction(
  name: string,
  more: Partial<Input<"CreateFunction">> = {},
): Input<"CreateFunction"> {
  return {
    FunctionName: name,
    Runtime: "nodejs22.x",
    Handler: "index.handler",
    Role: role,
    Code: { ZipFile: bytes(`zip of ${name}`) },
    ...more,
  };
}

export function bytes(text: string): Uint8Array {
  return Buffer.from(text);
}

/** For `assert.rejects`: exactly this code, and this text if one is given. */
export function awsError(code: string, message?: string): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof AwsError, `an AWS error, not ${String(error)}`);
    assert.equal(error.code, code, error.message);
    if (message !== undefined) assert.equal(error.message, message);
    return true;
  };
}

const runtimes: readonly RuntimeEntry[] = [
  { id: "nodejs22.x", status: "ready", description: "Node.js 22", hint: undefined },
  { id: "nodejs24.x", status: "fetchable", description: "Node.js 24", hint: undefined },
  { id: "python3.11", status: "ready", description: "Python 3.11", hint: undefined },
  { id: "python3.12", status: "ready", description: "Python 3.12", hint: undefined },
  { id: "provided.al2", status: "fetchable", description: "custom runtime", hint: undefined },
  { id: "java21", status: "missing", description: "Java", hint: "Bring one." },
];
