/**
 * One invocation of a function: what goes in, what comes out, and the promise that settles exactly once (I1).
 *
 * The outcome of running someone's code is a value, not an exception. Payloads of failures are AWS's exact JSON bodies,
 * ready for the client.
 */
import { invariant } from "../base/invariant.ts";
import type { ResponseStream } from "./response-stream.ts";

export interface InvocationRequest {
  readonly requestId: string;
  /** As invoked, with the alias or version if the caller named one. */
  readonly invokedFunctionArn: string;
  /** JSON. */
  readonly payload: Uint8Array;
  readonly traceHeader: string;
  /** The decoded JSON text of `X-Amz-Client-Context`. */
  readonly clientContext: string | undefined;
  /**
   * Called, once at most, when the runtime begins to stream its answer: the bytes are in the stream then, and a success
   * has no payload. Whoever is called must read it or abandon it. Left out: a streamed answer is collected.
   */
  readonly onStream?: (stream: ResponseStream) => void;
}

export type Outcome =
  | { readonly kind: "success"; readonly payload: Uint8Array }
  /** The function reported an error through the Runtime API. `errorType` as it named it. */
  | { readonly kind: "function-error"; readonly payload: Uint8Array; readonly errorType: string }
  /** The function's timeout passed. */
  | { readonly kind: "timeout"; readonly payload: Uint8Array }
  /** The runtime exited, crashed, ran out of memory, broke the protocol or could not be started. */
  | {
      readonly kind: "crash";
      readonly payload: Uint8Array;
      readonly errorType: string;
      /** It never began: whoever waits for it gets this exception instead. */
      readonly exception?: "SnapStartException" | "SnapStartTimeoutException";
    };

export interface InvocationResult {
  readonly outcome: Outcome;
  /** From delivery to the runtime until it was done; with a suppressed init, from that init's start. Fractional ms. */
  readonly durationMs: number;
  /** INIT of this environment, on its first invocation only and only if it was not suppressed. Fractional ms. */
  readonly initMs: number | undefined;
  /** Of the snapshot that this environment was (SnapStart), on its first invocation only. Fractional ms. */
  readonly restoreMs?: number | undefined;
  /** Highest memory use of the environment so far, whole MB, at least 1. */
  readonly memoryPeakMb: number;
}

/** Settles exactly once (I1): the first answer counts, later ones are told so. */
export class Settlement<T> {
  readonly promise: Promise<T>;
  #resolve: ((value: T) => void) | undefined;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<T>();
    this.promise = promise;
    this.#resolve = resolve;
  }

  get settled(): boolean {
    return this.#resolve === undefined;
  }

  settle(value: T): void {
    invariant(this.#resolve, "I1: an invocation settles exactly once");
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve(value);
  }
}
