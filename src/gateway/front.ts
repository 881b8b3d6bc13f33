/**
 * One listening socket. HTTP/1.1 and, to clients that begin with HTTP/2's preface (the SDK's Kinesis client does),
 * HTTP/2: the first bytes of a connection decide. In HTTP/1.1 plain requests have a short way of their own.
 *
 * Hung and slow clients are bounded by Node's own timers (head, whole request, idle connections), and by the same
 * bounds of ours where Node has none: before the first bytes, among plain requests, and in HTTP/2.
 */
import type { Server } from "node:http";
import {
  createServer as createHttp2Server,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import type { Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import { createServer } from "../base/http.ts";
import {
  connectionsMax,
  keepAliveMs,
  requestHeaderBytesMax,
  requestHeaderMsMax,
  requestReceiveMsMax,
  streamsPerConnectionMax,
} from "../limits.ts";
import type { Listener } from "./exchange.ts";
import type { Request, Response } from "./http-exchange.ts";
import { AnswerHeads } from "./plain-answer.ts";
import { PlainConnection, type PlainExchange } from "./plain-connection.ts";

export type OnRequest = (request: Request, response: Response) => void;

export interface Front {
  listen(host: string, port: number): Promise<number>;
  close(graceMs: number): Promise<void>;
}

export interface FrontDeps {
  readonly listener: Listener;
  readonly onPlain: (exchange: PlainExchange) => void;
  readonly onRequest: OnRequest;
}

export function createFront(clock: Clock, { listener, onPlain, onRequest }: FrontDeps): Front {
  const http1 = createHttp1(onRequest);
  const sessions = new Set<ServerHttp2Session>();
  const http2 = createHttp2(clock, onRequest, sessions);
  // The HTTP/1 server owns the listening socket, and with it the timers over its connections; we only look first.
  const [acceptHttp1] = http1.listeners("connection") as ((socket: Socket) => void)[];
  http1.removeAllListeners("connection");
  const undecided = new Set<Socket>();
  const plain = new Set<PlainConnection>();
  const heads = new AnswerHeads(clock);
  http1.on("connection", (socket: Socket) => {
    undecided.add(socket);
    whenDecided(clock, socket, (isHttp2, bytes) => {
      undecided.delete(socket);
      if (isHttp2) {
        socket.unshift(bytes);
        http2.emit("connection", socket);
      } else {
        startPlain(socket).receive(bytes);
      }
    });
    socket.once("close", () => undecided.delete(socket));
  });

  function startPlain(socket: Socket): PlainConnection {
    const connection = new PlainConnection(socket, {
      clock,
      heads,
      listener,
      serve: onPlain,
      handOver() {
        plain.delete(connection);
        acceptHttp1?.call(http1, socket);
      },
    });
    plain.add(connection);
    socket.once("close", () => plain.delete(connection));
    return connection;
  }

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
      for (const connection of plain) connection.end();
      for (const session of sessions) session.close();
      const timer = clock.after(graceMs, () => {
        http1.closeAllConnections();
        for (const { socket } of plain) socket.destroy();
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

/** Takes a connection's first bytes, as many as it needs. */
function whenDecided(clock: Clock, socket: Socket, decided: (isHttp2: boolean, bytes: Buffer) => void): void {
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
    decided(isPrefix, seen);
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

function ignore(): void {}

/** The first bytes that no HTTP/1 request can have: RFC 9113, 3.4. */
const preface = "PRI * HTTP/2.0";
