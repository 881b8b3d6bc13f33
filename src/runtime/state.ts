/**
 * What an environment's runtime may do next: the states, and every transition there is.
 *
 *     starting ──next──► idle ◄──next── busy: answered
 *        │                │                  ▲
 *     init error       reserve            response, error
 *        │                ▼                  │
 *        ▼          busy: queued ──next──► busy: delivered
 *       down ──reserve──► busy: restarting ──next──┘
 *
 * A response that is passed on while it arrives takes the way delivered → streaming → answered, or → truncated, from
 * where `next` leads to idle as well.
 * Where extensions are still at work, `next` leads to a state of waiting for them instead, and their last `next` leads
 * on: starting → held → idle, restarting → held → delivered, answered → lingering → idle.
 * Of SnapStart (`restore/next` in place of the first `next`):
 *
 *     starting ──restore/next──► snapshot ──reserve──► busy: restoring ──next──► busy: delivered
 *
 * From everywhere: exit, crash and timeout lead to down, shutdown leads to dead. Pure; whatever is not named here is
 * refused (I2), with the words of the Runtime API. Source: lambda-map 5.1.
 */
import { invariant } from "../base/invariant.ts";

export type State =
  /** The sandbox is being made, or the program in it has not asked for work yet. */
  | { readonly kind: "starting" }
  /** INIT: the runtime has asked for work, or to be restored, and the extensions have not. */
  | { readonly kind: "held"; readonly asksFor: "work" | "restore" }
  /** INIT is over, and the runtime waits to be restored. `isPolling` as below. */
  | { readonly kind: "snapshot"; readonly isPolling: boolean }
  /** `isPolling`: its `next` waits for an event. False: the connection on which it waited is gone. */
  | { readonly kind: "idle"; readonly isPolling: boolean }
  | { readonly kind: "busy"; readonly step: BusyStep; readonly requestId: string }
  /** No runtime. The next invocation starts one (suppressed init). */
  | { readonly kind: "down" }
  | { readonly kind: "dead" };

export type BusyStep =
  /** A runtime is being started inside the invocation. */
  | "restarting"
  /** The runtime has been told to go on, and has not asked for work. */
  | "restoring"
  /** That has asked for work, and the extensions have not. */
  | "held"
  /** The event waits for the runtime's next `next`. */
  | "queued"
  | "delivered"
  /** The answer has begun to arrive and is passed on. */
  | "streaming"
  /** The runtime has broken that off, and not said why. */
  | "truncated"
  /** The answer is there; the runtime has not asked for more. */
  | "answered"
  /** The runtime has asked for more, and the extensions have not. */
  | "lingering";

export type RuntimeCall =
  | { readonly kind: "next" }
  /** "stream": a response that is passed on as it arrives. */
  | { readonly kind: "response" | "stream" | "error"; readonly requestId: string }
  | { readonly kind: "init-error" | "restore-next" | "restore-error" };

export type Ruling = { readonly kind: "allowed"; readonly state: State } | Refusal;

export type Refusal =
  | { readonly kind: "invalid-request-id" }
  | { readonly kind: "invalid-transition"; readonly from: string; readonly to: string };

/** The runtime has called: what becomes of its state, or why it may not. `areExtensionsReady`: none is at work. */
export function rule(state: State, call: RuntimeCall, areExtensionsReady = true): Ruling {
  switch (call.kind) {
    case "next":
      return ruleNext(state, areExtensionsReady);
    case "response":
    case "stream":
    case "error":
      return ruleAnswer(state, call);
    case "init-error":
      return isInitialising(state) ? allowed({ kind: "down" }) : refused(state, call);
    case "restore-next":
      return ruleRestoreNext(state, areExtensionsReady);
    case "restore-error":
      return isRestoring(state) ? allowed({ kind: "down" }) : refused(state, call);
  }
}

function ruleNext(state: State, areExtensionsReady: boolean): Ruling {
  switch (state.kind) {
    case "starting":
      return allowed(areExtensionsReady ? idle : { kind: "held", asksFor: "work" });
    case "idle":
      return state.isPolling ? refused(state, { kind: "next" }) : allowed(idle);
    case "busy":
      return ruleBusyNext(state, areExtensionsReady);
    case "held":
    case "snapshot":
    case "down":
    case "dead":
      return refused(state, { kind: "next" });
  }
}

function ruleBusyNext(state: State & { readonly kind: "busy" }, areExtensionsReady: boolean): Ruling {
  switch (state.step) {
    case "restarting":
    case "restoring":
      return allowed({ ...state, step: areExtensionsReady ? "delivered" : "held" });
    case "queued":
      return allowed({ ...state, step: "delivered" });
    case "answered":
    case "truncated":
      return allowed(areExtensionsReady ? idle : { ...state, step: "lingering" });
    case "held":
    case "delivered":
    case "streaming":
    case "lingering":
      return refused(state, { kind: "next" });
  }
}

/** Inside an invocation there is nothing to wait for: it goes on at once. */
function ruleRestoreNext(state: State, areExtensionsReady: boolean): Ruling {
  if (state.kind === "starting")
    return allowed(areExtensionsReady ? snapshot : { kind: "held", asksFor: "restore" });
  if (isRestoring(state)) return allowed(state);
  if (state.kind === "snapshot" && !state.isPolling) return allowed(snapshot);
  return refused(state, { kind: "restore-next" });
}

/** No extension is at work any more: what waited for that goes on. */
export function extensionsReady(state: State): State {
  if (state.kind === "held") return state.asksFor === "work" ? idle : snapshot;
  if (state.kind !== "busy") return state;
  if (state.step === "held") return { ...state, step: "delivered" };
  return state.step === "lingering" ? idle : state;
}

function ruleAnswer(state: State, call: RuntimeCall & { readonly requestId: string }): Ruling {
  if (state.kind !== "busy") return refused(state, call);
  if (state.requestId !== call.requestId) return { kind: "invalid-request-id" };
  if (state.step !== "delivered") return refused(state, call);
  return allowed({ ...state, step: call.kind === "stream" ? "streaming" : "answered" });
}

/** A streamed answer has come to its end. */
export function streamEnded(state: State, step: "answered" | "truncated"): State {
  return state.kind === "busy" && state.step === "streaming" ? { ...state, step } : state;
}

/** The runtime has not asked for work yet. */
export function isInitialising(state: State): boolean {
  return state.kind === "starting" || (state.kind === "busy" && state.step === "restarting");
}

/** Inside an invocation, and not yet at work on it. */
function isRestoring(state: State): boolean {
  return state.kind === "busy" && (state.step === "restarting" || state.step === "restoring");
}

/** Takes the environment for one invocation (I2). */
export function reserve(state: State, requestId: string): State & { readonly kind: "busy" } {
  invariant(
    state.kind === "idle" || state.kind === "snapshot" || state.kind === "down",
    `I2: an environment that is ${state.kind} takes no invocation`,
  );
  if (state.kind === "down") return { kind: "busy", step: "restarting", requestId };
  if (state.kind === "snapshot") return { kind: "busy", step: "restoring", requestId };
  return { kind: "busy", step: state.isPolling ? "delivered" : "queued", requestId };
}

/** The connection on which `next`, or `restore/next`, waited is gone. */
export function pollLost(state: State): State {
  if (state.kind === "idle" || state.kind === "snapshot") return { kind: state.kind, isPolling: false };
  if (state.kind === "held") return { kind: "starting" };
  if (state.kind !== "busy") return state;
  if (state.step === "held") return { ...state, step: "restarting" };
  return state.step === "lingering" ? { ...state, step: "answered" } : state;
}

/** The runtime is gone, however it went. */
export function fell(state: State): State {
  return state.kind === "dead" ? state : { kind: "down" };
}

const idle: State = { kind: "idle", isPolling: true };
const snapshot: State = { kind: "snapshot", isPolling: true };

function allowed(state: State): Ruling {
  return { kind: "allowed", state };
}

export function refused(state: State, call: RuntimeCall): Refusal {
  return { kind: "invalid-transition", from: nameOf(state), to: targetOf(call) };
}

// The names that AWS's messages use. inferred: the map has their shape, and not each name.
function nameOf(state: State): string {
  switch (state.kind) {
    case "starting":
      return "Started";
    case "snapshot":
      return "RestoreReady";
    case "held":
    case "idle":
      return "Ready";
    case "busy":
      return busyNames[state.step];
    case "down":
    case "dead":
      return "InitError";
  }
}

const busyNames: Readonly<Record<BusyStep, string>> = {
  restarting: "Started",
  restoring: "Restoring",
  held: "Ready",
  queued: "Ready",
  delivered: "Running",
  streaming: "InvocationResponse",
  truncated: "InvocationResponse",
  answered: "ResponseSent",
  lingering: "Ready",
};

function targetOf(call: RuntimeCall): string {
  switch (call.kind) {
    case "next":
      return "Ready";
    case "response":
    case "stream":
      return "InvocationResponse";
    case "error":
      return "InvocationErrorResponse";
    case "init-error":
      return "InitError";
    case "restore-next":
      return "RestoreReady";
    case "restore-error":
      return "RestoreError";
  }
}
