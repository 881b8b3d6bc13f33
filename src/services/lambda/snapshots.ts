/**
 * Snapshots of SnapStart behind the caller's back: a version that was published with it waits until one is made, then
 * becomes Active, or Failed. The record is the only truth of what is under way: a restart takes it up, and has snapshots
 * made anew for the versions that were Active.
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Invoker } from "../../invoke/contract.ts";
import { lambdaSnapshotTimeoutMs } from "../../limits.ts";
import type { VersionSpec } from "../../runtime/contract.ts";
import { Background } from "./background.ts";
import { functionNotFound } from "./errors.ts";
import type { Failure, FunctionRecord, Version } from "./domain/function.ts";
import { specOf } from "./domain/function.ts";
import type { FunctionId } from "./domain/function-ref.ts";
import { arnOf } from "./domain/function-ref.ts";
import type { Stamp } from "./domain/lifecycle.ts";
import { snapshotEnded } from "./domain/lifecycle.ts";
import type { Functions } from "./store.ts";

export interface SnapshotsDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly functions: Functions;
  readonly invoker: Pick<Invoker, "snapshot" | "expectSnapshot">;
  readonly stamp: () => Stamp;
}

export class Snapshots {
  readonly #deps: SnapshotsDeps;
  readonly #background: Background;
  /** Keys of the specs that are under way. */
  readonly #making = new Set<string>();

  constructor(deps: SnapshotsDeps) {
    this.#deps = deps;
    this.#background = new Background(deps);
    deps.functions.onChange((_before, after) => {
      if (after) this.#makeFor(after);
    });
  }

  resume(): void {
    this.#background.run("resumption of snapshots", async () => {
      for await (const { id, nextVersion } of this.#deps.functions.heads()) {
        if (this.#background.stopping.aborted) return;
        const fn = nextVersion > 1 ? await this.#deps.functions.get(id) : undefined;
        if (!fn) continue;
        this.#makeFor(fn);
        for (const version of fn.versions) {
          const { lifecycle, configuration } = version;
          if (lifecycle.kind !== "active" || !configuration.snapStart) continue;
          this.#deps.invoker.expectSnapshot(specOf(id, String(version.number), configuration));
        }
      }
    });
  }

  stop(): Promise<void> {
    return this.#background.stop();
  }

  #makeFor({ id, versions }: FunctionRecord): void {
    for (const version of versions) {
      if (version.lifecycle.kind !== "snapshotting") continue;
      const spec = specOf(id, String(version.number), version.configuration);
      if (this.#making.has(spec.key)) continue;
      this.#making.add(spec.key);
      this.#background.run("making a snapshot", () => this.#make(id, version, spec));
    }
  }

  async #make(id: FunctionId, { number, configuration }: Version, spec: VersionSpec): Promise<void> {
    const { functions, stamp } = this.#deps;
    try {
      const failure = await this.#failureOf(spec);
      if (this.#background.stopping.aborted) return;
      const end = { number, changeId: configuration.changeId, failure };
      await functions.change(
        id,
        () => functionNotFound(arnOf(id)),
        (current) => ({ fn: snapshotEnded(current, end, stamp()) }),
      );
    } finally {
      this.#making.delete(spec.key);
    }
  }

  /** Undefined: there is one. */
  async #failureOf(spec: VersionSpec): Promise<Failure | undefined> {
    const given = new AbortController();
    const signal = AbortSignal.any([this.#background.stopping, given.signal]);
    const timeout = this.#deps.clock.sleep(lambdaSnapshotTimeoutMs, signal).then(
      () => tooLate,
      () => undefined,
    );
    const made = this.#deps.invoker
      .snapshot(spec)
      .then((why) => (why === undefined ? undefined : initFailed));
    try {
      return await Promise.race([made, timeout]);
    } finally {
      given.abort();
    }
  }
}

/** The text is recalled. */
const initFailed: Failure = {
  reason:
    "AWS Lambda could not invoke your SnapStart function. If this error persists, check your function's CloudWatch logs for initialization errors.",
  reasonCode: "FunctionError",
};

const tooLate: Failure = { reason: "The snapshot was not made in time.", reasonCode: "InternalError" };
