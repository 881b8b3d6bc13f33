/** What becomes of a delivery after an attempt. Pure. Source: map-sqs-sns-s3 2.7. */
import { type RetryPolicy, retryDelayMs } from "./retry.ts";

export type AttemptResult =
  | { readonly kind: "delivered" }
  /** Nobody is to get it any more. */
  | { readonly kind: "moot" }
  /** It takes no more for the moment; nothing was tried. */
  | { readonly kind: "wait"; readonly delayMs: number }
  /** It would refuse again: it is not there, permission is missing, the message is not to its taste. */
  | { readonly kind: "refused"; readonly error: unknown }
  /** It may take it later. */
  | { readonly kind: "failed"; readonly error: unknown; readonly retry: RetryPolicy };

export type NextStep =
  | { readonly kind: "end" }
  | { readonly kind: "wait"; readonly delayMs: number }
  | { readonly kind: "retry"; readonly delayMs: number }
  /** To the dead-letter queue. */
  | { readonly kind: "bury" }
  /** There is no dead-letter queue, or it takes nothing either. */
  | { readonly kind: "lose" };

export function nextStep(
  result: AttemptResult,
  delivery: { readonly failures: number; readonly stage: "endpoint" | "dead-letter" },
  hasDeadLetterQueue: boolean,
): NextStep {
  const giveUp: NextStep =
    hasDeadLetterQueue && delivery.stage === "endpoint" ? { kind: "bury" } : { kind: "lose" };
  switch (result.kind) {
    case "delivered":
    case "moot":
      return { kind: "end" };
    case "wait":
      return result;
    case "refused":
      return giveUp;
    case "failed": {
      const delayMs = retryDelayMs(result.retry, delivery.failures + 1);
      return delayMs === undefined ? giveUp : { kind: "retry", delayMs };
    }
  }
}
