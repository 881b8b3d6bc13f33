/**
 * An `Exchange` over a Node request and response, HTTP/1.1 or HTTP/2 alike, and the writing of the answer.
 *
 * Bodies are collected with data and end events, which costs half of what `for await` does. A body that was refused
 * before its end is drained, within bounds, before the answer is sent: most clients read nothing while they write.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { bufferOf } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { drainBytesMax, drainMsMax, receivingBytesMax } from "../limits.ts";
import { AwsError } from "../wire/aws-error.ts";
import type { WireResponse } from "../wire/protocol.ts";
import { isStreamed, lengthOf, mergedBytesMax, writable } from "./answer-body.ts";
import { BodyTooLarge, ClientGone, type Exchange, type Listener, noBody } from "./exchange.ts";
import { plainAddress } from "./hosts.ts";

export type Request = IncomingMessage | Http2ServerRequest;
export type Response = ServerResponse | Http2ServerResponse;

/** Bytes of collected bodies that all running requests hold together. */
export interface Held {
  bytes: number;
}

export class HttpExchange implements Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Record<string, string>;
  readonly listener: Listener;
  readonly #request: Request;
  readonly #response: Response;
  readonly #held: Held;
  #heldBytes = 0;
  /** The client waits for "100 Continue" before it sends its body. */
  #awaitsContinue: boolean;
  #abort: AbortController | undefined;

  constructor(request: Request, response: Response, from: { listener: Listener; held: Held }) {
    const target = originForm(request.url ?? "/");
    const question = target.indexOf("?");
    this.method = request.method ?? "GET";
    this.path = question === -1 ? target : target.slice(0, question);
    this.query = question === -1 ? "" : target.slice(question + 1);
    this.headers = joinedHeaders(request.rawHeaders);
    this.listener = from.listener;
    this.#request = request;
    this.#response = response;
    this.#held = from.held;
    this.#awaitsContinue = this.headers["expect"]?.toLowerCase() === "100-continue";
  }

  get remoteAddress(): string {
    return plainAddress(this.#request.socket.remoteAddress ?? "");
  }

  get isGone(): boolean {
    const request = this.#request;
    return "stream" in request ? request.stream.destroyed : request.socket.destroyed;
  }

  get signal(): AbortSignal {
    if (this.#abort) return this.#abort.signal;
    const abort = new AbortController();
    this.#abort = abort;
    if (this.isGone) abort.abort(new ClientGone("the client went away"));
    this.#response.once("close", () => {
      if (!this.#response.writableFinished) abort.abort(new ClientGone("the client went away"));
    });
    return abort.signal;
  }

  collect(bytesMax: number): Promise<Uint8Array> {
    const declared = this.headers["content-length"];
    if (declared === undefined ? !this.#isChunked() : declared === "0") return Promise.resolve(noBody);
    if (declared !== undefined && Number(declared) > bytesMax) {
      return Promise.reject(new BodyTooLarge(`${declared} bytes`));
    }
    this.#continue();
    return new Promise((resolve, reject) => {
      const chunks: Uint8Array[] = [];
      let size = 0;
      this.#request.on("data", (chunk: Uint8Array) => {
        size += chunk.length;
        if (size > bytesMax) return reject(new BodyTooLarge(`more than ${bytesMax} bytes`));
        if (!this.#hold(chunk.length)) return reject(overloaded());
        chunks.push(chunk);
      });
      this.#request.on("end", () => resolve(onlyOrAll(chunks, size)));
      this.#request.on("close", () => {
        // It comes after "end" too, and an error costs more than all the rest of this.
        if (!this.isDrained) reject(new ClientGone("the client went away within its body"));
      });
    });
  }

  async *stream(): AsyncGenerator<Uint8Array> {
    this.#continue();
    // Leaving the loop early must not destroy the socket: the answer still has to go out.
    yield* this.#request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
    if (!this.#request.complete) throw new ClientGone("the client went away within its body");
  }

  /** Whether the body has been read to its end; a connection with a half-read body cannot be used again. */
  get isDrained(): boolean {
    return this.#request.complete;
  }

  /** Reads and drops the rest of the body, within bounds. */
  drain(clock: Clock): Promise<void> {
    if (this.isDrained || this.#awaitsContinue || this.isGone) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = clock.after(drainMsMax, finish);
      let size = 0;
      const request = this.#request;
      function finish() {
        timer.cancel();
        resolve();
      }
      request.on("data", (chunk: Uint8Array) => {
        size += chunk.length;
        if (size > drainBytesMax) finish();
      });
      request.once("end", finish);
      request.once("close", finish);
      request.resume();
    });
  }

  /** After the answer: the body's memory is free again. */
  release(): void {
    this.#held.bytes -= this.#heldBytes;
    this.#heldBytes = 0;
  }

  #isChunked(): boolean {
    if ("stream" in this.#request) return !this.#request.stream.endAfterHeaders;
    return this.headers["transfer-encoding"] !== undefined;
  }

  #hold(bytes: number): boolean {
    if (this.#held.bytes + bytes > receivingBytesMax) return false;
    this.#held.bytes += bytes;
    this.#heldBytes += bytes;
    return true;
  }

  #continue(): void {
    if (!this.#awaitsContinue) return;
    this.#awaitsContinue = false;
    this.#response.writeContinue();
  }
}

/** Sends `answer`; resolves when the last byte was handed to the socket. Rejects when a streamed body fails. */
export async function send(
  exchange: HttpExchange,
  response: Response,
  answer: WireResponse,
  closeAfter: boolean,
): Promise<void> {
  const { status, headers, body } = answer;
  // HTTP/2's response has the same methods; its types do not say so.
  const writer = response as ServerResponse;
  const isHttp2 = "stream" in response;
  if (!isHttp2 && (closeAfter || !exchange.isDrained)) headers["connection"] = "close";
  if (isStreamed(body)) {
    writer.writeHead(status, headers);
    return await pump(exchange, body, writer);
  }
  if (status !== 204 && status !== 304) headers["content-length"] ??= String(lengthOf(body));
  writer.writeHead(status, headers);
  if (body === undefined || exchange.method === "HEAD") return void writer.end();
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  if (isHttp2 || bytes.length > mergedBytesMax) writer.end(bytes);
  // As a string it goes out with the head in one write, which is a quarter faster than head and bytes in two. In Latin-1,
  // as heads are; in UTF-8 Node would write the head so, too.
  else writer.end(bufferOf(bytes).toString("latin1"), "latin1");
}

async function pump(
  exchange: HttpExchange,
  body: AsyncIterable<Uint8Array>,
  writer: ServerResponse,
): Promise<void> {
  writer.flushHeaders();
  for await (const bytes of body) {
    if (exchange.isGone) return;
    if (!writer.write(bytes)) await writable(writer, exchange.isGone);
  }
  writer.end();
}

function onlyOrAll(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const [only] = chunks;
  return chunks.length === 1 && only ? only : Buffer.concat(chunks, size);
}

/** Proxies send whole URLs as the target, OPTIONS may send "*". */
function originForm(url: string): string {
  if (url.startsWith("/")) return url;
  const scheme = url.indexOf("://");
  const path = scheme === -1 ? -1 : url.indexOf("/", scheme + 3);
  return path === -1 ? "/" : url.slice(path);
}

/**
 * Repeated headers joined with "," as signatures want them, which Node's own `headers` does not do. Without a
 * prototype, for names come from the network. HTTP/2's `:authority` is the host too, and may be signed as either.
 */
function joinedHeaders(raw: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? "").toLowerCase();
    const value = raw[at + 1] ?? "";
    const known = headers[name];
    if (known === undefined) headers[name] = value;
    else if (name !== "host") headers[name] = `${known}${name === "cookie" ? "; " : ","}${value}`;
  }
  const authority = headers[":authority"];
  if (authority !== undefined) headers["host"] ??= authority;
  return headers;
}

function overloaded(): AwsError {
  return new AwsError("ServiceUnavailable", "Too many request bodies are in memory; please try again.", {
    status: 503,
  });
}
