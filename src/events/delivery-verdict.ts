/**
 * What becomes of a delivery that failed, of rules and of schedules: again later, or never. Pure. Source:
 * map-events-observability 1.7, 2; how long to wait is inferred.
 */

import {
  deliveryAgeSecondsMax,
  deliveryAttemptsMax,
  deliveryBackoffMsMax,
  deliveryBackoffMsMin,
} from "../limits.ts";
import { AwsError } from "../wire/aws-error.ts";
import { NoSuchTarget } from "./deliver.ts";

export interface Failure {
  /** Of dead letters: "NO_PERMISSIONS". */
  readonly code: string;
  readonly message: string;
  readonly isRetriable: boolean;
  /** The target asks for so much patience. */
  readonly retryAfterMs?: number;
  /** It was not its turn: that is no attempt. */
  readonly isUntried?: true;
}

/** A failure that says of itself what it is. */
export class DeliveryFailure extends Error {
  override name = "DeliveryFailure";
  readonly failure: Failure;
  constructor(failure: Failure, options?: ErrorOptions) {
    super(failure.message, options);
    this.failure = failure;
  }
}

export function failureOf(error: unknown): Failure {
  if (error instanceof DeliveryFailure) return error.failure;
  const message = error instanceof Error ? error.message : String(error);
  const final = (code: string): Failure => ({ code, message, isRetriable: false });
  if (error instanceof NoSuchTarget) return final("NO_RESOURCE");
  if (!(error instanceof AwsError)) return { code: "INTERNAL_ERROR", message, isRetriable: true };
  if (/^(ResourceNotFound|QueueDoesNotExist|NotFound|NonExistent)/.test(error.code))
    return final("NO_RESOURCE");
  if (/^(AccessDenied|Authorization)/.test(error.code)) return final("NO_PERMISSIONS");
  if (/Throttl|TooManyRequests|Limit/.test(error.code))
    return { code: "THROTTLING", message, isRetriable: true };
  return error.fault === "server"
    ? { code: "INTERNAL_ERROR", message, isRetriable: true }
    : final("SDK_CLIENT_ERROR");
}

/** What is not given has AWS's default. */
export interface RetryPolicy {
  readonly ageSecondsMax?: number | undefined;
  readonly attemptsMax?: number | undefined;
}

export type Exhausted = "MaximumRetryAttempts" | "MaximumEventAgeInSeconds";

export type Verdict =
  | { readonly kind: "retry"; readonly atMs: number }
  /** `exhausted`: it could be tried again, but not more often. */
  | { readonly kind: "give-up"; readonly exhausted?: Exhausted };

export function verdict(
  failure: Failure,
  retry: RetryPolicy | undefined,
  facts: {
    /** That failed before this one. */
    readonly attempts: number;
    /** When it was to be delivered first. */
    readonly sinceMs: number;
    readonly nowMs: number;
    /** In [0, 1). */
    readonly jitter: number;
  },
): Verdict {
  const { attempts, sinceMs, nowMs, jitter } = facts;
  if (!failure.isRetriable) return { kind: "give-up" };
  if (failure.isUntried) return { kind: "retry", atMs: nowMs + (failure.retryAfterMs ?? 0) };
  if (attempts >= (retry?.attemptsMax ?? deliveryAttemptsMax)) {
    return { kind: "give-up", exhausted: "MaximumRetryAttempts" };
  }
  const longestMs = Math.min(deliveryBackoffMsMax, deliveryBackoffMsMin * 2 ** Math.min(attempts, 30));
  const delayMs = Math.max(failure.retryAfterMs ?? 0, Math.ceil(longestMs * (1 - jitter / 2)));
  const ageMsMax = (retry?.ageSecondsMax ?? deliveryAgeSecondsMax) * 1000;
  if (nowMs + delayMs - sinceMs > ageMsMax) {
    return { kind: "give-up", exhausted: "MaximumEventAgeInSeconds" };
  }
  return { kind: "retry", atMs: nowMs + delayMs };
}
