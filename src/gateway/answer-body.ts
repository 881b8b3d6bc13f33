/** What the two ways of writing an answer to a socket (`http-exchange.ts`, `plain-connection.ts`) ask of its body. */
import type { Writable } from "node:stream";
import type { WireResponse } from "../wire/protocol.ts";

type Body = WireResponse["body"];

/** Bodies up to this size are merged with their head; copying larger ones would cost more than it saves. */
export const mergedBytesMax = 16 * 1024;

export function isStreamed(body: Body): body is AsyncIterable<Uint8Array> {
  return typeof body === "object" && !(body instanceof Uint8Array);
}

/** In bytes. */
export function lengthOf(body: Uint8Array | string | undefined): number {
  if (body === undefined) return 0;
  return typeof body === "string" ? Buffer.byteLength(body) : body.length;
}

/** Resolves when the writer takes more, or will take nothing any more. */
export function writable(writer: Writable, isGone: boolean): Promise<void> {
  return new Promise((resolve) => {
    if (isGone) return resolve();
    function settle() {
      writer.off("drain", settle);
      writer.off("close", settle);
      resolve();
    }
    writer.on("drain", settle);
    writer.on("close", settle);
  });
}
