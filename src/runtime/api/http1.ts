/**
 * HTTP/1.1 requests out of bytes, in whatever pieces they come: a pull parser for the Runtime API's few endpoints.
 *
 * `push` adds bytes, `next` takes the next request that is whole. It does no I/O: `connection.ts` feeds it and writes.
 * Strict where leniency makes two readings possible (RFC 9112: bare LF, folded lines, length and chunked together), so
 * that nobody can smuggle; bounded in everything. A body over its limit is read to its end and thrown away. Where the
 * owner wants a body streamed, the request is there with its head, and the body's pieces follow as steps of their own.
 */
import { runtimeHeaderBytesMax } from "../../limits.ts";
import { ByteQueue } from "../byte-queue.ts";

export interface HttpRequest {
  readonly method: string;
  /** The target without its query, as it came. */
  readonly path: string;
  /** Names in lower case; values that were repeated are joined by ", ". Latin-1. */
  readonly headers: Headers;
  readonly trailers: Headers;
  readonly body: Body;
  /** False: no request may follow on this connection. */
  readonly isKeptAlive: boolean;
  readonly version: "1.0" | "1.1";
}

export type Headers = ReadonlyMap<string, string>;

export type Body =
  | { readonly kind: "whole"; readonly bytes: Uint8Array }
  | { readonly kind: "too-large" }
  /** The client stopped sending in the middle of it. */
  | { readonly kind: "truncated" }
  /** Follows in pieces. */
  | { readonly kind: "streamed" };

/** How a streamed body has ended. */
export type BodyEnd =
  | { readonly kind: "whole"; readonly trailers: Headers }
  /** The client stopped sending in the middle of it. */
  | { readonly kind: "truncated" };

export type Step =
  | { readonly kind: "more" }
  /** The client waits for leave to send its body; say so, then go on. */
  | { readonly kind: "continue" }
  | { readonly kind: "request"; readonly request: HttpRequest }
  | BodyStep
  /** Not HTTP, or not ours: answer with this status and close. */
  | { readonly kind: "bad"; readonly status: number };

/** Of the streamed body of the last request. A piece is not empty. */
export type BodyStep =
  | { readonly kind: "piece"; readonly bytes: Uint8Array }
  | { readonly kind: "body-end"; readonly end: BodyEnd };

export interface Head {
  readonly method: string;
  /** The target without its query. */
  readonly path: string;
  readonly version: "1.0" | "1.1";
  readonly headers: Map<string, string>;
}

/** Which bodies are streamed; asked once the head is there. */
export type IsStreamed = (head: Head) => boolean;

/** How the body's end is found, and how far it is. */
type Framing =
  | { readonly kind: "length"; remaining: number; readonly isTooLarge: boolean; readonly isStreamed: boolean }
  | {
      readonly kind: "chunked";
      readonly isStreamed: boolean;
      part: "size" | "content" | "end" | "trailers";
      remaining: number;
      isTooLarge: boolean;
    };

const headEnd = Buffer.from("\r\n\r\n");
const lineEnd = Buffer.from("\r\n");
const noHeaders: Headers = new Map();
const more: Step = { kind: "more" };
const streamed: Body = { kind: "streamed" };
const chunkSizeLineBytesMax = 1024;
/** Heads of polls that are remembered: ours have a tenth of it. */
const pollBytesMax = 1024;
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// oxlint-disable-next-line no-control-regex -- what makes two readings of a head possible
const strayControl = /\0|\r(?!\n)|(?<!\r)\n/;
const requestLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}) (\S{1,8192}) HTTP\/(\d)\.(\d)$/;

export class RequestParser {
  readonly #bodyBytesMax: number;
  readonly #pending = new ByteQueue();
  /** What has been unpacked of a chunked body. */
  readonly #unchunked = new ByteQueue();
  #searched = 0;
  #head: Head | undefined;
  /** The head of the last poll: the next one looks the same, and need not be parsed again. */
  #polled: { readonly text: string; readonly head: Head } | undefined;
  #framing: Framing = { kind: "length", remaining: 0, isTooLarge: false, isStreamed: false };
  #hasEnded = false;
  #isDone = false;
  readonly #isStreamed: IsStreamed;
  /** The body of the request that was handed out last is not at its end. */
  #isStreaming = false;

  constructor(bodyBytesMax: number, isStreamed: IsStreamed = never) {
    this.#bodyBytesMax = bodyBytesMax;
    this.#isStreamed = isStreamed;
  }

  /** Bytes that it keeps in memory. */
  get heldBytes(): number {
    return this.#pending.length + this.#unchunked.length;
  }

  /** Ignored after a request that was the connection's last. */
  push(chunk: Uint8Array): void {
    if (!this.#isDone) this.#pending.push(chunk);
  }

  /** Nothing more will be pushed. */
  end(): void {
    this.#hasEnded = true;
  }

  next(): Step {
    if (this.#isDone) return more;
    if (!this.#head) {
      const begun = this.#readHead();
      if (begun) return begun;
    }
    const framing = this.#framing;
    if (framing.isStreamed && !this.#isStreaming) return this.#open();
    const step = framing.kind === "length" ? this.#readLength(framing) : this.#readChunked(framing);
    if (step === more && this.#hasEnded) return this.#finish({ kind: "truncated" }, noHeaders);
    return step;
  }

  /** Hands the request out before its body. */
  #open(): Step {
    const head = this.#head;
    if (!head) return more;
    this.#isStreaming = true;
    const request = { ...head, trailers: noHeaders, body: streamed, isKeptAlive: keepsAlive(head) };
    return { kind: "request", request };
  }

  /** Answers a step if there is something to say before the body is read, undefined if the body is next. */
  #readHead(): Step | undefined {
    this.#skipEmptyLines();
    const view = this.#pending.view();
    const end = view.indexOf(headEnd, Math.max(0, this.#searched - 3));
    if (end < 0 || end > runtimeHeaderBytesMax) {
      this.#searched = view.length;
      return view.length > runtimeHeaderBytesMax ? this.#bad(431) : more;
    }
    this.#searched = 0;
    const text = this.#pending.take(end + 4).toString("latin1", 0, end);
    const head = text === this.#polled?.text ? this.#polled.head : parseHead(text);
    if (typeof head === "number") return this.#bad(head);
    if (head.method === "GET" && end <= pollBytesMax) this.#polled = { text, head };
    const framing = framingOf(head, this.#bodyBytesMax, this.#isStreamed(head));
    if (typeof framing === "number") return this.#bad(framing);
    this.#head = head;
    this.#framing = framing;
    return this.#answerExpectation(head, framing);
  }

  #skipEmptyLines(): void {
    // RFC 9112 2.2: a server should ignore an empty line before the request line; some clients send one after a body.
    while (startsWithLineEnd(this.#pending.view())) {
      this.#pending.drop(2);
      this.#searched = 0;
    }
  }

  #answerExpectation(head: Head, framing: Framing): Step | undefined {
    const expectation = head.headers.get("expect");
    if (expectation === undefined || head.version === "1.0") return undefined;
    if (expectation.toLowerCase() !== "100-continue") return this.#bad(417);
    if (framing.kind === "length" && framing.isTooLarge) {
      // It has not sent the body yet and need not: the final answer comes now, and the connection ends with it.
      head.headers.set("connection", "close");
      this.#isDone = true;
      return this.#finish({ kind: "too-large" }, noHeaders);
    }
    const isAwaited = framing.kind === "chunked" || framing.remaining > 0;
    return isAwaited && this.#pending.length === 0 ? { kind: "continue" } : undefined;
  }

  #readLength(framing: Framing & { readonly kind: "length" }): Step {
    if (framing.isStreamed && framing.remaining > 0) return this.#takePiece(framing);
    if (framing.isTooLarge) {
      const dropped = Math.min(framing.remaining, this.#pending.length);
      this.#pending.drop(dropped);
      framing.remaining -= dropped;
      return framing.remaining > 0 ? more : this.#finish({ kind: "too-large" }, noHeaders);
    }
    if (this.#pending.length < framing.remaining) return more;
    return this.#finish({ kind: "whole", bytes: this.#pending.take(framing.remaining) }, noHeaders);
  }

  #readChunked(framing: Framing & { readonly kind: "chunked" }): Step {
    for (;;) {
      switch (framing.part) {
        case "size": {
          const line = this.#takeLine(chunkSizeLineBytesMax);
          if (line === undefined) return more;
          const size = typeof line === "string" ? chunkSize(line) : undefined;
          if (size === undefined) return this.#bad(400);
          framing.remaining = size;
          framing.part = size === 0 ? "trailers" : "content";
          break;
        }
        case "content":
          if (framing.isStreamed && framing.remaining > 0) return this.#takePiece(framing);
          this.#unchunk(framing);
          if (framing.remaining > 0) return more;
          framing.part = "end";
          break;
        case "end":
          if (this.#pending.length < 2) return more;
          if (!this.#pending.take(2).equals(lineEnd)) return this.#bad(400);
          framing.part = "size";
          break;
        case "trailers":
          return this.#readTrailers(framing.isTooLarge);
      }
    }
  }

  /** As much of a streamed body as is here. */
  #takePiece(framing: Framing): Step {
    const count = Math.min(framing.remaining, this.#pending.length);
    if (count === 0) return more;
    framing.remaining -= count;
    return { kind: "piece", bytes: this.#pending.take(count) };
  }

  #unchunk(framing: Framing & { readonly kind: "chunked" }): void {
    const count = Math.min(framing.remaining, this.#pending.length);
    framing.remaining -= count;
    framing.isTooLarge ||= this.#unchunked.length + count > this.#bodyBytesMax;
    if (framing.isTooLarge) {
      this.#unchunked.clear();
      this.#pending.drop(count);
    } else if (count > 0) {
      this.#unchunked.push(this.#pending.take(count));
    }
  }

  #readTrailers(isTooLarge: boolean): Step {
    const view = this.#pending.view();
    const isEmpty = startsWithLineEnd(view);
    const end = isEmpty ? -2 : view.indexOf(headEnd, Math.max(0, this.#searched - 3));
    if (!isEmpty && (end < 0 || end > runtimeHeaderBytesMax)) {
      this.#searched = view.length;
      return view.length > runtimeHeaderBytesMax ? this.#bad(431) : more;
    }
    this.#searched = 0;
    const text = this.#pending.take(end + 4).toString("latin1", 0, Math.max(0, end));
    const trailers = isEmpty ? noHeaders : parseHeaders(text, 0);
    if (!trailers) return this.#bad(400);
    const bytes = this.#unchunked.take(this.#unchunked.length);
    return this.#finish(isTooLarge ? { kind: "too-large" } : { kind: "whole", bytes }, trailers);
  }

  /** A line without its end; undefined: not here yet; false: too long. */
  #takeLine(bytesMax: number): string | false | undefined {
    const view = this.#pending.view();
    const end = view.subarray(0, bytesMax + 2).indexOf(lineEnd);
    if (end < 0) return view.length > bytesMax ? false : undefined;
    return this.#pending.take(end + 2).toString("latin1", 0, end);
  }

  #finish(body: Body, trailers: Headers): Step {
    const head = this.#head;
    if (!head) return more;
    this.#head = undefined;
    const isKeptAlive = body.kind !== "truncated" && keepsAlive(head);
    if (!isKeptAlive) this.#isDone = true;
    if (this.#isStreaming) {
      this.#isStreaming = false;
      const end: BodyEnd = body.kind === "truncated" ? { kind: "truncated" } : { kind: "whole", trailers };
      return { kind: "body-end", end };
    }
    const { method, path, headers, version } = head;
    return { kind: "request", request: { method, path, headers, version, trailers, body, isKeptAlive } };
  }

  #bad(status: number): Step {
    this.#isDone = true;
    this.#pending.clear();
    this.#unchunked.clear();
    return { kind: "bad", status };
  }
}

function never(): boolean {
  return false;
}

/** Answers a status when it is not a request that can be served. */
function parseHead(text: string): Head | number {
  const found = text.indexOf("\r\n");
  const lineLength = found < 0 ? text.length : found;
  const [, method, target, major, minor] = requestLine.exec(text.slice(0, lineLength)) ?? [];
  if (!method || !target) return 400;
  if (major !== "1") return 505;
  const headers = parseHeaders(text, lineLength + 2);
  if (!headers) return 400;
  return { method, path: pathOf(target), version: minor === "0" ? "1.0" : "1.1", headers };
}

/** The lines of `text` from there on. */
function parseHeaders(text: string, from: number): Map<string, string> | undefined {
  if (strayControl.test(text)) return undefined;
  const headers = new Map<string, string>();
  for (let at = from; at < text.length;) {
    const found = text.indexOf("\r\n", at);
    const end = found < 0 ? text.length : found;
    const colon = text.indexOf(":", at);
    const name = text.slice(at, Math.max(at, colon)).toLowerCase();
    if (colon > end || !token.test(name)) return undefined;
    const value = withoutPadding(text, colon + 1, end);
    const earlier = headers.get(name);
    headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
    at = end + 2;
  }
  return headers;
}

/** Spaces and tabs only: `trim` would also take bytes that belong to a UTF-8 sequence. */
function withoutPadding(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isPadding(text.charCodeAt(start))) start += 1;
  while (end > start && isPadding(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isPadding(character: number): boolean {
  return character === 0x20 || character === 0x09;
}

function startsWithLineEnd(bytes: Buffer): boolean {
  return bytes[0] === 13 && bytes[1] === 10;
}

/** Origin form, or absolute form as proxies send it; the query belongs to no endpoint. */
function pathOf(target: string): string {
  const withoutOrigin = target.startsWith("/") ? target : target.replace(/^https?:\/\/[^/?]*/i, "");
  const query = withoutOrigin.indexOf("?");
  return (query < 0 ? withoutOrigin : withoutOrigin.slice(0, query)) || "/";
}

function framingOf({ headers, version }: Head, bodyBytesMax: number, isStreamed: boolean): Framing | number {
  const coding = headers.get("transfer-encoding");
  const length = headers.get("content-length");
  if (coding !== undefined) {
    if (length !== undefined || version === "1.0") return 400;
    if (coding.toLowerCase() !== "chunked") return 501;
    return { kind: "chunked", part: "size", remaining: 0, isTooLarge: false, isStreamed };
  }
  if (length === undefined) return { kind: "length", remaining: 0, isTooLarge: false, isStreamed };
  // A length that came twice is "5, 5" here, and refused.
  if (!/^\d{1,15}$/.test(length)) return 400;
  const remaining = Number(length);
  return { kind: "length", remaining, isTooLarge: !isStreamed && remaining > bodyBytesMax, isStreamed };
}

function chunkSize(line: string): number | undefined {
  const [size = ""] = line.split(";", 1);
  // Eight digits are 4 GiB; a chunk that long is far over every limit, and still counted right.
  return /^[0-9a-f]{1,8}$/i.test(size.trimEnd()) ? Number.parseInt(size, 16) : undefined;
}

function keepsAlive({ version, headers }: Head): boolean {
  const wish = headers.get("connection")?.toLowerCase() ?? "";
  return version === "1.1" ? !wish.includes("close") : wish.includes("keep-alive");
}
