/** What pollers of event source mappings need of Lambda: which mappings there are, and running their functions. */
import type { Outcome } from "../../runtime/invocation.ts";

/** A mapping that is to be polled. */
export interface PolledMapping {
  readonly uuid: string;
  /** As it was named, with its qualifier. */
  readonly functionArn: string;
  readonly sourceArn: string;
  readonly batchSize: number;
  readonly windowMs: number;
  /** JSON patterns; a record that matches none of them is dropped. Empty: none is. */
  readonly filters: readonly string[];
  readonly reportsBatchItemFailures: boolean;
  /** At most one of these two is set. */
  readonly concurrencyMax: number | undefined;
  readonly pollers: { readonly min: number; readonly max: number } | undefined;
  readonly countsEvents: boolean;
}

export interface MappedFunctions {
  /** Those that are enabled now. */
  enabled(): AsyncIterable<PolledMapping>;
  /** Never throws. */
  onChange(listener: MappedListener): void;
  /** Never rejects. */
  invoke(order: MappedInvoke): Promise<MappedAnswer>;
}

/**
 * `mapping` undefined: it is not to be polled, now or ever. `countsEvents`: what was counted is still asked for, as it is of
 * a mapping that is switched off.
 */
export type MappedListener = (
  uuid: string,
  mapping: PolledMapping | undefined,
  countsEvents: boolean,
) => void;

export interface MappedInvoke {
  readonly functionArn: string;
  /** JSON. */
  readonly payload: Uint8Array;
  /** Of what caused the event; undefined: nothing is known. */
  readonly traceHeader: string | undefined;
}

export type MappedAnswer =
  | { readonly kind: "done"; readonly outcome: Outcome }
  /** `timeoutMs`: the function's, so that the caller knows how long an attempt may take. */
  | { readonly kind: "throttled"; readonly timeoutMs: number }
  /** It has been in this chain of events too often, and was not run. */
  | { readonly kind: "recursive" }
  /** It is not there, cannot run in its state, or we failed. */
  | { readonly kind: "failed"; readonly error: unknown };
