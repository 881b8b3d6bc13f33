/**
 * The gateway's sockets. One port speaks HTTP/1.1 and, to clients that begin with HTTP/2's preface (the SDK's Kinesis
 * client does), HTTP/2: the first bytes of a connection decide. Several addresses may be listened on, each with or
 * without admin routes.
 *
 * Hung and slow clients are bounded by Node's own timers (head, whole request, idle connections), and by the same
 * bounds of ours where Node has none: before the first bytes, and in HTTP/2. Closing stops accepting, lets running requests finish within the grace, and then destroys what is left.
 */
import type { Server } from "node:http";
import {
  createServer as createHttp2Server,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import { isIPv6, type Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import { createServer } from "../base/http.ts";
import { describeError, type Logger } from "../base/logger.ts";
import type { Metrics } from "../base/metrics.ts";
import {
  connectionsMax,
  keepAliveMs,
  requestHeaderBytesMax,
  requestHeaderMsMax,
  requestReceiveMsMax,
  streamsPerConnectionMax,
} from "../limits.ts";
import type { WireResponse } from "../wire/protocol.ts";
import type { Listener } from "./exchange.ts";
import { type Held, HttpExchange, type Request, type Response, send } from "./http-exchange.ts";
import type { Pipeline } from "./pipeline.ts";

export interface GatewayDeps {
  readonly pipeline: Pipeline;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface ListenOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Whether admin routes are served on this address. */
  readonly admin: boolean;
}

export interface Gateway {
  /** Resolves once requests are taken; they wait for `open`. Rejects with the socket's error: EADDRINUSE, EACCES. */
  listen(options: ListenOptions): Promise<{ readonly port: number; readonly url: string }>;
  /** From now on requests are answered. */
  open(): void;
  /** Idempotent. Requests that still run after `graceMs` are cut off. */
  close(graceMs: number): Promise<void>;
}

export function createGateway(deps: GatewayDeps): Gateway {
  const { pipeline, clock, logger } = deps;
  const fronts: Front[] = [];
  const held: Held = { bytes: 0 };
  let running = 0;
  let closed: Promise<unknown> | undefined;
  let opening: PromiseWithResolvers<void> | undefined = Promise.withResolvers();
  deps.metrics.gauge("lambdad_gateway_running_requests", "Requests being answered.", () => running);
  deps.metrics.gauge("lambdad_gateway_held_bytes", "Request bodies in memory.", () => held.bytes);

  async function serve(request: Request, response: Response, listener: Listener): Promise<void> {
    const exchange = new HttpExchange(request, response, { listener, held });
    request.on("error", ignore); // the client went away: `close` follows, and is what we listen to
    response.on("error", ignore);
    running += 1;
    try {
      if (opening) await opening.promise;
      const answer = await pipeline.answer(exchange);
      if (!exchange.isDrained) await exchange.drain(clock);
      await sendOrGiveUp(exchange, response, answer);
      if ("stream" in response && !exchange.isDrained) response.stream.close();
    } finally {
      running -= 1;
      exchange.release();
    }
  }

  /** A streamed body that fails midway can only be cut off: its status is gone already. */
  async function sendOrGiveUp(
    exchange: HttpExchange,
    response: Response,
    answer: WireResponse,
  ): Promise<void> {
    try {
      await send(exchange, response, answer, closed !== undefined);
    } catch (error) {
      if (!exchange.isGone) {
        const { method, path } = exchange;
        logger.error("answer cut off", { method, path, error: describeError(error) });
      }
      if ("stream" in response) response.stream.close(http2InternalError);
      // What was sent before is to arrive: only the body's end is missing.
      else if (response.headersSent) response.socket?.destroySoon();
      else response.writeHead(500, { connection: "close" }).end();
    }
  }

  return {
    async listen({ host, port, admin }) {
      const listener = { url: "", admin };
      const front = createFront(clock, (request, response) => void serve(request, response, listener));
      const boundPort = await front.listen(host, port);
      fronts.push(front);
      listener.url = urlOf(host, boundPort);
      return { port: boundPort, url: listener.url };
    },
    open() {
      opening?.resolve();
      opening = undefined;
    },
    async close(graceMs) {
      closed ??= Promise.all(fronts.map((front) => front.close(graceMs)));
      await closed;
    },
  };
}

type OnRequest = (request: Request, response: Response) => void;

/** One listening socket with its two servers. */
interface Front {
  listen(host: string, port: number): Promise<number>;
  close(graceMs: number): Promise<void>;
}

function createFront(clock: Clock, onRequest: OnRequest): Front {
  const http1 = createHttp1(onRequest);
  const sessions = new Set<ServerHttp2Session>();
  const http2 = createHttp2(clock, onRequest, sessions);
  // The HTTP/1 server owns the listening socket, and with it the timers over its connections; we only look first.
  const [acceptHttp1] = http1.listeners("connection") as ((socket: Socket) => void)[];
  http1.removeAllListeners("connection");
  const undecided = new Set<Socket>();
  http1.on("connection", (socket: Socket) => {
    undecided.add(socket);
    whenDecided(clock, socket, (isHttp2) => {
      undecided.delete(socket);
      if (isHttp2) http2.emit("connection", socket);
      else acceptHttp1?.call(http1, socket);
    });
    socket.once("close", () => undecided.delete(socket));
  });

  return {
    listen(host, port) {
      return new Promise((resolve, reject) => {
        http1.once("error", reject);
        http1.listen({ host, port, backlog: 1024 }, () => {
          http1.off("error", reject);
          const address = http1.address();
          resolve(typeof address === "object" && address ? address.port : port);
        });
      });
    },
    async close(graceMs) {
      const closed = new Promise<void>((resolve) => http1.close(() => resolve()));
      for (const socket of undecided) socket.destroy();
      for (const session of sessions) session.close();
      const timer = clock.after(graceMs, () => {
        http1.closeAllConnections();
        for (const session of sessions) session.destroy();
      });
      await closed;
      timer.cancel();
    },
  };
}

function createHttp1(onRequest: OnRequest): Server {
  const server = createServer({
    maxHeaderSize: requestHeaderBytesMax,
    headersTimeout: requestHeaderMsMax,
    requestTimeout: requestReceiveMsMax,
    keepAliveTimeout: keepAliveMs,
    noDelay: true,
  });
  server.maxConnections = connectionsMax;
  server.on("request", onRequest);
  // The exchange says "continue" when, and only if, somebody wants the body.
  server.on("checkContinue", onRequest);
  // As AWS does it: whatever else is expected, an answer is.
  server.on("checkExpectation", onRequest);
  return server;
}

function createHttp2(clock: Clock, onRequest: OnRequest, sessions: Set<ServerHttp2Session>): Http2Server {
  const server = createHttp2Server({
    settings: {
      maxConcurrentStreams: streamsPerConnectionMax,
      maxHeaderListSize: requestHeaderBytesMax,
    },
  });
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    session.on("error", ignore); // a broken connection; its streams have been closed
    session.socket.once("end", () => session.close()); // else a half-closed one would linger until it is idle
    closeWhenIdle(clock, session);
  });
  function onStream(request: Http2ServerRequest, response: Http2ServerResponse) {
    boundBody(clock, request);
    onRequest(request, response);
  }
  server.on("request", onStream);
  server.on("checkContinue", onStream);
  return server;
}

/** As `keepAliveTimeout` does it for HTTP/1. */
function closeWhenIdle(clock: Clock, session: ServerHttp2Session): void {
  let streams = 0;
  let idle = clock.after(keepAliveMs, close);
  function close() {
    session.close();
  }
  session.once("close", () => idle.cancel());
  session.on("stream", (stream) => {
    idle.cancel();
    streams += 1;
    stream.once("close", () => {
      streams -= 1;
      if (streams === 0) idle = clock.after(keepAliveMs, close);
    });
  });
}

/** As `requestTimeout` does it for HTTP/1. */
function boundBody(clock: Clock, { stream }: Http2ServerRequest): void {
  if (stream.endAfterHeaders) return;
  const deadline = clock.after(requestReceiveMsMax, () => stream.close());
  stream.once("end", () => deadline.cancel());
  stream.once("close", () => deadline.cancel());
}

/** Looks at a connection's first bytes and puts them back. */
function whenDecided(clock: Clock, socket: Socket, decided: (isHttp2: boolean) => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const deadline = clock.after(requestHeaderMsMax, destroy);
  socket.on("error", ignore); // reset before it said anything; `close` follows
  socket.on("close", forget);
  socket.on("end", destroy);
  socket.on("readable", look);

  function look() {
    const bytes = socket.read() as Buffer | null;
    if (bytes === null) return;
    seen = seen.length === 0 ? bytes : Buffer.concat([seen, bytes]);
    const isPrefix = preface.startsWith(seen.toString("latin1", 0, preface.length));
    if (isPrefix && seen.length < preface.length) return;
    forget();
    socket.unshift(seen);
    decided(isPrefix);
  }
  function forget() {
    deadline.cancel();
    socket.off("close", forget);
    socket.off("end", destroy);
    socket.off("readable", look);
  }
  function destroy() {
    socket.destroy();
  }
}

function urlOf(host: string, port: number): string {
  if (host === "0.0.0.0" || host === "") return `http://127.0.0.1:${port}`;
  if (host === "::") return `http://[::1]:${port}`;
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

function ignore(): void {}

/** The first bytes that no HTTP/1 request can have: RFC 9113, 3.4. */
const preface = "PRI * HTTP/2.0";
const http2InternalError = 2;
