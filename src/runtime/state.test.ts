import assert from "node:assert/strict";
import { test } from "node:test";
import { InvariantError } from "../base/invariant.ts";
import type { BusyStep, RuntimeCall, State } from "./state.ts";
import { extensionsReady, fell, isInitialising, pollLost, reserve, rule, streamEnded } from "./state.ts";

const starting: State = { kind: "starting" };
const polling: State = { kind: "idle", isPolling: true };
const lost: State = { kind: "idle", isPolling: false };
const snapshot: State = { kind: "snapshot", isPolling: true };
const lostSnapshot: State = { kind: "snapshot", isPolling: false };
const down: State = { kind: "down" };
const dead: State = { kind: "dead" };
const busy = (step: BusyStep): State => ({ kind: "busy", step, requestId: "a" });

const next: RuntimeCall = { kind: "next" };
const response: RuntimeCall = { kind: "response", requestId: "a" };
const stream: RuntimeCall = { kind: "stream", requestId: "a" };
const error: RuntimeCall = { kind: "error", requestId: "a" };
const initError: RuntimeCall = { kind: "init-error" };
const restoreNext: RuntimeCall = { kind: "restore-next" };
const restoreError: RuntimeCall = { kind: "restore-error" };

/** State, call, and the state after it; or "from → to" of the refusal. */
const transitions: readonly (readonly [State, RuntimeCall, State | string])[] = [
  [starting, next, polling],
  [starting, response, "Started → InvocationResponse"],
  [starting, error, "Started → InvocationErrorResponse"],
  [starting, initError, down],
  [polling, next, "Ready → Ready"],
  [polling, response, "Ready → InvocationResponse"],
  [polling, error, "Ready → InvocationErrorResponse"],
  [polling, initError, "Ready → InitError"],
  [lost, next, polling],
  [lost, response, "Ready → InvocationResponse"],
  [lost, error, "Ready → InvocationErrorResponse"],
  [lost, initError, "Ready → InitError"],
  [busy("restarting"), next, busy("delivered")],
  [busy("restarting"), response, "Started → InvocationResponse"],
  [busy("restarting"), error, "Started → InvocationErrorResponse"],
  [busy("restarting"), initError, down],
  [busy("queued"), next, busy("delivered")],
  [busy("queued"), response, "Ready → InvocationResponse"],
  [busy("queued"), error, "Ready → InvocationErrorResponse"],
  [busy("queued"), initError, "Ready → InitError"],
  [busy("delivered"), next, "Running → Ready"],
  [busy("delivered"), response, busy("answered")],
  [busy("delivered"), error, busy("answered")],
  [busy("delivered"), initError, "Running → InitError"],
  [busy("delivered"), stream, busy("streaming")],
  [polling, stream, "Ready → InvocationResponse"],
  ...(["streaming", "truncated"] as const).flatMap((step) => [
    [busy(step), response, "InvocationResponse → InvocationResponse"] as const,
    [busy(step), stream, "InvocationResponse → InvocationResponse"] as const,
    [busy(step), error, "InvocationResponse → InvocationErrorResponse"] as const,
    [busy(step), initError, "InvocationResponse → InitError"] as const,
  ]),
  [busy("streaming"), next, "InvocationResponse → Ready"],
  [busy("truncated"), next, polling],
  [busy("answered"), next, polling],
  [busy("answered"), response, "ResponseSent → InvocationResponse"],
  [busy("answered"), error, "ResponseSent → InvocationErrorResponse"],
  [busy("answered"), initError, "ResponseSent → InitError"],
  [starting, restoreNext, snapshot],
  [starting, restoreError, "Started → RestoreError"],
  [snapshot, restoreNext, "RestoreReady → RestoreReady"],
  [snapshot, next, "RestoreReady → Ready"],
  [snapshot, initError, "RestoreReady → InitError"],
  [snapshot, restoreError, "RestoreReady → RestoreError"],
  [lostSnapshot, restoreNext, snapshot],
  [busy("restoring"), next, busy("delivered")],
  // The poll before it was lost.
  [busy("restoring"), restoreNext, busy("restoring")],
  [busy("restoring"), response, "Restoring → InvocationResponse"],
  [busy("restoring"), initError, "Restoring → InitError"],
  [busy("restoring"), restoreError, down],
  [busy("restarting"), restoreNext, busy("restarting")],
  [busy("restarting"), restoreError, down],
  [polling, restoreNext, "Ready → RestoreReady"],
  [busy("delivered"), restoreNext, "Running → RestoreReady"],
  ...[down, dead].flatMap((state) => [
    [state, restoreNext, "InitError → RestoreReady"] as const,
    [state, restoreError, "InitError → RestoreError"] as const,
    [state, next, "InitError → Ready"] as const,
    [state, response, "InitError → InvocationResponse"] as const,
    [state, error, "InitError → InvocationErrorResponse"] as const,
    [state, initError, "InitError → InitError"] as const,
  ]),
];

for (const [state, call, expected] of transitions) {
  test(`I2 ${describe(state)}: ${call.kind} leads to ${typeof expected === "string" ? `403, ${expected}` : describe(expected)}`, () => {
    const ruling = rule(state, call);
    if (typeof expected !== "string") return assert.deepEqual(ruling, { kind: "allowed", state: expected });
    const [from, to] = expected.split(" → ");
    assert.deepEqual(ruling, { kind: "invalid-transition", from, to });
  });
}

test("an answer to another request is refused before its state is looked at", () => {
  for (const step of ["restarting", "queued", "delivered", "streaming", "truncated", "answered"] as const) {
    for (const kind of ["response", "stream", "error"] as const) {
      assert.deepEqual(rule(busy(step), { kind, requestId: "b" }), { kind: "invalid-request-id" });
    }
  }
});

test("I2 only an idle or a fallen environment, or a snapshot takes an invocation", () => {
  assert.deepEqual(reserve(polling, "a"), busy("delivered"));
  assert.deepEqual(reserve(lost, "a"), busy("queued"));
  assert.deepEqual(reserve(down, "a"), busy("restarting"));
  assert.deepEqual(
    [snapshot, lostSnapshot].map((one) => reserve(one, "a")),
    [busy("restoring"), busy("restoring")],
  );
  for (const state of [starting, dead, busy("delivered"), busy("answered")])
    assert.throws(() => reserve(state, "a"), InvariantError);
});

test("a stream's end concerns nobody but the invocation that streams", () => {
  assert.deepEqual(streamEnded(busy("streaming"), "answered"), busy("answered"));
  assert.deepEqual(streamEnded(busy("streaming"), "truncated"), busy("truncated"));
  for (const state of [polling, down, dead, busy("delivered"), busy("answered")])
    assert.equal(streamEnded(state, "truncated"), state);
});

test("a lost poll concerns nobody but an idle runtime, and death is final", () => {
  assert.deepEqual(pollLost(polling), lost);
  assert.deepEqual(pollLost(snapshot), lostSnapshot);
  assert.deepEqual(pollLost(busy("delivered")), busy("delivered"));
  assert.deepEqual(fell(busy("answered")), down);
  assert.deepEqual(fell(dead), dead);
  assert.ok(isInitialising(starting) && isInitialising(busy("restarting")) && !isInitialising(polling));
});

function describe(state: State): string {
  if (state.kind === "busy") return `busy ${state.step}`;
  if (state.kind === "idle" || state.kind === "snapshot")
    return state.isPolling ? state.kind : `${state.kind}, poll lost`;
  return state.kind;
}

const held: State = { kind: "held", asksFor: "work" };
const heldSnapshot: State = { kind: "held", asksFor: "restore" };

/** While extensions are at work: the state, what `next` makes of it, and what becomes of that when they are ready. */
const waits: readonly (readonly [State, State | string, State?])[] = [
  [starting, held, polling],
  [held, "Ready → Ready"],
  [busy("restarting"), busy("held"), busy("delivered")],
  [busy("held"), "Ready → Ready"],
  [busy("answered"), busy("lingering"), polling],
  [busy("truncated"), busy("lingering"), polling],
  [busy("lingering"), "Ready → Ready"],
  // The event is the runtime's, whatever the extensions do.
  [busy("queued"), busy("delivered"), busy("delivered")],
  [busy("delivered"), "Running → Ready"],
  [lost, polling, polling],
];

test("while extensions are at work, the runtime's next leads to waiting for them", () => {
  for (const [state, after, ready] of waits) {
    const ruling = rule(state, next, false);
    const found = ruling.kind === "invalid-transition" ? `${ruling.from} → ${ruling.to}` : ruling;
    const name = JSON.stringify(state);
    if (typeof after === "string") assert.equal(found, after, name);
    else assert.deepEqual(found, { kind: "allowed", state: after }, name);
    if (ready && typeof after !== "string") assert.deepEqual(extensionsReady(after), ready, name);
  }
});

test("a snapshot is one when the extensions are ready, too", () => {
  assert.deepEqual(rule(starting, restoreNext, false), { kind: "allowed", state: heldSnapshot });
  assert.deepEqual(extensionsReady(heldSnapshot), snapshot);
  assert.deepEqual(pollLost(heldSnapshot), starting);
});

test("extensions that become ready change nothing for a runtime that is at work itself", () => {
  const steps: readonly BusyStep[] = [
    "restarting",
    "queued",
    "delivered",
    "streaming",
    "truncated",
    "answered",
  ];
  for (const state of [starting, polling, lost, down, dead, ...steps.map(busy)]) {
    assert.equal(extensionsReady(state), state);
  }
});

test("a poll that is lost while extensions are at work is made again, and nothing is answered twice", () => {
  assert.deepEqual(pollLost(held), starting);
  assert.deepEqual(pollLost(busy("held")), busy("restarting"));
  assert.deepEqual(pollLost(busy("lingering")), busy("answered"));
});

test("what waits for extensions takes no answer, and no error of INIT", () => {
  const calls: readonly RuntimeCall[] = [response, stream, error, initError];
  for (const state of [held, busy("held"), busy("lingering")]) {
    for (const call of calls) {
      assert.equal(rule(state, call).kind, "invalid-transition", `${JSON.stringify(state)} ${call.kind}`);
    }
  }
});
