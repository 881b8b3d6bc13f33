/**
 * A Runtime API as small as it can be, for one bootstrap: `next`, `response`, `error` and `init/error` over raw sockets.
 *
 * Raw, so that a test sees what came in one write and sends in pieces of its choice. Refuses whatever it does not know
 * by closing the connection, which fails the test.
 */
import { createServer, type Socket } from "node:net";

export interface Answer {
  readonly kind: "response" | "error" | "init-error" | "exit";
  readonly text: string;
  /** The text, parsed; of a streamed answer undefined. */
  readonly body: unknown;
  /** The header. */
  readonly errorType: string | undefined;
  /** Of a streamed answer. */
  readonly streamed?: {
    readonly contentType: string | undefined;
    /** In the trailers. */
    readonly error: { readonly errorType: string; readonly body: unknown } | undefined;
  };
}

export interface TinyApi {
  /** What ended INIT: undefined is the first `next`. */
  readonly init: Promise<Answer | undefined>;
  /** Resolves when the guest waits for an invocation. */
  waits(): Promise<void>;
  /** A string is sent as it is, everything else as JSON. */
  invoke(payload: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** Of the last answer: did the request for the next invocation arrive with it? */
  wasTogether(): boolean;
  /** Closes all connections. */
  hangUp(): void;
}

export interface TinyApiOptions {
  /** Cuts what is sent into pieces of so many bytes. */
  readonly pieceBytes?: number;
  /** Answers 413 to answers, and hangs up. */
  readonly refuses?: boolean;
}

interface TinyApiServer extends TinyApi {
  /** A path is a Unix socket. Resolves with the address. */
  listen(path: string | undefined): Promise<string>;
  /** The guest has gone: `answer` is what is still waited for. */
  close(answer: Answer): void;
}

export const requestId = "8476a536-e9f4-11e8-9739-2dfe598c3fcd";
export const functionArn = "arn:aws:lambda:eu-west-1:000000000000:function:probe:live";
export const traceId = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
const accepted =
  'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"status":"OK"}';

const refused = "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

export function createTinyApi({
  pieceBytes = Number.POSITIVE_INFINITY,
  refuses,
}: TinyApiOptions = {}): TinyApiServer {
  const init = Promise.withResolvers<Answer | undefined>();
  let waiting: Socket | undefined;
  let whenWaiting: (() => void) | undefined;
  let invocation: PromiseWithResolvers<Answer> | undefined;
  let isTogether = false;

  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let unread = Buffer.alloc(0);
    socket.on("error", () => {});
    socket.on("data", (piece) => {
      unread = Buffer.concat([unread, piece]);
      for (let request = firstRequest(unread); request; request = firstRequest(unread)) {
        unread = unread.subarray(request.bytes);
        if (request.method === "POST") isTogether = unread.length > 0;
        serve(socket, request);
      }
    });
  });

  function serve(socket: Socket, request: Request): void {
    const what = `${request.method} ${request.path.replace("/2018-06-01/runtime/", "")}`;
    const answer = {
      text: request.body,
      errorType: request.headers.get("lambda-runtime-function-error-type"),
    };
    if (what === "GET invocation/next") {
      if (socket.writableEnded) return;
      waiting = socket;
      init.resolve(undefined);
      whenWaiting?.();
      return;
    }
    if (refuses) socket.end(refused);
    else socket.write(accepted);
    if (what === "POST init/error") {
      init.resolve({ kind: "init-error", body: JSON.parse(answer.text), ...answer });
    } else if (what === `POST invocation/${requestId}/response` && request.trailers) {
      const streamed = { contentType: request.headers.get("content-type"), error: trailed(request.trailers) };
      invocation?.resolve({ kind: "response", body: undefined, streamed, ...answer });
    } else if (what === `POST invocation/${requestId}/response`) {
      invocation?.resolve({ kind: "response", body: JSON.parse(answer.text), ...answer });
    } else if (what === `POST invocation/${requestId}/error`) {
      invocation?.resolve({ kind: "error", body: JSON.parse(answer.text), ...answer });
    } else {
      socket.destroy(new Error(`unknown request: ${what}`));
    }
  }

  async function waits(): Promise<void> {
    if (waiting === undefined) await new Promise<void>((resolve) => (whenWaiting = resolve));
  }

  return {
    init: init.promise,
    waits,
    async invoke(payload, headers = {}) {
      await waits();
      const socket = waiting;
      if (socket === undefined) throw new Error("nobody waits for an invocation");
      waiting = undefined;
      invocation = Promise.withResolvers();
      const bytes = invocationBytes(typeof payload === "string" ? payload : JSON.stringify(payload), headers);
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        const piece = bytes.subarray(at, Math.min(bytes.length, at + pieceBytes));
        await new Promise((resolve) => socket.write(piece, resolve));
      }
      return invocation.promise;
    },
    listen(path) {
      return new Promise((resolve) => {
        if (path !== undefined) server.listen(path, () => resolve("169.254.100.1:9001"));
        else {
          server.listen(0, "127.0.0.1", () => {
            const address = server.address();
            resolve(`127.0.0.1:${typeof address === "object" ? address?.port : ""}`);
          });
        }
      });
    },
    close(answer) {
      init.resolve(answer);
      invocation?.resolve(answer);
      server.close();
    },
    wasTogether: () => isTogether,
    hangUp() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: ReadonlyMap<string, string>;
  /** Of a body in chunks. */
  readonly trailers?: ReadonlyMap<string, string>;
  readonly body: string;
  readonly bytes: number;
}

function trailed(trailers: ReadonlyMap<string, string>): { errorType: string; body: unknown } | undefined {
  const errorType = trailers.get("lambda-runtime-function-error-type");
  if (errorType === undefined) return undefined;
  const body = Buffer.from(trailers.get("lambda-runtime-function-error-body") ?? "", "base64").toString();
  return { errorType, body: JSON.parse(body) };
}

/** Undefined until it is there as a whole. */
function firstRequest(unread: Buffer): Request | undefined {
  const headEnd = unread.indexOf("\r\n\r\n");
  if (headEnd === -1) return undefined;
  const [first = "", ...lines] = unread.toString("latin1", 0, headEnd).split("\r\n");
  const [method = "", path = ""] = first.split(" ");
  const headers = parsedHeaders(lines);
  if (headers.get("transfer-encoding") === "chunked") {
    const rest = unchunked(unread.subarray(headEnd + 4));
    return rest && { method, path, headers, ...rest, bytes: headEnd + 4 + rest.bytes };
  }
  const bytes = headEnd + 4 + Number(headers.get("content-length") ?? 0);
  if (unread.length < bytes) return undefined;
  return { method, path, headers, bytes, body: unread.toString("utf8", headEnd + 4, bytes) };
}

function parsedHeaders(lines: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return headers;
}

function unchunked(
  unread: Buffer,
): { body: string; trailers: Map<string, string>; bytes: number } | undefined {
  const pieces: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = unread.indexOf("\r\n", at);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(unread.toString("latin1", at, lineEnd), 16);
    if (size === 0) {
      // The line's end, so that there is an empty line without trailers too.
      const end = unread.indexOf("\r\n\r\n", lineEnd);
      if (end === -1) return undefined;
      const lines = unread.toString("latin1", lineEnd + 2, end).split("\r\n");
      const trailers = parsedHeaders(lines.filter((line) => line !== ""));
      return { body: Buffer.concat(pieces).toString(), trailers, bytes: end + 4 };
    }
    pieces.push(unread.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
    if (at > unread.length) return undefined;
  }
}

function invocationBytes(body: string, headers: Readonly<Record<string, string>>): Buffer {
  const all = {
    "Content-Type": "application/json",
    "Content-Length": String(Buffer.byteLength(body)),
    "Lambda-Runtime-Aws-Request-Id": requestId,
    "Lambda-Runtime-Deadline-Ms": String(Date.now() + 3000),
    "Lambda-Runtime-Invoked-Function-Arn": functionArn,
    "Lambda-Runtime-Trace-Id": traceId,
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`HTTP/1.1 200 OK\r\n${lines.join("")}\r\n${body}`);
}
