/**
 * From what a caller names to what runs: function → alias and its weights → version → the spec that environments are made
 * from, with the concurrency that it may use. Reads nothing from the disk once a function is known; decides nothing about
 * who may call.
 */
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { newTraceHeader, wholeTraceHeader } from "../../base/trace.ts";
import type { InvokeOrder } from "../../invoke/contract.ts";
import type { VersionSpec } from "../../runtime/contract.ts";
import { functionNotFound } from "./errors.ts";
import { unreservedConcurrency } from "./domain/account.ts";
import { chosenVersion } from "./domain/alias.ts";
import type { Configuration, FunctionRecord, Revision } from "./domain/function.ts";
import { findAlias, findRevision, specOf } from "./domain/function.ts";
import type { FunctionId, FunctionRef } from "./domain/function-ref.ts";
import { arnOf, arnOfRef, latest } from "./domain/function-ref.ts";
import { requireServing } from "./domain/lifecycle.ts";
import { provisionedByVersion, provisionedTotal } from "./domain/provisioned.ts";
import type { Functions, Known } from "./store.ts";

/** How much of the invoke engine this version may use. */
export type Shares = Pick<
  InvokeOrder,
  "reservedConcurrency" | "unreservedConcurrency" | "provisionedConcurrency"
>;

export interface InvokeTarget {
  readonly fn: FunctionRecord;
  readonly configuration: Configuration;
  readonly spec: VersionSpec;
  /** As it was named, with the alias or version if there was one. */
  readonly invokedFunctionArn: string;
  readonly shares: Shares;
}

export type Targets = ReturnType<typeof createTargets>;

export function createTargets(deps: {
  readonly functions: Functions;
  readonly clock: Clock;
  readonly random: Random;
}) {
  const { functions, clock, random } = deps;
  const specs = new WeakMap<Configuration, Map<string, VersionSpec>>();

  /** Throws AWS's error when there is no such thing or it cannot run in its state. */
  async function resolve(ref: FunctionRef): Promise<InvokeTarget> {
    const { id, qualifier } = ref;
    const known = functions.cached(id) ?? (await functions.known(id));
    const found = known && findRevision(known.fn, routed(known.fn, qualifier));
    if (!found) throw functionNotFound(arnOf(id, qualifier ?? latest));
    const configuration = requireServing(found.revision);
    return {
      fn: known.fn,
      configuration,
      spec: specFor(id, found.version, configuration),
      invokedFunctionArn: arnOfRef(ref),
      shares: sharesOf(known, found.version),
    };
  }

  /** Throws AWS's error when there is no such function, version or alias, whatever its state. */
  async function find({ id, qualifier }: FunctionRef): Promise<Revision> {
    const fn = (functions.cached(id) ?? (await functions.known(id)))?.fn;
    const found = fn && findRevision(fn, qualifier);
    if (!found) throw functionNotFound(arnOf(id, qualifier ?? latest));
    return found.revision;
  }

  /** The version that an alias sends this invocation to; any other qualifier stays as it is. */
  function routed(fn: FunctionRecord, qualifier: string | undefined): string | undefined {
    const alias = qualifier === undefined ? undefined : findAlias(fn, qualifier);
    return alias ? chosenVersion(alias, random.float()) : qualifier;
  }

  /** One object for each version, so that the pool meets the same spec again. */
  function specFor(id: FunctionId, version: string, configuration: Configuration): VersionSpec {
    const byVersion = specs.get(configuration) ?? new Map<string, VersionSpec>();
    const spec = byVersion.get(version) ?? specOf(id, version, configuration);
    specs.set(configuration, byVersion.set(version, spec));
    return spec;
  }

  /** The trace that an invocation belongs to: the caller's, or a new one. Where nobody has decided, the function's setting does. */
  function traceOf({ tracing }: Configuration, given: string | undefined): string {
    const isSampled = tracing === "Active";
    return given === undefined
      ? newTraceHeader(clock, random, isSampled)
      : wholeTraceHeader(given, { clock, random, isSampled });
  }

  return { resolve, find, traceOf };
}

/** What is provisioned is taken from the function's reservation, or is not in the unreserved pool any more. */
function sharesOf({ fn, account }: Known, version: string): Shares {
  const total = provisionedTotal(fn);
  const { reservedConcurrency: reserved } = fn;
  return {
    reservedConcurrency: reserved === undefined ? undefined : Math.max(0, reserved - total),
    unreservedConcurrency: unreservedConcurrency(account),
    provisionedConcurrency: total === 0 ? 0 : (provisionedByVersion(fn).get(version) ?? 0),
  };
}
