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
  readonly concurrencyMax: number | undefined;
}

export interface MappedFunctions {
  /** Those that are enabled now. */
  enabled(): AsyncIterable<PolledMapping>;
  /** `mapping` undefined: it is not to be polled, now or ever. Never throws. */
  onChange(listener: (uuid: string, mapping: PolledMapping | undefined) => void): void;
  /** Never rejects. */
  invoke(order: MappedInvoke): Promise<MappedAnswer>;
}

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
