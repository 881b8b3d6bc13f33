/**
 * The gateway: requests of every listening socket through one pipeline, and their answers back. Several addresses may be
 * listened on, each with or without admin routes.
 *
 * Closing stops accepting, lets running requests finish within the grace, and then destroys what is left.
 */
import { isIPv6 } from "node:net";
import type { Clock } from "../base/clock.ts";
import { describeError, type Logger } from "../base/logger.ts";
import type { Metrics } from "../base/metrics.ts";
import type { WireResponse } from "../wire/protocol.ts";
import type { Exchange, Listener } from "./exchange.ts";
import { createFront, type Front } from "./front.ts";
import { type Held, HttpExchange, type Request, type Response, send } from "./http-exchange.ts";
import type { Pipeline } from "./pipeline.ts";
import type { PlainExchange } from "./plain-connection.ts";

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

  async function servePlain(exchange: PlainExchange): Promise<void> {
    const { connection, bodyBytes } = exchange;
    running += 1;
    held.bytes += bodyBytes;
    try {
      if (opening) await opening.promise;
      await connection.send(await pipeline.answer(exchange), closed !== undefined);
    } catch (error) {
      logCutOff(exchange, error);
      connection.giveUp();
    } finally {
      running -= 1;
      held.bytes -= bodyBytes;
    }
  }

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
      logCutOff(exchange, error);
      if ("stream" in response) response.stream.close(http2InternalError);
      // What was sent before is to arrive: only the body's end is missing.
      else if (response.headersSent) response.socket?.destroySoon();
      else response.writeHead(500, { connection: "close" }).end();
    }
  }

  function logCutOff({ isGone, method, path }: Exchange, error: unknown): void {
    if (!isGone) logger.error("answer cut off", { method, path, error: describeError(error) });
  }

  return {
    async listen({ host, port, admin }) {
      const listener = { url: "", admin };
      const front = createFront(clock, {
        listener,
        onPlain: (exchange) => void servePlain(exchange),
        onRequest: (request, response) => void serve(request, response, listener),
      });
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

function urlOf(host: string, port: number): string {
  if (host === "0.0.0.0" || host === "") return `http://127.0.0.1:${port}`;
  if (host === "::") return `http://[::1]:${port}`;
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

function ignore(): void {}

const http2InternalError = 2;
