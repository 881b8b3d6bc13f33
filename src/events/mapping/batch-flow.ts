/** What a batch looks like to those who look on. Pure. */
import type { Flow } from "../trail.ts";
import type { BatchResult } from "./batch-result.ts";
import type { MappedAnswer } from "./port.ts";

/** `answer` undefined: it was throttled for as long as its records were held. */
export function batchOutcome(
  answer: MappedAnswer | undefined,
  result: BatchResult | undefined,
  records: number,
): Pick<Flow, "result" | "detail"> {
  if (!answer || answer.kind === "throttled") return { result: "throttled" };
  if (answer.kind === "recursive") return { result: "refused", detail: "recursive" };
  if (answer.kind === "failed") {
    return { result: "failed", detail: answer.error instanceof Error ? answer.error.message : "no answer" };
  }
  const { outcome } = answer;
  if (outcome.kind === "timeout") return { result: "failed", detail: "timeout" };
  if (outcome.kind !== "success") return { result: "failed", detail: outcome.errorType };
  const failed = records - (result?.accepted.length ?? 0);
  return failed === 0 ? { result: "ok" } : { result: "failed", detail: `${failed} of ${records} records` };
}
