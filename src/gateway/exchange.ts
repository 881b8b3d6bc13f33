/**
 * One request as a transport hands it to the pipeline: its head, a body that has not been read, and a signal for the
 * client's leaving. `http-exchange.ts` makes them from sockets, tests and the fuzzer from nothing.
 */
import type { RequestHead } from "../wire/sigv4-canonical.ts";

export interface Exchange extends RequestHead {
  readonly listener: Listener;
  readonly remoteAddress: string;
  /** The client has left: nobody reads the answer, and what fails now fails because of that. */
  readonly isGone: boolean;
  /** Aborted when the client goes away before it has its answer. Made when first asked for. */
  readonly signal: AbortSignal;
  /** The whole body; throws `BodyTooLarge` beyond `bytesMax`. Either this or `stream`, once. */
  collect(bytesMax: number): Promise<Uint8Array>;
  /** The body as it arrives, with back-pressure. Throws when the client goes away before its end. */
  stream(): AsyncIterable<Uint8Array>;
}

/** An address that the gateway listens on. */
export interface Listener {
  /** "http://127.0.0.1:4566". */
  readonly url: string;
  /** Whether admin routes are served here; never on the address that sandboxes reach. */
  readonly admin: boolean;
}

export class BodyTooLarge extends Error {
  override name = "BodyTooLarge";
}

export class ClientGone extends Error {
  override name = "ClientGone";
}

export const noBody: Uint8Array = new Uint8Array(0);
