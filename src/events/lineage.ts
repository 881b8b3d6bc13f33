/**
 * Recursion detection: how often each function has been invoked in one chain of events, carried in the trace header as
 * `Lineage=<hash>:<count>|<hash>:<count>`. SDKs pass the header on; a function whose count is used up is not invoked
 * again (E5). Pure. Source: lambda-map 4.7, 6.4; the list of several functions is inferred.
 */
import { createHash } from "node:crypto";
import { lineageFunctionsMax, recursionDepthMax } from "../limits.ts";

export interface Lineage {
  /** The header for this invocation, with the function counted. */
  readonly traceHeader: string;
  /** The function has been in this chain too often, or the chain has too many functions. */
  readonly isRecursive: boolean;
}

/** 8 hex digits that stand for a function in a header. */
export function lineageHash(functionArn: string): string {
  return createHash("sha256").update(functionArn).digest("hex").slice(0, 8);
}

/** The chain with one more invocation of the function that `hash` stands for. */
export function continued(traceHeader: string, hash: string): Lineage {
  // Nearly always the chain begins here; this is on the way of every invocation.
  if (!begunOrUneven.test(traceHeader)) {
    return { traceHeader: `${traceHeader};Lineage=${hash}:1`, isRecursive: false };
  }
  const parts = traceHeader.split(";").filter((part) => part !== "");
  const counts = countsOf(parts.find(isLineage));
  const before = counts.get(hash) ?? 0;
  counts.set(hash, before + 1);
  const lineage = [...counts].map(([name, count]) => `${name}:${count}`).join("|");
  return {
    traceHeader: [...parts.filter((part) => !isLineage(part)), `Lineage=${lineage}`].join(";"),
    isRecursive: before >= recursionDepthMax || counts.size > lineageFunctionsMax,
  };
}

/** A header with a lineage already, or with an empty part. */
const begunOrUneven = /lineage=|;;|^;|;$|^$/i;

function isLineage(part: string): boolean {
  return /^lineage=/i.test(part.trim());
}

/** What cannot be read counts for nothing: a client may send any header. */
function countsOf(part: string | undefined): Map<string, number> {
  const counts = new Map<string, number>();
  for (const entry of part?.slice(part.indexOf("=") + 1).split("|", lineageFunctionsMax + 1) ?? []) {
    const match = /^(?:\d+:)?([0-9a-f]{1,64}):(\d{1,6})$/.exec(entry.trim());
    if (match?.[1] !== undefined) counts.set(match[1], Number(match[2]));
  }
  return counts;
}
