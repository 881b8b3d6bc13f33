/**
 * An asynchronous event on its way, as the store keeps it, and what the queue needs to know about functions. Immutable:
 * a retry or the step from invoking to delivering is another record in the place of this one.
 */
import { formatArn } from "../../base/arn.ts";
import type { Outcome } from "../../runtime/invocation.ts";

export interface AsyncEvent {
  /** Ours: names the payload, and keeps order among events of one millisecond. */
  readonly id: string;
  /** What the function sees, the same in each attempt. */
  readonly requestId: string;
  readonly account: string;
  readonly region: string;
  readonly functionName: string;
  /** Version or alias as the caller named it. */
  readonly qualifier?: string;
  /** What sent it, where it was a service and not a caller of the API. */
  readonly sourceArn?: string;
  /** As received; the lineage is continued in each attempt. */
  readonly traceHeader: string;
  /** Decoded JSON. */
  readonly clientContext?: string;
  readonly payloadBytes: number;
  readonly acceptedAtMs: number;
  /** Not before this. */
  readonly dueAtMs: number;
  /** Attempts in which the function ran: `approximateInvokeCount`. */
  readonly invocations: number;
  /** Attempts that ended in the function's own error; these use up retries. */
  readonly failures: number;
  readonly stage: Stage;
}

/** First the function, then those who want to know how it ended. */
export type Stage =
  | { readonly kind: "invoke" }
  | {
      readonly kind: "deliver";
      readonly ending: Ending;
      /** Never empty; the first is next. */
      readonly to: readonly Recipient[];
      /** ARNs that were given up. */
      readonly lost: readonly string[];
    };

export interface Recipient {
  readonly arn: string;
  readonly as: "destination" | "dead-letter";
  /** Deliveries that were refused. */
  readonly refusals: number;
}

/** How an event ended. AWS's words; the last two are inferred. */
export type Condition =
  | "Success"
  | "RetriesExhausted"
  | "EventAgeExceeded"
  | "ZeroReservedConcurrency"
  | "RecursiveInvocation";

export interface Ending {
  readonly condition: Condition;
  readonly atMs: number;
  /** Of the last attempt; absent when this attempt did not run the function. */
  readonly response?: EndingResponse;
}

/** What the function answered is kept beside the event: it may be large. */
export interface EndingResponse {
  readonly executedVersion: string;
  readonly isFunctionError: boolean;
}

/** What a caller hands in. */
export interface NewEvent {
  readonly requestId: string;
  readonly account: string;
  readonly region: string;
  readonly functionName: string;
  readonly qualifier: string | undefined;
  readonly sourceArn?: string | undefined;
  readonly traceHeader: string;
  readonly clientContext: string | undefined;
  /** JSON. */
  readonly payload: Uint8Array;
}

/** Looked up at each attempt, by the qualifier that the event was sent to. */
export interface AsyncSettings {
  readonly retriesMax: number;
  readonly ageMsMax: number;
  readonly onSuccessArn: string | undefined;
  readonly onFailureArn: string | undefined;
  readonly deadLetterArn: string | undefined;
}

/** What became of one attempt to run the function. */
export type Attempt =
  | {
      readonly kind: "done";
      readonly outcome: Outcome;
      readonly executedVersion: string;
      /** How long the function itself took. */
      readonly durationMs: number;
    }
  /** No permit was free. */
  | { readonly kind: "throttled" }
  /** We could not run it, or it cannot run in its state. */
  | { readonly kind: "system-error"; readonly error: unknown }
  /** Reserved concurrency 0: nothing is to run. */
  | { readonly kind: "switched-off" }
  | { readonly kind: "recursive" }
  /** There is no such function, version or alias any more. */
  | { readonly kind: "gone" };

/** What the queue asks of whoever has the functions. Never rejects for what an `Attempt` can say. */
export interface AsyncFunctions {
  settingsOf(event: AsyncEvent): Promise<AsyncSettings>;
  attempt(event: AsyncEvent, payload: Uint8Array): Promise<Attempt>;
  /** Calls `wake` when an invocation of this function has given its permit back. */
  onPermitFree(wake: (freed: LaneName) => void): void;
}

/** Whose events wait in one line. */
export interface LaneName {
  readonly account: string;
  readonly region: string;
  readonly functionName: string;
}

export function unqualifiedArn({ account, region, functionName }: LaneName): string {
  return formatArn({ service: "lambda", region, account, resource: `function:${functionName}` });
}

/** The queue as those see it who hand events in and run them. */
export interface AsyncEvents {
  /** Resolves when the event is durable (E1). Throws `QueueFull` and `StoreError`: then it was not accepted. */
  append(made: NewEvent): Promise<void>;
  /** Takes up what is in the store and begins to work; until then `append` waits. Resolves to what stops it. */
  work(functions: AsyncFunctions): Promise<() => Promise<void>>;
}

/** More is queued than the disk is to hold. The event was not accepted. */
export class QueueFull extends Error {
  override name = "QueueFull";
}
