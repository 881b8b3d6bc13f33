/**
 * The heads of answers to plain requests, as `node:http` writes them: the same lines in the same order, and the same
 * refusal of what no header may hold, so that a client cannot tell who has answered.
 */
import type { Clock } from "../base/clock.ts";
import { STATUS_CODES, validateHeaderName, validateHeaderValue } from "../base/http.ts";
import { keepAliveMs } from "../limits.ts";
import type { WireResponse } from "../wire/protocol.ts";
import { isStreamed, lengthOf } from "./answer-body.ts";

export class AnswerHeads {
  readonly #clock: Clock;
  /** RFC 9110, 5.6.7: of `#second`, since the epoch. */
  #date = "";
  #second = Number.NaN;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** With the empty line. Sets the answer's length where it is known. Throws for a header that may not be sent. */
  of(answer: WireResponse, isLast: boolean): string {
    const { status, headers, body } = answer;
    const mayHaveBody = status !== 204 && status !== 304;
    if (mayHaveBody && !isStreamed(body)) headers["content-length"] ??= String(lengthOf(body));
    let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "unknown"}\r\n`;
    for (const name in headers) {
      const value = headers[name] ?? "";
      if (typeof value === "string") text += line(name, value);
      else for (const each of value) text += line(name, each);
    }
    if (headers["date"] === undefined) text += `Date: ${this.#now()}\r\n`;
    text += isLast ? "Connection: close\r\n" : persistent;
    if (mayHaveBody && headers["content-length"] === undefined) text += "Transfer-Encoding: chunked\r\n";
    return `${text}\r\n`;
  }

  #now(): string {
    const nowMs = this.#clock.now();
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#date = new Date(nowMs).toUTCString();
    }
    return this.#date;
  }
}

const persistent = `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(keepAliveMs / 1000)}\r\n`;

function line(name: string, value: string): string {
  validateHeaderName(name);
  validateHeaderValue(name, value);
  return `${name}: ${value}\r\n`;
}
