/**
 * Stops functions that invoke themselves without end: each invocation continues the lineage in its trace header, and one
 * too many is not made, unless the function allows it. What counts is in `events/lineage.ts`.
 */
import type { Metrics } from "../../base/metrics.ts";
import { continued, lineageHash } from "../../events/lineage.ts";
import type { VersionSpec } from "../../runtime/contract.ts";
import type { InvokeTarget } from "./targets.ts";

export type Recursion = ReturnType<typeof createRecursion>;

export function createRecursion({ metrics }: { readonly metrics: Metrics }) {
  const hashes = new WeakMap<VersionSpec, string>();
  const dropped = metrics.counter(
    "lambdad_recursive_invocations_dropped_total",
    "Invocations stopped because their chain was too long",
  );

  /** The header that the function gets; undefined: it must not be invoked. Counts what it stops. */
  return (target: Pick<InvokeTarget, "fn" | "spec">, traceHeader: string): string | undefined => {
    const { fn, spec } = target;
    const hash = hashes.get(spec) ?? lineageHash(spec.functionArn);
    hashes.set(spec, hash);
    const lineage = continued(traceHeader, hash);
    if (!lineage.isRecursive || fn.settings.recursiveLoop === "Allow") return lineage.traceHeader;
    dropped.add();
    return undefined;
  };
}
