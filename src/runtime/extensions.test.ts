import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../base/random.ts";
import type { Exit } from "../isolation/driver.ts";
import type { ExtensionCall, ExtensionState } from "./extension-state.ts";
import { extensionStateNames, ruleExtension } from "./extension-state.ts";
import type { ExtensionFailure, ExtensionPoll, ExtensionRefusal } from "./extensions.ts";
import { Extensions } from "./extensions.ts";

test("an extension's calls lead where AWS's states say, and nowhere else", () => {
  const allowed: Readonly<Record<string, ExtensionState>> = {
    "started register": "registered",
    "registered next": "ready",
    "registered init-error": "init-error",
    "registered exit-error": "exit-error",
    "ready exit-error": "exit-error",
    "running next": "ready",
    "running exit-error": "exit-error",
  };
  for (const state of Object.keys(extensionStateNames) as ExtensionState[]) {
    for (const call of ["register", "next", "init-error", "exit-error"] satisfies ExtensionCall[]) {
      assert.equal(ruleExtension(state, call), allowed[`${state} ${call}`], `${state} ${call}`);
    }
  }
});

interface Told {
  readonly id: string;
  readonly event: Record<string, unknown>;
}

function staged(...names: string[]) {
  const failures: ExtensionFailure[] = [];
  let progress = 0;
  let lost = 0;
  const extensions = new Extensions(names, seededRandom(3), {
    onProgress: () => (progress += 1),
    onFailure: (failure) => failures.push(failure),
    onLost: () => (lost += 1),
  });
  /** Registers and answers the identifier. */
  const register = (name: string, ...events: ("INVOKE" | "SHUTDOWN")[]): string => {
    const id = extensions.register(name, events);
    assert(typeof id === "string", JSON.stringify(id));
    return id;
  };
  const next = (id: string): { readonly told: Told[]; readonly poll: ExtensionPoll } => {
    const told: Told[] = [];
    const poll: ExtensionPoll = {
      onLost: undefined,
      deliver: (eventId, event) =>
        void told.push({ id: eventId, event: JSON.parse(event) as Record<string, unknown> }),
    };
    assert.equal(extensions.poll(id, poll), undefined);
    return { told, poll };
  };
  return { extensions, failures, progress: () => progress, lost: () => lost, register, next };
}

const invoke = {
  requestId: "r-1",
  deadlineMs: 5000,
  invokedFunctionArn: "arn:aws:lambda:us-east-1:000000000000:function:f",
  traceHeader: "Root=1-0-0",
};
const ended = (code: number): Exit => ({ kind: "code", code, oom: false });

test("who has none is ready at once, and needs no time to shut down", () => {
  const { extensions } = staged();
  assert.deepEqual([extensions.areReady, extensions.areRegistered, extensions.shutdownMs], [true, true, 0]);
  extensions.invoke(invoke);
});

test("external extensions are ready when all have registered and asked, whatever events they want", () => {
  const { extensions, register, next, progress } = staged("a", "b");
  assert.deepEqual([extensions.areRegistered, extensions.areReady], [false, false]);
  const a = register("a", "INVOKE", "SHUTDOWN");
  assert.equal(extensions.areRegistered, false);
  const b = register("b");
  assert.deepEqual([extensions.areRegistered, extensions.areReady], [true, false]);
  const waitingA = next(a);
  assert.equal(extensions.areReady, false);
  const waitingB = next(b);
  assert.deepEqual([extensions.areReady, progress(), extensions.shutdownMs], [true, 4, 2000]);

  extensions.invoke(invoke);
  assert.equal(extensions.areReady, false);
  assert.deepEqual(
    waitingA.told.map(({ event }) => event),
    [
      {
        eventType: "INVOKE",
        deadlineMs: 5000,
        requestId: "r-1",
        invokedFunctionArn: invoke.invokedFunctionArn,
        tracing: { type: "X-Amzn-Trace-Id", value: "Root=1-0-0" },
      },
    ],
  );
  assert.match(waitingA.told[0]?.id ?? "", /^[0-9a-f-]{36}$/);
  assert.deepEqual(waitingB.told, []);
  const again = next(a);
  assert.equal(extensions.areReady, true);
  extensions.shutDown("spindown", 9000);
  assert.deepEqual(
    again.told.map(({ event }) => event),
    [{ eventType: "SHUTDOWN", shutdownReason: "spindown", deadlineMs: 9000 }],
  );
  assert.deepEqual(waitingB.told, []);
});

test("an event that finds no poll waits for it, and the loss of one is told", () => {
  const { extensions, register, next, lost } = staged("a");
  const id = register("a", "INVOKE", "SHUTDOWN");
  next(id).poll.onLost?.();
  assert.equal(lost(), 1);
  extensions.invoke(invoke);
  assert.equal(next(id).told.length, 1);
  assert.equal(extensions.areReady, false);
  // It works on that when SHUTDOWN comes.
  extensions.shutDown("timeout", 1);
  assert.equal(next(id).told[0]?.event["shutdownReason"], "timeout");
});

test("an internal extension takes its part, but no SHUTDOWN", () => {
  const { extensions, register, next } = staged();
  const id = register("inside", "INVOKE");
  assert.deepEqual(
    [extensions.areReady, extensions.shutdownMs, extensions.awaitShutdown],
    [false, 500, false],
  );
  const waiting = next(id);
  extensions.invoke(invoke);
  assert.equal(waiting.told.length, 1);
  extensions.shutDown("spindown", 1);
  assert.equal(waiting.told.length, 1);
});

const refusals: readonly (readonly [string, () => unknown, string, RegExp])[] = [
  [
    "SHUTDOWN for an internal extension",
    () => staged().extensions.register("i", ["SHUTDOWN"]),
    "Extension.InvalidEventType",
    /^SHUTDOWN: /,
  ],
  [
    "registering twice",
    () => {
      const { extensions, register } = staged("a");
      register("a");
      return extensions.register("a", []);
    },
    "Extension.InvalidExtensionState",
    /^State transition from Registered to Registered failed for extension [0-9a-f-]{36}\. Error: State transition is not allowed$/,
  ],
  [
    "an internal name that is taken",
    () => {
      const { extensions, register } = staged();
      register("i");
      return extensions.register("i", []);
    },
    "Extension.InvalidExtensionState",
    /^Extension with this name already registered$/,
  ],
  [
    "registering after the runtime's first next",
    () => {
      const { extensions } = staged();
      extensions.closeRegistration();
      return extensions.register("i", []);
    },
    "Extension.RegistrationClosed",
    /^Extension registration closed already$/,
  ],
  [
    "an eleventh",
    () => {
      const { extensions, register } = staged("a", "b");
      for (let count = 0; count < 8; count += 1) register(`i${count}`);
      return extensions.register("i8", []);
    },
    "Extension.TooManyExtensions",
    /^Extension limit \(10\) reached$/,
  ],
  [
    "next twice at once",
    () => {
      const { extensions, register, next } = staged("a");
      const id = register("a");
      next(id);
      return extensions.poll(id, { onLost: undefined, deliver: () => undefined });
    },
    "Extension.InvalidExtensionState",
    /^State transition from Ready to Ready failed/,
  ],
  [
    "an identifier that nobody has",
    () => staged("a").extensions.poll("b", { onLost: undefined, deliver: () => undefined }),
    "Extension.UnknownExtensionIdentifier",
    /^Unknown extension b$/,
  ],
  [
    "init/error after INIT",
    () => {
      const { extensions, register, next } = staged("a");
      const id = register("a");
      next(id);
      return extensions.fail(id, "init-error", "E");
    },
    "Extension.InvalidExtensionState",
    /^State transition from Ready to InitError failed/,
  ],
];

for (const [name, act, errorType, message] of refusals) {
  test(`refused: ${name}`, () => {
    const refusal = act() as ExtensionRefusal;
    assert.equal(refusal.errorType, errorType);
    assert.match(refusal.message, message);
  });
}

const deaths: readonly (readonly [string, boolean, Exit, string, string])[] = [
  ["exit 0", true, ended(0), "Extension.Crash", "exit code 0"],
  ["exit 3", true, ended(3), "Extension.Crash", "exit status 3"],
  [
    "a signal",
    true,
    { kind: "signal", signal: "SIGSEGV", oom: false },
    "Extension.Crash",
    "signal: segmentation fault",
  ],
  ["exit 127 of one that ran", true, ended(127), "Extension.Crash", "exit status 127"],
  [
    "a program that is not there",
    false,
    ended(127),
    "Extension.LaunchError",
    "fork/exec /opt/extensions/a: no such file or directory",
  ],
  [
    "a program that cannot be run",
    false,
    ended(126),
    "Extension.LaunchError",
    "fork/exec /opt/extensions/a: permission denied",
  ],
];

const launchStates: Readonly<Record<string, object>> = {
  "no such file or directory": { state: "LaunchError", errorType: "UnknownError" },
  "permission denied": { state: "LaunchError", errorType: "PermissionDenied" },
};

for (const [name, isRegistered, exit, errorType, message] of deaths) {
  test(`an extension that ends by ${name} fails the environment`, async () => {
    const { extensions, failures, register } = staged("a");
    if (isRegistered) register("a");
    extensions.ended("a", exit);
    extensions.ended("a", exit);
    await extensions.gone;
    assert.deepEqual(failures, [{ errorType, message }]);
    const stated = launchStates[message.split(": ").at(-1) ?? ""] ?? { state: "Exited", errorType };
    assert.deepEqual(extensions.facts, [{ name: "a", events: [], ...stated }]);
  });
}

test("an error that it reports fails the environment once, with its type on the EXTENSION line", () => {
  const { extensions, failures, register } = staged("a");
  const id = register("a", "INVOKE");
  assert.equal(extensions.fail(id, "init-error", "Agent.NoKey"), undefined);
  assert.deepEqual(failures, [{ errorType: "Extension.InitError", message: "a: Agent.NoKey" }]);
  assert.deepEqual(extensions.facts, [
    { name: "a", state: "InitError", events: ["INVOKE"], errorType: "Agent.NoKey" },
  ]);
});

test("in SHUTDOWN ending is what is expected", async () => {
  const { extensions, failures, register, next } = staged("a", "b");
  for (const name of ["a", "b"]) next(register(name, "SHUTDOWN"));
  extensions.shutDown("failure", 1);
  extensions.ended("a", ended(0));
  assert.equal(extensions.awaitShutdown, true);
  extensions.ended("b", ended(1));
  await extensions.gone;
  assert.deepEqual([failures, extensions.awaitShutdown], [[], false]);
});
