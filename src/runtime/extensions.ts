/**
 * The extensions of one incarnation: who has registered, what each waits for, and what it is told.
 *
 * External extensions are known by name before they speak; whoever else registers while the runtime initialises is an
 * internal one, a part of the runtime's process. `extension-state.ts` rules; this file keeps the polls and hands out
 * events. Without extensions it costs a look at an empty list.
 */
import type { Random } from "../base/random.ts";
import type { Exit } from "../isolation/driver.ts";
import { extensionsMax, shutdownExternalMs, shutdownInternalMs } from "../limits.ts";
import type { Obstacle } from "./entrypoint.ts";
import type { ExtensionFault } from "./extension-files.ts";
import type { ExtensionCall, ExtensionState } from "./extension-state.ts";
import { extensionCallNames, extensionStateNames, ruleExtension } from "./extension-state.ts";
import { signalNames } from "./outcome-bodies.ts";
import type { ExtensionFacts } from "./platform-events.ts";

export type ExtensionEventType = "INVOKE" | "SHUTDOWN";
export type ShutdownReason = "spindown" | "timeout" | "failure";

export interface InvokeEvent {
  readonly requestId: string;
  /** Epoch ms. */
  readonly deadlineMs: number;
  readonly invokedFunctionArn: string;
  readonly traceHeader: string;
}

/** A waiting `event/next`. */
export interface ExtensionPoll {
  /** Once. `event`: JSON. */
  deliver(eventId: string, event: string): void;
  /** Set by `poll`: the connection has gone before anything was delivered. */
  onLost: (() => void) | undefined;
}

/** Refused with 403. */
export interface ExtensionRefusal {
  readonly kind: "refused";
  readonly errorType: `Extension.${string}` | "InvalidRequestFormat";
  readonly message: string;
}

/** Why an environment cannot go on: `errorType` is AWS's. */
export interface ExtensionFailure {
  readonly errorType: `Extension.${string}`;
  /** Behind "RequestId: <id> Error: ". */
  readonly message: string;
}

export interface ExtensionListener {
  /** One has registered, or has become ready. */
  onProgress(): void;
  onFailure(failure: ExtensionFailure): void;
  /** The connection on which one waited is gone, and perhaps the extension. */
  onLost(): void;
}

interface Member {
  readonly id: string;
  readonly name: string;
  readonly isExternal: boolean;
  state: ExtensionState;
  events: readonly ExtensionEventType[];
  errorType: string | undefined;
  poll: ExtensionPoll | undefined;
  /** Waits for its next poll. */
  pending: string | undefined;
}

export class Extensions {
  /** Resolves when every external extension has ended. */
  readonly gone: Promise<void>;
  readonly #gone = Promise.withResolvers<void>();
  readonly #members: Member[];
  readonly #random: Random;
  readonly #listener: ExtensionListener;
  #isOpen = true;
  #isShuttingDown = false;

  /** `names`: of the external ones. */
  constructor(names: readonly string[], random: Random, listener: ExtensionListener) {
    this.gone = this.#gone.promise;
    this.#random = random;
    this.#listener = listener;
    this.#members = names.map((name) => this.#member(name, true));
  }

  get isEmpty(): boolean {
    return this.#members.length === 0;
  }

  /** None is at work: neither initialising, nor on an event. */
  get areReady(): boolean {
    return this.#members.every(({ state }) => state === "ready");
  }

  /** The runtime may be started. */
  get areRegistered(): boolean {
    return this.#members.every(({ state }) => state !== "started");
  }

  get hasExternal(): boolean {
    return this.#members.some(({ isExternal }) => isExternal);
  }

  /** How long all of SHUTDOWN may take. */
  get shutdownMs(): number {
    if (this.hasExternal) return shutdownExternalMs;
    return this.isEmpty ? 0 : shutdownInternalMs;
  }

  get facts(): readonly ExtensionFacts[] {
    return this.#members.map(({ name, state, events, errorType }) => ({
      name,
      state: extensionStateNames[state],
      events,
      ...(errorType !== undefined && { errorType }),
    }));
  }

  nameOf(id: string): string | undefined {
    return this.#members.find((member) => member.id === id && member.state !== "started")?.name;
  }

  /** The runtime has asked for its first event: from now on nobody registers. */
  closeRegistration(): void {
    this.#isOpen = false;
  }

  /** Answers the extension's identifier. */
  register(name: string, events: readonly ExtensionEventType[]): string | ExtensionRefusal {
    const known = this.#members.find((member) => member.name === name);
    if (known && !known.isExternal)
      return refused("InvalidExtensionState", "Extension with this name already registered");
    const member = known ?? this.#member(name, false);
    if (!known) {
      if (!this.#isOpen) return refused("RegistrationClosed", "Extension registration closed already");
      if (this.#members.length >= extensionsMax)
        return refused("TooManyExtensions", `Extension limit (${extensionsMax}) reached`);
      if (events.includes("SHUTDOWN"))
        return refused("InvalidEventType", "SHUTDOWN: event not supported for internal extensions");
    }
    const refusal = this.#advance(member, "register");
    if (refusal) return refusal;
    if (!known) this.#members.push(member);
    member.events = events;
    this.#listener.onProgress();
    return member.id;
  }

  poll(id: string, poll: ExtensionPoll): ExtensionRefusal | undefined {
    const member = this.#find(id);
    if (!member) return unknown(id);
    // A poll whose connection was lost is made again.
    const isAgain = member.state === "ready" && !member.poll;
    const refusal = isAgain ? undefined : this.#advance(member, "next");
    if (refusal) return refusal;
    member.poll = poll;
    poll.onLost = () => {
      member.poll = undefined;
      this.#listener.onLost();
    };
    if (member.pending !== undefined) this.#deliver(member, member.pending);
    else this.#listener.onProgress();
    return undefined;
  }

  /** `init/error` and `exit/error`: the extension says that it cannot go on. */
  fail(id: string, call: "init-error" | "exit-error", errorType: string): ExtensionRefusal | undefined {
    const member = this.#find(id);
    if (!member) return unknown(id);
    const refusal = this.#advance(member, call);
    if (refusal) return refusal;
    member.errorType = errorType;
    const kind = call === "init-error" ? "Extension.InitError" : "Extension.ExitError";
    if (!this.#isShuttingDown)
      this.#listener.onFailure({ errorType: kind, message: `${member.name}: ${errorType}` });
    return undefined;
  }

  /** The process of an external extension has ended. */
  ended(name: string, exit: Exit): void {
    const member = this.#members.find((one) => one.isExternal && one.name === name);
    if (!member || isGone(member)) return;
    const obstacle = member.state === "started" ? obstacleOf(exit) : undefined;
    member.state = "exited";
    member.poll = undefined;
    if (this.#members.every((one) => !one.isExternal || isGone(one))) this.#gone.resolve();
    if (this.#isShuttingDown) return;
    const failure = obstacle ? launchFailure({ name, obstacle }) : crash(exit);
    if (obstacle) this.notStarted({ name, obstacle });
    member.errorType ??= failure.errorType;
    this.#listener.onFailure(failure);
  }

  /** The file of an external extension cannot be started. */
  notStarted({ name, obstacle }: ExtensionFault): void {
    const member = this.#members.find((one) => one.isExternal && one.name === name);
    if (!member) return;
    member.state = "launch-error";
    // inferred: AWS's types on the EXTENSION line, as its own emulator has them.
    member.errorType = obstacle === "permission denied" ? "PermissionDenied" : "UnknownError";
  }

  /** INVOKE, to those that want it. */
  invoke({ requestId, deadlineMs, invokedFunctionArn, traceHeader }: InvokeEvent): void {
    if (this.isEmpty) return;
    const tracing = { type: "X-Amzn-Trace-Id", value: traceHeader };
    const event = { eventType: "INVOKE", deadlineMs, requestId, invokedFunctionArn, tracing };
    this.#tell("INVOKE", JSON.stringify(event));
  }

  /** SHUTDOWN, to those that want it. Nobody fails any more by ending. */
  shutDown(shutdownReason: ShutdownReason, deadlineMs: number): void {
    this.#isShuttingDown = true;
    this.#tell("SHUTDOWN", JSON.stringify({ eventType: "SHUTDOWN", shutdownReason, deadlineMs }));
  }

  /** Whether an external one lives that wants to know of SHUTDOWN: the others need no time for it. */
  get awaitShutdown(): boolean {
    return this.#members.some((member) => !isGone(member) && member.events.includes("SHUTDOWN"));
  }

  #tell(type: ExtensionEventType, event: string): void {
    for (const member of this.#members) {
      if (member.events.includes(type) && !isGone(member)) this.#deliver(member, event);
    }
  }

  #deliver(member: Member, event: string): void {
    const { poll } = member;
    if (!poll) return void (member.pending = event);
    member.pending = undefined;
    member.poll = undefined;
    member.state = "running";
    poll.deliver(this.#random.uuid(), event);
  }

  #find(id: string): Member | undefined {
    return this.#members.find((member) => member.id === id && member.state !== "started");
  }

  #advance(member: Member, call: ExtensionCall): ExtensionRefusal | undefined {
    const next = ruleExtension(member.state, call);
    if (next === undefined) {
      const from = extensionStateNames[member.state];
      return refused(
        "InvalidExtensionState",
        `State transition from ${from} to ${extensionCallNames[call]} failed for extension ${member.id}. ` +
          "Error: State transition is not allowed",
      );
    }
    member.state = next;
    return undefined;
  }

  #member(name: string, isExternal: boolean): Member {
    return {
      id: this.#random.uuid(),
      name,
      isExternal,
      state: "started",
      events: [],
      errorType: undefined,
      poll: undefined,
      pending: undefined,
    };
  }
}

export function refused(name: string, message: string): ExtensionRefusal {
  return { kind: "refused", errorType: `Extension.${name}`, message };
}

function unknown(id: string): ExtensionRefusal {
  return refused("UnknownExtensionIdentifier", `Unknown extension ${id}`);
}

function isGone({ state }: Member): boolean {
  return state === "exited" || state === "launch-error";
}

/** A shell that could not start a program says 126 or 127; so may a program, but none that has done nothing yet. */
function obstacleOf(exit: Exit): Obstacle | undefined {
  if (exit.kind !== "code") return undefined;
  if (exit.code === 126) return "permission denied";
  return exit.code === 127 ? "no such file or directory" : undefined;
}

export function launchFailure({ name, obstacle }: ExtensionFault): ExtensionFailure {
  return { errorType: "Extension.LaunchError", message: `fork/exec /opt/extensions/${name}: ${obstacle}` };
}

function crash(exit: Exit): ExtensionFailure {
  // As Go prints them; "exit code 0" is AWS's own word for an end without an error.
  if (exit.kind === "signal")
    return { errorType: "Extension.Crash", message: `signal: ${signalNames[exit.signal] ?? exit.signal}` };
  return {
    errorType: "Extension.Crash",
    message: exit.code === 0 ? "exit code 0" : `exit status ${exit.code}`,
  };
}
