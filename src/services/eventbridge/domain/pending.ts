/** A delivery that has not ended: which rule's target gets which event, and how often it was tried. */
import type { RuleName } from "./names.ts";

export interface Pending {
  /** What the event lies under in the store. */
  readonly eventKey: string;
  readonly to: readonly Recipient[];
  /** That have failed. */
  readonly attempts: number;
  readonly ingestedAtMs: number;
  readonly traceHeader: string;
  /** From bus to bus. */
  readonly hops: number;
}

export interface Recipient extends RuleName {
  readonly targetId: string;
}
