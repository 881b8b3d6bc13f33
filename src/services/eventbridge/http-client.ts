/** One HTTP request to an address outside, in at most some seconds. What it answers is bounded. */
import type { Outgoing } from "../../events/outgoing.ts";
import { apiDestinationTimeoutMs, tokenResponseBytesMax } from "../../limits.ts";
import type { HttpRequest } from "./domain/http-request.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** Its beginning. */
  readonly body: string;
}

export type Http = (request: HttpRequest) => Promise<HttpAnswer>;

/** Rejects when there is no answer in time, or the address is forbidden. */
export function createHttp(outgoing: Outgoing): Http {
  return async (request) => {
    const signal = AbortSignal.timeout(apiDestinationTimeoutMs);
    const order = { ...request, signal, answerBytesMax: tokenResponseBytesMax };
    const { status, headers, body } = await outgoing(order);
    return { status, retryAfter: headers["retry-after"], body };
  };
}
