/**
 * Waiting runtimes, ready before a function needs them: a few of each shape that was used lately, and one for each
 * version that was made lately and has not been started yet, as far as the machine has room. Taken one by one, replaced
 * in the background when nothing else is being started, let go when nobody has wanted one for long.
 *
 * Whatever goes wrong with them, a start that finds none here is made for itself: nothing here ever fails a start.
 */
import type { Clock, Timer } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Random } from "../base/random.ts";
import { warmIdleMs, warmPauseMs, warmRefillDelayMs, warmRuntimesMax } from "../limits.ts";
import type { Catalog, VersionSpec } from "./contract.ts";
import { chooseEntrypoint } from "./entrypoint.ts";
import type { Prepared } from "./prepare.ts";
import type { WaitingRuntime } from "./waiting-runtime.ts";
import { bringsBootLibraries, type Shape, shapeOf } from "./warm-shape.ts";

export interface WarmPoolDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: Random;
  readonly catalog: Pick<Catalog, "plan">;
  /** `id`: as `RuntimeApi.open` wants it. Rejects when it cannot; then nothing of it is left. */
  readonly boot: (shape: Shape, id: string) => Promise<WaitingRuntime>;
  /** Waiting runtimes of each shape that is used, at least. */
  readonly count: number;
  /** Nothing is being started. */
  readonly isQuiet: () => boolean;
  /** How many more the machine has memory for. */
  readonly room: () => number;
  /** None of its runtimes can become this version. */
  readonly onPlain: (key: string) => void;
}

/** What is known of a version before it is ever started. */
export type WarmNeed = Pick<VersionSpec, "key" | "runtime" | "variables" | "ephemeralStorageMb" | "memoryMb">;

export interface WarmPool {
  /** One that waits and fits; it is the caller's from now on. Undefined: none. */
  take(spec: VersionSpec, prepared: Prepared): WaitingRuntime | undefined;
  /** Such a function may be started soon. */
  expect(need: WarmNeed): void;
  /** How many wait. */
  readonly size: number;
  /** Destroys those that wait, as the machine needs their memory; resolves when they are gone. Undefined: none waits. */
  shed(): Promise<void> | undefined;
  /** Destroys them all. */
  close(): Promise<void>;
}

/** Those of one shape. */
interface Shelf {
  readonly shape: Shape;
  readonly waiting: WaitingRuntime[];
  wantedAtMs: number;
  /** Versions that may be started soon, and since when. */
  readonly expected: Map<string, number>;
  /** None is booted before, because the last could not be. */
  notBeforeMs: number;
}

export function createWarmPool(deps: WarmPoolDeps): WarmPool {
  return new Shelves(deps);
}

class Shelves implements WarmPool {
  readonly #deps: WarmPoolDeps;
  readonly #shelves = new Map<string, Shelf>();
  readonly #ending = new Set<Promise<void>>();
  #timer: Timer | undefined;
  #booting: Promise<void> | undefined;
  #isClosed = false;

  constructor(deps: WarmPoolDeps) {
    this.#deps = deps;
  }

  get size(): number {
    let total = 0;
    for (const { waiting } of this.#shelves.values()) total += waiting.length;
    return total;
  }

  take(spec: VersionSpec, { plan, argv, mounts, extensions }: Prepared): WaitingRuntime | undefined {
    // External extensions are there before the runtime.
    if (this.#isClosed || extensions.length > 0 || bringsBootLibraries(mounts)) return undefined;
    const shape = shapeOf(spec, plan, argv);
    if (!shape) return undefined;
    const shelf = this.#want(shape);
    shelf.expected.delete(spec.key);
    return shelf.waiting.shift();
  }

  expect(need: WarmNeed): void {
    void this.#expect(need).catch((error: unknown) => {
      this.#deps.logger.warn("a runtime that waits for functions cannot be planned", { error });
    });
  }

  shed(): Promise<void> | undefined {
    if (this.size === 0) return undefined;
    for (const shelf of this.#shelves.values()) this.#clear(shelf);
    return Promise.all(this.#ending).then(() => undefined);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#booting;
    for (const shelf of this.#shelves.values()) this.#clear(shelf);
    await Promise.all(this.#ending);
  }

  async #expect(need: WarmNeed): Promise<void> {
    const plan = await this.#deps.catalog.plan(need.runtime);
    if (this.#isClosed) return;
    const entrypoint = plan.canWait ? await chooseEntrypoint(plan, plan.mounts, need) : undefined;
    const shape = entrypoint?.kind === "argv" ? shapeOf(need, plan, entrypoint.argv) : undefined;
    if (!shape) return this.#deps.onPlain(need.key);
    const { expected } = this.#want(shape);
    if (expected.size < warmRuntimesMax) expected.set(need.key, this.#deps.clock.monotonic());
  }

  #want(shape: Shape): Shelf {
    const wantedAtMs = this.#deps.clock.monotonic();
    const known = this.#shelves.get(shape.key);
    const shelf = known ?? {
      ...{ shape, waiting: [], expected: new Map<string, number>() },
      ...{ wantedAtMs, notBeforeMs: -Infinity },
    };
    shelf.wantedAtMs = wantedAtMs;
    // The map's order is the order of last use.
    this.#shelves.delete(shape.key);
    this.#shelves.set(shape.key, shelf);
    this.#schedule(warmRefillDelayMs);
    return shelf;
  }

  /** A start pushes what is planned further away. */
  #schedule(delayMs: number): void {
    this.#timer?.cancel();
    if (!this.#isClosed) this.#timer = this.#deps.clock.after(delayMs, () => this.#tend());
  }

  #tend(): void {
    if (this.#booting) return;
    this.#retire();
    const shelf = this.#next();
    if (!shelf) {
      if (this.#shelves.size > 0) this.#schedule(warmPauseMs);
      return;
    }
    if (!this.#deps.isQuiet()) return this.#schedule(warmRefillDelayMs);
    this.#booting = this.#boot(shelf).finally(() => {
      this.#booting = undefined;
      this.#schedule(0);
    });
  }

  /** The one used last of those that have too few; for that those used longer ago may have to give one up. */
  #next(): Shelf | undefined {
    const nowMs = this.#deps.clock.monotonic();
    let places = Math.max(0, Math.min(warmRuntimesMax, this.size + this.#deps.room()));
    let next: Shelf | undefined;
    for (const shelf of [...this.#shelves.values()].toReversed()) {
      const target = Math.min(Math.max(this.#deps.count, shelf.expected.size), places);
      places -= target;
      while (shelf.waiting.length > target) this.#drop(shelf);
      if (shelf.waiting.length < target && shelf.notBeforeMs <= nowMs) next ??= shelf;
    }
    return next;
  }

  async #boot(shelf: Shelf): Promise<void> {
    const { boot, clock, logger, random } = this.#deps;
    try {
      const runtime = await boot(shelf.shape, `${random.hex(12)}-w`);
      if (this.#isClosed) return await runtime.destroy();
      shelf.waiting.push(runtime);
      void runtime.sandbox.exited.then(() => this.#died(shelf, runtime));
    } catch (error) {
      shelf.notBeforeMs = clock.monotonic() + warmPauseMs;
      logger.warn("a runtime could not be started ahead of its use", { error });
    }
  }

  #died(shelf: Shelf, runtime: WaitingRuntime): void {
    const index = shelf.waiting.indexOf(runtime);
    if (index < 0) return; // it has become a function's, or was let go
    shelf.waiting.splice(index, 1);
    shelf.notBeforeMs = this.#deps.clock.monotonic() + warmPauseMs;
    this.#deps.logger.warn("a runtime that waited for a function ended", { sandbox: runtime.sandbox.id });
    this.#end(runtime);
  }

  #retire(): void {
    const wantedAtMsMin = this.#deps.clock.monotonic() - warmIdleMs;
    for (const shelf of [...this.#shelves.values()]) {
      for (const [key, sinceMs] of shelf.expected) if (sinceMs <= wantedAtMsMin) shelf.expected.delete(key);
      if (shelf.wantedAtMs > wantedAtMsMin) continue;
      this.#clear(shelf);
      this.#shelves.delete(shelf.shape.key);
    }
  }

  #drop({ waiting }: Shelf): void {
    const runtime = waiting.shift();
    if (runtime) this.#end(runtime);
  }

  #clear({ waiting }: Shelf): void {
    for (const runtime of waiting.splice(0)) this.#end(runtime);
  }

  #end(runtime: WaitingRuntime): void {
    const ended = runtime
      .destroy()
      .catch((error: unknown) => this.#deps.logger.error("a waiting runtime was not destroyed", { error }))
      .finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
  }
}
