/**
 * Provisioned concurrency behind the caller's back: after each change of a function that has some, the invoke engine is
 * told what it is to keep ready; how far that has come is read from the engine. The record is the only truth of what is
 * wanted: a restart tells the engine anew.
 */
import type { Invoker, Provision } from "../../invoke/contract.ts";
import type { FunctionHead } from "./collections.ts";
import type { FunctionRecord } from "./domain/function.ts";
import { findRevision, servingOf, specOf } from "./domain/function.ts";
import { arnOf } from "./domain/function-ref.ts";
import type { ProvisionedConcurrency } from "./domain/provisioned.ts";
import { provisionedByVersion, targetsOf } from "./domain/provisioned.ts";
import type { Functions } from "./store.ts";

export interface ProvisioningState {
  readonly status: "IN_PROGRESS" | "READY" | "FAILED";
  /** AWS's StatusReason. */
  readonly reason: string | undefined;
  /** Environments that are there. */
  readonly allocated: number;
}

export class Provisioning {
  readonly #invoker: Pick<Invoker, "provision" | "provisioned">;
  readonly #functions: Functions;

  constructor(deps: {
    readonly invoker: Pick<Invoker, "provision" | "provisioned">;
    readonly functions: Functions;
  }) {
    this.#invoker = deps.invoker;
    this.#functions = deps.functions;
    deps.functions.onChange((before, after) => {
      if (hasAny(before) || hasAny(after)) this.#tell(before ?? after, after);
    });
  }

  /** After a restart: environments are gone, what is wanted of them is not. */
  async resume(): Promise<void> {
    for await (const head of this.#functions.heads()) {
      const fn = hasAny(head) ? await this.#functions.get(head.id) : undefined;
      if (fn) this.#tell(fn, fn);
    }
  }

  stateOf(fn: FunctionRecord, qualifier: string, { requested }: ProvisionedConcurrency): ProvisioningState {
    let allocated = 0;
    let reason: string | undefined;
    for (const { version, count } of targetsOf(fn, qualifier, requested)) {
      const [wanted] = provisionsOf(fn, new Map([[version, count]]));
      const state = wanted && this.#invoker.provisioned(wanted.spec.key);
      allocated += Math.min(count, state?.ready ?? 0);
      reason ??= state?.failure;
    }
    if (allocated >= requested) return { status: "READY", reason: undefined, allocated };
    return { status: reason === undefined ? "IN_PROGRESS" : "FAILED", reason, allocated };
  }

  #tell(named: FunctionRecord | undefined, fn: FunctionRecord | undefined): void {
    if (!named) return;
    this.#invoker.provision(arnOf(named.id), fn ? provisionsOf(fn, provisionedByVersion(fn)) : []);
  }
}

/** Of versions that run; others have nothing to be kept ready. */
function provisionsOf(fn: FunctionRecord, counts: ReadonlyMap<string, number>): Provision[] {
  return [...counts].flatMap(([version, count]) => {
    const revision = findRevision(fn, version)?.revision;
    const serving = revision && servingOf(revision);
    return serving && count > 0 ? [{ spec: specOf(fn.id, version, serving), count }] : [];
  });
}

function hasAny(fn: Pick<FunctionHead, "settings"> | undefined): boolean {
  return fn !== undefined && Object.keys(fn.settings.provisioned).length > 0;
}
