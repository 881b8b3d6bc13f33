/**
 * What the Runtime API asks of an environment. The endpoints speak HTTP, the environment decides; neither knows the
 * other's side. Every call answers at once; a refusal has changed nothing.
 */
import type { VersionSpec } from "../contract.ts";
import type { ErrorReport } from "../error-report.ts";
import type { Extensions } from "../extensions.ts";
import type { Refusal } from "../state.ts";
import type { Subscription } from "../telemetry-subscription.ts";

export interface RuntimePort {
  readonly spec: Pick<VersionSpec, "account" | "functionName" | "handler" | "version">;
  /** Of the present start. */
  readonly extensions: Extensions;
  /** Where lambdad itself listens: no destination for telemetry. */
  readonly ownPorts: readonly number[];
  /** The runtime asks for its next event and keeps asking until one is delivered or the poll is lost. */
  poll(poll: Poll): Refusal | undefined;
  /** The runtime answers its invocation. */
  answer(requestId: string, answer: RuntimeAnswer): Refusal | undefined;
  /** Whether somebody waits for the pieces of this answer; a streamed one is else collected and comes by `answer`. */
  wantsStream(requestId: string): boolean;
  /** The runtime begins to stream its answer. Only if that is wanted. */
  stream(requestId: string, begin: StreamBegin): Refusal | StreamSink;
  /** The runtime is initialised, and waits to be restored. Only of SnapStart. */
  pollRestore(poll: RestorePoll): Refusal | undefined;
  /** The runtime could not initialise, or not go on after it was restored. */
  failStart(call: "init-error" | "restore-error", report: ErrorReport): Refusal | undefined;
  /** An extension wants telemetry. False: INIT is over, and with it the time to ask. */
  subscribe(extension: string, subscription: Subscription): boolean;
}

export interface Poll {
  /** Once. */
  deliver(event: InvocationEvent): void;
  /** Set by the environment: the connection has gone before anything was delivered. */
  onLost: (() => void) | undefined;
}

export interface RestorePoll {
  /** Once. */
  restore(): void;
  /** As of `Poll`. */
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

export interface StreamBegin {
  /** As the runtime named it. */
  readonly contentType: string | undefined;
  /** Called after `push` has answered false, when more is taken. */
  readonly onRoom: () => void;
}

/** Takes a streamed answer. After the invocation has ended otherwise it does nothing. */
export interface StreamSink {
  readonly kind: "sink";
  /** False: no more until `onRoom`. */
  push(piece: Uint8Array): boolean;
  /** Once; "truncated": the runtime broke off, so that its end or its next call says how the invocation ends. */
  end(end: StreamEnd): void;
}

export type StreamEnd =
  | { readonly kind: "whole" | "too-large" | "truncated" }
  | { readonly kind: "error"; readonly report: ErrorReport };

export type RuntimeAnswer =
  | { readonly kind: "payload"; readonly payload: Uint8Array }
  | { readonly kind: "error"; readonly report: ErrorReport }
  | { readonly kind: "too-large" };
