/**
 * When a delivery that failed is tried again: at once, then in short steps, then in growing ones, then in long ones, then
 * never. Pure. Source: "Amazon SNS message delivery retries", map-sqs-sns-s3 2.7.
 */

export type Backoff = "linear" | "arithmetic" | "geometric" | "exponential";

export interface RetryPolicy {
  /** How many in each phase. */
  readonly immediate: number;
  readonly beforeBackoff: number;
  readonly backoff: number;
  readonly afterBackoff: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly curve: Backoff;
}

/** Of SQS and Lambda when they fail, not when they refuse: 100,015 in 23 days. */
export const serviceRetryPolicy: RetryPolicy = {
  immediate: 3,
  beforeBackoff: 2,
  backoff: 10,
  afterBackoff: 100_000,
  minMs: 1000,
  maxMs: 20_000,
  curve: "exponential",
};

/** After so many failed attempts (1: the first); undefined: it is given up. */
export function retryDelayMs(policy: RetryPolicy, failures: number): number | undefined {
  const { immediate, beforeBackoff, backoff, afterBackoff, minMs, maxMs } = policy;
  let at = failures - 1;
  if (at < immediate) return 0;
  at -= immediate;
  if (at < beforeBackoff) return minMs;
  at -= beforeBackoff;
  if (at < backoff) return Math.round(onCurve(policy, at));
  at -= backoff;
  return at < afterBackoff ? maxMs : undefined;
}

/** inferred: AWS draws the curves and gives no formula. From `minMs` to `maxMs` in as many steps as there are. */
function onCurve({ backoff, minMs, maxMs, curve }: RetryPolicy, at: number): number {
  if (backoff === 1) return minMs;
  const steps = backoff - 1;
  switch (curve) {
    case "linear":
      return minMs + ((maxMs - minMs) * at) / steps;
    case "arithmetic": // each step is longer than the one before by the same
      return minMs + ((maxMs - minMs) * at * (at + 1)) / (steps * (steps + 1));
    case "geometric": // each delay is the same multiple of the one before
      return minMs * (maxMs / minMs) ** (at / steps);
    case "exponential": // each step is twice the one before
      return minMs + ((maxMs - minMs) * (2 ** at - 1)) / (2 ** steps - 1);
  }
}
