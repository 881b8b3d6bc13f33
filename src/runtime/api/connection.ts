/**
 * One client's connection to the Runtime API: requests off a socket, answers onto it, in order.
 *
 * One request is served at a time, so a pipelined one waits until the one before it is answered; `next` is answered when
 * there is an event, which may be hours later. Answers to requests that came together leave together: our bootstraps
 * send an answer and the next `next` in one write, and need one read, not two, for what comes back. What it keeps in memory is charged to a budget that all connections of
 * one environment share; who exceeds it is cut off. It knows nothing of paths and states.
 */
import type { Socket } from "node:net";
import { bufferOf } from "../../base/bytes.ts";
import type { BodyEnd, BodyStep, HttpRequest, IsStreamed } from "./http1.ts";
import { RequestParser } from "./http1.ts";
import { invokeResponseBytesMax } from "../../limits.ts";

export interface Serve {
  /** Answers at once, or keeps the exchange and answers later. */
  readonly serve: (request: HttpRequest, exchange: Exchange) => void;
  readonly isStreamed: IsStreamed;
}

export interface Answer {
  readonly status: number;
  /** Whole header lines, each with its CRLF; a character for each byte. */
  readonly headerLines: string;
  readonly body: Uint8Array | string;
}

export interface Exchange {
  /** Once. After the client has gone it does nothing. */
  answer(answer: Answer): void;
  /** Called when the client went before it was answered. */
  onGone: (() => void) | undefined;
  /** Takes the body of a request that is streamed, until it was answered; set while it is served. */
  receiver: Receiver | undefined;
  /** The receiver takes more again. */
  resume(): void;
}

export interface Receiver {
  /** False: no more until `resume`. */
  take(piece: Uint8Array): boolean;
  /** Once, unless the client goes or was answered before. */
  end(end: BodyEnd): void;
}

/** Bytes of unfinished requests that one environment may keep in lambdad's memory. */
export class Budget {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  charge(bytes: number): void {
    this.#bytes += bytes;
  }

  get isExceeded(): boolean {
    return this.#bytes > this.#bytesMax;
  }
}

const reasons: Readonly<Record<number, string>> = {
  200: "OK",
  202: "Accepted",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  413: "Payload Too Large",
  417: "Expectation Failed",
  431: "Request Header Fields Too Large",
  501: "Not Implemented",
  505: "HTTP Version Not Supported",
};

const goOn = "HTTP/1.1 100 Continue\r\n\r\n";
/** So many bytes of answers leave without waiting for more. */
const leavingMax = 64 * 1024;
/** Bodies up to this size leave as text, with their head: one write costs less than what is copied for it. */
const mergedBytesMax = 16 * 1024;
/** What a client may send ahead of its answers before it is not read any more. */
const waitingBytesMax = 64 * 1024;

/** `onFault`: a mistake of ours while a request was served. It costs this connection, and nobody else's. */
export function serveConnection(
  socket: Socket,
  serve: Serve,
  { budget, onFault }: { readonly budget: Budget; readonly onFault: (error: unknown) => void },
): void {
  new Connection(socket, serve, budget, onFault).pump();
}

class OpenExchange implements Exchange {
  onGone: (() => void) | undefined;
  receiver: Receiver | undefined;
  /** The receiver takes no more for now. */
  isFull = false;
  readonly request: HttpRequest;
  readonly #connection: Connection;

  constructor(connection: Connection, request: HttpRequest) {
    this.#connection = connection;
    this.request = request;
  }

  answer(answer: Answer): void {
    this.#connection.answer(this, answer);
  }

  resume(): void {
    this.isFull = false;
    this.#connection.pump();
  }
}

class Connection {
  readonly #socket: Socket;
  readonly #serve: Serve;
  readonly #budget: Budget;
  readonly #onFault: (error: unknown) => void;
  readonly #parser: RequestParser;
  #charged = 0;
  /** The request that has not been answered. */
  #open: OpenExchange | undefined;
  #isPumping = false;
  /** Answers that have not been written, a character for each byte. */
  #leaving = "";
  /** The connection ends when they are. */
  #isLast = false;
  /** The client will send no more. */
  #hasEnded = false;

  constructor(socket: Socket, serve: Serve, budget: Budget, onFault: (error: unknown) => void) {
    this.#socket = socket;
    this.#serve = serve;
    this.#budget = budget;
    this.#onFault = onFault;
    this.#parser = new RequestParser(invokeResponseBytesMax, serve.isStreamed);
    socket.on("data", (chunk: Buffer) => {
      this.#parser.push(chunk);
      this.pump();
    });
    socket.on("drain", () => this.pump());
    socket.on("end", () => this.#end());
    // The peer's trouble; "close" follows.
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#close());
  }

  /** Serves what has arrived, until a request waits for its answer, bytes are missing, or the client does not read. */
  pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      this.#serveArrived();
    } catch (error) {
      this.#onFault(error);
      this.#socket.destroy();
    }
    this.#isPumping = false;
    if (this.#hasEnded && !this.#open) this.#isLast = true;
    if (!this.#open || this.#isReceiving) this.#flush();
    this.#account();
  }

  #serveArrived(): void {
    while (
      (!this.#open || this.#isReceiving) &&
      !this.#isLast &&
      !this.#socket.destroyed &&
      !this.#socket.writableNeedDrain
    ) {
      const step = this.#parser.next();
      if (step.kind === "more") break;
      if (step.kind === "request") this.#begin(step.request);
      else if (step.kind === "continue") this.#leaving += goOn;
      else if (step.kind === "bad") this.#refuse(step.status);
      else this.#receive(step);
      if (this.#leaving.length > leavingMax) this.#flush();
    }
  }

  /** The open request's body is wanted. */
  get #isReceiving(): boolean {
    return this.#open?.receiver !== undefined && !this.#open.isFull;
  }

  #begin(request: HttpRequest): void {
    this.#open = new OpenExchange(this, request);
    this.#serve.serve(request, this.#open);
  }

  /** What nobody takes, because the request was answered before its end, is dropped. */
  #receive(step: BodyStep): void {
    const open = this.#open;
    if (!open?.receiver) return;
    if (step.kind === "piece") open.isFull = !open.receiver.take(step.bytes);
    else open.receiver.end(step.end);
  }

  answer(exchange: OpenExchange, { status, headerLines, body }: Answer): void {
    if (this.#open !== exchange) return;
    this.#open = undefined;
    const { request } = exchange;
    const length = typeof body === "string" ? Buffer.byteLength(body) : body.length;
    this.#leaving +=
      `HTTP/1.1 ${status} ${reasons[status] ?? "Unknown"}\r\n${headerLines}Content-Length: ${length}\r\n` +
      `${connectionLine(request)}\r\n`;
    if (request.method !== "HEAD") {
      if (typeof body !== "string") this.#send(body);
      else if (length === body.length) this.#leaving += body;
      else this.#send(Buffer.from(body));
    }
    if (!request.isKeptAlive) this.#isLast = true;
    this.pump();
  }

  #refuse(status: number): void {
    this.#isLast = true;
    const receiver = this.#open?.receiver;
    // The answer to that request is the last one.
    if (receiver) return receiver.end({ kind: "truncated" });
    this.#leaving += `HTTP/1.1 ${status} ${reasons[status]}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
  }

  #send(body: Uint8Array): void {
    if (body.length <= mergedBytesMax) {
      this.#leaving += bufferOf(body).toString("latin1");
      return;
    }
    this.#socket.cork();
    this.#write();
    this.#socket.write(body);
    this.#socket.uncork();
  }

  #write(): void {
    if (this.#leaving !== "") this.#socket.write(this.#leaving, "latin1");
    this.#leaving = "";
  }

  #flush(): void {
    this.#write();
    if (this.#isLast) this.#socket.end();
  }

  /** Keeps the books of memory, and stops reading while what has arrived cannot be served. */
  #account(): void {
    const held = this.#parser.heldBytes;
    this.#budget.charge(held - this.#charged);
    this.#charged = held;
    const isStuck = this.#open !== undefined || this.#socket.writableNeedDrain;
    if (this.#budget.isExceeded) this.#socket.destroy();
    else if (isStuck && held > waitingBytesMax) this.#socket.pause();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  /** The client will send no more. One that still waits for an event has gone: nobody half-closes a long poll. */
  #end(): void {
    this.#parser.end();
    this.#hasEnded = true;
    if (this.#open && !this.#open.receiver) this.#close();
    this.pump();
  }

  #close(): void {
    const gone = this.#open?.onGone;
    this.#open = undefined;
    this.#budget.charge(-this.#charged);
    this.#charged = 0;
    gone?.();
  }
}

function connectionLine({ isKeptAlive, version }: HttpRequest): string {
  if (!isKeptAlive) return "Connection: close\r\n";
  return version === "1.0" ? "Connection: keep-alive\r\n" : "";
}
