/**
 * Which records of a batch a function has accepted (M1). Pure. Source: lambda-map 7.3, Lambda's "Implementing partial batch
 * responses".
 *
 * With ReportBatchItemFailures, nothing (`{}`, null, no list, an empty list) means that all went well, and whatever is
 * not an answer of that form means that nothing did.
 */
import type { MappedAnswer } from "./port.ts";

export interface BatchResult {
  /** Positions in the batch. */
  readonly accepted: readonly number[];
  /** As a whole or in parts: "partial" is how a function says which. */
  readonly kind: "success" | "partial" | "failure";
}

/** `ids`: of the records, in the batch's order. */
export function batchResult(
  answer: MappedAnswer,
  ids: readonly string[],
  reportsFailures: boolean,
): BatchResult {
  if (answer.kind !== "done" || answer.outcome.kind !== "success") return failure;
  const all = [...ids.keys()];
  if (!reportsFailures) return { accepted: all, kind: "success" };
  const failed = failedIds(Buffer.from(answer.outcome.payload).toString());
  if (!failed || failed.some((id) => !ids.includes(id))) return failure;
  if (failed.length === 0) return { accepted: all, kind: "success" };
  const accepted = all.filter((at) => !failed.includes(ids[at] ?? ""));
  return { accepted, kind: "partial" };
}

const failure: BatchResult = { accepted: [], kind: "failure" };

/** Undefined: the answer has not the form. */
function failedIds(payload: string): readonly string[] | undefined {
  const answer = parsed(payload);
  if (answer === null) return [];
  if (typeof answer !== "object" || Array.isArray(answer)) return undefined;
  const { batchItemFailures: items, ...others } = answer as { readonly batchItemFailures?: unknown };
  if (items === undefined) return Object.keys(others).length === 0 ? [] : undefined; // recorded
  if (items === null) return [];
  if (!Array.isArray(items)) return undefined;
  const ids = items.map((item) => (item as { readonly itemIdentifier?: unknown } | null)?.itemIdentifier);
  return ids.every((id) => typeof id === "string" && id !== "") ? (ids as string[]) : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
