/**
 * What one extension may do next.
 *
 *     started ──register──► registered ──next──► ready ──event──► running
 *                                │                 ▲                 │
 *                                │                 └──────next───────┘
 *                      init/error, exit/error → failed; its process has ended → exited
 *                            (or never was: launch-error)
 *
 * Pure; what is not named is refused with AWS's words. Source: lambda-map 5.2.
 */
export type ExtensionState =
  /** Its process runs and has not registered. */
  | "started"
  | "registered"
  /** It waits for an event. */
  | "ready"
  /** It works on one. */
  | "running"
  | "init-error"
  | "exit-error"
  | "exited"
  /** There was no process. */
  | "launch-error";

export type ExtensionCall = "register" | "next" | "init-error" | "exit-error";

/** Undefined: it may not. */
export function ruleExtension(state: ExtensionState, call: ExtensionCall): ExtensionState | undefined {
  return transitions[call][state];
}

const transitions: Readonly<
  Record<ExtensionCall, Readonly<Partial<Record<ExtensionState, ExtensionState>>>>
> = {
  register: { started: "registered" },
  next: { registered: "ready", running: "ready" },
  "init-error": { registered: "init-error" },
  // inferred: also while it waits, because it may do so in one thread and fail in another.
  "exit-error": { registered: "exit-error", ready: "exit-error", running: "exit-error" },
};

/** As the EXTENSION line and AWS's messages name it. */
export const extensionStateNames: Readonly<Record<ExtensionState, string>> = {
  started: "Started",
  registered: "Registered",
  ready: "Ready",
  running: "Running",
  "init-error": "InitError",
  "exit-error": "ExitError",
  exited: "Exited",
  "launch-error": "LaunchError",
};

/** What a call would have led to. */
export const extensionCallNames: Readonly<Record<ExtensionCall, string>> = {
  register: "Registered",
  next: "Ready",
  "init-error": "InitError",
  "exit-error": "ExitError",
};
