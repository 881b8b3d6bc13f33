/**
 * Makes a created or changed function ready, behind the caller's back: unpacks its code, plans its runtime, then ends
 * the wait in its record, retires the environments of the old configuration and removes code that nobody needs.
 *
 * The record is the only truth of what is under way, so that a restart takes up what a crash has interrupted. Pending
 * always ends (L3): by success, by failure, or when `activationTimeoutMs` has passed.
 */
import { arnInRegion } from "../../base/arn.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Invoker } from "../../invoke/contract.ts";
import { lambdaActivationTimeoutMs } from "../../limits.ts";
import type { Catalog, CodeMounts, VersionSpec } from "../../runtime/contract.ts";
import { RuntimeUnavailable, ZipError } from "../../runtime/contract.ts";
import { Background } from "./background.ts";
import { codeChange } from "./collections.ts";
import type { CodeStore } from "./code-store.ts";
import { functionNotFound } from "./errors.ts";
import type { Configuration, FunctionRecord } from "./domain/function.ts";
import { liveKeys, specOf } from "./domain/function.ts";
import type { FunctionId } from "./domain/function-ref.ts";
import { arnOf, latest } from "./domain/function-ref.ts";
import type { ActivationEnd, Stamp } from "./domain/lifecycle.ts";
import { activationEnded, awaitedChange } from "./domain/lifecycle.ts";
import type { Functions } from "./store.ts";

export interface ActivationDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly functions: Functions;
  readonly codeStore: CodeStore;
  readonly codeMounts: Pick<CodeMounts, "mount" | "mountLayers">;
  readonly catalog: Pick<Catalog, "plan">;
  readonly invoker: Pick<Invoker, "retire">;
  /** Told of each version that may be invoked soon. */
  readonly expect?: ((spec: VersionSpec) => void) | undefined;
  readonly stamp: () => Stamp;
}

export class Activation {
  readonly #deps: ActivationDeps;
  readonly #background: Background;

  constructor(deps: ActivationDeps) {
    this.#deps = deps;
    this.#background = new Background(deps);
  }

  /** Call after the commit that made a function pending or updating; `before`: what it was before, if anything. */
  begin(after: FunctionRecord, before?: FunctionRecord): void {
    this.#background.run("activation", () => this.#activate(after.id));
    // Code of a failed update that this one replaces: no environment has ever run it.
    for (const sha256 of before ? codeChange(before, after).dropped : []) this.sweep(sha256);
  }

  /** Call after a commit that took versions or code away. */
  retire(before: FunctionRecord, after: FunctionRecord | undefined): void {
    this.#background.run("retirement", () => this.#retire(before, after));
  }

  /** Removes this content if nobody needs it. */
  sweep(sha256: string): void {
    this.#background.run("sweep of code", () => this.#deps.codeStore.sweep([sha256]));
  }

  /** Takes up what was under way when the process ended. */
  resume(): void {
    this.#background.run("resumption", async () => {
      for await (const head of this.#deps.functions.heads()) {
        if (this.#background.stopping.aborted) return;
        if (awaitedChange({ ...head, versions: [] })) {
          this.#background.run("activation", () => this.#activate(head.id));
        }
      }
      await this.#deps.codeStore.sweepMarked();
    });
  }

  /** What is under way is given up; the next start takes it up. */
  stop(): Promise<void> {
    return this.#background.stop();
  }

  async #activate(id: FunctionId): Promise<void> {
    const fn = await this.#deps.functions.get(id);
    const configuration = fn && awaitedChange(fn);
    if (!configuration) return;
    const end = await this.#prepare(configuration, id.region);
    if (!end) return;
    const change = { changeId: configuration.changeId, end };
    const { before, fn: after } = await this.#deps.functions.change(
      id,
      () => functionNotFound(arnOf(id)),
      (current) => ({ fn: activationEnded(current, change, this.#deps.stamp()) }),
    );
    if (end.kind === "ready") this.#deps.expect?.(specOf(id, latest, configuration));
    await this.#retire(before, after);
  }

  /** Undefined: lambdad is being stopped. */
  async #prepare(configuration: Configuration, region: string): Promise<ActivationEnd | undefined> {
    const { clock, codeMounts, catalog } = this.#deps;
    const given = new AbortController();
    const stopped = AbortSignal.any([this.#background.stopping, given.signal]);
    const timeout = clock.sleep(lambdaActivationTimeoutMs, stopped).then(
      () => timedOut,
      () => undefined,
    );
    const layers = configuration.layers.map(({ code }) => code.sha256);
    const ready = Promise.all([
      catalog.plan(configuration.runtime),
      codeMounts.mount(configuration.code.sha256),
      layers.length > 0 ? codeMounts.mountLayers(layers) : undefined,
    ]);
    const end = ready.then(
      ([plan]): ActivationEnd => ({
        kind: "ready",
        runtimeVersionArn: arnInRegion(plan.runtimeVersionArn, region),
      }),
      (error: unknown) => this.#failure(error),
    );
    try {
      return await Promise.race([end, timeout]);
    } finally {
      given.abort();
    }
  }

  #failure(error: unknown): ActivationEnd {
    if (error instanceof RuntimeUnavailable) {
      return { kind: "failed", reason: error.message, reasonCode: "InvalidRuntime" };
    }
    if (error instanceof ZipError) {
      return { kind: "failed", reason: error.message, reasonCode: "InvalidZipFileException" };
    }
    this.#deps.logger.error("a function could not be activated", { error });
    return { kind: "failed", reason: "An internal error occurred.", reasonCode: "InternalError" };
  }

  async #retire(before: FunctionRecord, after: FunctionRecord | undefined): Promise<void> {
    const keep = after ? liveKeys(after) : [];
    const gone = liveKeys(before).filter((key) => !keep.includes(key));
    await this.#deps.invoker.retire(arnOf(before.id), keep, gone);
    await this.#deps.codeStore.sweep(codeChange(before, after).dropped);
  }
}

const timedOut: ActivationEnd = {
  kind: "failed",
  reason: "The function did not become ready in time.",
  reasonCode: "InternalError",
};
