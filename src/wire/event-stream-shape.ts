/**
 * Events of a model in event-stream frames: the members of a streaming union, exceptions, and the "initial-response" of
 * RPC protocols.
 *
 * `encodeEvents` takes what a service yields, one `{ MemberName: event }` at a time, and pulls no faster than the client
 * reads. An AwsError that the service throws ends the stream with an exception frame; any other error breaks it.
 */
import { AwsError } from "./aws-error.ts";
import { decodeFrames, encodeFrame, type Frame, type HeaderValue } from "./event-stream.ts";
import type { Member, Shape } from "./model.ts";
import { partOfShape } from "./part-of-shape.ts";
import { perShape } from "./per-shape.ts";
import type { Structure } from "./protocol.ts";
import { serializationError } from "./serialization.ts";
import { bytesOf, plainText } from "./text-value.ts";
import { messageNameOf } from "./error-body.ts";

export const eventStreamContentType = "application/vnd.amazon.eventstream";

/** How the protocol writes structures: as in its bodies. */
export interface EventFormat {
  readonly contentType: string;
  readonly read: (shape: Shape, payload: Uint8Array) => Structure;
  readonly write: (shape: Shape, value: Structure) => Uint8Array | string;
}

/** `initial`: the output's other members, for protocols that have no headers to put them in. */
export async function* encodeEvents(
  union: Shape,
  events: AsyncIterable<unknown>,
  format: EventFormat,
  initial?: Uint8Array | string,
): AsyncGenerator<Uint8Array, void, void> {
  if (initial !== undefined) yield encodeFrame(eventFrame("initial-response", format.contentType, initial));
  try {
    for await (const event of events) yield encodeFrame(frameOf(union, event as Structure, format));
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    yield encodeFrame(errorFrame(union, error, format));
  }
}

/** Events as `{ MemberName: event }`; unknown ones, and "initial-response", are skipped. */
export async function* decodeEvents(
  union: Shape,
  portions: AsyncIterable<Uint8Array>,
  format: EventFormat,
): AsyncGenerator<Structure, void, void> {
  for await (const frame of decodeFrames(portions)) {
    const kind = frame.headers[":message-type"];
    if (kind === "error") throw errorOf(frame);
    const name = String(frame.headers[kind === "exception" ? ":exception-type" : ":event-type"]);
    const member = union.memberByName.get(name);
    if (member) yield { [name]: eventOf(member.shape, frame, format) };
  }
}

function frameOf(union: Shape, event: Structure, format: EventFormat): Frame {
  const member = union.members.find((m) => event[m.name] !== undefined && event[m.name] !== null);
  if (!member) throw new TypeError(`an event of ${union.name} has no known member`);
  const value = event[member.name] as Structure;
  if (member.shape.error) return exceptionFrame(member, value, format);
  const headers: Record<string, HeaderValue> = {};
  for (const header of member.shape.members.filter((m) => m.traits.eventHeader)) {
    const headerValue = value[header.name];
    if (headerValue !== undefined && headerValue !== null) {
      headers[header.name] =
        header.shape.kind === "long" ? BigInt(Number(headerValue)) : (headerValue as HeaderValue);
    }
  }
  const { contentType, payload } = payloadOf(member.shape, value, format);
  const frame = eventFrame(member.name, contentType, payload);
  return { ...frame, headers: { ...frame.headers, ...headers } };
}

function payloadOf(
  shape: Shape,
  value: Structure,
  format: EventFormat,
): { readonly contentType?: string; readonly payload: Uint8Array | string } {
  const bound = shape.members.find((m) => m.traits.eventPayload);
  if (!bound) {
    const unbound = shape.members.filter((m) => !m.traits.eventHeader);
    if (unbound.length === 0 && shape.members.length > 0) return { payload: "" };
    return { contentType: format.contentType, payload: format.write(bodyShapeOf(shape), value) };
  }
  const payload = value[bound.name] ?? "";
  switch (bound.shape.kind) {
    case "blob":
      return { contentType: "application/octet-stream", payload: bytesOf(payload) };
    case "string":
      return { contentType: "text/plain", payload: plainText(payload) };
    default:
      return { contentType: format.contentType, payload: format.write(bound.shape, payload as Structure) };
  }
}

function eventFrame(name: string, contentType: string | undefined, payload: Uint8Array | string): Frame {
  return {
    headers: {
      ":event-type": name,
      ...(contentType && { ":content-type": contentType }),
      ":message-type": "event",
    },
    payload: bytesOf(payload),
  };
}

function errorFrame(union: Shape, error: AwsError, format: EventFormat): Frame {
  const member = union.members.find((m) => m.shape.error && m.shape.name === error.code);
  if (member) {
    const members = { ...error.members, [messageNameOf(member.shape)]: error.message };
    return exceptionFrame(member, members, format);
  }
  return {
    headers: { ":message-type": "error", ":error-code": error.code, ":error-message": error.message },
    payload: Buffer.alloc(0),
  };
}

function exceptionFrame(member: Member, value: Structure, format: EventFormat): Frame {
  return {
    headers: {
      ":exception-type": member.name,
      ":content-type": format.contentType,
      ":message-type": "exception",
    },
    payload: bytesOf(format.write(member.shape, value)),
  };
}

function eventOf(shape: Shape, frame: Frame, format: EventFormat): Structure {
  const event: Structure = {};
  for (const member of shape.members) {
    if (member.traits.eventHeader) {
      const value = frame.headers[member.name];
      if (value !== undefined) event[member.name] = typeof value === "bigint" ? Number(value) : value;
    } else if (member.traits.eventPayload) {
      event[member.name] = payloadValue(member, frame.payload, format);
    }
  }
  if (shape.members.some((m) => m.traits.eventPayload)) return event;
  return { ...format.read(bodyShapeOf(shape), frame.payload), ...event };
}

function payloadValue(member: Member, payload: Uint8Array, format: EventFormat): unknown {
  if (member.shape.kind === "blob") return payload;
  if (member.shape.kind === "string") return Buffer.from(payload).toString("utf8");
  return format.read(member.shape, payload);
}

function errorOf(frame: Frame): AwsError {
  const code = frame.headers[":error-code"];
  if (typeof code !== "string") return serializationError("An error frame without a code");
  return new AwsError(code, String(frame.headers[":error-message"] ?? ""));
}

/** Without the members that travel as headers. One object per shape, as codecs cache by it. */
const bodyShapeOf = perShape((shape) =>
  partOfShape(
    shape,
    shape.members.filter((m) => !m.traits.eventHeader),
  ),
);
