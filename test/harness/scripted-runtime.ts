/**
 * Sandboxes that are scripts: each plays a runtime's bootstrap step by step over the real Runtime API, so that a test can
 * say "asks, answers twice, exits". Time does not pass by itself; the test's clock drives the environment.
 *
 * A script is an async function, run by the fake driver. When it returns, the "program" has exited with code 0; when it
 * is killed first, whatever it waits for never comes.
 */
import { request as httpRequest } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";
import type { Driver, Exit, Mount, Sandbox, SandboxSpec } from "../../src/isolation/driver.ts";
import { DriverError } from "../../src/isolation/driver.ts";
import type { FakeProcess } from "../../src/isolation/fake/fake.ts";
import { createFakeDriver } from "../../src/isolation/fake/fake.ts";

export type Script = (runtime: ScriptedRuntime) => Promise<void>;

export interface ApiAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface NextEvent extends ApiAnswer {
  /** "" where it was refused. */
  readonly requestId: string;
}

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly chunked?: boolean;
}

export interface ScriptedStream {
  /** Resolves when the kernel has it. */
  write(piece: string | Uint8Array): Promise<void>;
  /** `error`: goes into the trailers. Answers the status. */
  end(error?: { readonly errorType: string; readonly errorMessage: string }): Promise<number>;
  breakOff(): void;
}

/** Never resolves. */
export const forever = new Promise<never>(() => undefined);

export class ScriptedRuntime {
  /** Resolves when it exits by `exit`. */
  readonly exited: Promise<Exit>;
  readonly #program: FakeProcess;
  readonly #exit = Promise.withResolvers<Exit>();
  readonly #open = new Set<{ destroy(): unknown }>();

  constructor(program: FakeProcess) {
    this.#program = program;
    this.exited = this.#exit.promise;
    program.killed.addEventListener("abort", () => {
      for (const open of this.#open) open.destroy();
    });
  }

  get spec(): SandboxSpec {
    return this.#program.spec;
  }

  get env(): Readonly<Record<string, string>> {
    return this.spec.env;
  }

  async next(): Promise<NextEvent> {
    const answer = await this.call("GET", "/2018-06-01/runtime/invocation/next");
    return { ...answer, requestId: String(answer.headers["lambda-runtime-aws-request-id"] ?? "") };
  }

  respond(requestId: string, payload: string | Uint8Array, options?: CallOptions): Promise<ApiAnswer> {
    return this.call("POST", `/2018-06-01/runtime/invocation/${requestId}/response`, payload, options);
  }

  error(requestId: string, body: string | Uint8Array, options?: CallOptions): Promise<ApiAnswer> {
    return this.call("POST", `/2018-06-01/runtime/invocation/${requestId}/error`, body, options);
  }

  initError(body: string, options?: CallOptions): Promise<ApiAnswer> {
    return this.call("POST", "/2018-06-01/runtime/init/error", body, options);
  }

  print(text: string | Uint8Array, to: "stdout" | "stderr" = "stdout"): void {
    this.#program.write(to, text);
  }

  /** A log frame on file descriptor 3. */
  frame(text: string, atMs: number): void {
    const body = Buffer.from(text);
    const head = Buffer.alloc(16);
    head.writeUInt32BE(0xa55a000f, 0);
    head.writeUInt32BE(body.length, 4);
    head.writeBigUInt64BE(BigInt(atMs) * 1000n, 8);
    this.#program.write("frames", Buffer.concat([head, body]));
  }

  /** The sandbox is frozen; a script is not, but what it prints and its end are heard after the thaw. */
  get isFrozen(): boolean {
    return this.#program.isFrozen;
  }

  uses(memoryPeakBytes: number): void {
    this.#program.use({ memoryPeakBytes });
  }

  exit(exit: Exit | number): Promise<never> {
    this.#exit.resolve(typeof exit === "number" ? { kind: "code", code: exit, oom: false } : exit);
    return forever;
  }

  /** One request over the environment's Unix socket, on a connection of its own. */
  call(
    method: string,
    path: string,
    body?: string | Uint8Array,
    options: CallOptions = {},
  ): Promise<ApiAnswer> {
    return new Promise((resolve) => {
      const length =
        body === undefined || options.chunked ? {} : { "content-length": Buffer.byteLength(body) };
      const request = httpRequest(
        {
          socketPath: this.env["_LAMBDAD_RUNTIME_SOCKET"],
          method,
          path,
          headers: { ...length, ...options.headers },
          agent: false,
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", () => undefined);
          response.on("end", () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: Buffer.concat(chunks).toString(),
            }),
          );
        },
      );
      // A runtime that is cut off waits for its death; it must not fail the test.
      request.on("error", () => undefined);
      this.#open.add(request);
      request.on("close", () => this.#open.delete(request));
      if (options.chunked && body !== undefined) request.write(body);
      request.end(options.chunked ? undefined : body);
    });
  }

  /** Begins to stream an answer, on a connection of its own. */
  stream(requestId: string, contentType?: string): ScriptedStream {
    const answered = Promise.withResolvers<number>();
    const request = httpRequest(
      {
        socketPath: this.env["_LAMBDAD_RUNTIME_SOCKET"],
        method: "POST",
        path: `/2018-06-01/runtime/invocation/${requestId}/response`,
        headers: {
          "Lambda-Runtime-Function-Response-Mode": "streaming",
          "Transfer-Encoding": "chunked",
          Trailer: "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
          ...(contentType !== undefined && { "Content-Type": contentType }),
        },
        agent: false,
      },
      (response) => answered.resolve(response.resume().statusCode ?? 0),
    );
    request.on("error", () => undefined);
    request.flushHeaders();
    this.#open.add(request);
    return {
      write: (piece) => new Promise((resolve) => request.write(piece, () => resolve())),
      end(error) {
        if (error !== undefined) {
          const body = Buffer.from(JSON.stringify(error)).toString("base64");
          request.addTrailers({
            "Lambda-Runtime-Function-Error-Type": error.errorType,
            "Lambda-Runtime-Function-Error-Body": body,
          });
        }
        request.end();
        return answered.promise;
      },
      breakOff: () => void request.destroy(),
    };
  }

  /** A raw connection, for what an HTTP client would not do. */
  connect(): Socket {
    const socket = connect({ path: this.env["_LAMBDAD_RUNTIME_SOCKET"] ?? "", allowHalfOpen: true });
    socket.on("error", () => undefined);
    this.#open.add(socket);
    return socket;
  }
}

/** The fake driver with one script for each start; the last one also for all that follow. */
export class ScriptedDriver implements Driver {
  readonly name = "fake";
  readonly guarantees = { separated: false, limited: false, networked: false, freezes: true, missing: [] };
  readonly hostAddress = "127.0.0.1";
  /** Every runtime that was started, in order. */
  readonly started: ScriptedRuntime[] = [];
  /** What `setCpus` was told. */
  readonly cpus: number[] = [];
  /** Every `freeze` and `thaw`. */
  readonly freezing: ("freeze" | "thaw")[] = [];
  readonly removedTmps: string[] = [];
  /** Makes `create` fail. */
  failure: string | undefined;
  /** `create` begins when this has resolved. */
  ready: Promise<void> = Promise.resolve();
  readonly #scripts: readonly Script[];
  readonly #fake = createFakeDriver({ [scriptedProgram]: (program) => this.#play(program) });

  constructor(...scripts: readonly Script[]) {
    this.#scripts = scripts;
  }

  get destroyed(): number {
    return this.started.length - this.#fake.living.size;
  }

  /** As on the host, so that scripts find the Runtime API's socket. */
  resolve(mounts: readonly Mount[], insidePath: string): string {
    const mount = mounts.find(({ target }) => insidePath === target || insidePath.startsWith(`${target}/`));
    return mount ? mount.source + insidePath.slice(mount.target.length) : insidePath;
  }

  async create(spec: SandboxSpec): Promise<Sandbox> {
    await this.ready;
    if (this.failure !== undefined) throw new DriverError("launch", this.failure);
    const sandbox = await this.#fake.create({ ...spec, argv: [scriptedProgram, ...spec.argv] });
    return {
      ...sandbox,
      address: undefined,
      setCpus: async (cpus) => void this.cpus.push(cpus),
      freeze: () => this.#note("freeze", () => sandbox.freeze()),
      thaw: () => this.#note("thaw", () => sandbox.thaw()),
    };
  }

  #note(what: "freeze" | "thaw", call: () => Promise<void>): Promise<void> {
    this.freezing.push(what);
    return call();
  }

  #play(program: FakeProcess): Promise<Exit> {
    const runtime = new ScriptedRuntime(program);
    const script = this.#scripts[Math.min(this.started.length, this.#scripts.length - 1)];
    this.started.push(runtime);
    const returned = script?.(runtime).then((): Exit => ({ kind: "code", code: 0, oom: false }));
    return Promise.race([runtime.exited, ...(returned ? [returned] : [])]);
  }

  async removeTmp(tmpName: string): Promise<void> {
    this.removedTmps.push(tmpName);
  }

  async sweep(): Promise<void> {}

  close(): Promise<void> {
    return this.#fake.close();
  }
}

const scriptedProgram = "scripted";
