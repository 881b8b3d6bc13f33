/**
 * What the Runtime API asks of an environment. The endpoints speak HTTP, the environment decides; neither knows the
 * other's side. Every call answers at once; a refusal has changed nothing.
 */
import type { Refusal } from "../state.ts";
import type { ErrorReport } from "../error-report.ts";

export interface RuntimePort {
  /** The runtime asks for its next event and keeps asking until one is delivered or the poll is lost. */
  poll(poll: Poll): Refusal | undefined;
  /** The runtime answers its invocation. */
  answer(requestId: string, answer: RuntimeAnswer): Refusal | undefined;
  /** The runtime could not initialise. */
  failInit(report: ErrorReport): Refusal | undefined;
}

export interface Poll {
  /** Once. */
  deliver(event: InvocationEvent): void;
  /** Set by the environment: the connection has gone before anything was delivered. */
  onLost: (() => void) | undefined;
}

export interface InvocationEvent {
  readonly requestId: string;
  /** Epoch ms. */
  readonly deadlineMs: number;
  readonly invokedFunctionArn: string;
  readonly traceHeader: string;
  readonly clientContext: string | undefined;
  readonly payload: Uint8Array;
}

export type RuntimeAnswer =
  | { readonly kind: "payload"; readonly payload: Uint8Array }
  | { readonly kind: "error"; readonly report: ErrorReport }
  | { readonly kind: "too-large" };
