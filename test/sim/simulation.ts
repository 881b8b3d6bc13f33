/**
 * lambdad under a seed in virtual time: callers, storms of events, deploys, throttles, crashes of functions and of the
 * whole platform at any commit, disks that fill up. After every step the invariants are checked; the same seed gives the
 * same history. `run.ts` is the command.
 *
 * What is checked: I2, I3, how many runtimes start at once (in `functions.ts`), I4, E1 (what was accepted is in the store, or
 * has succeeded, or was told), E2 and E3 (attempts within what retries, restarts and lost leases allow; retries used up by
 * failures only), E4 (the gauge, and the store's contents), L1 (published versions), L3 (nothing stays Pending); at the end
 * that all is settled.
 */
import { createHash } from "node:crypto";
import { createSimClock } from "../../src/base/clock-sim.ts";
import { seededRandom } from "../../src/base/random.ts";
import type { AsyncEvent, LaneName } from "../../src/events/async/event.ts";
import type { Failed } from "../../src/events/async/store.ts";
import type { DeliveredEvent } from "../../src/events/ports.ts";
import type { Saturation } from "../../src/isolation/machine-time.ts";
import { createMemoryState, createMemoryStore } from "../../src/store/memory/memory-store.ts";
import type { Entry } from "../../src/store/store.ts";
import type { Context } from "../../src/services/service.ts";
import type { Faults } from "./faults.ts";
import { faultyStore, mortalClock } from "./faults.ts";
import type { Seen } from "./functions.ts";
import { createProgram } from "./functions.ts";
import type { Life, Variant } from "./life.ts";
import { createLife } from "./life.ts";

export interface SimOptions {
  readonly seed: number;
  readonly hours: number;
  readonly variant?: Variant;
}

export interface SimResult {
  /** Of everything that happened, in order. */
  readonly hash: string;
  readonly violations: readonly string[];
  readonly steps: number;
  readonly accepted: number;
  readonly lives: number;
  readonly staleSettles: number;
}

const account = "000000000000";
const region = "us-east-1";
const retriesMax = 2;
const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

interface Accepted {
  /** Lives before it was accepted. */
  readonly lives: number;
  readonly functionName: string;
}

/** `limited` may run 2 at once, `young` gives events up after 5 minutes, `told` has destinations, `buried` a dead-letter queue. */
const functionNames = ["plain", "limited", "young", "told", "buried"] as const;
const limit = 2;
const corpses = `arn:aws:sqs:${region}:${account}:corpses`;

export async function simulate({ seed, hours, variant }: SimOptions): Promise<SimResult> {
  const simulation = new Simulation(seed, variant);
  await simulation.run(hours);
  return simulation.result();
}

class Simulation {
  readonly #clock = createSimClock();
  readonly #random;
  readonly #state = createMemoryState();
  readonly #variant: Variant | undefined;
  readonly #hash = createHash("sha256");
  readonly #violations = new Set<string>();
  readonly #accepted = new Map<string, Accepted>();
  readonly #told = new Map<string, string>();
  readonly #published = new Map<string, string>();
  readonly #seen: Seen = {
    started: new Map(),
    succeeded: new Map(),
    finished: new Set(),
    busy: new Map(),
    busyMax: new Map(),
    booting: 0,
  };
  readonly #faults: Faults;
  #life: Life | undefined;
  #lives = 0;
  #isAlive = false;
  #isStopping = false;
  #stop: (() => Promise<void>) | undefined;
  #staleBefore = 0;
  readonly #parsed = new WeakMap<Entry, object>();
  #requests = 0;
  #acceptances = 0;
  #steps = 0;
  #isTroubled = true;
  /** Lost leases: attempts that nobody waited for any longer. */
  #heldUp = 0;

  constructor(seed: number, variant: Variant | undefined) {
    this.#random = seededRandom(seed);
    this.#variant = variant;
    this.#faults = { rate: 0, random: this.#random, crash: (why) => this.#die(why) };
  }

  async run(hours: number): Promise<void> {
    await this.#begin();
    for (const name of functionNames) await this.#create(name);
    this.#faults.rate = 0.02;
    const endMs = this.#clock.now() + hours * hour;
    while (this.#clock.now() < endMs && this.#violations.size === 0) await this.#step();
    await this.#end();
  }

  result(): SimResult {
    return {
      hash: this.#hash.digest("hex"),
      violations: [...this.#violations],
      steps: this.#steps,
      accepted: this.#acceptances,
      lives: this.#lives,
      staleSettles: this.#staleBefore + this.#metric("async_stale_settles_total"),
    };
  }

  // Lives.

  async #begin(): Promise<void> {
    this.#lives += 1;
    this.#isAlive = true;
    this.#isStopping = false;
    this.#seen.busy.clear();
    this.#seen.booting = 0;
    const lives = this.#lives;
    const isAlive = () => this.#isAlive && this.#lives === lives;
    const clock = mortalClock(this.#clock, { isAlive });
    const random = this.#random;
    this.#life = createLife({
      clock,
      random,
      store: faultyStore(createMemoryStore(this.#state), clock, { isAlive }, this.#faults),
      variant: this.#variant,
      program: createProgram({
        clock,
        random,
        isAlive,
        seen: this.#seen,
        trouble: () => (this.#isTroubled ? 1 : 0),
        note: (line) => this.#note(line),
        violation: (text) => this.#violated(text),
      }),
      target: { deliver: async (arn, event) => this.#take(arn, event) },
      saturation: () => this.#saturation(),
      holdUpMs: () => this.#holdUpMs(),
    });
    const started = this.#life.lambda.start?.();
    await this.#await(started?.then((stop) => (this.#stop = stop)));
  }

  #die(why: string): void {
    this.#note(`the platform dies ${why}`);
    this.#isAlive = false;
    this.#staleBefore += this.#metric("async_stale_settles_total");
  }

  /** A stop in good order. */
  async #retire(): Promise<void> {
    this.#note("the platform stops");
    this.#isStopping = true;
    await this.#await(this.#stop?.());
    await this.#await(this.#life?.invoker.stop(5 * second));
    if (this.#isAlive) this.#die("after a stop in good order");
  }

  /** Lets time pass until the promise has settled, or the life is over. */
  async #await(promise: Promise<unknown> | undefined): Promise<void> {
    let isSettled = promise === undefined;
    const settle = () => void (isSettled = true);
    promise?.then(settle, settle);
    for (let rounds = 0; !isSettled && this.#isAlive && rounds < 10_000; rounds += 1) {
      await this.#clock.advance(rounds < 200 ? 5 : second);
    }
  }

  // What happens.

  async #create(FunctionName: string): Promise<void> {
    await this.#call("CreateFunction", {
      FunctionName,
      Runtime: "nodejs24.x",
      Handler: "index.handler",
      Role: `arn:aws:iam::${account}:role/any`,
      Code: { ZipFile: Buffer.from(`zip of ${FunctionName}`) },
      ...(FunctionName === "buried" && { DeadLetterConfig: { TargetArn: corpses } }),
    });
    if (FunctionName === "limited") {
      await this.#call("PutFunctionConcurrency", { FunctionName, ReservedConcurrentExecutions: limit });
    }
    if (FunctionName === "young") {
      await this.#call("PutFunctionEventInvokeConfig", { FunctionName, MaximumEventAgeInSeconds: 300 });
    }
    if (FunctionName === "told") {
      const Destination = `arn:aws:sqs:${region}:${account}:queue`;
      const DestinationConfig = { OnSuccess: { Destination }, OnFailure: { Destination } };
      await this.#call("PutFunctionEventInvokeConfig", { FunctionName, DestinationConfig });
    }
    await this.#clock.advance(second);
  }

  async #step(): Promise<void> {
    this.#steps += 1;
    if (!this.#isAlive) await this.#begin();
    const draw = this.#random.float();
    if (draw < 0.3) await this.#storm();
    else if (draw < 0.5) await this.#ask();
    else if (draw < 0.56) await this.#deploy();
    else if (draw < 0.57) await this.#lookAfterFailed();
    else if (draw < 0.575) await this.#switchOff();
    else if (draw < 0.58) await this.#retire();
    else if (draw < 0.585) this.#die("at once");
    else await this.#pause();
    this.#check();
  }

  /** Many events at once. */
  async #storm(): Promise<void> {
    const FunctionName = this.#one(functionNames);
    const count = 1 + Math.floor(this.#random.float() ** 3 * 40);
    const calls = Array.from({ length: count }, async () => {
      const requestId = this.#newRequestId();
      const input = { FunctionName, InvocationType: "Event", Payload: Buffer.from("{}") };
      const answer = await this.#send("Invoke", input, requestId);
      if (answer?.["StatusCode"] !== 202) return;
      this.#accepted.set(requestId, { lives: this.#lives, functionName: FunctionName });
      this.#acceptances += 1;
      this.#note(`accepted ${requestId}`);
      this.#check();
    });
    await this.#await(Promise.all(calls));
  }

  async #ask(): Promise<void> {
    const requestId = this.#newRequestId();
    let answers = 0;
    const call = this.#send("Invoke", { FunctionName: this.#one(functionNames) }, requestId).then(
      () => (answers += 1),
    );
    if (this.#random.float() < 0.5) await this.#await(call);
    if (answers > 1) this.#violated("I1 a call was answered twice");
  }

  async #deploy(): Promise<void> {
    const FunctionName = this.#one(functionNames);
    const ZipFile = Buffer.from(`zip ${this.#steps}`);
    await this.#call("UpdateFunctionCode", { FunctionName, ZipFile });
    await this.#clock.advance(second);
    const version = await this.#call("PublishVersion", { FunctionName });
    if (version)
      this.#published.set(`${FunctionName}:${String(version["Version"])}`, String(version["CodeSha256"]));
    for (const [name, sha256] of this.#published) {
      const [fn, Qualifier] = name.split(":");
      const found = await this.#call("GetFunctionConfiguration", { FunctionName: fn, Qualifier });
      if (found && found["CodeSha256"] !== sha256) this.#violated(`L1 ${name} has changed`);
    }
    // Few, so that a long run does not spend its time here.
    if (this.#published.size > 5) this.#published.clear();
  }

  /** Half of the time what has failed is sent again, else all of some functions is removed. */
  async #lookAfterFailed(): Promise<void> {
    const isRedriven = this.#random.float() < 0.5;
    const isPurged = (functionName: string) => !isRedriven && functionName !== "plain";
    for (const [requestId, { functionName }] of this.#accepted) {
      if (isPurged(functionName)) this.#accepted.delete(requestId);
    }
    const { queue } = this.#life ?? {};
    // Asked about each as it is taken up: one may fail while others are. What happens to it from there is another story.
    const isChosen = (event: LaneName & Partial<AsyncEvent>) => {
      if (!isRedriven && !isPurged(event.functionName)) return false;
      this.#forget(event.requestId);
      return true;
    };
    const acted = isRedriven ? queue?.redrive(isChosen) : queue?.purge(isChosen, true);
    acted?.catch(() => undefined);
    await this.#await(acted);
  }

  #forget(requestId: string | undefined): void {
    if (requestId === undefined) return;
    this.#seen.started.delete(requestId);
    this.#told.delete(requestId);
    this.#accepted.delete(requestId);
  }

  async #switchOff(): Promise<void> {
    const FunctionName = "plain";
    await this.#call("PutFunctionConcurrency", { FunctionName, ReservedConcurrentExecutions: 0 });
    await this.#storm();
    await this.#call("DeleteFunctionConcurrency", { FunctionName });
  }

  async #pause(): Promise<void> {
    const scale = this.#one([10, second, minute, 10 * minute]);
    await this.#clock.advance(Math.ceil(this.#random.float() * scale));
  }

  /** Faults end, time passes: everything must come to its end. */
  async #end(): Promise<void> {
    if (this.#violations.size > 0) return;
    this.#faults.rate = 0;
    this.#isTroubled = false;
    if (!this.#isAlive) await this.#begin();
    await this.#clock.advance(8 * hour);
    this.#check();
    const left = this.#stored("async/event ").length;
    if (left > 0) this.#violated(`E4 ${left} events are never settled`);
    for (const name of functionNames) {
      const found = await this.#call("GetFunctionConfiguration", { FunctionName: name });
      if (found?.["State"] === "Pending" || found?.["LastUpdateStatus"] === "InProgress") {
        this.#violated(
          `L3 ${name} is ${String(found["State"])}, its update ${String(found["LastUpdateStatus"])}`,
        );
      }
    }
  }

  #take(arn: string, { body, attributes = {} }: DeliveredEvent): void {
    if (this.#isTroubled && this.#random.float() < 0.1) throw new Error("the queue refuses");
    if (arn === corpses) {
      const { RequestID, ErrorCode, ErrorMessage } = attributes;
      if (!RequestID || ErrorCode?.type !== "Number" || !ErrorMessage?.value) {
        return this.#violated("a dead letter came without its three attributes");
      }
      this.#told.set(RequestID.value, ErrorMessage.value);
      return;
    }
    const { requestContext } = JSON.parse(Buffer.from(body).toString()) as {
      readonly requestContext: { readonly requestId: string; readonly condition: string };
    };
    this.#told.set(requestContext.requestId, requestContext.condition);
  }

  /** By the minute, a third of them each. */
  #saturation(): Saturation {
    if (!this.#isTroubled) return "none";
    return (["none", "others", "sandboxes"] as const)[Math.floor(this.#clock.now() / minute) % 3] ?? "none";
  }

  #holdUpMs(): number {
    if (!this.#isTroubled || this.#random.float() > 0.01) return 0;
    this.#heldUp += 1;
    return 40 * minute;
  }

  // Calls.

  /** Undefined: refused, or the life ended first. */
  async #call(operation: string, input: object): Promise<Record<string, unknown> | undefined> {
    let answer: Record<string, unknown> | undefined;
    const sent = this.#send(operation, input, this.#newRequestId());
    await this.#await(sent.then((given) => (answer = given)));
    return answer;
  }

  async #send(
    operation: string,
    input: object,
    requestId: string,
  ): Promise<Record<string, unknown> | undefined> {
    const run = (this.#life?.lambda.operations as Record<string, unknown> | undefined)?.[operation] as
      | ((input: object, ctx: Context) => Promise<Record<string, unknown>>)
      | undefined;
    try {
      const answer = await run?.(input, { ...context, requestId });
      this.#note(`${operation} ${requestId} ok`);
      return answer;
    } catch (error) {
      const { code, message } = error as { readonly code?: string; readonly message?: string };
      this.#note(`${operation} ${requestId} ${code ?? message ?? ""}`);
      // In a stop in good order whoever comes too late is told so.
      if (code === undefined && !this.#isStopping)
        this.#violated(`${operation} failed with ${String(error)}`);
      return undefined;
    }
  }

  #newRequestId(): string {
    this.#requests += 1;
    return `request-${this.#requests}`;
  }

  #one<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.#random.float() * choices.length)] as T;
  }

  // Checks.

  #check(): void {
    const waiting = this.#stored("async/event ").map((value) => value as AsyncEvent);
    const kept = this.#stored("async/failed ").map((value) => value as Failed);
    this.#checkAccepted(waiting, kept);
    this.#checkAttempts(kept);
    if (this.#isAlive) {
      const drift = this.#metric("async_conservation_drift");
      if (drift !== 0) this.#violated(`E4 the drift is ${drift}`);
    }
    const busy = this.#seen.busyMax.get("limited") ?? 0;
    if (busy > limit) this.#violated(`I4 ${busy} invocations of a function that may run ${limit}`);
  }

  /** E1, E2: what was accepted is somewhere. */
  #checkAccepted(waiting: readonly AsyncEvent[], kept: readonly Failed[]): void {
    const present = new Set(
      [...waiting, ...kept.map(({ event }) => event)].map(({ requestId }) => requestId),
    );
    if (present.size !== waiting.length + kept.length) this.#violated("E2 an event is there twice");
    for (const requestId of this.#accepted.keys()) {
      if (present.has(requestId) || this.#seen.succeeded.has(requestId) || this.#told.has(requestId))
        continue;
      this.#violated(`E1 ${requestId} was accepted and is lost`);
    }
  }

  /** E3: no more attempts than there may be, and no fewer before an event is given up for them. */
  #checkAttempts(kept: readonly Failed[]): void {
    for (const [requestId, { lives }] of this.#accepted) {
      const started = this.#seen.started.get(requestId) ?? 0;
      const allowed = 1 + retriesMax + (this.#lives - lives) + this.#heldUp;
      if (started > allowed) this.#violated(`E3 ${requestId} was attempted ${started} times, not ${allowed}`);
    }
    for (const { event, reason } of kept) {
      if (reason !== "RetriesExhausted" || event.failures >= retriesMax) continue;
      this.#violated(`E3 ${event.requestId} was given up after ${event.failures} failures`);
    }
    for (const { event, reason } of kept) {
      if (reason === "RetriesExhausted" && event.invocations <= retriesMax) {
        this.#violated(`E3 ${event.requestId} has used up its retries with ${event.invocations} attempts`);
      }
    }
  }

  /** Each entry is parsed once: a write makes another entry. */
  #stored(prefix: string): unknown[] {
    const found: unknown[] = [];
    for (const entry of this.#state.entries) {
      if (!entry.key.startsWith(prefix)) continue;
      const value = this.#parsed.get(entry) ?? (JSON.parse(Buffer.from(entry.value).toString()) as object);
      this.#parsed.set(entry, value);
      found.push(value);
    }
    return found;
  }

  #metric(name: string): number {
    const line = new RegExp(`^lambdad_${name} (.*)$`, "m").exec(this.#life?.metrics.render() ?? "");
    return Number(line?.[1] ?? 0);
  }

  #violated(text: string): void {
    this.#violations.add(`${text} (at ${this.#clock.monotonic() / 1000} s, step ${this.#steps})`);
  }

  #note(line: string): void {
    this.#hash.update(`${this.#clock.now()} ${line}\n`);
  }
}

const context: Omit<Context, "requestId"> = {
  account,
  region,
  identity: { account, accessKey: undefined, principalArn: `arn:aws:iam::${account}:root`, signed: "none" },
  signal: new AbortController().signal,
  trace: undefined,
  endpoint: "http://127.0.0.1:4566",
  call: async () => ({}),
};
