/**
 * An environment without a sandbox, for tests of the invoke engine: the test says when it is initialised, what it
 * answers, what it logs and when it has settled.
 */
import type { Environment, EnvironmentStatus, VersionSpec } from "../../src/runtime/contract.ts";
import type { InvocationRequest, InvocationResult } from "../../src/runtime/invocation.ts";

export class FakeEnvironment implements Environment {
  readonly id: string;
  readonly spec: VersionSpec;
  readonly logStream = "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef";
  /** What a test says that it has logged, and where its tail begins. */
  readonly lines: string[] = [];
  readonly requests: InvocationRequest[] = [];
  status: EnvironmentStatus = "starting";
  isShutDown = false;
  #init = Promise.withResolvers<void>();
  #answer: PromiseWithResolvers<InvocationResult> | undefined;
  #settled = Promise.withResolvers<void>();

  constructor(id: string, spec: VersionSpec) {
    this.id = id;
    this.spec = spec;
  }

  get initialised(): Promise<void> {
    return this.#init.promise;
  }

  readonly log = {
    beginTail: () => void this.lines.push("<tail>"),
    endTail: () => Buffer.from(this.lines.slice(this.lines.lastIndexOf("<tail>") + 1).join("\n")),
  };

  /** INIT ends, or the start of a runtime in an invocation: then "idle" is busy with it. */
  becomes(status: "idle" | "down" | "dead"): void {
    if (this.status === "starting") this.status = status;
    this.#init.resolve();
  }

  invoke(request: InvocationRequest): Promise<InvocationResult> {
    this.requests.push(request);
    if (this.status === "down") this.#init = Promise.withResolvers();
    this.status = "busy";
    this.#answer = Promise.withResolvers();
    this.#settled = Promise.withResolvers();
    return this.#answer.promise;
  }

  answers(result: Partial<InvocationResult> = {}): void {
    this.#answer?.resolve({
      outcome: { kind: "success", payload: Buffer.from("null") },
      durationMs: 1.234,
      initMs: undefined,
      memoryPeakMb: 40,
      ...result,
    });
  }

  /** The runtime asks for its next invocation. */
  settles(status: "idle" | "down" | "dead" = "idle"): void {
    this.status = status;
    this.#settled.resolve();
  }

  settled(): Promise<void> {
    return this.#settled.promise;
  }

  shutdown(): Promise<void> {
    this.isShutDown = true;
    this.status = "dead";
    return Promise.resolve();
  }
}

export function versionSpec(overrides: Partial<VersionSpec> = {}): VersionSpec {
  const functionName = overrides.functionName ?? "echo";
  const version = overrides.version ?? "$LATEST";
  return {
    key: `000000000000/us-east-1/${functionName}/${version}/1`,
    account: "000000000000",
    region: "us-east-1",
    functionName,
    version,
    functionArn: `arn:aws:lambda:us-east-1:000000000000:function:${functionName}`,
    runtime: "nodejs24.x",
    handler: "index.handler",
    codeSha256: "0".repeat(64),
    layers: [],
    memoryMb: 128,
    timeoutMs: 3000,
    ephemeralStorageMb: 512,
    variables: {},
    logGroup: `/aws/lambda/${functionName}`,
    logFormat: "Text",
    ...overrides,
  };
}

export function invocationRequest(overrides: Partial<InvocationRequest> = {}): InvocationRequest {
  return {
    requestId: "8f507cfc-0000-4697-b07a-ac58fc914c95",
    invokedFunctionArn: "arn:aws:lambda:us-east-1:000000000000:function:echo",
    payload: Buffer.from("{}"),
    traceHeader: "Root=1-00000000-000000000000000000000000",
    clientContext: undefined,
    ...overrides,
  };
}
