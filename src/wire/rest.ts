/**
 * What restJson1 and restXml share: reading a request and writing a response by the HTTP bindings of their members.
 *
 * The protocol brings the form of bodies. Responses that HTTP gives no body (204, 304, HEAD) get none, whatever the
 * output holds. Header names are lower-case throughout, so that a bound Content-Type replaces the default.
 */
import { requestIdHeaders } from "./error-body.ts";
import { encodeEvents, eventStreamContentType, type EventFormat } from "./event-stream-shape.ts";
import { bindingsOf, writePayload, type BodyFormat } from "./http-binding.ts";
import type { Member, Operation } from "./model.ts";
import { overrides } from "./overrides.ts";
import { type Labels, moreHeaders, type Structure, type WireRequest, type WireResponse } from "./protocol.ts";

export interface RestFormat extends BodyFormat, EventFormat {
  /** The members of an output that are bound to nothing else; undefined: no body. */
  readonly writeBody: (operation: Operation, output: Structure) => string | Uint8Array | undefined;
}

export function readRest(
  operation: Operation,
  request: WireRequest,
  { labels, format }: { readonly labels: Labels; readonly format: BodyFormat },
): Structure {
  return bindingsOf(operation.input).read(request, labels, format);
}

export function writeRest(
  operation: Operation,
  output: Structure,
  { requestId, format }: { readonly requestId: string; readonly format: RestFormat },
): WireResponse {
  const bindings = bindingsOf(operation.output);
  const status =
    bindings.statusOf(output) ?? overriddenStatus(operation, output) ?? operation.http?.status ?? 200;
  const headers: Record<string, string> = {
    ...requestIdHeaders(requestId, operation.service),
    ...bindings.writeHeaders(output),
    ...(output as { readonly [moreHeaders]?: Record<string, string> })[moreHeaders],
  };
  if (!allowsBody(operation, status)) return { status, headers };
  const payload = bindings.payload;
  if (payload?.shape.isEventStream) {
    headers["content-type"] = eventStreamContentType; // over a bound Content-Type: Lambda binds one
    return { status, headers, body: encodeEvents(payload.shape, eventsOf(payload, output), format) };
  }
  if (payload) {
    const { body, contentType } = writePayload(payload, output[payload.name], format);
    if (contentType) headers["content-type"] ??= isInvoke(operation) ? "application/json" : contentType;
    return { status, headers, body: body ?? "" };
  }
  const body = format.writeBody(operation, output);
  if (body !== undefined) headers["content-type"] ??= format.contentType;
  return { status, headers, body: body ?? "" };
}

function overriddenStatus({ service, name }: Operation, output: Structure): number | undefined {
  return overrides[service.name]?.statuses?.[name]?.(output);
}

export function allowsBody(operation: Operation | undefined, status: number): boolean {
  return status !== 204 && status !== 304 && operation?.http?.method !== "HEAD";
}

export function eventsOf(member: Member, output: Structure): AsyncIterable<unknown> {
  return output[member.name] as AsyncIterable<unknown>;
}

/** Its blob goes out as JSON, which the model does not say (recalled: lambda-map 1.2). */
function isInvoke(operation: Operation): boolean {
  return operation.name === "Invoke" && operation.service.name === "lambda";
}
