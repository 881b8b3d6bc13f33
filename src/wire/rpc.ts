/**
 * What awsJson and the CBOR protocols share: the whole output is one body, or, for an operation that streams events, an
 * "initial-response" frame before them. The operation's HTTP bindings are ignored: any operation can be called by any
 * of these protocols.
 */
import { requestIdHeaders } from "./error-body.ts";
import { encodeEvents, eventStreamContentType, type EventFormat } from "./event-stream-shape.ts";
import type { Operation } from "./model.ts";
import { partOfShape } from "./part-of-shape.ts";
import { perShape } from "./per-shape.ts";
import type { Structure, WireRequest, WireResponse } from "./protocol.ts";
import { eventsOf } from "./rest.ts";
import { serializationError } from "./serialization.ts";

export type RpcFormat = EventFormat;

/** Streams are given only where the input has a streaming payload, which these protocols do not. */
export function collectedBody(request: WireRequest): Uint8Array {
  if (request.body instanceof Uint8Array) return request.body;
  throw serializationError("The body of this operation cannot be a stream");
}

export function writeRpc(
  operation: Operation,
  output: Structure,
  { requestId, format }: { readonly requestId: string; readonly format: RpcFormat },
): WireResponse {
  const headers = requestIdHeaders(requestId, operation.service);
  const stream = operation.output.members.find((member) => member.shape.isEventStream);
  if (stream) {
    const initial = format.write(withoutStream(operation.output), output);
    headers["content-type"] = eventStreamContentType;
    return {
      status: 200,
      headers,
      body: encodeEvents(stream.shape, eventsOf(stream, output), format, initial),
    };
  }
  headers["content-type"] = format.contentType;
  return { status: 200, headers, body: format.write(operation.output, output) };
}

const withoutStream = perShape((output) =>
  partOfShape(
    output,
    output.members.filter((member) => !member.shape.isEventStream),
  ),
);
